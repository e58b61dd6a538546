//! How lakekey signs in to GitHub: as an App that asks for no more than a place takes, or with a token.
//!
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding as _};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::assertion::in_actions;
use super::cache::Token;
use super::context::{Access, Context};
use super::pem::straightened;
use crate::config::{GithubValue, Reference, SecretRef, decode, known, one_of, take_type};
use crate::host::{Environment, Method};
use crate::http::{Call, Identity, encode};
use crate::model::{Code, Error, Secret, Step, Timestamp, one_line};
use crate::service::github::{GITHUB, GITHUB_APP, HostRng, Place, versioned};

const STEP: Step = Step::SignInSink;

/// How far the assertion's start lies back, for a host whose clock is ahead of GitHub's, in seconds.
const BACKDATED: i64 = 60;

/// How long the assertion lives from now on, in seconds; GitHub takes ten minutes at the most, by its own
/// clock.
const ASSERTION_LIFE: i64 = 540;

/// Says how the GitHub sinks sign in.
#[derive(Debug)]
pub(crate) enum GithubSignIn {
    /// As a GitHub App.
    App(App),
    /// With a token.
    Token(PersonalToken),
}

/// A GitHub App.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct App {
    /// The App's id.
    app_id: u64,
    /// The App's private key, PEM.
    private_key: SecretRef,
}

/// A fine-grained personal access token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PersonalToken {
    /// The token.
    token: SecretRef,
}

/// Decodes how the GitHub sinks sign in.
type Read = fn(Value) -> Result<GithubSignIn, Error>;

fn read_as<S: DeserializeOwned + Into<GithubSignIn>>(value: Value) -> Result<GithubSignIn, Error> {
    decode::<S>(value, "github").map(Into::into)
}

known! {
    Read:
    App as "app",
    PersonalToken as "token",
}

impl From<App> for GithubSignIn {
    fn from(app: App) -> Self {
        Self::App(app)
    }
}

impl From<PersonalToken> for GithubSignIn {
    fn from(token: PersonalToken) -> Self {
        Self::Token(token)
    }
}

/// Describes the ways to sign in to GitHub.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Value {
    one_of("Says how the GitHub sinks sign in.", &variants(), generator)
}

/// Names the kind of a token, by which a refusal is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// The one that a workflow run is given by GitHub.
    Workflow,
    /// One that has the form of a workflow run's.
    SeeminglyWorkflow,
    /// One of an installation: of a workflow run or of somebody's App.
    Installation,
    /// The configured App's.
    App,
    /// Anything else.
    Other,
}

impl GithubSignIn {
    /// Reads how the GitHub sinks sign in.
    ///
    /// # Errors
    /// A `config-…` code with the path of the key.
    pub(crate) fn read(value: GithubValue) -> Result<Rc<Self>, Error> {
        let GithubValue(mut value) = value;
        take_type(&mut value, "github", KNOWN)?(value).map(Rc::new)
    }

    /// Returns the secret that it refers to.
    pub(crate) fn reference(&self) -> Reference {
        match self {
            Self::App(app) => Reference::new(&app.private_key, "github.private-key".to_owned()).anything(),
            Self::Token(own) => Reference::new(&own.token, "github.token".to_owned()),
        }
    }

    /// Returns an identity, bound to the API, that may write the place.
    ///
    /// An App gets one token a run for each place and permission, for that repository only.
    ///
    /// # Errors
    /// `config-missing-secret`, `github-credential-invalid`, `github-not-found` where the App is not
    /// installed, `github-permission-missing` where the installation lacks the permission.
    pub(crate) async fn identity(&self, context: &Context<'_>, place: &Place) -> Result<Identity, Error> {
        let api = &context.endpoints.github_api;
        let Reference { secret, path, .. } = self.reference();
        let secret = context.secret(&secret, &path)?;
        let token = match self {
            Self::Token(_) => secret,
            Self::App(App { app_id, .. }) => {
                let (scope, permission) = (place.scope().to_ascii_lowercase(), place.permission().name());
                let name = format!("github {api} {app_id} {scope} {permission}");
                let fetch = installation_token(context, *app_id, &secret, place);
                context.session().tokens.get(context, name, fetch).await?
            }
        };
        Ok(Identity::bearer(api, &token))
    }

    /// Asks for the name of a repository by its number, on the same host; `None` where the sign-in does not
    /// see it.
    ///
    /// <https://docs.github.com/rest/repos/repos>
    pub(crate) async fn name_of(&self, context: &Context<'_>, number: u64) -> Option<String> {
        let api = &context.endpoints.github_api;
        let Reference { secret, path, .. } = self.reference();
        let secret = context.secret(&secret, &path).ok()?;
        let token = match self {
            Self::Token(_) => secret,
            Self::App(App { app_id, .. }) => {
                let app = Identity::bearer(api, &context.masked(assertion(context, *app_id, &secret).ok()?));
                let path = format!("/repositories/{number}/installation");
                let found: Installation = context.json(call(&app, Method::GET, path)).await.ok()?;
                let body = json!({"permissions": {"metadata": "read"}, "repository_ids": [number]});
                let asked = call(&app, Method::POST, tokens_path(&found)).json(&body).repeatable(true);
                let issued: Issued = context.json(asked).await.ok()?;
                context.masked(Secret::new(issued.token))
            }
        };
        let reader = Identity::bearer(api, &token);
        let path = format!("/repositories/{number}");
        let asked = versioned(Call::by(&reader, STEP, &GITHUB, Method::GET, path));
        context.json::<Named>(asked).await.ok().map(|named| one_line(&named.full_name))
    }

    /// Returns an identity, bound to the API, that may read a repository's description and its Actions.
    ///
    /// # Errors
    /// `config-missing-secret`, `github-credential-invalid`, `github-app-not-installed`;
    /// `github-permission-missing` where the App may not read Actions.
    pub(crate) async fn reader(
        &self,
        context: &Context<'_>,
        (owner, name): (&str, &str),
        step: Step,
    ) -> Result<Identity, Error> {
        let api = &context.endpoints.github_api;
        let Reference { secret, path, .. } = self.reference();
        let secret = context.secret(&secret, &path)?;
        let Self::App(App { app_id, .. }) = self else { return Ok(Identity::bearer(api, &secret)) };
        let repository = format!("{owner}/{name}");
        let fetch = async {
            let app = Identity::bearer(api, &context.masked(assertion(context, *app_id, &secret)?));
            let path = format!("/repos/{}/{}/installation", encode(owner), encode(name));
            let found: Installation =
                context.json(call(&app, Method::GET, path)).await.map_err(|error| match error.code() {
                    Code::GithubNotFound => error.coded(Code::GithubAppNotInstalled).with_hint(format!(
                        "install the App {app_id} on {repository}, or write federated-credential.subject"
                    )),
                    _ => error,
                })?;
            let body = json!({"permissions": {"actions": "read"}, "repositories": [name]});
            let asked = call(&app, Method::POST, tokens_path(&found)).json(&body).repeatable(true);
            let issued: Issued = context.json(asked).await.map_err(|error| match error.status() {
                Some(403 | 422) => error.coded(Code::GithubPermissionMissing).with_hint(format!(
                    "in the App's settings, set Permissions & events > Repository permissions > Actions to \
                     \"Read-only\" and have the owner of {repository} accept it; or write \
                     federated-credential.subject"
                )),
                _ => error,
            })?;
            let seconds = issued.expires_at.as_second() - context.now().as_second();
            Ok(Token::living(context, Secret::new(issued.token), seconds))
        };
        let name = format!("github {api} {app_id} {} actions", repository.to_ascii_lowercase());
        let token = context.session().tokens.get(context, name, fetch).await;
        Ok(Identity::bearer(api, &token.map_err(|error| error.at(step))?))
    }

    /// Tells the workflow's own token by the variable that holds it; its value looks like that of any App's
    /// installation.
    pub(crate) fn token_kind(&self, environment: &dyn Environment) -> TokenKind {
        let token = match self {
            Self::App(_) => return TokenKind::App,
            Self::Token(PersonalToken { token }) => token,
        };
        let Ok(secret) = token.read("github.token", environment) else { return TokenKind::Other };
        if !secret.expose("a look at the prefix that tells the kind of token").starts_with("ghs_") {
            return TokenKind::Other;
        }
        if !in_actions(environment) {
            return of_installation(&secret);
        }
        let named = matches!(token, SecretRef::Env(name) if name == "GITHUB_TOKEN");
        let same = environment.variable("GITHUB_TOKEN").is_some_and(|value| Secret::new(value) == secret);
        if named || same { TokenKind::Workflow } else { of_installation(&secret) }
    }
}

/// Tells a token of the App behind GitHub Actions by its form, which explains a refusal and decides nothing:
/// GitHub promises it to nobody, and servers have an older one.
fn of_installation(token: &Secret) -> TokenKind {
    match token.expose("a look at the prefix that names its App").starts_with("ghs_15368_") {
        true => TokenKind::SeeminglyWorkflow,
        false => TokenKind::Installation,
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
struct Named {
    full_name: String,
}

/// Starts a call that an App makes as itself.
fn call(app: &Identity, method: Method, path: String) -> Call {
    versioned(Call::by(app, STEP, &GITHUB_APP, method, path))
}

/// Returns the path at which an installation's tokens are made.
fn tokens_path(installation: &Installation) -> String {
    format!("/app/installations/{}/access_tokens", installation.id)
}

#[derive(Deserialize)]
struct Issued {
    token: String,
    expires_at: Timestamp,
}

/// From how many milliseconds on a clock is so wrong that GitHub refuses what is dated by it.
const OFF: i64 = 30_000;

/// Finds the installation for a place and gets a token of it.
async fn installation_token(
    context: &Context<'_>,
    app_id: u64,
    key: &Secret,
    place: &Place,
) -> Result<Token, Error> {
    let github = &context.endpoints.github_api;
    let signed = || {
        let assertion = context.masked(assertion(context, app_id, key)?);
        Ok::<_, Error>(Identity::bearer(github, &assertion))
    };
    let scope = place.scope();
    let mut app = signed()?;
    let mut found = context.json(call(&app, Method::GET, place.installation_path())).await;
    let off = context.time_at(github).since(context.now()).abs() > OFF;
    if off && found.as_ref().is_err_and(|error| error.code() == Code::GithubCredentialInvalid) {
        // The refusal has told what time it is there.
        app = signed()?;
        found = context.json(call(&app, Method::GET, place.installation_path())).await;
    }
    let installation: Installation = found.map_err(|error| match error.code() {
        Code::GithubNotFound => error.coded(Code::GithubAppNotInstalled).with_hint(format!(
            "install the App {app_id} on {scope}: in the App's settings, Install App; or correct the name"
        )),
        _ => refused(error, app_id, place),
    })?;
    if installation.suspended_at.is_some() {
        let owner = &place.owner;
        let words = format!("the App's installation on {owner} is suspended");
        return Err(Error::new(Code::GithubInstallationSuspended, STEP, words).with_hint(format!(
            "have an owner of {owner} unsuspend it: Settings > GitHub Apps > Configure"
        )));
    }
    let permission = place.permission();
    let access = context.session().access.get();
    // What only looks has no right to write, so that nobody who gets hold of its token has one.
    let level = if access == Access::Write { "write" } else { "read" };
    let granted = installation.permissions.as_ref().map(|all| {
        let held = all.get(permission.name()).and_then(Value::as_str);
        held == Some("write") || access == Access::Read && held == Some("read")
    });
    if granted == Some(false) && permission.is_documented() {
        let name = permission.name();
        let words = format!("the App's installation on {scope} lacks the permission `{name}: write`");
        return Err(
            Error::new(Code::GithubPermissionMissing, STEP, words).with_hint(permission.grant(true, &scope))
        );
    }
    let mut body = match permission.is_documented() {
        true => json!({"permissions": {permission.name(): level}}),
        false => json!({}),
    };
    if !place.is_organization() {
        body["repositories"] = json!([place.repository]);
    }
    // Asking twice only brings two tokens.
    let asked = call(&app, Method::POST, tokens_path(&installation)).json(&body).repeatable(true);
    let asked = context.json(asked).await;
    let issued: Issued = asked.map_err(|error| refused(error, app_id, place))?;
    let seconds = issued.expires_at.as_second() - context.now().as_second();
    Ok(Token::living(context, Secret::new(issued.token), seconds))
}

/// Tells a refusal of the App in terms of the configuration.
fn refused(error: Error, app_id: u64, place: &Place) -> Error {
    let scope = place.scope();
    match error.code() {
        Code::GithubCredentialInvalid => error.with_hint(format!(
            "check that github.app-id is {app_id}'s own App id and that github.private-key is a key of that \
             App, and the clock of the machine that runs lakekey"
        )),
        Code::GithubPermissionMissing => error.with_hint(place.permission().grant(true, &scope)),
        Code::GithubNotFound => error.with_hint(place.visible_hint()),
        _ => error,
    }
}

/// Makes the short-lived assertion with which an App says who it is.
///
/// <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
fn assertion(context: &Context<'_>, app_id: u64, key: &Secret) -> Result<Secret, Error> {
    let pem = key.expose("the signing key of the App's assertion");
    // GitHub gives out PKCS#1; people convert it.
    let pem = straightened(pem);
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
    // GitHub judges it by its own clock.
    let now = context.time_at(&context.endpoints.github_api).as_second();
    let header = URL_SAFE_NO_PAD.encode(json!({"alg": "RS256", "typ": "JWT"}).to_string());
    let claims = json!({"iat": now - BACKDATED, "exp": now + ASSERTION_LIFE, "iss": app_id}).to_string();
    let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let signature = SigningKey::<rsa::sha2::Sha256>::new(key)
        // The randomness blinds the private operation.
        .try_sign_with_rng(&mut HostRng(context.host().entropy), signed.as_bytes())
        .map_err(|_| {
            Error::new(Code::GithubCredentialInvalid, STEP, "github.private-key cannot sign: it is too short")
        })?;
    Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))))
}
