//! The shapes in which workspaces and the account refuse.

use serde_json::json;

use crate::reply::Reply;

/// Refuses in the shape that most of the workspace's routes use.
pub(super) fn refuse(status: u16, code: &str, message: impl Into<String>) -> Reply {
    Reply::json(status, &json!({"error_code": code, "message": message.into()}))
}

pub(super) fn malformed(message: impl Into<String>) -> Reply {
    refuse(400, "MALFORMED_REQUEST", message)
}

pub(super) fn invalid(message: impl Into<String>) -> Reply {
    refuse(400, "INVALID_PARAMETER_VALUE", message)
}
