//! The configuration: its shape, its reading and its validation.

mod auth;
mod check;
mod decode;
mod duration;
mod resolve;
mod sinks;
mod types;
mod yaml;

pub use auth::{Auth, SecretRef};
pub use decode::{MAX_DOCUMENT, parse};
pub use duration::Span;
pub use resolve::{Config, Credentials, Origin, Policy, Principal, Target};
pub use types::{
    Adopt, Document, Endpoints, Entitlement, FederatedCredential, GithubApp, GithubSignIn, GroupRef,
    PrincipalKind, Scopes, SinkConfig, Visibility,
};

/// Returns the JSON Schema of `lakekey.yml`.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Document).to_value()
}
