//! Azure Key Vault: secrets with their versions, soft deletion, and permissions by access policy.
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/operation-groups>

mod access;
mod address;
mod deleted;
mod reply;
mod secrets;
mod shown;
mod world;

use address::is_name;
use reply::refusal;

use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

/// The versions of the API that vaults know.
const VERSIONS: [&str; 11] = [
    "2016-10-01",
    "7.0",
    "7.1",
    "7.2",
    "7.3",
    "7.4",
    "7.5",
    "7.6",
    "7.6-preview.2",
    "2025-07-01",
    "2026-04-01",
];

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    // Who calls is asked before anything else: that is how clients find the tenant.
    let who = match access::sign_in(world, call) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    match call.query("api-version") {
        None => return refusal(400, "BadParameter", "api-version must be specified"),
        Some(version) if !VERSIONS.contains(&version) => {
            let message = format!(
                "The specified version ({version}) is not recognized. Consider using the latest supported \
                 version (2026-04-01)."
            );
            return refusal(400, "BadParameter", &message);
        }
        Some(_) => {}
    }
    let (method, segments) = call.route();
    let segments: Vec<&str> = segments.into_iter().filter(|segment| !segment.is_empty()).collect();
    let named = segments.get(1).copied();
    if let Some(name) = named.filter(|name| !is_name(name)) {
        return refusal(400, "BadParameter", &format!("The request URI contains an invalid name: {name}"));
    }
    let Some(right) = right_for(method, &segments) else { return Reply::unknown_route(call) };
    if let Err(reply) = access::check(world, call, &who, right) {
        return reply;
    }
    match (method, segments.as_slice()) {
        ("PUT", ["secrets", name]) => secrets::set(world, call, name),
        ("PATCH", ["secrets", name, version]) => secrets::update(world, call, name, Some(version)),
        ("PATCH", ["secrets", name]) => secrets::update(world, call, name, None),
        ("GET", ["secrets"]) => secrets::list(world, call),
        ("GET", ["secrets", name, "versions"]) => secrets::versions(world, call, name),
        ("GET", ["secrets", name]) => secrets::get(world, call, name, None),
        ("GET", ["secrets", name, version]) => secrets::get(world, call, name, Some(version)),
        ("DELETE", ["secrets", name]) => deleted::delete(world, call, name),
        ("GET", ["deletedsecrets"]) => deleted::list(world, call),
        ("GET", ["deletedsecrets", name]) => deleted::get(world, call, name),
        ("POST", ["deletedsecrets", name, "recover"]) => deleted::recover(world, call, name),
        ("DELETE", ["deletedsecrets", name]) => deleted::purge(world, call, name),
        _ => Reply::unknown_route(call),
    }
}

/// Names the permission that a route needs; `None` for a route that there is not.
fn right_for(method: &str, segments: &[&str]) -> Option<&'static str> {
    Some(match (method, segments) {
        ("PUT", ["secrets", _]) | ("PATCH", ["secrets", _] | ["secrets", _, _]) => "set",
        ("GET", ["secrets"] | ["deletedsecrets"] | ["secrets", _, "versions"]) => "list",
        ("GET", ["secrets", _] | ["secrets", _, _] | ["deletedsecrets", _]) => "get",
        ("DELETE", ["secrets", _]) => "delete",
        ("POST", ["deletedsecrets", _, "recover"]) => "recover",
        ("DELETE", ["deletedsecrets", _]) => "purge",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
