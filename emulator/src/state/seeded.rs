//! What a fresh world holds, by name.

/// The tenant that everything seeded lives in.
pub(crate) const TENANT: &str = "7f3b8a52-1d4c-4e7a-9b60-2c5d8e9f0a13";
/// The user name of every workspace's admin.
pub(crate) const ADMIN: &str = "admin@acme.example";
/// The user name of an analyst, who may use tokens through a group and has one.
pub(crate) const ANALYST: &str = "ana@acme.example";
/// The organisation on GitHub.
pub(crate) const ORGANIZATION: &str = "acme";

/// What of a fresh world its users need to know.
#[derive(Debug, Clone, Default)]
pub struct Seeded {
    /// The tenant.
    pub tenant: String,
    /// The application id of the service principal whose credentials are to be managed.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
    /// The PAT of each workspace's admin.
    pub admin_tokens: Vec<String>,
    /// A fine-grained token of GitHub that may write secrets everywhere.
    pub github_token: String,
    /// A `GITHUB_TOKEN`, which may not write secrets.
    pub workflow_token: String,
    /// The application id of a caller that may write to Microsoft Graph.
    pub directory_client_id: String,
    /// Its client secret.
    pub directory_client_secret: String,
    /// The application id of an account admin of Databricks.
    pub account_client_id: String,
    /// Its client secret at Entra ID.
    pub account_client_secret: String,
    /// A personal access token of Azure DevOps that may change variable groups.
    pub devops_token: String,
    /// The number of the variable group `integration` in the project `data`.
    pub variable_group: u64,
}

/// Names the repository that belongs to a workspace, as `owner/name`.
#[must_use]
pub(crate) fn repository_name(index: usize) -> String {
    if index == 0 { format!("{ORGANIZATION}/data") } else { format!("{ORGANIZATION}/data-{}", index + 1) }
}
