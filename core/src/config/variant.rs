//! What the document tells by its `type`: a way to sign in, a place of delivery. Each such type reads its own
//! shape; what they have in common stands here.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::model::{Code, Error, nearest};

/// Lists the types that are known, each with its name: those that are read (`KNOWN`, by the function
/// `read_as`), and how the schema describes them (`variants`). The two stand apart so that a program that
/// never describes them holds no description.
macro_rules! known {
    ($read:ty: $($shape:ty as $name:literal),+ $(,)?) => {
        const KNOWN: &[(&str, $read)] = &[$(($name, read_as::<$shape>)),+];

        fn variants() -> Vec<$crate::config::Variant> {
            vec![$($crate::config::Variant::of::<$shape>($name)),+]
        }
    };
}
pub(crate) use known;

/// Names one type, and describes its shape.
pub(crate) struct Variant {
    /// The text of `type`.
    name: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Variant {
    /// Describes a type by the shape of its other keys.
    pub(crate) const fn of<Shape: JsonSchema>(name: &'static str) -> Self {
        Self { name, schema: |generator| Shape::json_schema(generator) }
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Value {
        let mut schema = (self.schema)(generator).to_value();
        schema["properties"]["type"] = json!({"type": "string", "const": self.name});
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        schema["required"] = [vec![json!("type")], required].concat().into();
        schema
    }
}

/// Describes a value that is of one of several types.
pub(crate) fn one_of(description: &str, variants: &[Variant], generator: &mut SchemaGenerator) -> Value {
    let variants: Vec<Value> = variants.iter().map(|variant| variant.schema(generator)).collect();
    json!({"description": description, "oneOf": variants})
}

/// Takes the `type` out of a mapping and returns the one of those that it names.
///
/// # Errors
/// `config-missing-key` or `config-invalid-value` with the path of the key.
pub(crate) fn take_type<R: Copy>(
    value: &mut Value,
    path: &str,
    known: &[(&'static str, R)],
) -> Result<R, Error> {
    let names = || known.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some(map) = value.as_object_mut() else {
        let words = format!("a mapping with a `type` was expected; known types: {}", names());
        return Err(Error::invalid(path, words));
    };
    let at = format!("{path}.type");
    match map.remove("type") {
        None => Err(Error::config(
            Code::ConfigMissingKey,
            at,
            format!("this key is needed; known types: {}", names()),
        )),
        Some(Value::String(tag)) => known
            .iter()
            .find(|(name, _)| *name == tag)
            .map(|(_, read)| *read)
            .ok_or_else(|| unknown(&at, &tag, &known.iter().map(|(name, _)| *name).collect::<Vec<_>>())),
        Some(_) => Err(Error::invalid(&at, format!("unknown type; known types: {}", names()))),
    }
}

/// What is to be known of types whose names do not say it.
const WORDS: &[(&str, &str)] = &[
    ("pat", "a personal access token"),
    ("access-token", "a token that is at hand"),
    ("azure-client-secret", "a client secret of Entra ID"),
    ("azure-client-certificate", "a certificate of an application"),
    ("github-oidc-azure", "a federated credential of Entra ID, in a GitHub job"),
    ("azure-devops-oidc", "a service connection, in Azure Pipelines"),
    ("azure-workload-identity", "a federated token in a file, in Kubernetes"),
    ("azure-msi", "a managed identity, on a machine of Azure"),
    ("azure-cli", "the account of `az login`"),
    ("oauth-m2m", "an OAuth secret of Databricks"),
    ("github-oidc", "a federation policy of Databricks, in a GitHub job"),
    ("env-oidc", "a federation policy, with a token in a variable"),
    ("file-oidc", "a federation policy, with a token in a file"),
];

/// Refuses a type that is not known, with the one that was meant, or a list of all. The text is not repeated:
/// it may be a secret at the wrong place.
fn unknown(at: &str, written: &str, known: &[&'static str]) -> Error {
    let said = |name: &&str| {
        let words = WORDS.iter().find(|(word, _)| word == name).map(|(_, words)| format!(" ({words})"));
        format!("{name}{}", words.unwrap_or_default())
    };
    match nearest(written, known) {
        None => {
            let all: Vec<String> = known.iter().map(said).collect();
            Error::invalid(at, format!("unknown type; known types: {}", all.join(", ")))
        }
        meant => {
            Error::invalid(at, format!("unknown type; known types: {}", known.join(", "))).meaning(meant)
        }
    }
}
