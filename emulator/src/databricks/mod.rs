//! Databricks: workspaces and the account.
//!
//! <https://docs.databricks.com/api/azure/workspace/introduction>

mod auth;
mod conf;
mod oauth;
mod oauth_secrets;
mod permissions;
mod scim;
mod scim_patch;
mod secrets;
mod state;
mod token_management;
mod tokens;

use serde_json::{Map, Value, json};

use crate::call::{Call, Reply, unknown_field};
use crate::service::Service;
use crate::world::World;

pub(crate) use oauth::{issue as issue_oauth, refuse as refuse_oauth};
pub use state::{
    Account, AccountPrincipal, Grant, Grantee, Member, MemberKind, OauthSecret, Pat, SecretScope,
    StoredSecret, Workspace,
};
pub(crate) use tokens::token_id;

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
        _ => Err(Reply::unknown_route(call)),
    }
}

fn api(world: &mut World, call: &Call, index: usize, rest: &[&str]) -> Result<Reply, Reply> {
    let method = call.method.as_str();
    // Whether the route exists is asked before who asks: an unknown route is 501 for everybody.
    let Some(scope) = api_scope(method, rest) else { return Err(Reply::unknown_route(call)) };
    let caller = auth::caller(world, call, index, scope)?;
    match (method, rest) {
        ("POST", ["token", "create"]) => tokens::create(world, call, index, &caller),
        ("GET", ["token", "list"]) => tokens::list(world, call, index, &caller),
        ("POST", ["token", "delete"]) => tokens::delete(world, call, index, &caller),
        ("PATCH", ["token", id]) => tokens::update(world, call, index, &caller, id),
        (_, ["token-management", rest @ ..]) => token_management::handle(world, call, index, &caller, rest),
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
        ("GET", ["sql", "warehouses"]) => Ok(Reply::json(200, &json!({}))),
        _ => Err(Reply::unknown_route(call)),
    }
}

/// Returns the scope that a token needs for a route; nothing where there is no such route.
///
/// <https://docs.databricks.com/api/azure/workspace/api-scopes>
fn api_scope(method: &str, rest: &[&str]) -> Option<&'static str> {
    Some(match (method, rest) {
        ("POST", ["token", "create" | "delete"]) | ("GET", ["token", "list"]) => "authentication",
        ("PATCH", ["token", id]) if !matches!(*id, "create" | "list" | "delete") => "authentication",
        ("GET", ["token-management", "tokens"])
        | ("GET" | "DELETE" | "PATCH", ["token-management", "tokens", _])
        | ("POST", ["token-management", "on-behalf-of", "tokens"]) => "authentication",
        ("GET" | "PUT" | "PATCH", ["permissions", "authorization", "tokens"])
        | ("GET", ["permissions", "authorization", "tokens", "permissionLevels"]) => "authentication",
        ("GET", ["preview", "scim", "v2", "Me" | "Users" | "Groups"])
        | ("GET", ["preview", "scim", "v2", "Users" | "Groups", _])
        | ("GET" | "POST", ["preview", "scim", "v2", "ServicePrincipals"])
        | ("GET" | "PUT" | "PATCH" | "DELETE", ["preview", "scim", "v2", "ServicePrincipals", _]) => "scim",
        ("GET" | "PATCH", ["workspace-conf"]) => "settings",
        ("POST", ["secrets", "scopes", "create" | "delete"])
        | ("GET", ["secrets", "scopes", "list"])
        | ("POST", ["secrets", "put" | "delete"])
        | ("GET", ["secrets", "get" | "list"])
        | ("POST", ["secrets", "acls", "put" | "delete"])
        | ("GET", ["secrets", "acls", "get" | "list"]) => "secrets",
        ("GET" | "POST", ["accounts", "servicePrincipals", _, "credentials", "secrets"])
        | ("DELETE", ["accounts", "servicePrincipals", _, "credentials", "secrets", _]) => "identity",
        ("GET", ["sql", "warehouses"]) => "sql",
        _ => return None,
    })
}

fn account(world: &mut World, call: &Call) -> Result<Reply, Reply> {
    let (method, segments) = call.route();
    match (method, segments.as_slice()) {
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
            Ok(crate::oidc::federation_policies(world, call, id, rest))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

/// Refuses in the shape that most of the workspace's routes use.
pub(crate) fn refuse(status: u16, code: &str, message: impl Into<String>) -> Reply {
    Reply::json(status, &json!({"error_code": code, "message": message.into()}))
}

fn malformed(message: impl Into<String>) -> Reply {
    refuse(400, "MALFORMED_REQUEST", message)
}

fn invalid(message: impl Into<String>) -> Reply {
    refuse(400, "INVALID_PARAMETER_VALUE", message)
}

/// Reads a JSON body that has no other fields than these.
fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    if !call.has_content_type("application/json") {
        return Err(malformed("Invalid Content-Type header: expected application/json"));
    }
    let map = call
        .json_object()
        .map_err(|error| malformed(format!("Invalid JSON given in the body of the request - {error}")))?;
    match unknown_field(&map, known) {
        Some(field) => {
            Err(malformed(format!("Could not parse request object: Expected no field named '{field}'")))
        }
        None => Ok(map),
    }
}

/// Refuses query parameters other than these.
fn only_query(call: &Call, known: &[&str]) -> Result<(), Reply> {
    match call.query.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, _)) => {
            Err(malformed(format!("Could not parse request object: Expected no parameter named '{key}'")))
        }
        None => Ok(()),
    }
}

fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Reply> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(format!(
            "Could not parse request object: Expected 'STRING' for the field '{name}'"
        ))),
    }
}

fn required<'a>(map: &'a Map<String, Value>, name: &str) -> Result<&'a str, Reply> {
    text(map, name)?.ok_or_else(|| invalid(format!("Missing required field: {name}")))
}

fn texts(map: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Reply> {
    let wrong = || {
        malformed(format!(
            "Could not parse request object: Expected a list of 'STRING' for the field '{name}'"
        ))
    };
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Some),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests;
