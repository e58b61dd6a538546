//! Where the services are: the chosen cloud's own hosts, and those that the configuration or the environment
//! names instead.

use super::allowed::{Allowed, Served};
use super::as_copied;
use super::document::{Document, EndpointsDocument};
use crate::host::Environment;
use crate::model::{Cloud, Code, Error, Origin};

/// Holds the checked hosts of every service.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Endpoints {
    /// The cloud.
    pub cloud: Cloud,
    /// Entra ID.
    pub login: Origin,
    /// Microsoft Graph.
    pub graph: Origin,
    /// The GitHub API; may have a path, such as `/api/v3`.
    pub github_api: Origin,
    /// The Azure DevOps organisation, where it is configured; has a path.
    pub azure_devops: Option<Origin>,
    /// The Databricks account API.
    pub accounts: Origin,
    /// The instance metadata service; plain HTTP on a link-local address by nature.
    pub imds: Origin,
    /// The resource of a management token.
    pub management_resource: String,
    /// The suffix of vault hosts.
    pub key_vault_suffix: String,
    /// Workspaces outside the cloud's suffix.
    workspaces: Vec<Origin>,
    /// The hosts that are named outside the configuration.
    allowed: Allowed,
    /// The keys that choose another host than the vendor's, with it.
    chosen: Vec<(&'static str, String)>,
}

impl Endpoints {
    /// Chooses the cloud and its hosts.
    ///
    /// # Errors
    /// A `config-…` code with the path of the key, or the name of the variable.
    pub(crate) fn resolve(document: &Document, environment: &dyn Environment) -> Result<Self, Error> {
        let cloud = cloud(document.cloud, environment)?;
        let EndpointsDocument { login, graph, github, azure_devops, management, accounts, imds, .. } =
            &document.endpoints;
        let host = Host { environment };
        let mut workspaces = Vec::with_capacity(document.endpoints.workspaces.len());
        for (index, text) in document.endpoints.workspaces.iter().enumerate() {
            workspaces.push(Origin::parse(text, &format!("endpoints.workspaces[{index}]"))?);
        }
        let named = |text: &Option<String>, key: &str| {
            text.as_deref().map(|text| Origin::parse(text, &format!("endpoints.{key}"))).transpose()
        };
        let mut endpoints = Self {
            cloud,
            login: host.of("login", login, Some("AZURE_AUTHORITY_HOST"), cloud.login())?.without_path(),
            graph: host.of("graph", graph, None, cloud.graph())?,
            github_api: api_of_github(host.of(
                "github",
                github,
                Some("GITHUB_API_URL"),
                "https://api.github.com",
            )?)?,
            azure_devops: named(azure_devops, "azure-devops")?,
            accounts: host.of("accounts", accounts, None, cloud.accounts())?,
            imds: named(imds, "imds")?.unwrap_or_else(Origin::instance_metadata),
            management_resource: named(management, "management")?
                .map_or_else(|| cloud.management_resource().to_owned(), |origin| format!("{origin}/")),
            key_vault_suffix: document
                .endpoints
                .key_vault_suffix
                .clone()
                .unwrap_or_else(|| cloud.key_vault_suffix().to_owned()),
            workspaces,
            allowed: Allowed::read(environment)?,
            chosen: Vec::new(),
        };
        endpoints.check(&document.endpoints)?;
        Ok(endpoints)
    }

    /// Refuses what the configuration alone chooses, and notes what is to be said of the rest.
    fn check(&mut self, written: &EndpointsDocument) -> Result<(), Error> {
        let named: [(&'static str, bool, Served, Option<&Origin>); 6] = [
            ("endpoints.login", written.login.is_some(), Served::Login, Some(&self.login)),
            ("endpoints.graph", written.graph.is_some(), Served::Graph, Some(&self.graph)),
            ("endpoints.github", written.github.is_some(), Served::Github, Some(&self.github_api)),
            (
                "endpoints.azure-devops",
                written.azure_devops.is_some(),
                Served::AzureDevops,
                self.azure_devops.as_ref(),
            ),
            ("endpoints.accounts", written.accounts.is_some(), Served::Accounts, Some(&self.accounts)),
            ("endpoints.imds", written.imds.is_some(), Served::Metadata, Some(&self.imds)),
        ];
        let mut chosen = Vec::new();
        for (key, is_written, served, origin) in named {
            let Some(origin) = origin.filter(|_| is_written) else { continue };
            self.allowed.check(origin, served, key)?;
            if !origin.is_loopback() && Allowed::default().check(origin, served, key).is_err() {
                chosen.push((key, origin.host().to_owned()));
            }
        }
        for (index, origin) in self.workspaces.iter().enumerate() {
            let key = format!("endpoints.workspaces[{index}]");
            self.allowed.check(origin, Served::Workspace, &key)?;
        }
        self.chosen = chosen;
        Ok(())
    }

    /// Returns the keys that choose another host than the vendor's own, each with the host.
    pub(crate) fn chosen(&self) -> &[(&'static str, String)] {
        &self.chosen
    }

    /// Refuses the host of a user's own service that nobody has named outside the configuration.
    ///
    /// # Errors
    /// `config-host-outside-cloud` with that path.
    pub(crate) fn check_user_host(&self, origin: &Origin, path: &str) -> Result<(), Error> {
        self.allowed.check(origin, Served::User, path)
    }

    /// Checks a workspace's URL, as people copy it, against the cloud.
    ///
    /// # Errors
    /// `config-invalid-value`, `config-insecure-url` or `config-host-outside-cloud` with that path.
    pub(crate) fn workspace(&self, text: &str, path: &str) -> Result<Origin, Error> {
        let origin = Origin::parse(&as_copied::address(text), path)?;
        let is_named = origin.is_loopback() || self.workspaces.contains(&origin);
        let other = as_copied::not_a_workspace(origin.host(), self.cloud, path).filter(|_| !is_named);
        other.map_or(Ok(()), Err)?;
        of_cloud(&origin, path, self.cloud.workspace_suffix(), &self.workspaces)?;
        Ok(origin)
    }

    /// Checks a vault's URL against the cloud.
    ///
    /// # Errors
    /// `config-invalid-value`, `config-insecure-url` or `config-host-outside-cloud` with that path.
    pub(crate) fn vault(&self, text: &str, path: &str) -> Result<Origin, Error> {
        let origin = Origin::parse(text, path)?;
        of_cloud(&origin, path, &self.key_vault_suffix, &[]).map_err(|error| {
            error.with_hint(format!(
                "correct the URL, or choose the vault's cloud with `cloud`; a vault of this one is \
                 https://NAME{}",
                self.key_vault_suffix
            ))
        })?;
        self.allowed.check(&origin, Served::Vault, path)?;
        if origin != origin.without_path() {
            let words = "write the vault's URL without a path, such as https://acme.vault.azure.net";
            return Err(Error::invalid(path, words));
        }
        Ok(origin)
    }
}

fn cloud(configured: Option<Cloud>, environment: &dyn Environment) -> Result<Cloud, Error> {
    match (configured, environment.variable("ARM_ENVIRONMENT")) {
        (Some(cloud), _) => Ok(cloud),
        (None, Some(name)) => Cloud::of_arm_environment(&name).ok_or_else(|| {
            Error::invalid(
                "ARM_ENVIRONMENT",
                "the variable names no known cloud; known: public, usgovernment, china",
            )
        }),
        (None, None) => Ok(Cloud::default()),
    }
}

struct Host<'a> {
    environment: &'a dyn Environment,
}

impl Host<'_> {
    /// Chooses a host: the configured one, else the environment's, else the cloud's own.
    fn of(
        &self,
        key: &str,
        configured: &Option<String>,
        variable: Option<&str>,
        default: &str,
    ) -> Result<Origin, Error> {
        let at = format!("endpoints.{key}");
        if let Some(text) = configured {
            return Origin::parse(text, &at);
        }
        let found = variable.and_then(|name| Some((name, self.environment.variable(name)?)));
        match found {
            // The Azure SDKs take AZURE_AUTHORITY_HOST without a scheme too.
            Some((name, text)) if !text.contains("://") => Origin::parse(&format!("https://{text}"), name),
            Some((name, text)) => Origin::parse(&text, name),
            None => Origin::parse(default, &at),
        }
    }
}

/// Refuses the address of GitHub's pages, where the address of its API follows from it.
fn api_of_github(origin: Origin) -> Result<Origin, Error> {
    let host = origin.host();
    if matches!(host, "github.com" | "www.github.com") {
        let words = "this is the address of GitHub's pages: leave it out, or write https://api.github.com";
        return Err(Error::invalid("endpoints.github", words));
    }
    if host.ends_with(".ghe.com") && !host.starts_with("api.") {
        let words = format!("this is the address of GitHub's pages: write https://api.{host}");
        return Err(Error::invalid("endpoints.github", words));
    }
    Ok(origin)
}

/// Refuses a host that is neither below the suffix, nor named, nor on loopback.
fn of_cloud(origin: &Origin, path: &str, suffix: &str, extra: &[Origin]) -> Result<(), Error> {
    let host = origin.host();
    let below = host.ends_with(suffix) && host.len() > suffix.len() && !origin.has_port();
    if origin.is_loopback() || extra.contains(origin) || below {
        return Ok(());
    }
    Err(Error::config(
        Code::ConfigHostOutsideCloud,
        path,
        format!("the host {host} does not end in {suffix}, as those of the chosen cloud do"),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::host::testing::TestHost;
    use crate::model::Cloud;

    #[test]
    fn arm_environment_names_the_cloud_where_the_configuration_does_not() {
        let usgov = json!({"workspace": "https://adb-1.2.databricks.azure.us"});
        let host = TestHost::new().variable("ARM_ENVIRONMENT", "usgovernment");
        let config = host.config(json!({}), usgov);
        let endpoints = config.endpoints();
        assert_eq!(
            (endpoints.cloud, endpoints.login.as_str()),
            (Cloud::UsGov, "https://login.microsoftonline.us")
        );
        let config = host.config(json!({"cloud": "public"}), json!({}));
        assert_eq!(config.endpoints().cloud, Cloud::Public);
    }

    #[test]
    fn azure_authority_host_may_leave_out_the_scheme() {
        let host = TestHost::new().variable("AZURE_AUTHORITY_HOST", "login.example");
        assert_eq!(host.config(json!({}), json!({})).endpoints().login.as_str(), "https://login.example");
    }

    #[test]
    fn the_metadata_service_is_the_machines_own_unless_an_endpoint_names_another() {
        let host = TestHost::new();
        assert_eq!(host.config(json!({}), json!({})).endpoints().imds.as_str(), "http://169.254.169.254");
        let config = host.config(json!({"endpoints": {"imds": "http://127.0.0.1:1234"}}), json!({}));
        assert_eq!(config.endpoints().imds.as_str(), "http://127.0.0.1:1234");
    }
}
