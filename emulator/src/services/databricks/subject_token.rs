//! The verification of an identity token that is exchanged.

use crate::services::issuers::published_keys;
use crate::signing::Jwt;
use crate::world::World;

/// Verifies a token that is exchanged at a workspace against one federation policy: issuer, audiences,
/// signature, validity.
///
/// Returns the value of the policy's subject claim, for the caller to compare, or a text that says what does
/// not match. <https://docs.databricks.com/aws/en/dev-tools/auth/oauth-federation-policy>
pub(super) fn exchange_subject(
    world: &World,
    token: &str,
    issuer: &str,
    audiences: &[String],
    claim: &str,
) -> Result<String, String> {
    let token = Jwt::read(token).ok_or("the subject token is not a JWT")?;
    if token.claim_str("iss") != issuer {
        return Err(format!("issuer '{}' is not the policy's '{issuer}'", token.claim_str("iss")));
    }
    let given = token.audiences();
    if !audiences.iter().any(|audience| given.contains(audience)) {
        return Err(format!("audience {given:?} is none of the policy's {audiences:?}"));
    }
    if !published_keys(world, issuer).is_some_and(|keys| token.is_signed_under(&keys)) {
        return Err("the signature does not verify with the issuer's keys".to_owned());
    }
    let now = world.now_ms().div_euclid(1000);
    if token.claim_seconds("exp").is_none_or(|end| now >= end) {
        return Err("the subject token has expired".to_owned());
    }
    if token.claim_seconds("nbf").is_some_and(|start| start > now + 60) {
        return Err("the subject token is not valid yet".to_owned());
    }
    Ok(token.claim_str(claim).to_owned())
}
