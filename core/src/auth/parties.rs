//! Who signs in around a target: the principal, the workspace admin, who may write to Graph, and who manages
//! OAuth secrets.

use super::context::{Context, SignIn};
use super::environment;
use super::resource::Resource;
use crate::http::Identity;
use crate::model::{Code, Error, Step};

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

/// Signs the admin in at the Databricks account.
///
/// # Errors
/// `admin-not-configured`; `account-admin-required` where the admin's way to sign in leads to no account;
/// every code of a refused sign-in.
pub(crate) async fn sign_in_account_admin(context: &Context<'_>, step: Step) -> Result<Identity, Error> {
    let Some(admin) = &context.subject.admin else {
        return Err(Error::new(Code::AdminNotConfigured, step, "the target has no `admin`"));
    };
    let accounts = &context.endpoints.accounts;
    admin.sign_in(context, Resource::Databricks, accounts, step).await.map_err(|error| match error.code() {
        Code::SignInNotConfigured => error.coded(Code::AccountAdminRequired).with_hint(format!(
            "give {} the sign-in of an account admin: a service principal or `azure-cli`, not a PAT",
            admin.path
        )),
        _ => error,
    })
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

/// Returns the principal's tenant, where the configuration or its sign-in names it.
pub(crate) fn tenant_id(context: &Context<'_>) -> Option<String> {
    let own = || principal_sign_in(context).ok()?.method.tenant_id().map(str::to_owned);
    context.subject.principal.tenant_id.clone().or_else(own)
}
