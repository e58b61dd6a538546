//! Which hosts may get a secret: the vendors' own, the machine itself, and those that are named outside the
//! configuration. Who may edit the file alone sends no secret to a host of their choice.

use crate::host::Environment;
use crate::model::{Code, Error, Origin};

/// The variable that names hosts outside the configuration, with commas or blanks between them.
const VARIABLE: &str = "LAKEKEY_ALLOW_HOSTS";

/// Variables of a job that name hosts outside the configuration too.
const OF_THE_JOB: [&str; 6] = [
    "GITHUB_API_URL",
    "GITHUB_SERVER_URL",
    "AZURE_AUTHORITY_HOST",
    "SYSTEM_COLLECTIONURI",
    "SYSTEM_TEAMFOUNDATIONCOLLECTIONURI",
    "IDENTITY_ENDPOINT",
];

/// Names the services whose hosts a configuration can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// Entra ID.
    Login,
    /// Microsoft Graph.
    Graph,
    /// The API of GitHub.
    Github,
    /// Azure DevOps.
    AzureDevops,
    /// The Databricks account.
    Accounts,
    /// A workspace.
    Workspace,
    /// A vault.
    Vault,
    /// The machine's own metadata.
    Metadata,
    /// A service of the user's: nobody's own.
    User,
}

impl Served {
    /// Returns the vendor's own hosts; what begins with a dot stands for all below it.
    ///
    /// <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>,
    /// <https://learn.microsoft.com/graph/deployments>,
    /// <https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates>
    const fn own(self) -> &'static [&'static str] {
        match self {
            Self::Login => &[
                "login.microsoftonline.com",
                "login.microsoftonline.us",
                "login.partner.microsoftonline.cn",
                "login.chinacloudapi.cn",
                "login.windows.net",
                ".login.microsoft.com",
            ],
            Self::Graph => &[
                "graph.microsoft.com",
                "graph.microsoft.us",
                "dod-graph.microsoft.us",
                "microsoftgraph.chinacloudapi.cn",
            ],
            Self::Github => &["api.github.com", ".ghe.com"],
            Self::AzureDevops => &["dev.azure.com", ".visualstudio.com"],
            Self::Accounts => &[
                "accounts.azuredatabricks.net",
                "accounts.databricks.azure.us",
                "accounts.databricks.azure.cn",
            ],
            Self::Workspace => &[".azuredatabricks.net", ".databricks.azure.us", ".databricks.azure.cn"],
            Self::Vault => &[".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net"],
            Self::Metadata => &["169.254.169.254"],
            Self::User => &[],
        }
    }
}

/// Holds the hosts that are named outside the configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allowed(Vec<String>);

impl Allowed {
    /// Reads what the environment names.
    ///
    /// # Errors
    /// `config-invalid-value` with the variable's name, for what is no host.
    pub(crate) fn read(environment: &dyn Environment) -> Result<Self, Error> {
        let listed = environment.variable(VARIABLE).unwrap_or_default();
        let mut hosts = Vec::new();
        for text in listed.split([',', ' ', '\n', '\t', ';']).map(str::trim).filter(|text| !text.is_empty()) {
            hosts.push(named(text).ok_or_else(|| {
                let words =
                    "write hosts such as hooks.example.com or *.example.com, with commas between them";
                Error::invalid(VARIABLE, words)
            })?);
        }
        let of_job = OF_THE_JOB.iter().filter_map(|name| environment.variable(name));
        hosts.extend(of_job.filter_map(|text| named(&text)));
        Ok(Self(hosts))
    }

    /// Refuses a host that the configuration alone has chosen.
    ///
    /// # Errors
    /// `config-host-outside-cloud` with that path.
    pub(crate) fn check(&self, origin: &Origin, served: Served, path: &str) -> Result<(), Error> {
        let host = origin.host();
        let is_listed = |listed: &str| match listed.strip_prefix('.') {
            Some(parent) => {
                host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            None => host == listed,
        };
        // The vendors serve no other port than TLS's own.
        let own = !origin.has_port() && served.own().iter().any(|listed| is_listed(listed));
        if own || origin.is_loopback() || self.0.iter().any(|listed| is_listed(listed)) {
            return Ok(());
        }
        let words = format!(
            "a secret would go to {host}, which is none of the vendors' own hosts and which the \
             configuration alone names"
        );
        Err(Error::config(Code::ConfigHostOutsideCloud, path, words).with_hint(format!(
            "if that is meant, name it outside the file too: --allow-host {host}, or {VARIABLE}={host} in \
             the job's environment"
        )))
    }
}

/// Returns the host that a text names, as a host, a pattern such as `*.example.com`, or an address.
fn named(text: &str) -> Option<String> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return None;
    }
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let host = bracketed.unwrap_or_else(|| host.split(':').next().unwrap_or_default()).to_ascii_lowercase();
    let (dot, bare) = match host.strip_prefix("*.").or_else(|| host.strip_prefix('.')) {
        Some(parent) => (".", parent.to_owned()),
        None => ("", host),
    };
    // A whole domain such as `com` is nobody's.
    let is_wide = !dot.is_empty() && !bare.contains('.');
    let fine = !bare.is_empty()
        && !is_wide
        && bare.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
        && bare.split('.').all(|label| !label.is_empty());
    fine.then(|| format!("{dot}{bare}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::host::testing::TestHost;

    fn allowed(value: &str) -> Allowed {
        Allowed::read(&TestHost::new().variable(VARIABLE, value)).unwrap()
    }

    fn passes(allowed: &Allowed, url: &str, served: Served) -> bool {
        allowed.check(&Origin::parse(url, "x").unwrap(), served, "x").is_ok()
    }

    #[test]
    fn the_vendors_own_hosts_and_the_machine_itself_need_no_naming() {
        let none = Allowed::default();
        for (url, served) in [
            ("https://login.microsoftonline.us", Served::Login),
            ("https://westeurope.login.microsoft.com", Served::Login),
            ("https://graph.microsoft.com", Served::Graph),
            ("https://dev.azure.com/acme", Served::AzureDevops),
            ("https://acme.visualstudio.com", Served::AzureDevops),
            ("https://acme.vault.azure.net", Served::Vault),
            ("http://127.0.0.1:1", Served::User),
            ("https://localhost/hook", Served::User),
        ] {
            assert!(passes(&none, url, served), "{url}");
        }
    }

    #[test]
    fn another_host_is_refused_until_it_is_named_outside_the_file() {
        let hosts = [
            "https://login.example",
            "https://login.microsoftonline.com.example",
            "https://graph.microsoft.com",
        ];
        for url in hosts {
            assert!(!passes(&Allowed::default(), url, Served::Login), "{url}");
        }
        assert!(!passes(&Allowed::default(), "https://xvault.azure.net", Served::Vault));
        assert!(passes(&allowed("a.example, hooks.example"), "https://HOOKS.example/x", Served::User));
        assert!(passes(&allowed("*.example.com"), "https://a.b.example.com", Served::User));
        assert!(!passes(&allowed("*.example.com"), "https://example.com", Served::User));
        assert!(!passes(&allowed("example.com"), "https://a.example.com", Served::User));
        let error = Allowed::default()
            .check(&Origin::parse("https://hooks.example", "x").unwrap(), Served::User, "targets[0].url")
            .unwrap_err();
        assert_eq!(error.key(), Some("targets[0].url"));
        assert!(error.hint().contains("--allow-host hooks.example"), "{}", error.hint());
    }

    #[test]
    fn the_hosts_that_the_job_names_count_as_named() {
        let host = TestHost::new().variable("GITHUB_API_URL", "https://ghe.example/api/v3");
        let allowed = Allowed::read(&host).unwrap();
        assert!(passes(&allowed, "https://ghe.example/api/v3", Served::Github));
    }

    #[test]
    fn what_is_no_host_is_refused_and_so_is_a_whole_top_level() {
        for text in ["*.com", "*", "a..b", "https://user@host.example", "a_b!", "."] {
            let host = TestHost::new().variable(VARIABLE, text);
            assert_eq!(Allowed::read(&host).unwrap_err().key(), Some(VARIABLE), "{text}");
        }
    }
}
