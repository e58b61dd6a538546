//! What Azure's services hold, without any secret value.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::hex::sha256;
use crate::world::World;

/// Shows the vaults, the variable groups and how many webhooks came, without any secret value.
pub(super) fn shown(world: &World) -> Value {
    let vaults: Vec<Value> = world
        .vaults
        .secrets
        .iter()
        .map(|((vault, _), secret)| {
            let versions: Vec<Value> = secret
                .versions
                .iter()
                .map(|version| {
                    json!({
                        "id": version.id, "sha256": sha256(version.value.as_bytes()),
                        "created": rfc3339(version.created_ms),
                        "expires": version.expires.map(|seconds| rfc3339(seconds * 1000)),
                        "tags": version.tags,
                    })
                })
                .collect();
            json!({
                "vault": vault, "name": secret.name, "deleted": secret.deleted_ms.map(rfc3339),
                "versions": versions,
            })
        })
        .collect();
    let groups: Vec<Value> = world
        .azure_devops
        .groups
        .iter()
        .map(|group| {
            let variables: Vec<Value> = group
                .variables
                .iter()
                .map(|(name, variable)| {
                    let sha256 = variable.value.as_ref().map(|value| sha256(value.as_bytes()));
                    json!({"name": name, "secret": variable.secret, "sha256": sha256})
                })
                .collect();
            let projects: Vec<&str> =
                group.references.iter().map(|(project, _, _)| project.name.as_str()).collect();
            json!({
                "id": group.id, "name": group.name, "projects": projects, "variables": variables,
                "revision": group.revision,
                "modified": rfc3339(group.modified_ms), "modified-by": group.modified_by,
            })
        })
        .collect();
    json!({"key-vault": vaults, "variable-groups": groups, "webhooks": world.webhooks.len()})
}
