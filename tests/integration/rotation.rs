//! The main job: provision, rotate, and what comes of it.

use std::time::Duration;

use lakekey_core::{Command, State};
use lakekey_tests::invariants::{self, Others};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;

const DAY: Duration = Duration::from_secs(86_400);

#[test]
fn provisioning_makes_a_principal_that_holds_a_delivered_pat() {
    let stage = Stage::new();
    let others = stage.emulator.world(|world| Others::of(world));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "provision");
    assert_eq!(stage.emulator.world(|world| Others::of(world)), others);
}

#[test]
fn provisioning_a_second_time_writes_nothing() {
    let stage = Stage::new();
    let first = Machine::new(&stage).run(Command::Provision);
    assert_eq!(first.outcome(), "provisioned");
    let second = Machine::new(&stage).run(Command::Provision);
    assert_eq!(second.outcome(), "ok");
    assert_eq!(second.writes(), Vec::<String>::new());
}

#[test]
fn a_rotation_that_is_due_supersedes_the_pat_and_revokes_the_old_one() {
    let stage = Stage::new();
    let first = Machine::new(&stage).run(Command::Provision);
    let old = first.first().credential.as_ref().unwrap().id.clone();
    assert_eq!(Machine::new(&stage).run(Command::Rotate { force: false }).outcome(), "not-due");
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).run(Command::Rotate { force: false });
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    assert_eq!(ran.first().revoked, [old]);
    invariants::converged(&stage.emulator, 1, "rotate");
}

#[test]
fn an_undisturbed_rotation_takes_14_requests_7_deep() {
    let stage = Stage::new();
    let _ = Machine::new(&stage).run(Command::Provision);
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!(ran.outcome(), "rotated");
    let list: Vec<String> =
        ran.sent.iter().map(|s| format!("{} {} {}{}", s.depth, s.method, s.origin, s.path)).collect();
    assert!(ran.sent.len() <= 14 && ran.first().requests as usize == ran.sent.len(), "{list:#?}");
    assert!(ran.sent.iter().all(|sent| sent.depth <= 7), "{list:#?}");
}

/// Returns step and state of what a report lists, and what it says.
fn steps(ran: &Ran) -> (Vec<(&'static str, State)>, Vec<String>) {
    let steps = &ran.first().steps;
    (
        steps.iter().map(|step| (step.step.as_str(), step.state)).collect(),
        steps.iter().map(|step| step.message.clone()).collect(),
    )
}

#[test]
fn a_dry_run_lists_what_the_run_then_does_each_with_its_reason() {
    let stage = Stage::new();
    let first = Machine::new(&stage).run(Command::Provision);
    let old = first.first().credential.as_ref().unwrap().id.clone();
    stage.emulator.advance(DAY * 61);
    let planned = Machine::new(&stage).dry_run(Command::Rotate { force: false });
    assert_eq!(planned.writes(), Vec::<String>::new());
    let order = ["create-token", "verify-token", "deliver", "mark-active", "revoke-token"];
    let (would, why) = steps(&planned);
    assert_eq!(would, order.map(|step| (step, State::Would)));
    assert_eq!(
        why,
        [
            "make a new PAT: the current credential is due",
            "verify the new PAT",
            "write github-secret acme/data DATABRICKS_TOKEN",
            "mark the new one as delivered",
            &format!("revoke {old}, which is superseded"),
        ]
    );
    let ran = Machine::new(&stage).run(Command::Rotate { force: false });
    let (done, what) = steps(&ran);
    assert_eq!(done, order.map(|step| (step, State::Done)));
    assert_eq!(what[4], format!("revoked {old}"));
}

#[test]
fn a_credential_that_is_due_and_in_use_is_not_left_over() {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!((status.outcome(), status.first().left_over.len()), ("due", 0), "{}", status.output);
    assert!(status.first().credential.is_some());
}
