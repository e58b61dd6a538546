//! A variable group as the service tells it, and as it must be told to keep all but one variable.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/variablegroups/update>

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::model::typed::whole;
use crate::model::{Secret, Timestamp};

/// Holds a variable group, with whatever it has that lakekey does not know.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Group(Map<String, Value>);

impl Group {
    /// Returns the number; a group that has none is no group: the service answers so for one that does not
    /// exist.
    pub(super) fn id(&self) -> Option<u64> {
        u64::try_from(whole(self.0.get("id")?)?).ok()
    }

    /// Returns the name.
    pub(super) fn name(&self) -> &str {
        self.0.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns what is the same as long as nobody edits: the date of the last edit, and who made it.
    pub(super) fn revision(&self) -> Option<String> {
        let on = self.0.get("modifiedOn").and_then(Value::as_str)?;
        let by = self.0.get("modifiedBy");
        let by = ["id", "uniqueName", "displayName"]
            .map(|key| by.and_then(|by| by.get(key)?.as_str()).unwrap_or_default());
        Some(format!("{on} {}", by.join(" ")))
    }

    /// Returns the date of the last edit, by the service's clock.
    pub(super) fn modified(&self) -> Option<Timestamp> {
        self.0.get("modifiedOn").and_then(Value::as_str).and_then(|text| text.parse().ok())
    }

    /// Returns who has edited last.
    pub(super) fn editor(&self) -> &str {
        self.0
            .get("modifiedBy")
            .and_then(|by| by.get("displayName"))
            .and_then(Value::as_str)
            .unwrap_or("somebody")
    }

    /// Returns true where the variables are those of a vault.
    pub(super) fn is_linked(&self) -> bool {
        self.0
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("AzureKeyVault"))
    }

    /// Returns the projects that see the group.
    fn references(&self) -> &[Value] {
        self.0.get("variableGroupProjectReferences").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// Returns true where it says which projects see it.
    pub(super) fn has_references(&self) -> bool {
        !self.references().is_empty()
    }

    /// Returns true where the project, by name or id, sees the group.
    pub(super) fn is_seen_by(&self, project: &str) -> bool {
        self.references().iter().filter_map(|reference| reference.get("projectReference")).any(|reference| {
            ["id", "name"]
                .iter()
                .filter_map(|key| reference.get(key)?.as_str())
                .any(|text| text.to_lowercase() == project.to_lowercase())
        })
    }

    /// Returns the names of the projects that see the group.
    pub(super) fn projects(&self) -> String {
        let names = self
            .references()
            .iter()
            .filter_map(|reference| reference.get("projectReference")?.get("name")?.as_str());
        names.collect::<Vec<_>>().join(", ")
    }

    fn variables(&self) -> Map<String, Value> {
        self.0.get("variables").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Returns whether the variable is secret; `None` where there is none of that name, in whatever case.
    pub(super) fn is_secret(&self, variable: &str) -> Option<bool> {
        let variables = self.variables();
        let (_, found) = variables.iter().find(|(name, _)| name.to_lowercase() == variable.to_lowercase())?;
        Some(found.get("isSecret").and_then(Value::as_bool).unwrap_or(false))
    }

    /// Returns the body that replaces the group with itself, but for one secret variable.
    ///
    /// What is left out is deleted. A secret goes back as it was read, as null, which keeps its value.
    pub(super) fn with_secret(&self, variable: &str, value: &Secret) -> Value {
        let mut variables = self.variables();
        let own = variables.keys().find(|name| name.to_lowercase() == variable.to_lowercase()).cloned();
        let own = own.unwrap_or_else(|| variable.to_owned());
        for (_, other) in variables.iter_mut().filter(|(name, _)| **name != own) {
            if other.get("isSecret").and_then(Value::as_bool) == Some(true) {
                other["value"] = Value::Null;
            }
        }
        let entry = variables.entry(own).or_insert_with(|| json!({}));
        entry["value"] = json!(value.expose("the variable group that is to hold it"));
        entry["isSecret"] = json!(true);
        let mut body = Map::new();
        // What describes who edited when is the service's own.
        for key in ["id", "type", "name", "description", "providerData", "variableGroupProjectReferences"] {
            if let Some(kept) = self.0.get(key) {
                body.insert(key.to_owned(), kept.clone());
            }
        }
        body.insert("variables".to_owned(), Value::Object(variables));
        Value::Object(body)
    }
}

/// Returns true where two revisions are one: of the same editor, and no further apart than the rounding of a
/// date that the service answers before it has stored it.
pub(super) fn is_same_edit(one: &str, other: &str) -> bool {
    const ROUNDING: i64 = 10;
    let split = |revision: &str| {
        let (on, by) = revision.split_once(' ')?;
        Some((on.parse::<Timestamp>().ok()?.as_millisecond(), by.to_owned()))
    };
    match (split(one), split(other)) {
        (Some((at, by)), Some((other_at, other_by))) => by == other_by && (at - other_at).abs() <= ROUNDING,
        _ => one == other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn group() -> Group {
        serde_json::from_value(json!({
            "id": 12, "type": "Vsts", "name": "data", "description": "of the data team",
            "createdBy": {"displayName": "Ada"}, "modifiedBy": {"displayName": "Ada"},
            "modifiedOn": "2026-11-24T10:00:00.123Z", "isShared": true,
            "variables": {
                "Databricks_Token": {"isSecret": true, "value": null, "isReadOnly": true},
                "PASSWORD": {"isSecret": true, "value": null},
                "URL": {"value": "https://data.example"},
                "EMPTY": {"value": ""},
            },
            "variableGroupProjectReferences": [
                {"name": "data", "description": "ours", "projectReference": {"id": "p1", "name": "Data"}},
                {"name": "data (shared)", "projectReference": {"id": "p2", "name": "Other"}},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn everything_but_the_one_variable_goes_back_as_it_was() {
        assert_eq!(
            group().with_secret("DATABRICKS_TOKEN", &Secret::new("dapi-new")),
            json!({
                "id": 12, "type": "Vsts", "name": "data", "description": "of the data team",
                "variables": {
                    "Databricks_Token": {"isSecret": true, "value": "dapi-new", "isReadOnly": true},
                    "PASSWORD": {"isSecret": true, "value": null},
                    "URL": {"value": "https://data.example"},
                    "EMPTY": {"value": ""},
                },
                "variableGroupProjectReferences": [
                    {"name": "data", "description": "ours", "projectReference": {"id": "p1", "name": "Data"}},
                    {"name": "data (shared)", "projectReference": {"id": "p2", "name": "Other"}},
                ],
            })
        );
    }

    #[test]
    fn a_variable_that_is_missing_is_added_as_a_secret() {
        let body = group().with_secret("NEW", &Secret::new("dapi-new"));
        assert_eq!(body["variables"]["NEW"], json!({"isSecret": true, "value": "dapi-new"}));
        assert_eq!(body["variables"].as_object().unwrap().len(), 5);
    }

    #[test]
    fn a_plain_variable_becomes_secret() {
        let body = group().with_secret("url", &Secret::new("dapi-new"));
        assert_eq!(body["variables"]["URL"], json!({"isSecret": true, "value": "dapi-new"}));
        assert_eq!(group().is_secret("url"), Some(false));
        assert_eq!(group().is_secret("databricks_token"), Some(true));
        assert_eq!(group().is_secret("missing"), None);
    }

    #[test]
    fn an_edit_is_the_same_by_date_and_editor_whatever_the_rounding() {
        assert!(is_same_edit("2026-11-24T10:00:00.1234567Z ada", "2026-11-24T10:00:00.127Z ada"));
        assert!(!is_same_edit("2026-11-24T10:00:00.123Z ada", "2026-11-24T10:00:00.123Z bob"));
        assert!(!is_same_edit("2026-11-24T10:00:00.123Z ada", "2026-11-24T10:00:00.223Z ada"));
    }

    #[test]
    fn a_project_is_known_by_name_or_id_in_any_case() {
        assert!(group().is_seen_by("data") && group().is_seen_by("P2") && group().is_seen_by("OTHER"));
        assert!(!group().is_seen_by("third"));
    }
}
