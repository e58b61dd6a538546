//! Service principals.
//!
//! <https://learn.microsoft.com/graph/api/resources/serviceprincipal>

use serde_json::{Value, json};

use super::access::Caller;
use super::applications::{body, find as find_application};
use super::lag::{backing_application, no_application};
use super::named::Named;
use super::query::{entity, filter, page};
use super::reply::{bad_request, not_found, refusal};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::state::{Replicas, ServicePrincipal, SpreadKind};
use crate::world::World;

fn describe(world: &World, principal: &ServicePrincipal) -> Value {
    json!({
        "id": principal.object_id, "appId": principal.app_id, "displayName": principal.display_name,
        "appDisplayName": principal.display_name,
        "accountEnabled": true, "servicePrincipalType": "Application",
        "servicePrincipalNames": [principal.app_id],
        "appOwnerOrganizationId": world.directory.home(), "createdDateTime": rfc3339(principal.created_ms),
        "deletedDateTime": null, "tags": [],
    })
}

/// Lists service principals.
pub(super) fn list(world: &mut World, call: &Call, who: &Caller) -> Reply {
    if let Err(reply) = who.may_read(world) {
        return reply;
    }
    let filter = match filter(world, call, &["displayName", "appId", "id", "servicePrincipalNames"]) {
        Ok(filter) => filter,
        Err(reply) => return reply,
    };
    let now = world.now_ms();
    let mut found = Vec::new();
    for principal in world.directory.service_principals.clone() {
        let object = describe(world, &principal);
        if filter.as_ref().is_none_or(|filter| filter.matches(&object))
            && world.graph.replicas.knows(&principal.object_id, now)
        {
            found.push(object);
        }
    }
    page(call, "servicePrincipals", found)
}

/// Makes the service principal of an application.
pub(super) fn create(world: &mut World, call: &Call, who: &Caller) -> Reply {
    if let Err(reply) = who.may_create(world) {
        return reply;
    }
    let body = match body(
        world,
        call,
        &["appId", "accountEnabled", "tags", "displayName", "notes", "appRoleAssignmentRequired"],
    ) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let Some(app_id) = body.get("appId").and_then(Value::as_str).map(str::to_owned) else {
        return bad_request(
            world,
            "A value is required for property 'appId' of resource 'ServicePrincipal'.",
        );
    };
    let Some(index) = find_application(world, &Named::ByAppId(app_id.clone())) else {
        return no_application(world, &app_id);
    };
    let app = world.directory.applications[index].clone();
    if let Err(reply) = backing_application(world, &app.object_id, &app_id) {
        return reply;
    }
    if let Err(reply) = who.may_write(world, &app.owners) {
        return reply;
    }
    if world.directory.service_principal(&app_id).is_some() {
        let message = format!(
            "The service principal cannot be created, updated, or restored because the service principal \
             name {app_id} is already in use."
        );
        return refusal(world, 409, "Request_MultipleObjectsWithSameKeyValue", &message);
    }
    let now = world.now_ms();
    let principal = ServicePrincipal {
        object_id: world.random.uuid(),
        app_id: app.app_id.clone(),
        tenant: app.tenant,
        display_name: app.display_name,
        owners: if who.object_id.is_empty() { Vec::new() } else { vec![who.object_id.clone()] },
        created_ms: now,
        ..ServicePrincipal::default()
    };
    Replicas::begin(&mut world.graph.replicas, &principal.object_id, now);
    world.spread.begin(SpreadKind::ServicePrincipal, &principal.app_id, now);
    let shown = describe(world, &principal);
    world.directory.service_principals.push(principal);
    entity(call, 201, "servicePrincipals", shown)
}

/// Answers for one service principal.
pub(super) fn one(
    world: &mut World,
    call: &Call,
    who: &Caller,
    route: (&str, &[&str]),
    named: &Named,
) -> Reply {
    let same = |principal: &ServicePrincipal| match named {
        Named::ById(id) => principal.object_id.eq_ignore_ascii_case(id),
        Named::ByAppId(id) => principal.app_id.eq_ignore_ascii_case(id),
    };
    let Some(index) = world.directory.service_principals.iter().position(same) else {
        return not_found(world, named.text());
    };
    let principal = world.directory.service_principals[index].clone();
    let now = world.now_ms();
    if !world.graph.replicas.knows(&principal.object_id, now) {
        return not_found(world, named.text());
    }
    match route {
        ("GET", []) => match who.may_read(world) {
            Ok(()) => {
                let object = describe(world, &principal);
                entity(call, 200, "servicePrincipals", object)
            }
            Err(reply) => reply,
        },
        ("GET", ["owners"]) => match who.may_read(world) {
            Ok(()) => {
                let owners: Vec<Value> = principal.owners.iter().map(|id| json!({"id": id})).collect();
                Reply::json(200, &json!({"value": owners}))
            }
            Err(reply) => reply,
        },
        ("DELETE", []) => match who.may_write(world, &principal.owners) {
            Ok(()) => {
                world.directory.service_principals.remove(index);
                Reply::empty(204)
            }
            Err(reply) => reply,
        },
        _ => Reply::unknown_route(call),
    }
}
