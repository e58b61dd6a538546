//! A run that is asked to stop does so at the next safe point, whenever it is asked.

use std::time::Duration;

use lakekey_core::Command;
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

#[test]
fn a_run_that_is_asked_to_stop_after_any_request_leaves_a_state_from_which_the_next_converges() {
    let stage = Stage::new().every_sink();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    let alone = Machine::new(&stage.fork()).run(ROTATE).sent;
    // The last safe point before the sinks are written: verified, and no other run is at work.
    let verified = alone
        .iter()
        .rposition(|sent| sent.path.contains("/scim/v2/Me") || sent.path.ends_with("/token/list"))
        .unwrap();
    for requests in 0..alone.len() {
        let stage = stage.fork();
        let what = format!("asked to stop after {requests} requests");
        let ran = Machine::new(&stage)
            .stopped_after(requests)
            .watched(invariants::never_without(&what))
            .run(ROTATE);
        if requests <= verified + 1 {
            assert_eq!(ran.code(), Some("cancelled"), "{what}: {}", ran.output);
            // What it made it rolled back: only the credential of before is left.
            invariants::converged(&stage.emulator, 5, &what);
        } else {
            // Once it has begun to deliver it goes on until every sink holds the same.
            assert!(matches!(ran.outcome(), "rotated"), "{what}: {}", ran.output);
        }
        stage.emulator.advance(DAY);
        let healed = Machine::new(&stage).seed(2).watched(invariants::never_without(&what)).run(ROTATE);
        assert!(healed.first().error.is_none(), "{what}: {}", healed.output);
        invariants::converged(&stage.emulator, 5, &what);
    }
}

#[test]
fn the_report_says_where_a_run_has_stopped() {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).stopped_after(0).run(ROTATE);
    let error = ran.first().error.as_ref().unwrap();
    assert_eq!((error.code().as_str(), error.step().as_str()), ("cancelled", "sign-in"));
    assert_eq!(ran.sent.len(), 0);
}
