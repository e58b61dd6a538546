//! Reading the fields of a body and of a query.

use serde_json::{Map, Value};

use super::reply::{invalid, malformed};
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;

/// Reads a JSON body that has no other fields than these.
pub(super) fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    if !call.has_content_type("application/json") {
        return Err(malformed("Invalid Content-Type header: expected application/json"));
    }
    let map = call
        .json_object()
        .map_err(|error| malformed(format!("Invalid JSON given in the body of the request - {error}")))?;
    match unknown_field(&map, known) {
        Some(field) => {
            Err(malformed(format!("Could not parse request object: Expected no field named '{field}'")))
        }
        None => Ok(map),
    }
}

/// Refuses query parameters other than these.
pub(super) fn only_query(call: &Call, known: &[&str]) -> Result<(), Reply> {
    match call.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, _)) => {
            Err(malformed(format!("Could not parse request object: Expected no parameter named '{key}'")))
        }
        None => Ok(()),
    }
}

pub(super) fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Reply> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!(
            "Could not parse request object: Expected 'STRING' for the field '{name}'"
        ))),
    }
}

pub(super) fn required<'a>(map: &'a Map<String, Value>, name: &str) -> Result<&'a str, Reply> {
    text(map, name)?.ok_or_else(|| invalid(format!("Missing required field: {name}")))
}

pub(super) fn texts(map: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Reply> {
    let wrong = || {
        malformed(format!(
            "Could not parse request object: Expected a list of 'STRING' for the field '{name}'"
        ))
    };
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(wrong()),
    }
}
