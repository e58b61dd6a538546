#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use http::Request;
use serde_json::{Value, json};

use crate::state::{GRAPH_RESOURCE, VAULT_RESOURCE};
use crate::{Emulator, GraphLag, LagShape, Options, Subject};

const HOST: &str = "https://graph.microsoft.com";

/// An emulator and the token of an application with these permissions.
fn emulator(roles: &[&str]) -> (Emulator, String) {
    let emulator = Emulator::in_process(&Options::default());
    let token = emulator.world(|world| {
        let app = world.register_application("directory-writer");
        world.issue_bearer(GRAPH_RESOURCE, Subject::Application(app), roles, 3_600_000)
    });
    (emulator, token)
}

fn send(emulator: &Emulator, method: &str, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"))
        .body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default())
        .unwrap();
    let response = emulator.serve(HOST, request);
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

fn application(emulator: &Emulator, token: &str, name: &str) -> (String, String) {
    let (status, app) = send(
        emulator,
        "POST",
        "/v1.0/applications",
        token,
        Some(json!({"displayName": name, "signInAudience": "AzureADMyOrg"})),
    );
    assert_eq!(status, 201, "{app}");
    (app["id"].as_str().unwrap().to_owned(), app["appId"].as_str().unwrap().to_owned())
}

#[test]
fn an_application_gets_its_service_principal_and_a_secret_that_is_shown_once() {
    let (emulator, token) = emulator(&["Application.ReadWrite.OwnedBy"]);
    let (id, app_id) = application(&emulator, &token, "catalog");
    assert_eq!(
        send(&emulator, "POST", "/v1.0/servicePrincipals", &token, Some(json!({"appId": app_id}))).0,
        201
    );
    let again = send(&emulator, "POST", "/v1.0/servicePrincipals", &token, Some(json!({"appId": app_id})));
    assert_eq!(code(&again), (409, "Request_MultipleObjectsWithSameKeyValue"));

    let body =
        json!({"passwordCredential": {"displayName": "lakekey", "endDateTime": "2027-11-24T10:00:00Z"}});
    let (status, secret) =
        send(&emulator, "POST", &format!("/v1.0/applications/{id}/addPassword"), &token, Some(body));
    assert_eq!(status, 200);
    assert!(secret["secretText"].as_str().unwrap().len() > 30);
    let (_, read) = send(
        &emulator,
        "GET",
        &format!("/v1.0/applications(appId='{app_id}')?$select=passwordCredentials"),
        &token,
        None,
    );
    assert_eq!(read["passwordCredentials"][0]["secretText"], Value::Null);
    assert_eq!(read["passwordCredentials"][0]["keyId"], secret["keyId"]);

    let remove = format!("/v1.0/applications/{id}/removePassword");
    assert_eq!(send(&emulator, "POST", &remove, &token, Some(json!({"keyId": secret["keyId"]}))).0, 204);
    assert_eq!(send(&emulator, "POST", &remove, &token, Some(json!({"keyId": secret["keyId"]}))).0, 400);
}

#[test]
fn an_application_is_found_by_a_name_with_a_quote_in_it() {
    let (emulator, token) = emulator(&["Application.ReadWrite.All"]);
    let (id, _) = application(&emulator, &token, "Sam's app");
    let (_, found) =
        send(&emulator, "GET", "/v1.0/applications?$filter=displayName%20eq%20'Sam''s%20app'", &token, None);
    assert_eq!(found["value"][0]["id"], json!(id));
}

#[test]
fn a_list_comes_in_pages_that_name_the_next_one() {
    let (emulator, token) = emulator(&["Application.ReadWrite.All"]);
    let made: Vec<String> =
        (0..5).map(|number| application(&emulator, &token, &format!("paged-{number}")).0).collect();
    let mut path = "/v1.0/applications?$filter=startswith(displayName,'paged-')&$select=id&$top=2".to_owned();
    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let (status, page) = send(&emulator, "GET", &path, &token, None);
        assert_eq!(status, 200, "{page}");
        let ids: Vec<String> = page["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|app| app["id"].as_str().unwrap().to_owned())
            .collect();
        sizes.push(ids.len());
        seen.extend(ids);
        let Some(next) = page["@odata.nextLink"].as_str() else { break };
        path = next.strip_prefix(HOST).unwrap().to_owned();
    }
    assert_eq!((sizes, seen), (vec![2, 2, 1], made));
    assert_eq!(
        code(&send(&emulator, "GET", "/v1.0/applications?$top=1000", &token, None)),
        (400, "Request_BadRequest")
    );
}

#[test]
fn a_caller_changes_only_what_it_owns_unless_it_may_change_all() {
    let (emulator, token) = emulator(&["Application.ReadWrite.OwnedBy"]);
    let (other, all) = emulator.world(|world| {
        let app = world.register_application("somebody-elses");
        let id = world.directory.application(&app).unwrap().object_id.clone();
        (
            id,
            world.issue_bearer(
                GRAPH_RESOURCE,
                Subject::User("admin".to_owned()),
                &["Application.ReadWrite.All"],
                3_600_000,
            ),
        )
    });
    let path = format!("/v1.0/applications/{other}");
    assert_eq!(send(&emulator, "GET", &path, &token, None).0, 200);
    let refused = send(&emulator, "PATCH", &path, &token, Some(json!({"displayName": "taken"})));
    assert_eq!(code(&refused), (403, "Authorization_RequestDenied"));
    assert_eq!(send(&emulator, "PATCH", &path, &all, Some(json!({"displayName": "renamed"}))).0, 204);
}

#[test]
fn a_token_for_another_resource_or_without_permission_is_refused() {
    let (emulator, token) = emulator(&[]);
    let body = json!({"displayName": "x"});
    assert_eq!(
        code(&send(&emulator, "POST", "/v1.0/applications", &token, Some(body.clone()))),
        (403, "Authorization_RequestDenied")
    );
    let wrong =
        emulator.world(|world| world.issue_bearer(VAULT_RESOURCE, Subject::User("a".to_owned()), &[], 1000));
    assert_eq!(
        code(&send(&emulator, "POST", "/v1.0/applications", &wrong, Some(body))),
        (401, "InvalidAuthenticationToken")
    );
}

#[test]
fn a_field_that_there_is_not_is_refused() {
    let (emulator, token) = emulator(&["Application.ReadWrite.All"]);
    let refused = send(
        &emulator,
        "POST",
        "/v1.0/applications",
        &token,
        Some(json!({"displayName": "x", "display_name": "x"})),
    );
    assert_eq!(code(&refused), (400, "Request_BadRequest"));
}

#[test]
fn every_shape_of_the_lag_is_shown_until_the_application_has_propagated() {
    let (emulator, token) = emulator(&["Application.ReadWrite.OwnedBy"]);
    emulator.world(|world| world.graph.replicas.set(GraphLag { reads: 6, ms: 0, shapes: Vec::new() }));
    let (id, app_id) = application(&emulator, &token, "catalog");
    let found =
        send(&emulator, "GET", "/v1.0/applications?$filter=displayName%20eq%20'catalog'", &token, None);
    assert_eq!(found.1["value"], json!([]));
    assert_eq!(
        code(&send(&emulator, "GET", &format!("/v1.0/applications/{id}"), &token, None)),
        (404, "Request_ResourceNotFound")
    );

    let mut seen: Vec<(u16, String)> = Vec::new();
    for _ in 0..4 {
        let answer =
            send(&emulator, "POST", "/v1.0/servicePrincipals", &token, Some(json!({"appId": app_id})));
        seen.push((
            answer.0,
            answer.1["error"]["message"].as_str().unwrap_or_default().chars().take(16).collect(),
        ));
    }
    let statuses: Vec<u16> = seen.iter().map(|(status, _)| *status).collect();
    assert!(statuses.contains(&400) && statuses.contains(&403) && statuses.contains(&409), "{seen:?}");
    assert_eq!(
        send(&emulator, "POST", "/v1.0/servicePrincipals", &token, Some(json!({"appId": app_id}))).0,
        201
    );
}

#[test]
fn a_lag_of_time_ends_when_the_time_has_passed() {
    let (emulator, token) = emulator(&["Application.ReadWrite.OwnedBy"]);
    emulator.world(|world| {
        world.graph.replicas.set(GraphLag {
            reads: 0,
            ms: 5_000,
            shapes: vec![LagShape::ConcurrencyViolation],
        })
    });
    let (id, _) = application(&emulator, &token, "catalog");
    let path = format!("/v1.0/applications/{id}/addPassword");
    assert_eq!(
        code(&send(&emulator, "POST", &path, &token, Some(json!({})))),
        (409, "Directory_ConcurrencyViolation")
    );
    emulator.advance(std::time::Duration::from_secs(5));
    assert_eq!(send(&emulator, "POST", &path, &token, Some(json!({}))).0, 200);
}

#[test]
fn federated_credentials_are_twenty_at_most_with_unique_names_and_subjects() {
    let (emulator, token) = emulator(&["Application.ReadWrite.OwnedBy"]);
    let (id, _) = application(&emulator, &token, "catalog");
    let path = format!("/v1.0/applications/{id}/federatedIdentityCredentials");
    let add = |name: &str, subject: &str| {
        let body = json!({
            "name": name, "issuer": "https://issuer.example", "subject": subject,
            "audiences": ["api://AzureADTokenExchange"],
        });
        send(&emulator, "POST", &path, &token, Some(body))
    };
    assert_eq!(add("first", "s1").0, 201);
    assert_eq!(code(&add("first", "s2")), (409, "Request_MultipleObjectsWithSameKeyValue"));
    assert_eq!(code(&add("second", "s1")), (400, "InvalidFederatedIdentityCredentialValue"));
    assert_eq!(code(&add("not a name", "s3")), (400, "Request_BadRequest"));
    for number in 1..20 {
        assert_eq!(add(&format!("more-{number}"), &format!("more-{number}")).0, 201);
    }
    assert_eq!(code(&add("one-more", "one-more")), (400, "Request_BadRequest"));
    let two = json!({"name": "two", "issuer": "https://i.example", "subject": "x", "audiences": ["a", "b"]});
    assert_eq!(code(&send(&emulator, "POST", &path, &token, Some(two))), (400, "Request_BadRequest"));
}
