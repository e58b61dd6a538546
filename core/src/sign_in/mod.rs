//! How a principal, an admin or a sink's writer proves who it is.

mod cache;
mod entra;
mod environment;
mod trial;

pub(crate) use cache::{Token, TokenCache};
pub use trial::{sign_in_directory, sign_in_keeper, try_client_secret, try_oauth_secret};

use crate::call::Identity;
use crate::cloud::{AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE};
use crate::config::{Auth, Origin, Principal, SecretRef};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::{Environment, HeaderValue};
use crate::secret::Secret;

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
    /// Returns the scope that Entra ID is asked for.
    fn scope(self, context: &Context<'_>) -> String {
        match self {
            Self::Databricks => format!("{DATABRICKS_RESOURCE}/.default"),
            Self::AzureDevops => format!("{AZURE_DEVOPS_RESOURCE}/.default"),
            Self::Graph => format!("{}/.default", context.session.config.graph),
            // The resource itself ends in a slash, so that the scope has two.
            Self::Management => format!("{}/.default", context.session.config.management_resource),
            Self::KeyVault => format!("https://{}/.default", context.session.config.cloud.key_vault_suffix().trim_start_matches('.')),
        }
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
    let environment = context.session.host.environment;
    match request.auth {
        Auth::Pat { token } if request.resource == Resource::AzureDevops => {
            let token = secret(context, token, &format!("{}.token", request.path))?;
            Ok(Identity::basic(request.origin, "", &token))
        }
        Auth::Pat { token } | Auth::AccessToken { token } => {
            let token = secret(context, token, &format!("{}.token", request.path))?;
            Ok(Identity::bearer(request.origin, &token))
        }
        _ => {
            let token = entra::token(context, &request, &request.resource.scope(context)).await?;
            let identity = Identity::bearer(request.origin, &token);
            let _ = environment;
            workspace_headers(context, request, identity).await
        }
    }
}

/// Adds the two headers by which a caller with an Azure role on the workspace gets in without being a member of it.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual>
async fn workspace_headers(context: &Context<'_>, request: SignIn<'_>, identity: Identity) -> Result<Identity, Error> {
    let (Some(resource_id), Resource::Databricks) = (azure_resource_id(request.auth), request.resource) else {
        return Ok(identity);
    };
    let management = entra::token(context, &request, &Resource::Management.scope(context)).await?;
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
    let target = context.target;
    match &target.auth {
        Some(auth) => Ok((auth.clone(), format!("{}.auth", target.path))),
        None => environment::auth(context.session.host.environment, &target.principal)
            .map(|auth| (auth, "environment".to_owned()))
            .ok_or_else(|| {
                Error::new(
                    Code::SignInNotConfigured,
                    Step::SignIn,
                    format!("{}.auth is not given, and the environment holds no way to sign in", target.path),
                )
            }),
    }
}

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
pub fn resolve_secret(reference: &SecretRef, path: &str, environment: &dyn Environment) -> Result<Secret, Error> {
    let missing = |message: String| Error::config(Code::ConfigMissingSecret, path, message);
    match reference {
        SecretRef::Env(name) => environment
            .variable(name)
            .map(Secret::new)
            .ok_or_else(|| missing(format!("the environment variable {name} is not set, or is empty"))),
        SecretRef::File(file) => {
            let bytes = environment.file(file).map_err(|reason| missing(format!("the file {file} cannot be read: {reason}")))?;
            let text = String::from_utf8(bytes).map_err(|_| missing(format!("the file {file} is not UTF-8 text")))?;
            let text = text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
            if text.is_empty() {
                return Err(missing(format!("the file {file} is empty")));
            }
            Ok(Secret::new(text))
        }
    }
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
