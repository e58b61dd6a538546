//! Assertions: signed statements of identity that Entra ID and Databricks accept in place of a secret.

use crate::call::{Call, Reply};
use crate::entra::Refusal;
use crate::world::World;

/// Verifies the `client_assertion` with which an application signs in at Entra ID's token endpoint.
pub(crate) fn verify_assertion(_world: &mut World, _call: &Call, _tenant: &str, _app_id: &str, _assertion: &str) -> Result<(), Refusal> {
    Err(Refusal::new(50027, "Invalid JWT token. The emulator does not verify assertions yet."))
}

/// Answers a token exchange at a workspace's (`Some`) or the account's (`None`) token endpoint.
pub(crate) fn exchange_token(_world: &mut World, call: &Call, _form: &[(String, String)]) -> Reply {
    Reply::unknown_route(call)
}
