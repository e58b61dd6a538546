//! Every place of delivery at once: each is written, each is read as its users read it, and nothing beside it
//! changes.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use lakekey_core::Command;
use lakekey_emulator::{Emulator, GroupVariable, VariableGroup};
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const VAULT: &str = "https://acme.vault.azure.net";
const FORCED: Command = Command::Rotate { force: true };

/// Sets the stage with every sink that the core has, a webhook and a scope that is not there yet among them.
fn stage() -> Stage {
    let mut stage = Stage::new().every_sink().target(|target| {
        let sinks = target["deliver"].as_array_mut().unwrap();
        sinks.push(json!({"type": "databricks-secret", "scope": "made-by-lakekey", "key": "token",
            "create-scope": true}));
        sinks.push(json!({"type": "webhook", "url": "https://hooks.example/catalog",
            "key": {"env": "HOOK_KEY"}}));
        for sink in sinks {
            if sink["type"] == "key-vault" {
                sink["tags"] = json!({"team": "data"});
            }
            if sink["type"] == "azure-devops-variable" {
                sink["group"] = json!("Databricks");
            }
        }
    });
    stage.environment.0.insert("HOOK_KEY".to_owned(), "hook-key".to_owned());
    let reports = stage.emulator.world(|world| {
        world.add_devops_project("reports");
        world.azure_devops.projects.iter().find(|project| project.name == "reports").unwrap().clone()
    });
    in_group(&stage.emulator, |group| {
        group.references.push((
            reports,
            "databricks (shared)".to_owned(),
            Some("for the reports".to_owned()),
        ));
        group.description = Some("of the data team".to_owned());
    });
    stage
}

/// Reads or changes the variable group.
fn in_group<T>(emulator: &Emulator, act: impl FnOnce(&mut VariableGroup) -> T) -> T {
    emulator.world(|world| {
        act(world.azure_devops.groups.iter_mut().find(|group| group.name == "databricks").unwrap())
    })
}

fn group(emulator: &Emulator) -> VariableGroup {
    in_group(emulator, |group| group.clone())
}

/// Returns value, id and end of the principal's newest PAT.
fn newest(emulator: &Emulator) -> (String, String, i64) {
    emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        let now = world.now_ms();
        let token = world.workspaces[0]
            .live_tokens(now)
            .filter(|token| token.owner == client)
            .max_by_key(|token| token.created_ms)
            .unwrap();
        (token.value.clone(), token.id.clone(), token.expiry_ms)
    })
}

fn every_sink_holds_the_newest(emulator: &Emulator) {
    let (value, id, expiry) = newest(emulator);
    emulator.world(|world| {
        assert_eq!(world.vault_value(VAULT, "databricks-token"), Some(value.as_str()));
        let version = world.vault_versions(VAULT, "databricks-token").last().unwrap().clone();
        let tags =
            [("lakekey-credential-id", id.as_str()), ("lakekey-target", "catalog-prod"), ("team", "data")];
        assert_eq!(version.tags, tags.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
        assert_eq!(version.expires, Some(expiry.div_euclid(1000)));
        for (scope, key) in [("integrations", "catalog-token"), ("made-by-lakekey", "token")] {
            let scope = world.workspaces[0].scopes.iter().find(|candidate| candidate.name == scope).unwrap();
            assert_eq!(scope.secrets[key].value, value.as_bytes());
        }
        let posted: Value = serde_json::from_slice(&world.webhooks.last().unwrap().body).unwrap();
        assert_eq!(
            (posted["value"].as_str(), posted["credential-id"].as_str()),
            (Some(value.as_str()), Some(id.as_str()))
        );
        let written: Vec<_> =
            world.github.secrets().map(|(_, name, secret)| (name.to_owned(), secret.value.clone())).collect();
        assert_eq!(written, vec![("DATABRICKS_TOKEN".to_owned(), value.clone()); 2]);
    });
    let variable = group(emulator).variable("DATABRICKS_TOKEN").cloned();
    assert_eq!(variable, Some(GroupVariable { value: Some(value), secret: true, read_only: false }));
}

#[test]
fn each_rotation_writes_every_sink_and_leaves_all_beside_it_as_it_was() {
    let stage = stage();
    let before = group(&stage.emulator);
    for (seed, command) in [(1, Command::Provision), (2, FORCED)] {
        let ran = Machine::new(&stage).seed(seed).run(command);
        assert_eq!(ran.code(), None, "{}", ran.output);
        every_sink_holds_the_newest(&stage.emulator);
        let after = group(&stage.emulator);
        let others = |group: &VariableGroup| {
            let mut variables = group.variables.clone();
            variables.retain(|(name, _)| name != "DATABRICKS_TOKEN");
            variables.sort_by(|a, b| a.0.cmp(&b.0));
            variables
        };
        assert_eq!(others(&after), others(&before));
        let about = |group: &VariableGroup| {
            let references: Vec<_> = group
                .references
                .iter()
                .map(|(p, name, text)| (p.id.clone(), name.clone(), text.clone()))
                .collect();
            (group.name.clone(), group.description.clone(), references)
        };
        assert_eq!(about(&after), about(&before));
        stage.emulator.advance(DAY);
        assert_eq!(Machine::new(&stage).run(Command::Rotate { force: false }).outcome(), "not-due");
    }
}

#[test]
fn a_sink_that_refuses_leaves_a_partial_delivery_that_the_next_run_heals() {
    let stage = stage();
    let _ = Machine::new(&stage).run(Command::Provision);
    stage.emulator.advance(DAY);
    let (before, ..) = newest(&stage.emulator);
    let client = stage.emulator.world(|world| world.seeded.client_id.clone());
    stage.emulator.world(|world| world.vaults.access.get_mut(&client).unwrap().remove("set"));
    let ran = Machine::new(&stage).seed(2).run(FORCED);
    assert_eq!(ran.outcome(), "partial", "{}", ran.output);
    let errors: Vec<_> =
        ran.first().delivered.iter().filter_map(|delivered| delivered.error.as_ref()).collect();
    let [error] = errors[..] else { panic!("one sink has failed: {errors:?}") };
    assert_eq!(error.code().as_str(), "sink-permission-missing");
    assert!(error.hint().contains("Key Vault Secrets Officer"), "{}", error.hint());
    stage.emulator.world(|world| {
        assert_eq!(world.vault_value(VAULT, "databricks-token"), Some(before.as_str()));
        assert!(
            world.workspaces[0].live_tokens(world.now_ms()).any(|token| token.value == before),
            "what the vault holds still works"
        );
        world.allow_in_vaults(&client, &["set"]);
    });
    stage.emulator.advance(DAY);
    let healed = Machine::new(&stage).seed(3).run(Command::Rotate { force: false });
    assert_eq!(healed.outcome(), "rotated", "{}", healed.output);
    every_sink_holds_the_newest(&stage.emulator);
}

#[test]
fn somebody_elses_edit_of_the_group_right_after_the_write_is_noticed_and_both_stand() {
    let stage = stage();
    let _ = Machine::new(&stage).run(Command::Provision);
    stage.emulator.advance(DAY);
    let edited = Rc::new(Cell::new(false));
    let once = edited.clone();
    let ran = Machine::new(&stage)
        .seed(2)
        .watched(Rc::new(move |emulator: &Emulator| {
            let last = emulator.requests().pop();
            if once.get()
                || !last
                    .is_some_and(|record| record.method == "PUT" && record.path.contains("variablegroups"))
            {
                return;
            }
            once.set(true);
            in_group(emulator, |group| {
                let added = GroupVariable { value: Some("by Ada".to_owned()), ..GroupVariable::default() };
                group.variables.push(("ADDED".to_owned(), added));
                group.modified_ms += 1;
                group.modified_by = "Ada".to_owned();
            });
        }))
        .run(FORCED);
    assert!(edited.get());
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    assert!(
        ran.events.iter().any(|event| event.message.contains("Ada edited the variable group Databricks")),
        "{}",
        ran.output
    );
    assert_eq!(
        group(&stage.emulator).variable("ADDED").and_then(|added| added.value.clone()).as_deref(),
        Some("by Ada")
    );
    every_sink_holds_the_newest(&stage.emulator);
}

#[test]
fn a_secret_that_was_deleted_in_the_vault_is_told_before_a_credential_is_made() {
    let stage = stage();
    let _ = Machine::new(&stage).run(Command::Provision);
    stage.emulator.advance(DAY);
    let before = newest(&stage.emulator);
    stage.emulator.world(|world| {
        let now = world.now_ms();
        world.vaults.secrets.values_mut().for_each(|secret| secret.deleted_ms = Some(now));
    });
    let ran = Machine::new(&stage).seed(2).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("failed", Some("sink-secret-deleted")), "{}", ran.output);
    assert_eq!(newest(&stage.emulator), before, "nothing was made");
}

#[test]
fn places_that_are_not_there_are_told_before_a_credential_is_made() {
    for (change, code, words) in [
        (
            json!({"organization": "elsewhere"}),
            "sink-not-found",
            "there is no organisation https://dev.azure.com/elsewhere",
        ),
        (json!({"project": "nowhere"}), "sink-not-found", "has no project nowhere"),
        (json!({"project": "other"}), "sink-not-found", "may be in another project"),
        (json!({"group": "nothing"}), "sink-not-found", "may be in another project"),
    ] {
        let stage = stage().target(|target| {
            let sinks = target["deliver"].as_array_mut().unwrap();
            let sink = sinks.iter_mut().find(|sink| sink["type"] == "azure-devops-variable").unwrap();
            for (key, value) in change.as_object().unwrap() {
                sink[key] = value.clone();
            }
        });
        stage.emulator.world(|world| world.add_devops_project("other"));
        let made = |stage: &Stage| {
            stage.emulator.requests().iter().filter(|record| record.path.ends_with("token/create")).count()
        };
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("failed", Some(code)), "{}", ran.output);
        assert!(ran.first().error.as_ref().unwrap().hint().contains(words), "{}", ran.output);
        assert_eq!(made(&stage), 0, "{}", ran.output);
    }
}
