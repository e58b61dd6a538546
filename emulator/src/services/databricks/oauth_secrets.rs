//! OAuth secrets of service principals, at a workspace and at the account.
//!
//! <https://docs.databricks.com/api/azure/workspace/serviceprincipalsecretsproxy>

use serde_json::{Value, json};

use super::fields::{body, only_query, text, texts};
use super::reply::{invalid, refuse};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::hex::sha256;
use crate::reply::Reply;
use crate::state::{AccountPrincipal, OauthSecret, SpreadKind};
use crate::world::World;

/// How many secrets a principal may have.
const MAX: usize = 5;
const DEFAULT_SECONDS: i64 = 63_072_000;
/// How many secrets are listed at once where the caller does not say.
const PAGE: usize = 20;

pub(super) fn handle(world: &mut World, call: &Call, id: &str, rest: &[&str]) -> Result<Reply, Reply> {
    let at =
        world.account.principals.iter().position(|principal| principal.id.to_string() == id).ok_or_else(
            || refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Service principal with id {id} not found.")),
        )?;
    match (call.method.as_str(), rest) {
        ("GET", []) => list(call, &world.account.principals[at]),
        ("POST", []) => create(world, call, at),
        ("DELETE", [secret]) => {
            let secrets = &mut world.account.principals[at].secrets;
            let before = secrets.len();
            secrets.retain(|held| held.id != *secret);
            if secrets.len() == before {
                return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Secret {secret} not found.")));
            }
            Ok(Reply::json(200, &json!({})))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn list(call: &Call, principal: &AccountPrincipal) -> Result<Reply, Reply> {
    only_query(call, &["page_size", "page_token"])?;
    let number = |name: &str, default: usize| {
        call.query(name)
            .map_or(Ok(default), |text| text.parse().map_err(|_| invalid(format!("Invalid {name}"))))
    };
    let (size, start) = (number("page_size", PAGE)?.clamp(1, 100), number("page_token", 0)?);
    let secrets: Vec<Value> =
        principal.secrets.iter().skip(start).take(size).map(|secret| shown(secret, call.now_ms)).collect();
    let mut answer = json!({});
    if let Some(map) = answer.as_object_mut() {
        let next = start + secrets.len();
        if next < principal.secrets.len() {
            map.insert("next_page_token".to_owned(), json!(next.to_string()));
        }
        if !secrets.is_empty() {
            map.insert("secrets".to_owned(), json!(secrets));
        }
    }
    Ok(Reply::json(200, &answer))
}

fn create(world: &mut World, call: &Call, at: usize) -> Result<Reply, Reply> {
    let map =
        if call.body.is_empty() { serde_json::Map::new() } else { body(call, &["lifetime", "scopes"])? };
    let scopes = texts(&map, "scopes")?.filter(|scopes| !scopes.is_empty());
    let seconds = match text(&map, "lifetime")? {
        None => DEFAULT_SECONDS,
        Some(lifetime) => lifetime
            .strip_suffix('s')
            .and_then(|seconds| seconds.parse().ok())
            .filter(|seconds| (1..=DEFAULT_SECONDS).contains(seconds))
            .ok_or_else(|| invalid(format!("Invalid lifetime: {lifetime}")))?,
    };
    if world.account.principals[at].secrets.len() >= MAX {
        return Err(refuse(
            400,
            "RESOURCE_LIMIT_EXCEEDED",
            format!("A service principal has at most {MAX} secrets."),
        ));
    }
    let value = format!("dose{}", world.random.hex(32));
    let now = call.now_ms;
    let secret = OauthSecret {
        id: world.random.uuid(),
        value: value.clone(),
        created_ms: now,
        expires_ms: now + seconds * 1000,
        scopes,
    };
    world.note_issued(&value);
    world.spread.begin(SpreadKind::OauthSecret, &secret.id, now);
    let mut answer = shown(&secret, now);
    if let Some(map) = answer.as_object_mut() {
        map.insert("secret".to_owned(), json!(value));
    }
    world.account.principals[at].secrets.push(secret);
    Ok(Reply::json(200, &answer))
}

fn shown(secret: &OauthSecret, now: i64) -> Value {
    json!({
        "id": secret.id,
        "secret_hash": sha256(secret.value.as_bytes()),
        "status": if now < secret.expires_ms { "ACTIVE" } else { "EXPIRED" },
        "create_time": rfc3339(secret.created_ms),
        "update_time": rfc3339(secret.created_ms),
        "expire_time": rfc3339(secret.expires_ms),
        "scopes": secret.scopes.as_deref().unwrap_or_default(),
    })
}
