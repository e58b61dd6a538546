//! What the official clients ask first: which resources there are, at which routes and in which versions.

use serde_json::{Value, json};

use super::access::Caller;
use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

/// The areas that the official clients know, by id and name.
const AREAS: [(&str, &str); 38] = [
    ("0d55247a-1c47-4462-9b1f-5e2125590ee6", "accounts"),
    ("94ff054d-5ee1-413d-9341-3f4a7827de2e", "audit"),
    ("965220d5-5bb9-42cf-8d67-9b146df2a5a4", "build"),
    ("8477aec9-a4c7-4bd4-a456-ba4c53c989cb", "contributions"),
    ("79134c72-4a58-4b42-976c-04e7115f32bf", "core"),
    ("31c84e0a-3ece-48fd-a29d-100849af99ba", "dashboard"),
    ("a85b8835-c1a1-4aac-ae97-1c3d0ba72dbd", "distributedtask"),
    ("6c2b0933-3600-42ae-bf8b-93d4f7e83594", "ExtensionManagement"),
    ("69d21c00-f135-441b-b5ce-3626378e0819", "gallery"),
    ("4e080c62-fa21-4fbc-8fef-2a10a2b38049", "git"),
    ("bb1e7ec9-e901-4b68-999a-de7012b920f8", "graph"),
    ("8a3d49b8-91f0-46ef-b33d-dda338c25db3", "identity"),
    ("e81700f7-3be2-46de-8624-2eb35882fcaa", "Location"),
    ("6f7f8c07-ff36-473c-bcf3-bd6cc9b6c066", "maven"),
    ("68ddce18-2501-45f1-a17b-7931a9922690", "MEMEX"),
    ("4c83cfc1-f33a-477e-a789-29d38ffca52e", "npm"),
    ("b3be7473-68ea-4a81-bfc7-9530baaa19ad", "nuget"),
    ("7ab4e64e-c4d8-4f50-ae73-5ef2e21642a5", "packaging"),
    ("a81a0441-de52-4000-aa15-ff0e07bfbbaa", "pipelinePermissions"),
    ("4a933897-0488-45af-bd82-6fd3ad33f46a", "pipelineschecks"),
    ("fb13a388-40dd-4a04-b530-013a739c72ef", "policy"),
    ("8ccfef3d-2b87-4e99-8ccb-66e343d2daa8", "profile"),
    ("7658fa33-b1bf-4580-990f-fac5896773d3", "projectanalysis"),
    ("b40c1171-807a-493a-8f3f-5c26d5e2f5aa", "provenance"),
    ("92f0314b-06c5-46e0-abe7-15fd9d13276a", "pypi"),
    ("efc2f575-36ef-48e9-b672-0c6fb4a48ac5", "Release"),
    ("2e504d18-2c0c-46f8-af8f-322d2af0068a", "sbom"),
    ("ea48a0a1-269c-42d8-b8ad-ddc8fcdcf578", "search"),
    ("1814ab31-2f4f-4a9f-8761-f4d77dc5a5d7", "serviceendpoint"),
    ("af607f94-69ba-4821-8159-f04e37b66350", "symbol"),
    ("c2aa639c-3ccc-4740-b3b6-ce2a1e1d984e", "test"),
    ("c83eaf52-edf3-4034-ae11-17d38f25404c", "testresults"),
    ("8aa40520-446d-40e6-89f6-9c9f9ce44c48", "tfvc"),
    ("af68438b-ed04-4407-9eb6-f1dbae3f922e", "tokenadmin"),
    ("d397749b-f115-4027-b6dd-77a65dd10d21", "upack"),
    ("bf7d82a0-8aa5-4613-94ef-6172a5ea01f3", "wiki"),
    ("5264459e-e5e0-4bd8-b118-0985e68a4ec5", "wit"),
    ("1d4f49f9-02b9-4e26-b826-2cdb6195f2a9", "work"),
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
