//! Soft deletion: a deleted secret keeps its name until it is recovered or purged.

use serde_json::{Value, json};

use super::address::{key, vault};
use super::reply::{not_found, page, refusal};
use super::shown::item;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::VaultSecret;
use crate::world::World;

const RETENTION_MS: i64 = 90 * 86_400_000;

fn describe(call: &Call, secret: &VaultSecret) -> Value {
    let version = secret.versions.last();
    let id = format!(
        "{}/secrets/{}/{}",
        call.origin,
        secret.name,
        version.map_or("", |version| version.id.as_str())
    );
    let mut item = version.map_or_else(|| json!({}), |version| item(version, &id));
    let deleted = secret.deleted_ms.unwrap_or_default();
    item["recoveryId"] = json!(format!("{}/deletedsecrets/{}", call.origin, secret.name));
    item["deletedDate"] = json!(deleted.div_euclid(1000));
    item["scheduledPurgeDate"] = json!((deleted + RETENTION_MS).div_euclid(1000));
    item
}

/// Deletes a secret.
pub(super) fn delete(world: &mut World, call: &Call, name: &str) -> Reply {
    let (now, reads) = (world.now_ms(), world.vaults.deletion_reads);
    let Some(secret) =
        world.vaults.secrets.get_mut(&key(call, name)).filter(|secret| secret.deleted_ms.is_none())
    else {
        return not_found(name);
    };
    secret.deleted_ms = Some(now);
    secret.deleting_reads = reads;
    Reply::json(200, &describe(call, secret))
}

/// Reads a deleted secret; while the deletion is on its way there is none.
pub(super) fn get(world: &mut World, call: &Call, name: &str) -> Reply {
    let found = world.vaults.secrets.get_mut(&key(call, name)).filter(|secret| secret.deleted_ms.is_some());
    match found {
        Some(secret) if secret.deleting_reads > 0 => {
            secret.deleting_reads -= 1;
            no_deleted(name)
        }
        Some(secret) => Reply::json(200, &describe(call, secret)),
        None => no_deleted(name),
    }
}

/// Lists the deleted secrets of a vault.
pub(super) fn list(world: &World, call: &Call) -> Reply {
    let vault = vault(call);
    let gone = world
        .vaults
        .secrets
        .iter()
        .filter(|((host, _), secret)| *host == vault && secret.deleted_ms.is_some());
    page(gone.map(|(_, secret)| describe(call, secret)).collect())
}

/// Brings a deleted secret back with all its versions.
pub(super) fn recover(world: &mut World, call: &Call, name: &str) -> Reply {
    let found = world.vaults.secrets.get_mut(&key(call, name)).filter(|secret| secret.deleted_ms.is_some());
    let Some(secret) = found else { return no_deleted(name) };
    secret.deleted_ms = None;
    let item = secret
        .versions
        .last()
        .map(|version| item(version, &format!("{}/secrets/{}/{}", call.origin, secret.name, version.id)));
    Reply::json(200, &item.unwrap_or_default())
}

/// Removes a deleted secret for good.
pub(super) fn purge(world: &mut World, call: &Call, name: &str) -> Reply {
    let key = key(call, name);
    if world.vaults.secrets.get(&key).is_none_or(|secret| secret.deleted_ms.is_none()) {
        return no_deleted(name);
    }
    world.vaults.secrets.remove(&key);
    Reply::empty(204)
}

fn no_deleted(name: &str) -> Reply {
    refusal(404, "SecretNotFound", &format!("Deleted Secret not found: {name}"))
}
