//! What the sign-ins of Databricks itself have in common.
//!
//! <https://docs.databricks.com/dev-tools/auth/oauth-federation>

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::{Source, claims};
use super::cache::Token;
use super::context::{Context, Request};
use crate::config::guid;
use crate::http::{Call, Identity};
use crate::model::{Code, Error, Secret, Temporary};
use crate::service::databricks::oauth::{exchange, token_endpoint};
use crate::service::oauth::Granted;

/// Checks the id that a sign-in gives.
pub(super) fn check_id(path: &str, client_id: Option<&str>) -> Result<(), Error> {
    client_id.map_or(Ok(()), |id| guid(id, &format!("{path}.client-id")))
}

/// The scopes that a token is asked for: those of `scopes`, or all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct TokenScopes(Option<Vec<String>>);

impl TokenScopes {
    /// Checks the scopes that a sign-in gives.
    pub(super) fn check(&self, path: &str) -> Result<(), Error> {
        let fits =
            |scope: &String| !scope.is_empty() && scope.chars().all(|c| c.is_ascii_graphic() && c != ',');
        match &self.0 {
            Some(scopes) if scopes.is_empty() || !scopes.iter().all(fits) => Err(Error::invalid(
                &format!("{path}.scopes"),
                "write a list of scopes such as [authentication, scim], or leave it out for all of them",
            )),
            _ => Ok(()),
        }
    }

    /// Returns them; none where all are asked for.
    pub(super) fn listed(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// Returns the text of `scope`.
    pub(super) fn text(&self) -> String {
        scope(self.listed())
    }
}

/// Returns the text of `scope` in a request for a token.
pub(super) fn scope(scopes: Option<&[String]>) -> String {
    scopes.map_or_else(|| "all-apis".to_owned(), |scopes| scopes.join(" "))
}

/// Returns the path of the token endpoint that the request needs; an account has its own.
pub(super) fn endpoint(request: &Request<'_>) -> Result<String, Error> {
    if !request.is_at_account() {
        return Ok(token_endpoint(None));
    }
    let subject = request.context.subject;
    let account = subject.principal.account_id.as_deref().ok_or_else(|| {
        Error::config(
            Code::ConfigMissingKey,
            format!("{}.principal.account-id", subject.path),
            "the account id is needed to sign in at the account",
        )
    })?;
    Ok(token_endpoint(Some(account)))
}

/// Asks for a token.
pub(super) async fn granted(context: &Context<'_>, call: Call) -> Result<Token, Error> {
    let granted: Granted = context.json(call).await?;
    Ok(Token::living(context, Secret::new(granted.access_token), granted.expires_in.seconds()))
}

/// Signs in by an assertion of somebody whom the principal trusts.
pub(super) async fn exchanged(
    request: &Request<'_>,
    method: &str,
    client: Option<&str>,
    scopes: &TokenScopes,
    source: &Source,
) -> Result<Identity, Error> {
    let context = request.context;
    let endpoint = endpoint(request)?;
    let client = request.client(client)?;
    let scope = scopes.text();
    let name = format!("{}{endpoint} {client} {method} {} {scope}", request.origin, source.name());
    let fetch = async {
        let assertion = source.assertion(context, request.step).await?;
        let call = exchange(request.origin, request.step, &endpoint, &client, &assertion, &scope);
        let asked = granted(context, call).await.map_err(|error| unassigned(error, request.path));
        asked.map_err(|error| explained(error, &assertion))
    };
    let token = context.session().tokens.get(context, name, fetch).await?;
    Ok(Identity::bearer(request.origin, &token))
}

/// Says of a refusal for a scope what to write: who signs in was not given what it asks for.
pub(super) fn unassigned(error: Error, path: &str) -> Error {
    if error.code() != Code::ScopeMissing {
        return error;
    }
    error.with_key(format!("{path}.scopes")).with_hint(format!(
        "write into {path}.scopes those that it was given, such as [authentication, scim]; which ones each \
         command needs is in docs/scopes.md"
    ))
}

fn explained(error: Error, assertion: &Secret) -> Error {
    match (error.code(), error.status()) {
        (Code::Refused | Code::CredentialInvalid | Code::PrincipalNotInWorkspace, Some(400..=403)) => error
            .coded(Code::FederatedCredentialMismatch)
            // A policy is nothing that this run makes: no wait brings it.
            .with_temporary(Temporary::No)
            .adding(&claims(assertion))
            .with_hint(
                "make issuer, subject and audience of the principal's federation policy equal to those that \
                 the message shows",
            ),
        (Code::FederationPolicyMismatch, _) => error.adding(&claims(assertion)),
        _ => error,
    }
}
