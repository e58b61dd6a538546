//! Places that hold a credential's value. Each kind is one file: its shape in the configuration, its check,
//! the secrets that it refers to, how it is observed, written and read back, and how its refusals are told
//! (for GitHub in a file beside it).

mod adapters;
mod azure_devops;
mod callback;
mod command;
mod databricks_secret;
mod github_refusal;
mod github_secret;
mod key_vault;
mod place;
mod registry;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod webhook;

pub use adapters::{Adapters, Callback, Command, NoAdapters, Sink};
pub(crate) use place::{Around, Place};
pub(crate) use registry::{read, schema};
pub use shared::{mismatch, read_back, within};
pub use state::{Delivery, SinkState, Written};
