//! Tokens of a managed identity, by the instance metadata service of an Azure machine.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::time::Duration;

use super::SignIn;
use super::cache::Token;
use super::entra::Granted;
use crate::call::{Call, Service, encode};
use crate::context::Context;
use crate::error::{Code, Error};

/// How long the service on the machine itself may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Asks for a token for a resource; without a client id the machine's own identity is meant.
pub(super) async fn token(
    context: &Context<'_>,
    request: &SignIn<'_>,
    resource: &str,
    client: Option<&str>,
) -> Result<Token, Error> {
    let client = client.map(|id| format!("&client_id={}", encode(id))).unwrap_or_default();
    let path = format!(
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}{client}",
        encode(resource)
    );
    let mut call = Call::get(request.step, Service::Metadata, &context.session.config.imds, path)
        .header("metadata", "true");
    call.timeout = TIMEOUT;
    let granted: Granted = context.json(call).await.map_err(|error| match error.code() {
        Code::NotReachable | Code::TimedOut => error.with_hint(
            "azure-msi works on an Azure machine with a managed identity alone; elsewhere use another auth \
             type, such as github-oidc-azure",
        ),
        _ => error,
    })?;
    Ok(granted.token(context))
}
