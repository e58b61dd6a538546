//! SCIM's PATCH: operations on a service principal.
//!
//! <https://docs.databricks.com/api/azure/workspace/serviceprincipals/patch>

use serde_json::{Map, Value};

use super::reply::refuse;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{ENTITLEMENTS, Member};

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Carries out the operations of a PATCH; all or none.
pub(super) fn patch(member: &mut Member, map: &Map<String, Value>) -> Result<(), Reply> {
    let wrong = |list: &Vec<Value>| !list.iter().any(|item| item == SCHEMA);
    if map.get("schemas").and_then(Value::as_array).is_some_and(wrong) {
        return Err(syntax(format!("schemas must contain {SCHEMA}")));
    }
    let Some(Value::Array(operations)) = map.get("Operations") else {
        return Err(syntax("Operations is required"));
    };
    let mut changed = member.clone();
    for operation in operations {
        let Value::Object(operation) = operation else { return Err(syntax("an operation is an object")) };
        if let Some(field) = unknown_field(operation, &["op", "path", "value"]) {
            return Err(syntax(format!("Unknown attribute: {field}")));
        }
        let op = operation.get("op").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        if !matches!(op.as_str(), "add" | "remove" | "replace") {
            return Err(syntax(format!("Unknown operation: {op:?}")));
        }
        let value = operation.get("value").unwrap_or(&Value::Null);
        match operation.get("path").and_then(Value::as_str) {
            Some(path) => apply(&mut changed, &op, path, value)?,
            None => {
                let Value::Object(fields) = value else {
                    return Err(syntax("value must be an object where path is left out"));
                };
                for (path, value) in fields {
                    apply(&mut changed, &op, path, value)?;
                }
            }
        }
    }
    *member = changed;
    Ok(())
}

fn apply(member: &mut Member, op: &str, path: &str, value: &Value) -> Result<(), Reply> {
    if let Some(name) =
        path.strip_prefix("entitlements[value eq \"").and_then(|rest| rest.strip_suffix("\"]"))
    {
        if op != "remove" {
            return Err(syntax(format!("{op} does not go with path {path}")));
        }
        member.entitlements.retain(|held| held != name);
        return Ok(());
    }
    match (path, op) {
        ("entitlements", "add") => {
            for name in entitlements(Some(value))? {
                if !member.entitlements.contains(&name) {
                    member.entitlements.push(name);
                }
            }
        }
        ("entitlements", "replace") => member.entitlements = entitlements(Some(value))?,
        ("entitlements", _) => {
            let names = entitlements(Some(value))?;
            member.entitlements.retain(|held| !names.is_empty() && !names.contains(held));
        }
        ("displayName", "add" | "replace") => {
            member.display_name =
                value.as_str().ok_or_else(|| invalid("displayName must be a string"))?.to_owned();
        }
        ("active", "add" | "replace") => {
            // Some directories send the word instead of the truth value.
            member.active = match value {
                Value::Bool(active) => *active,
                Value::String(word) if word.eq_ignore_ascii_case("true") => true,
                Value::String(word) if word.eq_ignore_ascii_case("false") => false,
                _ => return Err(invalid("active must be true or false")),
            };
        }
        ("externalId", "add" | "replace") => member.external_id = value.as_str().map(str::to_owned),
        ("applicationId" | "id", _) => {
            return Err(refuse(400, Some("mutability"), format!("{path} is immutable.")));
        }
        _ => return Err(refuse(400, Some("invalidPath"), format!("Unsupported path: {path}"))),
    }
    Ok(())
}

/// Reads a list of `{value}` objects that name entitlements; none where there is no list.
pub(super) fn entitlements(value: Option<&Value>) -> Result<Vec<String>, Reply> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Vec::new()) };
    let Value::Array(items) = value else { return Err(invalid("entitlements must be a list")) };
    let mut names: Vec<String> = Vec::new();
    // Official clients write none as one that is empty.
    let is_empty = |item: &&Value| item.as_object().is_some_and(Map::is_empty);
    for item in items.iter().filter(|item| !is_empty(item)) {
        let name = item
            .get("value")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("an entitlement is an object with a value"))?;
        if !ENTITLEMENTS.contains(&name) {
            return Err(invalid(format!("Invalid entitlement: {name}")));
        }
        if !names.iter().any(|held| held == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

fn syntax(detail: impl Into<String>) -> Reply {
    refuse(400, Some("invalidSyntax"), detail)
}

fn invalid(detail: impl Into<String>) -> Reply {
    refuse(400, Some("invalidValue"), detail)
}
