//! Identity tokens: short-lived assertions of a CI system or a platform about what runs there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::references::{federated_token_file, oidc_variable, secret};
use crate::call::{Call, Identity, Service, encode};
use crate::config::{Origin, SecretRef};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::Secret;

/// Says where an assertion comes from; each exchange asks for a fresh one.
pub(super) enum Source {
    /// GitHub Actions.
    Github(Endpoint),
    /// Azure Pipelines.
    AzureDevops(Endpoint),
    /// A token that somebody else has laid down.
    Held(SecretRef, String),
}

/// Holds where a CI system gives tokens, and the job's own credential for it.
pub(super) struct Endpoint {
    origin: Origin,
    path: String,
    identity: Identity,
}

#[derive(Deserialize)]
struct GithubToken {
    value: String,
}

#[derive(Deserialize)]
struct DevopsToken {
    #[serde(rename = "oidcToken")]
    oidc_token: String,
}

impl Source {
    /// Asks GitHub Actions for a token with that audience.
    ///
    /// <https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect>
    ///
    /// # Errors
    /// `oidc-permission-missing` where the job may not ask, which shows in the variables that are missing.
    pub(super) fn github(context: &Context<'_>, step: Step, audience: &str) -> Result<Self, Error> {
        let environment = context.session.host.environment;
        let names = ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
        let [Some(url), Some(token)] = names.map(|name| environment.variable(name)) else {
            let missing: Vec<&str> =
                names.into_iter().filter(|name| environment.variable(name).is_none()).collect();
            return Err(Error::new(
                Code::OidcPermissionMissing,
                step,
                format!(
                    "the job cannot ask GitHub for an identity token: {} is not set",
                    missing.join(" and ")
                ),
            ));
        };
        let token = context.masked(Secret::new(token));
        let (origin, path) = split(&url, names[0])?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}audience={}", encode(audience));
        Ok(Self::Github(Endpoint { identity: Identity::bearer(&origin, &token), origin, path }))
    }

    /// Asks Azure Pipelines for a token of the service connection, or of the pipeline itself.
    ///
    /// <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
    ///
    /// # Errors
    /// `system-access-token-missing` where the pipeline does not map its own token.
    pub(super) fn azure_devops(
        context: &Context<'_>,
        step: Step,
        connection: Option<&str>,
    ) -> Result<Self, Error> {
        let environment = context.session.host.environment;
        let Some(token) = environment.variable("SYSTEM_ACCESSTOKEN") else {
            return Err(Error::new(Code::SystemAccessTokenMissing, step, "SYSTEM_ACCESSTOKEN is not set"));
        };
        let token = context.masked(Secret::new(token));
        let url = devops_url(environment).ok_or_else(|| {
            Error::new(
                Code::SignInNotConfigured,
                step,
                "SYSTEM_OIDCREQUESTURI is not set: azure-devops-oidc works inside Azure Pipelines alone",
            )
        })?;
        let (origin, path) = split(&url, "SYSTEM_OIDCREQUESTURI")?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let connection =
            connection.map(|id| format!("&serviceConnectionId={}", encode(id))).unwrap_or_default();
        let path = format!("{path}{separator}api-version=7.1{connection}");
        Ok(Self::AzureDevops(Endpoint { identity: Identity::bearer(&origin, &token), origin, path }))
    }

    /// Reads a token from an environment variable.
    pub(super) fn variable(context: &Context<'_>, configured: Option<&str>, path: &str) -> Self {
        let name = oidc_variable(configured, context.session.host.environment);
        Self::Held(SecretRef::Env(name), format!("{path}.variable"))
    }

    /// Reads a token from a file, which its platform renews.
    pub(super) fn file(file: &str, path: &str) -> Self {
        Self::Held(SecretRef::File(file.to_owned()), format!("{path}.path"))
    }

    /// Reads a token from the file of Kubernetes workload identity.
    pub(super) fn federated_file(
        context: &Context<'_>,
        configured: Option<&str>,
        path: &str,
    ) -> Result<Self, Error> {
        Ok(Self::file(&federated_token_file(configured, path, context.session.host.environment)?, path))
    }

    /// Returns what tells this source from another, so that targets with the same one share its token.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Github(endpoint) | Self::AzureDevops(endpoint) => {
                format!("{}{}", endpoint.origin, endpoint.path)
            }
            Self::Held(SecretRef::Env(name), _) => format!("env {name}"),
            Self::Held(SecretRef::File(path), _) => format!("file {path}"),
        }
    }

    /// Returns a fresh assertion.
    pub(super) async fn assertion(&self, context: &Context<'_>, step: Step) -> Result<Secret, Error> {
        let token = match self {
            Self::Github(Endpoint { origin, path, identity }) => {
                let call = Call::get(step, Service::IdentityToken, origin, path.clone()).identity(identity);
                context.json::<GithubToken>(call).await?.value
            }
            Self::AzureDevops(Endpoint { origin, path, identity }) => {
                let call = Call::post(step, Service::IdentityToken, origin, path.clone())
                    .identity(identity)
                    // Asking twice only brings two tokens.
                    .repeatable(true)
                    .header("content-type", "application/json")
                    // Where its credential is wrong, Azure DevOps else answers with a redirect to a log-in
                    // page.
                    .header("x-tfs-fedauthredirect", "Suppress");
                let refused = |error: Error| match error.code() {
                    Code::OidcPermissionMissing | Code::Redirected => {
                        error.coded(Code::SystemAccessTokenMissing)
                    }
                    _ => error,
                };
                context.json::<DevopsToken>(call).await.map_err(refused)?.oidc_token
            }
            Self::Held(reference, path) => return secret(context, reference, path),
        };
        Ok(context.masked(Secret::new(token)))
    }
}

/// Returns where Azure Pipelines gives tokens; older agents tell only the parts of it.
pub(super) fn devops_url(environment: &dyn crate::platform::Environment) -> Option<String> {
    environment.variable("SYSTEM_OIDCREQUESTURI").or_else(|| {
        let part = |name: &str| environment.variable(name);
        Some(format!(
            "{}/{}/_apis/distributedtask/hubs/{}/plans/{}/jobs/{}/oidctoken",
            part("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI")?.trim_end_matches('/'),
            encode(&part("SYSTEM_TEAMPROJECTID")?),
            encode(&part("SYSTEM_HOSTTYPE")?),
            encode(&part("SYSTEM_PLANID")?),
            encode(&part("SYSTEM_JOBID")?),
        ))
    })
}

/// Splits a URL that a platform gives into the host that its credential is for and the rest.
fn split(url: &str, variable: &str) -> Result<(Origin, String), Error> {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let end = url[after_scheme..].find(['/', '?']).map_or(url.len(), |at| after_scheme + at);
    let origin = Origin::parse(&url[..end], variable)?;
    let rest = &url[end..];
    Ok((origin, if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }))
}

/// Says what an assertion claims of its bearer, for people who compare it with what is registered.
///
/// The token itself is never shown: whoever holds it signs in with it while it lives.
pub(super) fn claims(assertion: &Secret) -> String {
    let token = assertion.expose("its claims, which are no secret, are read for the message");
    let claims: Option<Value> = token
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Some(claims) = claims else { return "the assertion that was sent is not a JWT".to_owned() };
    let claim = |name: &str| {
        let text = match claims.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        text.chars().filter(|c| !c.is_control()).take(300).collect::<String>()
    };
    format!(
        "the assertion that was sent has issuer \"{}\", subject \"{}\" and audience \"{}\"",
        claim("iss"),
        claim("sub"),
        claim("aud")
    )
}
