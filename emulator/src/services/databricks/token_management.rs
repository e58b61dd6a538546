//! Token management: every member's PATs, for admins.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokenmanagement>

use serde_json::{Value, json};

use super::auth::Caller;
use super::fields::{body, only_query, required};
use super::reply::refuse;
use super::tokens::{Change, info};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::Pat;
use crate::world::World;

const FIELDS: [&str; 13] = [
    "token_id",
    "creation_time",
    "expiry_time",
    "comment",
    "scopes",
    "autoscope_state",
    "inferred_scopes",
    "backfill_scopes",
    "created_by_id",
    "created_by_username",
    "owner_id",
    "last_used_day",
    "workspace_id",
];

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    rest: &[&str],
) -> Result<Reply, Reply> {
    caller.must_be_admin()?;
    let now = call.now_ms;
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    let id = workspace.id;
    match (call.method.as_str(), rest) {
        ("GET", ["tokens"]) => {
            only_query(call, &["created_by_id", "created_by_username"])?;
            let infos: Vec<Value> = workspace
                .live_tokens(now)
                .filter(|pat| {
                    call.query("created_by_id").is_none_or(|wanted| creator(pat).1.to_string() == wanted)
                })
                .filter(|pat| {
                    call.query("created_by_username")
                        .is_none_or(|wanted| creator(pat).0.eq_ignore_ascii_case(wanted))
                })
                .map(|pat| admin_info(pat, id))
                .collect();
            Ok(Reply::json(200, &if infos.is_empty() { json!({}) } else { json!({"token_infos": infos}) }))
        }
        ("GET", ["tokens", token]) => {
            let pat =
                workspace.live_tokens(now).find(|pat| pat.id == *token).ok_or_else(|| missing(token))?;
            Ok(Reply::json(200, &json!({"token_info": admin_info(pat, id)})))
        }
        ("DELETE", ["tokens", token]) => {
            let before = workspace.tokens.len();
            workspace.tokens.retain(|pat| !(pat.id == *token && pat.is_live(now)));
            if workspace.tokens.len() == before {
                Err(missing(token))
            } else {
                Ok(Reply::json(200, &json!({})))
            }
        }
        ("PATCH", ["tokens", token]) => {
            let change = Change::read(call, &FIELDS)?;
            let pat = workspace
                .tokens
                .iter_mut()
                .find(|pat| pat.id == *token && pat.is_live(now))
                .ok_or_else(|| missing(token))?;
            change.apply(pat);
            Ok(Reply::json(200, &admin_info(pat, id)))
        }
        // Azure workspaces refuse this; a service principal signs in and makes its own.
        ("POST", ["on-behalf-of", "tokens"]) => {
            let map = body(call, &["application_id", "comment", "lifetime_seconds", "scopes"])?;
            required(&map, "application_id")?;
            let message =
                "On-behalf-of token creation for service principals is not enabled for this workspace";
            Err(refuse(403, "FEATURE_DISABLED", message))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn missing(id: &str) -> Reply {
    refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Token with ID {id} does not exist!"))
}

/// Returns name and numeric id of who made a token.
fn creator(pat: &Pat) -> (&str, u64) {
    pat.creator.as_ref().map_or((&pat.owner, pat.owner_id), |(name, id)| (name, *id))
}

fn admin_info(pat: &Pat, workspace: u64) -> Value {
    let mut value = info(pat);
    if let Some(map) = value.as_object_mut() {
        let (name, id) = creator(pat);
        map.insert("created_by_id".to_owned(), json!(id));
        map.insert("created_by_username".to_owned(), json!(name));
        map.insert("owner_id".to_owned(), json!(pat.owner_id));
        map.insert("workspace_id".to_owned(), json!(workspace));
        if let Some(used) = pat.last_used_ms {
            map.insert("last_used_day".to_owned(), json!(used - used.rem_euclid(86_400_000)));
        }
    }
    value
}
