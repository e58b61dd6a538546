//! How a principal, an admin or a sink's writer proves who it is. Each way to sign in is one file: its shape
//! in the configuration, its check, the secrets that it refers to, and what it does.

mod access_token;
mod assertion;
mod azure_cli;
mod azure_client_certificate;
pub(crate) mod azure_client_secret;
mod azure_devops_oidc;
mod azure_msi;
mod azure_workload_identity;
mod cache;
mod certificate;
mod context;
mod databricks;
mod entra;
mod env_oidc;
mod environment;
mod file_oidc;
pub(crate) mod github;
mod github_oidc;
mod github_oidc_azure;
mod jwt;
pub(crate) mod oauth_m2m;
mod parties;
mod pat;
mod pem;
mod principal;
mod registry;
mod resource;
mod unlike;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use assertion::{Job, job};
pub use context::Context;
pub(crate) use context::{Access, Session, SignIn, Subject};
pub(crate) use entra::asked_tenant;
pub(crate) use environment::principal_sign_in as environment_sign_in;
pub(crate) use github::GithubSignIn;
pub(crate) use parties::{
    principal_sign_in, sign_in_account_admin, sign_in_admin, sign_in_directory, tenant_id,
};
#[cfg(test)]
pub(crate) use principal::sign_in_principal;
pub(crate) use principal::{
    as_principal, check_principal, find_in_workspace, known_principal, principal_id, sign_in_keeper,
};
pub(crate) use registry::{read, schema};
pub(crate) use resource::Resource;
