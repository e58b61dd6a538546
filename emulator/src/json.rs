//! Reading JSON.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads one item, a list of items, or a list under a name.
pub(crate) fn one_or_many<T: DeserializeOwned>(value: Value, name: &str) -> Result<Vec<T>, String> {
    let value = match value {
        Value::Object(mut map) if map.contains_key(name) => map.remove(name).unwrap_or_default(),
        other => other,
    };
    let list = if let Value::Array(items) = value { items } else { vec![value] };
    list.into_iter().map(|item| serde_json::from_value(item).map_err(|error| error.to_string())).collect()
}

/// Finds the first field of a body that is not among the known ones.
pub(crate) fn unknown_field<'a>(map: &'a Map<String, Value>, known: &[&str]) -> Option<&'a str> {
    map.keys().map(String::as_str).find(|key| !known.contains(key))
}
