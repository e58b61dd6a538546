//! Assertions: short-lived tokens of a CI system or a platform about what runs there.

use serde_json::Value;

use super::context::Context;
use super::jwt;
use crate::config::Reference;
use crate::http::{Identity, encode};
use crate::model::{Code, Error, Origin, Secret, Step, one_line};
use crate::service::identity_token::{of_azure_devops, of_github};

/// Says where an assertion comes from; each exchange asks for a fresh one.
pub(super) enum Source {
    /// GitHub Actions.
    Github(Endpoint),
    /// Azure Pipelines.
    AzureDevops(Endpoint),
    /// A token that somebody else has put there.
    Held(Reference),
}

/// Holds where a CI system gives tokens, and the job's own credential for it.
pub(super) struct Endpoint {
    path: String,
    identity: Identity,
}

/// The audience of what Entra ID issues for a service connection of Azure DevOps.
///
/// <https://learn.microsoft.com/azure/devops/pipelines/release/configure-workload-identity>
const ENTRA_ISSUED: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// What to do where there is no workflow of GitHub that could ask for an identity token.
const ELSEWHERE: &str = "this is no job of GitHub Actions (GITHUB_ACTIONS is not \"true\"), and GitHub \
                         vouches for jobs alone: run it there, or choose another `auth`, such as azure-cli \
                         at a terminal or azure-devops-oidc in Azure Pipelines";

impl Source {
    /// Asks GitHub Actions for a token with that audience.
    ///
    /// <https://docs.github.com/actions/security-for-github-actions/security-hardening-your-deployments/about-security-hardening-with-openid-connect>
    ///
    /// # Errors
    /// `oidc-permission-missing` where the job may not ask, which shows in the variables that are missing.
    pub(super) fn github(context: &Context<'_>, step: Step, audience: &str) -> Result<Self, Error> {
        let environment = context.host().environment;
        let names = ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
        let [Some(url), Some(token)] = names.map(|name| environment.variable(name)) else {
            let missing: Vec<&str> =
                names.into_iter().filter(|name| environment.variable(name).is_none()).collect();
            let words = format!(
                "there is no asking GitHub for an identity token: {} is not set",
                missing.join(" and ")
            );
            let error = Error::new(Code::OidcPermissionMissing, step, words);
            return Err(if in_actions(environment) { error } else { error.with_hint(ELSEWHERE) });
        };
        let token = context.masked(Secret::new(token));
        let (origin, path) = split(&url, names[0])?;
        let separator = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{separator}audience={}", encode(audience));
        Ok(Self::Github(Endpoint { identity: Identity::bearer(&origin, &token), path }))
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
        let environment = context.host().environment;
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
        Ok(Self::AzureDevops(Endpoint { identity: Identity::bearer(&origin, &token), path }))
    }

    /// Returns what tells this source from another, so that targets with the same one share its token.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Github(endpoint) | Self::AzureDevops(endpoint) => {
                format!("{}{}", endpoint.identity.origin(), endpoint.path)
            }
            Self::Held(reference) => reference.secret.to_string(),
        }
    }

    /// Returns a fresh assertion.
    pub(super) async fn assertion(&self, context: &Context<'_>, step: Step) -> Result<Secret, Error> {
        let token = match self {
            Self::Github(Endpoint { path, identity }) => of_github(context, identity, path, step).await?,
            Self::AzureDevops(Endpoint { path, identity }) => {
                of_azure_devops(context, identity, path, step).await?
            }
            Self::Held(reference) => return context.secret(&reference.secret, &reference.path),
        };
        Ok(context.masked(token))
    }
}

/// Returns whether this is a job of GitHub Actions.
///
/// <https://docs.github.com/actions/reference/workflows-and-actions/variables>
pub(super) fn in_actions(environment: &dyn crate::host::Environment) -> bool {
    environment.variable("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Holds what GitHub says of the job that lakekey runs in.
pub(crate) struct Job {
    /// Who signs its tokens.
    pub(crate) issuer: String,
    /// The subject.
    pub(crate) subject: String,
    /// `owner/name` of the repository.
    pub(crate) repository: String,
    /// The number of the repository.
    pub(crate) repository_id: Option<String>,
    /// The part of the usual subject that says what runs, such as `environment:rotation`.
    context: String,
}

impl Job {
    /// Returns the subject of other runs of the same repository: the job's own, with the part that says what
    /// runs replaced; `None` where that part is not at its end, as a template may have it.
    pub(crate) fn subject_of(&self, context: &str) -> Option<String> {
        if context == self.context {
            return Some(self.subject.clone());
        }
        let prefix = self.subject.strip_suffix(&self.context)?;
        prefix.ends_with(':').then(|| format!("{prefix}{context}"))
    }
}

/// Asks GitHub what its tokens say of the job that lakekey runs in; `None` where this is no job of GitHub
/// Actions that may ask.
pub(crate) async fn job(context: &Context<'_>, step: Step) -> Option<Job> {
    let audience = context.endpoints.cloud.token_exchange_audience();
    let token = Source::github(context, step, audience).ok()?.assertion(context, step).await.ok()?;
    let claims = jwt::claims(&token)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(one_line);
    let runs = match (text("environment"), text("event_name"), text("ref")) {
        (Some(environment), _, _) => format!("environment:{}", environment.replace(':', "%3A")),
        (None, Some(event), _) if event.starts_with("pull_request") => "pull_request".to_owned(),
        (None, _, reference) => format!("ref:{}", reference?.replace(':', "%3A")),
    };
    Some(Job {
        issuer: text("iss")?,
        subject: text("sub")?,
        repository: text("repository")?,
        repository_id: text("repository_id"),
        context: runs,
    })
}

/// Returns where Azure Pipelines gives tokens; older agents tell only the parts of it.
pub(super) fn devops_url(environment: &dyn crate::host::Environment) -> Option<String> {
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
/// The token itself is never shown: who holds it signs in with it while it lives.
pub(super) fn claims(assertion: &Secret) -> String {
    let Some(claims) = jwt::claims(assertion) else {
        return "the assertion that was sent is not a JWT".to_owned();
    };
    let claim = |name: &str| {
        let text = match claims.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        text.chars().filter(|c| !c.is_control()).take(300).collect::<String>()
    };
    let (issuer, audience) = (claim("iss"), claim("aud"));
    let other = if audience == ENTRA_ISSUED && issuer.starts_with("https://login.microsoftonline.com/") {
        "; for this audience the federated credential names \"api://AzureADTokenExchange\""
    } else {
        ""
    };
    let subject = claim("sub");
    format!(
        "the assertion that was sent has issuer \"{issuer}\", subject \"{subject}\" and audience \
         \"{audience}\"{other}"
    )
}
