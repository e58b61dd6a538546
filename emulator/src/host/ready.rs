//! Where everything is, as `lakekey emulate` prints it when it is ready.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Tells where everything is: the line that `lakekey emulate` prints when it is ready.
#[derive(Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ready {
    /// Always true.
    pub ready: bool,
    /// Entra ID.
    pub login: String,
    /// Microsoft Graph.
    pub graph: String,
    /// The GitHub API.
    pub github: String,
    /// The Azure DevOps organisation.
    pub azure_devops: String,
    /// The vault.
    pub key_vault: String,
    /// The workspaces.
    pub workspaces: Vec<String>,
    /// The HTTP proxy for the services' real names, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// The control origin.
    pub control: String,
    /// The path of a `lakekey.yml` that is ready to use.
    pub config: PathBuf,
    /// The environment that the configuration needs; its values are secrets.
    pub env: BTreeMap<String, String>,
    /// The other origins, by service.
    #[serde(flatten)]
    pub others: BTreeMap<String, String>,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("control", &self.control)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
