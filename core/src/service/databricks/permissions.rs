//! Who may use tokens in a workspace.
//!
//! Only ever added to: a PUT would replace the whole list, and a principal without CAN_USE loses all live
//! tokens at once.
//!
//! <https://docs.databricks.com/api/azure/workspace/permissions>

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity};
use crate::model::{Error, Step};
use serde::Deserialize;
use serde_json::json;

const PATH: &str = "/api/2.0/permissions/authorization/tokens";

/// Says what the workspace knows of a principal's permission to use tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenPermission {
    /// The principal may use tokens by a grant of its own.
    Granted,
    /// The principal has no grant of its own.
    NotGranted,
    /// No token has ever been made in the workspace, so that there is nothing to grant on yet.
    NoTokenYet,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    access_control_list: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    service_principal_name: Option<String>,
    #[serde(default)]
    all_permissions: Vec<Level>,
}

#[derive(Deserialize)]
struct Level {
    #[serde(default)]
    permission_level: String,
}

/// Asks whether a principal has a grant of its own.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn token_permission(
    client: &Client<'_>,
    admin: &Identity,
    application_id: &str,
) -> Result<TokenPermission, Error> {
    let call = Call::by(admin, Step::GrantTokenPermission, &DATABRICKS, Method::GET, PATH);
    let permissions: Permissions = match client.json(call).await {
        Ok(permissions) => permissions,
        Err(error) if is_no_token_yet(&error) => return Ok(TokenPermission::NoTokenYet),
        // A tier without access control: everybody may use tokens.
        Err(error) if has_no_control(&error) => return Ok(TokenPermission::Granted),
        Err(error) => return Err(error),
    };
    let granted = permissions.access_control_list.iter().any(|entry| {
        entry.service_principal_name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(application_id))
            && entry
                .all_permissions
                .iter()
                .any(|level| matches!(level.permission_level.as_str(), "CAN_USE" | "CAN_MANAGE"))
    });
    Ok(if granted { TokenPermission::Granted } else { TokenPermission::NotGranted })
}

/// Adds CAN_USE for a principal, touching nobody else's permission.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn grant_token_permission(
    client: &Client<'_>,
    admin: &Identity,
    application_id: &str,
) -> Result<(), Error> {
    client.execute(granting(admin, application_id)).await.map(drop)
}

/// Returns the request that grants CAN_USE.
pub(crate) fn granting(admin: &Identity, application_id: &str) -> Call {
    let body = json!({"access_control_list": [{"service_principal_name": application_id,
        "permission_level": "CAN_USE"}]});
    Call::by(admin, Step::GrantTokenPermission, &DATABRICKS, Method::PATCH, PATH).repeatable(true).json(&body)
}

/// Returns true for the refusal of a workspace in which no token was ever made.
fn is_no_token_yet(error: &Error) -> bool {
    error.reason() == Some("RESOURCE_DOES_NOT_EXIST")
        && error.said().is_some_and(|said| said.contains("tokens does not exist"))
}

fn has_no_control(error: &Error) -> bool {
    let said = error.said().unwrap_or_default().to_lowercase();
    error.reason() == Some("FEATURE_DISABLED") && said.contains("acls for tokens are disabled")
}
