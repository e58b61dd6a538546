//! Tokens of other principals, as an admin sees them.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokenmanagement>

use serde::Deserialize;

use super::DATABRICKS;
use super::tokens::{TokenInfo, gone_is_done};
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Error, Step};

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
pub(crate) async fn list_of(
    client: &Client<'_>,
    admin: &Identity,
    application_id: &str,
) -> Result<Vec<TokenInfo>, Error> {
    let path = format!("{PATH}?created_by_username={}", encode(application_id));
    let call = Call::by(admin, Step::ListTokens, &DATABRICKS, Method::GET, path);
    let listed: Listed = client.json(call).await?;
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
pub(crate) async fn delete(client: &Client<'_>, admin: &Identity, id: &str) -> Result<(), Error> {
    let path = format!("{PATH}/{}", encode(id));
    let call = Call::by(admin, Step::RevokeToken, &DATABRICKS, Method::DELETE, path);
    gone_is_done(client.execute(call).await.map(drop))
}
