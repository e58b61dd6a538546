//! Entitlements: none comes by itself, one that is given takes a while, and a group may give it.

use std::time::Duration;

use lakekey_core::{Command, Config};
use lakekey_emulator::{Seed, Spread, SpreadKind};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use super::places::of_kind;

fn with(stage: Stage, entitlements: Value) -> Stage {
    stage.target(|target| {
        let target = target.as_object_mut().unwrap();
        match entitlements {
            Value::Null => drop(target.remove("entitlements")),
            list => drop(target.insert("entitlements".to_owned(), list)),
        }
    })
}

/// Puts the principal into the workspace with these entitlements, and its permission.
fn in_workspace(stage: Stage, own: &[&str], by_group: &[&str]) -> Stage {
    let application_id = stage.emulator.world(|world| world.seeded.client_id.clone());
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for seed in [
        Seed::Principal {
            workspace: 0,
            application_id: application_id.clone(),
            display_name: None,
            groups: vec!["analysts".to_owned()],
            entitlements: Some(owned(own)),
        },
        Seed::TokenPermission { workspace: 0, service_principal_name: application_id },
        Seed::GroupEntitlements { workspace: 0, group: "analysts".to_owned(), entitlements: owned(by_group) },
    ] {
        stage.emulator.seed(seed).unwrap();
    }
    stage
}

/// The entitlements that the principal has itself.
fn own(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let id = world.seeded.client_id.clone();
        world.workspaces[0].member(&id).unwrap().entitlements.clone()
    })
}

fn state(ran: &Ran) -> Vec<&'static str> {
    let of = |step: &&lakekey_core::StepReport| step.step.as_str() == "add-entitlements";
    ran.first().steps.iter().filter(of).map(|step| step.state.as_str()).collect()
}

#[test]
fn a_principal_for_which_nothing_is_named_gets_workspace_access_and_one_for_which_something_is_gets_that() {
    for (named, expected) in [
        (Value::Null, &["workspace-access"][..]),
        (json!(["databricks-sql-access"]), &["databricks-sql-access"]),
        (json!(["workspace-consume"]), &["workspace-consume"]),
    ] {
        let stage = with(Stage::new(), named.clone());
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{named}: {}", ran.output);
        assert_eq!(own(&stage), expected, "{named}");
    }
    // Nobody gives anything where the configuration wants none, and the workspace then refuses everything.
    let stage = with(Stage::new(), json!([]));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.code(), own(&stage)), (Some("entitlement-missing"), Vec::new()), "{}", ran.output);
}

#[test]
fn an_entitlement_is_waited_for_by_its_effect_for_ten_minutes() {
    for (seconds, code) in [(540, None), (660, Some("entitlement-missing"))] {
        let stage = with(in_workspace(Stage::new(), &[], &[]), Value::Null);
        let slow = Spread { ms: seconds * 1000, ..Spread::default() };
        stage.emulator.world(|world| world.spread.set(SpreadKind::Entitlement, slow));
        let begun = stage.emulator.now_ms();
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!(ran.code(), code, "{}", ran.output);
        let waited = Duration::from_millis(stage.emulator.now_ms().abs_diff(begun)).as_secs();
        assert!((530..640).contains(&waited), "{waited} s");
        assert_eq!(own(&stage), ["workspace-access"]);
    }
}

#[test]
fn what_a_group_gives_is_seen_where_the_workspace_says_it_and_given_again_where_it_does_not() {
    let by_group = || with(in_workspace(Stage::new(), &[], &["databricks-sql-access"]), Value::Null);
    let stage = by_group();
    for ran in [Machine::new(&stage).run(Command::Plan), Machine::new(&stage).run(Command::Provision)] {
        assert_eq!((ran.code(), state(&ran)), (None, Vec::<&str>::new()), "{}", ran.output);
    }
    assert_eq!(own(&stage), Vec::<String>::new());
    let stage = by_group();
    stage.emulator.seed(Seed::LacksIamV2 { workspace: 0 }).unwrap();
    assert_eq!(state(&Machine::new(&stage).run(Command::Plan)), ["would"]);
    assert_eq!(Machine::new(&stage).run(Command::Provision).code(), None);
    assert_eq!(own(&stage), ["workspace-access"]);
}

#[test]
fn doctor_tells_a_missing_entitlement_from_one_that_may_come_through_a_group() {
    let named = json!(["databricks-sql-access"]);
    for (has, by_group, iam_v2, named, states, code) in [
        (&["workspace-access"][..], &[][..], true, Value::Null, "ok", None),
        (&[], &["workspace-access"], true, Value::Null, "ok", None),
        (&[], &["workspace-access"], false, Value::Null, "unknown", None),
        (&[], &[], true, Value::Null, "unknown", Some("entitlement-missing")),
        (&["workspace-access"], &["databricks-sql-access"], true, named.clone(), "ok", None),
        (&["workspace-access"], &[], true, named.clone(), "missing", Some("entitlement-missing")),
        (
            &["workspace-access"],
            &["databricks-sql-access"],
            false,
            named.clone(),
            "missing",
            Some("entitlement-missing"),
        ),
    ] {
        let what = format!("{has:?} {by_group:?} {iam_v2} {named}");
        let stage = with(in_workspace(Stage::new(), has, by_group), named);
        if !iam_v2 {
            stage.emulator.seed(Seed::LacksIamV2 { workspace: 0 }).unwrap();
        }
        let ran = Machine::new(&stage).run(Command::Doctor);
        assert_eq!((state(&ran), ran.code()), (vec![states], code), "{what}: {}", ran.output);
        let status = ran.report.as_ref().unwrap().exit_status();
        assert_eq!(status, u8::from(code.is_some()), "{what}");
    }
}

#[test]
fn workspace_consume_does_not_go_with_another_entitlement_in_the_file_or_in_the_workspace() {
    let stage = with(Stage::new(), json!(["workspace-consume", "workspace-access"]));
    let error = Config::from_value(stage.document, &stage.environment).expect_err("it is refused");
    assert_eq!(error.key(), Some("targets[0].entitlements"));
    for (has, named) in [("workspace-access", "workspace-consume"), ("workspace-consume", "workspace-access")]
    {
        let stage = with(in_workspace(Stage::new(), &[has], &[]), json!([named]));
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!(ran.code(), Some("config-invalid-value"), "{}", ran.output);
        assert_eq!(ran.writes(), Vec::<String>::new());
    }
    // Who has it and is to have nothing else is left alone.
    let stage = with(in_workspace(Stage::new(), &["workspace-consume"], &[]), Value::Null);
    assert_eq!(Machine::new(&stage).run(Command::Provision).code(), None);
    assert_eq!(own(&stage), ["workspace-consume"]);
}

#[test]
fn a_target_without_a_pat_needs_no_permission_for_tokens_and_no_setting_of_them() {
    for kind in ["oauth-secret", "client-secret"] {
        let stage = of_kind(kind);
        stage.emulator.advance(Duration::from_secs(86_400));
        stage.emulator.world(|world| {
            let workspace = &mut world.workspaces[0];
            workspace.conf.insert("enableTokensConfig".to_owned(), "false".to_owned());
            workspace.grants.clear();
            workspace.tokens_ever_made = false;
        });
        let token = stage.emulator.world(|world| {
            let admin = lakekey_emulator::Subject::User(world.workspaces[0].members[0].name.clone());
            world.issue_bearer("2ff814a6-3304-4ab8-85cb-cd0e6f879c1d", admin, &[], 3_600_000)
        });
        // Tokens are off, so that the admin signs in otherwise.
        let mut stage = stage.target(|target| {
            target["admin"] = json!({"type": "access-token", "token": {"env": "ADMIN_ENTRA"}});
        });
        stage.environment.0.insert("ADMIN_ENTRA".to_owned(), token);
        for command in [Command::Plan, Command::Doctor, Command::Provision, Command::Rotate { force: true }] {
            let ran = Machine::new(&stage).run(command.clone());
            assert_eq!(ran.code(), None, "{kind} {command:?}: {}", ran.output);
            let asked = |sent: &&lakekey_tests::wire::Sent| {
                sent.path.contains("/authorization/tokens") || sent.path.contains("/workspace-conf")
            };
            assert_eq!(ran.sent.iter().filter(asked).count(), 0, "{kind} {command:?}");
        }
    }
}
