//! The list of requests served, with bodies from which every secret is taken out.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::state::Service;

/// Describes one request that was served.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// The service; none where the origin is unknown.
    pub service: Option<Service>,
    /// The index of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<usize>,
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The status that was answered; 0 where no answer was sent.
    pub status: u16,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// Whether no service knew the route.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// The body, secrets replaced by `***`; a form is shown as an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl Record {
    pub(crate) fn new(call: &Call, status: u16, unknown: bool) -> Self {
        Self {
            service: Some(call.service),
            workspace: call.workspace,
            method: call.method.clone(),
            path: call.path.clone(),
            query: call.raw_query.clone(),
            status,
            at_ms: call.now_ms,
            unknown,
            body: redacted_body(call),
        }
    }
}

/// Fields that hold a secret wherever they appear.
const SECRET_FIELDS: [&str; 11] = [
    "client_secret",
    "client_assertion",
    "subject_token",
    "assertion",
    "string_value",
    "bytes_value",
    "encrypted_value",
    "token_value",
    "secretText",
    "private_key",
    "password",
];

fn redacted_body(call: &Call) -> Option<Value> {
    if call.body.is_empty() {
        return None;
    }
    let mut value = if call.has_content_type("application/x-www-form-urlencoded") {
        Value::Object(call.form().into_iter().map(|(key, value)| (key, Value::String(value))).collect())
    } else {
        serde_json::from_slice(&call.body)
            .unwrap_or_else(|_| Value::String(format!("{} bytes that are not JSON", call.body.len())))
    };
    // `value` is a secret in a vault or a variable, and a plain word in SCIM.
    let values =
        matches!(call.service, Service::KeyVault | Service::AzureDevops | Service::Github | Service::Webhook);
    redact(&mut value, values);
    Some(value)
}

fn redact(value: &mut Value, values: bool) {
    match value {
        Value::Object(map) => redact_fields(map, values),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, values)),
        _ => {}
    }
}

fn redact_fields(map: &mut Map<String, Value>, values: bool) {
    for (key, value) in map.iter_mut() {
        let secret = SECRET_FIELDS.contains(&key.as_str()) || (values && key == "value");
        if secret && value.is_string() {
            *value = Value::String("***".to_owned());
        } else {
            redact(value, values);
        }
    }
}
