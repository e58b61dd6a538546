//! The emergency brake: it lists before it acts, acts by the owner, and says only what is so.

use std::time::Duration;

use lakekey_core::{Command, Revocation, RunRequest, State};
use lakekey_emulator::{Fault, FaultKind, Seed};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);

/// A principal with a delivered PAT, one of a target that is configured, one of a target that is not, one
/// made by hand, and one that the admin made for it.
fn stage() -> Stage {
    let mut stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY);
    let (owner, admin) = stage.emulator.world(|world| {
        let admin = world.workspaces[0].members.iter().find(|member| member.is_admin()).unwrap();
        (world.seeded.client_id.clone(), admin.name.clone())
    });
    let pat = |comment: &str, created_by: Option<String>| {
        let (owner, comment) = (owner.clone(), comment.to_owned());
        let seed = Seed::Pat {
            workspace: 0,
            owner,
            comment,
            lifetime_seconds: Some(86_400 * 30),
            created_by,
            scopes: Vec::new(),
            autoscope: None,
        };
        stage.emulator.seed(seed).unwrap();
    };
    pat("[lakekey target=neighbour op=a phase=active]", None);
    pat("[lakekey target=forgotten op=b phase=active]", None);
    pat("made by hand", None);
    pat("on behalf of it", Some(admin));
    let mut neighbour = stage.document["targets"][0].clone();
    neighbour["name"] = json!("neighbour");
    neighbour["deliver"][0]["secret"] = json!("NEIGHBOUR");
    stage.document["targets"].as_array_mut().unwrap().push(neighbour);
    stage
}

fn left(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let own = world.workspaces[0].tokens.iter().filter(|token| token.owner == world.seeded.client_id);
        let mut all: Vec<String> = own.map(|token| token.comment.clone()).collect();
        all.sort();
        all
    })
}

fn request(what: Revocation) -> RunRequest {
    let targets = vec!["catalog-prod".to_owned()];
    RunRequest { targets, ..RunRequest::new(Command::Revoke(what)) }
}

/// Runs it as it is, and once it was confirmed.
fn brake(stage: &Stage, what: Revocation) -> (Ran, Ran) {
    let asked = Machine::new(stage).ask(&RunRequest { confirmed: false, ..request(what.clone()) });
    (asked, Machine::new(stage).ask(&request(what)))
}

#[test]
fn a_brake_that_is_not_confirmed_lists_each_token_and_which_stay_and_revokes_none() {
    let stage = stage();
    let before = left(&stage);
    let (asked, _) = brake(&stage.fork(), Revocation::All);
    assert_eq!(asked.writes(), Vec::<String>::new());
    let report = asked.report.as_ref().unwrap();
    assert_eq!((report.exit_status(), asked.code()), (1, None), "{}", asked.output);
    let steps = &asked.first().steps;
    let would: Vec<&str> =
        steps.iter().filter(|s| s.state == State::Would).map(|s| s.message.as_str()).collect();
    assert_eq!(would.len(), 4, "{would:?}");
    assert!(would.iter().all(|words| words.contains("made on") && words.contains("last used")), "{would:?}");
    assert!(would.iter().any(|words| words.contains("made by hand")), "{would:?}");
    let stays: Vec<&str> =
        steps.iter().filter(|s| s.state == State::Ok).map(|s| s.message.as_str()).collect();
    assert!(matches!(stays[..], [one] if one.contains("it is the target neighbour's")), "{stays:?}");
    assert_eq!(left(&stage), before);
    let planned = Machine::new(&stage).ask(&RunRequest { dry_run: true, ..request(Revocation::All) });
    assert_eq!(planned.report.as_ref().unwrap().exit_status(), 0);
}

#[test]
fn all_is_every_token_of_the_principal_but_those_of_targets_that_are_configured() {
    let stage = stage();
    let (_, ran) = brake(&stage, Revocation::All);
    assert_eq!((ran.outcome(), ran.code()), ("revoked", None), "{}", ran.output);
    assert_eq!(left(&stage), ["[lakekey target=neighbour op=a phase=active]"]);
    assert_eq!(ran.first().revoked.len(), 4);
}

#[test]
fn managed_is_what_lakekey_made_for_the_target_by_its_names() {
    let stage = stage();
    let (_, ran) = brake(&stage, Revocation::Managed);
    assert_eq!(ran.first().revoked.len(), 1, "{}", ran.output);
    assert_eq!(left(&stage).len(), 4);
    let stage = stage.target(|target| target["formerly"] = json!(["forgotten"]));
    let (_, ran) = brake(&stage, Revocation::Managed);
    assert_eq!(ran.first().revoked.len(), 1, "{}", ran.output);
    assert!(!left(&stage).iter().any(|comment| comment.contains("forgotten")));
}

#[test]
fn the_admin_acts_by_the_owner_where_the_principal_cannot_sign_in() {
    let mut stage = stage();
    stage.environment.0.insert("CLIENT_SECRET".to_owned(), "gone".to_owned());
    let (asked, ran) = brake(&stage, Revocation::All);
    assert_eq!(asked.first().steps.iter().filter(|s| s.state == State::Would).count(), 4, "{}", asked.output);
    assert_eq!((ran.outcome(), ran.code()), ("revoked", None), "{}", ran.output);
    assert_eq!(left(&stage), ["[lakekey target=neighbour op=a phase=active]"]);
    let others = stage.emulator.world(|world| world.workspaces[0].tokens.len());
    assert_eq!(others, 3, "the neighbour's, the admin's and the analyst's");
}

#[test]
fn what_survives_a_revocation_is_left_over_and_no_success() {
    let stage = stage();
    // The service says yes and does nothing.
    let mut fault =
        Fault::every(FaultKind::Status { status: 200, body: json!({}), headers: [].into() }).at(1);
    fault.path_contains = Some("/token/delete".to_owned());
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).ask(&request(Revocation::All));
    let report = ran.report.as_ref().unwrap();
    assert_eq!((report.exit_status(), ran.first().left_over.len()), (1, 1), "{}", ran.output);
    assert_eq!(ran.first().revoked.len(), 3);
    assert!(!ran.first().revoked.contains(&ran.first().left_over[0]));
}

#[test]
fn revoking_what_is_superseded_with_nothing_to_revoke_is_ok() {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    let ran = Machine::new(&stage).run(Command::Revoke(Revocation::Superseded));
    assert_eq!((ran.outcome(), ran.code()), ("ok", None), "{}", ran.output);
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 0);
}

#[test]
fn a_token_of_a_target_that_is_not_configured_is_told_by_status() {
    let stage = stage();
    for command in [Command::Status, Command::Doctor] {
        let ran = Machine::new(&stage).run(command);
        let told: Vec<&str> = ran.first().steps.iter().map(|step| step.message.as_str()).collect();
        assert!(
            told.iter().any(|words| words.contains("the target forgotten, which is not configured")),
            "{told:?}"
        );
        assert!(!told.iter().any(|words| words.contains("the target neighbour")), "{told:?}");
    }
}

#[test]
fn nothing_is_revoked_for_several_targets_of_which_none_is_named() {
    let stage = stage();
    let before = left(&stage);
    for what in [Revocation::All, Revocation::Managed, Revocation::Superseded] {
        let error = Machine::new(&stage).refused(Command::Revoke(what));
        assert_eq!(error.code().as_str(), "usage-invalid", "{error}");
    }
    assert_eq!(left(&stage), before);
}

#[test]
fn of_what_is_superseded_revoked_is_said_only_of_what_is_gone() {
    let stage = Stage::new().overlap("24h");
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    assert_eq!(Machine::new(&stage).run(Command::Rotate { force: false }).outcome(), "rotated");
    let mut fault = Fault::every(FaultKind::Status { status: 200, body: json!({}), headers: [].into() });
    fault.path_contains = Some("/token/delete".to_owned());
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).ask(&request(Revocation::Superseded));
    let (report, target) = (ran.report.as_ref().unwrap(), ran.first());
    assert_eq!(
        (report.exit_status(), target.revoked.len(), target.left_over.len()),
        (1, 0, 1),
        "{}",
        ran.output
    );
    stage.emulator.set_faults(Vec::new());
    let ran = Machine::new(&stage).ask(&request(Revocation::Superseded));
    assert_eq!((ran.outcome(), left(&stage).len()), ("revoked", 1), "{}", ran.output);
}

#[test]
fn a_confirmed_revocation_lists_what_goes_and_what_stays() {
    let ran = Machine::new(&stage()).ask(&request(Revocation::All));
    let told = |words: &str| ran.first().steps.iter().any(|step| step.message.contains(words));
    assert!(told("(made by hand; made on") && told("stays: it is the target neighbour's"), "{}", ran.output);
}
