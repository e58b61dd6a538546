//! The kinds of places, by the `type` under which the configuration knows them.

use std::rc::Rc;

use schemars::SchemaGenerator;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::azure_devops::AzureDevopsShape;
use super::callback::CallbackShape;
use super::command::CommandShape;
use super::databricks_secret::DatabricksSecretShape;
use super::github_secret::GithubSecretShape;
use super::key_vault::KeyVaultShape;
use super::place::{Around, Place, Shape};
use super::webhook::WebhookShape;
use crate::config::{SinkValue, decode, known, one_of, take_type};
use crate::model::Error;

/// Decodes and checks a place that stands among the rest of the configuration.
type Read = fn(Value, &Around<'_>) -> Result<Rc<dyn Place>, Error>;

fn read_as<S: Shape + DeserializeOwned>(value: Value, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
    decode::<S>(value, &around.path)?.place(around)
}

// Every kind of place; to add one is to add its file and its line here.
known! {
    Read:
    GithubSecretShape as "github-secret",
    KeyVaultShape as "key-vault",
    AzureDevopsShape as "azure-devops-variable",
    DatabricksSecretShape as "databricks-secret",
    WebhookShape as "webhook",
    CommandShape as "command",
    CallbackShape as "callback",
}

/// Reads and checks a place of delivery.
///
/// # Errors
/// A `config-…` code with the path of the key.
pub(crate) fn read(value: SinkValue, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
    let SinkValue(mut value) = value;
    take_type(&mut value, &around.path, KNOWN)?(value, around)
}

/// Describes the kinds of places.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Value {
    one_of("Describes a place of delivery.", &variants(), generator)
}
