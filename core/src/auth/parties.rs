//! Who signs in around a target: the principal, the workspace admin, who may write to Graph, and who manages
//! OAuth secrets.

use super::context::{Context, SignIn};
use super::environment;
use super::principal::known_principal;
use super::resource::Resource;
use crate::http::Identity;
use crate::model::{Code, Error, Origin, Step};

/// Returns how the target's principal signs in: by the configuration, or by what the environment holds.
///
/// # Errors
/// `sign-in-not-configured`.
pub(crate) fn principal_sign_in(context: &Context<'_>) -> Result<SignIn, Error> {
    environment::principal_sign_in(context.subject, context.host().environment)
}

/// Signs the workspace admin in.
///
/// # Errors
/// `admin-not-configured`, and every code of a refused sign-in.
pub(crate) async fn sign_in_admin(context: &Context<'_>) -> Result<Identity, Error> {
    let Some(admin) = &context.subject.admin else {
        return Err(Error::new(Code::AdminNotConfigured, Step::SignInAdmin, "the target has no `admin`"));
    };
    admin.sign_in(context, Resource::Databricks, &context.subject.workspace, Step::SignInAdmin).await
}

/// Signs `directory` in, who may write to Graph.
///
/// # Errors
/// `directory-not-configured`, and every code of a refused sign-in.
pub(crate) async fn sign_in_directory(context: &Context<'_>, step: Step) -> Result<Identity, Error> {
    let Some(directory) = &context.subject.directory else {
        let words = format!("{}.directory is not given", context.subject.path);
        return Err(Error::new(Code::DirectoryNotConfigured, step, words));
    };
    directory.sign_in(context, Resource::Graph, &context.endpoints.graph, step).await
}

/// Signs in who manages the OAuth secrets of a principal: the admin, or else the principal itself, which the
/// workspace is asked of first.
///
/// # Errors
/// Every code of a refused sign-in, and of [`known_principal`].
pub(crate) async fn sign_in_keeper(
    context: &Context<'_>,
    origin: &Origin,
    step: Step,
) -> Result<Identity, Error> {
    let in_workspace = *origin == context.subject.workspace;
    let (sign_in, step) = match &context.subject.admin {
        Some(admin) => (admin.clone(), if in_workspace { Step::SignInAdmin } else { step }),
        None if in_workspace => return known_principal(context).await,
        None => (principal_sign_in(context)?, step),
    };
    sign_in.sign_in(context, Resource::Databricks, origin, step).await
}

/// Returns the principal's tenant, where the configuration or its sign-in names it.
pub(crate) fn tenant_id(context: &Context<'_>) -> Option<String> {
    let own = || principal_sign_in(context).ok()?.method.tenant_id().map(str::to_owned);
    context.subject.principal.tenant_id.clone().or_else(own)
}
