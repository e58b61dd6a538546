//! The sign-in service of Entra ID.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

mod refusals;

pub(crate) use refusals::ENTRA;

use crate::http::{Call, encode};
use crate::model::{Origin, Step};

/// Returns the path of a tenant's token endpoint.
pub(crate) fn token_endpoint(tenant: &str) -> String {
    format!("/{}/oauth2/v2.0/token", encode(tenant))
}

/// Builds the call that asks for a token for a scope; the form holds the proof of who asks.
pub(crate) fn grant(
    login: &Origin,
    step: Step,
    tenant: &str,
    client: &str,
    scope: &str,
    proof: &[(&str, &str)],
) -> Call {
    let mut form = vec![("client_id", client), ("scope", scope), ("grant_type", "client_credentials")];
    form.extend_from_slice(proof);
    // Asking twice only brings two tokens.
    Call::post(step, &ENTRA, login, token_endpoint(tenant)).form(&form).repeatable(true)
}
