//! A base URL that credentials may be sent to.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::code::Code;
use super::error::Error;

/// Holds a base URL that credentials may be sent to: https, or http on loopback; no user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Reads a base URL; a slash at its end is dropped.
    ///
    /// # Errors
    /// `config-invalid-value` or `config-insecure-url` with that path.
    pub fn parse(text: &str, path: &str) -> Result<Self, Error> {
        Self::read(text, path, is_loopback)
    }

    /// Reads the address of a service of the machine itself, which may be plain HTTP on a link-local address
    /// too: that leaves no machine.
    ///
    /// # Errors
    /// `config-invalid-value` or `config-insecure-url` with that path.
    pub(crate) fn of_machine(text: &str, path: &str) -> Result<Self, Error> {
        let is_link_local = |host: &str| host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_link_local());
        Self::read(text, path, |host| is_loopback(host) || is_link_local(host))
    }

    fn read(text: &str, path: &str, may_be_plain: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let wrong = || Error::invalid(path, "this is not a URL such as https://host.example");
        if text.contains(['@', '?', '#', '\\']) || text.bytes().any(|b| b <= b' ' || b >= 0x7f) {
            return Err(wrong());
        }
        let uri: ::http::Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(wrong()) };
        let host = host.to_ascii_lowercase();
        let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_address = inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
        // What stands behind the host is a port and nothing else.
        let authority =
            text.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
        let behind = authority.get(host.len()..).unwrap_or_default();
        let has_port =
            behind.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if !(is_address || is_host_name(&host)) || !(behind.is_empty() || has_port) {
            return Err(wrong());
        }
        let parts = uri.path().trim_end_matches('/').to_ascii_lowercase().replace("%2e", ".");
        if parts.split('/').skip(1).any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong());
        }
        match scheme {
            "https" => {}
            "http" if may_be_plain(&host) => {}
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
    pub(crate) fn instance_metadata() -> Self {
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

    /// Returns true where a port is named that is not the scheme's own.
    pub(crate) fn has_port(&self) -> bool {
        self.authority().rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'))
    }

    fn authority(&self) -> &str {
        self.0.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns true for the name of a host: labels of letters, digits and `-`, none of them empty.
///
/// <https://www.rfc-editor.org/rfc/rfc1123#section-2.1>
pub(crate) fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_host_can_be_is_no_origin() {
        for text in [
            "https://a..b",
            "https://.azuredatabricks.net",
            "https://azuredatabricks.net.",
            "https://-a.b",
            "https://a-.b",
            "https://a_b.c",
            "https://[::1].azuredatabricks.net",
            "https://[::1]azuredatabricks.net",
            "https://[::zz]",
            "https://[]",
            "https://host.example:",
            "https://host.example:0",
            "https://host.example:99999",
            "https://host.example:443x",
            "https://user@host.example",
            "https://user:password@host.example",
            "https://host.example/a/../b",
            "https://host.example/%2e%2E/b",
            "https://host.example//b",
            "https://",
        ] {
            assert!(Origin::parse(text, "x").is_err(), "{text}");
        }
        for text in
            ["https://host.example:8443/a", "https://[::1]:8443", "https://10.0.0.1", "http://[::1]:1"]
        {
            assert!(Origin::parse(text, "x").is_ok(), "{text}");
        }
    }

    #[test]
    fn a_port_is_told_from_an_address() {
        let has = |text: &str| Origin::parse(text, "x").is_ok_and(|origin| origin.has_port());
        assert!(has("https://a.example:8443") && has("https://[::1]:8443"));
        assert!(!has("https://a.example:443") && !has("https://[::1]") && !has("https://a.example/x:1"));
    }
}
