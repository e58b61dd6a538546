//! How a principal, an admin or a sink's writer proves who it is.

mod azure_cli;
mod cache;
mod certificate;
mod databricks;
mod entra;
mod environment;
mod identity_token;
mod metadata;
mod references;
mod trial;

pub(crate) use cache::{Token, TokenCache};
pub use references::{check_principal_references, check_references, resolve_secret, secret};
pub use trial::{sign_in_directory, sign_in_keeper, try_client_secret, try_oauth_secret};

use crate::call::Identity;
use crate::cloud::{AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE};
use crate::config::{Auth, Origin, Principal, PrincipalKind, Target};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::{Environment, HeaderValue};

/// Names what a sign-in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A Databricks workspace or account.
    Databricks,
    /// Microsoft Graph.
    Graph,
    /// Azure Resource Manager.
    Management,
    /// Azure Key Vault.
    KeyVault,
    /// Azure DevOps.
    AzureDevops,
}

impl Resource {
    /// Returns the id by which Entra ID and the platform know it.
    fn id(self, context: &Context<'_>) -> String {
        let config = &context.session.config;
        match self {
            Self::Databricks => DATABRICKS_RESOURCE.to_owned(),
            Self::AzureDevops => AZURE_DEVOPS_RESOURCE.to_owned(),
            Self::Graph => config.graph.to_string(),
            Self::Management => config.management_resource.clone(),
            Self::KeyVault => format!("https://{}", config.cloud.key_vault_suffix().trim_start_matches('.')),
        }
    }

    /// Returns the scope that Entra ID is asked for; a resource that ends in a slash makes one with two.
    fn scope(self, context: &Context<'_>) -> String {
        format!("{}/.default", self.id(context))
    }
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Databricks => "Databricks",
            Self::Graph => "Microsoft Graph",
            Self::Management => "Azure Resource Manager",
            Self::KeyVault => "Key Vault",
            Self::AzureDevops => "Azure DevOps",
        })
    }
}

/// Says who signs in, by which configuration, for what and where.
#[derive(Clone, Copy)]
pub struct SignIn<'a> {
    /// The configured way.
    pub auth: &'a Auth,
    /// Its place in the document.
    pub path: &'a str,
    /// Whose ids hold where the way names none.
    pub principal: &'a Principal,
    /// What it is for.
    pub resource: Resource,
    /// The host that the token will be sent to.
    pub origin: &'a Origin,
    /// The step that needs it.
    pub step: Step,
}

/// Signs in and returns an identity that is bound to the host.
///
/// A token is got once a run and renewed before it expires.
///
/// # Errors
/// Every code of a refused sign-in.
pub async fn sign_in(context: &Context<'_>, request: SignIn<'_>) -> Result<Identity, Error> {
    let at_account = *request.origin == context.session.config.accounts;
    match request.auth {
        Auth::Pat { token } if request.resource == Resource::AzureDevops => {
            let token = secret(context, token, &format!("{}.token", request.path))?;
            Ok(Identity::basic(request.origin, "", &token))
        }
        Auth::Pat { .. } if request.resource != Resource::Databricks || at_account => {
            let place = if at_account { "the Databricks account" } else { "this service" };
            let message = format!("a PAT signs in at a workspace alone, and {place} takes none");
            Err(Error::new(Code::SignInNotConfigured, request.step, message)
                .with_key(format!("{}.type", request.path)))
        }
        Auth::Pat { token } | Auth::AccessToken { token } => {
            let token = secret(context, token, &format!("{}.token", request.path))?;
            Ok(Identity::bearer(request.origin, &token))
        }
        _ if is_databricks_own(&request) => {
            if request.resource != Resource::Databricks {
                let message = format!(
                    "{} signs in at Databricks alone, and {} takes tokens of Entra ID",
                    request.auth.type_name(),
                    request.resource
                );
                return Err(Error::new(Code::SignInNotConfigured, request.step, message)
                    .with_key(format!("{}.type", request.path)));
            }
            let token = databricks::token(context, &request).await?;
            Ok(Identity::bearer(request.origin, &token))
        }
        _ => {
            let token = entra::token(context, &request, request.resource).await?;
            let identity = Identity::bearer(request.origin, &token);
            if at_account { Ok(identity) } else { workspace_headers(context, request, identity).await }
        }
    }
}

/// Returns whether Databricks gives the token itself, instead of Entra ID.
///
/// Azure Pipelines can vouch for either kind of principal, and only one of them is known to Entra ID.
fn is_databricks_own(request: &SignIn<'_>) -> bool {
    match request.auth {
        Auth::OauthM2m { .. } | Auth::GithubOidc { .. } | Auth::EnvOidc { .. } | Auth::FileOidc { .. } => {
            true
        }
        Auth::AzureDevopsOidc { .. } => request.principal.kind == PrincipalKind::Databricks,
        _ => false,
    }
}

/// Adds the two headers by which a caller with an Azure role on the workspace gets in without being a member
/// of it.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual>
async fn workspace_headers(
    context: &Context<'_>,
    request: SignIn<'_>,
    identity: Identity,
) -> Result<Identity, Error> {
    let (Some(resource_id), Resource::Databricks) = (azure_resource_id(request.auth), request.resource)
    else {
        return Ok(identity);
    };
    let management = entra::token(context, &request, Resource::Management).await?;
    Ok(identity
        .with_header("x-databricks-azure-workspace-resource-id", HeaderValue::Plain(resource_id.to_owned()))
        .with_header("x-databricks-azure-sp-management-token", HeaderValue::Sensitive(management)))
}

fn azure_resource_id(auth: &Auth) -> Option<&str> {
    match auth {
        Auth::AzureClientSecret { azure_resource_id, .. }
        | Auth::AzureClientCertificate { azure_resource_id, .. }
        | Auth::GithubOidcAzure { azure_resource_id, .. }
        | Auth::AzureDevopsOidc { azure_resource_id, .. }
        | Auth::AzureWorkloadIdentity { azure_resource_id, .. }
        | Auth::AzureMsi { azure_resource_id, .. }
        | Auth::AzureCli { azure_resource_id, .. } => azure_resource_id.as_deref(),
        _ => None,
    }
}

/// Signs the target's principal in at its workspace, by its configuration or by what the environment holds.
///
/// # Errors
/// Every code of a refused sign-in.
pub async fn sign_in_principal(context: &Context<'_>) -> Result<Identity, Error> {
    let target = context.target;
    let (auth, path) = principal_auth(context)?;
    sign_in(
        context,
        SignIn {
            auth: &auth,
            path: &path,
            principal: &target.principal,
            resource: Resource::Databricks,
            origin: &target.workspace,
            step: Step::SignIn,
        },
    )
    .await
}

/// Returns how the target's principal signs in, and where that stands.
///
/// # Errors
/// `sign-in-not-configured`.
pub fn principal_auth(context: &Context<'_>) -> Result<(Auth, String), Error> {
    principal_auth_of(context.target, context.session.host.environment)
}

fn principal_auth_of(target: &Target, environment: &dyn Environment) -> Result<(Auth, String), Error> {
    if let Some(auth) = &target.auth {
        return Ok((auth.clone(), format!("{}.auth", target.path)));
    }
    environment::auth(environment, &target.principal)?
        .map(|auth| (auth, "environment".to_owned()))
        .ok_or_else(|| {
            Error::new(
                Code::SignInNotConfigured,
                Step::SignIn,
                format!("{}.auth is not given, and the environment holds no way to sign in", target.path),
            )
        })
}

/// Signs the workspace admin in.
///
/// # Errors
/// `admin-not-configured`, and every code of a refused sign-in.
pub async fn sign_in_admin(context: &Context<'_>) -> Result<Identity, Error> {
    let target = context.target;
    let Some(auth) = &target.admin else {
        return Err(Error::new(Code::AdminNotConfigured, Step::SignInAdmin, "the target has no `admin`"));
    };
    let path = format!("{}.admin", target.path);
    let request = SignIn {
        auth,
        path: &path,
        principal: &target.principal,
        resource: Resource::Databricks,
        origin: &target.workspace,
        step: Step::SignInAdmin,
    };
    sign_in(context, request).await
}

#[cfg(test)]
mod tests;
