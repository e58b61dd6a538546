//! Which services there are, and at which origins they are reached.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Names a service of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Service {
    /// The sign-in service of Entra ID.
    Entra,
    /// Microsoft Graph.
    Graph,
    /// A Databricks workspace.
    Databricks,
    /// The Databricks account console.
    DatabricksAccount,
    /// The GitHub API.
    Github,
    /// The issuer of GitHub Actions' identity tokens, with its discovery document and keys.
    GithubIssuer,
    /// The endpoint at which a GitHub Actions job asks for an identity token.
    GithubOidc,
    /// Azure DevOps.
    AzureDevops,
    /// The issuer of Azure DevOps' identity tokens, with its discovery document and keys.
    AzureDevopsIssuer,
    /// Azure Key Vault.
    KeyVault,
    /// The instance metadata service of an Azure machine.
    Imds,
    /// Azure Resource Manager.
    Management,
    /// A receiver of webhooks.
    Webhook,
}

impl Service {
    /// Lists every service.
    pub const ALL: [Self; 13] = [
        Self::Entra,
        Self::Graph,
        Self::Databricks,
        Self::DatabricksAccount,
        Self::Github,
        Self::GithubIssuer,
        Self::GithubOidc,
        Self::AzureDevops,
        Self::AzureDevopsIssuer,
        Self::KeyVault,
        Self::Imds,
        Self::Management,
        Self::Webhook,
    ];
}

/// Says which service answers at an origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Scheme, host and port, in lower case, with no slash at its end.
    pub url: String,
    /// The service.
    pub service: Service,
    /// The index of the workspace, where the service is one.
    pub workspace: Option<usize>,
}

/// Lists the origins of all services.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<Vec<Origin>>);

impl Origins {
    /// Makes the list.
    #[must_use]
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(Arc::new(origins))
    }

    /// Names the real hosts of the public cloud, for `workspaces` workspaces.
    #[must_use]
    pub fn public_cloud(workspaces: usize) -> Self {
        let mut origins: Vec<Origin> = Service::ALL
            .into_iter()
            .filter_map(|service| {
                Some(Origin { url: public_host(service)?.to_owned(), service, workspace: None })
            })
            .collect();
        origins.extend((0..workspaces).map(|index| Origin {
            url: format!("https://{}", workspace_host(index)),
            service: Service::Databricks,
            workspace: Some(index),
        }));
        Self::new(origins)
    }

    /// Names the real hosts of the public cloud, with those workspaces and further hosts.
    #[must_use]
    pub fn real(workspaces: &[String], further: &[(Service, String)]) -> Self {
        let mut origins: Vec<Origin> = further
            .iter()
            .map(|(service, url)| Origin {
                url: url.to_ascii_lowercase(),
                service: *service,
                workspace: None,
            })
            .collect();
        origins.extend(Self::public_cloud(0).0.iter().cloned());
        origins.extend(workspaces.iter().enumerate().map(|(index, url)| Origin {
            url: url.to_ascii_lowercase(),
            service: Service::Databricks,
            workspace: Some(index),
        }));
        Self::new(origins)
    }

    /// Adds further origins.
    #[must_use]
    pub fn with(self, further: Vec<Origin>) -> Self {
        Self::new(self.0.iter().cloned().chain(further).collect())
    }

    /// Lists them all.
    #[must_use]
    pub fn all(&self) -> &[Origin] {
        &self.0
    }

    /// Returns where a service is reached; empty if nowhere.
    #[must_use]
    pub fn of(&self, service: Service) -> &str {
        self.0.iter().find(|origin| origin.service == service).map_or("", |origin| &origin.url)
    }

    /// Returns where a workspace is reached; empty if there is none of that index.
    #[must_use]
    pub fn workspace(&self, index: usize) -> &str {
        self.0.iter().find(|origin| origin.workspace == Some(index)).map_or("", |origin| &origin.url)
    }

    /// Finds who answers at an origin; every name under Key Vault's public suffix is a vault.
    #[must_use]
    pub fn find(&self, url: &str) -> Option<(Service, Option<usize>)> {
        let url = url.trim_end_matches('/').to_ascii_lowercase();
        if let Some(origin) = self.0.iter().find(|origin| origin.url == url) {
            return Some((origin.service, origin.workspace));
        }
        (url.starts_with("https://") && url.ends_with(".vault.azure.net"))
            .then_some((Service::KeyVault, None))
    }
}

/// Returns the host name of a workspace in the public cloud.
#[must_use]
pub(crate) fn workspace_host(index: usize) -> String {
    format!("adb-{}.{}.azuredatabricks.net", workspace_id(index), (index + 1) % 20)
}

/// Returns the numeric id of a workspace.
#[must_use]
pub(crate) fn workspace_id(index: usize) -> u64 {
    1_000_000_000_000_001 + index as u64
}

fn public_host(service: Service) -> Option<&'static str> {
    Some(match service {
        Service::Entra => "https://login.microsoftonline.com",
        Service::Graph => "https://graph.microsoft.com",
        Service::Databricks => return None,
        Service::DatabricksAccount => "https://accounts.azuredatabricks.net",
        Service::Github => "https://api.github.com",
        Service::GithubIssuer => "https://token.actions.githubusercontent.com",
        Service::GithubOidc => "https://pipelines.actions.githubusercontent.com",
        Service::AzureDevops => "https://dev.azure.com",
        Service::AzureDevopsIssuer => "https://vstoken.dev.azure.com",
        Service::KeyVault => "https://acme.vault.azure.net",
        Service::Imds => "http://169.254.169.254",
        Service::Management => "https://management.azure.com",
        Service::Webhook => "https://hooks.example",
    })
}
