//! The ways to sign in, by the `type` under which the configuration knows them.

use std::rc::Rc;

use schemars::SchemaGenerator;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::access_token::AccessToken;
use super::azure_cli::AzureCli;
use super::azure_client_certificate::AzureClientCertificate;
use super::azure_client_secret::AzureClientSecret;
use super::azure_devops_oidc::AzureDevopsOidc;
use super::azure_msi::AzureMsi;
use super::azure_workload_identity::AzureWorkloadIdentity;
use super::context::{Method, SignIn};
use super::env_oidc::EnvOidc;
use super::file_oidc::FileOidc;
use super::github_oidc::GithubOidc;
use super::github_oidc_azure::GithubOidcAzure;
use super::oauth_m2m::OauthM2m;
use super::pat::Pat;
use crate::config::{AuthValue, decode, known, one_of, take_type};
use crate::model::Error;

/// Decodes what stands at a path of the document.
type Read = fn(Value, &str) -> Result<Rc<dyn Method>, Error>;

fn read_as<M: Method + DeserializeOwned + 'static>(
    value: Value,
    path: &str,
) -> Result<Rc<dyn Method>, Error> {
    Ok(Rc::new(decode::<M>(value, path)?))
}

// Every way to sign in; to add one is to add its file and its line here.
known! {
    Read:
    Pat as "pat",
    AccessToken as "access-token",
    AzureClientSecret as "azure-client-secret",
    AzureClientCertificate as "azure-client-certificate",
    GithubOidcAzure as "github-oidc-azure",
    AzureDevopsOidc as "azure-devops-oidc",
    AzureWorkloadIdentity as "azure-workload-identity",
    AzureMsi as "azure-msi",
    AzureCli as "azure-cli",
    OauthM2m as "oauth-m2m",
    GithubOidc as "github-oidc",
    EnvOidc as "env-oidc",
    FileOidc as "file-oidc",
}

/// Reads and checks how somebody signs in, as it stands at `path` of the document.
///
/// # Errors
/// A `config-…` code with the path of the key.
pub(crate) fn read(value: AuthValue, path: &str) -> Result<SignIn, Error> {
    let AuthValue(mut value) = value;
    let method = take_type(&mut value, path, KNOWN)?(value, path)?;
    method.check(path)?;
    Ok(SignIn { method, path: path.to_owned() })
}

/// Describes the ways to sign in.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Value {
    one_of(
        "Says how somebody signs in; named as in Databricks unified authentication.\n\n\
         <https://docs.databricks.com/dev-tools/auth/unified-auth>",
        &variants(),
        generator,
    )
}
