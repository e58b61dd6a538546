//! Checks of single values: URLs, hosts, names, ids.

use super::auth::Auth;
use super::resolve::{Principal, invalid};
use super::types::FederatedCredential;
use crate::cloud::Cloud;
use crate::error::{Code, Error};

/// Holds a base URL that credentials may be sent to: https, or http on loopback; no user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Reads a base URL; a slash at its end is dropped.
    ///
    /// # Errors
    /// `config-invalid-value` or `config-insecure-url` with that path.
    pub fn parse(text: &str, path: &str) -> Result<Self, Error> {
        let wrong = || invalid(path, "this is not a URL such as https://host.example");
        if text.contains(['@', '?', '#', '\\']) || text.bytes().any(|b| b <= b' ' || b >= 0x7f) {
            return Err(wrong());
        }
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(wrong()) };
        let host = host.to_ascii_lowercase();
        let plain_host = !host.starts_with('[')
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
        if host.is_empty() || !(plain_host || host.starts_with('[')) {
            return Err(wrong());
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(&host) => {}
            "http" => {
                return Err(Error::config(
                    Code::ConfigInsecureUrl,
                    path,
                    "a credential must not travel over plain http; it is accepted on loopback alone",
                ));
            }
            _ => return Err(wrong()),
        }
        let port = uri.port_u16().filter(|p| *p != if scheme == "https" { 443 } else { 80 });
        let port = port.map(|p| format!(":{p}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}{}", uri.path().trim_end_matches('/'))))
    }

    /// Returns the instance metadata service of an Azure machine: plain HTTP by nature, on a link-local
    /// address that leaves no machine, and asked without any credential.
    pub(super) fn instance_metadata() -> Self {
        Self("http://169.254.169.254".to_owned())
    }

    /// Returns the URL without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        }
    }

    /// Returns scheme, host and port alone, which is what a credential is bound to.
    #[must_use]
    pub fn without_path(&self) -> Self {
        let scheme = self.0.split("://").next().unwrap_or_default();
        Self(format!("{scheme}://{}", self.authority()))
    }

    /// Returns true for 127.0.0.0/8, `::1` and `localhost`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.host())
    }

    fn authority(&self) -> &str {
        self.0.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default()
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// Checks a workspace's URL against the cloud.
pub(super) fn workspace(text: &str, path: &str, cloud: Cloud, extra: &[Origin]) -> Result<Origin, Error> {
    let origin = Origin::parse(text, path)?;
    if origin != origin.without_path() {
        return Err(invalid(
            path,
            "write the workspace's URL without a path, such as https://adb-1234567890123456.7.azuredatabricks.net",
        ));
    }
    host_of_cloud(&origin, path, cloud.workspace_suffix(), extra)?;
    Ok(origin)
}

/// Refuses a host that is neither below the suffix, nor named, nor on loopback.
pub(super) fn host_of_cloud(
    origin: &Origin,
    path: &str,
    suffix: &str,
    extra: &[Origin],
) -> Result<(), Error> {
    let host = origin.host();
    if origin.is_loopback() || extra.contains(origin) || (host.ends_with(suffix) && host.len() > suffix.len())
    {
        return Ok(());
    }
    Err(Error::config(
        Code::ConfigHostOutsideCloud,
        path,
        format!("the host {host} does not end in {suffix}, as those of the chosen cloud do"),
    ))
}

/// Checks a target's name, which stands in the ledger.
pub(super) fn target_name(name: &str, path: &str) -> Result<(), Error> {
    let fine = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if fine {
        return Ok(());
    }
    Err(invalid(
        path,
        "a name has 1 to 64 letters, digits, `-`, `_` and `.`, and begins with a letter or digit",
    ))
}

pub(super) fn principal(principal: &Principal, path: &str) -> Result<(), Error> {
    if let Some(id) = &principal.client_id {
        guid(id, &format!("{path}.client-id"))?;
    }
    if let Some(id) = &principal.tenant_id {
        tenant(id, &format!("{path}.tenant-id"))?;
    }
    if let Some(id) = &principal.account_id {
        guid(id, &format!("{path}.account-id"))?;
    }
    if let Some(name) = &principal.display_name
        && (name.trim().is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control))
    {
        return Err(invalid(&format!("{path}.display-name"), "a display name has 1 to 120 characters"));
    }
    Ok(())
}

/// Checks the ids inside a sign-in.
pub(super) fn auth(auth: &Auth, path: &str) -> Result<(), Error> {
    let (client, tenant_id, resource) = match auth {
        Auth::AzureClientSecret { client_id, tenant_id, azure_resource_id, .. }
        | Auth::AzureClientCertificate { client_id, tenant_id, azure_resource_id, .. }
        | Auth::GithubOidcAzure { client_id, tenant_id, azure_resource_id, .. }
        | Auth::AzureDevopsOidc { client_id, tenant_id, azure_resource_id, .. }
        | Auth::AzureWorkloadIdentity { client_id, tenant_id, azure_resource_id, .. } => {
            (client_id, tenant_id, azure_resource_id)
        }
        Auth::AzureMsi { client_id, azure_resource_id } => (client_id, &None, azure_resource_id),
        Auth::AzureCli { tenant_id, azure_resource_id } => (&None, tenant_id, azure_resource_id),
        Auth::OauthM2m { client_id, .. }
        | Auth::GithubOidc { client_id, .. }
        | Auth::EnvOidc { client_id, .. }
        | Auth::FileOidc { client_id, .. } => (client_id, &None, &None),
        Auth::Pat { .. } | Auth::AccessToken { .. } => (&None, &None, &None),
    };
    if let Some(id) = client {
        guid(id, &format!("{path}.client-id"))?;
    }
    if let Some(id) = tenant_id {
        tenant(id, &format!("{path}.tenant-id"))?;
    }
    if let Some(id) = resource
        && !id.to_ascii_lowercase().starts_with("/subscriptions/")
    {
        return Err(invalid(
            &format!("{path}.azure-resource-id"),
            "write the resource id of the workspace: \
             /subscriptions/…/resourceGroups/…/providers/Microsoft.Databricks/workspaces/…",
        ));
    }
    Ok(())
}

/// Checks a federated credential by the rules of Entra ID.
///
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>
pub(super) fn federated(federated: &FederatedCredential, path: &str) -> Result<(), Error> {
    if federated.subject.trim().is_empty() || federated.subject.len() > 600 {
        return Err(invalid(&format!("{path}.subject"), "a subject has 1 to 600 characters"));
    }
    if let Some(issuer) = &federated.issuer {
        Origin::parse(issuer, &format!("{path}.issuer"))?;
        if issuer.contains("token.actions.githubusercontent.com") && issuer.ends_with('/') {
            return Err(invalid(
                &format!("{path}.issuer"),
                "GitHub's issuer has no slash at its end; with one nothing matches",
            ));
        }
    }
    if let Some(name) = &federated.name
        && (!(3..=120).contains(&name.len())
            || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            || name.starts_with(['-', '_']))
    {
        return Err(invalid(&format!("{path}.name"), "a name has 3 to 120 letters, digits, `-` and `_`"));
    }
    Ok(())
}

pub(super) fn comment(comment: &str, path: &str) -> Result<(), Error> {
    if comment.chars().count() > 120 || comment.chars().any(|c| c.is_control() || c == '[' || c == ']') {
        return Err(invalid(path, "a comment has at most 120 characters, no line end and no square bracket"));
    }
    Ok(())
}

fn guid(text: &str, path: &str) -> Result<(), Error> {
    let groups: Vec<&str> = text.split('-').collect();
    let fine = groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()));
    if fine {
        return Ok(());
    }
    // The text is not repeated: people paste secrets into the field for the id.
    Err(invalid(path, "this is not an id of the form 00000000-0000-0000-0000-000000000000"))
}

fn tenant(text: &str, path: &str) -> Result<(), Error> {
    let domain =
        text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if domain { Ok(()) } else { guid(text, path) }
}
