//! What is checked before anything is sent: that every secret is there which the command will need.

use super::{Command, Revocation};
use crate::config::{Auth, Config, GithubSignIn, SinkConfig, Target};
use crate::credential::CredentialKind;
use crate::error::{Code, Error};
use crate::platform::Environment;
use crate::sign_in::{check_principal_references, check_references, resolve_secret};

/// Checks the targets that a command serves.
///
/// # Errors
/// A configuration error with the path of the key.
pub(super) fn preflight(
    config: &Config,
    targets: &[&Target],
    command: &Command,
    environment: &dyn Environment,
) -> Result<(), Error> {
    match command {
        // It is there to say what is missing.
        Command::Doctor => return Ok(()),
        Command::Rotate { .. } => {
            for target in targets {
                require_delivery(target)?;
            }
        }
        _ => {}
    }
    let provisions = matches!(command, Command::Provision | Command::Plan);
    for target in targets {
        let makes_its_secret = provisions && target.credentials.iter().any(|c| c.kind != CredentialKind::Pat);
        let admin_stands_in =
            matches!(command, Command::Revoke(Revocation::All | Revocation::Id(_))) && target.admin.is_some();
        if !makes_its_secret && !admin_stands_in {
            let makes_its_application =
                target.principal.client_id.is_none() || target.federated_credential.is_some();
            check_principal(
                target,
                environment,
                provisions && target.directory.is_some() && makes_its_application,
            )?;
        }
        if provisions {
            optional(target.admin.as_ref(), &format!("{}.admin", target.path), environment)?;
        }
        let directory = provisions || target.credential(CredentialKind::ClientSecret).is_some();
        if directory {
            optional(target.directory.as_ref(), &format!("{}.directory", target.path), environment)?;
        }
        for credentials in &target.credentials {
            for (index, sink) in credentials.deliver.iter().enumerate() {
                check_sink(config, sink, &format!("{}[{index}]", credentials.deliver_path), environment)?;
            }
        }
    }
    Ok(())
}

/// Refuses to make a credential that nobody would get.
fn require_delivery(target: &Target) -> Result<(), Error> {
    match target.credentials.iter().find(|c| c.deliver.is_empty()) {
        None => Ok(()),
        Some(credentials) => Err(Error::config(
            Code::ConfigMissingKey,
            &credentials.deliver_path,
            "a credential that is delivered nowhere is lost the moment it is made",
        )),
    }
}

fn check_principal(
    target: &Target,
    environment: &dyn Environment,
    explained_later: bool,
) -> Result<(), Error> {
    match check_principal_references(target, environment) {
        // Provisioning an application says what is missing in terms of what it would make.
        Err(error) if explained_later && error.code() == Code::ConfigMissingSecret => Ok(()),
        // What the environment does not hold is no mistake in the document; the target fails and others are
        // served.
        Err(error) if error.code() == Code::SignInNotConfigured => Ok(()),
        other => other,
    }
}

fn optional(auth: Option<&Auth>, path: &str, environment: &dyn Environment) -> Result<(), Error> {
    auth.map_or(Ok(()), |auth| check_references(auth, path, environment))
}

fn check_sink(
    config: &Config,
    sink: &SinkConfig,
    path: &str,
    environment: &dyn Environment,
) -> Result<(), Error> {
    match sink {
        SinkConfig::GithubSecret { .. } => match &config.github {
            Some(GithubSignIn::App { private_key, .. }) => {
                resolve_secret(private_key, "github.private-key", environment).map(drop)
            }
            Some(GithubSignIn::Token { token }) => {
                resolve_secret(token, "github.token", environment).map(drop)
            }
            None => Ok(()),
        },
        SinkConfig::KeyVault { auth, .. } | SinkConfig::AzureDevopsVariable { auth, .. } => {
            if auth.is_none() {
                optional(config.azure.as_ref(), "azure", environment)?;
            }
            optional(auth.as_ref(), &format!("{path}.auth"), environment)
        }
        SinkConfig::DatabricksSecret { auth, .. } => {
            optional(auth.as_ref(), &format!("{path}.auth"), environment)
        }
        SinkConfig::Webhook { key, .. } => resolve_secret(key, &format!("{path}.key"), environment).map(drop),
        SinkConfig::Command { .. } | SinkConfig::Callback { .. } => Ok(()),
    }
}
