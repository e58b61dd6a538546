//! The JSON Schema of `lakekey.yml`, put together from the document and from what `auth` and `sink` register.

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::config::Document;
use crate::{auth, sink};

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
    schema
}
