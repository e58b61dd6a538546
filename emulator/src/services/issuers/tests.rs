#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Request;
use rsa::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};

use crate::signing::{IssuerKey, Jwt};
use crate::state::Certificate;
use crate::{Emulator, Options, Spread, SpreadKind};

const LOGIN: &str = "https://login.microsoftonline.com";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const MAIN: &str = "repo:acme/data:ref:refs/heads/main";

struct Scene {
    emulator: Emulator,
    tenant: String,
    app: String,
}

fn scene() -> Scene {
    let emulator = Emulator::in_process(&Options::default());
    let (tenant, app) =
        emulator.world(|world| (world.directory.home().to_owned(), world.register_application("federated")));
    Scene { emulator, tenant, app }
}

impl Scene {
    fn trust(&self, subject: &str) {
        self.emulator
            .world(|world| assert!(world.add_federated_credential(&self.app, "github", GITHUB, subject)));
    }

    /// Asks for a job's token as a step of a workflow does.
    fn job_token(&self, audience: &str) -> String {
        let environment = self.emulator.world(|world| world.actions_environment());
        let url = format!("{}&audience={audience}", environment[0].1);
        let path = url.strip_prefix("https://pipelines.actions.githubusercontent.com").unwrap();
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", environment[1].1))
            .body(Vec::new())
            .unwrap();
        let response = self.emulator.serve("https://pipelines.actions.githubusercontent.com", request);
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        answer["value"].as_str().unwrap().to_owned()
    }

    /// Signs in at Entra ID; returns the status, and the first error code if there is one.
    fn sign_in(&self, assertion: &str) -> (u16, u64) {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.app)
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default")
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", assertion)
            .finish();
        let request = Request::post(format!("/{}/oauth2/v2.0/token", self.tenant))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into_bytes())
            .unwrap();
        let response = self.emulator.serve(LOGIN, request);
        let answer: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), answer["error_codes"][0].as_u64().unwrap_or_default())
    }

    fn exchange(&self, token: &str, client: &str) -> (u16, Value) {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
            .append_pair("subject_token", token)
            .append_pair("client_id", client)
            .append_pair("scope", "all-apis")
            .finish();
        let request = Request::post("/oidc/v1/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into_bytes())
            .unwrap();
        let host = self.emulator.origins().workspace(0).to_owned();
        let response = self.emulator.serve(&host, request);
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }
}

#[test]
fn a_job_signs_in_with_the_token_that_its_federated_credential_trusts() {
    let scene = scene();
    scene.trust(MAIN);
    assert_eq!(scene.sign_in(&scene.job_token("api://AzureADTokenExchange")), (200, 0));
}

#[test]
fn a_subject_of_another_letter_case_is_told_apart_from_another_subject() {
    let scene = scene();
    scene.trust("repo:Acme/Data:ref:refs/heads/main");
    assert_eq!(scene.sign_in(&scene.job_token("api://AzureADTokenExchange")), (401, 7_002_138));
    scene.emulator.world(|world| world.oidc.actions.environment = Some("production".to_owned()));
    assert_eq!(scene.sign_in(&scene.job_token("api://AzureADTokenExchange")), (401, 700_213));
}

#[test]
fn an_issuer_with_a_slash_at_its_end_and_a_wrong_audience_are_refused() {
    let scene = scene();
    scene
        .emulator
        .world(|world| world.add_federated_credential(&scene.app, "slash", &format!("{GITHUB}/"), MAIN));
    assert_eq!(scene.sign_in(&scene.job_token("api://AzureADTokenExchange")), (401, 700_211));
    scene.trust(MAIN);
    assert_eq!(scene.sign_in(&scene.job_token("https://github.com/acme")), (401, 700_212));
}

#[test]
fn an_assertion_that_is_expired_or_tampered_with_is_refused() {
    let scene = scene();
    scene.trust(MAIN);
    let good = scene.job_token("api://AzureADTokenExchange");
    let mut claims = Jwt::read(&good).unwrap().claims;
    claims["run_id"] = json!("666");
    let parts: Vec<&str> = good.split('.').collect();
    let forged = format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    assert_eq!(scene.sign_in(&forged).1, 50_013);
    scene.emulator.advance(std::time::Duration::from_secs(1200));
    assert_eq!(scene.sign_in(&good), (401, 700_024));
}

#[test]
fn a_new_federated_credential_flaps_while_it_propagates() {
    let scene = scene();
    let spread = Spread { uses: 1, ms: 0, flaps: vec![true, false] };
    scene.trust(MAIN);
    scene.emulator.world(|world| {
        world.spread.set(SpreadKind::FederatedCredential, spread);
        let id = world.directory.application(&scene.app).unwrap().federated[0].id.clone();
        let now = world.now_ms();
        world.spread.begin(SpreadKind::FederatedCredential, &id, now);
    });
    let token = scene.job_token("api://AzureADTokenExchange");
    let seen: Vec<u64> = (0..4).map(|_| scene.sign_in(&token).1).collect();
    assert_eq!(seen, [700_213, 0, 700_213, 0]);
}

#[test]
fn a_job_without_its_permission_has_no_variables_and_a_wrong_request_token_is_refused() {
    let scene = scene();
    let request = Request::get("/x/idtoken/1/1?api-version=2.0&audience=a")
        .header("authorization", "Bearer wrong")
        .body(Vec::new())
        .unwrap();
    assert_eq!(
        scene.emulator.serve("https://pipelines.actions.githubusercontent.com", request).status(),
        401
    );
    scene.emulator.world(|world| {
        world.oidc.actions.request_token = None;
        assert!(world.actions_environment().is_empty());
    });
}

/// Signs the claims of a client's own assertion, with the issuers' key standing in for the client's.
fn own_assertion(scene: &Scene, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let now = scene.emulator.now_ms() / 1000;
    let mut header = json!({"alg": "RS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode([7; 32])});
    let mut claims = json!({
        "aud": format!("{LOGIN}/{}/oauth2/v2.0/token", scene.tenant), "iss": scene.app, "sub": scene.app,
        "jti": "1", "nbf": now, "exp": now + 600,
    });
    change(&mut header, &mut claims);
    IssuerKey::shared().sign_under(&header, &claims)
}

fn with_certificate() -> Scene {
    let scene = scene();
    let public_key = IssuerKey::shared().public().to_public_key_der().unwrap().as_bytes().to_vec();
    scene.emulator.world(|world| {
        let end_ms = world.now_ms() + 3_600_000;
        let certificate = Certificate {
            key_id: "1".to_owned(),
            thumbprint: vec![7; 32],
            thumbprint_sha1: vec![7; 20],
            public_key,
            end_ms,
        };
        world.directory.application_mut(&scene.app).unwrap().certificates.push(certificate);
    });
    scene
}

#[test]
fn a_registered_certificate_signs_in() {
    let scene = with_certificate();
    assert_eq!(scene.sign_in(&own_assertion(&scene, |_, _| {})), (200, 0));
}

#[test]
fn a_certificate_assertion_is_refused_for_every_part_that_is_wrong() {
    let scene = with_certificate();
    let refused = |change: fn(&mut Value, &mut Value)| scene.sign_in(&own_assertion(&scene, change)).1;
    assert_eq!(refused(|header, _| header["x5t#S256"] = json!("bm90IGl0")), 700_027);
    assert_eq!(
        refused(
            |_, claims| claims["aud"] = json!("https://login.microsoftonline.com/other/oauth2/v2.0/token")
        ),
        700_023
    );
    assert_eq!(refused(|_, claims| claims["jti"] = json!("")), 50_027);
    assert_eq!(refused(|_, claims| claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 1)), 700_024);
    assert_eq!(refused(|_, claims| (claims["iss"], claims["sub"]) = (json!("x"), json!("x"))), 700_021);
    scene.emulator.advance(std::time::Duration::from_secs(3_600));
    assert_eq!(refused(|_, _| {}), 700_027);
}

#[test]
fn a_workspace_exchanges_a_token_that_a_policy_of_its_principal_trusts() {
    let scene = scene();
    let client = scene.emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        world.add_federation_policy(&client, GITHUB, MAIN, &["databricks"]);
        client
    });
    let stranger = scene.exchange(&scene.job_token("databricks"), &scene.app);
    let said = stranger.1["error_description"].as_str().unwrap();
    assert_eq!((stranger.0, &stranger.1["error"]), (400, &json!("invalid_grant")));
    assert!(said.contains(&format!("subject: '{MAIN}'")), "{said}");
    let wrong = scene.exchange(&scene.job_token("elsewhere"), &client);
    assert_eq!((wrong.0, &wrong.1["error"]), (400, &json!("invalid_grant")));
    // The policy alone does not make the principal a member of the workspace.
    assert_eq!(scene.exchange(&scene.job_token("databricks"), &client).0, 401);
    let member = crate::Seed::principal(client.clone());
    scene.emulator.seed(member).unwrap();
    let (status, answer) = scene.exchange(&scene.job_token("databricks"), &client);
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
}

#[test]
fn the_published_keys_are_found_from_the_discovery_document() {
    let scene = scene();
    let get = |path: &str| -> Value {
        let response = scene.emulator.serve(GITHUB, Request::get(path).body(Vec::new()).unwrap());
        serde_json::from_slice(response.body()).unwrap()
    };
    let document = get("/.well-known/openid-configuration");
    assert_eq!(document["issuer"], json!(GITHUB));
    let keys = get(document["jwks_uri"].as_str().unwrap().strip_prefix(GITHUB).unwrap());
    assert!(Jwt::read(&scene.job_token("x")).unwrap().is_signed_under(&keys));
}

#[test]
fn a_pipeline_gets_a_token_for_a_service_connection_or_for_itself() {
    let scene = scene();
    let variables = scene.emulator.world(|world| world.pipeline_environment());
    let value = |name: &str| variables.iter().find(|(key, _)| key == name).unwrap().1.clone();
    let uri = value("SYSTEM_OIDCREQUESTURI");
    let path = uri.strip_prefix("https://dev.azure.com").unwrap();
    let ask = |query: &str, token: &str| {
        let request = Request::post(format!("{path}?{query}"))
            .header("authorization", format!("Bearer {token}"))
            .body(Vec::new())
            .unwrap();
        let response = scene.emulator.serve("https://dev.azure.com", request);
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let token = value("SYSTEM_ACCESSTOKEN");
    let (_, answer) = ask("api-version=7.1", &token);
    assert_eq!(
        Jwt::read(answer["oidcToken"].as_str().unwrap()).unwrap().claim_str("sub"),
        "p://acme/data/rotate"
    );
    let connection = scene.emulator.world(|world| world.oidc.pipeline.connections[0].id.clone());
    let (_, answer) = ask(&format!("api-version=7.1&serviceConnectionId={connection}"), &token);
    assert_eq!(
        Jwt::read(answer["oidcToken"].as_str().unwrap()).unwrap().claim_str("sub"),
        "sc://acme/data/lakekey"
    );
    let of_connection = format!("api-version=7.1&serviceConnectionId={connection}");
    scene.emulator.world(|world| world.oidc.pipeline.issue_by_entra("tenant"));
    let (_, answer) = ask(&of_connection, &token);
    let issued = Jwt::read(answer["oidcToken"].as_str().unwrap()).unwrap();
    assert_eq!(issued.claim_str("iss"), "https://login.microsoftonline.com/tenant/v2.0");
    assert!(issued.claim_str("sub").ends_with(&connection), "{}", issued.claim_str("sub"));
    assert_eq!(issued.audiences(), ["fb60f99c-7a34-4190-8149-302f77469936"]);
    scene.emulator.world(|world| world.oidc.pipeline.connections[0].referenced = false);
    let (status, answer) = ask(&of_connection, &token);
    let words =
        format!("There is no explicit reference to service connection {connection} from current stage");
    assert!(status == 400 && answer["value"].as_str().unwrap().starts_with(&words), "{answer}");
    assert_eq!(ask("api-version=7.1&serviceConnectionId=none", &token).0, 404);
    assert_eq!(ask("api-version=7.1", "wrong").0, 401);
    assert_eq!(ask("", &token).0, 400);
}

#[test]
fn an_account_admin_makes_a_federation_policy_and_a_workspace_follows_it() {
    let scene = scene();
    let (client, account, principal, token) = scene.emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        let admin = crate::Subject::Application(world.seeded.account_client_id.clone());
        let token = world.issue_bearer(crate::state::DATABRICKS_RESOURCE, admin, &[], 3_600_000);
        (client.clone(), world.account.id.clone(), world.account_principal(&client), token)
    });
    let member = crate::Seed::principal(client.clone());
    scene.emulator.seed(member).unwrap();
    let path = format!(
        "/api/2.0/accounts/{account}/servicePrincipals/{principal}/federationPolicies?policy_id=github"
    );
    let send = |method: &str, path: &str, body: Value| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .body(if body.is_null() { Vec::new() } else { body.to_string().into_bytes() })
            .unwrap();
        scene.emulator.serve("https://accounts.azuredatabricks.net", request).status().as_u16()
    };
    let policy = json!({"oidc_policy": {"issuer": GITHUB, "subject": MAIN}});
    assert_eq!(send("POST", &path, json!({"oidc_policy": {"issuer": GITHUB}})), 400);
    assert_eq!(send("POST", &path, policy.clone()), 200);
    assert_eq!(send("POST", &path, policy), 409);
    // The account's id is the audience where the policy names none.
    assert_eq!(scene.exchange(&scene.job_token(&account), &client).0, 200);
    assert_eq!(send("DELETE", &path.replace("?policy_id=", "/"), Value::Null), 200);
    assert_eq!(scene.exchange(&scene.job_token(&account), &client).0, 400);
}
