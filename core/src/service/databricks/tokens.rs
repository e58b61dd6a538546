//! Personal access tokens of the caller.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokens>

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Error, Secret, Step, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Describes a token as the workspace lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TokenInfo {
    /// The id.
    pub(crate) token_id: String,
    /// When it was made, in milliseconds since 1970 by the workspace's clock.
    pub(crate) creation_time: i64,
    /// When it ends, in milliseconds since 1970; -1 if never.
    #[serde(default = "never")]
    pub(crate) expiry_time: i64,
    /// The comment.
    #[serde(default)]
    pub(crate) comment: Option<String>,
    /// The scopes; absent or empty where it is not restricted.
    #[serde(default)]
    pub(crate) scopes: Option<Vec<String>>,
    /// Who made it; given to admins alone.
    #[serde(default)]
    pub(crate) created_by_username: Option<String>,
    /// Whose it is; given to admins alone.
    #[serde(default, deserialize_with = "number_or_text")]
    pub(crate) owner_id: Option<String>,
    /// The day on which it was last used, in milliseconds since 1970; given to admins alone.
    #[serde(default)]
    pub(crate) last_used_day: Option<i64>,
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
    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_millisecond(self.creation_time).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns when it ends; `None` if never.
    #[must_use]
    pub(crate) fn expires(&self) -> Option<Timestamp> {
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
pub(crate) async fn list(
    client: &Client<'_>,
    identity: &Identity,
    step: Step,
) -> Result<Vec<TokenInfo>, Error> {
    let call = Call::by(identity, step, &DATABRICKS, Method::GET, "/api/2.0/token/list");
    client.json::<Listed>(call).await.map(|listed| listed.token_infos)
}

/// Creates a token; a lost reply leaves one that only its comment tells.
///
/// # Errors
/// As the workspace answers; uncertain where it may exist all the same.
pub(crate) async fn create(
    client: &Client<'_>,
    identity: &Identity,
    comment: &str,
    lifetime_seconds: u64,
    scopes: Option<&[String]>,
) -> Result<(Secret, TokenInfo), Error> {
    let created: Created = client.json(creation(identity, comment, lifetime_seconds, scopes)).await?;
    let value = client.masked(Secret::new(created.token_value));
    Ok((value, created.token_info))
}

/// Returns the request that creates a token.
pub(crate) fn creation(
    identity: &Identity,
    comment: &str,
    lifetime_seconds: u64,
    scopes: Option<&[String]>,
) -> Call {
    let mut body = json!({"comment": comment, "lifetime_seconds": lifetime_seconds});
    if let Some(scopes) = scopes {
        body["scopes"] = json!(scopes);
    }
    Call::by(identity, Step::CreateToken, &DATABRICKS, Method::POST, "/api/2.0/token/create").json(&body)
}

/// Changes a token's comment.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn comment(
    client: &Client<'_>,
    identity: &Identity,
    id: &str,
    comment: &str,
    step: Step,
) -> Result<(), Error> {
    let path = format!("/api/2.0/token/{}", encode(id));
    let call = Call::by(identity, step, &DATABRICKS, Method::PATCH, path)
        .repeatable(true)
        .json(&json!({"token": {"comment": comment}, "update_mask": "comment"}));
    client.execute(call).await.map(drop)
}

/// Revokes a token; one that is gone already is revoked.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn delete(
    client: &Client<'_>,
    identity: &Identity,
    id: &str,
    step: Step,
) -> Result<(), Error> {
    gone_is_done(client.execute(deletion(identity, id, step)).await.map(drop))
}

/// Returns the request that revokes a token.
pub(crate) fn deletion(identity: &Identity, id: &str, step: Step) -> Call {
    Call::by(identity, step, &DATABRICKS, Method::POST, "/api/2.0/token/delete")
        .repeatable(true)
        .json(&json!({"token_id": id}))
}

/// Tries a new token on a path of the workspace, once and over a connection of its own. A page that looks
/// like a success is none: it answers with an object of JSON.
///
/// # Errors
/// As the workspace answers; `reply-invalid`.
pub(crate) async fn try_out(
    client: &Client<'_>,
    identity: &Identity,
    step: Step,
    path: &str,
) -> Result<(), Error> {
    // Who tries a token repeats the whole round.
    let call = Call::by(identity, step, &DATABRICKS, Method::GET, path).fresh_connection().attempts(1);
    client.json::<Map<String, Value>>(call.proving()).await.map(drop)
}

/// Takes the refusal to remove what does not exist for a success.
pub(crate) fn gone_is_done(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if matches!(error.reason(), Some("RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND")) => Ok(()),
        other => other,
    }
}
