//! The tenant that a workspace belongs to.

use super::DATABRICKS;
use crate::http::{Call, Client};
use crate::model::{Code, Error, Origin, Step};

/// Asks the workspace for its tenant, which stands in the place that its sign-in page redirects to.
///
/// # Errors
/// `tenant-not-found` where the workspace does not say.
pub(crate) async fn tenant(client: &Client<'_>, workspace: &Origin) -> Result<String, Error> {
    let response = client.redirect(Call::get(Step::FindTenant, &DATABRICKS, workspace, "/aad/auth")).await?;
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
