//! Two rotations of the same target at once: no order of their requests loses a credential, and the loser
//! yields.

use std::time::Duration;

use futures_util::future::join;
use lakekey_core::Command;
use lakekey_tests::invariants::{self, Others};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::schedule::Schedule;
use lakekey_tests::stage::Stage;
use lakekey_tests::time::SimulatedClock;

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

fn due() -> Stage {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    stage
}

/// Runs two rotations in the order of the turns.
fn race(stage: &Stage, turns: &[usize], what: &str) -> (Ran, Ran) {
    let schedule = Schedule::new(turns);
    let clock = SimulatedClock::new(&stage.emulator, 0);
    let watch = invariants::never_without(what);
    let run = |index: usize| {
        let machine = Machine::new(stage)
            .on_clock(&clock)
            .seed(index as u64 + 1)
            .gated(schedule.gate(index))
            .watched(watch.clone());
        let schedule = schedule.clone();
        async move {
            let ran = machine.run_beside(ROTATE).await;
            schedule.end(index);
            ran
        }
    };
    clock.run(join(run(0), run(1))).expect("both runs come to their end")
}

/// Checks what holds after every race.
fn settled(stage: &Stage, (first, second): &(Ran, Ran), others: &Others, what: &str) {
    let mut outcomes = [first.outcome(), second.outcome()];
    outcomes.sort_unstable();
    assert!(
        matches!(outcomes, ["rotated", "yielded"] | ["not-due", "rotated"]),
        "one run rotates and the other yields or finds nothing to do, not {outcomes:?} ({what})\n{}\n{}",
        first.output,
        second.output
    );
    invariants::converged(&stage.emulator, 1, what);
    assert_eq!(stage.emulator.world(|world| Others::of(world)), *others, "I4 ({what})");
}

#[test]
fn whatever_the_order_of_their_requests_one_run_rotates_and_the_other_yields() {
    let stage = due();
    let others = stage.emulator.world(|world| Others::of(world));
    let alone = Machine::new(&stage.fork()).run(ROTATE).sent.len();
    let mut tried = 0;
    // The turn passes three times before each run goes on to its end: a after i, b after j, a after k
    // requests.
    for i in 0..=alone {
        for j in 1..=alone {
            for k in 1..=alone {
                let stage = stage.fork();
                let what = format!("turns of {i}, {j} and {k} requests");
                let ran = race(&stage, &[i, j, k], &what);
                settled(&stage, &ran, &others, &what);
                tried += 1;
            }
        }
    }
    #[allow(clippy::print_stdout, reason = "the count is what the reader of a test run wants to see")]
    {
        println!("interleavings of two runs with up to three changes of turn: {tried} of {tried} held");
    }
}

#[test]
fn two_runs_in_lockstep_come_to_one_rotation() {
    let stage = due();
    let others = stage.emulator.world(|world| Others::of(world));
    for pace in 1..=4 {
        let stage = stage.fork();
        let what = format!("turns of {pace}");
        let ran = race(&stage, &[pace; 40], &what);
        settled(&stage, &ran, &others, &what);
    }
}

#[test]
fn a_late_run_that_yields_to_one_that_has_ended_well_is_no_failure() {
    let stage = due();
    // Most of the time that was set aside for renewing is gone.
    stage.emulator.advance(DAY * 20);
    let alone = Machine::new(&stage.fork()).run(ROTATE).sent.len();
    let mut yielded = 0;
    for i in 0..=alone {
        let (first, second) = race(&stage.fork(), &[i, alone], &format!("late, {i}"));
        if (first.outcome(), second.outcome()) == ("yielded", "rotated") {
            yielded += 1;
            let exit = first.report.as_ref().unwrap().exit_status();
            assert_eq!((first.code(), exit), (None, 0), "after {i} requests: {}", first.output);
        }
    }
    assert!(yielded > 0, "no order made the first yield");
}
