//! Tokens of other principals, as an admin sees them.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokenmanagement>

use serde::Deserialize;

use super::DATABRICKS;
use super::tokens::{TokenInfo, gone_is_done};
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Step};

const PATH: &str = "/api/2.0/token-management/tokens";

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    token_infos: Vec<TokenInfo>,
}

#[derive(Deserialize)]
struct Found {
    token_info: TokenInfo,
}

/// Lists the tokens of a principal, by its number in the workspace, no matter who made them. Where the
/// workspace does not say whose a token is, who made it tells.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn list_of(
    client: &Client<'_>,
    admin: &Identity,
    number: &str,
    application_id: &str,
) -> Result<Vec<TokenInfo>, Error> {
    let call = Call::by(admin, Step::ListTokens, &DATABRICKS, Method::GET, PATH);
    let listed: Listed = client.json(call).await?;
    // The list is everybody's: nobody else's token may be revoked.
    let is_owned = |info: &TokenInfo| match &info.owner_id {
        Some(owner) => owner == number,
        None => {
            let maker = info.created_by_username.as_deref();
            maker.is_some_and(|name| name.eq_ignore_ascii_case(application_id))
        }
    };
    Ok(listed.token_infos.into_iter().filter(is_owned).collect())
}

/// Reads one token.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn one(client: &Client<'_>, admin: &Identity, id: &str) -> Result<TokenInfo, Error> {
    let path = format!("{PATH}/{}", encode(id));
    let call = Call::by(admin, Step::ListTokens, &DATABRICKS, Method::GET, path);
    let found: Found = client.json(call).await?;
    match found.token_info {
        info if info.token_id == id => Ok(info),
        other => {
            let words =
                format!("Databricks answers with the token {} where {id} was asked for", other.token_id);
            Err(Error::new(Code::ReplyInvalid, Step::ListTokens, words))
        }
    }
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
