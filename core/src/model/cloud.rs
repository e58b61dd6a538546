//! The three clouds and their hosts.

use schemars::JsonSchema;
use serde::Deserialize;

/// The resource id of Azure Databricks, the same in every cloud.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual>
pub(crate) const DATABRICKS_RESOURCE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

/// The resource id of Azure DevOps.
///
/// <https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/service-principal-managed-identity>
pub(crate) const AZURE_DEVOPS_RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// Names a cloud.
///
/// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Azure.
    #[default]
    Public,
    /// Azure for US Government.
    UsGov,
    /// Azure operated by 21Vianet.
    China,
}

impl Cloud {
    /// Lists the clouds.
    pub(crate) const ALL: [Self; 3] = [Self::Public, Self::UsGov, Self::China];

    /// Returns the name under which the configuration knows it.
    #[must_use]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::UsGov => "usgov",
            Self::China => "china",
        }
    }

    /// Reads the name that `ARM_ENVIRONMENT` holds, as Terraform and the Databricks SDKs write it.
    #[must_use]
    pub fn of_arm_environment(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "public" | "azurecloud" | "azurepubliccloud" => Some(Self::Public),
            "usgovernment" | "usgov" | "azureusgovernment" => Some(Self::UsGov),
            "china" | "azurechinacloud" => Some(Self::China),
            _ => None,
        }
    }

    /// Returns the suffix of workspace hosts.
    #[must_use]
    pub const fn workspace_suffix(self) -> &'static str {
        match self {
            Self::Public => ".azuredatabricks.net",
            Self::UsGov => ".databricks.azure.us",
            Self::China => ".databricks.azure.cn",
        }
    }

    /// Returns the origin of the account API.
    #[must_use]
    pub const fn accounts(self) -> &'static str {
        match self {
            Self::Public => "https://accounts.azuredatabricks.net",
            Self::UsGov => "https://accounts.azuredatabricks.us",
            Self::China => "https://accounts.azuredatabricks.cn",
        }
    }

    /// Returns the origin of the sign-in service.
    #[must_use]
    pub const fn login(self) -> &'static str {
        match self {
            Self::Public => "https://login.microsoftonline.com",
            Self::UsGov => "https://login.microsoftonline.us",
            Self::China => "https://login.chinacloudapi.cn",
        }
    }

    /// Returns the origin of Microsoft Graph.
    #[must_use]
    pub const fn graph(self) -> &'static str {
        match self {
            Self::Public => "https://graph.microsoft.com",
            Self::UsGov => "https://graph.microsoft.us",
            Self::China => "https://microsoftgraph.chinacloudapi.cn",
        }
    }

    /// Returns the origin of Azure Resource Manager.
    #[must_use]
    pub const fn management(self) -> &'static str {
        match self {
            Self::Public => "https://management.azure.com",
            Self::UsGov => "https://management.usgovcloudapi.net",
            Self::China => "https://management.chinacloudapi.cn",
        }
    }

    /// Returns the resource for which a management token is asked.
    #[must_use]
    pub const fn management_resource(self) -> &'static str {
        match self {
            Self::Public => "https://management.core.windows.net/",
            Self::UsGov => "https://management.core.usgovcloudapi.net/",
            Self::China => "https://management.core.chinacloudapi.cn/",
        }
    }

    /// Returns the audience of an assertion that Entra ID takes in exchange for a token.
    ///
    /// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
    #[must_use]
    pub const fn token_exchange_audience(self) -> &'static str {
        match self {
            Self::Public => "api://AzureADTokenExchange",
            Self::UsGov => "api://AzureADTokenExchangeUSGov",
            Self::China => "api://AzureADTokenExchangeChina",
        }
    }

    /// Returns the suffix of vault hosts.
    #[must_use]
    pub const fn key_vault_suffix(self) -> &'static str {
        match self {
            Self::Public => ".vault.azure.net",
            Self::UsGov => ".vault.usgovcloudapi.net",
            Self::China => ".vault.azure.cn",
        }
    }
}
