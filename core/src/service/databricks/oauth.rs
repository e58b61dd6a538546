//! The token endpoint of Databricks itself: for an OAuth secret, or in exchange for somebody else's
//! assertion.
//!
//! <https://docs.databricks.com/dev-tools/auth/oauth-m2m>,
//! <https://docs.databricks.com/dev-tools/auth/oauth-federation>

use super::DATABRICKS;
use crate::http::{Call, Identity, encode};
use crate::model::{Origin, Secret, Step};

/// Returns the path of the token endpoint; an account has its own.
pub(crate) fn token_endpoint(account: Option<&str>) -> String {
    match account {
        Some(account) => format!("/oidc/accounts/{}/v1/token", encode(account)),
        None => "/oidc/v1/token".to_owned(),
    }
}

/// Builds the call that asks for a token of those scopes with an OAuth secret.
pub(crate) fn with_secret(
    origin: &Origin,
    step: Step,
    endpoint: &str,
    client: &str,
    secret: &Secret,
    scope: &str,
) -> Call {
    Call::post(step, &DATABRICKS, origin, endpoint)
        .identity(&Identity::basic(origin, client, secret))
        // Asking twice only brings two tokens.
        .repeatable(true)
        .form(&[("grant_type", "client_credentials"), ("scope", scope)])
}

/// Builds the call that exchanges an assertion for a token of those scopes.
pub(crate) fn exchange(
    origin: &Origin,
    step: Step,
    endpoint: &str,
    client: &str,
    assertion: &Secret,
    scope: &str,
) -> Call {
    Call::post(step, &DATABRICKS, origin, endpoint).repeatable(true).form(&[
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", assertion.expose("the body of the token exchange at Databricks")),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("client_id", client),
        ("scope", scope),
    ])
}
