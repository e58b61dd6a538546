//! What takes effect slowly is waited for, within a bound.

use std::time::Duration;

use lakekey_core::Command;
use lakekey_emulator::{Spread, SpreadKind};
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: true };

fn provisioned() -> Stage {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY);
    stage
}

fn slow(stage: &Stage, kind: SpreadKind, spread: Spread) {
    stage.emulator.world(|world| world.spread.set(kind, spread));
}

#[test]
fn a_pat_that_works_only_after_a_while_is_delivered_when_it_works() {
    let stage = provisioned();
    slow(&stage, SpreadKind::Pat, Spread { ms: 40_000, ..Spread::default() });
    let before = stage.emulator.now_ms();
    let ran = Machine::new(&stage).watched(invariants::never_without("slow")).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    assert!(stage.emulator.now_ms() - before >= 40_000, "it was waited for");
    invariants::converged(&stage.emulator, 1, "slow");
}

#[test]
fn a_pat_that_works_and_fails_and_works_is_delivered_when_all_tries_of_a_round_succeed() {
    let stage = provisioned();
    slow(
        &stage,
        SpreadKind::Pat,
        Spread { flaps: vec![true, false, true, true, true, false], ..Spread::default() },
    );
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    let tries = ran.sent.iter().filter(|sent| sent.path.ends_with("/scim/v2/Me")).count();
    assert_eq!(tries, 9, "two rounds failed, the third succeeded");
}

#[test]
fn a_pat_that_never_works_is_rolled_back_and_reported() {
    let stage = provisioned();
    slow(&stage, SpreadKind::Pat, Spread { ms: 86_400_000, ..Spread::default() });
    let ran = Machine::new(&stage).watched(invariants::never_without("never")).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("failed", Some("verification-failed")));
    assert!(!ran.writes().iter().any(|write| write.contains("api.github.com")), "nothing was delivered");
    invariants::converged(&stage.emulator, 1, "never");
}

#[test]
fn provisioning_waits_until_the_permission_to_use_tokens_has_propagated() {
    let stage = Stage::new();
    slow(&stage, SpreadKind::Permission, Spread { ms: 20_000, ..Spread::default() });
    slow(&stage, SpreadKind::ServicePrincipal, Spread { uses: 2, ..Spread::default() });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned", "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "permission");
}

#[test]
fn provisioning_reports_a_permission_that_does_not_propagate_within_the_bound() {
    let stage = Stage::new();
    slow(&stage, SpreadKind::Permission, Spread { ms: 86_400_000, ..Spread::default() });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("failed", Some("token-permission-missing")));
    assert!(ran.first().error.as_ref().unwrap().hint().contains("run `lakekey provision` again"));
}
