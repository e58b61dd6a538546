//! Databricks OAuth: the token endpoint of a workspace and of the account.
//!
//! <https://learn.microsoft.com/azure/databricks/dev-tools/auth/oauth-m2m>

use serde_json::json;

use super::exchange::exchange_token;
use super::oauth_reply::{HOUR, issue, refuse, unknown_scope};
use crate::call::{Call, form_value};
use crate::reply::Reply;
use crate::state::{SpreadKind, covers};
use crate::world::World;

/// The grant type of a token exchange (RFC 8693).
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Shows where the endpoints are.
pub(super) fn discovery(issuer: &str) -> Reply {
    Reply::json(
        200,
        &json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/v1/authorize"),
            "token_endpoint": format!("{issuer}/v1/token"),
            "jwks_uri": format!("{issuer}/jwks.json"),
            "response_types_supported": ["code", "id_token"],
            "grant_types_supported": [
                "client_credentials", "authorization_code", "refresh_token", TOKEN_EXCHANGE,
            ],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "scopes_supported": ["all-apis", "email", "offline_access", "openid", "profile", "sql"],
        }),
    )
}

/// Shows what official clients ask of a workspace before they sign in.
pub(super) fn host_metadata(world: &World, call: &Call, index: usize) -> Reply {
    let id = world.workspaces.get(index).map_or(0, |workspace| workspace.id);
    Reply::json(
        200,
        &json!({
            "oidc_endpoint": format!("{}/oidc", call.origin),
            "account_id": world.account.id,
            "workspace_id": id.to_string(),
            "cloud": "azure",
        }),
    )
}

/// Tells clients what they speak with: the account's host serves every account.
pub(super) fn account_metadata(call: &Call) -> Reply {
    let endpoint = format!("{}/oidc/accounts/{{account_id}}", call.origin);
    Reply::json(200, &json!({"oidc_endpoint": endpoint, "cloud": "azure"}))
}

/// Answers at the token endpoint of a workspace, or of the account where there is no index.
pub(super) fn token(world: &mut World, call: &Call, index: Option<usize>) -> Reply {
    if !call.has_content_type("application/x-www-form-urlencoded") {
        // The service answers so, without a body.
        return Reply::empty(400);
    }
    let form = call.form();
    match form_value(&form, "grant_type") {
        Some("client_credentials") => client_credentials(world, call, index, &form),
        Some(TOKEN_EXCHANGE) => exchange_token(world, call, &form),
        Some(other) => {
            refuse(400, "unsupported_grant_type", &format!("The grant type {other} is not supported."))
        }
        None => refuse(400, "invalid_request", "grant_type is required"),
    }
}

fn client_credentials(
    world: &mut World,
    call: &Call,
    index: Option<usize>,
    form: &[(String, String)],
) -> Reply {
    let posted =
        || Some((form_value(form, "client_id")?.to_owned(), form_value(form, "client_secret")?.to_owned()));
    let Some((client, secret)) = call.basic().or_else(posted) else {
        return refuse(401, "invalid_client", "Client authentication failed");
    };
    let known = ["grant_type", "scope", "client_id", "client_secret", "authorization_details"];
    if let Some((name, _)) = form.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return refuse(400, "invalid_request", &format!("Unknown parameter: {name}"));
    }
    let Some(scope) = form_value(form, "scope").filter(|scope| !scope.is_empty()) else {
        return refuse(400, "invalid_scope", "scope is required");
    };
    let now = call.now_ms;
    let found = world
        .account
        .principal(&client)
        .and_then(|principal| {
            principal.secrets.iter().find(|held| held.value == secret && now < held.expires_ms)
        })
        .map(|held| (held.id.clone(), held.scopes.clone()));
    let held = found.as_ref().and_then(|(_, scopes)| scopes.clone());
    let works = found.is_some_and(|(id, _)| world.spread.works(SpreadKind::OauthSecret, &id, now));
    let member = index.is_none_or(|index| {
        world
            .workspaces
            .get(index)
            .and_then(|workspace| workspace.member(&client))
            .is_some_and(|member| member.active)
    });
    if !works || !member {
        return refuse(401, "invalid_client", "Client authentication failed");
    }
    let scopes: Vec<&str> = scope.split(' ').collect();
    if let Some(unknown) = unknown_scope(scope) {
        return refuse(400, "invalid_scope", &format!("The scope {unknown} is not known."));
    }
    let unassigned: Vec<&str> =
        scopes.iter().copied().filter(|scope| !covers(held.as_deref(), &[scope])).collect();
    if !unassigned.is_empty() {
        let words = format!("Scopes '{}' are not assigned to the client {client}", unassigned.join(" "));
        return refuse(403, "access_denied", &words);
    }
    issue(world, &client, index, &scopes, HOUR)
}
