//! Places that can tell nothing of themselves, and fail without refusing: a program, a web service. They keep
//! no pile, fill no quota, and heal by themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use lakekey_core::Command;
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::json;

use crate::places::{alive, of_kind, secret_of, with_delivered};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

/// Has a web service beside the other places of a kind.
fn with_hook(mut stage: Stage, kind: &str) -> Stage {
    stage.environment.0.insert("HOOK".to_owned(), "k".to_owned());
    let place = json!({"type": "webhook", "url": "https://hooks.example/catalog", "key": {"env": "HOOK"}});
    stage.target(|target| {
        let deliver = if kind == "pat" { &mut target["deliver"] } else { &mut target[kind]["deliver"] };
        deliver.as_array_mut().unwrap().push(place);
    })
}

/// Has the web service answer so.
fn hook_answers(stage: &Stage, kind: FaultKind) {
    let mut fault = Fault::every(kind);
    fault.path_contains = Some("/catalog".to_owned());
    stage.emulator.set_faults(vec![fault]);
}

fn status(status: u16) -> FaultKind {
    FaultKind::Status { status, body: json!({}), headers: [].into() }
}

/// Rotates hourly for as many hours, and says the most that were alive after one run.
fn hourly(mut stage: Stage, kind: &str, hours: u64) -> (Stage, usize) {
    let mut most = 0;
    for run in 0..hours {
        let what = format!("{kind}, run {run}");
        let ran = Machine::new(&stage).seed(run + 1).watched(invariants::never_without(&what)).run(ROTATE);
        let target = ran.report.as_ref().unwrap().targets.last().unwrap();
        assert_eq!(target.outcome.as_str(), "partial", "{what}: {}", ran.output);
        most = most.max(alive(&stage, kind));
        if kind != "pat" {
            stage = with_delivered(stage, secret_of(kind));
        }
        stage.emulator.advance(HOUR);
    }
    (stage, most)
}

fn heals(stage: &Stage, kind: &str, force: bool) {
    let watched = Machine::new(stage).seed(99).watched(invariants::never_without(kind));
    let healed = watched.run(Command::Rotate { force });
    let target = healed.report.as_ref().unwrap().targets.last().unwrap();
    assert_eq!(target.outcome.as_str(), "rotated", "{kind}: {}", healed.output);
    assert_eq!(alive(stage, kind), 1, "{kind}");
    let held = stage.emulator.world(|world| invariants::sinks(world));
    let values: BTreeSet<&String> = held.values().collect();
    assert_eq!(values.len(), 1, "{kind}: every place holds the same");
}

fn due(kind: &str) -> Stage {
    let stage = of_kind(kind);
    stage.emulator.advance(DAY * if kind == "pat" { 61 } else { 121 });
    stage
}

#[test]
fn a_web_service_that_fails_for_fifty_runs_costs_one_credential_and_then_heals() {
    for kind in ["pat", "client-secret", "oauth-secret"] {
        for answer in [500, 503] {
            let stage = with_hook(due(kind), kind);
            hook_answers(&stage, status(answer));
            let (stage, most) = hourly(stage, kind, 50);
            stage.emulator.set_faults(Vec::new());
            match kind {
                "pat" => assert_eq!(most, 2, "I8: {kind}, {answer}"),
                // Nothing is noted of these, so that the place may hold each that it was offered.
                _ => assert_eq!(most, 4, "{kind}, {answer}"),
            }
            // Few OAuth secrets fit: the last place is a person's.
            let (days, force) = match kind {
                "pat" => (1, false),
                "client-secret" => (7, false),
                _ => (7, true),
            };
            stage.emulator.advance(DAY * days);
            if force {
                let waits = Machine::new(&stage).run(ROTATE);
                let target = waits.report.as_ref().unwrap().targets.last().unwrap();
                assert_eq!(
                    (target.outcome.as_str(), waits.writes().len()),
                    ("partial", 0),
                    "{}",
                    waits.output
                );
                assert!(target.error.as_ref().unwrap().hint().contains("--force"));
            }
            heals(&stage, kind, force);
        }
    }
}

#[test]
fn a_variable_group_that_fails_for_fifty_runs_costs_one_credential_and_then_heals() {
    let stage = Stage::new().every_sink();
    assert!(Machine::new(&stage).run(Command::Provision).first().error.is_none());
    stage.emulator.advance(DAY * 61);
    let mut fault = Fault::every(status(500));
    fault.method = Some("PUT".to_owned());
    fault.service = Some(Service::AzureDevops);
    stage.emulator.set_faults(vec![fault]);
    let (stage, most) = hourly(stage, "pat", 50);
    assert_eq!(most, 2, "I8");
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    heals(&stage, "pat", false);
}

#[test]
fn what_a_web_service_has_not_answered_to_is_kept_and_tried_again_more_rarely() {
    // It takes what it is given, and its answer is lost: what it holds must live, whatever comes later.
    let stage = with_hook(due("pat"), "pat");
    hook_answers(&stage, FaultKind::DropAfter);
    let _ = Machine::new(&stage).run(ROTATE);
    assert_eq!(alive(&stage, "pat"), 2);
    hook_answers(&stage, status(503));
    stage.emulator.advance(HOUR);
    let (stage, most) = hourly(stage, "pat", 50);
    assert_eq!(most, 3, "the one in use, what may have arrived, and the newest");
    hook_answers(&stage, status(504));
    let (stage, most) = hourly(stage, "pat", 24 * 14);
    assert!(most <= 6, "{most} after two weeks without an answer");
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY * 7);
    heals(&stage, "pat", false);
}

#[test]
fn a_place_that_fails_does_not_keep_the_others_past_the_end_of_what_they_hold() {
    let stage = with_hook(due("pat"), "pat");
    hook_answers(&stage, status(503));
    let first = Machine::new(&stage).run(ROTATE);
    let tried: Vec<bool> = first.first().delivered.iter().map(|place| place.tried).collect();
    assert_eq!(tried, [false, false, true], "{}", first.output);
    // The last day of what they hold.
    stage.emulator.advance(DAY * 28 + HOUR);
    let last = Machine::new(&stage).seed(2).run(ROTATE);
    let holds: Vec<&str> = last.first().delivered.iter().map(|place| place.holds.as_str()).collect();
    assert_eq!(
        (last.outcome(), holds),
        ("partial", vec!["current", "current", "unknown"]),
        "{}",
        last.output
    );
    stage.emulator.advance(DAY * 2);
    let status = Machine::new(&stage).run(Command::Status);
    assert!(status.output.contains("the last run ended before every place held"), "{}", status.output);
}

#[test]
fn a_place_that_cannot_be_read_keeps_no_other_from_a_fresh_credential_and_costs_one() {
    for kind in ["pat", "client-secret", "oauth-secret"] {
        let stage = of_kind(kind);
        stage.emulator.advance(HOUR);
        let unreadable = |stage: &Stage| {
            let mut fault = Fault::every(status(403));
            fault.service = Some(Service::KeyVault);
            stage.emulator.set_faults(vec![fault]);
        };
        unreadable(&stage);
        let place = |ran: &lakekey_tests::machine::Ran, index: usize| {
            let target = ran.report.as_ref().unwrap().targets.last().unwrap();
            let place = &target.delivered[index];
            (place.holds.as_str(), place.error.is_some())
        };
        for command in [ROTATE, Command::Status, Command::Plan] {
            let ran = Machine::new(&stage).run(command);
            assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{kind}: {}", ran.output);
            assert_eq!(ran.writes(), Vec::<String>::new(), "{kind}: it is not due");
            assert_eq!((place(&ran, 0), place(&ran, 1)), (("current", false), ("unknown", true)), "{kind}");
        }
        stage.emulator.advance(DAY * if kind == "pat" { 61 } else { 121 });
        let ran = Machine::new(&stage).seed(2).run(ROTATE);
        assert_eq!((place(&ran, 0).0, place(&ran, 1).1), ("current", true), "{kind}: {}", ran.output);
        let mut stage = if kind == "pat" { stage } else { with_delivered(stage, secret_of(kind)) };
        for run in 0..30 {
            stage.emulator.advance(HOUR);
            let what = format!("{kind}, run {run}");
            let watched = Machine::new(&stage).seed(run + 3).watched(invariants::never_without(&what));
            let ran = watched.run(ROTATE);
            assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{what}: {}", ran.output);
            assert!(alive(&stage, kind) <= 2, "I8: {what}: {}", ran.output);
            if kind != "pat" {
                stage = with_delivered(stage, secret_of(kind));
            }
        }
        stage.emulator.set_faults(Vec::new());
        stage.emulator.advance(DAY);
        heals(&stage, kind, false);
    }
}
