//! Tokens of other principals, as an admin sees them.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokenmanagement>

use serde::Deserialize;

use super::tokens::{TokenInfo, gone_is_done};
use crate::call::{Call, Identity, Service, encode};
use crate::context::Context;
use crate::error::{Error, Step};
use crate::platform::Method;

const PATH: &str = "/api/2.0/token-management/tokens";

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    token_infos: Vec<TokenInfo>,
}

/// Lists the tokens that a principal has made.
///
/// # Errors
/// As the workspace answers.
pub async fn list_of(
    context: &Context<'_>,
    admin: &Identity,
    application_id: &str,
) -> Result<Vec<TokenInfo>, Error> {
    let path = format!("{PATH}?created_by_username={}", encode(application_id));
    let call =
        Call::get(Step::ListTokens, Service::Databricks, &context.target.workspace, path).identity(admin);
    let listed: Listed = context.json(call).await?;
    // A service that ignores the filter must not make lakekey revoke the tokens of others.
    Ok(listed
        .token_infos
        .into_iter()
        .filter(|info| {
            info.created_by_username.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(application_id))
        })
        .collect())
}

/// Revokes any token; one that is gone already is revoked.
///
/// # Errors
/// As the workspace answers.
pub async fn delete(context: &Context<'_>, admin: &Identity, id: &str) -> Result<(), Error> {
    let path = format!("{PATH}/{}", encode(id));
    let call =
        Call::new(Step::RevokeToken, Service::Databricks, Method::Delete, &context.target.workspace, path)
            .identity(admin);
    gone_is_done(context.execute(call).await.map(drop))
}
