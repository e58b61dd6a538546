//! Secret scopes.
//!
//! <https://docs.databricks.com/api/azure/workspace/secrets>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::auth::Caller;
use super::fields::{body, only_query, required, text};
use super::reply::{invalid, malformed, refuse};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{SecretScope, StoredSecret, Workspace};
use crate::world::World;

/// How large a secret's value may be.
const MAX_BYTES: usize = 128 * 1024;
/// How many secrets a scope holds.
const MAX_SECRETS: usize = 1000;

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    rest: &[&str],
) -> Result<Reply, Reply> {
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    match (call.method.as_str(), rest) {
        ("POST", ["scopes", "create"]) => create_scope(call, workspace, caller),
        ("GET", ["scopes", "list"]) => {
            only_query(call, &[])?;
            let scopes: Vec<Value> = workspace
                .scopes
                .iter()
                .filter(|scope| may(scope, workspace, caller, "READ"))
                .map(|scope| json!({"name": scope.name, "backend_type": "DATABRICKS"}))
                .collect();
            Ok(Reply::json(200, &if scopes.is_empty() { json!({}) } else { json!({"scopes": scopes}) }))
        }
        ("POST", ["scopes", "delete"]) => {
            let map = body(call, &["scope"])?;
            let at = scope(workspace, required(&map, "scope")?, caller, "MANAGE")?;
            workspace.scopes.remove(at);
            Ok(done())
        }
        ("POST", ["put"]) => put(call, workspace, caller),
        ("POST", ["delete"]) => {
            let map = body(call, &["scope", "key"])?;
            let at = scope(workspace, required(&map, "scope")?, caller, "WRITE")?;
            let key = required(&map, "key")?;
            workspace.scopes[at].secrets.remove(key).ok_or_else(|| missing_key(key))?;
            Ok(done())
        }
        ("GET", ["get"]) => {
            only_query(call, &["scope", "key"])?;
            let at = scope(workspace, asked(call, "scope")?, caller, "READ")?;
            let key = asked(call, "key")?;
            let secret = workspace.scopes[at].secrets.get(key).ok_or_else(|| missing_key(key))?;
            Ok(Reply::json(200, &json!({"key": key, "value": STANDARD.encode(&secret.value)})))
        }
        ("GET", ["list"]) => {
            only_query(call, &["scope"])?;
            let at = scope(workspace, asked(call, "scope")?, caller, "READ")?;
            let secrets: Vec<Value> = workspace.scopes[at]
                .secrets
                .iter()
                .map(|(key, secret)| json!({"key": key, "last_updated_timestamp": secret.updated_ms}))
                .collect();
            Ok(Reply::json(200, &if secrets.is_empty() { json!({}) } else { json!({"secrets": secrets}) }))
        }
        (_, ["acls", rest @ ..]) => acls(call, workspace, caller, rest),
        _ => Err(Reply::unknown_route(call)),
    }
}

fn done() -> Reply {
    Reply::json(200, &json!({}))
}

fn asked<'a>(call: &'a Call, name: &str) -> Result<&'a str, Reply> {
    call.query(name).ok_or_else(|| invalid(format!("Missing required field: {name}")))
}

fn missing_key(key: &str) -> Reply {
    refuse(
        404,
        "RESOURCE_DOES_NOT_EXIST",
        format!("Failed to get secret {key}: it does not exist in this scope."),
    )
}

fn rank(permission: &str) -> u8 {
    match permission {
        "READ" => 1,
        "WRITE" => 2,
        "MANAGE" => 3,
        _ => 0,
    }
}

fn may(scope: &SecretScope, workspace: &Workspace, caller: &Caller, wanted: &str) -> bool {
    let groups = workspace.member(&caller.name).map_or(&[][..], |member| &member.groups[..]);
    caller.admin
        || scope
            .acls
            .iter()
            .any(|(who, held)| (*who == caller.name || groups.contains(who)) && rank(held) >= rank(wanted))
}

/// Finds a scope that the caller may use so.
fn scope(workspace: &Workspace, name: &str, caller: &Caller, wanted: &str) -> Result<usize, Reply> {
    let Some(at) = workspace.scopes.iter().position(|scope| scope.name == name) else {
        return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Scope {name} does not exist!")));
    };
    if may(&workspace.scopes[at], workspace, caller, wanted) {
        return Ok(at);
    }
    Err(refuse(
        403,
        "PERMISSION_DENIED",
        format!("User {} does not have {wanted} permission on scope {name}", caller.name),
    ))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@/".contains(c))
}

fn create_scope(call: &Call, workspace: &mut Workspace, caller: &Caller) -> Result<Reply, Reply> {
    let map =
        body(call, &["scope", "initial_manage_principal", "scope_backend_type", "backend_azure_keyvault"])?;
    let name = required(&map, "scope")?;
    if !is_name(name) {
        return Err(invalid(
            "Scope names must consist of alphanumeric characters, dashes, underscores, @ and periods, 128 \
             at most.",
        ));
    }
    if workspace.scopes.iter().any(|scope| scope.name.eq_ignore_ascii_case(name)) {
        return Err(refuse(400, "RESOURCE_ALREADY_EXISTS", format!("Scope {name} already exists!")));
    }
    if text(&map, "scope_backend_type")?.is_some_and(|kind| kind != "DATABRICKS") {
        return Err(refuse(501, "NOT_IMPLEMENTED", "The emulator has no scopes that Key Vault backs."));
    }
    let manager = text(&map, "initial_manage_principal")?.unwrap_or(&caller.name).to_owned();
    workspace.scopes.push(SecretScope {
        name: name.to_owned(),
        acls: [(manager, "MANAGE".to_owned())].into(),
        ..SecretScope::default()
    });
    Ok(done())
}

fn put(call: &Call, workspace: &mut Workspace, caller: &Caller) -> Result<Reply, Reply> {
    let map = body(call, &["scope", "key", "string_value", "bytes_value"])?;
    let at = scope(workspace, required(&map, "scope")?, caller, "WRITE")?;
    let key = required(&map, "key")?;
    if !is_name(key) {
        return Err(invalid(
            "Secret keys must consist of alphanumeric characters, dashes, underscores and periods, 128 at \
             most.",
        ));
    }
    let value = match (text(&map, "string_value")?, text(&map, "bytes_value")?) {
        (Some(value), None) => value.as_bytes().to_vec(),
        (None, Some(value)) => STANDARD.decode(value).map_err(|_| malformed("bytes_value is not base64"))?,
        _ => return Err(malformed("Exactly one of string_value and bytes_value must be specified.")),
    };
    if value.len() > MAX_BYTES {
        return Err(invalid(format!("The secret value exceeds {MAX_BYTES} bytes.")));
    }
    let secrets = &mut workspace.scopes[at].secrets;
    if secrets.len() >= MAX_SECRETS && !secrets.contains_key(key) {
        return Err(refuse(
            400,
            "RESOURCE_LIMIT_EXCEEDED",
            format!("A scope holds at most {MAX_SECRETS} secrets."),
        ));
    }
    secrets.insert(key.to_owned(), StoredSecret { value, updated_ms: call.now_ms });
    Ok(done())
}

fn acls(call: &Call, workspace: &mut Workspace, caller: &Caller, rest: &[&str]) -> Result<Reply, Reply> {
    match (call.method.as_str(), rest) {
        ("POST", ["put"]) => {
            let map = body(call, &["scope", "principal", "permission"])?;
            let at = scope(workspace, required(&map, "scope")?, caller, "MANAGE")?;
            let (who, permission) = (required(&map, "principal")?, required(&map, "permission")?);
            if rank(permission) == 0 {
                return Err(invalid(format!("Unknown permission {permission}")));
            }
            workspace.scopes[at].acls.insert(who.to_owned(), permission.to_owned());
            Ok(done())
        }
        ("POST", ["delete"]) => {
            let map = body(call, &["scope", "principal"])?;
            let at = scope(workspace, required(&map, "scope")?, caller, "MANAGE")?;
            let who = required(&map, "principal")?;
            let removed = workspace.scopes[at].acls.remove(who);
            removed
                .map(|_| done())
                .ok_or_else(|| refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("No ACL of {who}.")))
        }
        ("GET", ["list"]) => {
            let at = scope(workspace, asked(call, "scope")?, caller, "MANAGE")?;
            let acl =
                |(who, permission): (&String, &String)| json!({"principal": who, "permission": permission});
            Ok(Reply::json(
                200,
                &json!({"items": workspace.scopes[at].acls.iter().map(acl).collect::<Vec<_>>()}),
            ))
        }
        ("GET", ["get"]) => {
            let at = scope(workspace, asked(call, "scope")?, caller, "MANAGE")?;
            let who = asked(call, "principal")?;
            let permission = workspace.scopes[at].acls.get(who);
            permission
                .map(|permission| Reply::json(200, &json!({"principal": who, "permission": permission})))
                .ok_or_else(|| refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("No ACL of {who}.")))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}
