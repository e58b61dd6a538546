//! Every request of every command, disturbed in every way: what `docs/reliability.md` promises holds at every
//! moment, and one further run converges.

use std::time::Duration;

use lakekey_core::{Command, Revocation};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::invariants::{self, Others};
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;

const DAY: Duration = Duration::from_secs(86_400);

/// Describes what is disturbed: a stage, a command on it, and the run that is to heal what came of it.
struct Case {
    name: &'static str,
    stage: Stage,
    command: Command,
    heal: Command,
    sinks: usize,
    overlap: bool,
    /// Whether a credential is in use before, so that there is something to lose.
    revokes_all: bool,
}

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned", "{}", ran.output);
    stage
}

/// Returns a stage on which a rotation is due.
fn due(stage: Stage) -> Stage {
    let stage = provisioned(stage);
    stage.emulator.advance(DAY * 61);
    stage
}

fn case(name: &'static str, stage: Stage, command: Command, heal: Command) -> Case {
    Case { name, stage, command, heal, sinks: 1, overlap: false, revokes_all: false }
}

/// Disturbs every request of a case in every way, and returns how many disturbances were tried.
fn disturb(case: &Case) -> usize {
    let undisturbed = {
        let stage = case.stage.fork();
        let ran = Machine::new(&stage).run(case.command.clone());
        assert_eq!(ran.code(), None, "{}: {}", case.name, ran.output);
        ran.sent
    };
    let mut tried = 0;
    for (at, sent) in undisturbed.iter().enumerate() {
        for disturbance in Disturbance::all(sent.method == "GET") {
            for lasting in [false, true] {
                // A process is killed once.
                if lasting && disturbance.kills() {
                    continue;
                }
                one(
                    case,
                    Aim { at, disturbance, lasting },
                    &format!(
                        "{}: {} {}{} ({at}) {disturbance:?}, lasting {lasting}",
                        case.name, sent.method, sent.origin, sent.path
                    ),
                );
                tried += 1;
            }
        }
    }
    tried
}

/// Disturbs one request, then lets the schedule go on.
fn one(case: &Case, aim: Aim, what: &str) {
    let stage = case.stage.fork();
    let others = stage.emulator.world(|world| Others::of(world));
    // What an emergency revokes its sinks lose, which is its purpose.
    let mut machine = Machine::new(&stage).disturbed(aim);
    if !case.revokes_all {
        machine = machine.watched(invariants::never_without(what));
    }
    let ran = machine.run(case.command.clone());
    assert!(ran.hits > 0, "the disturbance struck ({what})");
    invariants::silent(&stage.emulator, &ran, what);
    invariants::bound(&stage.emulator, &ran, what);
    // The next run of the schedule, past every lease; not forced.
    stage.emulator.advance(DAY);
    let mut healer = Machine::new(&stage).seed(2);
    if !case.revokes_all {
        healer = healer.watched(invariants::never_without(what));
    }
    let healed = healer.run(case.heal.clone());
    assert!(healed.first().error.is_none(), "I2: the next run failed: {:?} ({what})", healed.first().error);
    invariants::silent(&stage.emulator, &healed, what);
    invariants::bound(&stage.emulator, &healed, what);
    if case.overlap {
        // Once the overlap is over the run after that cleans up.
        stage.emulator.advance(DAY * 2);
        let cleaned =
            Machine::new(&stage).seed(3).watched(invariants::never_without(what)).run(case.heal.clone());
        assert!(cleaned.first().error.is_none(), "{:?} ({what})", cleaned.first().error);
    }
    invariants::converged(&stage.emulator, case.sinks, what);
    assert_eq!(
        stage.emulator.world(|world| Others::of(world)),
        others,
        "I4: something of others has changed ({what})"
    );
}

fn held(cases: &[Case]) {
    let tried: usize = cases.iter().map(disturb).sum();
    assert!(tried > 100, "there was something to disturb");
    #[allow(clippy::print_stdout, reason = "the count is what the reader of a test run wants to see")]
    {
        println!("disturbances: {tried} of {tried} held");
    }
}

const ROTATE: Command = Command::Rotate { force: false };

#[test]
fn a_disturbed_provisioning_loses_nothing_and_the_next_converges() {
    held(&[case("provision", Stage::new(), Command::Provision, Command::Provision)]);
}

#[test]
fn a_disturbed_rotation_loses_nothing_and_the_next_converges() {
    held(&[case("rotate", due(Stage::new()), ROTATE, ROTATE)]);
}

#[test]
fn a_disturbed_forced_rotation_loses_nothing_and_the_next_converges() {
    let stage = provisioned(Stage::new());
    stage.emulator.advance(DAY);
    held(&[case("rotate --force", stage, Command::Rotate { force: true }, ROTATE)]);
}

#[test]
fn a_disturbed_rotation_with_overlap_loses_nothing_and_the_next_converges() {
    let stage = due(Stage::new().overlap("24h"));
    held(&[Case { overlap: true, ..case("rotate with overlap", stage, ROTATE, ROTATE) }]);
}

#[test]
fn a_disturbed_clean_up_after_an_overlap_loses_nothing_and_the_next_converges() {
    let stage = due(Stage::new().overlap("24h"));
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.first().left_over.len(), 1);
    stage.emulator.advance(DAY * 2);
    held(&[case("clean up", stage, ROTATE, ROTATE)]);
}

#[test]
fn a_disturbed_rotation_to_every_sink_loses_nothing_and_the_next_converges() {
    held(&[Case {
        sinks: 5,
        ..case("rotate to every sink", due(Stage::new().every_sink()), ROTATE, ROTATE)
    }]);
}

#[test]
fn a_disturbed_revocation_of_the_superseded_loses_nothing() {
    let stage = due(Stage::new().overlap("24h"));
    let _ = Machine::new(&stage).run(ROTATE);
    held(&[case(
        "revoke --superseded",
        stage,
        Command::Revoke(Revocation::Superseded),
        Command::Revoke(Revocation::Superseded),
    )]);
}

#[test]
fn a_disturbed_emergency_revocation_is_made_good_by_the_next_rotation() {
    let stage = provisioned(Stage::new());
    held(&[Case {
        revokes_all: true,
        ..case("revoke --all", stage, Command::Revoke(Revocation::All), Command::Rotate { force: true })
    }]);
}
