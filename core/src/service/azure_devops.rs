//! Azure DevOps, as it says no.
//!
//! <https://learn.microsoft.com/azure/devops/integrate/concepts/rest-api-status-codes>

use crate::http::{Dialect, Rule, named, said, status};
use crate::model::Code;

/// Azure DevOps.
pub(crate) static AZURE_DEVOPS: Dialect = Dialect::new("Azure DevOps", TABLE);

const TABLE: &[Rule] = &[
    // It shows its log-in page with a success to a caller whom it does not know.
    status(203)
        .means(Code::CredentialInvalid)
        .tells("Azure DevOps shows its log-in page: it does not know the caller"),
    named(&["vs403463"]).means(Code::ConditionalAccess),
    said(&["personal access token used has expired"]).means(Code::CredentialInvalid),
    status(401).means(Code::SinkPermissionMissing),
    status(403).means(Code::SinkPermissionMissing),
    // Where it has no such organisation, a page answers.
    status(404).page().means(Code::SinkNotFound).hint(
        "there is no organisation {origin}: correct the place's `organization`, or endpoints.azure-devops",
    ),
    status(404).means(Code::SinkNotFound),
    status(400).means(Code::SinkRefused),
    // Somebody else has edited in the same moment: what is read anew may be written.
    status(409).means(Code::SinkChanged).passing(),
];
