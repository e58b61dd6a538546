#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use crypto_box::PublicKey;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::SigningKey;
use rsa::sha2::Sha256;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use serde_json::{Value, json};

use crate::testing::{Answer, GITHUB, emulator, read, send};
use crate::{Emulator, Place};

const REPOSITORY: &str = "/repos/acme/data/actions/secrets";

fn token(emulator: &Emulator) -> String {
    emulator.world(|world| world.seeded.github_token.clone())
}

fn seal(key: &str, value: &str) -> String {
    let key: [u8; 32] = STANDARD.decode(key).unwrap().try_into().unwrap();
    STANDARD.encode(PublicKey::from(key).seal(&mut rsa::rand_core::OsRng, value.as_bytes()).unwrap())
}

fn put(emulator: &Emulator, base: &str, name: &str, value: &str, more: Value) -> Answer {
    let key = send(emulator, GITHUB, "GET", &format!("{base}/public-key"), &token(emulator), None);
    let mut body = json!({"encrypted_value": seal(key.text("key"), value), "key_id": key.text("key_id")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(emulator, GITHUB, "PUT", &format!("{base}/{name}"), &token(emulator), Some(body))
}

#[test]
fn a_sealed_secret_is_opened_created_once_and_then_updated() {
    let emulator = emulator();
    assert_eq!(put(&emulator, REPOSITORY, "A_TOKEN", "one", json!({})).status, 201);
    emulator.advance(Duration::from_secs(60));
    assert_eq!(put(&emulator, REPOSITORY, "a_token", "two", json!({})).status, 204);
    let secret = emulator.world(|world| {
        world.github.secret(&Place::Repository("acme/data".into()), "A_TOKEN").cloned().unwrap()
    });
    assert_eq!((secret.value.as_str(), secret.updated_ms - secret.created_ms), ("two", 60_000));
    let shown = send(
        &emulator,
        GITHUB,
        "GET",
        "/api/v3/repos/acme/data/actions/secrets/A_TOKEN",
        &token(&emulator),
        None,
    );
    assert_eq!(
        shown.json,
        json!({"name": "A_TOKEN", "created_at": "2026-11-24T10:00:00Z", "updated_at": "2026-11-24T10:01:00Z"})
    );
    assert!(
        shown.headers.contains_key("x-ratelimit-remaining")
            && shown.headers.contains_key("x-github-request-id")
    );
}

#[test]
fn an_improper_box_a_wrong_key_and_a_bad_name_are_unprocessable() {
    let emulator = emulator();
    let key = send(&emulator, GITHUB, "GET", &format!("{REPOSITORY}/public-key"), &token(&emulator), None);
    let put = |name: &str, body: Value| {
        send(&emulator, GITHUB, "PUT", &format!("{REPOSITORY}/{name}"), &token(&emulator), Some(body))
    };
    let sealed = seal(key.text("key"), "v");
    let improper =
        put("A", json!({"encrypted_value": STANDARD.encode([0; 60]), "key_id": key.text("key_id")}));
    let text = "Bad request - validation failed due to an improperly encrypted secret";
    assert_eq!((improper.status, improper.text("message")), (422, text));
    assert_eq!(put("A", json!({"encrypted_value": sealed, "key_id": "1"})).status, 422);
    assert_eq!(
        put("A", json!({"encrypted_value": sealed})).text("message"),
        "Invalid request.\n\n\"key_id\" wasn't supplied."
    );
    for name in ["1A", "A-B", "GITHUB_A", "github_a"] {
        assert_eq!(put(name, json!({"encrypted_value": sealed, "key_id": key.text("key_id")})).status, 422);
    }
    let more =
        put("A", json!({"encrypted_value": sealed, "key_id": key.text("key_id"), "visibility": "all"}));
    assert_eq!(more.text("message"), "Invalid request.\n\n\"visibility\" is not a permitted key.");
}

#[test]
fn a_list_is_cut_into_pages_that_link_to_the_next() {
    let emulator = emulator();
    for name in ["A", "B", "C"] {
        put(&emulator, REPOSITORY, name, "v", json!({}));
    }
    let first = send(&emulator, GITHUB, "GET", &format!("{REPOSITORY}?per_page=2"), &token(&emulator), None);
    assert_eq!((&first.json["total_count"], first.json["secrets"].as_array().unwrap().len()), (&json!(3), 2));
    assert_eq!(first.header("link"), format!("<{GITHUB}{REPOSITORY}?per_page=2&page=2>; rel=\"next\""));
    let second =
        send(&emulator, GITHUB, "GET", &format!("{REPOSITORY}?per_page=2&page=2"), &token(&emulator), None);
    assert_eq!((second.json["secrets"][0]["name"].as_str(), second.header("link")), (Some("C"), ""));
}

#[test]
fn a_workflow_token_cannot_even_read_the_public_key() {
    let emulator = emulator();
    let token = emulator.world(|world| world.seeded.workflow_token.clone());
    let refused = send(&emulator, GITHUB, "GET", &format!("{REPOSITORY}/public-key"), &token, None);
    assert_eq!((refused.status, refused.text("message")), (403, "Resource not accessible by integration"));
    assert_eq!(
        send(&emulator, GITHUB, "GET", REPOSITORY, "ghp_wrong", None).text("message"),
        "Bad credentials"
    );
    assert_eq!(
        send(&emulator, GITHUB, "GET", REPOSITORY, "", None).text("message"),
        "Requires authentication"
    );
    let agentless = http::Request::get(REPOSITORY).body(Vec::new()).unwrap();
    assert_eq!(read(emulator.serve(GITHUB, agentless)).status, 403);
}

#[test]
fn environments_and_organisations_have_keys_and_secrets_of_their_own() {
    let emulator = emulator();
    emulator.world(|world| world.github.repositories[0].environments.push("pre prod/eu".to_owned()));
    assert_eq!(
        put(&emulator, "/repos/acme/data/environments/pre%20prod%2Feu/secrets", "A", "v", json!({})).status,
        201
    );
    let place = Place::Environment("acme/data".into(), "pre prod/eu".into());
    assert!(emulator.world(|world| world.github.secret(&place, "A").is_some()));
    assert_eq!(
        send(&emulator, GITHUB, "GET", "/repos/acme/data/environments/none/secrets", &token(&emulator), None)
            .status,
        404
    );
    let org = "/orgs/acme/actions/secrets";
    assert_eq!(
        put(&emulator, org, "A", "v", json!({})).text("message"),
        "Invalid request.\n\n\"visibility\" wasn't supplied."
    );
    let more = json!({"visibility": "selected", "selected_repository_ids": [900_000_001]});
    assert_eq!(put(&emulator, org, "A", "v", more).status, 201);
    let selected =
        send(&emulator, GITHUB, "GET", "/orgs/acme/actions/secrets/A/repositories", &token(&emulator), None);
    assert_eq!(selected.json["repositories"][0]["full_name"], "acme/data");
    assert_eq!(put(&emulator, "/repos/acme/data/dependabot/secrets", "A", "v", json!({})).status, 201);
    assert_eq!(emulator.world(|world| world.github.secrets().count()), 3);
}

#[test]
fn the_eighty_first_write_in_a_minute_is_told_when_to_come_back() {
    let emulator = emulator();
    for _ in 0..80 {
        assert!(matches!(put(&emulator, REPOSITORY, "A", "v", json!({})).status, 201 | 204));
        emulator.advance(Duration::from_millis(500));
    }
    let refused = put(&emulator, REPOSITORY, "A", "v", json!({}));
    assert_eq!((refused.status, refused.header("retry-after")), (403, "21"));
    assert!(refused.text("message").starts_with("You have exceeded a secondary rate limit"));
    emulator.advance(Duration::from_secs(21));
    assert_eq!(put(&emulator, REPOSITORY, "A", "v", json!({})).status, 204);
}

#[test]
fn a_variable_is_created_once_and_then_patched() {
    let emulator = emulator();
    let base = "/repos/acme/data/actions/variables";
    let send = |method: &str, path: &str, body: Option<Value>| {
        send(&emulator, GITHUB, method, path, &token(&emulator), body)
    };
    assert_eq!(send("POST", base, Some(json!({"name": "V", "value": "1"}))).status, 201);
    assert_eq!(send("POST", base, Some(json!({"name": "V", "value": "1"}))).status, 409);
    assert_eq!(send("PATCH", &format!("{base}/V"), Some(json!({"value": "2"}))).status, 204);
    assert_eq!(send("GET", &format!("{base}/v"), None).text("value"), "2");
}

fn jwt(pem: &str, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&json!({"alg": "RS256", "typ": "JWT"})), encode(claims));
    let key = SigningKey::<Sha256>::new(rsa::RsaPrivateKey::from_pkcs1_pem(pem).unwrap());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes()))
}

#[test]
fn an_app_signs_in_with_its_key_and_gets_a_token_for_no_more_than_it_has() {
    let emulator = emulator();
    let (id, pem) = emulator.world(crate::World::github_app);
    let now = emulator.now_ms() / 1000;
    let app = jwt(&pem, &json!({"iss": id, "iat": now - 60, "exp": now + 540}));
    let found = send(&emulator, GITHUB, "GET", "/repos/acme/data/installation", &app, None);
    let path = format!("/app/installations/{}/access_tokens", found.json["id"]);
    let body = json!({"repositories": ["data"], "permissions": {"secrets": "write"}});
    let made = send(&emulator, GITHUB, "POST", &path, &app, Some(body));
    assert_eq!((made.status, made.text("expires_at")), (201, "2026-11-24T11:00:00Z"));
    let token = made.text("token");
    assert_eq!(send(&emulator, GITHUB, "GET", &format!("{REPOSITORY}/public-key"), token, None).status, 200);
    assert_eq!(send(&emulator, GITHUB, "GET", "/orgs/acme/actions/secrets", token, None).status, 403);
    emulator.advance(Duration::from_secs(3600));
    assert_eq!(send(&emulator, GITHUB, "GET", REPOSITORY, token, None).status, 401);
}

#[test]
fn an_apps_token_that_is_too_long_or_signed_by_another_key_is_refused() {
    let emulator = emulator();
    let (id, pem) = emulator.world(crate::World::github_app);
    let now = emulator.now_ms() / 1000;
    let ask = |claims: Value| send(&emulator, GITHUB, "GET", "/app", &jwt(&pem, &claims), None);
    let long = ask(json!({"iss": id, "iat": now, "exp": now + 601}));
    assert_eq!(long.text("message"), "'Expiration time' claim ('exp') is too far in the future");
    assert_eq!(ask(json!({"iss": id, "iat": now + 5, "exp": now + 60})).status, 401);
    assert_eq!(ask(json!({"iss": id + 1, "iat": now, "exp": now + 60})).status, 404);
    let mut forged = jwt(&pem, &json!({"iss": id, "iat": now, "exp": now + 60}));
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    assert_eq!(
        send(&emulator, GITHUB, "GET", "/app", &forged, None).text("message"),
        "A JSON web token could not be decoded"
    );
}
