//! Tokens of whoever is signed in with the Azure CLI.
//!
//! <https://learn.microsoft.com/cli/azure/account#az-account-get-access-token>

use serde::Deserialize;

use super::SignIn;
use super::cache::Token;
use super::entra::Seconds;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::secret::Secret;
use crate::timestamp::Timestamp;
use crate::typed::from_value;

/// How long a token lives for certain where an old CLI gives its end in local time alone, in seconds.
const SHORTEST_LIFE: i64 = 300;

#[derive(Deserialize)]
struct CliToken {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// In seconds since 1970; `expiresOn` beside it is in the machine's local time.
    expires_on: Option<Seconds>,
}

/// Asks `az` for a token for a resource.
pub(super) async fn token(
    context: &Context<'_>,
    request: &SignIn<'_>,
    resource: &str,
    tenant: Option<&str>,
) -> Result<Token, Error> {
    let mut arguments = vec!["account", "get-access-token", "--resource", resource, "--output", "json"];
    if let Some(tenant) = tenant {
        arguments.extend(["--tenant", tenant]);
    }
    let failed = |reason: &str| {
        let line: String = complaint(reason).chars().filter(|c| !c.is_control()).take(300).collect();
        Error::new(Code::AzureCliFailed, request.step, format!("the Azure CLI gave no token: {line}"))
    };
    let environment = context.session.host.environment;
    let output = match environment.azure_cli(&arguments).await {
        // Signed in as a managed identity, `az` knows one tenant and takes no other.
        Err(reason) if tenant.is_some() && reason.to_ascii_lowercase().contains("managed identity") => {
            arguments.truncate(6);
            environment.azure_cli(&arguments).await.map_err(|reason| failed(&reason))?
        }
        other => other.map_err(|reason| failed(&reason))?,
    };
    let token: CliToken = serde_json::from_str(output.expose("the token is taken out of it"))
        .ok()
        .and_then(|value| from_value(value).ok())
        .ok_or_else(|| failed("its output is not the JSON that was expected"))?;
    let left =
        token.expires_on.map_or(SHORTEST_LIFE, |end| end.seconds() - Timestamp::as_second(context.now()));
    Ok(Token::living(context, Secret::new(token.access_token), left))
}

/// Finds the line that says why, in all that `az` says: a warning may stand before it, and before what it did
/// not expect stands a line that says just that.
fn complaint(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let errors = lines.clone().filter_map(|line| line.strip_prefix("ERROR:")).map(str::trim);
    let telling =
        errors.clone().find(|line| !line.starts_with("The command failed with an unexpected error"));
    telling.or_else(|| errors.clone().next()).or_else(|| lines.next()).unwrap_or("without a reason")
}
