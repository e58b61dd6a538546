//! Tokens of Entra ID by the client-credentials grant.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use serde::Deserialize;

use super::cache::Token;
use super::{SignIn, secret};
use crate::call::{Call, Service, encode};
use crate::config::Auth;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::Secret;

/// Gets a token for a scope.
pub(super) async fn token(context: &Context<'_>, request: &SignIn<'_>, scope: &str) -> Result<Secret, Error> {
    match request.auth {
        Auth::AzureClientSecret { tenant_id, client_id, client_secret, .. } => {
            let secret = secret(context, client_secret, &format!("{}.client-secret", request.path))?;
            let (tenant, client) = ids(context, request, tenant_id.as_deref(), client_id.as_deref()).await?;
            with_secret(context, request, &tenant, &client, &secret, scope).await
        }
        other => Err(Error::new(Code::SignInNotConfigured, request.step, format!("{} cannot be used here", other.type_name()))),
    }
}

/// Gets a token with a client secret.
pub(super) async fn with_secret(
    context: &Context<'_>,
    request: &SignIn<'_>,
    tenant: &str,
    client: &str,
    secret: &Secret,
    scope: &str,
) -> Result<Secret, Error> {
    let name = format!("entra {tenant} {client} {scope} {}", secret.fingerprint());
    context
        .session
        .tokens
        .get(context, name, async {
            let form = [
                ("client_id", client),
                ("scope", scope),
                ("grant_type", "client_credentials"),
                ("client_secret", secret.expose("the body of the token request to Entra ID")),
            ];
            grant(context, request.step, tenant, &form).await
        })
        .await
}

/// Asks for a token.
async fn grant(context: &Context<'_>, step: Step, tenant: &str, form: &[(&str, &str)]) -> Result<Token, Error> {
    let login = &context.session.config.login;
    // Asking twice only brings two tokens.
    let call = Call::post(step, Service::Entra, login, format!("/{}/oauth2/v2.0/token", encode(tenant))).form(form).repeatable(true);
    let granted: Granted = context.json(call).await?;
    Ok(Token::living(context, Secret::new(granted.access_token), granted.expires_in.seconds()))
}

/// Finds out which tenant and which application sign in.
pub(super) async fn ids(
    context: &Context<'_>,
    request: &SignIn<'_>,
    tenant: Option<&str>,
    client: Option<&str>,
) -> Result<(String, String), Error> {
    let client = client.or(request.principal.client_id.as_deref()).ok_or_else(|| {
        Error::config(Code::ConfigMissingKey, format!("{}.client-id", request.path), "the application id is needed to sign in")
    })?;
    let tenant = match tenant.or(request.principal.tenant_id.as_deref()) {
        Some(tenant) => tenant.to_owned(),
        None => crate::service::databricks::tenant(context).await?,
    };
    Ok((tenant, client.to_owned()))
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: Seconds,
}

/// Holds a number of seconds that some services write as a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    pub(super) fn seconds(&self) -> i64 {
        match self {
            Self::Number(seconds) => *seconds,
            // What is no number is a token that is used once.
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}
