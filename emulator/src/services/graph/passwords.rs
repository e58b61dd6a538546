//! Client secrets, which Graph calls passwords.
//!
//! <https://learn.microsoft.com/graph/api/application-addpassword>

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::applications::{body, drop_type, hint};
use super::reply::bad_request;
use crate::call::Call;
use crate::clock::{parse_rfc3339, rfc3339};
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{ClientSecret, SpreadKind};
use crate::world::World;

const TWO_YEARS_MS: i64 = 2 * 365 * 86_400_000;

/// Adds a client secret and shows its value, this once.
pub(super) fn add(world: &mut World, call: &Call, who: &Caller, index: usize) -> Reply {
    let (app_id, owners) = (
        world.directory.applications[index].app_id.clone(),
        world.directory.applications[index].owners.clone(),
    );
    if let Err(reply) = who.may_write(world, &owners) {
        return reply;
    }
    let mut body = match body(world, call, &["passwordCredential"]) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let mut wanted = match body.remove("passwordCredential") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(wanted)) => wanted,
        Some(_) => return bad_request(world, "Invalid value specified for property 'passwordCredential'."),
    };
    drop_type(&mut wanted);
    if let Some(field) = unknown_field(&wanted, &["displayName", "startDateTime", "endDateTime"]) {
        let message =
            format!("Property '{field}' does not exist as a declared property or extension property.");
        return bad_request(world, &message);
    }
    let now = world.now_ms();
    let date = |name: &str, otherwise: i64| match wanted.get(name) {
        None | Some(Value::Null) => Some(otherwise),
        Some(value) => value.as_str().and_then(parse_rfc3339),
    };
    let (Some(start_ms), Some(end_ms)) =
        (date("startDateTime", now), date("endDateTime", now + TWO_YEARS_MS))
    else {
        return bad_request(
            world,
            "Cannot convert the literal of a date to the expected type 'Edm.DateTimeOffset'.",
        );
    };
    if end_ms <= start_ms || end_ms <= now {
        return bad_request(
            world,
            "Password credential is invalid: its end date lies before its start date or in the past.",
        );
    }
    let (key_id, value) = (world.random.uuid(), world.client_secret_text());
    let display_name = wanted.get("displayName").and_then(Value::as_str).map(str::to_owned);
    let shown = json!({
        "@odata.context": format!("{}/v1.0/$metadata#microsoft.graph.passwordCredential", call.origin),
        "customKeyIdentifier": null,
        "displayName": display_name, "endDateTime": rfc3339(end_ms), "hint": hint(&value), "keyId": key_id,
        "secretText": value,
        "startDateTime": rfc3339(start_ms),
    });
    world.graph.replicas.begin(&key_id, now);
    world.spread.begin(SpreadKind::ClientSecret, &key_id, now);
    if let Some(app) = world.directory.application_mut(&app_id) {
        app.secrets.push(ClientSecret { key_id, value, display_name, start_ms, end_ms });
    }
    // Not 201, although something is made.
    Reply::json(200, &shown)
}

/// Removes a client secret.
pub(super) fn remove(world: &mut World, call: &Call, who: &Caller, index: usize) -> Reply {
    let owners = world.directory.applications[index].owners.clone();
    if let Err(reply) = who.may_write(world, &owners) {
        return reply;
    }
    let body = match body(world, call, &["keyId"]) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let id = body.get("keyId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let now = world.now_ms();
    let held = world.directory.applications[index]
        .secrets
        .iter()
        .position(|secret| secret.key_id.eq_ignore_ascii_case(&id));
    match held {
        Some(at) if world.graph.replicas.knows(&id, now) => {
            world.directory.applications[index].secrets.remove(at);
            Reply::empty(204)
        }
        _ => bad_request(world, &format!("No password credential found with keyId '{id}'.")),
    }
}
