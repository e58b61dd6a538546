//! Databricks: workspaces and the account.
//!
//! <https://docs.databricks.com/api/azure/workspace/introduction>

mod account;
mod assignments;
mod auth;
mod conf;
mod exchange;
mod federation_policies;
mod fields;
mod notebooks;
mod oauth;
mod oauth_reply;
mod oauth_secrets;
mod permissions;
mod reply;
mod scim;
mod secrets;
mod subject_token;
mod token_management;
mod tokens;
mod world;

use serde_json::json;

use crate::call::Call;
use crate::reply::Reply;
use crate::state::Service;
use crate::world::World;

/// Answers a request to a workspace or to the account.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let outcome = match (call.service, call.workspace) {
        (Service::Databricks, Some(index)) if index < world.workspaces.len() => workspace(world, call, index),
        (Service::DatabricksAccount, _) => account(world, call),
        _ => Err(Reply::unknown_route(call)),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

fn workspace(world: &mut World, call: &Call, index: usize) -> Result<Reply, Reply> {
    let (method, segments) = call.route();
    match (method, segments.as_slice()) {
        ("GET", ["aad", "auth"]) => Ok(auth::entra_redirect(world, index)),
        ("GET", ["oidc", ".well-known", "oauth-authorization-server"]) => {
            Ok(oauth::discovery(&format!("{}/oidc", call.origin)))
        }
        ("POST", ["oidc", "v1", "token"]) => Ok(oauth::token(world, call, Some(index))),
        ("GET", [".well-known", "databricks-config"]) => Ok(oauth::host_metadata(world, call, index)),
        (_, ["api", "2.0", rest @ ..]) => api(world, call, index, rest),
        ("GET", ["api", "2.1", "unity-catalog", "iceberg-rest", "v1", "config"]) => {
            auth::caller(world, call, index, &["all-apis"])?;
            Ok(Reply::json(200, &json!({"defaults": {}, "overrides": {}})))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn api(world: &mut World, call: &Call, index: usize, rest: &[&str]) -> Result<Reply, Reply> {
    let method = call.method.as_str();
    // Whether the route exists is asked before who asks: an unknown route is 501 for everybody.
    let Some(scopes) = api_scopes(method, rest) else { return Err(Reply::unknown_route(call)) };
    if let Some(workspace) = world.workspaces.get_mut(index) {
        workspace.tokens.iter_mut().for_each(|pat| pat.rights.settle(pat.created_ms, call.now_ms));
    }
    let caller = auth::caller(world, call, index, scopes)?;
    match (method, rest) {
        ("POST", ["token", "create"]) => tokens::create(world, call, index, &caller),
        ("GET", ["token-scopes"]) => tokens::all_scopes(call),
        ("GET", ["token", "list"]) => tokens::list(world, call, index, &caller),
        ("POST", ["token", "delete"]) => tokens::delete(world, call, index, &caller),
        ("PATCH", ["token", id]) => tokens::update(world, call, index, &caller, id),
        (_, ["token-management", rest @ ..]) => token_management::handle(world, call, index, &caller, rest),
        (_, ["workspace", what]) => notebooks::handle(world, call, index, what),
        (_, ["permissions", "notebooks", id, rest @ ..]) => {
            notebooks::permissions(world, call, index, &caller, (id, rest))
        }
        (_, ["permissions", "authorization", "tokens", rest @ ..]) => {
            permissions::handle(world, call, index, &caller, rest)
        }
        (_, ["preview", "scim", "v2", rest @ ..]) => scim::handle(world, call, index, &caller, rest),
        (_, ["workspace-conf"]) => conf::handle(world, call, index, &caller),
        (_, ["secrets", rest @ ..]) => secrets::handle(world, call, index, &caller, rest),
        (_, ["accounts", "servicePrincipals", id, "credentials", "secrets", rest @ ..]) => {
            caller.must_be_admin()?;
            auth::must_be_member(world, index, id)?;
            oauth_secrets::handle(world, call, id, rest)
        }
        ("GET", ["ip-access-lists"]) => {
            caller.must_be_admin()?;
            Ok(Reply::json(200, &json!({"ip_access_lists": []})))
        }
        ("GET", ["sql", "warehouses"]) => Ok(Reply::json(200, &json!({}))),
        ("GET", ["identity", "workspace-assignments", id]) => {
            assignments::one(world, call, index, &caller, id)
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

/// The scopes that reach `Me`: almost every one, by the published list; the first is the one it belongs to.
const ME: &[&str] = &[
    "scim",
    "access-management",
    "clusters",
    "genie",
    "identity",
    "jobs",
    "secrets",
    "settings",
    "sql",
    "unity-catalog",
    "workspace",
];

/// Returns the scopes of which a token needs one for a route; nothing where there is no such route.
///
/// <https://docs.databricks.com/api/azure/workspace/api-scopes>
fn api_scopes(method: &str, rest: &[&str]) -> Option<&'static [&'static str]> {
    Some(match (method, rest) {
        ("POST", ["token", "create" | "delete"]) | ("GET", ["token", "list"]) => &["authentication"],
        ("PATCH", ["token", id]) if !matches!(*id, "create" | "list" | "delete") => &["authentication"],
        ("GET", ["token-management", "tokens"])
        | ("GET" | "DELETE" | "PATCH", ["token-management", "tokens", _])
        | ("POST", ["token-management", "on-behalf-of", "tokens"]) => &["authentication"],
        ("GET" | "PUT" | "PATCH", ["permissions", "authorization", "tokens"])
        | ("GET", ["permissions", "authorization", "tokens", "permissionLevels"]) => {
            &["authentication", "access-management"]
        }
        ("GET", ["preview", "scim", "v2", "Me"]) => ME,
        ("GET" | "POST", ["preview", "scim", "v2", "Users" | "Groups"])
        | ("GET" | "PUT" | "PATCH" | "DELETE", ["preview", "scim", "v2", "Users" | "Groups", _])
        | ("GET" | "POST", ["preview", "scim", "v2", "ServicePrincipals"])
        | ("GET" | "PUT" | "PATCH" | "DELETE", ["preview", "scim", "v2", "ServicePrincipals", _]) => {
            &["scim"]
        }
        ("GET" | "PATCH", ["workspace-conf"]) => &["settings"],
        ("POST", ["secrets", "scopes", "create" | "delete"])
        | ("GET", ["secrets", "scopes", "list"])
        | ("POST", ["secrets", "put" | "delete"])
        | ("GET", ["secrets", "get" | "list"])
        | ("POST", ["secrets", "acls", "put" | "delete"])
        | ("GET", ["secrets", "acls", "get" | "list"]) => &["secrets"],
        ("GET" | "POST", ["accounts", "servicePrincipals", _, "credentials", "secrets"])
        | ("DELETE", ["accounts", "servicePrincipals", _, "credentials", "secrets", _]) => {
            &["authentication"]
        }
        ("GET", ["token-scopes"]) => &["authentication"],
        ("GET", ["workspace", "get-status"]) | ("POST", ["workspace", "mkdirs" | "import" | "delete"]) => {
            &["workspace"]
        }
        ("GET" | "PUT" | "PATCH", ["permissions", "notebooks", _])
        | ("GET", ["permissions", "notebooks", _, "permissionLevels"]) => &["access-management", "workspace"],
        ("GET", ["ip-access-lists"]) => &["settings"],
        ("GET", ["sql", "warehouses"]) => &["sql"],
        ("GET", ["identity", "workspace-assignments", _]) => &["identity", "access-management"],
        _ => return None,
    })
}

fn account(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let (method, segments) = call.route();
    match (method, segments.as_slice()) {
        ("GET", [".well-known", "databricks-config"]) => Ok(oauth::account_metadata(call)),
        ("GET", ["oidc", "accounts", id, ".well-known", "oauth-authorization-server"]) => {
            Ok(oauth::discovery(&format!("{}/oidc/accounts/{id}", call.origin)))
        }
        ("POST", ["oidc", "accounts", id, "v1", "token"]) if *id == world.account.id => {
            Ok(oauth::token(world, call, None))
        }
        (
            "GET" | "POST",
            ["api", "2.0", "accounts", account, "servicePrincipals", id, "credentials", "secrets"],
        ) => {
            auth::account_admin(world, call, account)?;
            oauth_secrets::handle(world, call, id, &[])
        }
        (
            "DELETE",
            ["api", "2.0", "accounts", account, "servicePrincipals", id, "credentials", "secrets", secret],
        ) => {
            auth::account_admin(world, call, account)?;
            oauth_secrets::handle(world, call, id, &[secret])
        }
        (
            _,
            ["api", "2.0", "accounts", account, "servicePrincipals", id, "federationPolicies", rest @ ..],
        ) => {
            auth::account_admin(world, call, account)?;
            Ok(federation_policies::handle(world, call, id, rest))
        }
        (_, ["api", "2.0", "accounts", account, rest @ ..]) if is_of_account(&call.method, rest) => {
            auth::account_admin(world, call, account)?;
            account::handle(world, call, rest)
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

/// Says whether the account has such a route: an unknown one is 501 for everybody.
fn is_of_account(method: &str, rest: &[&str]) -> bool {
    match rest {
        ["scim", "v2", "ServicePrincipals"] => matches!(method, "GET" | "POST"),
        ["scim", "v2", "ServicePrincipals", _] => matches!(method, "GET" | "DELETE"),
        ["workspaces"] | ["workspaces", _] | ["workspaces", _, "permissionassignments"] => method == "GET",
        ["workspaces", _, "permissionassignments", "principals", _] => matches!(method, "PUT" | "DELETE"),
        _ => false,
    }
}

#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod tests;
