#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};

use super::{VALUE, config, delivery, host, is_silent, value, with};
use crate::host::TransportErrorKind;
use crate::host::testing::{START, TestHost};
use crate::model::hex;
use crate::model::{Code, Error};

fn sink() -> Value {
    json!({"type": "webhook", "url": "https://hooks.example/catalog/", "key": {"env": "HOOK_KEY"}})
}

fn write(host: &TestHost) -> Result<(), Error> {
    with(host, &config(host, json!({}), sink()), async |context, sink| {
        sink.write(context, &value(), &delivery()).await
    })
}

#[test]
fn the_signature_covers_the_exact_body_and_the_time_in_it() {
    let host = host();
    host.on("POST https://hooks.example/catalog/", 204, json!(null));
    write(&host).unwrap();
    let sent = &host.sent()[0];
    assert_eq!(
        sent.json(),
        json!({"target": "catalog", "credential-id": "id-new", "created": "2026-11-24T10:00:00Z",
            "expires": "2027-02-22T10:00:00Z",
               "sent": START, "value": VALUE})
    );
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"hook-key").unwrap();
    mac.update(sent.body.as_bytes());
    let expected = format!("sha256={}", hex(&mac.finalize().into_bytes()));
    assert_eq!(sent.header("x-lakekey-signature"), Some(expected.as_str()));
    assert_eq!(sent.header("x-lakekey-timestamp"), Some(START.to_string().as_str()));
    assert_eq!(sent.header("authorization"), None);
}

#[test]
fn a_redirect_is_not_followed() {
    let host = host();
    host.on_text(
        "POST https://hooks.example/catalog/",
        307,
        &[("location", "https://elsewhere.example/")],
        "",
    );
    let error = write(&host).unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::Redirected, true));
    assert_eq!(host.sent().len(), 1);
    assert!(is_silent(&error));
}

#[test]
fn a_lost_reply_is_followed_by_the_same_body_again() {
    let host = host();
    host.on_failure("POST https://hooks.example/catalog/", TransportErrorKind::Lost).on(
        "POST https://hooks.example/catalog/",
        200,
        json!({}),
    );
    write(&host).unwrap();
    let sent = host.sent();
    assert_eq!(sent[0], sent[1]);
}

#[test]
fn a_definite_refusal_is_certain_and_a_failure_of_the_service_is_not() {
    let host = host();
    host.on("POST https://hooks.example/catalog/", 401, json!({"message": "bad signature"}));
    let error = write(&host).unwrap_err();
    assert_eq!((error.code(), error.is_uncertain()), (Code::SinkRefused, false));
    assert!(error.message().contains("bad signature"));
    for _ in 0..4 {
        host.on("POST https://hooks.example/catalog/", 500, json!({}));
    }
    assert!(write(&host).unwrap_err().is_uncertain());
    host.sent();
}

#[test]
fn a_missing_key_is_found_before_a_credential_is_made() {
    let host = TestHost::new();
    let config = config(&host, json!({}), sink());
    let error = with(&host, &config, async |context, sink| sink.observe(context).await).unwrap_err();
    assert_eq!((error.code(), error.key()), (Code::ConfigMissingSecret, Some("targets[0].deliver[0].key")));
}

#[test]
fn the_label_leaves_out_the_path_which_may_be_a_secret_itself() {
    let host = host();
    with(&host, &config(&host, json!({}), sink()), async |_, sink| {
        assert_eq!(sink.label(), "webhook https://hooks.example")
    });
}
