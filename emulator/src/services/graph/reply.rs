//! The shapes in which Graph refuses.

use serde_json::json;

use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::world::World;

/// Refuses in Graph's shape.
///
/// <https://learn.microsoft.com/graph/errors>
pub(super) fn refusal(world: &mut World, status: u16, code: &str, message: &str) -> Reply {
    let id = world.random.uuid();
    let date = rfc3339(world.now_ms());
    let inner = json!({"date": date.trim_end_matches('Z'), "request-id": id, "client-request-id": id});
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innerError": inner}}))
        .with_header("request-id", id)
}

/// Refuses before there is anything to look at.
pub(super) fn plain_refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innerError": {}}}))
}

pub(super) fn bad_request(world: &mut World, message: &str) -> Reply {
    refusal(world, 400, "Request_BadRequest", message)
}

pub(super) fn not_found(world: &mut World, id: &str) -> Reply {
    let message = format!(
        "Resource '{id}' does not exist or one of its queried reference-property objects are not present."
    );
    refusal(world, 404, "Request_ResourceNotFound", &message)
}

pub(super) fn denied(world: &mut World) -> Reply {
    refusal(world, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}
