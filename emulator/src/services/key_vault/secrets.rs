//! Setting, reading and listing secrets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address::{key, vault};
use super::reply::{inner_refusal, not_found, page, refusal};
use super::shown::{bundle, item};
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{VaultSecret, VaultVersion};
use crate::world::World;

/// The longest value, in bytes.
const LONGEST: usize = 25 * 1024;

/// Sets a secret: another version.
pub(super) fn set(world: &mut World, call: &Call, name: &str) -> Reply {
    let body = match body(call, &["value", "contentType", "tags", "attributes"]) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let Some(value) = body.get("value").and_then(Value::as_str) else {
        return refusal(400, "BadParameter", "Property value is required.");
    };
    if value.len() > LONGEST {
        return refusal(
            400,
            "BadParameter",
            &format!("The secret value exceeds the maximum length of {LONGEST} bytes."),
        );
    }
    let key = key(call, name);
    if world.vaults.secrets.get(&key).is_some_and(|secret| secret.deleted_ms.is_some()) {
        let message = format!(
            "Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; \
             in this state, the secret can only be recovered or purged."
        );
        return inner_refusal(409, "Conflict", &message, "ObjectIsDeletedButRecoverable");
    }
    let now = world.now_ms();
    let mut version = VaultVersion {
        id: world.random.hex(32),
        value: value.to_owned(),
        content_type: None,
        tags: BTreeMap::new(),
        enabled: true,
        not_before: None,
        expires: None,
        created_ms: now,
        updated_ms: now,
    };
    if let Err(reply) = apply(&mut version, &body) {
        return reply;
    }
    let secret = world.vaults.secrets.entry(key).or_insert_with(|| VaultSecret {
        name: name.to_owned(),
        versions: Vec::new(),
        deleted_ms: None,
        deleting_reads: 0,
    });
    let bundle = bundle(&version, &format!("{}/secrets/{}/{}", call.origin, secret.name, version.id));
    secret.versions.push(version);
    Reply::json(200, &bundle)
}

/// Changes what a version says about itself; its value stays.
pub(super) fn update(world: &mut World, call: &Call, name: &str, id: Option<&str>) -> Reply {
    let body = match body(call, &["contentType", "tags", "attributes"]) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let now = world.now_ms();
    let Some(secret) =
        world.vaults.secrets.get_mut(&key(call, name)).filter(|secret| secret.deleted_ms.is_none())
    else {
        return not_found(name);
    };
    let found = match id {
        Some(id) => secret.versions.iter_mut().find(|version| version.id.eq_ignore_ascii_case(id)),
        None => secret.versions.last_mut(),
    };
    let Some(version) = found else { return not_found(name) };
    if let Err(reply) = apply(version, &body) {
        return reply;
    }
    version.updated_ms = now;
    Reply::json(200, &item(version, &format!("{}/secrets/{}/{}", call.origin, secret.name, version.id)))
}

/// Reads a secret, in its newest version or another.
pub(super) fn get(world: &World, call: &Call, name: &str, id: Option<&str>) -> Reply {
    let Some(secret) =
        world.vaults.secrets.get(&key(call, name)).filter(|secret| secret.deleted_ms.is_none())
    else {
        return not_found(name);
    };
    let found = match id {
        Some(id) => secret.versions.iter().find(|version| version.id.eq_ignore_ascii_case(id)),
        None => secret.versions.last(),
    };
    let Some(version) = found else {
        return not_found(&id.map_or_else(|| name.to_owned(), |id| format!("{name}/{id}")));
    };
    if !version.enabled {
        return inner_refusal(
            403,
            "Forbidden",
            "Operation get is not allowed on a disabled secret.",
            "SecretDisabled",
        );
    }
    Reply::json(200, &bundle(version, &format!("{}/secrets/{}/{}", call.origin, secret.name, version.id)))
}

/// Lists the secrets of a vault.
pub(super) fn list(world: &World, call: &Call) -> Reply {
    let vault = vault(call);
    let living = world
        .vaults
        .secrets
        .iter()
        .filter(|((host, _), secret)| *host == vault && secret.deleted_ms.is_none());
    let items = living
        .filter_map(|(_, secret)| {
            Some(item(secret.versions.last()?, &format!("{}/secrets/{}", call.origin, secret.name)))
        })
        .collect();
    page(items)
}

/// Lists the versions of a secret.
pub(super) fn versions(world: &World, call: &Call, name: &str) -> Reply {
    let Some(secret) =
        world.vaults.secrets.get(&key(call, name)).filter(|secret| secret.deleted_ms.is_none())
    else {
        return page(Vec::new());
    };
    page(
        secret
            .versions
            .iter()
            .map(|version| item(version, &format!("{}/secrets/{}/{}", call.origin, secret.name, version.id)))
            .collect(),
    )
}

fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    if !call.has_content_type("application/json") {
        return Err(refusal(415, "UnsupportedMediaType", "The media type of the request is not supported."));
    }
    let body = call.json_object().map_err(|error| {
        refusal(400, "BadParameter", &format!("The request body is not valid JSON: {error}"))
    })?;
    match unknown_field(&body, known) {
        Some(field) => Err(refusal(400, "BadParameter", &format!("Property {field} is not expected."))),
        None => Ok(body),
    }
}

fn apply(version: &mut VaultVersion, body: &Map<String, Value>) -> Result<(), Reply> {
    let bad = |message: String| Err(refusal(400, "BadParameter", &message));
    match body.get("contentType") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.len() <= 255 => version.content_type = Some(text.clone()),
        Some(_) => return bad("Property contentType has an invalid value.".to_owned()),
    }
    match body.get("tags") {
        None | Some(Value::Null) => {}
        Some(Value::Object(tags)) if tags.len() <= 15 => {
            version.tags.clear();
            for (name, value) in tags {
                let Some(text) = value.as_str().filter(|text| text.len() <= 256 && name.len() <= 256) else {
                    return bad(format!("The tag {name} has an invalid value."));
                };
                version.tags.insert(name.clone(), text.to_owned());
            }
        }
        Some(_) => return bad("Property tags has an invalid value.".to_owned()),
    }
    let Some(Value::Object(attributes)) = body.get("attributes") else { return Ok(()) };
    for (name, value) in attributes {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("enabled", Value::Bool(enabled)) => version.enabled = *enabled,
            ("nbf", Value::Number(number)) if number.is_i64() => version.not_before = number.as_i64(),
            ("exp", Value::Number(number)) if number.is_i64() => version.expires = number.as_i64(),
            _ => return bad(format!("Property {name} of attributes has an invalid value.")),
        }
    }
    if version.expires.zip(version.not_before).is_some_and(|(end, start)| end < start) {
        return bad("Property exp cannot be before property nbf.".to_owned());
    }
    Ok(())
}
