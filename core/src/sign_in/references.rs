//! References to secrets: resolving them, and checking them before anything is sent.

use zeroize::Zeroizing;

use crate::config::{Auth, SecretRef, Target};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::platform::Environment;
use crate::secret::Secret;

/// Resolves a reference and has the host mask what it holds.
///
/// # Errors
/// `config-missing-secret` with the path of the key.
pub fn secret(context: &Context<'_>, reference: &SecretRef, path: &str) -> Result<Secret, Error> {
    // What was renewed a moment ago may be revoked already, and the environment still holds the old value.
    if let Some(renewed) = context.renewed_secret(path) {
        return Ok(renewed);
    }
    resolve_secret(reference, path, context.session.host.environment).map(|secret| context.masked(secret))
}

/// Resolves a reference to a secret.
///
/// # Errors
/// `config-missing-secret` with the path of the key.
pub fn resolve_secret(
    reference: &SecretRef,
    path: &str,
    environment: &dyn Environment,
) -> Result<Secret, Error> {
    let bytes = resolve_bytes(reference, path, environment)?;
    let missing = |message: String| Error::config(Code::ConfigMissingSecret, path, message);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| missing(format!("{} is not UTF-8 text", place(reference))))?;
    let text = match reference {
        SecretRef::Env(_) => text,
        SecretRef::File(_) => {
            text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(text)
        }
    };
    if text.is_empty() {
        return Err(missing(format!("{} is empty", place(reference))));
    }
    Ok(Secret::new(text))
}

/// Resolves a reference to a secret that may be binary.
///
/// # Errors
/// `config-missing-secret` with the path of the key.
pub(crate) fn resolve_bytes(
    reference: &SecretRef,
    path: &str,
    environment: &dyn Environment,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let missing = |message: String| Error::config(Code::ConfigMissingSecret, path, message);
    match reference {
        SecretRef::Env(name) => environment
            .variable(name)
            .map(|value| Zeroizing::new(value.into_bytes()))
            .ok_or_else(|| missing(format!("{} is not set, or is empty", place(reference)))),
        SecretRef::File(file) => environment
            .file(file)
            .map(Zeroizing::new)
            .map_err(|reason| missing(format!("{} cannot be read: {reason}", place(reference)))),
    }
}

fn place(reference: &SecretRef) -> String {
    match reference {
        SecretRef::Env(name) => format!("the environment variable {name}"),
        SecretRef::File(file) => format!("the file {file}"),
    }
}

/// Checks that every secret that a sign-in refers to is there, sending nothing.
///
/// `path` is the place of the sign-in in the document, such as `targets[0].auth`.
///
/// # Errors
/// `config-missing-secret` with the path of the key, such as `targets[0].auth.client-secret`.
pub fn check_references(auth: &Auth, path: &str, environment: &dyn Environment) -> Result<(), Error> {
    let check = |reference: &SecretRef, key: &str| {
        resolve_secret(reference, &format!("{path}.{key}"), environment).map(drop)
    };
    let check_file = |file: &str| check(&SecretRef::File(file.to_owned()), "path");
    match auth {
        Auth::Pat { token } | Auth::AccessToken { token } => check(token, "token"),
        Auth::AzureClientSecret { client_secret, .. } | Auth::OauthM2m { client_secret, .. } => {
            check(client_secret, "client-secret")
        }
        Auth::AzureClientCertificate { certificate, password, .. } => {
            // A PKCS#12 is no text.
            if resolve_bytes(certificate, &format!("{path}.certificate"), environment)?.is_empty() {
                let key = format!("{path}.certificate");
                return Err(Error::config(
                    Code::ConfigMissingSecret,
                    key,
                    format!("{} is empty", place(certificate)),
                ));
            }
            password.as_ref().map_or(Ok(()), |password| check(password, "password"))
        }
        Auth::EnvOidc { variable, .. } => {
            check(&SecretRef::Env(oidc_variable(variable.as_deref(), environment)), "variable")
        }
        Auth::FileOidc { path, .. } => check_file(path),
        Auth::AzureWorkloadIdentity { path: file, .. } => {
            check_file(&federated_token_file(file.as_deref(), path, environment)?)
        }
        Auth::GithubOidcAzure { .. }
        | Auth::AzureDevopsOidc { .. }
        | Auth::AzureMsi { .. }
        | Auth::AzureCli { .. }
        | Auth::GithubOidc { .. } => Ok(()),
    }
}

/// Checks that every secret by which the target's principal signs in is there, sending nothing.
///
/// # Errors
/// `config-missing-secret`; `sign-in-not-configured` where neither the target nor the environment says how.
pub fn check_principal_references(target: &Target, environment: &dyn Environment) -> Result<(), Error> {
    let (auth, path) = super::principal_auth_of(target, environment)?;
    check_references(&auth, &path, environment)
}

/// Returns the variable that holds the token of `env-oidc`.
pub(super) fn oidc_variable(configured: Option<&str>, environment: &dyn Environment) -> String {
    configured
        .map(str::to_owned)
        .or_else(|| environment.variable("DATABRICKS_OIDC_TOKEN_ENV"))
        .unwrap_or_else(|| "DATABRICKS_OIDC_TOKEN".to_owned())
}

/// Returns the file that holds the token of `azure-workload-identity`.
pub(super) fn federated_token_file(
    configured: Option<&str>,
    path: &str,
    environment: &dyn Environment,
) -> Result<String, Error> {
    configured.map(str::to_owned).or_else(|| environment.variable("AZURE_FEDERATED_TOKEN_FILE")).ok_or_else(
        || {
            Error::config(
                Code::ConfigMissingSecret,
                format!("{path}.path"),
                "no path is given, and AZURE_FEDERATED_TOKEN_FILE is not set",
            )
        },
    )
}
