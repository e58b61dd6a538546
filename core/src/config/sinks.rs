//! Checks of places of delivery, before anything is sent.

use super::check::{self, Origin};
use super::resolve::{Target, invalid};
use super::types::{GithubApp, GroupRef, SinkConfig, Visibility};
use crate::cloud::Cloud;
use crate::error::{Code, Error};

/// Holds what the checks need of the rest of the document.
pub(super) struct Rules<'a> {
    pub(super) cloud: Cloud,
    pub(super) extra: &'a [Origin],
    pub(super) vault_suffix: &'a str,
    pub(super) azure_devops: Option<&'a Origin>,
}

/// Checks one sink and returns a text that is the same for the same place.
pub(super) fn check(
    sink: &SinkConfig,
    path: &str,
    target: &Target,
    rules: &Rules<'_>,
) -> Result<String, Error> {
    let at = |key: &str| format!("{path}.{key}");
    match sink {
        SinkConfig::GithubSecret {
            repository,
            secret,
            environment,
            organization,
            visibility,
            repositories,
            app,
        } => {
            github_secret_name(secret, &at("secret"))?;
            let place = match (repository, organization) {
                (Some(repository), None) => {
                    let mut parts = repository.split('/');
                    let fine = parts.by_ref().take(2).filter(|p| github_name(p)).count() == 2
                        && parts.next().is_none();
                    if !fine {
                        return Err(invalid(&at("repository"), "write the repository as owner/name"));
                    }
                    repository
                }
                (None, Some(organization)) => {
                    if !github_name(organization) {
                        return Err(invalid(&at("organization"), "this is not the name of an organisation"));
                    }
                    organization
                }
                (None, None) => {
                    return Err(Error::config(
                        Code::ConfigMissingKey,
                        at("repository"),
                        "give `repository` or `organization`",
                    ));
                }
                (Some(_), Some(_)) => {
                    return Err(invalid(&at("organization"), "give either `repository` or `organization`"));
                }
            };
            if let Some(environment) = environment {
                if organization.is_some() || *app == Some(GithubApp::Dependabot) {
                    return Err(invalid(
                        &at("environment"),
                        "only a repository's Actions secrets have environments",
                    ));
                }
                if environment.is_empty()
                    || environment.len() > 255
                    || environment.chars().any(char::is_control)
                {
                    return Err(invalid(&at("environment"), "an environment's name has 1 to 255 characters"));
                }
            }
            if organization.is_none() && visibility.is_some() {
                return Err(invalid(&at("visibility"), "only an organisation's secret has a visibility"));
            }
            match (visibility, repositories) {
                (Some(Visibility::Selected), None) => {
                    return Err(Error::config(
                        Code::ConfigMissingKey,
                        at("repositories"),
                        "name the repositories that see the secret",
                    ));
                }
                (visibility, Some(_)) if *visibility != Some(Visibility::Selected) => {
                    return Err(invalid(
                        &at("repositories"),
                        "repositories are named with `visibility: selected` only",
                    ));
                }
                (_, Some(names)) => {
                    for (index, name) in names.iter().enumerate() {
                        if !github_name(name) {
                            return Err(invalid(
                                &at(&format!("repositories[{index}]")),
                                "write the repository's name without its owner",
                            ));
                        }
                    }
                }
                (_, None) => {}
            }
            let app = if *app == Some(GithubApp::Dependabot) { "dependabot" } else { "actions" };
            Ok(format!("github {app} {place} {} {secret}", environment.as_deref().unwrap_or(""))
                .to_ascii_lowercase())
        }
        SinkConfig::KeyVault { vault, secret, tags, auth } => {
            let origin = Origin::parse(vault, &at("vault"))?;
            check::host_of_cloud(&origin, &at("vault"), rules.vault_suffix, &[])?;
            if origin != origin.without_path() {
                return Err(invalid(
                    &at("vault"),
                    "write the vault's URL without a path, such as https://acme.vault.azure.net",
                ));
            }
            if !(1..=127).contains(&secret.len())
                || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            {
                return Err(invalid(
                    &at("secret"),
                    "a name in Key Vault has 1 to 127 letters, digits and `-`",
                ));
            }
            if tags.as_ref().is_some_and(|tags| {
                tags.len() > 12
                    || tags.iter().any(|(k, v)| k.len() > 256 || v.len() > 256 || k.starts_with("lakekey"))
            }) {
                return Err(invalid(
                    &at("tags"),
                    "at most 12 tags of at most 256 characters, none beginning with `lakekey`",
                ));
            }
            check_auth(auth.as_ref(), path)?;
            Ok(format!("vault {origin} {}", secret.to_ascii_lowercase()))
        }
        SinkConfig::AzureDevopsVariable { organization, project, group, variable, auth } => {
            let organization = match (organization, rules.azure_devops) {
                (Some(name), _) => {
                    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                        return Err(invalid(
                            &at("organization"),
                            "write the organisation's name alone, such as acme",
                        ));
                    }
                    name.clone()
                }
                (None, Some(origin)) => origin.as_str().to_owned(),
                (None, None) => {
                    return Err(Error::config(
                        Code::ConfigMissingKey,
                        at("organization"),
                        "give `organization`, or `endpoints.azure-devops`",
                    ));
                }
            };
            if project.trim().is_empty() || project.contains(['/', '\\']) {
                return Err(invalid(&at("project"), "write the project's name or id"));
            }
            if matches!(group, GroupRef::Name(name) if name.trim().is_empty()) {
                return Err(invalid(&at("group"), "write the group's number or name"));
            }
            if variable.trim().is_empty()
                || variable.chars().any(|c| c.is_control() || c == '$' || c == '(' || c == ')')
            {
                return Err(invalid(&at("variable"), "this is not a name of a variable"));
            }
            check_auth(auth.as_ref(), path)?;
            Ok(format!("azure-devops {organization} {project} {group} {variable}").to_lowercase())
        }
        SinkConfig::DatabricksSecret { workspace, scope, key, auth, .. } => {
            let workspace = match workspace {
                Some(text) => check::workspace(text, &at("workspace"), rules.cloud, rules.extra)?,
                None => target.workspace.clone(),
            };
            for (value, name) in [(scope, "scope"), (key, "key")] {
                let fine = (1..=128).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@/ ".contains(&b));
                if !fine {
                    return Err(invalid(&at(name), "1 to 128 letters, digits, `-`, `_`, `.`, `@` and `/`"));
                }
            }
            check_auth(auth.as_ref(), path)?;
            Ok(format!("databricks {workspace} {scope} {key}"))
        }
        SinkConfig::Webhook { url, .. } => {
            let origin = Origin::parse(url, &at("url"))?;
            // The value says whose it is, so that one service may take those of many targets.
            Ok(format!("webhook {} {origin}", target.name))
        }
        SinkConfig::Command { run, .. } => {
            if run.first().is_none_or(String::is_empty) || run.iter().any(|part| part.contains('\0')) {
                return Err(invalid(
                    &at("run"),
                    "write the program and its arguments as a list, such as [./push-to-catalog]",
                ));
            }
            Ok(format!("command {} {}", target.name, run.join("\0")))
        }
        SinkConfig::Callback { name } => {
            if name.is_empty() {
                return Err(invalid(&at("name"), "a callback has the name under which the caller passes it"));
            }
            Ok(format!("callback {} {name}", target.name))
        }
    }
}

fn check_auth(auth: Option<&super::auth::Auth>, path: &str) -> Result<(), Error> {
    auth.map_or(Ok(()), |auth| check::auth(auth, &format!("{path}.auth")))
}

/// Checks a name by GitHub's rules.
///
/// <https://docs.github.com/actions/reference/security/secrets>
fn github_secret_name(name: &str, path: &str) -> Result<(), Error> {
    let fine = !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.as_bytes()[0].is_ascii_digit()
        && !name.to_ascii_uppercase().starts_with("GITHUB_");
    if fine {
        return Ok(());
    }
    Err(invalid(
        path,
        "a secret's name has letters, digits and `_`, begins with no digit and not with GITHUB_",
    ))
}

fn github_name(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
