//! What the refusals of Microsoft Graph mean.
//!
//! <https://learn.microsoft.com/graph/errors>

use crate::http::{Dialect, Rule, reason, status};
use crate::model::Code;

/// Microsoft Graph, as it says no.
pub(crate) static GRAPH: Dialect = Dialect::new("Microsoft Graph", TABLE);

const TABLE: &[Rule] = &[
    // The ways in which a replica refuses that does not know yet what another one has made.
    status(404).for_reason(&["Request_ResourceNotFound"]).propagating(),
    status(404).saying(&["does not exist"]).propagating(),
    status(400).saying(&["does not reference a valid application object"]).propagating(),
    // Reads like a missing permission, and is not one while the application is seconds old.
    status(403).saying(&["backing application of the service principal"]).propagating(),
    status(409).for_reason(&["Directory_ConcurrencyViolation"]).passing(),
    status(409).saying(&["due to concurrent requests"]).passing(),
    status(401).means(Code::CredentialInvalid),
    reason(&["Directory_QuotaExceeded", "Directory_ResourceSizeExceeded"]).means(Code::QuotaExceeded),
    reason(&["CredentialInvalidLifetimeAsPerAppPolicy"]).means(Code::LifetimeOverMaximum).hint(
        "shorten client-secret.lifetime to what the tenant's app management policy allows; or do without a \
         secret: `federated-credential` in place of `client-secret`",
    ),
    reason(&["CredentialTypeNotAllowedAsPerAppPolicy"]).means(Code::CredentialTypeNotAllowed).hint(
        "do without a secret: write `federated-credential: {repository: OWNER/NAME, environment: NAME}` and \
         `auth: {type: github-oidc-azure}` in place of `client-secret`, and run `lakekey provision` (for \
         another CI: issuer and subject); or have an administrator exempt the application from the tenant's \
         app management policy",
    ),
    reason(&["InvalidFederatedIdentityCredentialValue"])
        .saying(&["lacks all required claims"])
        .means(Code::Refused)
        .hint("compare claims['repository_id'] or claims['repository_owner_id'] in the expression too"),
    status(403).means(Code::GraphPermissionMissing),
    reason(&["Authorization_RequestDenied"]).means(Code::GraphPermissionMissing),
];
