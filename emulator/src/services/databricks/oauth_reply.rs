//! What the token endpoints of a workspace and of the account answer.

use serde_json::json;

use super::auth::{ACCOUNT_AUDIENCE, workspace_audience};
use super::tokens::SCOPES;
use crate::reply::Reply;
use crate::state::Subject;
use crate::world::World;

/// How long a token lives that a secret has brought, in seconds.
pub(super) const HOUR: i64 = 3_600;

/// How long a token lives that an assertion has brought, in seconds, as it was measured.
pub(super) const FIVE_MINUTES: i64 = 300;

/// Refuses in OAuth's shape.
pub(super) fn refuse(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "error_description": description}))
}

/// Returns the first of several scopes that no token has.
pub(super) fn unknown_scope(scope: &str) -> Option<&str> {
    scope.split(' ').find(|scope| !SCOPES.contains(scope) && *scope != "offline_access")
}

/// Issues an OAuth token for a workspace or the account, and answers with it.
pub(super) fn issue(
    world: &mut World,
    application_id: &str,
    index: Option<usize>,
    scopes: &[&str],
    seconds: i64,
) -> Reply {
    let audience = index.map_or_else(|| ACCOUNT_AUDIENCE.to_owned(), workspace_audience);
    let token = world.issue_bearer(
        &audience,
        Subject::Application(application_id.to_owned()),
        scopes,
        seconds * 1000,
    );
    Reply::json(
        200,
        &json!({
            "access_token": token, "token_type": "Bearer", "expires_in": seconds, "scope": scopes.join(" "),
        }),
    )
}
