//! OAuth secrets of a service principal, by the workspace's proxy or by the account.
//!
//! The principal is named by its numeric id, which SCIM gives as text. A secret bears no text of its own, so that
//! only its id and its dates tell one from another.
//!
//! <https://docs.databricks.com/api/azure/workspace/servicePrincipalsecretsProxy>

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::tokens::gone_is_done;
use crate::call::{Call, Identity, Service, encode};
use crate::config::Origin;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::Method;
use crate::secret::Secret;

/// How many pages of the list are read; a principal may have five secrets.
const PAGES: usize = 20;

/// Describes an OAuth secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OauthSecretInfo {
    /// The id.
    #[serde(deserialize_with = "super::tokens::text_of_number_or_text")]
    pub id: String,
    /// Whether it may be used, such as `ACTIVE`.
    #[serde(default)]
    pub status: Option<String>,
    /// When it was made, by the service's clock.
    #[serde(default)]
    pub create_time: Option<Timestamp>,
    /// When it ends; `None` where the service does not say.
    #[serde(default)]
    pub expire_time: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    secrets: Vec<OauthSecretInfo>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    secret: String,
    #[serde(flatten)]
    info: OauthSecretInfo,
}

/// Returns where the secrets are managed: at the account where `principal.account-id` is given, else in the workspace.
///
/// The identity that the other functions take must be bound to this host.
#[must_use]
pub fn origin<'a>(context: &'a Context<'_>) -> &'a Origin {
    match context.target.principal.account_id {
        Some(_) => &context.session.config.accounts,
        None => &context.target.workspace,
    }
}

fn path(context: &Context<'_>, principal: &str) -> String {
    let account = context.target.principal.account_id.as_deref().map(|id| format!("/{}", encode(id))).unwrap_or_default();
    format!("/api/2.0/accounts{account}/servicePrincipals/{}/credentials/secrets", encode(principal))
}

/// Lists the OAuth secrets of the principal with that numeric id.
///
/// # Errors
/// As the service answers.
pub async fn list(context: &Context<'_>, identity: &Identity, principal: &str, step: Step) -> Result<Vec<OauthSecretInfo>, Error> {
    let base = path(context, principal);
    let mut path = base.clone();
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let page: Listed = context.json(Call::get(step, Service::Databricks, origin(context), path).identity(identity)).await?;
        all.extend(page.secrets);
        match page.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => path = format!("{base}?page_token={}", encode(&token)),
            None => return Ok(all),
        }
    }
    Err(Error::new(Code::ReplyInvalid, step, "Databricks answers with a list of secrets that does not end"))
}

/// Creates an OAuth secret that lives that many seconds, and returns its value, which is to be had here alone.
///
/// It is never repeated after a lost reply: an uncertain error says that a secret may exist.
///
/// # Errors
/// As the service answers.
pub async fn create(
    context: &Context<'_>,
    identity: &Identity,
    principal: &str,
    lifetime_seconds: u64,
    step: Step,
) -> Result<(Secret, OauthSecretInfo), Error> {
    let call = Call::post(step, Service::Databricks, origin(context), path(context, principal))
        .identity(identity)
        .json(&json!({"lifetime": format!("{lifetime_seconds}s")}));
    let created: Created = context.json(call).await?;
    let value = context.masked(Secret::new(created.secret));
    Ok((value, created.info))
}

/// Deletes an OAuth secret; one that is gone already is deleted.
///
/// # Errors
/// As the service answers.
pub async fn delete(context: &Context<'_>, identity: &Identity, principal: &str, id: &str, step: Step) -> Result<(), Error> {
    let path = format!("{}/{}", path(context, principal), encode(id));
    let call = Call::new(step, Service::Databricks, Method::Delete, origin(context), path).identity(identity);
    gone_is_done(context.execute(call).await.map(drop))
}
