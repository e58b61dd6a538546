//! The part of OData that Graph's look-ups need: `$filter` with `eq`, `$select`, `$top`.
//!
//! <https://learn.microsoft.com/graph/query-parameters>

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::graph::reply::refusal;
use crate::world::World;

/// Compares one property with one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) property: String,
    pub(super) value: String,
}

impl Filter {
    /// Reads `property eq 'text'`, a quote in the text doubled.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (property, rest) = text.trim().split_once(' ')?;
        let quoted = rest.trim().strip_prefix("eq ")?.trim();
        let inner = quoted.strip_prefix('\'')?.strip_suffix('\'')?;
        let single = inner.replace("''", "");
        (!single.contains('\'') && property.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .then(|| Self { property: property.to_owned(), value: inner.replace("''", "'") })
    }

    /// Says whether an object's JSON matches; Graph compares texts without regard to letter case.
    pub(super) fn matches(&self, object: &Value) -> bool {
        object.get(&self.property).and_then(Value::as_str).is_some_and(|value| value.to_lowercase() == self.value.to_lowercase())
    }
}

/// Reads the filter of a list, of one of the properties that it may be by.
pub(super) fn filter(world: &mut World, call: &Call, properties: &[&str]) -> Result<Option<Filter>, Reply> {
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !["$filter", "$select", "$top"].contains(&name.as_str())) {
        return Err(refusal(
            world,
            400,
            "Request_UnsupportedQuery",
            &format!("The query option '{name}' is not supported by the emulator."),
        ));
    }
    let Some(text) = call.query("$filter") else { return Ok(None) };
    match Filter::parse(text) {
        None => Err(refusal(
            world,
            400,
            "BadRequest",
            &format!("Invalid filter clause: there is an unterminated literal or a syntax error in '{text}'."),
        )),
        Some(filter) if !properties.contains(&filter.property.as_str()) => Err(refusal(
            world,
            400,
            "Request_UnsupportedQuery",
            &format!("Unsupported or invalid query filter clause specified for property '{}'.", filter.property),
        )),
        Some(filter) => Ok(Some(filter)),
    }
}

/// Answers with a list, cut down to `$top` and `$select`.
pub(super) fn page(call: &Call, kind: &str, mut items: Vec<Value>) -> Reply {
    if let Some(top) = call.query("$top").and_then(|top| top.parse().ok()) {
        items.truncate(top);
    }
    let items: Vec<Value> = items.into_iter().map(|item| select(call, item)).collect();
    Reply::json(200, &json!({"@odata.context": context(call, kind), "value": items}))
}

/// Answers with one object, cut down to `$select`.
pub(super) fn entity(call: &Call, status: u16, kind: &str, object: Value) -> Reply {
    let mut object = select(call, object);
    object["@odata.context"] = json!(format!("{}/$entity", context(call, kind)));
    Reply::json(status, &object)
}

fn context(call: &Call, kind: &str) -> String {
    format!("{}/v1.0/$metadata#{kind}", call.origin)
}

fn select(call: &Call, object: Value) -> Value {
    let (Some(wanted), Value::Object(mut map)) = (call.query("$select"), object.clone()) else { return object };
    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
    map.retain(|name, _| wanted.contains(&name.as_str()));
    Value::Object(map)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_quote_in_a_filter_is_one_quote() {
        let filter = Filter::parse("displayName eq 'Sam''s app'").unwrap();
        assert_eq!(filter.value, "Sam's app");
        assert!(filter.matches(&json!({"displayName": "SAM's app"})));
        assert_eq!(Filter::parse("displayName eq 'Sam's app'"), None);
    }
}
