//! Azure Key Vault, as it says no.
//!
//! <https://learn.microsoft.com/azure/key-vault/general/rest-error-codes>

use serde_json::Value;

use crate::host::Response;
use crate::http::{Dialect, Rule, Said, status, statuses};
use crate::model::Code;

/// Key Vault.
pub(crate) static KEY_VAULT: Dialect = Dialect::new("Key Vault", TABLE).read_by(read);

const TABLE: &[Rule] = &[
    status(409).for_reason(&["ObjectIsDeletedButRecoverable"]).means(Code::SinkSecretDeleted),
    status(409).saying(&["deleted but recoverable"]).means(Code::SinkSecretDeleted),
    status(409).for_reason(&["ObjectIsBeingDeleted"]).means(Code::SinkChanged).passing(),
    statuses(401, 403).naming(&["akv10032"]).means(Code::WrongTenant),
    status(401).means(Code::SinkPermissionMissing),
    status(403)
        .for_reason(&["ForbiddenByFirewall", "ForbiddenByConnection", "ForbiddenByNsp"])
        .means(Code::SinkNetworkRefused),
    status(403).saying(&["client address is not authorized"]).means(Code::SinkNetworkRefused),
    status(403).for_reason(&["SecretDisabled"]).means(Code::SinkSecretDisabled),
    status(403).saying(&["on a disabled secret"]).means(Code::SinkSecretDisabled),
    status(403).means(Code::SinkPermissionMissing),
    status(404).means(Code::SinkNotFound),
    status(400).means(Code::SinkRefused),
];

/// Reads the inner code, which tells one refusal of access from another.
fn read(response: &Response) -> Said {
    let said = Said::read(response);
    let inner = serde_json::from_slice::<Value>(&response.body).ok().and_then(|body| {
        let error = body.get("error")?;
        let inner = error.get("innererror").or_else(|| error.get("innerError"))?;
        Some(inner.get("code")?.as_str()?.to_owned())
    });
    Said { reason: inner.or(said.reason), ..said }
}
