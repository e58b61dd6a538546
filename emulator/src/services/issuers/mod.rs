//! The issuers of identity tokens: GitHub Actions and Azure DevOps, with their discovery documents and keys;
//! and the endpoint at which a GitHub Actions job asks for a token.

mod github_job;
mod keys;
mod world;

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Reply;
use crate::signing::IssuerKey;
use crate::state::Service;
use crate::world::World;

pub(crate) use keys::published_keys;

/// Answers for an issuer (discovery document and keys), or gives a GitHub Actions job its token.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    match (call.service, call.method.as_str()) {
        (Service::GithubIssuer, "GET") => issuer(call, &world.oidc.actions.issuer),
        (Service::AzureDevopsIssuer, "GET") => issuer(call, &world.oidc.pipeline.issuer()),
        (Service::GithubOidc, _) => github_job::token(world, call),
        _ => Reply::unknown_route(call),
    }
}

fn issuer(call: &Call, name: &str) -> Reply {
    if call.path.ends_with("/.well-known/openid-configuration") {
        Reply::json(200, &discovery(name, &format!("{}/.well-known/jwks", call.origin)))
    } else if call.path.ends_with("/.well-known/jwks") {
        Reply::json(200, &IssuerKey::shared().jwks())
    } else {
        Reply::unknown_route(call)
    }
}

fn discovery(issuer: &str, jwks: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": jwks,
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    })
}

#[cfg(test)]
mod tests;
