//! The exchange of an identity token for a Databricks access token, under the federation policies of a
//! service principal.
//!
//! <https://docs.databricks.com/aws/en/dev-tools/auth/oauth-federation-exchange>

use super::oauth_reply::{FIVE_MINUTES, issue, refuse as refuse_oauth, unknown_scope};
use super::subject_token::exchange_subject;
use crate::call::{Call, form_value};
use crate::reply::Reply;
use crate::signing::Jwt;
use crate::state::{FederationPolicy, SpreadKind};
use crate::world::World;

/// Answers a token exchange at a workspace's (`Some`) or the account's (`None`) token endpoint.
pub(super) fn exchange_token(world: &mut World, call: &Call, form: &[(String, String)]) -> Reply {
    let refuse = |error: &str, description: String| refuse_oauth(400, error, &description);
    match form_value(form, "subject_token_type") {
        Some("urn:ietf:params:oauth:token-type:jwt") => {}
        Some(value) => {
            let words = format!("'{value}' is not a subject_token_type that is supported.");
            return refuse("invalid_request", words);
        }
        None => return refuse("invalid_request", "subject_token_type is missing.".to_owned()),
    }
    let Some(scope) = form_value(form, "scope").filter(|scope| !scope.is_empty()) else {
        return refuse("invalid_request", "scope is missing.".to_owned());
    };
    if let Some(unknown) = unknown_scope(scope) {
        return refuse("invalid_scope", format!("The scope '{unknown}' is not known."));
    }
    let Some(subject_token) = form_value(form, "subject_token").filter(|token| !token.is_empty()) else {
        return refuse("invalid_request", "subject_token is missing.".to_owned());
    };
    let Some(client_id) = form_value(form, "client_id").filter(|id| !id.is_empty()) else {
        return refuse(
            "invalid_request",
            "client_id is missing: account-wide token federation is not set up.".to_owned(),
        );
    };
    let own = |policy: &&FederationPolicy| policy.application_id.eq_ignore_ascii_case(client_id);
    let mut policies: Vec<FederationPolicy> = world.oidc.policies.iter().filter(own).cloned().collect();
    let now = call.now_ms;
    policies.retain(|policy| world.spread.works(SpreadKind::FederationPolicy, &policy.id, now));
    if policies.is_empty() {
        return refuse("invalid_grant", no_policy(subject_token));
    }
    let mut reasons = Vec::new();
    for policy in policies {
        match exchange_subject(world, subject_token, &policy.issuer, &policy.audiences, &policy.subject_claim)
        {
            Ok(subject) if subject == policy.subject => return grant(world, call, client_id, scope),
            Ok(subject) => {
                reasons.push(format!("subject '{subject}' is not the policy's '{}'", policy.subject))
            }
            Err(reason) => reasons.push(reason),
        }
    }
    refuse(
        "invalid_grant",
        format!("The federated token matches no federation policy: {}.", reasons.join("; ")),
    )
}

/// Says that nobody trusts the issuer of a token, in the words that were recorded in 2026.
fn no_policy(subject_token: &str) -> String {
    let beginning =
        "Failed to process token: TOKEN_INVALID (Ensure a valid federation policy has been configured)";
    let Some(token) = Jwt::read(subject_token) else { return format!("{beginning}.") };
    let (issuer, subject) = (token.claim_str("iss"), token.claim_str("sub"));
    let audience = token.audiences().join("', '");
    format!(
        "{beginning}. Valid federation policy for provided token: {{issuer: '{issuer}', subject: \
         '{subject}', audience: '{audience}'}}"
    )
}

/// Issues the token, to a principal that is in the workspace (or in the account).
fn grant(world: &mut World, call: &Call, client_id: &str, scope: &str) -> Reply {
    let member = call.workspace.is_none_or(|index| {
        world
            .workspaces
            .get(index)
            .and_then(|workspace| workspace.member(client_id))
            .is_some_and(|member| member.active)
    });
    if !member {
        return refuse_oauth(401, "invalid_client", "Client authentication failed");
    }
    issue(world, client_id, call.workspace, &scope.split(' ').collect::<Vec<_>>(), FIVE_MINUTES)
}
