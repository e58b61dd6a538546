//! How lakekey signs in to GitHub: as an App that asks for no more than a place takes, or with a token.
//!
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::permission::explain;
use super::place::Place;
use super::seal::HostRng;
use crate::call::{Call, Identity, Service};
use crate::config::GithubSignIn;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::Secret;
use crate::sign_in::{Token, secret};
use crate::timestamp::Timestamp;

const STEP: Step = Step::SignInSink;

/// How far the assertion's start lies back, for a host whose clock is ahead of GitHub's, in seconds.
const BACKDATED: i64 = 60;

/// How long the assertion lives from now on, in seconds; GitHub takes ten minutes at the most, by its own
/// clock.
const ASSERTION_LIFE: i64 = 540;

/// Returns an identity, bound to the API's host, that may write the place.
///
/// # Errors
/// As [`token`].
pub async fn identity(context: &Context<'_>, place: &Place) -> Result<Identity, Error> {
    let token = token(context, place).await?;
    Ok(Identity::bearer(&context.session.config.github_api, &token))
}

/// Returns a token that may write the place; it is for the API's host alone.
///
/// An App gets one token a run for each place and permission, for that repository only.
///
/// # Errors
/// `github-not-configured`, `config-missing-secret`, `github-credential-invalid`, `github-not-found` where
/// the App is not installed, `github-permission-missing` where the installation lacks the permission.
pub async fn token(context: &Context<'_>, place: &Place) -> Result<Secret, Error> {
    match &context.session.config.github {
        None => Err(Error::new(
            Code::GithubNotConfigured,
            STEP,
            format!("no `github` says how to sign in for {}", place.label()),
        )),
        Some(GithubSignIn::Token { token }) => secret(context, token, "github.token"),
        Some(GithubSignIn::App { app_id, private_key }) => {
            let key = secret(context, private_key, "github.private-key")?;
            let name = format!(
                "github {} {app_id} {} {}",
                context.session.config.github_api,
                place.scope().to_ascii_lowercase(),
                place.permission().name()
            );
            context.session.tokens.get(context, name, installation_token(context, *app_id, &key, place)).await
        }
    }
}

#[derive(Deserialize)]
struct Installation {
    id: u64,
    /// What the installation's owner has granted, such as `{"secrets": "write"}`.
    permissions: Option<serde_json::Map<String, Value>>,
    suspended_at: Option<String>,
}

#[derive(Deserialize)]
struct Issued {
    token: String,
    expires_at: Timestamp,
}

/// Finds the installation for a place and gets a token of it.
async fn installation_token(
    context: &Context<'_>,
    app_id: u64,
    key: &Secret,
    place: &Place,
) -> Result<Token, Error> {
    let api = &context.session.config.github_api;
    let assertion = context.masked(assertion(context, app_id, key)?);
    let app = Identity::bearer(api, &assertion);
    let installation: Installation = context
        .json(versioned(Call::get(STEP, Service::Github, api, place.installation_path())).identity(&app))
        .await
        .map_err(|error| match error.code() {
            Code::GithubNotFound => error.with_hint(format!(
                "install the App {app_id} on {}: in the App's settings, Install App; or correct the name",
                place.scope()
            )),
            _ => app_refused(error, app_id),
        })?;
    if installation.suspended_at.is_some() {
        return Err(Error::new(
            Code::GithubPermissionMissing,
            STEP,
            format!("the App's installation on {} is suspended", place.owner),
        )
        .with_hint(format!(
            "have an owner of {} unsuspend it: Settings > GitHub Apps > Configure",
            place.owner
        )));
    }
    let permission = place.permission();
    let granted = installation
        .permissions
        .as_ref()
        .map(|all| all.get(permission.name()).and_then(Value::as_str) == Some("write"));
    if granted == Some(false) {
        return Err(Error::new(
            Code::GithubPermissionMissing,
            STEP,
            format!(
                "the App's installation on {} lacks the permission `{}: write`",
                place.scope(),
                permission.name()
            ),
        )
        .with_hint(permission.grant(true, &place.scope())));
    }
    let mut body = json!({"permissions": {permission.name(): "write"}});
    if !place.is_organization() {
        body["repositories"] = json!([place.repository]);
    }
    let path = format!("/app/installations/{}/access_tokens", installation.id);
    // Asking twice only brings two tokens.
    let call =
        versioned(Call::post(STEP, Service::Github, api, path)).identity(&app).json(&body).repeatable(true);
    let issued: Issued = context.json(call).await.map_err(|error| match error.code() {
        // 422: the permission is not granted, or the repository is not among those that the App may see.
        Code::SinkRefused if error.message().contains("repositor") => {
            explain(context, place, error.coded(Code::GithubNotFound))
        }
        Code::SinkRefused => explain(context, place, error.coded(Code::GithubPermissionMissing)),
        Code::GithubTokenCannotWriteSecrets | Code::GithubPermissionMissing | Code::GithubNotFound => {
            explain(context, place, error)
        }
        _ => app_refused(error, app_id),
    })?;
    let seconds = issued.expires_at.as_second() - context.now().as_second();
    Ok(Token::living(context, Secret::new(issued.token), seconds))
}

/// Asks for the version of the API that this code was written for.
///
/// <https://docs.github.com/rest/about-the-rest-api/api-versions>
fn versioned(call: Call) -> Call {
    call.header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28")
}

fn app_refused(error: Error, app_id: u64) -> Error {
    match error.code() {
        Code::GithubCredentialInvalid => error.with_hint(format!(
            "check that github.app-id is {app_id}'s own App id and that github.private-key is a key of that \
             App, and the clock of the machine that runs lakekey"
        )),
        _ => error,
    }
}

/// Makes the short-lived assertion with which an App says who it is.
///
/// <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
fn assertion(context: &Context<'_>, app_id: u64, key: &Secret) -> Result<Secret, Error> {
    let pem = key.expose("the signing key of the App's assertion");
    // GitHub gives out PKCS#1; people convert it. A variable often holds `\n` for a line end.
    let pem =
        zeroize::Zeroizing::new(if pem.contains('\n') { pem.to_owned() } else { pem.replace("\\n", "\n") });
    let key = rsa::RsaPrivateKey::from_pkcs1_pem(pem.trim())
        .or_else(|_| rsa::RsaPrivateKey::from_pkcs8_pem(pem.trim()))
        .map_err(|_| {
            // The reason could quote the key.
            Error::new(
                Code::GithubCredentialInvalid,
                STEP,
                "github.private-key is not an RSA private key in PEM",
            )
            .with_hint(
                "give the .pem file that GitHub made for the App, whole: {file: PATH}, or {env: NAME} with \
                 its line ends",
            )
        })?;
    let now = context.now().as_second();
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "typ": "JWT"}).to_string());
    let claims = json!({"iat": now - BACKDATED, "exp": now + ASSERTION_LIFE, "iss": app_id}).to_string();
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = SigningKey::<rsa::sha2::Sha256>::new(key)
        // The randomness blinds the private operation.
        .try_sign_with_rng(&mut HostRng(context.session.host.entropy), signed.as_bytes())
        .map_err(|_| {
            Error::new(Code::GithubCredentialInvalid, STEP, "github.private-key cannot sign: it is too short")
        })?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))))
}
