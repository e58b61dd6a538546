//! The workspace's settings for tokens.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspaceconf>

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity};
use crate::model::typed::whole;
use crate::model::{Error, Step};
use serde_json::{Map, Value, json};

const PATH: &str = "/api/2.0/workspace-conf";

/// Holds the settings; what the workspace does not say is not known, which is not the same as off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TokenSettings {
    /// Whether PATs are switched on.
    pub(crate) enabled: Option<bool>,
    /// How many days a PAT may live at the most.
    pub(crate) max_lifetime_days: Option<u64>,
}

/// Reads the settings.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn token_settings(client: &Client<'_>, admin: &Identity) -> Result<TokenSettings, Error> {
    let path = format!("{PATH}?keys=enableTokensConfig,maxTokenLifetimeDays");
    let call = Call::by(admin, Step::WorkspaceSettings, &DATABRICKS, Method::GET, path);
    let map: Map<String, Value> = match client.json(call).await {
        Ok(map) => map,
        // A workspace that does not know these settings, or not for its tier, says nothing of them.
        Err(error) if is_unknown_key(&error) => return Ok(TokenSettings::default()),
        Err(error) => return Err(error),
    };
    Ok(TokenSettings {
        enabled: map.get("enableTokensConfig").and_then(is_on),
        // "0" stands for the default.
        max_lifetime_days: map
            .get("maxTokenLifetimeDays")
            .and_then(|days| u64::try_from(whole(days)?).ok())
            .filter(|days| *days > 0),
    })
}

/// Reads a setting that is on or off. It is told as it was once spelled, such as "TRue".
fn is_on(told: &Value) -> Option<bool> {
    match told {
        Value::Bool(told) => Some(*told),
        Value::String(told) => told.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// Switches PATs on for the whole workspace.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn enable_tokens(client: &Client<'_>, admin: &Identity) -> Result<(), Error> {
    let call = Call::by(admin, Step::WorkspaceSettings, &DATABRICKS, Method::PATCH, PATH)
        .repeatable(true)
        .json(&json!({"enableTokensConfig": "true"}));
    client.execute(call).await.map(drop)
}

fn is_unknown_key(error: &Error) -> bool {
    let said = error.said().unwrap_or_default().to_lowercase();
    error.status() == Some(400) && (said.contains("invalid keys") || said.contains("keys are not available"))
}
