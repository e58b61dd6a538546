//! The workspace's settings for tokens.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspaceconf>

use std::collections::BTreeMap;

use serde_json::json;

use crate::call::{Call, Identity, Service};
use crate::context::Context;
use crate::error::{Error, Step};
use crate::platform::Method;

const PATH: &str = "/api/2.0/workspace-conf";

/// Holds the settings; what the workspace does not say is not known, which is not the same as off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenSettings {
    /// Whether PATs are switched on.
    pub enabled: Option<bool>,
    /// How many days a PAT may live at the most.
    pub max_lifetime_days: Option<u64>,
}

/// Reads the settings.
///
/// # Errors
/// As the workspace answers.
pub async fn token_settings(context: &Context<'_>, admin: &Identity) -> Result<TokenSettings, Error> {
    let path = format!("{PATH}?keys=enableTokensConfig,maxTokenLifetimeDays");
    let call = Call::get(Step::WorkspaceSettings, Service::Databricks, &context.target.workspace, path)
        .identity(admin);
    let map: BTreeMap<String, Option<String>> = context.json(call).await?;
    let text = |key: &str| map.get(key).and_then(|value| value.as_deref());
    Ok(TokenSettings {
        enabled: match text("enableTokensConfig") {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        },
        // "0" stands for the default.
        max_lifetime_days: text("maxTokenLifetimeDays")
            .and_then(|days| days.parse().ok())
            .filter(|days| *days > 0),
    })
}

/// Switches PATs on for the whole workspace.
///
/// # Errors
/// As the workspace answers.
pub async fn enable_tokens(context: &Context<'_>, admin: &Identity) -> Result<(), Error> {
    let call = Call::new(
        Step::WorkspaceSettings,
        Service::Databricks,
        Method::Patch,
        &context.target.workspace,
        PATH,
    )
    .identity(admin)
    .repeatable(true)
    .json(&json!({"enableTokensConfig": "true"}));
    context.execute(call).await.map(drop)
}
