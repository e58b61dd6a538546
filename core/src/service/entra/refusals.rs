//! What the refusals of Entra ID mean, by the number of the AADSTS.
//!
//! <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>

use serde_json::Value;

use crate::host::Response;
use crate::http::{Dialect, Rule, Said, reason, statuses};
use crate::model::Code;
use crate::model::typed::whole;

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
    // These pass, once or twice.
    reason(&["50166", "90061", "501661", "500031"]).means(Code::ServiceUnavailable).passing(),
    reason(&["53003", "530003", "530004"]).means(Code::ConditionalAccess),
    reason(&["7000112"]).means(Code::ApplicationDisabled),
    reason(&["70052", "700025"]).means(Code::ApplicationType),
    reason(&["900382"]).means(Code::WrongCloud),
    reason(&["501051"]).means(Code::AssignmentRequired),
    // GitHub's token lacks the claim of the enterprise now and then.
    reason(&["7002381"]).means(Code::FederationNotAllowed).propagating(),
    reason(&["700222", "700223", "700226", "700236", "700238"]).means(Code::FederationNotAllowed),
    reason(&["70011", "1002012", "invalid_scope"]).means(Code::ScopeInvalid),
    reason(&["70021", "70025", "700211", "700213"]).means(Code::FederatedCredentialMismatch).propagating(),
    reason(&["700212"]).means(Code::FederatedCredentialAudience).propagating(),
    reason(&["7002138"]).means(Code::FederatedCredentialCase).propagating(),
    reason(&["500011"]).means(Code::ResourceMissing),
    reason(&["700024"]).means(Code::AssertionExpired),
    reason(&["700027"]).means(Code::CertificateInvalid).hint(
        "register the certificate with the application: its thumbprint is in the message; a key that was \
         replaced or has expired is refused so too",
    ),
    statuses(400, 428).naming(&["aadsts"]).means(Code::SignInRefused),
];

/// Reads the number, which stands in `error_codes` and at the beginning of the description.
fn read(response: &Response) -> Said {
    let said = Said::read(response);
    let listed = serde_json::from_slice::<Value>(&response.body)
        .ok()
        .and_then(|body| whole(body.get("error_codes")?.get(0)?))
        .map(|number| number.to_string());
    let described = || {
        let after = said.message.split_once("AADSTS")?.1;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let reason = listed.or_else(described).or_else(|| said.reason.clone());
    Said { reason, ..said }
}
