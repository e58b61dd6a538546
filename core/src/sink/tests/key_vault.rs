#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};

use super::{VALUE, config, delivery, host, is_silent, value, with};
use crate::host::testing::{START, TestHost};
use crate::model::Secret;
use crate::model::{Code, Error, Step};
use crate::sink::{SinkState, Written};

const SECRET: &str = "https://acme.vault.azure.net/secrets/databricks-token?api-version=7.4";
const DELETED: &str = "https://acme.vault.azure.net/deletedsecrets/databricks-token?api-version=7.4";

fn sink() -> Value {
    json!({"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": "databricks-token",
        "tags": {"team": "data"}})
}

fn bundle(value: &str, id: &str, updated: i64) -> Value {
    json!({
        "value": value, "id": "https://acme.vault.azure.net/secrets/databricks-token/v1",
            "contentType": "theirs",
        "attributes": {"enabled": true, "created": updated, "updated": updated},
        "tags": {"lakekey-credential-id": id, "lakekey-target": "catalog", "owner": "ada"},
    })
}

fn missing() -> Value {
    json!({"error": {"code": "SecretNotFound",
        "message": "A secret with (name/id) databricks-token was not found in this key vault."}})
}

fn observe(host: &TestHost) -> Result<SinkState, Error> {
    with(host, &config(host, json!({}), sink()), async |context, sink| sink.observe(context).await)
}

#[test]
fn it_tells_when_it_was_written_and_which_credential_it_holds() {
    let host = host();
    host.on(&format!("GET {SECRET}"), 200, bundle("dapi-old", "id-old", START - 60));
    let at = crate::model::Timestamp::from_second(START - 60).unwrap();
    assert_eq!(
        observe(&host).unwrap(),
        SinkState { written: Written::At(at), holds: Some("id-old".to_owned()), editor: None }
    );
    assert_eq!(host.sent()[0].header("authorization"), Some("Bearer principal-token"));
    assert!(host.masked().contains(&"dapi-old".to_owned()), "what is read is masked");
}

#[test]
fn a_value_that_was_set_by_hand_is_known_by_its_fingerprint() {
    let host = host();
    let mut by_hand = bundle("abc", "id-old", START);
    by_hand["tags"] = json!(null);
    host.on(&format!("GET {SECRET}"), 200, by_hand);
    let holds = observe(&host).unwrap().holds;
    assert_eq!(holds.as_deref(), Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

#[test]
fn a_write_adds_a_version_with_expiry_and_tags_and_keeps_what_others_have_set() {
    let host = host();
    host.on(&format!("GET {SECRET}"), 200, bundle("dapi-old", "id-old", START - 60))
        .on(&format!("PUT {SECRET}"), 200, bundle(VALUE, "id-new", START))
        .on(&format!("GET {SECRET}"), 200, bundle(VALUE, "id-new", START));
    let state = with(&host, &config(&host, json!({}), sink()), async |context, sink| {
        sink.observe(context).await.unwrap();
        sink.write(context, &value(), &delivery()).await.unwrap();
        sink.read_back(context, &value(), &delivery()).await.unwrap()
    });
    assert_eq!(state.holds.as_deref(), Some("id-new"));
    assert_eq!(
        host.sent()[1].json(),
        json!({
            "value": VALUE,
            "contentType": "theirs",
            "attributes": {"enabled": true, "exp": START + 7_776_000},
            "tags": {"lakekey-credential-id": "id-new", "lakekey-target": "catalog", "team": "data",
                "owner": "ada"},
        })
    );
}

#[test]
fn a_replica_that_lags_behind_is_asked_again_and_another_value_is_a_mismatch() {
    let host = host();
    host.on(&format!("GET {SECRET}"), 200, bundle("dapi-old", "id-old", START - 60)).on(
        &format!("GET {SECRET}"),
        200,
        bundle(VALUE, "id-new", START),
    );
    let config = config(&host, json!({}), sink());
    with(&host, &config, async |context, sink| sink.read_back(context, &value(), &delivery()).await).unwrap();
    for _ in 0..4 {
        host.on(&format!("GET {SECRET}"), 200, bundle("dapi-other", "id-other", START));
    }
    let error =
        with(&host, &config, async |context, sink| sink.read_back(context, &value(), &delivery()).await)
            .unwrap_err();
    assert_eq!(
        (error.code(), error.step(), error.is_uncertain()),
        (Code::SinkMismatch, Step::ReadBack, true)
    );
    assert!(is_silent(&error));
    host.sent();
}

#[test]
fn a_soft_deleted_name_is_told_before_a_credential_is_made() {
    let host = host();
    host.on(&format!("GET {SECRET}"), 404, missing()).on(
        &format!("GET {DELETED}"),
        200,
        json!({"recoveryId": "…"}),
    );
    let error = observe(&host).unwrap_err();
    assert_eq!((error.code(), error.step()), (Code::SinkSecretDeleted, Step::ReadSinks));
    assert!(
        error.hint().contains("az keyvault secret recover --vault-name acme --name databricks-token"),
        "{}",
        error.hint()
    );
}

#[test]
fn a_secret_that_never_was_is_one_that_was_never_written() {
    let host = host();
    host.on(&format!("GET {SECRET}"), 404, missing()).on(&format!("GET {DELETED}"), 404, missing());
    assert_eq!(observe(&host).unwrap(), SinkState { written: Written::Never, holds: None, editor: None });
}

#[test]
fn each_refusal_says_what_to_do() {
    for (message, code, hint) in [
        (
            "Caller is not authorized to perform action on resource.",
            Code::SinkPermissionMissing,
            "Key Vault Secrets Officer",
        ),
        (
            "Client address is not authorized and caller is not a trusted service.",
            Code::SinkNetworkRefused,
            "firewall",
        ),
        (
            "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/…",
            Code::WrongTenant,
            "another tenant",
        ),
        ("Operation get is not allowed on a disabled secret.", Code::SinkSecretDisabled, "--enabled true"),
    ] {
        let host = host();
        host.on(&format!("GET {SECRET}"), 403, json!({"error": {"code": "Forbidden", "message": message}}));
        let error = observe(&host).unwrap_err();
        assert_eq!(error.code(), code, "{message}");
        assert!(error.hint().contains(hint), "{}", error.hint());
        assert!(!error.is_uncertain());
    }
}

#[test]
fn a_value_over_the_limit_is_refused_before_anything_is_sent() {
    let host = host();
    let large = Secret::new("x".repeat(25 * 1024 + 1));
    let error = with(&host, &config(&host, json!({}), sink()), async |context, sink| {
        sink.write(context, &large, &delivery()).await
    });
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkRefused, false));
    assert!(host.sent().is_empty());
}

#[test]
fn a_principal_that_databricks_alone_knows_needs_another_sign_in() {
    let host = host().variable("OAUTH", "oauth-secret");
    let config = host.config(
        json!({}),
        json!({"principal": {"kind": "databricks", "client-id": "22222222-2222-2222-2222-222222222222"},
               "auth": {"type": "oauth-m2m", "client-secret": {"env": "OAUTH"}}, "deliver": [sink()]}),
    );
    let error = with(&host, &config, async |context, sink| sink.observe(context).await).unwrap_err();
    assert_eq!((error.code(), error.step()), (Code::SignInNotConfigured, Step::SignInSink));
    assert!(error.hint().contains("targets[0].deliver[0].auth"));
}

#[test]
fn the_sinks_own_sign_in_goes_before_that_of_azure_and_that_before_the_principal() {
    let azure = json!({"azure": {"type": "access-token", "token": {"env": "AZURE_TOKEN"}}});
    let host = host().variable("AZURE_TOKEN", "azure-token");
    host.on(&format!("GET {SECRET}"), 200, bundle("a", "b", START)).on(
        &format!("GET {SECRET}"),
        200,
        bundle("a", "b", START),
    );
    with(&host, &config(&host, azure.clone(), sink()), async |context, sink| sink.observe(context).await)
        .unwrap();
    let mut own = sink();
    own["auth"] = json!({"type": "access-token", "token": {"env": "SINK_TOKEN"}});
    with(&host, &config(&host, azure, own), async |context, sink| sink.observe(context).await).unwrap();
    let sent = host.sent();
    assert_eq!(sent[0].header("authorization"), Some("Bearer azure-token"));
    assert_eq!(sent[1].header("authorization"), Some("Bearer sink-token"));
}

#[test]
fn the_versions_of_revoked_credentials_are_switched_off_on_every_page() {
    let host = host();
    let base = "https://acme.vault.azure.net/secrets/databricks-token";
    let version = |name: &str, id: &str| {
        json!({"id": format!("{base}/{name}"), "attributes": {"enabled": true},
            "tags": {"lakekey-credential-id": id}})
    };
    let next = format!("{base}/versions?api-version=7.4&$skiptoken=x");
    host.on(
        &format!("GET {base}/versions?maxresults=25&api-version=7.4"),
        200,
        json!({"value": [version("v3", "id-new")], "nextLink": next.replace(".net/", ".net:443/")}),
    );
    let elsewhere = "https://other.vault.azure.net/secrets/databricks-token/versions?x";
    host.on(
        &format!("GET {next}"),
        200,
        json!({"value": [version("v1", "id-old"), version("v2", "id-other")], "nextLink": elsewhere}),
    );
    host.on(&format!("PATCH {base}/v1?api-version=7.4"), 200, json!({}));
    let mut place = sink();
    place["disable-superseded"] = json!(true);
    let revoked = ["id-old".to_owned()];
    let (done, result) = with(&host, &config(&host, json!({}), place), async |context, sink| {
        sink.retire(context, &revoked).await
    });
    result.unwrap();
    assert_eq!(done, ["switched the version v1 of databricks-token off"]);
    let sent = host.sent();
    assert_eq!(sent.len(), 3, "no other host is asked, and no other version changed");
    assert_eq!(sent[2].json(), json!({"attributes": {"enabled": false}}));
}
