#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::{GITHUB, WORKSPACE, admin, emulator, principal, read, request, send};
use crate::{Emulator, Fault, FaultKind, Outcome, Service};

const LIST: &str = "/api/2.0/token/list";
const CREATE: &str = "/api/2.0/token/create";

fn create(token: &str) -> http::Request<Vec<u8>> {
    request("POST", CREATE, token, Some(json!({"comment": "c"})))
}

fn mine(emulator: &Emulator) -> usize {
    emulator.world(|world| {
        let id = world.seeded.client_id.clone();
        world.workspaces[0].tokens.iter().filter(|pat| pat.owner == id).count()
    })
}

fn control(emulator: &Emulator, method: &str, path: &str, body: Option<Value>) -> crate::testing::Answer {
    read(crate::control::handle(emulator, &request(method, path, "", body)))
}

#[test]
fn a_drop_before_does_nothing_and_a_drop_after_loses_the_answer_of_what_was_done() {
    let emulator = emulator();
    let token = principal(&emulator);
    emulator.set_faults(vec![
        Fault::every(FaultKind::DropBefore).at(1),
        Fault::every(FaultKind::DropAfter).at(2),
    ]);
    assert!(matches!(emulator.serve_disturbed(WORKSPACE, create(&token)), Outcome::NoReply { done: false }));
    assert_eq!(mine(&emulator), 0);
    assert!(matches!(emulator.serve_disturbed(WORKSPACE, create(&token)), Outcome::NoReply { done: true }));
    assert_eq!(mine(&emulator), 1);
    assert!(matches!(emulator.serve_disturbed(WORKSPACE, create(&token)), Outcome::Reply(_)));
}

#[test]
fn a_fault_strikes_only_what_it_matches_and_as_often_as_it_says() {
    let emulator = emulator();
    let token = admin(&emulator);
    let fault: Fault = serde_json::from_value(json!({
        "service": "databricks", "method": "get", "path-contains": "/token/", "nth": 2, "hits": 2,
        "kind": {"status": {"status": 429, "body": {"error_code": "X"}, "headers": {"Retry-After": "7"}}},
    }))
    .unwrap();
    emulator.set_faults(vec![fault]);
    let ask = || send(&emulator, WORKSPACE, "GET", LIST, &token, None);
    let seen: Vec<u16> = (0..4).map(|_| ask().status).collect();
    assert_eq!(seen, [200, 429, 429, 200]);
    let plain: Fault = serde_json::from_value(json!({"kind": "html"})).unwrap();
    emulator.set_faults(vec![plain]);
    assert_eq!((ask().status, ask().header("content-type")), (200, "text/html; charset=utf-8"));
}

#[test]
fn a_truncated_answer_is_half_of_it_and_garbage_is_no_json() {
    let emulator = emulator();
    let token = admin(&emulator);
    for kind in [FaultKind::Truncate, FaultKind::Garbage] {
        emulator.set_faults(vec![Fault::every(kind)]);
        let answer = emulator.serve(WORKSPACE, request("GET", LIST, &token, None));
        assert!(serde_json::from_slice::<Value>(answer.body()).is_err());
    }
}

#[test]
fn a_stale_read_shows_the_world_before_the_last_write_to_a_caller_that_signed_in_since() {
    let emulator = emulator();
    let token = principal(&emulator);
    emulator.serve(WORKSPACE, create(&token));
    emulator.serve(WORKSPACE, create(&token));
    let fresh = crate::testing::sign_in(&emulator, crate::testing::DATABRICKS_SCOPE);
    let count = |response| read(response).json["token_infos"].as_array().map_or(0, Vec::len);
    assert_eq!(count(emulator.serve_stale(WORKSPACE, request("GET", LIST, &fresh, None))), 1);
    assert_eq!(count(emulator.serve(WORKSPACE, request("GET", LIST, &fresh, None))), 2);
}

#[test]
fn an_unknown_route_is_501_and_recorded_as_unknown() {
    let emulator = emulator();
    assert_eq!(
        send(&emulator, WORKSPACE, "GET", "/api/2.0/clusters/list", &admin(&emulator), None).status,
        501
    );
    assert_eq!(send(&emulator, GITHUB, "GET", "/gists", "", None).status, 501);
    assert_eq!(send(&emulator, "https://elsewhere.example", "GET", "/", "", None).status, 501);
    let records = emulator.requests();
    assert!(records.iter().all(|record| record.unknown));
    assert_eq!(records[1].service, Some(Service::Github));
}

#[test]
fn every_answer_bears_the_emulators_date_and_the_services_own_request_id() {
    let emulator = emulator();
    emulator.advance(Duration::from_secs(1));
    let answer = send(&emulator, WORKSPACE, "GET", LIST, &admin(&emulator), None);
    assert_eq!(answer.header("date"), "Tue, 24 Nov 2026 10:00:01 GMT");
    assert!(!answer.header("x-request-id").is_empty());
}

#[test]
fn a_fork_and_a_snapshot_do_not_see_what_happens_later() {
    let emulator = emulator();
    let token = principal(&emulator);
    let (fork, snapshot) = (emulator.fork(), emulator.snapshot());
    emulator.serve(WORKSPACE, create(&token));
    assert_eq!((mine(&emulator), mine(&fork)), (1, 0));
    emulator.restore(snapshot);
    assert_eq!(mine(&emulator), 0);
}

#[test]
fn the_record_shows_bodies_only_when_asked_and_never_a_secret() {
    let emulator = emulator();
    principal(&emulator);
    assert!(control(&emulator, "GET", "/requests", None).json["requests"][0].get("body").is_none());
    let shown = control(&emulator, "GET", "/requests?bodies=1", None).json;
    assert_eq!(shown["requests"][0]["body"]["client_secret"], "***");
    let text = control(&emulator, "GET", "/state", None).json.to_string() + &shown.to_string();
    assert!(emulator.issued_secrets().iter().all(|secret| !text.contains(secret.as_str())));
    control(&emulator, "DELETE", "/requests", None);
    assert!(emulator.requests().is_empty());
}

#[test]
fn control_moves_the_clock_sets_faults_and_refuses_what_it_does_not_know() {
    let emulator = emulator();
    let moved = control(&emulator, "POST", "/clock", Some(json!({"advance-seconds": 90})));
    assert_eq!(moved.text("now"), "2026-11-24T10:01:30Z");
    assert_eq!(
        control(&emulator, "POST", "/clock", Some(json!({"now": "2027-01-01T00:00:00Z"}))).text("now"),
        "2027-01-01T00:00:00Z"
    );
    assert_eq!(control(&emulator, "POST", "/clock", Some(json!({"later": 1}))).status, 400);
    let faults = json!({
        "faults": [
            {"service": "graph", "kind": "drop-before"},
            {"kind": {"redirect": {"location": "/login"}}},
        ],
    });
    assert_eq!(control(&emulator, "POST", "/faults", Some(faults)).json, json!({"faults": 2}));
    assert_eq!(control(&emulator, "POST", "/faults", Some(json!({"sort": "drop"}))).status, 400);
    assert_eq!(control(&emulator, "POST", "/spread", Some(json!({"pat": {"uses": 1}}))).status, 204);
    let made = control(&emulator, "POST", "/seed", Some(json!({"application": {"display-name": "x"}})));
    assert!(made.json["made"][0]["client-id"].is_string());
    assert_eq!(control(&emulator, "GET", "/nothing", None).status, 404);
}
