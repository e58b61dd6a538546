//! Personal access tokens of the caller.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokens>

use serde::Deserialize;
use serde_json::json;

use crate::call::{Call, Identity, Service, encode};
use crate::context::Context;
use crate::error::{Error, Step};
use crate::platform::Method;
use crate::secret::Secret;
use crate::timestamp::Timestamp;

/// Describes a token as the workspace lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// The id.
    pub token_id: String,
    /// When it was made, in milliseconds since 1970 by the workspace's clock.
    pub creation_time: i64,
    /// When it ends, in milliseconds since 1970; -1 if never.
    #[serde(default = "never")]
    pub expiry_time: i64,
    /// The comment.
    #[serde(default)]
    pub comment: Option<String>,
    /// The scopes; absent or empty where it is not restricted.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// Who made it; given to admins alone.
    #[serde(default)]
    pub created_by_username: Option<String>,
    /// Whose it is; given to admins alone.
    #[serde(default, deserialize_with = "number_or_text")]
    pub owner_id: Option<String>,
    /// The day on which it was last used, in milliseconds since 1970; given to admins alone.
    #[serde(default)]
    pub last_used_day: Option<i64>,
}

fn never() -> i64 {
    -1
}

fn number_or_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<serde_json::Value>::deserialize(deserializer)? {
        Some(serde_json::Value::String(text)) => Some(text),
        Some(serde_json::Value::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}

/// Reads an id that is a number or a text.
pub(super) fn text_of_number_or_text<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    number_or_text(deserializer)?.ok_or_else(|| serde::de::Error::custom("an id was expected"))
}

impl TokenInfo {
    /// Returns when it was made.
    #[must_use]
    pub fn created(&self) -> Timestamp {
        Timestamp::from_millisecond(self.creation_time).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns when it ends; `None` if never.
    #[must_use]
    pub fn expires(&self) -> Option<Timestamp> {
        (self.expiry_time >= 0).then(|| Timestamp::from_millisecond(self.expiry_time).ok()).flatten()
    }
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    token_infos: Vec<TokenInfo>,
}

#[derive(Deserialize)]
struct Created {
    token_value: String,
    token_info: TokenInfo,
}

/// Lists the caller's valid tokens.
///
/// # Errors
/// As the workspace answers.
pub async fn list(context: &Context<'_>, identity: &Identity, step: Step) -> Result<Vec<TokenInfo>, Error> {
    let call = Call::get(step, Service::Databricks, &context.target.workspace, "/api/2.0/token/list")
        .identity(identity);
    context.json::<Listed>(call).await.map(|listed| listed.token_infos)
}

/// Creates a token; a lost reply leaves one that only its comment tells.
///
/// # Errors
/// As the workspace answers; uncertain where it may exist all the same.
pub async fn create(
    context: &Context<'_>,
    identity: &Identity,
    comment: &str,
    lifetime_seconds: u64,
    scopes: Option<&[String]>,
) -> Result<(Secret, TokenInfo), Error> {
    let mut body = json!({"comment": comment, "lifetime_seconds": lifetime_seconds});
    if let Some(scopes) = scopes {
        body["scopes"] = json!(scopes);
    }
    let call = Call::post(
        Step::CreateToken,
        Service::Databricks,
        &context.target.workspace,
        "/api/2.0/token/create",
    )
    .identity(identity)
    .json(&body);
    let created: Created = context.json(call).await?;
    let value = context.masked(Secret::new(created.token_value));
    Ok((value, created.token_info))
}

/// Changes a token's comment.
///
/// # Errors
/// As the workspace answers.
pub async fn comment(
    context: &Context<'_>,
    identity: &Identity,
    id: &str,
    comment: &str,
    step: Step,
) -> Result<(), Error> {
    let path = format!("/api/2.0/token/{}", encode(id));
    let call = Call::new(step, Service::Databricks, Method::Patch, &context.target.workspace, path)
        .identity(identity)
        .repeatable(true)
        .json(&json!({"token": {"comment": comment}, "update_mask": "comment"}));
    context.execute(call).await.map(drop)
}

/// Revokes a token; one that is gone already is revoked.
///
/// # Errors
/// As the workspace answers.
pub async fn delete(context: &Context<'_>, identity: &Identity, id: &str, step: Step) -> Result<(), Error> {
    let call = Call::post(step, Service::Databricks, &context.target.workspace, "/api/2.0/token/delete")
        .identity(identity)
        .repeatable(true)
        .json(&json!({"token_id": id}));
    gone_is_done(context.execute(call).await.map(drop))
}

/// Takes the refusal to remove what does not exist for a success.
pub(crate) fn gone_is_done(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if matches!(error.reason(), Some("RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND")) => Ok(()),
        other => other,
    }
}
