//! Credentials: what a service principal signs in with, that can be listed, issued, verified, marked and revoked.

use serde::Serialize;

/// Names a kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// A personal access token of a Databricks workspace.
    Pat,
    /// A client secret of an Entra application.
    ClientSecret,
    /// An OAuth secret of a Databricks service principal.
    OauthSecret,
}
