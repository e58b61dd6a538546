//! Who is told of a run: notices in the form of each receiver, and the heartbeat of a schedule.

use std::time::Duration;

use lakekey_core::{Code, Command, Config, RunRequest, Step};
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };
const FORCED: Command = Command::Rotate { force: true };

/// The address, of which the path and the query are known to who may post.
const URL: &str = "https://hooks.example/services/T0/B0/s3cr3t-part?sig=s3cr3t-sig";

/// Sets a stage whose configuration tells a receiver of that kind.
fn telling(kind: &str, on: &[&str]) -> Stage {
    let mut stage = Stage::new();
    stage.environment.0.insert("NOTICES".to_owned(), URL.to_owned());
    stage.document["notify"] = json!([{"type": kind, "url": {"env": "NOTICES"}, "on": on}]);
    stage
}

fn beating() -> Stage {
    let mut stage = Stage::new();
    stage.environment.0.insert("BEAT".to_owned(), "https://hooks.example/ping/s3cr3t-part".to_owned());
    stage.document["heartbeat"] = json!({"url": {"env": "BEAT"}});
    stage
}

/// Returns the bodies that were received, and forgets them.
fn received(stage: &Stage) -> Vec<Value> {
    stage.emulator.world(|world| {
        world.webhooks.drain(..).map(|post| serde_json::from_slice(&post.body).unwrap_or_default()).collect()
    })
}

fn refusing(stage: &Stage) {
    let body = json!({"message": "Validation <!channel> *failed*"});
    let mut fault = Fault::every(FaultKind::Status { status: 422, body, headers: [].into() });
    (fault.service, fault.path_contains) = (Some(Service::Github), Some("/secrets/".to_owned()));
    fault.method = Some("PUT".to_owned());
    stage.emulator.set_faults(vec![fault]);
}

fn notices(ran: &Ran) -> Vec<(String, bool, usize)> {
    let report = ran.report.as_ref().unwrap();
    report.notices.iter().map(|notice| (notice.kind.clone(), notice.sent, notice.events)).collect()
}

#[test]
fn a_run_in_which_all_is_well_tells_nobody() {
    let stage = telling("webhook", &["failed", "overdue", "expiring"]);
    for command in [Command::Provision, ROTATE, Command::Status, FORCED] {
        let ran = Machine::new(&stage).run(command.clone());
        assert_eq!((notices(&ran), received(&stage).len()), (vec![], 0), "{command:?}");
    }
}

#[test]
fn a_failure_is_told_once_in_a_run_with_its_step_its_code_and_what_to_do() {
    let stage = telling("webhook", &["failed"]);
    let _ = Machine::new(&stage).run(Command::Provision);
    refusing(&stage);
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!(notices(&ran), [("webhook".to_owned(), true, 1)]);
    let bodies = received(&stage);
    let [body] = bodies.as_slice() else { panic!("{bodies:?}") };
    assert_eq!((&body["version"], &body["command"]), (&json!(1), &json!("rotate")));
    assert_eq!(body["summary"], "lakekey rotate: 1 failed");
    let event = &body["events"][0];
    let of = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (of("event"), of("target"), of("code")),
        ("failed".into(), "catalog-prod".into(), "sink-refused".into())
    );
    assert_eq!(of("step"), "deliver");
    assert!(!of("hint").is_empty() && of("message").contains("Validation"), "{event}");
    assert!(of("workspace").starts_with("https://"), "{event}");
}

#[test]
fn each_receiver_gets_its_own_form_in_which_no_text_of_a_service_is_markup() {
    for kind in ["slack", "teams"] {
        let mut stage = telling(kind, &["failed"]);
        for (name, value) in [
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/data"),
            ("GITHUB_RUN_ID", "7"),
        ] {
            stage.environment.0.insert(name.to_owned(), value.to_owned());
        }
        let _ = Machine::new(&stage).run(Command::Provision);
        refusing(&stage);
        let _ = Machine::new(&stage).run(FORCED);
        let body = received(&stage).pop().unwrap();
        let text = body.to_string();
        assert!(text.contains("lakekey rotate: 1 failed") && text.contains("What to do: "), "{text}");
        assert!(text.contains("https://github.com/acme/data/actions/runs/7"), "{text}");
        let texts: Vec<&Value> = match kind {
            "slack" => {
                let blocks = body["blocks"].as_array().unwrap();
                assert!(!body["text"].as_str().unwrap().contains('<'), "{body}");
                let shown = blocks.iter().filter(|block| block["type"] != "context");
                shown.map(|block| &block["text"]["type"]).collect()
            }
            _ => {
                let card = &body["attachments"][0]["content"];
                assert_eq!((&body["type"], &card["type"]), (&json!("message"), &json!("AdaptiveCard")));
                card["body"].as_array().unwrap().iter().map(|block| &block["inlines"][0]["type"]).collect()
            }
        };
        let plain = if kind == "slack" { "plain_text" } else { "TextRun" };
        assert!(texts.len() == 2 && texts.iter().all(|kind| **kind == plain), "{body}");
    }
}

#[test]
fn what_is_told_is_what_was_asked_for() {
    let rotated = telling("webhook", &["rotated"]);
    let ran = Machine::new(&rotated).run(Command::Provision);
    assert_eq!(notices(&ran), [("webhook".to_owned(), true, 1)]);
    assert_eq!(received(&rotated)[0]["events"][0]["event"], "rotated");
    refusing(&rotated);
    assert_eq!(notices(&Machine::new(&rotated).run(FORCED)), []);

    // Nobody has rotated for so long that it is overdue, and then that it ends.
    let late = telling("webhook", &["overdue", "expiring"]);
    let _ = Machine::new(&late).run(Command::Provision);
    for (days, expected) in [(55, vec![]), (20, vec!["overdue"]), (2, vec!["overdue", "expiring"])] {
        late.emulator.advance(DAY * days);
        let _ = Machine::new(&late).run(Command::Status);
        let told: Vec<Value> = received(&late).first().map_or_else(Vec::new, |body| {
            body["events"].as_array().unwrap().iter().map(|event| event["event"].clone()).collect()
        });
        assert_eq!(told, expected, "after {days} d more");
    }
}

#[test]
fn a_fleet_is_one_notice_that_lists_ten_and_counts_the_rest() {
    let mut stage = Stage::with_workspaces(13);
    stage.environment.0.insert("NOTICES".to_owned(), URL.to_owned());
    stage.document["notify"] = json!([{"type": "slack", "url": {"env": "NOTICES"}}]);
    let _ = Machine::new(&stage).run(Command::Provision);
    refusing(&stage);
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!(notices(&ran), [("slack".to_owned(), true, 13)]);
    let bodies = received(&stage);
    assert_eq!(bodies.len(), 1);
    let text = bodies[0].to_string();
    assert!(text.contains("lakekey rotate: 13 failed") && text.contains("and 3 more"), "{text}");
}

#[test]
fn what_changes_nothing_and_what_asks_for_silence_tells_nobody() {
    let stage = telling("webhook", &["failed", "overdue", "expiring", "rotated"]);
    let _ = Machine::new(&stage).run(Command::Provision);
    let _ = received(&stage);
    refusing(&stage);
    let silent = RunRequest { notify: false, ..RunRequest::new(FORCED) };
    let _ = Machine::new(&stage).ask(&silent);
    let _ = Machine::new(&stage).dry_run(FORCED);
    for command in [Command::Plan, Command::Doctor] {
        let _ = Machine::new(&stage).run(command);
    }
    assert_eq!(received(&stage), Vec::<Value>::new());
}

#[test]
fn a_notice_that_is_refused_is_a_warning_without_the_address_and_the_credential_is_delivered() {
    let stage = telling("slack", &["rotated"]);
    let mut fault = Fault::every(FaultKind::Status {
        status: 404,
        body: json!(format!("no_service at {URL}")),
        headers: [].into(),
    });
    fault.service = Some(Service::Webhook);
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), notices(&ran)), ("provisioned", vec![("slack".to_owned(), false, 1)]));
    let report = ran.report.as_ref().unwrap();
    let error = report.notices[0].error.as_ref().unwrap();
    assert_eq!((error.code(), error.step(), report.exit_status()), (Code::NoticeRefused, Step::Notify, 0));
    assert!(ran.output.contains("no_service"), "{}", ran.output);
    assert!(!ran.output.contains("s3cr3t"), "{}", ran.output);
}

#[test]
fn a_variable_that_is_not_there_is_told_by_a_check_and_keeps_no_run_from_rotating() {
    let mut stage = telling("slack", &["rotated"]);
    stage.environment.0.remove("NOTICES");
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned");
    let error = ran.report.as_ref().unwrap().notices[0].error.clone().unwrap();
    assert_eq!((error.code(), error.key()), (Code::ConfigMissingSecret, Some("notify[0].url")));
    let request = lakekey_core::CheckRequest { secrets: true, signs_in_to_github: false };
    let text = stage.document.to_string();
    let checked = lakekey_core::check(text.as_bytes(), &stage.environment, request);
    assert!(checked.mistakes.iter().any(|error| error.key() == Some("notify[0].url")), "{checked:?}");
}

#[test]
fn an_address_over_plain_http_or_of_a_host_that_a_file_alone_names_gets_nothing() {
    for (address, code) in [
        ("http://hooks.example/x", Code::ConfigInsecureUrl),
        ("hooks.example", Code::ConfigInvalidValue),
        ("https://elsewhere.example/x", Code::ConfigHostOutsideCloud),
    ] {
        let mut stage = telling("webhook", &["rotated"]);
        stage.document["notify"][0]["url"] = json!({"file": "/run/url"});
        stage.environment.1.insert("/run/url".to_owned(), address.as_bytes().to_vec());
        let ran = Machine::new(&stage).run(Command::Provision);
        let error = ran.report.as_ref().unwrap().notices[0].error.clone().unwrap();
        assert_eq!((ran.outcome(), error.code()), ("provisioned", code), "{address}");
        assert_eq!(received(&stage), Vec::<Value>::new());
    }
}

#[test]
fn mistakes_of_notify_are_named_with_their_key() {
    for (notify, key) in [
        (json!([{"type": "mail", "url": {"env": "X"}}]), "notify[0].type"),
        (json!([{"type": "slack"}]), "notify[0].url"),
        (json!([{"type": "slack", "url": "https://hooks.example"}]), "notify[0].url"),
        (json!([{"type": "slack", "url": {"env": "X"}, "on": []}]), "notify[0].on"),
        (json!([{"type": "slack", "url": {"env": "X"}, "on": ["fail"]}]), "notify[0].on[0]"),
        (
            json!([{"type": "slack", "url": {"env": "X"}, "on": ["failed"], "within": "3d"}]),
            "notify[0].within",
        ),
        (json!([{"type": "slack", "url": {"env": "X"}, "within": "soon"}]), "notify[0].within"),
    ] {
        let mut stage = Stage::new();
        stage.document["notify"] = notify.clone();
        let error = Config::from_value(stage.document, &stage.environment).unwrap_err();
        assert_eq!(error.key(), Some(key), "{notify}: {error}");
    }
}

#[test]
fn the_heart_beats_once_after_each_run_that_renews_and_ends_well() {
    let stage = beating();
    for (command, beats) in [
        (Command::Provision, 1),
        (ROTATE, 1),
        (FORCED, 1),
        (Command::Status, 0),
        (Command::Plan, 0),
        (Command::Doctor, 0),
    ] {
        let _ = Machine::new(&stage).run(command.clone());
        let calls = stage
            .emulator
            .world(|world| world.webhooks.drain(..).map(|call| (call.method, call.path)).collect::<Vec<_>>());
        assert_eq!(calls, vec![("GET".to_owned(), "/ping/s3cr3t-part".to_owned()); beats], "{command:?}");
    }
    let _ = Machine::new(&stage).dry_run(ROTATE);
    refusing(&stage);
    let _ = Machine::new(&stage).run(FORCED);
    assert_eq!(received(&stage).len(), 0, "a run that fails is silent, so that the alarm is raised");
}

#[test]
fn a_heartbeat_that_is_not_taken_changes_nothing_else() {
    let stage = beating();
    let mut fault = Fault::every(FaultKind::DropBefore);
    fault.service = Some(Service::Webhook);
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), notices(&ran)), ("provisioned", vec![("heartbeat".to_owned(), false, 0)]));
    assert!(!ran.output.contains("s3cr3t"), "{}", ran.output);
}
