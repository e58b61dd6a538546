//! A repository of GitHub, as people write it.

use crate::model::Error;

/// Names a repository of GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The owner.
    pub owner: String,
    /// The name without its owner.
    pub name: String,
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Repository {
    /// Reads `owner/name`; `.git` at its end is what clones are called, and no part of the name.
    ///
    /// # Errors
    /// `config-invalid-value` with that path.
    pub fn read(text: &str, path: &str) -> Result<Self, Error> {
        match text.trim().trim_end_matches(".git").split('/').collect::<Vec<_>>()[..] {
            [owner, name] if is_github_name(owner) && is_github_name(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(Error::invalid(path, "write the repository as owner/name, such as acme/data")
                .with_hint(instead(text))),
        }
    }
}

/// Says what to write in place of the address of a repository, or of a name without its owner.
fn instead(text: &str) -> String {
    let after_host = |rest: &'_ str| rest.split_once(['/', ':']).map(|(_, path)| path.to_owned());
    let of_url = text.split_once("://").map(|(_, rest)| rest).or_else(|| text.strip_prefix("git@"));
    let path = of_url.or_else(|| text.starts_with("github.com/").then_some(text)).and_then(after_host);
    let path = path.as_deref().unwrap_or(text).trim_matches('/');
    let mut parts = path.split(['/', '?', '#']).map(|part| part.trim_end_matches(".git"));
    match (parts.next(), parts.next()) {
        (Some(owner), Some(name)) if is_github_name(owner) && is_github_name(name) => {
            format!("write {owner}/{name}")
        }
        (Some(name), None) if is_github_name(name) && name.len() <= 40 => {
            format!("write its owner too, such as acme/{name}")
        }
        _ => "write the owner, a slash and the name, such as acme/data".to_owned(),
    }
}

/// Returns true for what may be the name of a repository or of its owner.
pub(crate) fn is_github_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && !matches!(name, "." | "..")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_owner_and_name_and_an_address_is_told_as_what_to_write() {
        for text in ["acme/data", "acme/data.git", " acme/data "] {
            assert_eq!(Repository::read(text, "r").unwrap().to_string(), "acme/data");
        }
        for (text, hint) in [
            ("https://github.com/acme/data", "write acme/data"),
            ("https://github.com/acme/data.git/", "write acme/data"),
            ("https://github.com/acme/data/tree/main", "write acme/data"),
            ("git@github.com:acme/data.git", "write acme/data"),
            ("ssh://git@github.com/acme/data", "write acme/data"),
            ("github.com/acme/data", "write acme/data"),
            ("acme/data/", "write acme/data"),
            ("data", "write its owner too, such as acme/data"),
            ("acme/..", "write the owner, a slash and the name, such as acme/data"),
            ("", "write the owner, a slash and the name, such as acme/data"),
        ] {
            assert_eq!(Repository::read(text, "r").unwrap_err().hint(), hint, "{text}");
        }
    }
}
