//! Azure Key Vault: secrets with their versions, soft deletion, and permissions by access policy.
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups>

mod access;
mod deleted;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::world::World;

pub use secrets::{VaultSecret, VaultVersion};

/// Holds the vaults, each by its host (or host and port).
#[derive(Debug, Clone, Default)]
pub struct KeyVaults {
    /// The secrets, by vault and by name in lower case.
    pub secrets: BTreeMap<(String, String), VaultSecret>,
    /// What principals may do, by application id: `get`, `list`, `set`, `delete`, `recover`, `purge`. Holds
    /// for every vault.
    pub access: BTreeMap<String, BTreeSet<String>>,
    /// How many reads a deletion is still on its way for.
    pub deletion_reads: u32,
}

/// The versions of the API that vaults know.
const VERSIONS: [&str; 11] = [
    "2016-10-01",
    "7.0",
    "7.1",
    "7.2",
    "7.3",
    "7.4",
    "7.5",
    "7.6",
    "7.6-preview.2",
    "2025-07-01",
    "2026-04-01",
];

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    // Who calls is asked before anything else: that is how clients find the tenant.
    let who = match access::sign_in(world, call) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    match call.query("api-version") {
        None => return refusal(400, "BadParameter", "api-version must be specified"),
        Some(version) if !VERSIONS.contains(&version) => {
            let message = format!(
                "The specified version ({version}) is not recognized. Consider using the latest supported \
                 version (2026-04-01)."
            );
            return refusal(400, "BadParameter", &message);
        }
        Some(_) => {}
    }
    let (method, segments) = call.route();
    let segments: Vec<&str> = segments.into_iter().filter(|segment| !segment.is_empty()).collect();
    let named = segments.get(1).copied();
    if let Some(name) = named.filter(|name| !is_name(name)) {
        return refusal(400, "BadParameter", &format!("The request URI contains an invalid name: {name}"));
    }
    let Some(right) = right_for(method, &segments) else { return Reply::unknown_route(call) };
    if let Err(reply) = access::check(world, call, &who, right) {
        return reply;
    }
    match (method, segments.as_slice()) {
        ("PUT", ["secrets", name]) => secrets::set(world, call, name),
        ("PATCH", ["secrets", name, version]) => secrets::update(world, call, name, Some(version)),
        ("PATCH", ["secrets", name]) => secrets::update(world, call, name, None),
        ("GET", ["secrets"]) => secrets::list(world, call),
        ("GET", ["secrets", name, "versions"]) => secrets::versions(world, call, name),
        ("GET", ["secrets", name]) => secrets::get(world, call, name, None),
        ("GET", ["secrets", name, version]) => secrets::get(world, call, name, Some(version)),
        ("DELETE", ["secrets", name]) => deleted::delete(world, call, name),
        ("GET", ["deletedsecrets"]) => deleted::list(world, call),
        ("GET", ["deletedsecrets", name]) => deleted::get(world, call, name),
        ("POST", ["deletedsecrets", name, "recover"]) => deleted::recover(world, call, name),
        ("DELETE", ["deletedsecrets", name]) => deleted::purge(world, call, name),
        _ => Reply::unknown_route(call),
    }
}

/// Names the permission that a route needs; `None` for a route that there is not.
fn right_for(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("PUT", ["secrets", _]) | ("PATCH", ["secrets", _] | ["secrets", _, _]) => "set",
        ("GET", ["secrets"] | ["deletedsecrets"] | ["secrets", _, "versions"]) => "list",
        ("GET", ["secrets", _] | ["secrets", _, _] | ["deletedsecrets", _]) => "get",
        ("DELETE", ["secrets", _]) => "delete",
        ("POST", ["deletedsecrets", _, "recover"]) => "recover",
        ("DELETE", ["deletedsecrets", _]) => "purge",
        _ => return None,
    })
}

fn is_name(name: &str) -> bool {
    (1..=127).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Names the vault that is called: its host without the scheme.
fn vault(call: &Call) -> String {
    call.origin.split_once("://").map_or(call.origin.as_str(), |(_, host)| host).to_owned()
}

fn key(call: &Call, name: &str) -> (String, String) {
    (vault(call), name.to_ascii_lowercase())
}

fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

fn inner_refusal(status: u16, code: &str, message: &str, inner: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innererror": {"code": inner}}}))
}

fn not_found(name: &str) -> Reply {
    let message = format!(
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to recover it using the \
         correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
    );
    refusal(404, "SecretNotFound", &message)
}

fn page(value: Vec<Value>) -> Reply {
    Reply::json(200, &json!({"value": value, "nextLink": null}))
}

impl World {
    /// Lets an application do something with the secrets of every vault: `get`, `list`, `set`, `delete`,
    /// `recover`, `purge`.
    pub fn allow_in_vaults(&mut self, app_id: &str, rights: &[&str]) {
        let granted = self.vaults.access.entry(app_id.to_ascii_lowercase()).or_default();
        granted.extend(rights.iter().map(|right| (*right).to_owned()));
    }

    /// Returns the versions of a vault's secret, oldest first; `vault` is an origin such as `https://acme.vault.azure.net`.
    #[must_use]
    pub fn vault_versions(&self, vault: &str, name: &str) -> &[VaultVersion] {
        let host = vault.split_once("://").map_or(vault, |(_, host)| host).trim_end_matches('/');
        self.vaults
            .secrets
            .get(&(host.to_ascii_lowercase(), name.to_ascii_lowercase()))
            .map_or(&[], |secret| &secret.versions)
    }

    /// Returns the newest value of a vault's secret, unless it is deleted.
    #[must_use]
    pub fn vault_value(&self, vault: &str, name: &str) -> Option<&str> {
        let host = vault.split_once("://").map_or(vault, |(_, host)| host).trim_end_matches('/');
        let secret = self.vaults.secrets.get(&(host.to_ascii_lowercase(), name.to_ascii_lowercase()))?;
        if secret.deleted_ms.is_some() {
            None
        } else {
            secret.versions.last().map(|version| version.value.as_str())
        }
    }
}

#[cfg(test)]
mod tests;
