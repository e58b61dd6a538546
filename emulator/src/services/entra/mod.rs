//! The sign-in service of Entra ID: its token endpoint and its discovery documents.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

mod assertion;
mod refusal;
mod sign_in;
mod tenants;
mod world;

use serde_json::json;

use sign_in::sign_in;
use tenants::known_tenant;

use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

/// Answers a request to the sign-in service.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let (method, segments) = call.route();
    match (method, segments.as_slice()) {
        ("POST", [tenant, "oauth2", version @ .., "token"]) if matches!(version, [] | ["v2.0"]) => {
            match sign_in(world, call, tenant, version.is_empty()) {
                Ok(reply) => reply,
                Err(refusal) => refusal.reply(world, call),
            }
        }
        // Where no tenant is named yet, the issuer has a place to be filled in.
        ("GET", [tenant @ ("common" | "organizations"), "v2.0", ".well-known", "openid-configuration"]) => {
            Reply::json(200, &discovery(call, tenant, "{tenantid}"))
        }
        ("GET", [tenant, "v2.0", ".well-known", "openid-configuration"]) => match known_tenant(world, tenant)
        {
            Ok(()) => Reply::json(200, &discovery(call, tenant, tenant)),
            Err(refusal) => refusal.reply(world, call),
        },
        ("GET", [_, "discovery", "v2.0", "keys"] | [_, "discovery", "keys"]) => {
            Reply::json(200, &crate::signing::IssuerKey::shared().jwks())
        }
        ("GET", ["common", "discovery", "instance"]) => {
            let endpoint = call.query("authorization_endpoint").unwrap_or_default();
            let tenant = endpoint.split('/').nth(3).unwrap_or("common");
            let host = call.origin.split("://").nth(1).unwrap_or_default();
            let metadata = json!([{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]);
            let document = format!("{}/{tenant}/v2.0/.well-known/openid-configuration", call.origin);
            Reply::json(
                200,
                &json!({"tenant_discovery_endpoint": document, "api-version": "1.1", "metadata": metadata}),
            )
        }
        _ => Reply::unknown_route(call),
    }
}

fn discovery(call: &Call, tenant: &str, issuer: &str) -> serde_json::Value {
    let base = format!("{}/{tenant}", call.origin);
    json!({
        "issuer": format!("{}/{issuer}/v2.0", call.origin),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
        "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
        "jwks_uri": format!("{base}/discovery/v2.0/keys"),
        "token_endpoint_auth_methods_supported": [
            "client_secret_post", "private_key_jwt", "client_secret_basic",
        ],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    })
}

#[cfg(test)]
mod tests;
