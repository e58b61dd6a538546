//! The shape in which SCIM refuses.

use serde_json::json;

use crate::reply::Reply;

/// Refuses in SCIM's shape.
pub(super) fn refuse(status: u16, kind: Option<&str>, detail: impl Into<String>) -> Reply {
    let mut error = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "detail": detail.into(),
        "status": status.to_string(),
    });
    if let (Some(kind), Some(map)) = (kind, error.as_object_mut()) {
        map.insert("scimType".to_owned(), json!(kind));
    }
    Reply::text(status, "application/scim+json; charset=utf-8", error.to_string())
}
