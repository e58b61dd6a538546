//! Applications: finding, making, changing, deleting, and their owners.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::named::Named;
use super::query::{entity, filter, page};
use super::reply::{bad_request, refusal};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::signing::read_certificate;
use crate::state::{Application, SpreadKind};
use crate::world::World;

/// Finds an application by the name that a path gives it.
pub(super) fn find(world: &World, named: &Named) -> Option<usize> {
    let same = |app: &Application| match named {
        Named::ById(id) => app.object_id.eq_ignore_ascii_case(id),
        Named::ByAppId(id) => app.app_id.eq_ignore_ascii_case(id),
    };
    world.directory.applications.iter().position(same)
}

/// Shows an application; of its secrets those that the replica knows, without their values.
pub(super) fn describe(world: &mut World, index: usize) -> Value {
    let now = world.now_ms();
    let app = world.directory.applications[index].clone();
    let secrets: Vec<Value> = app
        .secrets
        .iter()
        .filter(|secret| world.graph.replicas.knows(&secret.key_id, now))
        .map(|secret| {
            json!({
                "customKeyIdentifier": null, "displayName": secret.display_name,
                "endDateTime": rfc3339(secret.end_ms), "hint": hint(&secret.value),
                "keyId": secret.key_id, "secretText": null, "startDateTime": rfc3339(secret.start_ms),
            })
        })
        .collect();
    let keys: Vec<Value> = app
        .certificates
        .iter()
        .map(|certificate| {
            json!({
                "keyId": certificate.key_id, "type": "AsymmetricX509Cert", "usage": "Verify",
                "endDateTime": rfc3339(certificate.end_ms), "key": null,
            })
        })
        .collect();
    json!({
        "id": app.object_id, "appId": app.app_id, "displayName": app.display_name,
        "signInAudience": app.sign_in_audience,
        "createdDateTime": rfc3339(app.created_ms), "uniqueName": app.unique_name, "deletedDateTime": null,
        "description": null,
        "identifierUris": [], "tags": app.tags, "publisherDomain": "acme.onmicrosoft.com",
        "passwordCredentials": secrets, "keyCredentials": keys,
    })
}

/// Returns the first characters of a secret, which Graph shows for people to recognise it.
pub(super) fn hint(value: &str) -> String {
    value.chars().take(3).collect()
}

/// Lists applications.
pub(super) fn list(world: &mut World, call: &Call, who: &Caller) -> Reply {
    if let Err(reply) = who.may_read(world) {
        return reply;
    }
    let filter = match filter(world, call, &["displayName", "appId", "uniqueName", "id", "identifierUris"]) {
        Ok(filter) => filter,
        Err(reply) => return reply,
    };
    let now = world.now_ms();
    let mut found = Vec::new();
    for index in 0..world.directory.applications.len() {
        let object = describe(world, index);
        let id = world.directory.applications[index].object_id.clone();
        if filter.as_ref().is_none_or(|filter| filter.matches(&object))
            && world.graph.replicas.knows(&id, now)
        {
            found.push(object);
        }
    }
    page(call, "applications", found)
}

/// Shows one application.
pub(super) fn get(world: &mut World, call: &Call, who: &Caller, index: usize) -> Reply {
    if let Err(reply) = who.may_read(world) {
        return reply;
    }
    let object = describe(world, index);
    entity(call, 200, "applications", object)
}

const AUDIENCES: [&str; 4] =
    ["AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount", "PersonalMicrosoftAccount"];

/// What may stand in the body of an application; of these the emulator keeps the names, the audience, the
/// tags and the certificates.
const FIELDS: [&str; 14] = [
    "displayName",
    "signInAudience",
    "uniqueName",
    "description",
    "notes",
    "tags",
    "identifierUris",
    "requiredResourceAccess",
    "keyCredentials",
    "passwordCredentials",
    "api",
    "web",
    "info",
    "isFallbackPublicClient",
];

/// Makes an application; an application that makes one owns it.
pub(super) fn create(world: &mut World, call: &Call, who: &Caller) -> Reply {
    if let Err(reply) = who.may_create(world) {
        return reply;
    }
    let body = match body(world, call, &FIELDS) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if body.get("displayName").and_then(Value::as_str).is_none_or(str::is_empty) {
        return bad_request(
            world,
            "A value is required for property 'displayName' of resource 'Application'.",
        );
    }
    let now = world.now_ms();
    let mut app = Application {
        object_id: world.random.uuid(),
        app_id: world.random.uuid(),
        tenant: world.directory.home().to_owned(),
        // What Graph takes where nothing is said is open to everybody.
        sign_in_audience: "AzureADandPersonalMicrosoftAccount".to_owned(),
        created_ms: now,
        ..Application::default()
    };
    if !who.object_id.is_empty() {
        app.owners.push(who.object_id.clone());
    }
    if let Err(reply) = apply(world, &mut app, &body) {
        return reply;
    }
    world.graph.replicas.begin(&app.object_id, now);
    world.spread.begin(SpreadKind::Application, &app.app_id, now);
    world.directory.applications.push(app);
    let object = describe(world, world.directory.applications.len() - 1);
    entity(call, 201, "applications", object)
}

/// Changes an application.
pub(super) fn update(world: &mut World, call: &Call, who: &Caller, index: usize) -> Reply {
    let mut app = world.directory.applications[index].clone();
    if let Err(reply) = who.may_write(world, &app.owners) {
        return reply;
    }
    let body = match body(world, call, &FIELDS) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Err(reply) = apply(world, &mut app, &body) {
        return reply;
    }
    world.directory.applications[index] = app;
    Reply::empty(204)
}

/// Deletes an application with its service principal.
pub(super) fn delete(world: &mut World, who: &Caller, index: usize) -> Reply {
    let owners = world.directory.applications[index].owners.clone();
    if let Err(reply) = who.may_write(world, &owners) {
        return reply;
    }
    let gone = world.directory.applications.remove(index);
    world.directory.service_principals.retain(|principal| principal.app_id != gone.app_id);
    Reply::empty(204)
}

/// Lists the owners.
pub(super) fn owners(world: &mut World, who: &Caller, index: usize) -> Reply {
    if let Err(reply) = who.may_read(world) {
        return reply;
    }
    let owners: Vec<Value> = world.directory.applications[index]
        .owners
        .iter()
        .map(|id| match world.directory.service_principals.iter().find(|own| own.object_id == *id) {
            Some(own) => json!({
                "@odata.type": "#microsoft.graph.servicePrincipal", "id": id, "appId": own.app_id,
                "displayName": own.display_name,
            }),
            None => json!({
                "@odata.type": "#microsoft.graph.user", "id": id, "displayName": id,
                "userPrincipalName": id,
            }),
        })
        .collect();
    Reply::json(200, &json!({"value": owners}))
}

/// Adds an owner: `{"@odata.id": "https://graph.microsoft.com/v1.0/directoryObjects/{id}"}`.
pub(super) fn add_owner(world: &mut World, call: &Call, who: &Caller, index: usize) -> Reply {
    let owners = world.directory.applications[index].owners.clone();
    if let Err(reply) = who.may_write(world, &owners) {
        return reply;
    }
    let body = match body(world, call, &["@odata.id"]) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let id = body
        .get("@odata.id")
        .and_then(Value::as_str)
        .and_then(|link| link.rsplit('/').next())
        .unwrap_or_default()
        .to_owned();
    if id.is_empty() {
        return bad_request(world, "The reference in '@odata.id' is not valid.");
    }
    if owners.contains(&id) {
        return bad_request(
            world,
            "One or more added object references already exist for the following modified properties: \
             'owners'.",
        );
    }
    world.directory.applications[index].owners.push(id);
    Reply::empty(204)
}

/// Reads a body and refuses a field that there is not.
pub(super) fn body(world: &mut World, call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    let mut body = match call.json_object() {
        Ok(body) => body,
        Err(error) => {
            return Err(refusal(
                world,
                400,
                "BadRequest",
                &format!("Unable to read JSON request payload. {error}"),
            ));
        }
    };
    drop_type(&mut body);
    match unknown_field(&body, known) {
        Some(field) => {
            let message =
                format!("Property '{field}' does not exist as a declared property or extension property.");
            Err(bad_request(world, &message))
        }
        None => Ok(body),
    }
}

/// Takes out the annotation by which Microsoft's own clients name the type of what they send.
///
/// <https://docs.oasis-open.org/odata/odata-json-format/v4.01/odata-json-format-v4.01.html>
pub(super) fn drop_type(body: &mut Map<String, Value>) {
    if body
        .get("@odata.type")
        .and_then(Value::as_str)
        .is_some_and(|name| name.starts_with("#microsoft.graph."))
    {
        body.remove("@odata.type");
    }
}

fn apply(world: &mut World, app: &mut Application, body: &Map<String, Value>) -> Result<(), Reply> {
    if body.get("passwordCredentials").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        return Err(bad_request(world, "New password credentials must be generated with service actions."));
    }
    if let Some(name) = body.get("displayName") {
        match name.as_str().filter(|name| (1..=256).contains(&name.chars().count())) {
            Some(name) => name.clone_into(&mut app.display_name),
            None => {
                return Err(bad_request(
                    world,
                    "Invalid value specified for property 'displayName' of resource 'Application'.",
                ));
            }
        }
    }
    if let Some(audience) = body.get("signInAudience") {
        match audience.as_str().filter(|audience| AUDIENCES.contains(audience)) {
            Some(audience) => audience.clone_into(&mut app.sign_in_audience),
            None => {
                return Err(bad_request(
                    world,
                    "Invalid value specified for property 'signInAudience' of resource 'Application'.",
                ));
            }
        }
    }
    if let Some(tags) = body.get("tags").and_then(Value::as_array) {
        app.tags = tags.iter().filter_map(|tag| tag.as_str().map(str::to_owned)).collect();
    }
    if let Some(name) = body.get("uniqueName").and_then(Value::as_str) {
        let taken = world
            .directory
            .applications
            .iter()
            .any(|other| other.object_id != app.object_id && other.unique_name.as_deref() == Some(name));
        if taken {
            let message = "Another object with the same value for property uniqueName already exists.";
            return Err(refusal(world, 409, "Request_MultipleObjectsWithSameKeyValue", message));
        }
        app.unique_name = Some(name.to_owned());
    }
    let Some(keys) = body.get("keyCredentials").and_then(Value::as_array) else { return Ok(()) };
    let mut certificates = Vec::new();
    for key in keys {
        let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
        if let Some(kept) = app.certificates.iter().find(|own| own.key_id == text("keyId")) {
            certificates.push(kept.clone());
            continue;
        }
        let read = if text("type") == "AsymmetricX509Cert" && text("usage") == "Verify" {
            read_certificate(text("key"))
        } else {
            None
        };
        let Some(mut certificate) = read else {
            return Err(bad_request(world, "Key credential is invalid."));
        };
        certificate.key_id = world.random.uuid();
        certificates.push(certificate);
    }
    app.certificates = certificates;
    Ok(())
}
