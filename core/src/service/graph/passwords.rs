//! The client secrets of an application, which Graph calls passwords.
//!
//! <https://learn.microsoft.com/graph/api/application-addpassword>

use serde::Deserialize;
use serde_json::json;

use super::propagation::settled;
use super::refusals::GRAPH;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::Secret;
use crate::model::Timestamp;
use crate::model::{Error, Step};

/// Describes a client secret, without its value, which Graph gives once alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PasswordInfo {
    /// The id.
    #[serde(deserialize_with = "crate::model::id")]
    pub(crate) key_id: String,
    /// The description that people see.
    #[serde(default)]
    pub(crate) display_name: Option<String>,
    /// From when on it holds, by Graph's clock.
    #[serde(default)]
    pub(crate) start_date_time: Option<Timestamp>,
    /// When it ends.
    #[serde(default)]
    pub(crate) end_date_time: Option<Timestamp>,
    /// Its first characters, as the portal shows them.
    #[serde(default)]
    pub(crate) hint: Option<String>,
}

#[derive(Deserialize)]
struct Held {
    #[serde(default, rename = "passwordCredentials")]
    password_credentials: Vec<PasswordInfo>,
}

#[derive(Deserialize)]
struct Added {
    #[serde(rename = "secretText")]
    secret_text: String,
    #[serde(flatten)]
    info: PasswordInfo,
}

/// Lists the client secrets of an application, named by its object id.
///
/// A list that was asked for right after a change may not show it yet.
///
/// # Errors
/// As Graph answers.
pub(crate) async fn list_passwords(
    client: &Client<'_>,
    identity: &Identity,
    object_id: &str,
    step: Step,
) -> Result<Vec<PasswordInfo>, Error> {
    let path = format!("/v1.0/applications/{}?$select=passwordCredentials", encode(object_id));
    let held = settled(client, step, async || {
        client.json::<Held>(Call::by(identity, step, &GRAPH, Method::GET, path.clone())).await
    })
    .await?;
    Ok(held.password_credentials)
}

/// Adds a client secret with a description and an end, and returns its value, which is to be had here alone.
///
/// It is never repeated after a lost reply: an uncertain error says that a secret with this description may
/// exist.
///
/// # Errors
/// `graph-permission-missing`; `spreading-too-slow`; uncertain where it may exist all the same.
pub(crate) async fn add_password(
    client: &Client<'_>,
    identity: &Identity,
    object_id: &str,
    display_name: &str,
    end: Timestamp,
    step: Step,
) -> Result<(Secret, PasswordInfo), Error> {
    // Whole seconds: Graph keeps no finer ones.
    let end = Timestamp::from_second(end.as_second()).unwrap_or(end);
    let body = json!({"passwordCredential": {"displayName": display_name, "endDateTime": end.to_string()}});
    let path = format!("/v1.0/applications/{}/addPassword", encode(object_id));
    let added = settled(client, step, async || {
        let call = Call::by(identity, step, &GRAPH, Method::POST, path.clone()).json(&body);
        client.json::<Added>(call).await
    })
    .await?;
    let value = client.masked(Secret::new(added.secret_text));
    Ok((value, added.info))
}

/// Removes a client secret; one that is gone already is removed.
///
/// # Errors
/// As Graph answers; `spreading-too-slow` where it is listed and cannot be removed.
pub(crate) async fn remove_password(
    client: &Client<'_>,
    identity: &Identity,
    object_id: &str,
    key_id: &str,
    step: Step,
) -> Result<(), Error> {
    let path = format!("/v1.0/applications/{}/removePassword", encode(object_id));
    let body = json!({"keyId": key_id});
    let remove = async || {
        let call = Call::by(identity, step, &GRAPH, Method::POST, path.clone()).repeatable(true).json(&body);
        client.execute(call).await
    };
    match remove().await {
        Ok(_) => return Ok(()),
        Err(error) if matches!(error.status(), Some(400 | 404 | 409)) => {}
        Err(error) => return Err(error),
    }
    // Graph refuses what it does not find in several ways, and a replica that lags behind does so too;
    // whether it is still listed is what counts.
    let left = list_passwords(client, identity, object_id, step).await?;
    if left.iter().any(|password| password.key_id == key_id) {
        settled(client, step, remove).await.map(drop)
    } else {
        Ok(())
    }
}
