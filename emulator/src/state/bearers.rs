//! The access tokens that were issued, and the resources that they are for.

/// The resource id of Databricks, the same in every cloud.
pub(crate) const DATABRICKS_RESOURCE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
/// The resource id of Azure DevOps.
pub(crate) const AZURE_DEVOPS_RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// The audience of tokens for Microsoft Graph.
pub(crate) const GRAPH_RESOURCE: &str = "https://graph.microsoft.com";
/// The audience of tokens for Key Vault.
pub(crate) const VAULT_RESOURCE: &str = "https://vault.azure.net";
/// The audience of tokens for Azure Resource Manager.
pub(crate) const MANAGEMENT_RESOURCE: &str = "https://management.core.windows.net/";

/// Describes an access token; the token itself is opaque.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The token.
    pub value: String,
    /// The resource that it is for.
    pub audience: String,
    /// Whom it stands for.
    pub subject: Subject,
    /// The application permissions in it, such as Graph's `Application.ReadWrite.All`.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires_ms: i64,
}

/// Says whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An application, by its application id.
    Application(String),
    /// A person, by user name.
    User(String),
}
