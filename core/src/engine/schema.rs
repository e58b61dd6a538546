//! The JSON Schema of `lakekey.yml`, put together from the document and from what `auth` and `sink` register.

use schemars::SchemaGenerator;
use serde_json::{Value, json};

use crate::config::Document;
use crate::{auth, sink};

/// What may stand at a key: those whose type does not say it. A key may be named with its section.
const EXAMPLES: &[(&str, &str)] = &[
    ("account-id", "55555555-5555-5555-5555-555555555555"),
    ("accounts", "https://accounts.azuredatabricks.net"),
    ("audience", "api://AzureADTokenExchange"),
    ("azure-devops", "https://dev.azure.com/acme"),
    (
        "azure-resource-id",
        "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/data/providers/Microsoft.\
         Databricks/workspaces/prod",
    ),
    ("branch", "main"),
    ("claims-matching-expression", "claims['sub'] matches 'repo:acme/data:*'"),
    ("client-id", "11111111-1111-1111-1111-111111111111"),
    ("comment", "data catalogue"),
    ("description", "data catalogue"),
    ("display-name", "catalog-prod"),
    ("env", "LAKEKEY_APP_KEY"),
    ("environment", "production"),
    ("file", "/run/secrets/app.pem"),
    ("Endpoints.github", "https://github.example/api/v3"),
    ("graph", "https://graph.microsoft.us"),
    ("imds", "http://169.254.169.254"),
    ("issuer", "https://token.actions.githubusercontent.com"),
    ("key", "catalog-token"),
    ("key-vault-suffix", ".vault.azure.net"),
    ("login", "https://login.microsoftonline.us"),
    ("management", "https://management.usgovcloudapi.net"),
    ("name", "catalog-prod"),
    ("organization", "acme"),
    ("path", "/var/run/secrets/token"),
    ("project", "data"),
    ("repository", "acme/data"),
    ("scope", "integrations"),
    ("SinkConfig.secret", "DATABRICKS_TOKEN"),
    ("service-connection-id", "66666666-6666-6666-6666-666666666666"),
    ("subject", "repo:acme/data:environment:production"),
    ("tag", "v1"),
    ("tenant-id", "00000000-0000-0000-0000-000000000000"),
    ("url", "https://hooks.example/catalog"),
    ("Auth.variable", "CI_TOKEN"),
    ("variable", "DATABRICKS_TOKEN"),
    ("vault", "https://acme.vault.azure.net"),
    ("verify-path", "/api/2.0/sql/warehouses"),
    ("workspace", "https://adb-1234567890123456.7.azuredatabricks.net"),
];

/// Makes a value, since one that is no text cannot stand in a constant.
type Make = fn() -> Value;

/// The same for keys that hold something else.
const OTHERS: &[(&str, Make)] = &[
    ("adopt", || json!("none")),
    ("app-id", || json!(12345)),
    ("concurrency", || json!(8)),
    ("entitlements", || json!(["workspace-access"])),
    ("formerly", || json!(["catalog"])),
    ("group", || json!(12)),
    ("overlap", || json!("24h")),
    ("renew-before", || json!("30d")),
    ("timeout", || json!("1m")),
    ("verify-within", || json!("2m")),
    ("within", || json!("14d")),
    ("on", || json!(["failed", "overdue"])),
    ("repositories", || json!(["data", "reports"])),
    ("run", || json!(["./push-to-catalog"])),
    ("scopes", || json!(["sql"])),
    ("tags", || json!({"owner": "data"})),
    ("version", || json!(1)),
    ("workspaces", || json!(["https://dbx.acme.example"])),
];

/// Returns the JSON Schema of `lakekey.yml`.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let shapes = [
        ("Auth", auth::schema(&mut generator)),
        ("GithubSignIn", auth::github::schema(&mut generator)),
        ("SinkConfig", sink::schema(&mut generator)),
    ];
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    for (name, shape) in shapes {
        schema["$defs"][name] = shape;
    }
    illustrate(&mut schema, "");
    if let Some(sections) = schema["$defs"].as_object_mut() {
        for (name, section) in sections {
            illustrate(section, name);
            section["oneOf"].as_array_mut().into_iter().flatten().for_each(|shape| illustrate(shape, name));
            if section["oneOf"].is_null() {
                section.as_object_mut().map(|section| section.remove("oneOf"));
            }
        }
    }
    schema
}

/// Gives the keys of a section their examples.
fn illustrate(section: &mut Value, name: &str) {
    let Some(keys) = section.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (key, shape) in keys {
        let is_text = shape["type"] == "string" || shape["type"] == json!(["string", "null"]);
        let of = |known: &str| known == key || known.split_once('.') == Some((name, key));
        let example = if is_text {
            EXAMPLES.iter().find(|(known, _)| of(known)).map(|(_, text)| json!(text))
        } else {
            OTHERS.iter().find(|(known, _)| of(known)).map(|(_, make)| make())
        };
        if let (Some(example), true) = (example, shape.get("const").is_none()) {
            shape["examples"] = json!([example]);
        }
        // Indexing makes a key of what is not there.
        if let Some(shape) = shape.as_object_mut() {
            shape.retain(|_, value| !value.is_null());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    /// Returns the properties of every section, with the name of the section.
    fn sections(schema: &Value) -> Vec<(String, &serde_json::Map<String, Value>)> {
        let defs = schema["$defs"].as_object().unwrap();
        let mut found = vec![("the document".to_owned(), schema["properties"].as_object().unwrap())];
        for (name, shape) in defs {
            let variants = shape.get("oneOf").and_then(Value::as_array).into_iter().flatten();
            for shape in std::iter::once(shape).chain(variants) {
                if let Some(keys) = shape.get("properties").and_then(Value::as_object) {
                    found.push((name.clone(), keys));
                }
            }
        }
        found
    }

    #[test]
    fn every_key_whose_type_does_not_say_what_may_stand_there_has_an_example() {
        let schema = schema();
        for (section, keys) in sections(&schema) {
            for (key, shape) in keys {
                let kind = &shape["type"];
                let open = ["string", "integer", "array", "object"]
                    .iter()
                    .any(|open| kind == open || kind == &json!([open, "null"]));
                let refers = shape["items"].get("$ref").is_some() && key != "on" && key != "entitlements";
                let said = shape.get("const").is_some() || shape.get("examples").is_some() || refers;
                assert!(!open || said, "{section}.{key} needs an example: {shape}");
            }
        }
    }

    #[test]
    fn every_key_says_what_it_is() {
        let schema = schema();
        for (section, keys) in sections(&schema) {
            for (key, shape) in keys.iter().filter(|(key, _)| *key != "type") {
                let words = shape["description"].as_str().unwrap_or_default();
                assert!(words.ends_with('.') && words.len() > 5, "{section}.{key}: {words:?}");
            }
        }
    }
}
