//! The tenant that a workspace belongs to.

use super::DATABRICKS;
use crate::http::{Call, Client};
use crate::model::{Code, Error, Origin, Step};

/// The login hosts of Entra ID, those of before and of migrated clouds among them.
const LOGIN: [&str; 7] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
];

/// Returns true for a login host of Entra ID, or the one that is configured. Only what stands there names a
/// tenant: a proxy redirects to its own log-in page.
fn is_entra(authority: &str, login: &Origin) -> bool {
    let configured = login.without_path();
    let own = configured.as_str().split("://").nth(1).unwrap_or_default();
    authority.eq_ignore_ascii_case(own) || LOGIN.iter().any(|host| authority.eq_ignore_ascii_case(host))
}

/// Returns true for an id, or a domain.
fn is_tenant(text: &str) -> bool {
    let letters = |extra: u8| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == extra);
    let id = text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    id || (text.contains('.') && letters(b'.'))
}

/// Asks the workspace for its tenant, which stands in the place that its sign-in page redirects to; `login`
/// is Entra ID as the configuration names it.
///
/// # Errors
/// `tenant-not-found` where the workspace does not say.
pub(crate) async fn tenant(client: &Client<'_>, workspace: &Origin, login: &Origin) -> Result<String, Error> {
    let response = client.redirect(Call::get(Step::FindTenant, &DATABRICKS, workspace, "/aad/auth")).await?;
    // https://login…/{tenant}/oauth2/authorize?…
    let tenant = response
        .header("location")
        .and_then(|location| location.strip_prefix("https://").or_else(|| location.strip_prefix("http://")))
        .filter(|rest| is_entra(rest.split('/').next().unwrap_or_default(), login))
        .and_then(|rest| rest.split('/').nth(1))
        .filter(|tenant| is_tenant(tenant));
    tenant.map(str::to_owned).ok_or_else(|| {
        Error::new(
            Code::TenantNotFound,
            Step::FindTenant,
            "the workspace does not say which tenant it belongs to",
        )
        .with_hint("give principal.tenant-id")
    })
}
