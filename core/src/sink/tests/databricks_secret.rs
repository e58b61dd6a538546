#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value, json};

use super::{VALUE, config, delivery, host, is_silent, value, with};
use crate::host::testing::START;
use crate::model::Code;
use crate::sink::{SinkState, Written};

const API: &str = "https://adb-1.2.azuredatabricks.net/api/2.0/secrets";
const LIST: &str = "GET https://adb-1.2.azuredatabricks.net/api/2.0/secrets/list?scope=integrations";
const PUT: &str = "POST https://adb-1.2.azuredatabricks.net/api/2.0/secrets/put";

fn sink(more: Value) -> Value {
    let mut sink = json!({"type": "databricks-secret", "scope": "integrations", "key": "catalog/token"});
    for (key, value) in more.as_object().unwrap() {
        sink[key] = value.clone();
    }
    sink
}

fn list(at: i64) -> Value {
    json!({"secrets": [{"key": "other", "last_updated_timestamp": 1}, {"key": "catalog/token",
        "last_updated_timestamp": at * 1000}]})
}

fn no_scope() -> Value {
    json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Scope integrations does not exist!"})
}

#[test]
fn a_key_is_written_and_its_date_tells_so() {
    let host = host();
    host.on(LIST, 200, list(START - 60)).on(PUT, 200, json!({})).on(LIST, 200, list(START));
    let state = with(&host, &config(&host, json!({}), sink(json!({}))), async |context, sink| {
        assert_eq!(sink.label(), "databricks-secret integrations catalog/token");
        sink.observe(context).await.unwrap();
        sink.write(context, &value(), &delivery()).await.unwrap();
        let state = sink.read_back(context, &value(), &delivery()).await.unwrap();
        assert!(sink.unverified().unwrap().starts_with("its date shows the write"));
        state
    });
    let at = crate::model::Timestamp::from_second(START).unwrap();
    assert_eq!(state, SinkState { written: Written::At(at), holds: Some("id-new".to_owned()), editor: None });
    assert_eq!(
        host.sent()[1].json(),
        json!({"scope": "integrations", "key": "catalog/token", "string_value": VALUE})
    );
}

#[test]
fn a_date_may_be_a_number_or_a_text_or_not_there_at_all() {
    let host = host();
    let config = config(&host, json!({}), sink(json!({})));
    let at = crate::model::Timestamp::from_second(START).unwrap();
    for (date, written) in [
        (json!(START * 1000), Written::At(at)),
        (json!((START * 1000).to_string()), Written::At(at)),
        (Value::Null, Written::Unknown),
        (json!("yesterday"), Written::Unknown),
    ] {
        host.on(LIST, 200, json!({"secrets": [{"key": "catalog/token", "last_updated_timestamp": date}]}));
        let seen = with(&host, &config, async |context, sink| sink.observe(context).await.unwrap());
        assert_eq!(seen.written, written);
    }
    // Listed without a date before and after: nothing shows that it was written, and that is said.
    let undated = json!({"secrets": [{"key": "catalog/token"}]});
    host.on(LIST, 200, undated.clone()).on(PUT, 200, json!({})).on(LIST, 200, undated);
    with(&host, &config, async |context, sink| {
        sink.observe(context).await.unwrap();
        sink.write(context, &value(), &delivery()).await.unwrap();
        let state = sink.read_back(context, &value(), &delivery()).await.unwrap();
        assert_eq!((state.written, state.holds), (Written::Unknown, None));
        assert!(sink.unverified().unwrap().contains("neither its date nor its value could be read"));
    });
    host.sent();
}

#[test]
fn a_date_that_has_not_moved_is_a_mismatch() {
    let host = host();
    let config = config(&host, json!({}), sink(json!({})));
    for _ in 0..5 {
        host.on(LIST, 200, list(START - 60));
    }
    let error = with(&host, &config, async |context, sink| {
        sink.observe(context).await.unwrap();
        sink.read_back(context, &value(), &delivery()).await.unwrap_err()
    });
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkMismatch, true));
    host.sent();
}

#[test]
fn a_scope_that_the_standard_tier_does_not_make_is_explained() {
    let host = host();
    let words = "Premium Tier is disabled in this workspace. Secret scopes can only be created with \
                 initial_manage_principal \"users\".";
    host.on(LIST, 404, no_scope()).on(
        &format!("POST {API}/scopes/create"),
        400,
        json!({"error_code": "BAD_REQUEST", "message": words}),
    );
    let config = config(&host, json!({}), sink(json!({"create-scope": true})));
    let error = with(&host, &config, async |context, sink| {
        sink.observe(context).await.unwrap();
        sink.write(context, &value(), &delivery()).await.unwrap_err()
    });
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkRefused, false));
    assert!(error.hint().contains("standard tier") && error.hint().contains("create-scope integrations"));
    host.sent();
}

#[test]
fn a_missing_scope_is_made_when_told_and_named_when_not() {
    let host = host();
    host.on(LIST, 404, no_scope());
    let config_without = config(&host, json!({}), sink(json!({})));
    let error = with(&host, &config_without, async |context, sink| sink.observe(context).await).unwrap_err();
    assert_eq!(error.code(), Code::SinkNotFound);
    assert!(error.hint().contains("create-scope: true"));
    host.on(LIST, 404, no_scope()).on(&format!("POST {API}/scopes/create"), 200, json!({})).on(
        PUT,
        200,
        json!({}),
    );
    let config_with = config(&host, json!({}), sink(json!({"create-scope": true})));
    with(&host, &config_with, async |context, sink| {
        assert_eq!(sink.observe(context).await.unwrap().written, Written::Never);
        sink.write(context, &value(), &delivery()).await.unwrap();
    });
    assert_eq!(host.sent()[2].json(), json!({"scope": "integrations"}));
}

#[test]
fn a_scope_that_another_run_makes_in_the_same_moment_is_made() {
    let host = host();
    host.on(PUT, 404, no_scope())
        .on(
            &format!("POST {API}/scopes/create"),
            400,
            json!({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "Scope integrations already exists!"}),
        )
        .on(PUT, 200, json!({}));
    let config = config(&host, json!({}), sink(json!({"create-scope": true})));
    with(&host, &config, async |context, sink| sink.write(context, &value(), &delivery()).await).unwrap();
    host.sent();
}

#[test]
fn another_workspace_gets_its_own_credential_and_stands_in_the_label() {
    let host = host();
    host.on(
        "GET https://adb-9.8.azuredatabricks.net/api/2.0/secrets/list?scope=integrations",
        200,
        json!({}),
    );
    let there = json!({"workspace": "https://adb-9.8.azuredatabricks.net", "auth": {"type": "pat",
        "token": {"env": "SINK_TOKEN"}}});
    with(&host, &config(&host, json!({}), sink(there)), async |context, sink| {
        assert_eq!(
            sink.label(),
            "databricks-secret https://adb-9.8.azuredatabricks.net integrations catalog/token"
        );
        assert_eq!(sink.observe(context).await.unwrap().written, Written::Never);
    });
    assert_eq!(host.sent()[0].header("authorization"), Some("Bearer sink-token"));
}

#[test]
fn a_refusal_names_the_permission_on_the_scope() {
    let host = host();
    host.on(
        PUT,
        403,
        json!({"error_code": "PERMISSION_DENIED",
        "message": "User does not have WRITE permission on scope integrations"}),
    );
    let config = config(&host, json!({}), sink(json!({})));
    let error = with(&host, &config, async |context, sink| sink.write(context, &value(), &delivery()).await)
        .unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkPermissionMissing, false));
    assert!(error.hint().contains("databricks secrets put-acl integrations"));
    assert!(is_silent(&error));
}
