//! Tokens of Databricks itself: by an OAuth secret, or in exchange for somebody else's assertion.
//!
//! <https://docs.databricks.com/dev-tools/auth/oauth-m2m>, <https://docs.databricks.com/dev-tools/auth/oauth-federation>

use super::cache::Token;
use super::entra::Granted;
use super::identity_token::{Source, claims};
use super::{SignIn, secret};
use crate::call::{Call, Identity, Service, encode};
use crate::config::Auth;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::secret::Secret;

/// Gets a token for the workspace or the account that the request names.
pub(super) async fn token(context: &Context<'_>, request: &SignIn<'_>) -> Result<Secret, Error> {
    let endpoint = endpoint(context, request)?;
    let address = format!("{}{endpoint}", request.origin);
    let kind = request.auth.type_name();
    let tokens = &context.session.tokens;
    let (client, source) = match request.auth {
        Auth::OauthM2m { client_id, client_secret } => {
            let client = client(request, client_id.as_deref())?;
            let secret = secret(context, client_secret, &format!("{}.client-secret", request.path))?;
            let name = format!("{address} {client} {kind} {}", secret.fingerprint());
            return tokens
                .get(context, name, async {
                    with_secret(context, request, &endpoint, &client, &secret).await
                })
                .await;
        }
        Auth::GithubOidc { client_id, audience } => {
            (client_id, Source::github(context, request.step, audience.as_deref().unwrap_or(&address))?)
        }
        Auth::EnvOidc { client_id, variable } => {
            (client_id, Source::variable(context, variable.as_deref(), request.path))
        }
        Auth::FileOidc { client_id, path } => (client_id, Source::file(path, request.path)),
        Auth::AzureDevopsOidc { client_id, service_connection_id, .. } => {
            (client_id, Source::azure_devops(context, request.step, service_connection_id.as_deref())?)
        }
        other => {
            let message = format!("{} is no way to sign in at Databricks itself", other.type_name());
            return Err(Error::new(Code::SignInNotConfigured, request.step, message));
        }
    };
    let client = self::client(request, client.as_deref())?;
    let name = format!("{address} {client} {kind} {}", source.name());
    tokens.get(context, name, async { exchange(context, request, &endpoint, &client, &source).await }).await
}

/// Returns the path of the token endpoint; an account has its own.
fn endpoint(context: &Context<'_>, request: &SignIn<'_>) -> Result<String, Error> {
    if *request.origin != context.session.config.accounts {
        return Ok("/oidc/v1/token".to_owned());
    }
    let account = context.target.principal.account_id.as_deref().ok_or_else(|| {
        let key = format!("{}.principal.account-id", context.target.path);
        Error::config(Code::ConfigMissingKey, key, "the account id is needed to sign in at the account")
    })?;
    Ok(format!("/oidc/accounts/{}/v1/token", encode(account)))
}

fn client(request: &SignIn<'_>, configured: Option<&str>) -> Result<String, Error> {
    configured.or(request.principal.client_id.as_deref()).map(str::to_owned).ok_or_else(|| {
        Error::config(
            Code::ConfigMissingKey,
            format!("{}.client-id", request.path),
            "the application id is needed to sign in",
        )
    })
}

/// Asks for a token with an OAuth secret.
async fn with_secret(
    context: &Context<'_>,
    request: &SignIn<'_>,
    endpoint: &str,
    client: &str,
    secret: &Secret,
) -> Result<Token, Error> {
    let call = Call::post(request.step, Service::Databricks, request.origin, endpoint)
        .identity(&Identity::basic(request.origin, client, secret))
        // Asking twice only brings two tokens.
        .repeatable(true)
        .form(&[("grant_type", "client_credentials"), ("scope", "all-apis")]);
    // A wrong secret has been answered with 400 and an empty body too.
    let granted: Granted =
        context.json(call).await.map_err(|error| match (error.code(), error.status()) {
            (Code::Refused, Some(400)) => error.coded(Code::CredentialInvalid),
            _ => error,
        })?;
    Ok(granted.token(context))
}

/// Exchanges an assertion for a token.
async fn exchange(
    context: &Context<'_>,
    request: &SignIn<'_>,
    endpoint: &str,
    client: &str,
    source: &Source,
) -> Result<Token, Error> {
    let assertion = source.assertion(context, request.step).await?;
    let call =
        Call::post(request.step, Service::Databricks, request.origin, endpoint).repeatable(true).form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", assertion.expose("the body of the token exchange at Databricks")),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("client_id", client),
            ("scope", "all-apis"),
        ]);
    let granted: Granted =
        context.json(call).await.map_err(|error| match (error.code(), error.status()) {
            (Code::Refused | Code::CredentialInvalid | Code::PrincipalNotInWorkspace, Some(400..=403)) => {
                error.coded(Code::FederatedCredentialMismatch).adding(&claims(&assertion)).with_hint(
                    "make issuer, subject and audience of the principal's federation policy equal to those \
                     that the message shows",
                )
            }
            _ => error,
        })?;
    Ok(granted.token(context))
}
