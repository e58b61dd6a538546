#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use http::Request;
use serde_json::{Value, json};

use crate::state::{GRAPH_RESOURCE, VAULT_RESOURCE};
use crate::{Emulator, Options, Subject};

const VAULT: &str = "https://acme.vault.azure.net";

fn emulator() -> (Emulator, String) {
    let emulator = Emulator::in_process(&Options::default());
    let token = emulator.world(|world| {
        let app = world.register_application("deployer");
        world.allow_in_vaults(&app, &["get", "list", "set", "delete", "recover", "purge"]);
        world.issue_bearer(VAULT_RESOURCE, Subject::Application(app), &[], 3_600_000)
    });
    (emulator, token)
}

fn send(emulator: &Emulator, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let uri = if path.contains('?') { path.to_owned() } else { format!("{path}?api-version=7.4") };
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
        .unwrap();
    let response = emulator.serve(VAULT, request);
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

#[test]
fn every_set_adds_a_version_and_the_older_stay_readable() {
    let (emulator, token) = emulator();
    let (_, first) =
        send(&emulator, "PUT", "/secrets/databricks-token", &token, Some(json!({"value": "dapi1"})));
    let body = json!({"value": "dapi2", "tags": {"by": "lakekey"}, "attributes": {"exp": 1_900_000_000}});
    let (status, second) = send(&emulator, "PUT", "/secrets/databricks-token", &token, Some(body));
    assert_eq!(
        (status, &second["attributes"]["exp"], &second["tags"]["by"]),
        (200, &json!(1_900_000_000), &json!("lakekey"))
    );

    let older = first["id"].as_str().unwrap().strip_prefix(VAULT).unwrap();
    assert_eq!(send(&emulator, "GET", older, &token, None).1["value"], "dapi1");
    assert_eq!(send(&emulator, "GET", "/secrets/databricks-token", &token, None).1["value"], "dapi2");
    let (_, versions) = send(&emulator, "GET", "/secrets/databricks-token/versions", &token, None);
    assert_eq!(versions["value"].as_array().unwrap().len(), 2);
    emulator.world(|world| assert_eq!(world.vault_value(VAULT, "databricks-token"), Some("dapi2")));
}

#[test]
fn a_request_without_a_token_is_challenged_with_tenant_and_resource() {
    let (emulator, _) = emulator();
    let request = Request::get("/secrets/x?api-version=7.4").body(Vec::new()).unwrap();
    let response = emulator.serve(VAULT, request);
    assert_eq!(response.status(), 401);
    let challenge = response.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.starts_with("Bearer authorization=\"https://login.microsoftonline.com/"),
        "{challenge}"
    );
    assert!(challenge.ends_with("resource=\"https://vault.azure.net\""), "{challenge}");
}

#[test]
fn a_token_for_another_resource_is_refused() {
    let (emulator, _) = emulator();
    let token = emulator
        .world(|world| world.issue_bearer(GRAPH_RESOURCE, Subject::User("sam".to_owned()), &[], 3_600_000));
    let (status, refused) = send(&emulator, "GET", "/secrets/x", &token, None);
    assert_eq!(status, 401);
    assert!(refused["error"]["message"].as_str().unwrap().contains("Invalid audience"));
}

#[test]
fn a_principal_without_the_permission_is_told_which_one() {
    let (emulator, _) = emulator();
    let token = emulator.world(|world| {
        let app = world.register_application("reader");
        world.allow_in_vaults(&app, &["get"]);
        world.issue_bearer(VAULT_RESOURCE, Subject::Application(app), &[], 3_600_000)
    });
    let (status, refused) = send(&emulator, "PUT", "/secrets/x", &token, Some(json!({"value": "v"})));
    assert_eq!(
        (status, &refused["error"]["code"], &refused["error"]["innererror"]["code"]),
        (403, &json!("Forbidden"), &json!("AccessDenied"))
    );
    assert!(
        refused["error"]["message"]
            .as_str()
            .unwrap()
            .contains("does not have secrets set permission on key vault 'acme;")
    );
}

#[test]
fn a_deleted_name_is_blocked_until_it_is_recovered_or_purged() {
    let (emulator, token) = emulator();
    send(&emulator, "PUT", "/secrets/pat", &token, Some(json!({"value": "v1"})));
    assert_eq!(send(&emulator, "DELETE", "/secrets/pat", &token, None).0, 200);
    assert_eq!(send(&emulator, "GET", "/secrets/pat", &token, None).0, 404);
    let (status, refused) = send(&emulator, "PUT", "/secrets/pat", &token, Some(json!({"value": "v2"})));
    assert_eq!(
        (status, &refused["error"]["innererror"]["code"]),
        (409, &json!("ObjectIsDeletedButRecoverable"))
    );
    assert_eq!(send(&emulator, "POST", "/deletedsecrets/pat/recover", &token, None).0, 200);
    assert_eq!(send(&emulator, "GET", "/secrets/pat", &token, None).1["value"], "v1");
    send(&emulator, "DELETE", "/secrets/pat", &token, None);
    assert_eq!(send(&emulator, "DELETE", "/deletedsecrets/pat", &token, None).0, 204);
    assert_eq!(send(&emulator, "PUT", "/secrets/pat", &token, Some(json!({"value": "v2"}))).0, 200);
}

#[test]
fn a_name_a_version_a_field_and_a_length_that_are_not_allowed_are_refused() {
    let (emulator, token) = emulator();
    let put = |path: &str, body: Value| {
        let (status, refused) = send(&emulator, "PUT", path, &token, Some(body));
        (status, refused["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    let bad = (400, "BadParameter".to_owned());
    assert_eq!(put("/secrets/DATABRICKS_TOKEN", json!({"value": "v"})), bad);
    assert_eq!(put("/secrets/x?api-version=1.0", json!({"value": "v"})), bad);
    assert_eq!(put("/secrets/x", json!({"value": "v", "comment": "no"})), bad);
    assert_eq!(put("/secrets/x", json!({"value": "v".repeat(25 * 1024 + 1)})), bad);
}
