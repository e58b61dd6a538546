//! Reading the fields of a body.

use serde_json::{Map, Value};

use super::reply::refuse;
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;

/// Reads a JSON body that has no other fields than these.
pub(super) fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    let map = call.json_object().map_err(|_| refuse(400, "Problems parsing JSON"))?;
    match unknown_field(&map, known) {
        Some(field) => Err(refuse(422, &format!("Invalid request.\n\n\"{field}\" is not a permitted key."))),
        None => Ok(map),
    }
}

pub(super) fn required<'a>(map: &'a Map<String, Value>, name: &str) -> Result<&'a str, Reply> {
    match map.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(refuse(
            422,
            &format!("Invalid request.\n\nFor 'properties/{name}', the value is not a string."),
        )),
        None => Err(refuse(422, &format!("Invalid request.\n\n\"{name}\" wasn't supplied."))),
    }
}
