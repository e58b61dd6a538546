//! The challenge for a token, and the check of permissions.

use std::collections::BTreeSet;

use super::address::vault;
use super::reply::{inner_refusal, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Service, Subject, VAULT_RESOURCE};
use crate::world::World;

/// Finds who calls, or answers with the challenge that tells a client the tenant and the resource.
///
/// <https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses>
pub(super) fn sign_in(world: &World, call: &Call) -> Result<Subject, Reply> {
    let challenge = |message: &str| {
        let login = world.origins.of(Service::Entra);
        let header = format!(
            "Bearer authorization=\"{login}/{}\", resource=\"{VAULT_RESOURCE}\"",
            world.directory.home()
        );
        Err(refusal(401, "Unauthorized", message).with_header("www-authenticate", header))
    };
    let Some(token) = call.bearer() else {
        return challenge("AKV10000: Request is missing a Bearer or PoP token.");
    };
    if let Some(bearer) = world.bearer(token, VAULT_RESOURCE) {
        return Ok(bearer.subject.clone());
    }
    match world.bearers.iter().find(|bearer| bearer.value == token) {
        Some(other) if other.audience != VAULT_RESOURCE => challenge(&format!(
            "AKV10022: Invalid audience. Expected {VAULT_RESOURCE}, found: {}.",
            other.audience
        )),
        Some(_) => challenge("[TokenExpired] Error validating token: 'S2S12086'."),
        None => challenge("[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'."),
    }
}

/// Checks a permission of the caller.
pub(super) fn check(world: &World, call: &Call, who: &Subject, right: &str) -> Result<(), Reply> {
    let (Subject::Application(id) | Subject::User(id)) = who;
    let granted = world.vaults.access.get(&id.to_ascii_lowercase());
    if granted.is_some_and(|rights: &BTreeSet<String>| rights.contains(right)) {
        return Ok(());
    }
    let object = world.directory.service_principal(id).map_or("", |principal| principal.object_id.as_str());
    let name = vault(call);
    let name = name.split(['.', ':']).next().unwrap_or_default();
    let message = format!(
        "The user, group or application 'appid={id};oid={object};iss=https://sts.windows.net/{}/' does not \
         have secrets {right} permission on key vault '{name};location=westeurope'. For help resolving this \
         issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
        world.directory.home()
    );
    Err(inner_refusal(403, "Forbidden", &message, "AccessDenied"))
}
