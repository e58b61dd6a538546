//! What the official clients ask first: which resources there are, at which routes and in which versions.

use serde_json::{Value, json};

use super::access::Caller;
use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

const AREAS: [(&str, &str); 2] = [
    ("79134c72-4a58-4b42-976c-04e7115f32bf", "core"),
    ("a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd", "distributedtask"),
];

/// Id, area, resource, route, version of the resource, whether it is released.
const LOCATIONS: [(&str, &str, &str, &str, u32, bool); 5] = [
    ("00d9565f-ed9c-4a06-9a50-00e7896ccab4", "Location", "ConnectionData", "_apis/{resource}", 1, false),
    (
        "e81700f7-3be2-46de-8624-2eb35882fcaa",
        "Location",
        "ResourceAreas",
        "_apis/{resource}/{areaId}",
        1,
        false,
    ),
    ("603fe2ac-9723-48b9-88ad-09305aa6c6e1", "core", "projects", "_apis/{resource}/{*projectId}", 4, true),
    (
        "f5b09dd5-9d54-45a1-8b5a-1c8287d634cc",
        "distributedtask",
        "variablegroups",
        "{project}/_apis/{area}/{resource}/{groupId}",
        2,
        true,
    ),
    (
        "ef5b7057-ffc3-4c77-bbad-c10b4a4abcc7",
        "distributedtask",
        "variablegroups",
        "_apis/{area}/{resource}/{groupId}",
        2,
        true,
    ),
];

/// Lists the locations, all or those of one area.
pub(super) fn locations(area: Option<&str>) -> Reply {
    let found: Vec<Value> = LOCATIONS
        .iter()
        .filter(|location| area.is_none_or(|area| location.1.eq_ignore_ascii_case(area)))
        .map(|(id, area, resource, route, version, released)| {
            json!({
                "id": id, "area": area, "resourceName": resource, "routeTemplate": route,
                "resourceVersion": version,
                "minVersion": "1.0", "maxVersion": "7.2",
                "releasedVersion": if *released { "7.1" } else { "0.0" },
            })
        })
        .collect();
    Reply::json(200, &json!({"count": found.len(), "value": found}))
}

/// Lists the areas; all are served at the organisation's own address.
pub(super) fn areas(call: &Call, organization: &str) -> Reply {
    let found: Vec<Value> = AREAS.iter().map(|(id, name)| area_json(call, organization, id, name)).collect();
    Reply::json(200, &json!({"count": found.len(), "value": found}))
}

/// Describes one area.
pub(super) fn area(call: &Call, organization: &str, id: &str) -> Reply {
    let found = AREAS.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(id));
    found.map_or_else(
        || Reply::json(200, &Value::Null),
        |(id, name)| Reply::json(200, &area_json(call, organization, id, name)),
    )
}

fn area_json(call: &Call, organization: &str, id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "locationUrl": format!("{}/{organization}/", call.origin)})
}

/// Says who is signed in.
pub(super) fn connection(world: &World, who: &Caller) -> Reply {
    let user = json!({"providerDisplayName": who.name, "isActive": true});
    let instance = &world.oidc.pipeline.organization_id;
    Reply::json(
        200,
        &json!({
            "authenticatedUser": user, "authorizedUser": user, "instanceId": instance,
            "deploymentType": "hosted",
        }),
    )
}
