//! The part of OData that Graph's look-ups need: `$filter` by one property, `$select`, `$top`, and pages.
//!
//! <https://learn.microsoft.com/graph/query-parameters>

use serde_json::{Value, json};

use super::reply::refusal;
use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

/// How many objects a page has where `$top` says nothing, and the most that it may ask for.
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 999;

/// Compares one property with one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) property: String,
    pub(super) value: String,
    comparison: Comparison,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// `property eq 'text'`
    Equals,
    /// `startswith(property,'text')`
    StartsWith,
    /// `property/any(x:x eq 'text')`, of a list of texts.
    Any,
}

impl Filter {
    /// Reads one comparison, a quote in its text doubled.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (property, quoted, comparison) = if let Some(inner) = text.strip_prefix("startswith(") {
            let (property, quoted) = inner.strip_suffix(')')?.split_once(',')?;
            (property, quoted, Comparison::StartsWith)
        } else if let Some((property, inner)) = text.split_once("/any(") {
            let (variable, condition) = inner.strip_suffix(')')?.split_once(':')?;
            let quoted = condition.trim().strip_prefix(variable.trim())?.trim().strip_prefix("eq ")?;
            (property, quoted, Comparison::Any)
        } else {
            let (property, rest) = text.split_once(' ')?;
            (property, rest.trim().strip_prefix("eq ")?, Comparison::Equals)
        };
        let inner = quoted.trim().strip_prefix('\'')?.strip_suffix('\'')?;
        let single = inner.replace("''", "");
        let property = property.trim().to_owned();
        (!single.contains('\'') && property.bytes().all(|byte| byte.is_ascii_alphanumeric())).then(|| Self {
            property,
            value: inner.replace("''", "'"),
            comparison,
        })
    }

    /// Says whether an object's JSON matches; Graph compares texts without regard to letter case.
    pub(super) fn matches(&self, object: &Value) -> bool {
        let wanted = self.value.to_lowercase();
        let text = |value: &Value| value.as_str().map(str::to_lowercase);
        let Some(value) = object.get(&self.property) else { return false };
        match self.comparison {
            Comparison::Equals => text(value).is_some_and(|value| value == wanted),
            Comparison::StartsWith => text(value).is_some_and(|value| value.starts_with(&wanted)),
            Comparison::Any => {
                value.as_array().is_some_and(|list| list.iter().filter_map(text).any(|value| value == wanted))
            }
        }
    }

    /// Says whether the comparison is one that the property's type has.
    fn fits(&self) -> bool {
        let is_list = matches!(self.property.as_str(), "identifierUris" | "servicePrincipalNames");
        is_list == (self.comparison == Comparison::Any)
    }
}

/// Reads the filter of a list, of one of the properties that it may be by.
pub(super) fn filter(world: &mut World, call: &Call, properties: &[&str]) -> Result<Option<Filter>, Reply> {
    if let Some((name, _)) = call
        .query
        .iter()
        .find(|(name, _)| !["$filter", "$select", "$top", "$skiptoken"].contains(&name.as_str()))
    {
        return Err(refusal(
            world,
            400,
            "Request_UnsupportedQuery",
            &format!("The query option '{name}' is not supported by the emulator."),
        ));
    }
    if let Some(top) =
        call.query("$top").filter(|top| !top.parse().is_ok_and(|top| (1..=LARGEST_PAGE).contains(&top)))
    {
        return Err(refusal(
            world,
            400,
            "Request_BadRequest",
            &format!("Invalid page size specified: '{top}'. Must be between 1 and {LARGEST_PAGE} inclusive."),
        ));
    }
    let Some(text) = call.query("$filter") else { return Ok(None) };
    match Filter::parse(text) {
        None => Err(refusal(
            world,
            400,
            "BadRequest",
            &format!(
                "Invalid filter clause: there is an unterminated literal or a syntax error in '{text}'."
            ),
        )),
        Some(filter) if !properties.contains(&filter.property.as_str()) || !filter.fits() => Err(refusal(
            world,
            400,
            "Request_UnsupportedQuery",
            &format!(
                "Unsupported or invalid query filter clause specified for property '{}'.",
                filter.property
            ),
        )),
        Some(filter) => Ok(Some(filter)),
    }
}

/// Answers with a page of a list, cut down to `$select`, and with the address of the next one where there is
/// more.
///
/// <https://learn.microsoft.com/graph/paging>
pub(super) fn page(call: &Call, kind: &str, items: Vec<Value>) -> Reply {
    let size = call.query("$top").and_then(|top| top.parse().ok()).unwrap_or(PAGE);
    let begin: usize = call
        .query("$skiptoken")
        .and_then(|token| token.strip_prefix(TOKEN)?.parse().ok())
        .unwrap_or_default();
    let more = items.len() > begin + size;
    let items: Vec<Value> = items.into_iter().skip(begin).take(size).map(|item| select(call, item)).collect();
    let mut answer = json!({"@odata.context": context(call, kind), "value": items});
    if more {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(call.query.iter().filter(|(name, _)| name != "$skiptoken"));
        query.append_pair("$skiptoken", &format!("{TOKEN}{}", begin + size));
        answer["@odata.nextLink"] = json!(format!("{}{}?{}", call.origin, call.path, query.finish()));
    }
    Reply::json(200, &answer)
}

/// What a token for the next page begins with; to a client it is opaque.
const TOKEN: &str = "RFNwdAoAAQ";

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
    let (Some(wanted), Value::Object(mut map)) = (call.query("$select"), object.clone()) else {
        return object;
    };
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

    #[test]
    fn a_filter_may_ask_for_the_beginning_of_a_text_or_for_one_of_a_list() {
        let object = json!({"displayName": "catalog-prod", "servicePrincipalNames": ["one", "two"]});
        for (text, matches) in [
            ("startswith(displayName,'Catalog')", true),
            ("startswith(displayName, 'prod')", false),
            ("servicePrincipalNames/any(c:c eq 'two')", true),
            ("servicePrincipalNames/any(c:c eq 'three')", false),
        ] {
            assert_eq!(Filter::parse(text).unwrap().matches(&object), matches, "{text}");
        }
        assert!(!Filter::parse("identifierUris eq 'x'").unwrap().fits());
    }
}
