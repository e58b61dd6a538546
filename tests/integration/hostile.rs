//! What answers in a service's place, and who may edit the configuration, gets no secret shown, no terminal
//! and no runner to obey, no path changed and no decision made.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakekey_core::{Command, Config, Revocation, RunRequest};
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const FORCED: Command = Command::Rotate { force: true };
const COMMANDS: [Command; 5] = [FORCED, Command::Status, Command::Plan, Command::Doctor, Command::Provision];
const SERVICES: [Service; 4] = [Service::Entra, Service::Graph, Service::Databricks, Service::Github];

fn provisioned() -> Stage {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(Duration::from_secs(86_400));
    stage
}

/// Answers every request of a service like this.
fn answering(stage: &Stage, service: Service, status: u16, body: &Value) {
    let kind = FaultKind::Status { status, body: body.clone(), headers: Default::default() };
    stage.emulator.set_faults(vec![Fault { service: Some(service), ..Fault::every(kind) }]);
}

fn at(stage: &Stage, path: &str, body: Value) {
    let kind = FaultKind::Status { status: 200, body, headers: json_headers() };
    let fault = Fault { path_contains: Some(path.to_owned()), ..Fault::every(kind) };
    stage.emulator.set_faults(vec![fault]);
}

fn json_headers() -> std::collections::BTreeMap<String, String> {
    [("content-type".to_owned(), "application/json".to_owned())].into()
}

/// Every way in which an answer may repeat a value.
fn forms(value: &str) -> Vec<String> {
    let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let basic = STANDARD.encode(format!("user:{value}"));
    vec![value.to_owned(), form, STANDARD.encode(value), basic, json!(value).to_string()]
}

#[test]
fn a_refusal_that_repeats_a_secret_in_any_form_shows_none_of_it() {
    let known = [
        (Service::Entra, "CLIENT_SECRET", FORCED),
        (Service::Github, "GITHUB_PAT", FORCED),
        (Service::Databricks, "ADMIN_TOKEN_0", Command::Provision),
        (Service::Databricks, "ADMIN_TOKEN_0", Command::Doctor),
    ];
    for (service, name, command) in known {
        let stage = provisioned();
        for form in forms(&stage.environment.0[name]) {
            // At the end of what is kept of a sentence, where a cut could leave a part of it.
            for before in [0, 275, 290] {
                let said = format!("{}{form} was refused", "x".repeat(before));
                let body = json!({"error": "invalid_client", "message": said, "error_description": said});
                for body in [body, json!(said)] {
                    answering(&stage, service, 403, &body);
                    let ran = Machine::new(&stage).run(command.clone());
                    let part: String = form.trim_matches('"').chars().take(9).collect();
                    assert!(!ran.output.contains(&part), "{service:?}: {part} in {}", ran.output);
                }
            }
        }
    }
}

#[test]
fn an_answer_that_breaks_off_is_never_quoted() {
    for service in SERVICES {
        for body in [
            r#"{"token_value": "hunter2-hunter2"#,
            r#"  [{"access_token": "hunter2-hunter2", "#,
            r#""hunter2-hunter2"#,
            "\u{feff}{'value': hunter2-hunter2}",
            ")]}',\n{\"value\": \"hunter2-hunter2",
        ] {
            for status in [200, 201, 400, 403, 500, 503] {
                let stage = provisioned();
                answering(&stage, service, status, &json!(body));
                let ran = Machine::new(&stage).run(FORCED);
                assert!(!ran.output.contains("hunter2"), "{service:?} {status}: {}", ran.output);
            }
        }
    }
}

/// Finds each text of a report that would act on what shows it.
fn acting(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let turns =
                |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            let unseen = |c: char| c.is_control() || turns(c);
            if text.chars().any(unseen) || text.contains("##") || text.starts_with("::") {
                found.push(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| acting(item, found)),
        Value::Object(map) => map.values().for_each(|item| acting(item, found)),
        _ => {}
    }
}

fn all_of(ran: &Ran) -> Vec<String> {
    let mut found = Vec::new();
    acting(&serde_json::to_value(&ran.report).unwrap(), &mut found);
    for event in &ran.events {
        acting(&serde_json::to_value(event).unwrap(), &mut found);
    }
    found
}

#[test]
fn nothing_that_a_service_says_acts_on_a_terminal_or_a_runner() {
    let hostile = "::add-mask::a \u{1b}[2J\u{202e}b\u{200b} ##[error]c ##vso[task.x]d\r\n::error::e";
    for service in SERVICES {
        for command in COMMANDS {
            let stage = provisioned();
            let body = json!({"error_code": hostile, "error": hostile, "message": hostile, "detail": hostile,
                "error_description": hostile, "trace_id": hostile});
            answering(&stage, service, 403, &body);
            let ran = Machine::new(&stage).run(command.clone());
            assert_eq!(all_of(&ran), Vec::<String>::new(), "{service:?} {command:?}");
        }
    }
    // Names of a list that is answered as it is asked for.
    let stage = provisioned();
    let now = stage.emulator.now_ms();
    let token = json!({"token_id": "a1", "creation_time": now, "expiry_time": now + 9_000_000_000_i64,
        "comment": format!("[lakekey target=catalog-prod op=x phase=active] {hostile}"), "scopes": [hostile],
        "autoscope_state": hostile, "inferred_scopes": [hostile], "created_by_username": hostile});
    at(&stage, "/token/list", json!({"token_infos": [token]}));
    for command in COMMANDS {
        let ran = Machine::new(&stage).run(command.clone());
        assert_eq!(all_of(&ran), Vec::<String>::new(), "{command:?}");
    }
}

#[test]
fn an_id_that_is_none_ends_the_run_before_anything_is_written() {
    let long = "x".repeat(129);
    for id in ["", ".", "..", "../../x", "a/b", "a%2fb", "a?b", "a b", "a\nb", "é", long.as_str()] {
        let stage = provisioned();
        let now = stage.emulator.now_ms();
        let token = json!({"token_id": id, "creation_time": now, "expiry_time": -1});
        at(&stage, "/token/list", json!({"token_infos": [token]}));
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.code(), ran.writes()), (Some("reply-invalid"), Vec::new()), "{id:?}");
    }
}

#[test]
fn dates_that_cannot_be_decide_nothing() {
    let day = 86_400_000_i64;
    let stage = provisioned();
    let now = stage.emulator.now_ms();
    for (created, expires) in [
        (0, now + day),
        (-1, now + day),
        (now / 1000, now + day),
        (now + 2 * day, now + 90 * day),
        (now - day, now - 2 * day),
        (now - day, 0),
        (now - day, 134_061_000_000_000),
        (now - day, i64::MAX),
        (i64::MAX, -1),
    ] {
        let stage = provisioned();
        let comment = "[lakekey target=catalog-prod op=x phase=active]";
        let token =
            json!({"token_id": "a1", "creation_time": created, "expiry_time": expires, "comment": comment});
        at(&stage, "/token/list", json!({"token_infos": [token]}));
        for command in [FORCED, Command::Rotate { force: false }, Command::Status] {
            let ran = Machine::new(&stage).run(command);
            assert_eq!(ran.code(), Some("reply-invalid"), "{created} {expires}: {}", ran.output);
            assert_eq!(ran.writes(), Vec::<String>::new(), "{created} {expires}");
        }
    }
}

#[test]
fn the_emergency_brake_needs_no_dates() {
    let stage = provisioned();
    let comment = "[lakekey target=catalog-prod op=x phase=active]";
    let token = json!({"token_id": "a1", "creation_time": 0, "expiry_time": 0, "comment": comment});
    at(&stage, "/token/list", json!({"token_infos": [token]}));
    let request = RunRequest { confirmed: true, ..RunRequest::new(Command::Revoke(Revocation::Managed)) };
    let ran = Machine::new(&stage).ask(&request);
    assert!(
        ran.writes().iter().any(|write| write.contains("token/delete")),
        "{:?} {}",
        ran.writes(),
        ran.output
    );
}

#[test]
fn a_run_that_only_looks_asks_for_no_right_to_write() {
    let asked = |command: Command| -> Vec<String> {
        let mut stage = provisioned();
        let (id, key) = stage.emulator.world(|world| world.github_app());
        stage.environment.0.insert("APP_KEY".to_owned(), key);
        stage.document["github"] = json!({"type": "app", "app-id": id, "private-key": {"env": "APP_KEY"}});
        stage.emulator.clear_requests();
        let _ = Machine::new(&stage).run(command);
        let requests = stage.emulator.requests().into_iter();
        let level = |record: lakekey_emulator::Record| {
            let body = record.body.filter(|_| record.path.ends_with("/access_tokens"))?;
            body["permissions"]["secrets"].as_str().map(str::to_owned)
        };
        requests.filter_map(level).collect()
    };
    for command in [Command::Status, Command::Plan, Command::Doctor] {
        let levels = asked(command.clone());
        assert!(!levels.is_empty() && levels.iter().all(|level| level == "read"), "{command:?}: {levels:?}");
    }
    let levels = asked(FORCED);
    assert!(!levels.is_empty() && levels.iter().all(|level| level == "write"), "{levels:?}");
}

#[test]
fn a_host_that_the_configuration_alone_names_gets_no_secret() {
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut stage = Stage::new();
        change(&mut stage.document);
        let error = Config::from_value(stage.document, &stage.environment).unwrap_err();
        assert_eq!(error.code().as_str(), "config-host-outside-cloud", "{error}");
        assert!(
            error.hint().contains("--allow-host") && error.hint().contains("LAKEKEY_ALLOW_HOSTS"),
            "{error}"
        );
        error.key().unwrap_or_default().to_owned()
    };
    for key in ["login", "graph", "github", "azure-devops", "accounts", "imds"] {
        let at = refused(&|document| document["endpoints"] = json!({key: "https://evil.example/x"}));
        assert_eq!(at, format!("endpoints.{key}"));
    }
    let at = refused(&|document| document["endpoints"] = json!({"workspaces": ["https://evil.example"]}));
    assert_eq!(at, "endpoints.workspaces[0]");
    let hook = json!([{"type": "webhook", "url": "https://evil.example/x", "key": {"env": "A"}}]);
    assert_eq!(
        refused(&|document| document["targets"][0]["deliver"] = hook.clone()),
        "targets[0].deliver[0].url"
    );
    let vault = json!([{"type": "key-vault", "vault": "https://a.evil.example", "secret": "x"}]);
    let at = refused(&|document| {
        document["endpoints"] = json!({"key-vault-suffix": ".evil.example"});
        document["targets"][0]["deliver"] = vault.clone();
    });
    assert_eq!(at, "targets[0].deliver[0].vault");
}

#[test]
fn a_host_that_is_named_outside_too_is_announced_before_a_secret_goes_there() {
    let mut stage = Stage::new();
    stage.environment.0.insert("LAKEKEY_ALLOW_HOSTS".to_owned(), "login.corp.example".to_owned());
    stage.document["endpoints"]["login"] = json!("https://login.corp.example");
    let ran = Machine::new(&stage).run(FORCED);
    let first = &ran.events[0];
    assert_eq!(first.message, "endpoints.login has secrets sent to login.corp.example");
}
