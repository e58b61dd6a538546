//! Personal access tokens of the caller.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokens>

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Error, Reach, Secret, Step, Timestamp, is_id};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Describes a token as the workspace lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct TokenInfo {
    /// The id.
    #[serde(deserialize_with = "crate::model::id")]
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
    pub(crate) scopes: Reach,
    /// How they came to be, such as `AUTOSCOPE_STATE_RUNNING`; absent in workspaces that do not say it.
    #[serde(default)]
    pub(crate) autoscope_state: Option<String>,
    /// The scopes that it was seen to use, or was narrowed to for its use.
    #[serde(default)]
    pub(crate) inferred_scopes: Reach,
    /// The scopes that it was narrowed to for its history.
    #[serde(default)]
    pub(crate) backfill_scopes: Reach,
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

/// The end of 9999, in milliseconds since 1970.
const LAST: i64 = 253_402_300_799_999;

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
    number_or_text(deserializer)?
        .filter(|id| is_id(id))
        .ok_or_else(|| serde::de::Error::custom("an id of letters, digits, - and _"))
}

impl TokenInfo {
    /// Returns when it was made.
    #[must_use]
    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_millisecond(self.creation_time).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Returns the day on which it was last used; `None` where it was not, or nobody says so.
    #[must_use]
    pub(crate) fn last_used(&self) -> Option<Timestamp> {
        self.last_used_day.filter(|day| *day > 0).and_then(|day| Timestamp::from_millisecond(day).ok())
    }

    /// Returns when it ends; `None` if never.
    #[must_use]
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        // A time that no calendar holds is no "never".
        let last = || Timestamp::from_millisecond(LAST).unwrap_or_default();
        (self.expiry_time >= 0)
            .then(|| Timestamp::from_millisecond(self.expiry_time).unwrap_or_else(|_| last()))
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

/// Says what a new token is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct New<'a> {
    pub(crate) comment: &'a str,
    /// How long it lives, in seconds.
    pub(crate) lifetime: u64,
    /// The scopes; everything if none.
    pub(crate) scopes: Option<&'a [String]>,
    /// Whether Databricks is to watch it and to narrow it.
    pub(crate) watched: bool,
}

/// The field that says whether a new token is watched.
const AUTOSCOPE: &str = "autoscope_enabled";

/// Creates a token; a lost reply leaves one that only its comment tells. Returns true as well where the
/// workspace refuses to be told whether the token is to be watched, so that this was left out.
///
/// # Errors
/// As the workspace answers; uncertain where it may exist all the same.
pub(crate) async fn create(
    client: &Client<'_>,
    identity: &Identity,
    new: New<'_>,
) -> Result<(Secret, TokenInfo, bool), Error> {
    let (created, unknown): (Created, bool) = match client.json(creation(identity, new, true)).await {
        Err(error) if is_unknown_field(&error) => (client.json(creation(identity, new, false)).await?, true),
        answer => (answer?, false),
    };
    let value = client.masked(Secret::new(created.token_value));
    Ok((value, created.token_info, unknown))
}

/// Returns true for the refusal of a field that the workspace does not know. Where it does not name the
/// field, this is the newest of those that are sent.
fn is_unknown_field(error: &Error) -> bool {
    let said = error.message().to_ascii_lowercase();
    let unnamed =
        ["unknown field", "unrecognized field", "unexpected field", "cannot find field", "no such field"];
    error.status() == Some(400)
        && (said.contains("autoscope") || unnamed.iter().any(|words| said.contains(words)))
}

/// Returns the request that creates a token; `says` whether it is to be watched is told to a workspace that
/// knows of it. An empty list of scopes is never sent: what it means is not documented.
pub(crate) fn creation(identity: &Identity, new: New<'_>, says: bool) -> Call {
    let mut body = json!({"comment": new.comment, "lifetime_seconds": new.lifetime});
    if let Some(scopes) = new.scopes.filter(|scopes| !scopes.is_empty()) {
        body["scopes"] = json!(scopes);
    }
    if says {
        body[AUTOSCOPE] = json!(new.watched);
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::host::testing::TestHost;

    const CREATE: &str = "POST https://adb-1.2.azuredatabricks.net/api/2.0/token/create";

    fn made(host: &TestHost, scopes: Option<&[String]>, watched: bool) -> Result<bool, Error> {
        let config = host.config(json!({}), json!({}));
        host.with(&config, async |context| {
            let identity = Identity::bearer(&context.subject.workspace, &Secret::new("token"));
            let new = New { comment: "x", lifetime: 60, scopes, watched };
            create(context, &identity, new).await.map(|(_, _, unknown)| unknown)
        })
    }

    fn answer() -> Value {
        json!({"token_value": "dapi1", "token_info": {"token_id": "1", "creation_time": 1}})
    }

    #[test]
    fn whether_a_new_token_is_to_be_watched_is_always_said_and_an_empty_list_is_never_sent() {
        let sql = ["sql".to_owned()];
        for (scopes, watched, sent) in [
            (None, false, json!({"autoscope_enabled": false})),
            (None, true, json!({"autoscope_enabled": true})),
            (Some(&sql[..]), false, json!({"autoscope_enabled": false, "scopes": ["sql"]})),
            (Some(&[][..]), false, json!({"autoscope_enabled": false})),
        ] {
            let host = TestHost::new();
            host.on(CREATE, 200, answer());
            assert_eq!(made(&host, scopes, watched), Ok(false));
            let mut expected = json!({"comment": "x", "lifetime_seconds": 60});
            expected.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
            assert_eq!(host.sent()[0].json(), expected);
        }
    }

    #[test]
    fn numbers_of_64_bits_are_read_as_numbers_and_as_texts() {
        let number = |n: i64, text: bool| if text { json!(n.to_string()) } else { json!(n) };
        for text in [false, true] {
            let info: TokenInfo = crate::model::typed::from_value(json!({
                "token_id": "1", "creation_time": number(1_795_514_400_000, text),
                "expiry_time": number(-1, text), "owner_id": number(4_420_258_414_549_020, text),
                "last_used_day": number(1_795_478_400_000, text),
            }))
            .unwrap();
            assert_eq!((info.creation_time, info.expires()), (1_795_514_400_000, None));
            assert_eq!(info.owner_id.as_deref(), Some("4420258414549020"));
            assert_eq!(info.last_used().map(Timestamp::day).as_deref(), Some("2026-11-24"));
        }
    }

    #[test]
    fn a_workspace_that_refuses_the_field_is_asked_again_without_it_and_another_refusal_stands() {
        for words in [
            "Could not parse request object: unknown field 'autoscope_enabled'",
            "Unrecognized field",
            "autoscopeEnabled is not supported in this workspace",
        ] {
            let host = TestHost::new();
            host.on(CREATE, 400, json!({"error_code": "MALFORMED_REQUEST", "message": words}));
            host.on(CREATE, 200, answer());
            assert_eq!(made(&host, None, false), Ok(true));
            assert_eq!(host.sent()[1].json(), json!({"comment": "x", "lifetime_seconds": 60}));
        }
        let host = TestHost::new();
        host.on(CREATE, 400, json!({"error_code": "INVALID_PARAMETER_VALUE", "message": "no such scope"}));
        assert_eq!(made(&host, None, false).unwrap_err().status(), Some(400));
        assert_eq!(host.sent().len(), 1);
    }
}
