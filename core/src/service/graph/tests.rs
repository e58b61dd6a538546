//! Graph as it is when it lags behind, loses replies or refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};

use super::federation::FederatedCredentialInfo;
use super::*;
use crate::auth::Context;
use crate::host::TransportErrorKind;
use crate::host::testing::{START, TestHost};
use crate::http::Identity;
use crate::model::{Code, Error, Secret, Step, Timestamp};

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
const GRAPH: &str = "https://graph.microsoft.com/v1.0";
const BY_NAME: &str =
    "GET https://graph.microsoft.com/v1.0/applications?$filter=displayName%20eq%20%27catalog%27";
const BY_ID: &str = "GET https://graph.microsoft.com/v1.0/applications?$filter=appId%20eq%20%27a-1%27";
const MAKE: &str = "POST https://graph.microsoft.com/v1.0/applications";

fn with<T>(host: &TestHost, act: impl AsyncFnOnce(&Context<'_>, &Identity) -> T) -> T {
    let config = host.config(json!({}), json!({}));
    let identity = Identity::bearer(&config.endpoints().graph, &Secret::new("graph-token"));
    host.with(&config, async |context| act(context, &identity).await)
}

fn application(id: &str) -> Value {
    json!({"id": format!("o-{id}"), "appId": format!("a-{id}"), "displayName": "catalog",
        "signInAudience": "AzureADMyOrg", "tags": ["lakekey"]})
}

fn refusal(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "innerError": {"request-id": "r1"}}})
}

fn named(host: &TestHost) -> Result<Application, Error> {
    with(host, async |context, identity| ensure_application(context, identity, By::Name("catalog")).await)
}

#[test]
fn an_application_is_made_for_this_tenant_alone_and_found_the_second_time() {
    let host = TestHost::new();
    host.on(BY_NAME, 200, json!({"value": []})).on(MAKE, 201, application("1"));
    host.on(BY_ID, 200, json!({"value": []}));
    host.on(BY_NAME, 200, json!({"value": [application("1")]}));
    let made = named(&host).unwrap();
    assert_eq!((made.object_id.as_str(), made.app_id.as_str(), made.created), ("o-1", "a-1", true));
    assert!(!named(&host).unwrap().created);
    let sent = host.sent();
    let body = json!({"displayName": "catalog", "signInAudience": "AzureADMyOrg", "tags": ["lakekey"]});
    assert_eq!(sent[1].json(), body);
    assert_eq!(sent[1].header("authorization"), Some("Bearer graph-token"));
}

#[test]
fn a_name_that_several_applications_bear_is_refused_with_their_ids() {
    let host = TestHost::new();
    let other_case = json!({"id": "o-3", "appId": "a-3", "displayName": "Catalog"});
    host.on(BY_NAME, 200, json!({"value": [application("1"), other_case, application("2")]}));
    let error = named(&host).unwrap_err();
    assert_eq!(error.code(), Code::ApplicationAmbiguous);
    assert!(error.message().ends_with("a-1, a-2"), "{error}");
}

#[test]
fn a_client_id_that_the_tenant_does_not_know_makes_no_application() {
    let host = TestHost::new();
    host.on(
        &format!("{}/applications?$filter=appId%20eq%20%27a-9%27", GRAPH.replace("https", "GET https")),
        200,
        json!({"value": []}),
    );
    let error = with(&host, async |context, identity| {
        ensure_application(context, identity, By::ClientId("a-9")).await
    })
    .unwrap_err();
    assert_eq!(error.code(), Code::ApplicationNotFound);
    host.sent();
}

#[test]
fn after_a_lost_reply_the_application_is_looked_for_and_not_made_twice() {
    let host = TestHost::new();
    host.on(BY_NAME, 200, json!({"value": []})).on_failure(MAKE, TransportErrorKind::Lost);
    // The replica that is asked lags behind.
    host.on(BY_NAME, 200, json!({"value": []})).on(BY_NAME, 200, json!({"value": []}));
    host.on(BY_NAME, 200, json!({"value": [application("1")]}));
    let found = named(&host).unwrap();
    assert_eq!((found.app_id.as_str(), found.created), ("a-1", true));
    assert_eq!(host.sent().iter().filter(|sent| sent.line == MAKE).count(), 1);
}

#[test]
fn an_application_that_a_minute_does_not_show_is_made_again() {
    let host = TestHost::new();
    host.on(BY_NAME, 200, json!({"value": []})).on(MAKE, 503, json!({}));
    for _ in 0..8 {
        host.on(BY_NAME, 200, json!({"value": []}));
    }
    host.on(MAKE, 201, application("1")).on(BY_ID, 200, json!({"value": [application("1")]}));
    assert!(named(&host).unwrap().created);
    host.sent();
}

#[test]
fn every_shape_of_lag_is_waited_out_until_the_service_principal_is_made() {
    let path = format!("{GRAPH}/servicePrincipals");
    let host = TestHost::new();
    host.on(&format!("GET {path}?$filter=appId%20eq%20%27a-1%27"), 200, json!({"value": []}));
    let make = format!("POST {path}");
    host.on(&make, 404, refusal("Request_ResourceNotFound", "Resource 'a-1' does not exist"));
    host.on(
        &make,
        400,
        refusal(
            "Request_BadRequest",
            "The appId 'a-1' of the service principal does not reference a valid application object.",
        ),
    );
    let misleading = "When using this permission, the backing application of the service principal being \
                      created must in the local tenant";
    host.on(&make, 403, refusal("Authorization_RequestDenied", misleading));
    host.on(&make, 409, refusal("Directory_ConcurrencyViolation", "Concurrency violation"));
    host.on(&make, 201, json!({"id": "sp-1", "appId": "a-1"}));
    let made =
        with(&host, async |context, identity| ensure_service_principal(context, identity, "a-1").await)
            .unwrap();
    assert_eq!((made.object_id.as_str(), made.created), ("sp-1", true));
    assert_eq!(host.sent()[1].json(), json!({"appId": "a-1"}));
}

#[test]
fn a_permission_that_is_missing_is_told_at_once() {
    let host = TestHost::new();
    host.on(BY_NAME, 200, json!({"value": []}));
    host.on(
        MAKE,
        403,
        refusal("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    );
    let error = named(&host).unwrap_err();
    assert_eq!((error.code(), error.request_id()), (Code::GraphPermissionMissing, Some("r1")));
    assert_eq!(host.sent().len(), 2);
}

#[test]
fn lag_that_does_not_end_is_told_with_what_it_may_be_instead() {
    let host = TestHost::new();
    let path = format!("{GRAPH}/servicePrincipals");
    host.on(&format!("GET {path}?$filter=appId%20eq%20%27a-1%27"), 200, json!({"value": []}));
    for _ in 0..20 {
        host.on(
            &format!("POST {path}"),
            403,
            refusal("Authorization_RequestDenied", "the backing application of the service principal"),
        );
    }
    let error =
        with(&host, async |context, identity| ensure_service_principal(context, identity, "a-1").await)
            .unwrap_err();
    assert_eq!(error.code(), Code::SpreadingTooSlow);
    assert!(error.hint().contains("Application.ReadWrite.OwnedBy"), "{}", error.hint());
}

fn trust() -> Trust {
    Trust {
        name: "lakekey-main".to_owned(),
        issuer: GITHUB_ISSUER.to_owned(),
        matches: Match::Subject("repo:acme@1/data@2:environment:production".to_owned()),
        audience: "api://AzureADTokenExchange".to_owned(),
    }
}

fn trusted(subject: &str, audience: &str) -> Value {
    json!({"id": "f-1", "name": "by-hand", "issuer": GITHUB_ISSUER, "subject": subject,
        "audiences": [audience]})
}

fn federate(host: &TestHost) -> Result<FederatedCredentialInfo, Error> {
    let app: Application = serde_json::from_value(application("1")).unwrap();
    with(host, async |context, identity| ensure_federated_credential(context, identity, &app, &trust()).await)
}

#[test]
fn a_federated_credential_is_made_once_no_matter_who_made_the_first() {
    let path = format!("{GRAPH}/applications/o-1/federatedIdentityCredentials");
    let host = TestHost::new();
    host.on(
        &format!("GET {path}"),
        200,
        json!({"value": [trusted("repo:other", "api://AzureADTokenExchange")]}),
    );
    host.on(&format!("POST {path}"), 201, trusted(trust().matches.as_str(), &trust().audience));
    assert!(federate(&host).unwrap().created);
    assert_eq!(
        host.sent()[1].json(),
        json!({"name": "lakekey-main", "issuer": GITHUB_ISSUER, "subject": trust().matches.as_str(),
            "audiences": ["api://AzureADTokenExchange"]})
    );
    host.on(
        &format!("GET {path}"),
        200,
        json!({"value": [trusted(trust().matches.as_str(), &trust().audience)]}),
    );
    assert!(!federate(&host).unwrap().created);
    // Another run made it in the same moment.
    host.on(&format!("GET {path}"), 200, json!({"value": []}));
    host.on(
        &format!("POST {path}"),
        409,
        refusal("Request_MultipleObjectsWithSameKeyValue", "already exists"),
    );
    host.on(
        &format!("GET {path}"),
        200,
        json!({"value": [trusted(trust().matches.as_str(), &trust().audience)]}),
    );
    assert!(!federate(&host).unwrap().created);
}

#[test]
fn a_federated_credential_that_stands_in_the_way_is_shown_and_left_as_it_is() {
    let host = TestHost::new();
    let line = format!("GET {GRAPH}/applications/o-1/federatedIdentityCredentials");
    host.on(&line, 200, json!({"value": [trusted(trust().matches.as_str(), "api://Other")]}));
    let error = federate(&host).unwrap_err();
    assert_eq!(error.code(), Code::FederatedCredentialMismatch);
    assert!(error.message().contains("audience \"api://Other\""), "{error}");
    let full: Vec<Value> =
        (0..20).map(|n| trusted(&format!("repo:{n}"), "api://AzureADTokenExchange")).collect();
    host.on(&line, 200, json!({"value": full}));
    assert_eq!(federate(&host).unwrap_err().code(), Code::QuotaExceeded);
    host.sent();
}

#[test]
fn the_name_of_a_federated_credential_tells_one_subject_from_another() {
    let of = |subject: &str| {
        Trust::new(
            None,
            GITHUB_ISSUER.to_owned(),
            Match::Subject(subject.to_owned()),
            "api://AzureADTokenExchange".to_owned(),
        )
    };
    let (first, second) =
        (of("repo:acme/data:ref:refs/heads/main"), of("repo:acme/data:ref:refs/heads-main"));
    assert_ne!(first.name, second.name);
    assert!(first.name.starts_with("lakekey-repo-acme-data-ref-refs-heads-main-"), "{}", first.name);
    assert_eq!(
        (first.issuer.as_str(), first.audience.as_str()),
        (GITHUB_ISSUER, "api://AzureADTokenExchange")
    );
    assert!(of(&"x".repeat(600)).name.len() <= 120);
}

#[test]
fn a_client_secret_is_added_with_description_and_end_and_masked() {
    let host = TestHost::new();
    let line = format!("POST {GRAPH}/applications/o-1/addPassword");
    host.on(&line, 404, refusal("Request_ResourceNotFound", "Resource 'o-1' does not exist"));
    let answer = json!({"keyId": "k1", "secretText": "s3cret", "hint": "s3c", "displayName": "d",
        "startDateTime": "2026-11-24T10:00:00Z", "endDateTime": "2027-05-23T10:00:00Z"});
    host.on(&line, 200, answer);
    let end = Timestamp::from_second(START + 180 * 86_400).unwrap();
    let (value, info) = with(&host, async |context, identity| {
        add_password(context, identity, "o-1", "d", end, Step::CreateToken).await
    })
    .unwrap();
    assert_eq!((value, info.key_id.as_str(), info.end_date_time), (Secret::new("s3cret"), "k1", Some(end)));
    assert_eq!(
        host.sent()[1].json(),
        json!({"passwordCredential": {"displayName": "d", "endDateTime": "2027-05-23T10:00:00Z"}})
    );
    assert_eq!(host.masked(), ["s3cret"]);
}

#[test]
fn a_client_secret_whose_reply_is_lost_is_not_asked_for_again() {
    let host = TestHost::new();
    host.on_failure(&format!("POST {GRAPH}/applications/o-1/addPassword"), TransportErrorKind::Lost);
    let end = Timestamp::from_second(START).unwrap();
    let error = with(&host, async |context, identity| {
        add_password(context, identity, "o-1", "d", end, Step::CreateToken).await
    })
    .unwrap_err();
    assert!(error.is_uncertain());
    host.sent();
}

#[test]
fn a_client_secret_that_is_gone_is_removed_and_one_that_is_listed_is_not() {
    let remove = format!("POST {GRAPH}/applications/o-1/removePassword");
    let list = format!("GET {GRAPH}/applications/o-1?$select=passwordCredentials");
    let gone = refusal("Request_BadRequest", "No password credential found with keyId 'k1'.");
    let removed = |host: &TestHost| {
        with(host, async |context, identity| {
            remove_password(context, identity, "o-1", "k1", Step::RevokeToken).await
        })
    };
    let host = TestHost::new();
    host.on(&remove, 400, gone.clone()).on(&list, 200, json!({"passwordCredentials": [{"keyId": "k2"}]}));
    assert_eq!(removed(&host), Ok(()));
    assert_eq!(host.sent()[0].json(), json!({"keyId": "k1"}));
    host.on(&remove, 400, gone.clone())
        .on(&list, 200, json!({"passwordCredentials": [{"keyId": "k1"}]}))
        .on(&remove, 400, gone);
    assert_eq!(removed(&host).map_err(|error| error.status()), Err(Some(400)));
    host.sent();
}

#[test]
fn pages_are_followed_on_graphs_own_host_alone() {
    let first = "GET https://graph.microsoft.com/v1.0/applications?$filter=displayName%20eq%20%27catalog%27";
    let host = TestHost::new();
    let next = "https://graph.microsoft.com/v1.0/applications?$skiptoken=2";
    host.on(first, 200, json!({"value": [], "@odata.nextLink": next}));
    host.on(&format!("GET {next}"), 200, json!({"value": [application("1")]}));
    assert_eq!(named(&host).unwrap().app_id, "a-1");
    for elsewhere in ["https://evil.example/v1.0/applications", "https://graph.microsoft.com.evil.example/x"]
    {
        host.on(first, 200, json!({"value": [], "@odata.nextLink": elsewhere}));
        assert_eq!(named(&host).unwrap_err().code(), Code::ReplyInvalid);
    }
    host.sent();
}
