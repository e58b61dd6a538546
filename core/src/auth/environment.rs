//! The environment's names of Databricks unified authentication and of the Azure SDKs, in their documented
//! order.
//!
//! Of the documented ways those are left out that sign in as a person or as somebody who happens to be at
//! hand: a PAT (the principal must be able to sign in when its PAT has expired), passwords, profiles and
//! log-ins of the machine. `azure-cli` is taken where `DATABRICKS_AUTH_TYPE` asks for it.
//!
//! <https://docs.databricks.com/dev-tools/auth/unified-auth>,
//! <https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential>

use std::rc::Rc;

use super::azure_cli::AzureCli;
use super::azure_client_certificate::AzureClientCertificate;
use super::azure_client_secret::AzureClientSecret;
use super::azure_devops_oidc::AzureDevopsOidc;
use super::azure_msi::AzureMsi;
use super::azure_workload_identity::AzureWorkloadIdentity;
use super::context::{Method, SignIn, Subject};
use super::env_oidc::EnvOidc;
use super::file_oidc::FileOidc;
use super::github_oidc::GithubOidc;
use super::github_oidc_azure::GithubOidcAzure;
use super::oauth_m2m::OauthM2m;
use super::view::View;
use crate::config::Principal;
use crate::host::Environment;
use crate::model::{Code, Error, Step};

/// Names a way to sign in, what it needs, and how it is read.
struct Way {
    name: &'static str,
    needs: &'static str,
    read: fn(&View<'_>) -> Option<Rc<dyn Method>>,
}

/// Makes a line of the table below.
macro_rules! way {
    ($name:literal, $method:ident, $read:ident) => {
        Way {
            name: $name,
            needs: $method::NEEDS,
            read: |view| $method::$read(view).map(|method| Rc::new(method) as Rc<dyn Method>),
        }
    };
}

/// The order is that of the Databricks SDKs, then that of the Azure SDKs; what a CI system offers to every
/// job comes last.
const WAYS: &[Way] = &[
    way!("oauth-m2m", OauthM2m, of_variables),
    way!("env-oidc", EnvOidc, of_variables),
    way!("file-oidc", FileOidc, of_variables),
    way!("github-oidc", GithubOidc, of_variables),
    way!("azure-msi", AzureMsi, of_arm),
    way!("azure-client-secret", AzureClientSecret, of_arm),
    way!("github-oidc-azure", GithubOidcAzure, of_arm),
    way!("azure-cli", AzureCli, where_named),
    way!("azure-devops-oidc", AzureDevopsOidc, of_variables),
    way!("azure-client-secret", AzureClientSecret, of_azure),
    way!("azure-client-certificate", AzureClientCertificate, of_azure),
    way!("azure-workload-identity", AzureWorkloadIdentity, of_azure),
    way!("azure-msi", AzureMsi, of_host),
    way!("github-oidc", GithubOidc, of_job),
    way!("github-oidc-azure", GithubOidcAzure, of_job),
    way!("azure-devops-oidc", AzureDevopsOidc, of_job),
];

/// Returns the first way to sign in that the environment holds, or the one that `DATABRICKS_AUTH_TYPE` names.
///
/// # Errors
/// `sign-in-not-configured` where the named way is not known or lacks something.
fn find(environment: &dyn Environment, principal: &Principal) -> Result<Option<Rc<dyn Method>>, Error> {
    let Some(wanted) = environment.variable("DATABRICKS_AUTH_TYPE") else {
        let view = View::new(environment, principal, false);
        return Ok(WAYS.iter().find_map(|way| (way.read)(&view)));
    };
    let refused = |words: String| Error::new(Code::SignInNotConfigured, Step::SignIn, words);
    if wanted == "pat" {
        return Err(refused(
            "DATABRICKS_AUTH_TYPE is pat, and the principal must be able to sign in when its PAT has expired"
                .to_owned(),
        ));
    }
    let Some(first) = WAYS.iter().find(|way| way.name == wanted) else {
        let mut known: Vec<&str> = WAYS.iter().map(|way| way.name).collect();
        known.sort_unstable();
        known.dedup();
        return Err(refused(format!(
            "DATABRICKS_AUTH_TYPE names no type that lakekey knows; known: {}",
            known.join(", ")
        )));
    };
    let view = View::new(environment, principal, true);
    let found = WAYS.iter().filter(|way| way.name == wanted).find_map(|way| (way.read)(&view));
    match found {
        Some(method) => Ok(Some(method)),
        None => Err(refused(format!("DATABRICKS_AUTH_TYPE is {wanted}, which needs {}", first.needs))),
    }
}

/// Returns how the target's principal signs in: by the configuration, or by what the environment holds.
///
/// # Errors
/// `sign-in-not-configured`.
pub(crate) fn principal_sign_in(subject: &Subject, environment: &dyn Environment) -> Result<SignIn, Error> {
    if let Some(sign_in) = &subject.auth {
        return Ok(sign_in.clone());
    }
    let found = find(environment, &subject.principal)?;
    found.map(|method| SignIn { method, path: "environment".to_owned() }).ok_or_else(|| {
        Error::new(
            Code::SignInNotConfigured,
            Step::SignIn,
            format!("{}.auth is not given, and the environment holds no way to sign in", subject.path),
        )
    })
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
