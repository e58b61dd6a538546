//! The App's sign-in and the telling of refusals, against a scripted GitHub.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::EncodePrivateKey as _;
use rsa::signature::Verifier as _;
use serde_json::{Value, json};

use super::seal::HostRng;
use super::{Place, content_write, explain, identity, token};
use crate::config::{Config, SinkConfig};
use crate::context::{Context, Session};
use crate::error::{Code, Error, Step};
use crate::secret::Secret;
use crate::testing::{START, TestHost, run};

const INSTALLATION: &str = "GET https://api.github.com/repos/acme/data/installation";
const TOKENS: &str = "POST https://api.github.com/app/installations/7/access_tokens";

fn key() -> rsa::RsaPrivateKey {
    // Short, since nothing is protected by it and the test has to make it.
    rsa::RsaPrivateKey::new(&mut HostRng(&TestHost::new()), 1024).unwrap()
}

fn app(host: TestHost, pem: &str) -> (TestHost, Config) {
    let host = host.variable("APP_KEY", pem).variable("PRINCIPAL_TOKEN", "principal-token");
    let config = host.config(
        json!({"github": {"type": "app", "app-id": 42, "private-key": {"env": "APP_KEY"}}}),
        json!({}),
    );
    (host, config)
}

fn repository() -> Place {
    place(json!({"type": "github-secret", "repository": "acme/data", "secret": "T"}))
}

fn place(sink: Value) -> Place {
    Place::of(&serde_json::from_value::<SinkConfig>(sink).unwrap()).unwrap()
}

fn with<T>(host: &TestHost, config: &Config, use_it: impl AsyncFnOnce(&Context<'_>) -> T) -> T {
    let session = Session::new(host.host(), config);
    let context = Context::new(&session, &config.targets[0]);
    run(use_it(&context))
}

fn issued() -> Value {
    json!({"token": "ghs_issued", "expires_at": "2026-11-24T11:00:00Z", "permissions": {"secrets": "write"}})
}

#[test]
fn an_app_asks_for_one_permission_on_one_repository_and_once_a_run() {
    let key = key();
    for pem in [key.to_pkcs1_pem(LineEnding::LF).unwrap(), key.to_pkcs8_pem(LineEnding::LF).unwrap()] {
        let (host, config) = app(TestHost::new(), &pem);
        host.on(INSTALLATION, 200, json!({"id": 7, "permissions": {"secrets": "write", "metadata": "read"}}))
            .on(TOKENS, 201, issued());
        with(&host, &config, async |context| {
            let first = token(context, &repository()).await.unwrap();
            assert_eq!(first, Secret::new("ghs_issued"));
            let bound = identity(context, &repository()).await.unwrap();
            assert_eq!(bound.origin().as_str(), "https://api.github.com");
        });
        let sent = host.sent();
        assert_eq!(sent[1].json(), json!({"permissions": {"secrets": "write"}, "repositories": ["data"]}));
        assert!(host.masked().contains(&"ghs_issued".to_owned()));
        let assertion = sent[0].header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        assert!(host.masked().contains(&assertion.to_owned()));
        let (signed, signature) = assertion.rsplit_once('.').unwrap();
        let signature = Signature::try_from(URL_SAFE_NO_PAD.decode(signature).unwrap().as_slice()).unwrap();
        VerifyingKey::<rsa::sha2::Sha256>::new(key.to_public_key())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split_once('.').unwrap().1).unwrap())
                .unwrap();
        assert_eq!(claims, json!({"iss": 42, "iat": START - 60, "exp": START + 540}));
    }
}

#[test]
fn an_organisations_secret_takes_a_permission_of_the_organisation_and_no_repository() {
    let (host, config) = app(TestHost::new(), &key().to_pkcs1_pem(LineEnding::LF).unwrap());
    host.on(
        "GET https://api.github.com/orgs/acme/installation",
        200,
        json!({"id": 7, "permissions": {"organization_secrets": "write"}}),
    )
    .on(TOKENS, 201, issued());
    let place = place(json!({"type": "github-secret", "organization": "acme", "secret": "T"}));
    with(&host, &config, async |context| token(context, &place).await).unwrap();
    assert_eq!(host.sent()[1].json(), json!({"permissions": {"organization_secrets": "write"}}));
}

#[test]
fn what_an_app_lacks_is_named_with_the_place_to_grant_it() {
    let pem = key().to_pkcs1_pem(LineEnding::LF).unwrap();
    let refused = |status: u16, body: Value| {
        let (host, config) = app(TestHost::new(), &pem);
        host.on(INSTALLATION, status, body);
        let error = with(&host, &config, async |context| token(context, &repository()).await).unwrap_err();
        assert_eq!(error.step(), Step::SignInSink);
        error
    };
    let error = refused(404, json!({"message": "Not Found"}));
    assert_eq!(error.code(), Code::GithubNotFound);
    assert!(error.hint().contains("install the App 42 on acme/data"), "{}", error.hint());
    let error = refused(401, json!({"message": "A JSON web token could not be decoded"}));
    assert_eq!(error.code(), Code::GithubCredentialInvalid);
    assert!(error.hint().contains("github.private-key"), "{}", error.hint());
    let error = refused(200, json!({"id": 7, "permissions": {"secrets": "read"}}));
    assert_eq!(error.code(), Code::GithubPermissionMissing);
    assert!(error.hint().contains("Repository permissions > Secrets"), "{}", error.hint());
    let error = refused(
        200,
        json!({"id": 7, "permissions": {"secrets": "write"}, "suspended_at": "2026-01-01T00:00:00Z"}),
    );
    assert!(error.message().contains("suspended"), "{error}");
}

#[test]
fn a_key_that_is_none_is_refused_without_a_word_of_it() {
    let (host, config) =
        app(TestHost::new(), "-----BEGIN RSA PRIVATE KEY-----\nbm90IGEga2V5\n-----END RSA PRIVATE KEY-----");
    let error = with(&host, &config, async |context| token(context, &repository()).await).unwrap_err();
    assert_eq!(error.code(), Code::GithubCredentialInvalid);
    assert!(!format!("{error:?}").contains("bm90"));
    assert!(host.sent().is_empty());
}

#[test]
fn a_key_whose_line_ends_were_written_out_is_read_all_the_same() {
    let pem = key().to_pkcs1_pem(LineEnding::LF).unwrap().replace('\n', "\\n");
    let (host, config) = app(TestHost::new(), &pem);
    host.on(INSTALLATION, 200, json!({"id": 7})).on(TOKENS, 201, issued());
    with(&host, &config, async |context| token(context, &repository()).await).unwrap();
    host.sent();
}

fn explained(variables: &[(&str, &str)], configured: Value, message: &str) -> Error {
    let mut host = TestHost::new().variable("PRINCIPAL_TOKEN", "principal-token");
    for (name, value) in variables {
        host = host.variable(name, value);
    }
    let config = host.config(json!({"github": configured}), json!({}));
    let environment = place(
        json!({"type": "github-secret", "repository": "acme/data", "secret": "T", "environment": "prod"}),
    );
    let call = "GET https://api.github.com/repos/acme/data/environments/prod/secrets/public-key";
    host.on(call, if message == "Not Found" { 404 } else { 403 }, json!({"message": message}));
    with(&host, &config, async |context| {
        let api = &context.session.config.github_api;
        let call = crate::call::Call::get(
            Step::ReadSinks,
            crate::call::Service::Github,
            api,
            environment.public_key_path(),
        );
        explain(context, &environment, context.execute(call).await.unwrap_err())
    })
}

#[test]
fn the_workflows_own_token_is_told_from_an_app_that_lacks_a_permission() {
    let said = "Resource not accessible by integration";
    let token = |name: &str| json!({"type": "token", "token": {"env": name}});
    let own = explained(&[("GITHUB_TOKEN", "ghs_abc")], token("GITHUB_TOKEN"), said);
    assert_eq!(own.code(), Code::GithubTokenCannotWriteSecrets);
    assert!(
        own.hint().contains("the workflow's own GITHUB_TOKEN, which can never write secrets"),
        "{}",
        own.hint()
    );
    let same = explained(&[("GITHUB_TOKEN", "ghs_abc"), ("INPUT", "ghs_abc")], token("INPUT"), said);
    assert_eq!(same.hint(), own.hint());
    let either = explained(&[("INPUT", "ghs_abc")], token("INPUT"), said);
    assert!(either.hint().contains("If it is that of an App"), "{}", either.hint());
    let personal = explained(
        &[("PAT", "github_pat_abc")],
        token("PAT"),
        "Resource not accessible by personal access token",
    );
    assert_eq!(personal.code(), Code::GithubPermissionMissing);
    assert!(personal.hint().contains("Repository permissions > Environments"), "{}", personal.hint());
    let app = explained(
        &[("KEY", "pem")],
        json!({"type": "app", "app-id": 1, "private-key": {"env": "KEY"}}),
        said,
    );
    assert_eq!(app.code(), Code::GithubPermissionMissing);
    assert!(app.hint().contains("`environments: write`"), "{}", app.hint());
}

#[test]
fn a_missing_environment_is_named() {
    let error = explained(
        &[("PAT", "github_pat_abc")],
        json!({"type": "token", "token": {"env": "PAT"}}),
        "Not Found",
    );
    assert_eq!(error.code(), Code::GithubNotFound);
    assert!(error.hint().contains("has an environment \"prod\""), "{}", error.hint());
}

#[test]
fn without_a_sign_in_nothing_is_sent() {
    let host = TestHost::new().variable("PRINCIPAL_TOKEN", "principal-token");
    let config = host.config(json!({}), json!({}));
    let error = with(&host, &config, async |context| token(context, &repository()).await).unwrap_err();
    assert_eq!(error.code(), Code::GithubNotConfigured);
}

#[test]
fn a_fleet_writes_eighty_secrets_a_minute_and_stops_at_five_hundred_an_hour() {
    let host = TestHost::new().variable("PRINCIPAL_TOKEN", "principal-token");
    let config = host.config(json!({}), json!({}));
    with(&host, &config, async |context| {
        for _ in 0..500 {
            content_write(context, Step::Deliver).await.unwrap();
        }
        // The first eighty at once, and six times more a minute later.
        assert_eq!(context.now().as_second(), START + 6 * 60);
        let error = content_write(context, Step::Deliver).await.unwrap_err();
        assert_eq!((error.code(), error.is_uncertain()), (Code::RateLimited, false));
    });
}
