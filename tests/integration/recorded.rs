//! What the services have been recorded to answer: each refusal comes out as its cause.

use std::collections::BTreeMap;

use lakekey_core::Command;
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde::Deserialize;
use serde_json::{Value, json};

const FORCED: Command = Command::Rotate { force: true };

#[derive(Deserialize)]
pub(crate) struct Recorded {
    name: String,
    service: String,
    request: String,
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    /// The code; in brackets what is done instead of an error.
    pub(crate) code: String,
}

/// Says where an answer is given, and what is run to meet it.
struct Scene {
    stage: Stage,
    service: Service,
    method: Option<&'static str>,
    path: &'static str,
    command: Command,
}

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{}", ran.output);
    stage
}

fn from_nothing() -> Stage {
    Stage::new().from_nothing("lake-reader").federated()
}

pub(crate) fn client_secret_from_nothing() -> Stage {
    from_nothing().target(|target| {
        target["auth"] = json!({"type": "azure-client-secret", "client-secret": {"env": "NOT_THERE_YET"}});
        drop(target.as_object_mut().unwrap().remove("federated-credential"));
        let deliver = json!([{"type": "github-secret", "repository": "acme/data", "secret": "SECRET"}]);
        target["client-secret"] = json!({"lifetime": "180d", "deliver": deliver});
    })
}

/// Signs in at Databricks with an OAuth secret, or in exchange for an assertion.
fn at_databricks(auth: Value) -> Stage {
    let mut stage = Stage::new();
    let variables = stage.emulator.world(|world| world.actions_environment());
    stage.environment.0.extend(variables);
    stage.environment.0.insert("OAUTH".to_owned(), "dose-a-secret".to_owned());
    stage.target(|target| {
        target["principal"]["kind"] = json!("databricks");
        target["auth"] = auth;
    })
}

fn scene(recorded: &Recorded) -> Scene {
    let path = |stage, service, method, path, command| Scene { stage, service, method, path, command };
    let (request, name) = (recorded.request.as_str(), recorded.name.as_str());
    match recorded.service.as_str() {
        "entra" => path(provisioned(Stage::new()), Service::Entra, Some("POST"), "/token", FORCED),
        "metadata" => {
            let stage = Stage::new().target(|target| target["auth"] = json!({"type": "azure-msi"}));
            path(stage, Service::Imds, None, "/token", FORCED)
        }
        "key-vault" => {
            path(provisioned(Stage::new().every_sink()), Service::KeyVault, None, "/secrets/", FORCED)
        }
        "azure-devops" if request.contains("oidctoken") => {
            let mut stage = Stage::new();
            let variables = stage.emulator.world(|world| world.pipeline_environment());
            stage.environment.0.extend(variables);
            let stage = stage.target(|target| {
                target["auth"] = json!({"type": "azure-devops-oidc",
                    "service-connection-id": "00000000-0000-0000-0000-000000000000"});
            });
            path(stage, Service::AzureDevops, Some("POST"), "oidctoken", FORCED)
        }
        "azure-devops" => {
            let method = request.contains("PUT").then_some("PUT");
            let stage = provisioned(Stage::new().every_sink());
            path(stage, Service::AzureDevops, method, "/variablegroups", FORCED)
        }
        "github" if request.contains("access_tokens") => {
            let mut stage = Stage::new();
            let (id, key) = stage.emulator.world(|world| world.github_app());
            stage.environment.0.insert("APP_KEY".to_owned(), key);
            stage.document["github"] =
                json!({"type": "app", "app-id": id, "private-key": {"env": "APP_KEY"}});
            path(provisioned(stage), Service::Github, None, "/app/installations/", FORCED)
        }
        "github" => {
            let method = if request.contains("PUT") { Some("PUT") } else { None };
            path(provisioned(Stage::new()), Service::Github, method, "/secrets", FORCED)
        }
        "graph" if request.contains("addPassword") => {
            let stage = client_secret_from_nothing();
            path(stage, Service::Graph, Some("POST"), "/addPassword", Command::Provision)
        }
        "graph" if request.starts_with("GET") => path(
            from_nothing(),
            Service::Graph,
            Some("GET"),
            "/federatedIdentityCredentials",
            Command::Provision,
        ),
        "graph" => {
            let part =
                if name == "graph-concurrent" { "/applications" } else { "/federatedIdentityCredentials" };
            path(from_nothing(), Service::Graph, Some("POST"), part, Command::Provision)
        }
        _ if request.contains("/oidc/v1/token (exchange)") => path(
            at_databricks(json!({"type": "github-oidc"})),
            Service::Databricks,
            None,
            "/oidc/v1/token",
            FORCED,
        ),
        _ if request.contains("/oidc/v1/token") => {
            let auth = json!({"type": "oauth-m2m", "client-secret": {"env": "OAUTH"}});
            path(at_databricks(auth), Service::Databricks, None, "/oidc/v1/token", FORCED)
        }
        _ if request.contains("workspace-conf") => {
            path(Stage::new(), Service::Databricks, None, "/workspace-conf", Command::Provision)
        }
        _ if request.contains("permissions") => {
            path(Stage::new(), Service::Databricks, Some("PATCH"), "/permissions/", Command::Provision)
        }
        _ if request.contains("scim") => {
            path(Stage::new(), Service::Databricks, None, "/ServicePrincipals", Command::Provision)
        }
        _ => {
            let part = match request {
                r if r.contains("token/create") => "/token/create",
                r if r.contains("token/delete") => "/token/delete",
                r if r.contains("secrets/get") => "/secrets/get",
                r if r.contains("secrets/put") => "/secrets/put",
                r if r.contains("while verifying") || r.starts_with("GET") => "/",
                _ => "/",
            };
            path(provisioned(Stage::new().every_sink()), Service::Databricks, None, part, FORCED)
        }
    }
}

/// Meets an answer once, or every time.
fn met(recorded: &Recorded, once: bool) -> Ran {
    let Scene { stage, service, method, path, command } = scene(recorded);
    let (status, body, headers) = (recorded.status, recorded.body.clone(), recorded.headers.clone());
    let mut fault = Fault::every(FaultKind::Status { status, body, headers });
    (fault.service, fault.path_contains) = (Some(service), Some(path.to_owned()));
    fault.method = method.map(str::to_owned);
    stage.emulator.set_faults(vec![if once { fault.at(1) } else { fault }]);
    Machine::new(&stage).run(command)
}

/// Has another run register the trust between this run's look and its own attempt.
fn met_by_another_run(recorded: &Recorded) -> Ran {
    let stage = from_nothing();
    let first = Machine::new(&stage).run(Command::Provision);
    assert!(codes(&first).is_empty(), "{}", first.output);
    let id = first.first().client_id.clone();
    let stage = stage.target(|target| target["principal"]["client-id"] = json!(id));
    let part = "/federatedIdentityCredentials";
    let answer = |method: &str, status: u16, body: &Value| {
        let mut fault = Fault::every(FaultKind::Status { status, body: body.clone(), headers: [].into() });
        (fault.service, fault.path_contains) = (Some(Service::Graph), Some(part.to_owned()));
        fault.method = Some(method.to_owned());
        fault
    };
    stage.emulator.set_faults(vec![
        // The plan looks, and so does the action before it makes one.
        answer("GET", 200, &json!({"value": []})).at(1),
        answer("GET", 200, &json!({"value": []})).at(2),
        answer("POST", recorded.status, &recorded.body),
    ]);
    let ran = Machine::new(&stage).run(Command::Provision);
    let asked = ran.sent.iter().any(|sent| sent.method == "POST" && sent.path.contains(part));
    assert!(asked, "{}", ran.output);
    ran
}

fn codes(ran: &Ran) -> Vec<&'static str> {
    let targets = &ran.report.as_ref().unwrap().targets;
    let errors = targets.iter().flat_map(|target| {
        let places = target.delivered.iter().filter_map(|place| place.error.as_ref());
        target.error.iter().chain(places)
    });
    errors.map(|error| error.code().as_str()).collect()
}

/// Meets an answer every time, and returns the codes that come of it.
pub(crate) fn codes_of_answer(recorded: &Recorded) -> Vec<String> {
    codes(&met(recorded, false)).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_name_that_holds_the_words_of_another_cause_does_not_change_the_cause() {
    let names = [
        "admin-tool",
        "only admins",
        "inactive",
        "deactivated users",
        "ip access list",
        "ip allow list",
        "concurrency",
        "encrypted public key",
        "repositories of data",
        "project",
        "federation policy",
        "rate limit",
        "maximum lifetime",
        "not in workspace",
        "not a member",
        "jwt expired",
        "saml enforcement",
        "invalid issuer",
    ];
    let scenes = [
        ("databricks", "POST token/create", json!({"error_code": "PERMISSION_DENIED", "message": "@"})),
        ("databricks", "scim", json!({"error_code": "PERMISSION_DENIED", "message": "@"})),
        ("github", "PUT", json!({"message": "@"})),
        ("key-vault", "PUT", json!({"error": {"code": "Forbidden", "message": "@"}})),
        ("azure-devops", "PUT", json!({"message": "@", "typeKey": "Other"})),
        ("graph", "POST", json!({"error": {"code": "Other", "message": "@"}})),
        ("entra", "POST", json!({"error": "other", "error_description": "@"})),
    ];
    for (service, request, body) in &scenes {
        for status in [400, 403, 404, 409, 422] {
            let told = |name: &str| {
                let words = format!("the request of '{name}' cannot be carried out");
                let recorded = Recorded {
                    name: String::new(),
                    service: (*service).to_owned(),
                    request: (*request).to_owned(),
                    status,
                    headers: BTreeMap::new(),
                    body: serde_json::from_str(&body.to_string().replace('@', &words)).unwrap(),
                    code: String::new(),
                };
                let ran = met(&recorded, false);
                let report = ran.report.as_ref().unwrap();
                let hints = report.targets.iter().flat_map(|target| {
                    let places = target.delivered.iter().filter_map(|place| place.error.as_ref());
                    target.error.iter().chain(places).map(|error| error.hint().to_owned())
                });
                (codes(&ran), hints.collect::<Vec<String>>())
            };
            let usual = told("lake-reader");
            assert!(!usual.0.is_empty(), "{service} {request} {status}");
            for name in names {
                assert_eq!(told(name), usual, "{service} {request} {status} {name}");
            }
        }
    }
}

#[test]
fn every_recorded_answer_comes_out_as_its_cause() {
    let all: Vec<Recorded> = serde_json::from_str(include_str!("../fixtures/recorded-answers.json")).unwrap();
    let mut wrong = Vec::new();
    for recorded in &all {
        let (name, code) = (&recorded.name, recorded.code.as_str());
        let found = match code {
            "(tried again)" => codes(&met(recorded, true)).is_empty(),
            "(none: go on)" | "(none: it is gone)" => codes(&met(recorded, false)).is_empty(),
            "(none: it is there)" => {
                let ran = met_by_another_run(recorded);
                codes(&ran).is_empty() && !ran.output.contains("made it trust")
            }
            "(waited for, then rate-limited)" => {
                codes(&met(recorded, true)).is_empty()
                    && codes(&met(recorded, false)).contains(&"rate-limited")
            }
            _ if code.starts_with("(explain") => {
                met(recorded, false).output.contains("claims['repository_owner_id']")
            }
            _ if code.starts_with("(waited for, where this run made") => {
                codes(&met(recorded, true)).is_empty()
                    && codes(&met(recorded, false)).contains(&"principal-not-in-workspace")
            }
            // Of several places each tells its own.
            code => {
                let told = codes(&met(recorded, false));
                told.first() == Some(&code) || told[..] == ["partial-delivery", code]
            }
        };
        if !found {
            let ran = met(recorded, code == "(tried again)");
            wrong.push(format!("{name}: {code}, not {:?}", codes(&ran)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
