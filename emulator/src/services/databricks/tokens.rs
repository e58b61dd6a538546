//! The Token API: a member's own PATs.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokens>

use serde_json::{Map, Value, json};

use super::auth::Caller;
use super::fields::{body, only_query, required, text, texts};
use super::reply::{invalid, malformed, refuse};
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{Autoscope, Pat, Rights, SpreadKind, token_id};
use crate::world::World;

/// How many PATs a member may have in a workspace.
const QUOTA: usize = 600;
/// How many days a PAT may live where the workspace sets nothing.
const MAX_DAYS: i64 = 730;
const DAY_MS: i64 = 86_400_000;
/// From which lifetime on a PAT is watched where nothing is said.
const WATCHED_FROM_MS: i64 = 30 * DAY_MS;

/// The scopes that a PAT may be limited to.
pub(super) const SCOPES: [&str; 14] = [
    "all-apis",
    "authentication",
    "access-management",
    "clusters",
    "files",
    "genie",
    "identity",
    "jobs",
    "scim",
    "secrets",
    "settings",
    "sql",
    "unity-catalog",
    "workspace",
];

pub(super) fn create(world: &mut World, call: &Call, index: usize, caller: &Caller) -> Result<Reply, Reply> {
    may_use(world, call, index, caller)?;
    let map = body(call, &["comment", "lifetime_seconds", "scopes", "autoscope_enabled"])?;
    let comment = text(&map, "comment")?.unwrap_or_default().to_owned();
    let now = call.now_ms;
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    if workspace.lacks_autoscope && map.contains_key("autoscope_enabled") {
        return Err(malformed("Could not parse request object: Expected no field named 'autoscope_enabled'"));
    }
    let lifetime_ms = lifetime(&map, workspace.conf.get("maxTokenLifetimeDays"))?;
    if workspace.live_tokens(now).filter(|pat| pat.owner == caller.name).count() >= QUOTA {
        let message =
            format!("The number of tokens for user {} has exceeded the limit of {QUOTA}.", caller.id);
        return Err(refuse(400, "QUOTA_EXCEEDED", message));
    }
    let value = format!("dapi{}-3", world.random.hex(32));
    let pat = Pat {
        id: token_id(&value),
        value: value.clone(),
        owner: caller.name.clone(),
        owner_id: caller.id,
        creator: None,
        comment,
        created_ms: now,
        expiry_ms: now + lifetime_ms,
        rights: rights(&map, lifetime_ms, workspace.lacks_autoscope)?,
        last_used_ms: None,
    };
    let answer = json!({"token_value": value, "token_info": info(&pat)});
    world.spread.begin(SpreadKind::Pat, &pat.id, now);
    workspace.tokens.push(pat);
    workspace.tokens_ever_made = true;
    world.note_issued(&value);
    Ok(Reply::json(200, &answer))
}

pub(super) fn list(world: &mut World, call: &Call, index: usize, caller: &Caller) -> Result<Reply, Reply> {
    may_use(world, call, index, caller)?;
    only_query(call, &[])?;
    let infos: Vec<Value> = world
        .workspaces
        .get(index)
        .map(|workspace| {
            workspace.live_tokens(call.now_ms).filter(|pat| pat.owner == caller.name).map(info).collect()
        })
        .unwrap_or_default();
    // A member without tokens gets an answer without the key.
    Ok(Reply::json(200, &if infos.is_empty() { json!({}) } else { json!({"token_infos": infos}) }))
}

pub(super) fn delete(world: &mut World, call: &Call, index: usize, caller: &Caller) -> Result<Reply, Reply> {
    may_use(world, call, index, caller)?;
    let map = body(call, &["token_id"])?;
    let id = required(&map, "token_id")?;
    let now = call.now_ms;
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    let before = workspace.tokens.len();
    workspace.tokens.retain(|pat| !(pat.id == id && pat.owner == caller.name && pat.is_live(now)));
    if workspace.tokens.len() == before {
        return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Token with ID {id} does not exist!")));
    }
    Ok(Reply::json(200, &json!({})))
}

pub(super) fn update(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    id: &str,
) -> Result<Reply, Reply> {
    if world.workspaces.get(index).is_some_and(|workspace| workspace.lacks_token_update) {
        return Err(refuse(404, "ENDPOINT_NOT_FOUND", format!("No API found for 'PATCH /token/{id}'")));
    }
    may_use(world, call, index, caller)?;
    let now = call.now_ms;
    let change = Change::read(call, &PUBLIC_FIELDS)?;
    let pat = world
        .workspaces
        .get_mut(index)
        .and_then(|workspace| {
            workspace
                .tokens
                .iter_mut()
                .find(|pat| pat.id == id && pat.owner == caller.name && pat.is_live(now))
        })
        .ok_or_else(|| refuse(404, "NOT_FOUND", format!("Token with ID {id} does not exist!")))?;
    change.apply(pat);
    Ok(Reply::json(200, &json!({})))
}

const PUBLIC_FIELDS: [&str; 8] = [
    "token_id",
    "creation_time",
    "expiry_time",
    "comment",
    "scopes",
    "autoscope_state",
    "inferred_scopes",
    "backfill_scopes",
];

/// Holds what an update changes.
pub(super) struct Change {
    comment: Option<String>,
    scopes: Option<Option<Vec<String>>>,
}

impl Change {
    /// Reads `{token: {…}, update_mask}`; fields of the token outside the mask are ignored.
    pub(super) fn read(call: &Call, known: &[&str]) -> Result<Self, Reply> {
        let map = body(call, &["token", "update_mask"])?;
        let mask = required(&map, "update_mask")?;
        let Some(Value::Object(token)) = map.get("token") else {
            return Err(invalid("Missing required field: token"));
        };
        if let Some(field) = unknown_field(token, known) {
            return Err(malformed(format!(
                "Could not parse request object: Expected no field named '{field}'"
            )));
        }
        let mut change = Self { comment: None, scopes: None };
        for field in if mask == "*" { "comment,scopes" } else { mask }.split(',') {
            match field {
                "comment" => change.comment = Some(text(token, "comment")?.unwrap_or_default().to_owned()),
                "scopes" => change.scopes = Some(scopes(token)?),
                other => return Err(invalid(format!("Field '{other}' in update_mask cannot be updated."))),
            }
        }
        Ok(change)
    }

    pub(super) fn apply(self, pat: &mut Pat) {
        if let Some(comment) = self.comment {
            pat.comment = comment;
        }
        if let Some(scopes) = self.scopes {
            // It ends the watching for good.
            pat.rights = scopes.map_or_else(Rights::everything, Rights::chosen);
        }
    }
}

/// Refuses those who may not use tokens, and everybody where tokens are switched off.
pub(super) fn may_use(world: &mut World, call: &Call, index: usize, caller: &Caller) -> Result<(), Reply> {
    let Some(workspace) = world.workspaces.get(index) else { return Err(Reply::unknown_route(call)) };
    if workspace.conf.get("enableTokensConfig").is_some_and(|value| value == "false") {
        return Err(refuse(
            403,
            "FEATURE_DISABLED",
            "Personal access tokens are disabled for this workspace.",
        ));
    }
    let key = format!("{index}:{}", caller.name);
    if workspace.may_use_tokens(&caller.name) && world.spread.works(SpreadKind::Permission, &key, call.now_ms)
    {
        return Ok(());
    }
    Err(refuse(403, "PERMISSION_DENIED", "User does not have permission to use tokens."))
}

/// Shows a token as its owner sees it.
pub(super) fn info(pat: &Pat) -> Value {
    let mut info = json!({
        "token_id": pat.id,
        "creation_time": pat.created_ms,
        "expiry_time": pat.expiry_ms,
        "comment": pat.comment,
    });
    let Rights { scopes, autoscope, used } = &pat.rights;
    let narrowed = matches!(autoscope, Autoscope::Completed).then_some(scopes.as_ref()).flatten();
    let seen: Vec<&String> = used.iter().collect();
    let inferred = match autoscope {
        Autoscope::Running => Some(json!(seen)),
        _ => narrowed.map(|scopes| json!(scopes)),
    };
    let by_history = matches!(autoscope, Autoscope::Backfilled).then_some(scopes.as_ref()).flatten();
    for (name, value) in [
        ("scopes", scopes.as_ref().map(|scopes| json!(scopes))),
        ("autoscope_state", autoscope.as_str().map(|state| json!(state))),
        ("inferred_scopes", inferred),
        ("backfill_scopes", by_history.map(|scopes| json!(scopes))),
    ] {
        if let (Some(value), Some(map)) = (value, info.as_object_mut()) {
            map.insert(name.to_owned(), value);
        }
    }
    info
}

/// Reads what a new token may do. Whether a creation that does not say it is watched is not settled; here it
/// is, as one in the workspace's pages is.
fn rights(map: &Map<String, Value>, lifetime_ms: i64, old: bool) -> Result<Rights, Reply> {
    let watched = match map.get("autoscope_enabled") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(watched)) => Some(*watched),
        Some(_) => {
            return Err(malformed(
                "Could not parse request object: Expected 'BOOL' for the field 'autoscope_enabled'",
            ));
        }
    };
    match (scopes(map)?, watched) {
        (Some(_), Some(true)) => Err(invalid("autoscope_enabled cannot be set together with scopes")),
        (Some(scopes), _) if old => Ok(Rights { autoscope: Autoscope::Unsaid, ..Rights::chosen(scopes) }),
        (Some(scopes), _) => Ok(Rights::chosen(scopes)),
        (None, _) if old => Ok(Rights { autoscope: Autoscope::Unsaid, ..Rights::everything() }),
        (None, Some(true)) => Ok(Rights::watched()),
        (None, None) if lifetime_ms >= WATCHED_FROM_MS => Ok(Rights::watched()),
        (None, _) => Ok(Rights::everything()),
    }
}

/// Lists the scopes that a token may have.
pub(super) fn all_scopes(call: &Call) -> Result<Reply, Reply> {
    only_query(call, &[])?;
    let scopes: Vec<Value> = SCOPES.iter().map(|scope| json!({"name": scope})).collect();
    Ok(Reply::json(200, &json!({"scopes": scopes})))
}

fn scopes(map: &Map<String, Value>) -> Result<Option<Vec<String>>, Reply> {
    let Some(scopes) = texts(map, "scopes")?.filter(|scopes| !scopes.is_empty()) else { return Ok(None) };
    match scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        Some(scope) => Err(invalid(format!("Invalid scope: {scope}"))),
        None => Ok(Some(scopes)),
    }
}

fn lifetime(map: &Map<String, Value>, configured: Option<&String>) -> Result<i64, Reply> {
    let days = configured.and_then(|days| days.parse().ok()).filter(|days| *days > 0).unwrap_or(MAX_DAYS);
    let seconds = match map.get("lifetime_seconds") {
        None | Some(Value::Null) => return Ok(days * DAY_MS),
        Some(value) => value.as_i64().ok_or_else(|| {
            malformed("Could not parse request object: Expected 'LONG' for the field 'lifetime_seconds'")
        })?,
    };
    if seconds <= 0 {
        return Err(invalid(format!("requirement failed: Invalid timeout: {seconds}")));
    }
    if seconds > days * 86_400 {
        return Err(invalid(format!(
            "The token lifetime of {seconds} seconds exceeds the maximum of {days} days that this workspace \
             allows."
        )));
    }
    Ok(seconds * 1000)
}
