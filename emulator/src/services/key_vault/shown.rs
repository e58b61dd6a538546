//! How a vault shows a version of a secret.

use serde_json::{Value, json};

use crate::state::VaultVersion;

fn attributes(version: &VaultVersion) -> Value {
    let mut attributes = json!({
        "enabled": version.enabled, "created": version.created_ms.div_euclid(1000),
        "updated": version.updated_ms.div_euclid(1000),
        "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90,
    });
    if let Some(seconds) = version.not_before {
        attributes["nbf"] = json!(seconds);
    }
    if let Some(seconds) = version.expires {
        attributes["exp"] = json!(seconds);
    }
    attributes
}

/// Describes the version without its value, by the id that is given.
pub(super) fn item(version: &VaultVersion, id: &str) -> Value {
    let mut item = json!({"id": id, "attributes": attributes(version), "tags": version.tags});
    if let Some(content_type) = &version.content_type {
        item["contentType"] = json!(content_type);
    }
    item
}

/// Describes the version with its value, by the id that is given.
pub(super) fn bundle(version: &VaultVersion, id: &str) -> Value {
    let mut bundle = item(version, id);
    bundle["value"] = json!(version.value);
    bundle
}
