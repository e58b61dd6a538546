//! Trying a secret that was made just now, and signing in whoever keeps such secrets.

use serde::de::IgnoredAny;

use super::{Resource, SignIn, sign_in, sign_in_admin, sign_in_principal};
use crate::call::{Call, Identity, Service, encode};
use crate::cloud::DATABRICKS_RESOURCE;
use crate::config::Origin;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::Secret;

/// Signs in whoever may write to Graph: `directory`, or else the principal itself, which may own its
/// application.
///
/// # Errors
/// `directory-not-configured`, and every code of a refused sign-in.
pub async fn sign_in_directory(context: &Context<'_>, step: Step) -> Result<Identity, Error> {
    let target = context.target;
    let path = format!("{}.directory", target.path);
    let Some(auth) = &target.directory else {
        return Err(Error::new(Code::DirectoryNotConfigured, step, format!("{path} is not given")));
    };
    let origin = &context.session.config.graph;
    let request =
        SignIn { auth, path: &path, principal: &target.principal, resource: Resource::Graph, origin, step };
    sign_in(context, request).await
}

/// Signs in whoever keeps the OAuth secrets of a Databricks principal: the admin, or else the principal
/// itself.
///
/// # Errors
/// Every code of a refused sign-in.
pub async fn sign_in_keeper(context: &Context<'_>, origin: &Origin, step: Step) -> Result<Identity, Error> {
    let target = context.target;
    if *origin == target.workspace {
        return if target.admin.is_some() {
            sign_in_admin(context).await
        } else {
            sign_in_principal(context).await
        };
    }
    let (auth, path) = match &target.admin {
        Some(auth) => (auth.clone(), format!("{}.admin", target.path)),
        None => super::principal_auth(context)?,
    };
    let request = SignIn {
        auth: &auth,
        path: &path,
        principal: &target.principal,
        resource: Resource::Databricks,
        origin,
        step,
    };
    sign_in(context, request).await
}

/// Signs in with a client secret alone, once and over a connection of its own.
///
/// # Errors
/// Every code of a refused sign-in.
pub async fn try_client_secret(context: &Context<'_>, secret: &Secret) -> Result<(), Error> {
    let client = client_id(context)?;
    let tenant = match &context.target.principal.tenant_id {
        Some(tenant) => tenant.clone(),
        None => crate::service::databricks::tenant(context).await?,
    };
    let form = [
        ("client_id", client),
        ("scope", &*format!("{DATABRICKS_RESOURCE}/.default")),
        ("grant_type", "client_credentials"),
        ("client_secret", secret.expose("the body of the token request to Entra ID")),
    ];
    let path = format!("/{}/oauth2/v2.0/token", encode(&tenant));
    let call = Call::post(Step::VerifyToken, Service::Entra, &context.session.config.login, path).form(&form);
    context.json::<IgnoredAny>(call.fresh_connection().attempts(1)).await.map(drop)
}

/// Signs in with an OAuth secret alone, once and over a connection of its own.
///
/// # Errors
/// Every code of a refused sign-in.
pub async fn try_oauth_secret(context: &Context<'_>, secret: &Secret) -> Result<(), Error> {
    let workspace = &context.target.workspace;
    let identity = Identity::basic(workspace, client_id(context)?, secret);
    let call = Call::post(Step::VerifyToken, Service::Databricks, workspace, "/oidc/v1/token")
        .identity(&identity)
        .form(&[("grant_type", "client_credentials"), ("scope", "all-apis")]);
    context.json::<IgnoredAny>(call.fresh_connection().attempts(1)).await.map(drop)
}

fn client_id<'a>(context: &Context<'a>) -> Result<&'a str, Error> {
    context.target.principal.client_id.as_deref().ok_or_else(|| {
        Error::config(
            Code::ConfigMissingKey,
            format!("{}.principal.client-id", context.target.path),
            "the application id is needed",
        )
    })
}
