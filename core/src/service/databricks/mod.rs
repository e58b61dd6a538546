//! A Databricks workspace.

pub mod conf;
pub mod management;
pub mod oauth_secrets;
pub mod permissions;
pub mod scim;
pub mod tokens;

use crate::call::{Call, Service};
use crate::context::Context;
use crate::error::{Code, Error, Step};

/// Asks the workspace for its tenant, which stands in the place that its sign-in page redirects to.
///
/// # Errors
/// `tenant-not-found` where the workspace does not say.
pub async fn tenant(context: &Context<'_>) -> Result<String, Error> {
    let call = Call::get(Step::FindTenant, Service::Databricks, &context.target.workspace, "/aad/auth");
    let response = context.redirect(call).await?;
    // https://login…/{tenant}/oauth2/authorize?…
    let tenant = response
        .header("location")
        .and_then(|location| location.strip_prefix("https://").or_else(|| location.strip_prefix("http://")))
        .and_then(|rest| rest.split('/').nth(1))
        .filter(|tenant| {
            !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        });
    tenant.map(str::to_owned).ok_or_else(|| {
        Error::new(
            Code::TenantNotFound,
            Step::FindTenant,
            "the workspace does not say which tenant it belongs to",
        )
        .with_hint("give principal.tenant-id")
    })
}
