//! The kinds of credentials and of principals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Names a kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CredentialKind {
    /// A personal access token of a Databricks workspace.
    Pat,
    /// A client secret of an Entra application.
    ClientSecret,
    /// An OAuth secret of a Databricks service principal.
    OauthSecret,
}

impl CredentialKind {
    /// Returns the name as people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pat => "PAT",
            Self::ClientSecret => "client secret",
            Self::OauthSecret => "OAuth secret",
        }
    }
}

/// Names the kind of a service principal.
///
/// <https://learn.microsoft.com/azure/databricks/admin/users-groups/service-principals>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// Managed in Entra ID; reaches other Azure resources too.
    #[default]
    Entra,
    /// Managed in Databricks; lives in Databricks alone.
    Databricks,
}

/// Names what a principal may do in a workspace besides the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Entitlement {
    /// May create clusters.
    AllowClusterCreate,
    /// May create instance pools.
    AllowInstancePoolCreate,
    /// May use SQL warehouses.
    DatabricksSqlAccess,
    /// May use the workspace.
    WorkspaceAccess,
    /// May use dashboards shared with it.
    WorkspaceConsume,
}

impl Entitlement {
    /// Returns the text that SCIM uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowClusterCreate => "allow-cluster-create",
            Self::AllowInstancePoolCreate => "allow-instance-pool-create",
            Self::DatabricksSqlAccess => "databricks-sql-access",
            Self::WorkspaceAccess => "workspace-access",
            Self::WorkspaceConsume => "workspace-consume",
        }
    }

    /// Finds the entitlement of a name, as SCIM or as `WORKSPACE_ACCESS` writes it.
    #[must_use]
    pub(crate) fn find(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        let all = [
            Self::AllowClusterCreate,
            Self::AllowInstancePoolCreate,
            Self::DatabricksSqlAccess,
            Self::WorkspaceAccess,
            Self::WorkspaceConsume,
        ];
        // An admin of a workspace may use it.
        let name = if name == "workspace-admin" { "workspace-access" } else { &name };
        all.into_iter().find(|known| known.as_str() == name)
    }

    /// Returns true for those without one of which a principal is refused everything.
    #[must_use]
    pub(crate) const fn admits(self) -> bool {
        matches!(self, Self::DatabricksSqlAccess | Self::WorkspaceAccess | Self::WorkspaceConsume)
    }
}
