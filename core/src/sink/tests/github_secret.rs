//! The App's sign-in, the address and the permission of each kind of secret, and the telling of refusals,
//! against a scripted GitHub.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::signature::Verifier as _;
use serde_json::{Value, json};

use super::{config, delivery, value, with};
use crate::engine::Config;
use crate::host::testing::{START, TestHost};
use crate::model::{Code, Error, Step};
use crate::service::github::HostRng;

const API: &str = "https://api.github.com";
const SECRET: &str = "repos/acme/data/actions/secrets/T";
const INSTALLATION: &str = "GET https://api.github.com/repos/acme/data/installation";
const TOKENS: &str = "POST https://api.github.com/app/installations/7/access_tokens";

fn key() -> rsa::RsaPrivateKey {
    // Short, since nothing is protected by it and the test has to make it.
    rsa::RsaPrivateKey::new(&mut HostRng(&TestHost::new()), 1024).unwrap()
}

fn pem() -> String {
    key().to_pkcs1_pem(LineEnding::LF).unwrap().to_string()
}

fn host() -> TestHost {
    super::host().variable("PAT", "github_pat_abc")
}

fn repository() -> Value {
    json!({"type": "github-secret", "repository": "acme/data", "secret": "T"})
}

fn as_app(host: TestHost, pem: &str, sink: Value) -> (TestHost, Config) {
    let host = host.variable("APP_KEY", pem);
    let github = json!({"type": "app", "app-id": 42, "private-key": {"env": "APP_KEY"}});
    let config = config(&host, json!({"github": github}), sink);
    (host, config)
}

fn issued() -> Value {
    json!({"token": "ghs_issued", "expires_at": "2026-11-24T11:00:00Z", "permissions": {"secrets": "write"}})
}

/// Answers that there is no such secret, and with the key that it would be sealed with.
fn absent<'h>(host: &'h TestHost, secret: &str) -> &'h TestHost {
    let place = secret.rsplit_once('/').unwrap().0;
    host.on(
        &format!("GET {API}/{place}/public-key"),
        200,
        json!({"key_id": "1", "key": "hBT5WZEj8ZoOv6TYJsfWq7MxTEQopZO5/IT3ZCVQPzs="}),
    )
    .on(&format!("GET {API}/{secret}"), 404, json!({"message": "Not Found"}))
}

fn observe(host: &TestHost, config: &Config) -> Result<(), Error> {
    with(host, config, async |context, sink| sink.observe(context).await.map(drop))
}

#[test]
fn an_app_asks_for_one_permission_on_one_repository_and_once_a_run() {
    let key = key();
    for pem in [key.to_pkcs1_pem(LineEnding::LF).unwrap(), key.to_pkcs8_pem(LineEnding::LF).unwrap()] {
        let (host, config) = as_app(host(), &pem, repository());
        host.on(INSTALLATION, 200, json!({"id": 7, "permissions": {"secrets": "write", "metadata": "read"}}))
            .on(TOKENS, 201, issued());
        absent(&host, SECRET).on(&format!("PUT {API}/{SECRET}"), 201, json!({}));
        with(&host, &config, async |context, sink| {
            sink.observe(context).await?;
            sink.write(context, &value(), &delivery()).await
        })
        .unwrap();
        let sent = host.sent();
        assert_eq!(sent[1].json(), json!({"permissions": {"secrets": "write"}, "repositories": ["data"]}));
        assert!(host.masked().contains(&"ghs_issued".to_owned()));
        for request in &sent[2..] {
            assert_eq!(request.header("authorization"), Some("Bearer ghs_issued"), "{}", request.line);
        }
        let assertion = sent[0].header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        assert!(host.masked().contains(&assertion.to_owned()));
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = Signature::try_from(URL_SAFE_NO_PAD.decode(signature).unwrap().as_slice()).unwrap();
        VerifyingKey::<rsa::sha2::Sha256>::new(key.to_public_key())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims, json!({"iss": 42, "iat": START - 60, "exp": START + 540}));
    }
}

#[test]
fn every_kind_of_secret_has_its_own_address_permission_and_label() {
    for (keys, secret, permission, label) in [
        (json!({"repository": "acme/data"}), SECRET, "secrets", "github-secret acme/data T"),
        (
            json!({"repository": "acme/data", "environment": "prod/eu west"}),
            "repos/acme/data/environments/prod%2Feu%20west/secrets/T",
            "environments",
            "github-secret acme/data T (prod/eu west)",
        ),
        (
            json!({"organization": "acme"}),
            "orgs/acme/actions/secrets/T",
            "organization_secrets",
            "github-secret acme T",
        ),
        (
            json!({"repository": "acme/data", "app": "dependabot"}),
            "repos/acme/data/dependabot/secrets/T",
            "dependabot_secrets",
            "github-secret acme/data T (dependabot)",
        ),
        (
            json!({"organization": "acme", "app": "dependabot"}),
            "orgs/acme/dependabot/secrets/T",
            "organization_dependabot_secrets",
            "github-secret acme T (dependabot)",
        ),
    ] {
        let mut sink = keys.clone();
        (sink["type"], sink["secret"]) = (json!("github-secret"), json!("T"));
        let (host, config) = as_app(host(), &pem(), sink);
        let owner = if keys["organization"].is_null() { "repos/acme/data" } else { "orgs/acme" };
        host.on(&format!("GET {API}/{owner}/installation"), 200, json!({"id": 7})).on(TOKENS, 201, issued());
        absent(&host, secret).on(&format!("PUT {API}/{secret}"), 201, json!({}));
        with(&host, &config, async |context, sink| {
            assert_eq!(sink.label(), label);
            sink.write(context, &value(), &delivery()).await
        })
        .unwrap();
        let sent = host.sent();
        let mut asked = json!({"permissions": {permission: "write"}});
        if keys["organization"].is_null() {
            asked["repositories"] = json!(["data"]);
        }
        assert_eq!(sent[1].json(), asked);
        // An organisation's secret is for its private repositories unless told otherwise.
        let visibility = if keys["organization"].is_null() { Value::Null } else { json!("private") };
        assert_eq!(sent.last().unwrap().json()["visibility"], visibility, "{label}");
    }
}

#[test]
fn what_an_app_lacks_is_named_with_the_place_to_grant_it() {
    let refused = |status: u16, body: Value| {
        let (host, config) = as_app(host(), &pem(), repository());
        host.on(INSTALLATION, status, body);
        let error = observe(&host, &config).unwrap_err();
        assert_eq!(error.step(), Step::SignInSink);
        error
    };
    let error = refused(404, json!({"message": "Not Found"}));
    assert_eq!(error.code(), Code::GithubAppNotInstalled);
    assert!(error.hint().contains("install the App 42 on acme/data"), "{}", error.hint());
    let error = refused(401, json!({"message": "A JSON web token could not be decoded"}));
    assert_eq!(error.code(), Code::GithubCredentialInvalid);
    assert!(error.hint().contains("github.private-key"), "{}", error.hint());
    let error = refused(200, json!({"id": 7, "permissions": {"secrets": "read"}}));
    assert_eq!(error.code(), Code::GithubPermissionMissing);
    assert!(error.hint().contains("Repository permissions > Secrets"), "{}", error.hint());
    let suspended = "2026-01-01T00:00:00Z";
    let error =
        refused(200, json!({"id": 7, "permissions": {"secrets": "write"}, "suspended_at": suspended}));
    assert!(error.message().contains("suspended"), "{error}");
}

#[test]
fn a_key_that_is_none_is_refused_without_a_word_of_it() {
    let none = "-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----";
    let (host, config) = as_app(host(), none, repository());
    let error = observe(&host, &config).unwrap_err();
    assert_eq!(error.code(), Code::GithubCredentialInvalid);
    assert!(!format!("{error:?}").contains("bm90"));
    assert!(host.sent().is_empty());
}

#[test]
fn a_key_whose_line_ends_were_written_out_is_read_all_the_same() {
    let (host, config) = as_app(host(), &pem().replace('\n', "\\n"), repository());
    host.on(INSTALLATION, 200, json!({"id": 7})).on(TOKENS, 201, issued());
    absent(&host, SECRET);
    observe(&host, &config).unwrap();
    host.sent();
}

/// What tells a job of GitHub Actions.
const JOB: (&str, &str) = ("GITHUB_ACTIONS", "true");

fn explained(variables: &[(&str, &str)], github: Value, message: &str) -> Error {
    let host = variables.iter().fold(host(), |host, (name, value)| host.variable(name, value));
    let mut sink = repository();
    sink["environment"] = json!("prod");
    let config = config(&host, json!({"github": github}), sink);
    let place = format!("{API}/repos/acme/data/environments/prod/secrets");
    let status = if message == "Not Found" { 404 } else { 403 };
    host.on(&format!("GET {place}/public-key"), status, json!({"message": message})).on(
        &format!("GET {place}/T"),
        status,
        json!({"message": message}),
    );
    observe(&host, &config).unwrap_err()
}

fn token(name: &str) -> Value {
    json!({"type": "token", "token": {"env": name}})
}

#[test]
fn the_workflows_own_token_is_told_from_an_app_that_lacks_a_permission() {
    let said = "Resource not accessible by integration";
    let own = explained(&[JOB, ("GITHUB_TOKEN", "ghs_abc")], token("GITHUB_TOKEN"), said);
    assert_eq!(own.code(), Code::GithubTokenCannotWriteSecrets);
    assert!(
        own.hint().contains("the workflow's own GITHUB_TOKEN, which can never write secrets"),
        "{}",
        own.hint()
    );
    let same = explained(&[JOB, ("GITHUB_TOKEN", "ghs_abc"), ("INPUT", "ghs_abc")], token("INPUT"), said);
    assert_eq!(same.hint(), own.hint());
    // Outside a workflow the variable of that name may hold an App's token.
    let elsewhere = explained(&[("GITHUB_TOKEN", "ghs_abc")], token("GITHUB_TOKEN"), said);
    assert!(elsewhere.hint().contains("If it is that of an App"), "{}", elsewhere.hint());
    let either = explained(&[JOB, ("INPUT", "ghs_abc")], token("INPUT"), said);
    assert!(either.hint().contains("If it is that of an App"), "{}", either.hint());
    let seemingly = explained(&[("INPUT", "ghs_15368_abc")], token("INPUT"), said);
    assert!(seemingly.hint().contains("by its form (ghs_15368_…)"), "{}", seemingly.hint());
    let personal = explained(&[], token("PAT"), "Resource not accessible by personal access token");
    assert_eq!(personal.code(), Code::GithubPermissionMissing);
    assert!(personal.hint().contains("Repository permissions > Environments"), "{}", personal.hint());
}

#[test]
fn an_app_that_is_refused_a_write_is_told_which_permission_it_lacks() {
    let (host, config) = as_app(host(), &pem(), repository());
    host.on(INSTALLATION, 200, json!({"id": 7})).on(TOKENS, 201, issued());
    let refusal = json!({"message": "Resource not accessible by integration"});
    absent(&host, SECRET).on(&format!("PUT {API}/{SECRET}"), 403, refusal);
    let error = with(&host, &config, async |context, sink| sink.write(context, &value(), &delivery()).await)
        .unwrap_err();
    assert_eq!(error.code(), Code::GithubPermissionMissing);
    assert!(error.hint().contains("`secrets: write`"), "{}", error.hint());
}

#[test]
fn a_missing_environment_is_named() {
    let error = explained(&[], token("PAT"), "Not Found");
    assert_eq!(error.code(), Code::GithubNotFound);
    assert!(error.hint().contains("has an environment \"prod\""), "{}", error.hint());
}

#[test]
fn without_a_sign_in_nothing_is_sent() {
    let host = host();
    let config = config(&host, json!({}), repository());
    let error = observe(&host, &config).unwrap_err();
    assert_eq!(error.code(), Code::GithubNotConfigured);
    assert!(host.sent().is_empty());
}

#[test]
fn a_fleet_writes_eighty_secrets_a_minute_and_stops_at_five_hundred_an_hour() {
    let host = host();
    let config = config(&host, json!({"github": token("PAT")}), repository());
    absent(&host, SECRET);
    with(&host, &config, async |context, sink| {
        for _ in 0..500 {
            host.on(&format!("PUT {API}/{SECRET}"), 204, json!({}));
            sink.write(context, &value(), &delivery()).await.unwrap();
        }
        // The first eighty at once, and six times more a minute later.
        assert_eq!(context.now().as_second(), START + 6 * 60);
        let error = sink.write(context, &value(), &delivery()).await.unwrap_err();
        assert_eq!((error.code(), error.is_uncertain()), (Code::RateLimited, false));
    });
    let waits = host.messages();
    assert_eq!(waits, ["waiting 60 s for GitHub's limit"; 6]);
    host.sent();
}

#[test]
fn a_limit_that_another_has_met_is_waited_for_and_announced() {
    let host = host();
    let config = config(&host, json!({"github": token("PAT")}), repository());
    let used_up = json!({"message": "API rate limit exceeded for user ID 1"});
    host.on_text(
        &format!("GET {API}/{}/public-key", SECRET.rsplit_once('/').unwrap().0),
        429,
        &[("retry-after", "1800"), ("content-type", "application/json")],
        &used_up.to_string(),
    );
    absent(&host, SECRET);
    with(&host, &config, async |context, sink| {
        context.session().pace.take_time();
        // It has something half done, and does not wait.
        context.set_delivering(true);
        assert_eq!(sink.observe(context).await.unwrap_err().code(), Code::RateLimited);
        assert_eq!(sink.observe(context).await.unwrap_err().code(), Code::RateLimited);
        assert_eq!(context.now().as_second(), START);
        context.set_delivering(false);
        sink.observe(context).await.unwrap();
        assert_eq!(context.now().as_second(), START + 1800);
    });
    assert_eq!(host.messages(), ["waiting 30 min for GitHub's limit"]);
}
