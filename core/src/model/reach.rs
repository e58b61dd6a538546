//! How far a credential reaches: the scopes that a service lists.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::text::one_line;

/// The scope that stands for all others.
const ALL: &str = "all-apis";

/// Says what a credential may do, out of what its principal may.
///
/// <https://docs.databricks.com/api/azure/workspace/api-scopes>
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everything.
    #[default]
    All,
    /// What these scopes cover.
    Only(Vec<String>),
    /// The service lists it in a form that nobody knows.
    Unreadable,
}

impl Reach {
    /// Returns what a list of scopes stands for; none at all limit nothing.
    pub(crate) fn of(scopes: Vec<String>) -> Self {
        if scopes.is_empty() || scopes.iter().any(|scope| scope == ALL) {
            Self::All
        } else {
            Self::Only(scopes)
        }
    }

    /// Returns the scopes that limit it.
    pub(crate) fn listed(&self) -> &[String] {
        match self {
            Self::Only(scopes) => scopes,
            Self::All | Self::Unreadable => &[],
        }
    }

    /// Returns true where both name the same scopes, in whatever order.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let sorted = |reach: &Self| {
            let mut scopes = reach.listed().to_vec();
            scopes.sort();
            scopes.dedup();
            scopes
        };
        std::mem::discriminant(self) == std::mem::discriminant(other) && sorted(self) == sorted(other)
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(value) = Option::<Value>::deserialize(deserializer)? else { return Ok(Self::All) };
        let listed: Option<Vec<String>> = value.as_array().and_then(|scopes| {
            let texts = scopes.iter().map(|scope| scope.as_str().filter(|text| !text.is_empty()));
            texts.map(|text| text.map(one_line)).collect()
        });
        Ok(listed.map_or(Self::Unreadable, Self::of))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_scopes_is_read_and_what_is_no_list_is_said_to_be_unreadable() {
        let only = |scopes: &[&str]| Reach::Only(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        for (value, expected) in [
            (json!(null), Reach::All),
            (json!([]), Reach::All),
            (json!(["all-apis"]), Reach::All),
            (json!(["sql", "all-apis"]), Reach::All),
            (json!(["sql", "scim"]), only(&["sql", "scim"])),
            (json!("sql"), Reach::Unreadable),
            (json!([{"name": "sql"}]), Reach::Unreadable),
            (json!(["sql", ""]), Reach::Unreadable),
            (json!({}), Reach::Unreadable),
        ] {
            assert_eq!(serde_json::from_value::<Reach>(value.clone()).unwrap(), expected, "{value}");
        }
        assert!(only(&["a", "b"]).is_same(&only(&["b", "a"])));
        assert!(!only(&["a"]).is_same(&Reach::All) && !Reach::All.is_same(&Reach::Unreadable));
    }
}
