//! The lease of a run: ten minutes from the creation of its credential, by the workspace's clock.

use std::time::Duration;

use lakekey_core::Command;
use lakekey_emulator::{Spread, SpreadKind};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };
const TEN_MINUTES: i64 = 600_000;

fn due(stage: Stage) -> Stage {
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    stage
}

/// Kills a rotation right after it has created its credential, and returns how old that is, in milliseconds.
pub(crate) fn killed_after_creation(stage: &Stage, command: Command) -> i64 {
    let plan = Machine::new(&stage.fork()).run(command.clone()).sent;
    let at = plan.iter().position(|sent| sent.path.ends_with("/token/create")).unwrap();
    let ran = Machine::new(stage)
        .disturbed(Aim { at, disturbance: Disturbance::KilledAfter, lasting: false })
        .run(command);
    assert!(ran.report.is_none());
    stage.emulator.world(|world| {
        let newest = world.workspaces[0].tokens.iter().map(|token| token.created_ms).max().unwrap();
        world.now_ms() - newest
    })
}

fn wait(stage: &Stage, milliseconds: i64) {
    stage.emulator.advance(Duration::from_millis(u64::try_from(milliseconds).unwrap()));
}

#[test]
fn a_run_yields_to_a_lease_that_has_a_second_left() {
    let stage = due(Stage::new());
    let age = killed_after_creation(&stage, ROTATE);
    wait(&stage, TEN_MINUTES - 1_500 - age);
    assert_eq!(Machine::new(&stage).seed(2).run(ROTATE).outcome(), "yielded");
}

#[test]
fn a_run_takes_over_once_a_lease_is_over() {
    let stage = due(Stage::new());
    let age = killed_after_creation(&stage, ROTATE);
    wait(&stage, TEN_MINUTES + 1_500 - age);
    let ran = Machine::new(&stage).seed(2).watched(invariants::never_without("after the lease")).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated");
    assert_eq!(ran.first().revoked.len(), 2, "the old one and the one left over");
    invariants::converged(&stage.emulator, 1, "after the lease");
}

#[test]
fn a_clock_that_is_ten_minutes_wrong_changes_no_decision() {
    for ahead in [-TEN_MINUTES, TEN_MINUTES] {
        let stage = due(Stage::new());
        let age = killed_after_creation(&stage, ROTATE);
        wait(&stage, TEN_MINUTES - 2_500 - age);
        assert_eq!(
            Machine::new(&stage).seed(2).clock_ahead(ahead).run(ROTATE).outcome(),
            "yielded",
            "ahead by {ahead}"
        );
        wait(&stage, 6_000);
        let ran = Machine::new(&stage).seed(3).clock_ahead(ahead).run(ROTATE);
        assert_eq!(ran.outcome(), "rotated", "ahead by {ahead}: {}", ran.output);
        invariants::converged(&stage.emulator, 1, "a wrong clock");
    }
}

#[test]
fn a_run_whose_lease_is_nearly_over_writes_nothing_and_rolls_back_what_it_made() {
    let stage = due(Stage::new().target(|target| target["token"]["verify-within"] = json!("30m")));
    // The new PAT works only when less of the lease is left than one request may take.
    stage.emulator.world(|world| {
        world.spread.set(SpreadKind::Pat, Spread { ms: TEN_MINUTES - 25_000, ..Spread::default() })
    });
    let ran = Machine::new(&stage).watched(invariants::never_without("a late run")).run(ROTATE);
    assert_eq!(ran.code(), Some("lease-expired"), "{}", ran.output);
    assert!(
        !ran.writes().iter().any(|write| write.starts_with("PUT https://api.github.com")),
        "{:?}",
        ran.writes()
    );
    stage.emulator.world(|world| world.spread.set(SpreadKind::Pat, Spread::default()));
    stage.emulator.advance(DAY);
    assert_eq!(Machine::new(&stage).seed(2).run(ROTATE).outcome(), "rotated");
    invariants::converged(&stage.emulator, 1, "a late run");
}

#[test]
fn a_forced_rotation_that_yields_and_one_that_is_overdue_are_no_success() {
    let stage = due(Stage::new());
    let _ = killed_after_creation(&stage, ROTATE);
    let quiet = Machine::new(&stage).seed(2).run(ROTATE);
    assert_eq!((quiet.outcome(), quiet.report.as_ref().unwrap().exit_status()), ("yielded", 0));
    let forced = Machine::new(&stage).seed(3).run(Command::Rotate { force: true });
    assert_eq!((forced.outcome(), forced.code()), ("yielded", Some("another-run")), "{}", forced.output);
    assert_eq!(forced.report.as_ref().unwrap().exit_status(), 1);
    assert!(forced.first().credential.is_some(), "what is in use is shown: {}", forced.output);
    let planned = Machine::new(&stage).seed(3).dry_run(Command::Rotate { force: true });
    assert_eq!((planned.outcome(), planned.code()), ("yielded", Some("another-run")), "{}", planned.output);
    for command in [ROTATE, Command::Plan, Command::Provision] {
        let [told, ran] =
            [Machine::new(&stage).dry_run(command.clone()), Machine::new(&stage.fork()).seed(5).run(command)];
        let exit = |ran: &Ran| ran.report.as_ref().unwrap().exit_status();
        assert_eq!((told.outcome(), told.code()), ("yielded", ran.code()), "{}", told.output);
        assert_eq!(exit(&told), exit(&ran), "{}{}", told.output, ran.output);
    }
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!(status.outcome(), "yielded", "{}", status.output);
    assert_eq!(status.first().delivered[0].holds.as_str(), "current", "{}", status.output);
    let shown = status.first().credential.as_ref().map(|credential| credential.id.clone());
    assert!(!status.first().left_over.contains(&shown.unwrap()), "{}", status.output);
    // Most of the time that was set aside for renewing is gone.
    let late = due(Stage::new());
    late.emulator.advance(DAY * 20);
    let _ = killed_after_creation(&late, ROTATE);
    let ran = Machine::new(&late).seed(4).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("yielded", Some("another-run")), "{}", ran.output);
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1);
    for command in [ROTATE, Command::Plan, Command::Provision] {
        let told = Machine::new(&late).seed(5).dry_run(command);
        let exit = told.report.as_ref().unwrap().exit_status();
        assert_eq!((told.code(), exit), (Some("another-run"), 1), "{}", told.output);
    }
}

#[test]
fn a_pending_tag_from_the_far_future_makes_no_run_yield() {
    let stage = due(Stage::new());
    let _ = killed_after_creation(&stage, ROTATE);
    stage.emulator.world(|world| {
        let now = world.now_ms();
        let pending = world.workspaces[0].tokens.iter_mut().find(|t| t.comment.contains("phase=pending"));
        pending.unwrap().created_ms = now + 2 * TEN_MINUTES;
    });
    let ran = Machine::new(&stage).seed(2).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
}

#[test]
fn a_clock_that_is_hours_wrong_is_told_and_decides_nothing() {
    for ahead in [-5 * 3_600_000, 5 * 3_600_000] {
        let stage = Stage::new();
        let ran = Machine::new(&stage).clock_ahead(ahead).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
        let told = ran.events.iter().find(|event| event.message.contains("machine's clock")).unwrap();
        let way = if ahead > 0 { " min ahead of" } else { " min behind" };
        assert!(told.message.contains(way), "{}", told.message);
        let right = Machine::new(&stage).run(Command::Status);
        let wrong = Machine::new(&stage).clock_ahead(ahead).run(Command::Status);
        assert_eq!(right.first().as_of.unwrap().day(), wrong.first().as_of.unwrap().day());
        assert_eq!((wrong.outcome(), wrong.code()), ("ok", None), "{}", wrong.output);
    }
}
