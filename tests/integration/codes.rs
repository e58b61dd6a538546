//! Every code that lakekey can give is provoked once.

use std::collections::BTreeSet;
use std::time::Duration;

use lakekey_core::{Code, Command, Config, Revocation, RunRequest, select};
use lakekey_emulator::{Fault, FaultKind, Service, Spread, SpreadKind};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::{Stage, Variables};
use lakekey_tests::wire::Aim;
use serde_json::{Value, json};

use super::principals::{federated, with_client_secret};
use super::recorded::{Recorded, client_secret_from_nothing, codes_of_answer};
use super::sign_in::{GITHUB, certified, stage as signing_in};

const DAY: Duration = Duration::from_secs(86_400);
const FORCED: Command = Command::Rotate { force: true };

/// Why a code is not provoked here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("internal", "it tells a defect of lakekey, and none is known"),
    ("sink-failed", "a program that fails: tests/conformance/test_failing_places.py"),
];

type Codes = BTreeSet<String>;

/// Collects every code that a run has told, of its targets and of their places.
fn of(ran: &Ran) -> Codes {
    let report = serde_json::to_value(ran.report.as_ref().unwrap()).unwrap();
    let mut found = Codes::new();
    let mut left = vec![&report];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(map) => {
                found.extend(map.get("code").and_then(Value::as_str).map(str::to_owned));
                left.extend(map.values());
            }
            Value::Array(list) => left.extend(list),
            _ => {}
        }
    }
    found
}

fn run(stage: &Stage, command: Command) -> Codes {
    of(&Machine::new(stage).run(command))
}

fn provisioned() -> Stage {
    ready(Stage::new())
}

fn ready(stage: Stage) -> Stage {
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY);
    stage
}

/// Gives an answer to every request of a kind, and runs a command.
fn answered(stage: Stage, service: Service, ask: &str, kind: FaultKind, command: Command) -> Codes {
    let (method, path) = ask.split_once(' ').unwrap();
    let mut fault = Fault::every(kind);
    (fault.service, fault.path_contains) = (Some(service), Some(path.to_owned()));
    fault.method = (method != "*").then(|| method.to_owned());
    stage.emulator.set_faults(vec![fault]);
    run(&stage, command)
}

fn status(status: u16, body: Value) -> FaultKind {
    FaultKind::Status { status, body, headers: [].into() }
}

/// Refuses the sign-in with a number of Entra ID's.
fn at_entra(number: u32) -> Codes {
    let words = format!("AADSTS{number}: refused");
    let body = json!({"error": "invalid_request", "error_codes": [number], "error_description": words});
    answered(provisioned(), Service::Entra, "POST /token", status(400, body), FORCED)
}

/// Refuses a look at a workspace.
fn at_databricks(code: u16, words: &str) -> Codes {
    let body = json!({"error_code": "PERMISSION_DENIED", "message": words});
    answered(
        Stage::new(),
        Service::Databricks,
        "* /ServicePrincipals",
        status(code, body),
        Command::Provision,
    )
}

/// Disturbs the list of tokens.
fn listing(kind: FaultKind) -> Codes {
    answered(provisioned(), Service::Databricks, "GET /token/list", kind, FORCED)
}

/// Disturbs everything from the list of tokens on.
fn disturbed(disturbance: Disturbance) -> Codes {
    let stage = provisioned();
    let sent = Machine::new(&stage.fork()).run(FORCED).sent;
    let at = sent.iter().position(|sent| sent.path.ends_with("/token/list")).unwrap();
    of(&Machine::new(&stage).disturbed(Aim { at, disturbance, lasting: true }).run(FORCED))
}

fn at_github(ask: &str, kind: FaultKind) -> Codes {
    answered(provisioned(), Service::Github, ask, kind, FORCED)
}

/// Reads the stage's document after a change.
fn document(change: impl FnOnce(&mut Value)) -> Codes {
    let mut stage = Stage::new();
    change(&mut stage.document);
    match Config::from_value(stage.document, &stage.environment) {
        Ok(_) => Codes::new(),
        Err(error) => Codes::from([error.code().to_string()]),
    }
}

fn target(change: impl FnOnce(&mut Value)) -> Codes {
    document(|document| change(&mut document["targets"][0]))
}

fn text(bytes: &[u8]) -> Codes {
    let error = Config::read(bytes, &Variables::default()).unwrap_err();
    Codes::from([error.code().to_string()])
}

/// Provokes a code of the document, or of what it refers to.
fn of_configuration(code: &str) -> Option<Codes> {
    Some(match code {
        "config-unreadable" => text(b""),
        "config-syntax" => text(b"targets: [unclosed"),
        "config-unknown-key" => document(|document| document["tagrets"] = json!([])),
        "config-missing-key" => document(|document| document["targets"] = json!([])),
        "config-invalid-value" => target(|target| target["name"] = json!("a b")),
        "config-literal-secret" => target(|target| target["auth"]["client-secret"] = json!("a value")),
        "config-duplicate" => {
            target(|target| target["deliver"] = json!([target["deliver"][0], target["deliver"][0]]))
        }
        "config-host-outside-cloud" => target(|target| target["workspace"] = json!("https://example.com")),
        "config-insecure-url" => {
            target(|target| target["workspace"] = json!("http://adb-1.1.azuredatabricks.net"))
        }
        "config-unknown-target" => {
            let error = select(&Stage::new().config(), &["nobody".to_owned()]).unwrap_err();
            Codes::from([error.code().to_string()])
        }
        "config-missing-secret" => {
            let mut stage = Stage::new();
            drop(stage.environment.0.remove("CLIENT_SECRET"));
            let refused = Machine::new(&stage).refused(FORCED);
            Codes::from([refused.code().to_string()])
        }
        "usage-invalid" => {
            let revocation = RunRequest::new(Command::Revoke(Revocation::All));
            let refused = Machine::new(&Stage::with_workspaces(2)).refused(revocation.command);
            Codes::from([refused.code().to_string()])
        }
        _ => return None,
    })
}

/// Provokes a code of the network or of a service as a whole.
fn of_network(code: &str) -> Option<Codes> {
    Some(match code {
        "timed-out" => disturbed(Disturbance::NeverEnds),
        "reply-lost" => disturbed(Disturbance::ReplyLost),
        "reply-invalid" => listing(FaultKind::Garbage),
        "reply-too-large" => disturbed(Disturbance::Huge),
        "redirected" => listing(FaultKind::Redirect { location: "https://elsewhere.example/".to_owned() }),
        "private-link" => {
            let location = "/login.html?error=private-link-validation-error:1".to_owned();
            listing(FaultKind::Redirect { location })
        }
        "rate-limited" => listing(status(429, json!({}))),
        "refused" => at_databricks(403, "no"),
        "service-unavailable" => listing(status(503, json!({}))),
        _ => return None,
    })
}

/// Provokes a code of a sign-in.
fn of_sign_in(code: &str) -> Option<Codes> {
    let forced = |stage: Stage| run(&stage, FORCED);
    let actions = |auth: Value, request_token: bool| {
        signing_in(auth, |world, client| {
            if !request_token {
                world.oidc.actions.request_token = None;
            }
            let subject = world.oidc.actions.subject();
            assert!(world.add_federated_credential(client, "main", GITHUB, &subject));
            world.actions_environment()
        })
    };
    Some(match code {
        "application-not-found" => at_entra(700_016),
        "application-type" => at_entra(70_052),
        "wrong-cloud" => at_entra(900_382),
        "scope-invalid" => at_entra(70_011),
        "sign-in-refused" => at_entra(99_999),
        "client-secret-wrong" => {
            let mut stage = provisioned();
            stage.environment.0.insert("CLIENT_SECRET".to_owned(), "another".to_owned());
            forced(stage)
        }
        "federated-credential-audience" => {
            forced(actions(json!({"type": "github-oidc-azure", "audience": "api://another"}), true))
        }
        "oidc-permission-missing" => forced(actions(json!({"type": "github-oidc-azure"}), false)),
        "system-access-token-missing" => {
            forced(signing_in(json!({"type": "azure-devops-oidc"}), |world, _| {
                world.oidc.pipeline.access_token = None;
                world.pipeline_environment()
            }))
        }
        "sign-in-not-configured" => forced(signing_in(Value::Null, |_, _| Vec::new())),
        "azure-cli-failed" => forced(signing_in(json!({"type": "azure-cli"}), |_, _| Vec::new())),
        "certificate-invalid" => forced(certified(2020..2049, false, false)),
        "certificate-expired" => forced(certified(2020..2021, true, false)),
        "certificate-key-mismatch" => forced(certified(2020..2049, true, true)),
        "wrong-audience" => at_databricks(401, "IncorrectClaimException: Expected aud claim to be: 2ff8"),
        "wrong-principal" => {
            let admin = json!({"type": "access-token", "token": {"env": "ADMIN_TOKEN_0"}});
            forced(provisioned().target(|target| target["auth"] = admin))
        }
        "identity-unknown" => {
            let stage = provisioned();
            let client_id = stage.emulator.world(|world| {
                let own = world.seeded.client_id.clone();
                world.workspaces[0].refuses_me.push(own.clone());
                own
            });
            forced(super::identity::handed_over(stage, client_id, None))
        }
        _ => return None,
    })
}

/// Provokes a code of the procedure: what may be done, and what was found.
fn of_procedure(code: &str) -> Option<Codes> {
    let provision = |stage: Stage| run(&stage, Command::Provision);
    Some(match code {
        "admin-required" => at_databricks(403, "Only administrators can list principals"),
        "principal-inactive" => at_databricks(403, "The user is inactive"),
        "admin-not-configured" => {
            provision(Stage::new().target(|target| drop(target.as_object_mut().unwrap().remove("admin"))))
        }
        "directory-not-configured" => {
            provision(federated().target(|target| drop(target.as_object_mut().unwrap().remove("directory"))))
        }
        "tokens-disabled" => provision(Stage::new().without_tokens()),
        "application-ambiguous" => {
            let stage = federated();
            stage.emulator.world(|world| {
                let name = stage.document["targets"][0]["principal"]["display-name"].as_str().unwrap();
                (world.register_application(name), world.register_application(name))
            });
            provision(stage)
        }
        "application-not-ours" => {
            let stage = federated();
            stage.emulator.world(|world| {
                let name = stage.document["targets"][0]["principal"]["display-name"].as_str().unwrap();
                world.register_application(name)
            });
            provision(stage)
        }
        "client-secret-undelivered" => provision(
            with_client_secret()
                .target(|target| drop(target.as_object_mut().unwrap().remove("client-secret"))),
        ),
        "credential-type-not-allowed" => {
            let body = json!({"error": {"code": "CredentialTypeNotAllowedAsPerAppPolicy", "message": "no"}});
            let stage = client_secret_from_nothing();
            answered(stage, Service::Graph, "POST /addPassword", status(403, body), Command::Provision)
        }
        "verification-failed" => {
            let stage = provisioned();
            let never = Spread { ms: 86_400_000, ..Spread::default() };
            stage.emulator.world(|world| world.spread.set(SpreadKind::Pat, never));
            run(&stage, FORCED)
        }
        "spreading-too-slow" => {
            let body =
                json!({"error": {"code": "Request_ResourceNotFound", "message": "no such application"}});
            let ask = "POST /federatedIdentityCredentials";
            answered(federated(), Service::Graph, ask, status(404, body), Command::Provision)
        }
        "another-run" => {
            let stage = provisioned();
            let _ = super::leases::killed_after_creation(&stage, FORCED);
            run(&stage, FORCED)
        }
        "lease-expired" => {
            let stage = provisioned().target(|target| target["token"]["verify-within"] = json!("30m"));
            let late = Spread { ms: 600_000 - 25_000, ..Spread::default() };
            stage.emulator.world(|world| world.spread.set(SpreadKind::Pat, late));
            run(&stage, FORCED)
        }
        "cancelled" => of(&Machine::new(&provisioned()).stopped_after(0).run(FORCED)),
        "revoke-refused" => {
            let stage = provisioned();
            let nowhere = Command::Revoke(Revocation::Id("nowhere".to_owned()));
            let targets = vec!["catalog-prod".to_owned()];
            of(&Machine::new(&stage).ask(&RunRequest { targets, ..RunRequest::new(nowhere) }))
        }
        _ => return None,
    })
}

/// Provokes a code of a place.
fn of_place(code: &str) -> Option<Codes> {
    let words = |words: &str| json!({"message": words});
    Some(match code {
        "github-not-configured" => {
            let mut stage = provisioned();
            drop(stage.document.as_object_mut().unwrap().remove("github"));
            run(&stage, FORCED)
        }
        "github-credential-invalid" => at_github("* /secrets", status(401, words("Bad credentials"))),
        "github-token-cannot-write-secrets" => {
            let mut stage = provisioned();
            let token = stage.emulator.world(|world| world.seeded.workflow_token.clone());
            stage.document["github"] = json!({"type": "token", "token": {"env": "GITHUB_TOKEN"}});
            stage.environment.0.insert("GITHUB_TOKEN".to_owned(), token);
            run(&stage, FORCED)
        }
        "github-repository-moved" => {
            let location = "https://api.github.com/repositories/7/actions/secrets/T".to_owned();
            at_github("* /secrets", FaultKind::Redirect { location })
        }
        "github-app-not-installed" => {
            let mut stage = provisioned();
            let (id, key) = stage.emulator.world(|world| world.github_app());
            stage.environment.0.insert("APP_KEY".to_owned(), key);
            stage.document["github"] =
                json!({"type": "app", "app-id": id, "private-key": {"env": "APP_KEY"}});
            answered(stage, Service::Github, "GET /installation", status(404, words("Not Found")), FORCED)
        }
        "partial-delivery" => {
            let (stage, body) = (ready(Stage::new().every_sink()), json!({"error": {"code": "Forbidden"}}));
            answered(stage, Service::KeyVault, "PUT /secrets/", status(403, body), FORCED)
        }
        "sink-refused" => at_github("PUT /secrets/", status(422, words("Validation failed"))),
        "notice-refused" => {
            let mut stage = provisioned();
            stage.environment.0.insert("BEAT".to_owned(), "https://hooks.example/x".to_owned());
            stage.document["heartbeat"] = json!({"url": {"env": "BEAT"}});
            answered(stage, Service::Webhook, "* /x", status(404, words("unknown")), FORCED)
        }
        "sink-mismatch" => at_github("GET /actions/secrets/", FaultKind::Stale),
        "sink-changed" => {
            let stage = ready(Stage::new().every_sink());
            answered(stage, Service::AzureDevops, "PUT /variablegroups", status(409, words("edited")), FORCED)
        }
        "sink-secret-deleted" => {
            let stage = ready(Stage::new().every_sink());
            stage.emulator.world(|world| {
                let now = world.now_ms();
                world.vaults.secrets.values_mut().for_each(|secret| secret.deleted_ms = Some(now));
            });
            run(&stage, FORCED)
        }
        "sink-overwritten" => {
            let stage = provisioned();
            for command in [Command::Rotate { force: false }, Command::Status] {
                stage.emulator.advance(DAY);
                stage.emulator.world(super::places::write_a_placeholder);
                stage.emulator.advance(Duration::from_secs(3_600));
                let told = run(&stage, command.clone());
                if command == Command::Status {
                    return Some(told);
                }
            }
            Codes::new()
        }
        _ => return None,
    })
}

#[test]
fn every_code_is_provoked_once_by_what_it_stands_for() {
    let recorded: Vec<Recorded> =
        serde_json::from_str(include_str!("../fixtures/recorded-answers.json")).unwrap();
    let mut wrong = Vec::new();
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        let provoked = of_configuration(code)
            .or_else(|| of_network(code))
            .or_else(|| of_sign_in(code))
            .or_else(|| of_procedure(code))
            .or_else(|| of_place(code));
        let elsewhere = ELSEWHERE.iter().any(|(known, _)| *known == code);
        let told = match provoked {
            Some(told) => told,
            // An answer that was recorded brings it.
            None => recorded.iter().filter(|answer| answer.code == code).flat_map(codes_of_answer).collect(),
        };
        if told.contains(code) == elsewhere {
            wrong.push(format!("{code}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), Code::ALL.len(), wrong.join("\n"));
}
