//! The keys that issuers publish.

use serde_json::Value;

use crate::signing::IssuerKey;
use crate::world::World;

/// Returns the keys that an issuer publishes; `None` for an issuer that nobody can reach.
pub(crate) fn published_keys(world: &World, issuer: &str) -> Option<Value> {
    let known = issuer == world.oidc.actions.issuer || world.oidc.pipeline.issues_as(issuer);
    known.then(|| IssuerKey::shared().jwks())
}
