//! What the refusals of Entra ID mean, by the number of the AADSTS.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use serde_json::Value;

use crate::host::Response;
use crate::http::{Dialect, Rule, Said, reason, statuses};
use crate::model::Code;

/// Entra ID, as it says no.
pub(crate) static ENTRA: Dialect = Dialect::new("Entra ID", TABLE).read_by(read);

const TABLE: &[Rule] = &[
    // An outage or a limit is told by the status, whatever its number.
    reason(&["7000215"]).means(Code::ClientSecretWrong).propagating(),
    // Seen on applications that were made a moment ago, too.
    reason(&["7000222"]).means(Code::ClientSecretExpired).propagating(),
    reason(&["700016"]).means(Code::ApplicationNotFound).propagating(),
    reason(&["7000229"]).means(Code::ServicePrincipalMissing).propagating(),
    reason(&["90002", "900023", "invalid_tenant"]).means(Code::TenantNotFound),
    reason(&["70011", "1002012", "invalid_scope"]).means(Code::ScopeInvalid),
    reason(&["70021", "700211", "700213"]).means(Code::FederatedCredentialMismatch).propagating(),
    reason(&["700212"]).means(Code::FederatedCredentialAudience),
    reason(&["7002138"]).means(Code::FederatedCredentialCase),
    reason(&["500011"]).means(Code::ResourceMissing),
    reason(&["700024"]).means(Code::AssertionExpired),
    reason(&["700027"]).means(Code::CertificateInvalid),
    statuses(400, 428).saying(&["aadsts"]).means(Code::SignInRefused),
];

/// Reads the number, which stands in `error_codes` and at the beginning of the description.
fn read(response: &Response) -> Said {
    let said = Said::read(response);
    let listed = serde_json::from_slice::<Value>(&response.body)
        .ok()
        .and_then(|body| body.get("error_codes")?.get(0)?.as_i64())
        .map(|number| number.to_string());
    let described = || {
        let after = said.message.split_once("AADSTS")?.1;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let reason = listed.or_else(described).or_else(|| said.reason.clone());
    Said { reason, ..said }
}
