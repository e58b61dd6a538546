//! What the configuration decides: adoption, scopes, overlap, lifetimes, the workspace's settings.

use std::time::Duration;

use lakekey_core::Command;
use lakekey_tests::invariants::{self, Others};
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    stage
}

/// Gives the principal a PAT that somebody made by hand, and returns its id.
fn by_hand(stage: &Stage) -> String {
    let own = stage.emulator.world(|world| world.seeded.client_id.clone());
    stage.emulator.world(|world| {
        let expiry = world.now_ms() + 300 * 86_400_000;
        let value = world.seed_pat(0, &own, "made by hand", expiry);
        world.workspaces[0].tokens.iter().find(|token| token.value == value).unwrap().id.clone()
    })
}

fn lives(stage: &Stage, id: &str) -> bool {
    stage.emulator.world(|world| world.workspaces[0].tokens.iter().any(|token| token.id == id))
}

fn scopes(stage: &Stage) -> Vec<Option<Vec<String>>> {
    stage.emulator.world(|world| {
        world.workspaces[0]
            .tokens
            .iter()
            .filter(|t| t.comment.contains("[lakekey "))
            .map(|t| t.rights.scopes.clone())
            .collect()
    })
}

#[test]
fn an_analyst_groups_permission_and_tokens_survive_provisioning_and_rotation() {
    let stage = Stage::new();
    let before = stage.emulator.world(|world| Others::of(world));
    let grants = stage.emulator.world(|world| world.workspaces[0].grants.clone());
    let stage = provisioned(stage);
    stage.emulator.advance(DAY * 61);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "rotated");
    assert_eq!(stage.emulator.world(|world| Others::of(world)), before);
    let after = stage.emulator.world(|world| world.workspaces[0].grants.clone());
    assert!(grants.iter().all(|grant| after.contains(grant)), "nobody has lost a permission");
}

#[test]
fn a_pat_that_lakekey_did_not_make_is_never_touched_unless_adopted() {
    let stage = provisioned(Stage::new());
    let hand_made = by_hand(&stage);
    stage.emulator.advance(DAY * 61);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "rotated");
    assert!(lives(&stage, &hand_made));
}

#[test]
fn an_adopted_pat_is_superseded_once_its_successor_is_delivered() {
    for adopt in [json!("all"), Value::Null] {
        let stage = provisioned(Stage::new());
        let hand_made = by_hand(&stage);
        let adopt = if adopt.is_null() { json!([hand_made]) } else { adopt };
        let stage = stage.target(|target| target["token"]["adopt"] = adopt);
        stage.emulator.advance(DAY * 61);
        let ran = Machine::new(&stage).watched(invariants::never_without("adopted")).run(ROTATE);
        assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
        assert!(!lives(&stage, &hand_made));
    }
}

#[test]
fn the_pat_of_another_target_of_the_same_principal_is_left_alone() {
    let mut stage = Stage::new();
    let mut second = stage.document["targets"][0].clone();
    second["name"] = json!("dashboards");
    second["deliver"][0]["secret"] = json!("DASHBOARDS_TOKEN");
    stage.document["targets"].as_array_mut().unwrap().push(second);
    let stage = provisioned(stage);
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).watched(invariants::never_without("two targets")).run(ROTATE);
    let outcomes: Vec<&str> =
        ran.report.as_ref().unwrap().targets.iter().map(|t| t.outcome.as_str()).collect();
    assert_eq!(outcomes, ["rotated", "rotated"]);
    assert_eq!(scopes(&stage).len(), 2, "one PAT a target");
}

#[test]
fn scopes_are_asked_for_and_inherited_by_the_successor() {
    let stage = provisioned(Stage::new().target(|target| target["token"]["scopes"] = json!(["sql"])));
    assert_eq!(scopes(&stage), [Some(vec!["sql".to_owned()])]);
    let stage = stage.target(|target| drop(target["token"].as_object_mut().unwrap().remove("scopes")));
    stage.emulator.advance(DAY * 61);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "rotated");
    assert_eq!(scopes(&stage), [Some(vec!["sql".to_owned()])], "inherited");
    let stage = stage.target(|target| target["token"]["scopes"] = json!("all"));
    stage.emulator.advance(DAY * 61);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "rotated");
    assert_eq!(scopes(&stage), [None]);
}

#[test]
fn during_an_overlap_two_pats_live_and_after_it_one() {
    let stage = provisioned(Stage::new().overlap("24h"));
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.first().left_over.len(), ran.first().revoked.len()), ("rotated", 1, 0));
    assert_eq!(scopes(&stage).len(), 2);
    stage.emulator.advance(DAY / 2);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "not-due");
    assert_eq!(scopes(&stage).len(), 2, "the overlap is not over");
    stage.emulator.advance(DAY);
    let cleaned = Machine::new(&stage).run(ROTATE);
    assert_eq!((cleaned.outcome(), cleaned.first().revoked.len()), ("not-due", 1));
    invariants::converged(&stage.emulator, 1, "overlap");
}

#[test]
fn a_sink_that_is_added_later_gets_a_credential_at_the_next_run() {
    let stage = provisioned(Stage::new());
    let stage = stage.target(|target| {
        let more = json!({"type": "github-secret", "repository": "acme/data", "secret": "SECOND_TOKEN"});
        target["deliver"].as_array_mut().unwrap().push(more);
    });
    stage.emulator.advance(DAY);
    assert_eq!(Machine::new(&stage).dry_run(ROTATE).outcome(), "due");
    assert_eq!(
        Machine::new(&stage).watched(invariants::never_without("added")).run(ROTATE).outcome(),
        "rotated"
    );
    invariants::converged(&stage.emulator, 2, "added");
}

#[test]
fn a_lifetime_over_the_workspaces_maximum_is_refused_by_name_before_anything_changes() {
    let stage = Stage::new();
    stage
        .emulator
        .world(|world| world.workspaces[0].conf.insert("maxTokenLifetimeDays".to_owned(), "30".to_owned()));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("lifetime-over-maximum"));
    assert_eq!(ran.first().error.as_ref().unwrap().key(), Some("targets[0].token.lifetime"));
    assert_eq!(ran.writes(), Vec::<String>::new());
    // The workspace was asked, so that the target has failed and not the configuration.
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1);
}

#[test]
fn a_rotation_into_a_lowered_maximum_is_refused_by_name_and_keeps_the_old_credential() {
    let stage = provisioned(Stage::new());
    stage
        .emulator
        .world(|world| world.workspaces[0].conf.insert("maxTokenLifetimeDays".to_owned(), "30".to_owned()));
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).watched(invariants::never_without("maximum")).run(ROTATE);
    assert_eq!(ran.code(), Some("lifetime-over-maximum"), "{}", ran.output);
    assert_eq!(ran.first().error.as_ref().unwrap().key(), Some("targets[0].token.lifetime"));
}

#[test]
fn tokens_that_are_switched_off_are_reported_and_nothing_is_changed() {
    let stage = Stage::new().without_tokens();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.code(), ran.writes().len()), (Some("tokens-disabled"), 0));
}

#[test]
fn tokens_that_are_switched_off_are_switched_on_when_told() {
    let stage = Stage::new().without_tokens().target(|target| target["allow-enable-tokens"] = json!(true));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned", "{}", ran.output);
}

#[test]
fn an_admins_pat_that_is_refused_since_tokens_are_switched_off_is_explained() {
    let stage = Stage::new();
    stage
        .emulator
        .world(|world| world.workspaces[0].conf.insert("enableTokensConfig".to_owned(), "false".to_owned()));
    let ran = Machine::new(&stage).run(Command::Provision);
    let error = ran.first().error.as_ref().unwrap();
    assert_eq!((error.code().as_str(), error.step().as_str()), ("credential-invalid", "sign-in-admin"));
    assert!(error.hint().contains("switched off"), "{}", error.hint());
}

#[test]
fn a_workspace_in_which_no_token_was_ever_made_is_provisioned_all_the_same() {
    let stage = Stage::new();
    stage.emulator.world(|world| {
        world.workspaces[0].tokens.retain(|token| token.owner.starts_with("admin@"));
        world.workspaces[0].tokens_ever_made = false;
        world.workspaces[0].grants.clear();
    });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let admins = stage
        .emulator
        .world(|world| world.workspaces[0].tokens.iter().filter(|t| t.owner.starts_with("admin@")).count());
    assert_eq!(admins, 1, "the throw-away token is gone");
}

#[test]
fn a_workspace_that_cannot_change_a_comment_is_served_by_the_dates_of_the_sinks() {
    let stage = Stage::new();
    stage.emulator.world(|world| world.workspaces[0].lacks_token_update = true);
    let stage = provisioned(stage);
    stage.emulator.advance(DAY);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "not-due");
    stage.emulator.advance(DAY * 60);
    assert_eq!(
        Machine::new(&stage).watched(invariants::never_without("older")).run(ROTATE).outcome(),
        "rotated"
    );
    invariants::converged(&stage.emulator, 1, "older workspace");
}

#[test]
fn the_tenant_is_asked_of_the_workspace_where_it_is_left_out() {
    let stage =
        Stage::new().target(|target| drop(target["principal"].as_object_mut().unwrap().remove("tenant-id")));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned", "{}", ran.output);
    assert!(ran.sent.iter().any(|sent| sent.path == "/aad/auth"));
}

#[test]
fn a_fleet_is_served_and_one_target_that_fails_keeps_no_other_from_it() {
    let stage = Stage::with_workspaces(6);
    stage.emulator.world(|world| {
        world.workspaces[2].conf.insert("enableTokensConfig".to_owned(), "false".to_owned());
    });
    let ran = Machine::new(&stage).run(Command::Provision);
    let outcomes: Vec<&str> =
        ran.report.as_ref().unwrap().targets.iter().map(|t| t.outcome.as_str()).collect();
    assert_eq!(
        outcomes,
        ["provisioned", "provisioned", "failed", "provisioned", "provisioned", "provisioned"]
    );
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1);
    let sign_ins = ran.sent.iter().filter(|sent| sent.path.ends_with("/oauth2/v2.0/token")).count();
    assert_eq!(sign_ins, 1, "one sign-in a principal a run");
}

#[test]
fn a_missing_environment_variable_is_named_and_nothing_is_sent() {
    let mut stage = Stage::new();
    stage.environment.0.remove("CLIENT_SECRET");
    let error = Machine::new(&stage).refused(ROTATE);
    assert_eq!(
        (error.code().as_str(), error.key()),
        ("config-missing-secret", Some("targets[0].auth.client-secret"))
    );
    assert!(stage.emulator.requests().is_empty());
}

#[test]
fn two_places_never_give_two_targets_one_name() {
    let long = "a".repeat(80);
    let name = |environment: Option<&str>, secret: &str| {
        let stage = Stage::new().target(|target| {
            drop(target.as_object_mut().unwrap().remove("name"));
            target["deliver"][0]["secret"] = json!(secret);
            if let Some(environment) = environment {
                target["deliver"][0]["environment"] = json!(environment);
            }
        });
        stage.config().targets()[0].name().to_owned()
    };
    let names = [
        name(None, "T"),
        name(Some("prod"), "T"),
        name(Some("prod/eu"), "T"),
        name(Some("prod.eu"), "T"),
        name(Some(&long), "T"),
        name(Some(&long), "U"),
    ];
    assert_eq!(names[0], "acme.data.T");
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
    assert!(names.iter().all(|name| name.len() <= 64));
}
