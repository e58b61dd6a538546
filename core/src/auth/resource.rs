//! What a sign-in is for.

use crate::config::Endpoints;
use crate::model::{AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE};

/// Names what a sign-in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    /// A Databricks workspace or account.
    Databricks,
    /// Microsoft Graph.
    Graph,
    /// Azure Resource Manager.
    Management,
    /// Azure Key Vault.
    KeyVault,
    /// Azure DevOps.
    AzureDevops,
}

impl Resource {
    /// Returns the id by which Entra ID and the platform know it.
    pub(super) fn id(self, endpoints: &Endpoints) -> String {
        match self {
            Self::Databricks => DATABRICKS_RESOURCE.to_owned(),
            Self::AzureDevops => AZURE_DEVOPS_RESOURCE.to_owned(),
            Self::Graph => endpoints.graph.to_string(),
            Self::Management => endpoints.management_resource.clone(),
            Self::KeyVault => {
                format!("https://{}", endpoints.cloud.key_vault_suffix().trim_start_matches('.'))
            }
        }
    }

    /// Returns the scope that Entra ID is asked for; a resource that ends in a slash makes one with two.
    pub(super) fn scope(self, endpoints: &Endpoints) -> String {
        format!("{}/.default", self.id(endpoints))
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Databricks => "Databricks",
            Self::Graph => "Microsoft Graph",
            Self::Management => "Azure Resource Manager",
            Self::KeyVault => "Key Vault",
            Self::AzureDevops => "Azure DevOps",
        })
    }
}
