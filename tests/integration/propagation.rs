//! What takes effect slowly is waited for, within a bound.

use std::time::Duration;

use lakekey_core::Command;
use lakekey_emulator::{Fault, FaultKind, Service, Spread, SpreadKind};
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
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
    // The first asks whose the sign-in is.
    let tries = ran.sent.iter().filter(|sent| sent.path.contains("/scim/v2/Me")).count() - 1;
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

/// Refuses the requests of a kind, so often.
fn refused(stage: &Stage, path: &str, method: &str, hits: u64, kind: FaultKind) {
    let mut fault = Fault::every(kind).at(1);
    (fault.path_contains, fault.method, fault.hits) = (Some(path.into()), Some(method.into()), Some(hits));
    fault.service = Some(Service::Databricks);
    stage.emulator.set_faults(vec![fault]);
}

fn status(status: u16, body: &str, headers: &[(&str, &str)]) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    FaultKind::Status { status, body: body.into(), headers }
}

#[test]
fn an_outage_that_asks_for_patience_at_a_creation_does_not_keep_its_token_from_being_rolled_back() {
    let stage = provisioned();
    refused(&stage, "/token/create", "POST", 1, status(503, "", &[("retry-after", "3600")]));
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("failed", Some("rate-limited")), "{}", ran.output);
    let asked = ran.sent.iter().rposition(|sent| sent.path.ends_with("/token/create")).unwrap();
    assert!(ran.sent[asked..].iter().any(|sent| sent.path.ends_with("/token/list")), "it was looked for");
    invariants::converged(&stage.emulator, 1, "outage");
}

#[test]
fn a_web_page_that_stands_in_a_services_place_once_is_asked_again() {
    let stage = provisioned();
    refused(&stage, "/token/list", "GET", 1, FaultKind::Html);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
}

#[test]
fn the_permission_is_asked_for_only_once_tokens_are_switched_on() {
    let stage = Stage::new().target(|target| target["allow-enable-tokens"] = serde_json::json!(true));
    let stage = stage.without_tokens();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let place = |part: &str, method: &str| {
        ran.sent.iter().position(|sent| sent.path.contains(part) && sent.method == method)
    };
    let (on, asked) = (place("/workspace-conf", "PATCH"), place("/permissions/authorization/tokens", "GET"));
    assert!(on.is_some() && on < asked, "{on:?} {asked:?}");
    invariants::converged(&stage.emulator, 1, "switched on");
}

#[test]
fn the_doctor_says_nothing_good_of_a_permission_that_it_could_not_read() {
    let stage = provisioned();
    refused(&stage, "/permissions/authorization/tokens", "GET", 9, status(403, "{}", &[]));
    let ran = Machine::new(&stage).run(Command::Doctor);
    let said: Vec<String> = ran.first().steps.iter().map(|step| step.message.clone()).collect();
    assert!(!said.iter().any(|line| line.contains("CAN_USE")), "{said:?}");
}

#[test]
fn a_grant_right_after_an_import_waits_until_the_permissions_know_the_principal() {
    let stage = Stage::new();
    slow(&stage, SpreadKind::ServicePrincipal, Spread { ms: 45_000, ..Spread::default() });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let granted = ran.sent.iter().filter(|s| s.method == "PATCH" && s.path.contains("/permissions/")).count();
    assert!(granted > 1, "it was tried again");
}

/// Has GitHub's limit used up at the first request of a kind, until half an hour and a minute from now.
fn limited(stage: &Stage, method: &str) {
    let reset = (stage.emulator.now_ms() / 1000 + 1860).to_string();
    let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", reset.as_str())];
    let mut fault = Fault::every(status(403, r#"{"message": "API calls are used up"}"#, &headers)).at(1);
    (fault.path_contains, fault.method) = (Some("/secrets/".into()), Some(method.into()));
    (fault.service, fault.hits) = (Some(Service::Github), Some(1));
    stage.emulator.set_faults(vec![fault]);
}

/// Returns how often it was said that GitHub's limit is waited for.
fn announced(ran: &Ran) -> usize {
    ran.events.iter().filter(|event| event.message.contains("waiting 31 min for GitHub's limit")).count()
}

#[test]
fn a_limit_by_the_hour_is_announced_and_waited_for_before_anything_is_made() {
    let stage = provisioned();
    limited(&stage, "GET");
    let before = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code(), announced(&ran)), ("rotated", None, 1), "{}", ran.output);
    assert!(stage.emulator.now_ms() - before >= 1_860_000, "it was waited for");
    // What was listed before the wait is listed anew before anything is made.
    let sent: Vec<&str> = ran.sent.iter().map(|sent| sent.path.as_str()).collect();
    let made = sent.iter().position(|path| path.ends_with("/token/create")).unwrap();
    assert_eq!(sent[..made].iter().filter(|path| path.ends_with("/token/list")).count(), 2, "{sent:?}");
    invariants::converged(&stage.emulator, 1, "limit");
}

#[test]
fn a_limit_by_the_hour_is_not_waited_for_by_who_only_looks_or_has_made_something() {
    let stage = provisioned();
    for (method, command) in [("GET", Command::Status), ("GET", Command::Plan), ("PUT", ROTATE)] {
        limited(&stage, method);
        let before = stage.emulator.now_ms();
        let ran = Machine::new(&stage).watched(invariants::never_without("limit")).run(command);
        assert_eq!(ran.code(), Some("rate-limited"), "{}", ran.output);
        assert!(ran.output.contains("asks to be left alone for 31 min"), "{}", ran.output);
        assert!(stage.emulator.now_ms() - before < 600_000, "the lease was not outlived");
    }
    stage.emulator.set_faults(Vec::new());
    invariants::converged(&stage.emulator, 1, "limit");
}
