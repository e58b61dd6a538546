//! What is fed with bytes of anybody's choice: the targets of `fuzz/`, and of the plain loop in
//! `tests/integration/corpus.rs`. Each takes any bytes, ends, and asserts what must hold for all of them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use lakekey::workflow_commands::{annotation, escape, escape_property, mask, neutral};
use lakekey_core::{CheckRequest, Command, Config, Masks, NoEnvironment, Secret, check};
use lakekey_emulator::{Fault, FaultKind, Service};
use serde_json::{Value, json};

use crate::machine::{Machine, Ran};
use crate::stage::Stage;

/// Names a target and gives its function.
pub type Target = (&'static str, fn(&[u8]));

/// Lists every target; each has a folder of that name in `fuzz/corpus`.
pub const TARGETS: [Target; 6] = [
    ("configuration", configuration),
    ("replies", replies),
    ("certificate", certificate),
    ("workflow_commands", workflow_commands),
    ("masks", masks),
    ("sealed_box", sealed_box),
];

/// A configuration is read or refused; a refusal is one line and says where, and a check finds it too.
///
/// # Panics
/// Where it is not so.
pub fn configuration(data: &[u8]) {
    let request = CheckRequest { secrets: false, signs_in_to_github: true };
    let checked = check(data, &NoEnvironment, request);
    for error in checked.mistakes.iter().chain(&checked.warnings) {
        assert_harmless(&json!(error));
    }
    let Err(error) = Config::read(data, &NoEnvironment) else { return };
    assert!(!checked.mistakes.is_empty(), "a check finds what a run refuses: {error}");
    assert!(error.key().is_some(), "{error}");
    assert_harmless(&json!(error));
}

thread_local! {
    static PROVISIONED: Stage = {
        let stage = Stage::new();
        assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
        stage
    };
}

/// Runs a command of which every request to one service is answered with those bytes. The first byte chooses
/// the service, the second the status, the third the command, the fourth the form.
///
/// # Panics
/// Where the run does not end, or puts out a secret, or what acts on a terminal or a runner.
pub fn replies(data: &[u8]) {
    let [service, status, command, form, body @ ..] = data else { return };
    let services = [
        Service::Entra,
        Service::Graph,
        Service::Databricks,
        Service::DatabricksAccount,
        Service::Github,
        Service::KeyVault,
        Service::AzureDevops,
        Service::Imds,
    ];
    let statuses = [200, 201, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503];
    let commands = [
        Command::Rotate { force: true },
        Command::Status,
        Command::Doctor,
        Command::Plan,
        Command::Provision,
    ];
    let pick = |count: usize, byte: u8| usize::from(byte) % count;
    let text = String::from_utf8_lossy(body).into_owned();
    let kind = ["application/json", "text/html", "text/plain", ""][pick(4, *form)];
    let headers: BTreeMap<String, String> = match kind {
        "" => BTreeMap::new(),
        kind => [("content-type".to_owned(), kind.to_owned())].into(),
    };
    let status = statuses[pick(statuses.len(), *status)];
    let answer = FaultKind::Status { status, body: Value::String(text), headers };
    let service = services[pick(services.len(), *service)];
    PROVISIONED.with(|stage| {
        let stage = stage.fork();
        stage.emulator.set_faults(vec![Fault { service: Some(service), ..Fault::every(answer) }]);
        let ran = Machine::new(&stage).run(commands[pick(commands.len(), *command)].clone());
        assert!(ran.sent.len() < 500, "{} requests", ran.sent.len());
        assert_quiet(&stage, &ran);
    });
}

/// Signs in with those bytes as a certificate, PEM or PKCS#12.
///
/// # Panics
/// Where the run puts out what it must not.
pub fn certificate(data: &[u8]) {
    PROVISIONED.with(|stage| {
        let mut stage = stage.fork().target(|target| {
            target["auth"] = json!({"type": "azure-client-certificate", "certificate": {"file": "c"}});
        });
        stage.environment.1.insert("c".to_owned(), data.to_vec());
        // What is no certificate is found before anything is sent, and then there is no report.
        let ran = Machine::new(&stage).tried(Command::Status);
        match ran {
            Ok(ran) => assert_quiet(&stage, &ran),
            Err(error) => assert_harmless(&json!(error)),
        }
    });
}

/// What is escaped stands in one line, is no other command, and comes out as it went in.
///
/// # Panics
/// Where it is not so.
pub fn workflow_commands(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let decoded = |line: &str| line.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    assert_eq!(decoded(&escape(&text)), text);
    let property = escape_property(&text).replace("%3A", ":").replace("%2C", ",");
    assert_eq!(decoded(&property), text);
    for line in [annotation("error", &text, &text), mask(&text)] {
        assert!(!line.contains(['\n', '\r']), "{line:?}");
    }
    let line = neutral(&text);
    assert!(!line.contains(['\n', '\r']) && !line.contains("##["), "{line:?}");
    assert!(!line.trim_start().starts_with("::"), "{line:?}");
}

/// Of two halves the first is a secret and the second is said of it.
///
/// # Panics
/// Where a form of it is left.
pub fn masks(data: &[u8]) {
    let (value, said) = data.split_at(data.len() / 2);
    let (value, said) =
        (String::from_utf8_lossy(value).into_owned(), String::from_utf8_lossy(said).into_owned());
    let secret = Secret::new(value.as_str());
    let masks = Masks::default();
    let new = masks.add(&secret);
    let text = format!("{said}{value}{said}");
    let shown = masks.apply(&text);
    for line in new {
        // What stands in a value's place may make such a line with what stands beside it.
        let is_mask = line.contains('*');
        assert!(is_mask || !shown.contains(line.as_str()), "a line is left");
    }
}

/// Seals a value for a key that the bytes choose, and opens it again.
///
/// # Panics
/// Where it does not come out as it went in.
pub fn sealed_box(data: &[u8]) {
    let Some((seed, value)) = data.split_first_chunk::<32>() else { return };
    let value = String::from_utf8_lossy(value).into_owned();
    let private = SecretKey::from(*seed);
    let public = STANDARD.encode(private.public_key().as_bytes());
    let Ok(sealed) = lakekey_core::github::seal(&public, &Secret::new(value.as_str()), &Fixed) else {
        return;
    };
    let opened = STANDARD.decode(sealed).ok().and_then(|sealed| private.unseal(&sealed).ok());
    assert_eq!(opened.as_deref(), Some(value.as_bytes()));
    // What is no key is refused, and is no reason to fail otherwise.
    let refused = lakekey_core::github::seal(&value, &Secret::new("x"), &Fixed);
    assert!(refused.is_ok() || refused.is_err_and(|error| error.code().as_str() == "reply-invalid"));
}

/// Randomness that is none, so that a failure can be repeated.
struct Fixed;

impl lakekey_core::Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = u8::try_from(index * 37 % 251).unwrap_or_default();
        }
    }
}

/// Nothing that a run puts out is a secret or acts on what shows it.
fn assert_quiet(stage: &Stage, ran: &Ran) {
    assert_harmless(&serde_json::to_value(&ran.report).unwrap_or_default());
    for event in &ran.events {
        assert_harmless(&serde_json::to_value(event).unwrap_or_default());
    }
    for secret in stage.environment.0.values().filter(|value| value.len() >= 12) {
        assert!(!ran.output.contains(secret.as_str()), "a secret is put out");
    }
}

/// No text of a value acts on a terminal or a runner.
fn assert_harmless(value: &Value) {
    match value {
        Value::String(text) => {
            let turns =
                |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!text.chars().any(|c| c.is_control() || turns(c)), "{text:?}");
            assert!(!text.contains("##") && !text.starts_with("::"), "{text:?}");
        }
        Value::Array(items) => items.iter().for_each(assert_harmless),
        // The key of an error is the configuration's own text.
        Value::Object(map) => {
            map.iter().filter(|(name, _)| *name != "key").for_each(|(_, v)| assert_harmless(v))
        }
        _ => {}
    }
}
