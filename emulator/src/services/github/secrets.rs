//! Secrets of repositories, environments and organisations, for Actions, Dependabot, Codespaces and agents.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_box::SecretKey;
use serde_json::{Map, Value, json};

use super::access::{Caller, call_base, shown as shown_repository};
use super::fields::{body, required};
use super::reply::{not_found, paged, refuse};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::state::{GithubSecret, Place, Store};
use crate::world::World;

/// How large a secret may be.
const MAX_BYTES: usize = 48 * 1024;

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    place: Place,
    rest: &[&str],
) -> Result<Reply, Reply> {
    let write = call.method != "GET";
    caller.must(world, &place, permission(&place), write)?;
    check_environment(world, &place)?;
    open(world, &place);
    let repositories: Vec<(u64, String)> = world
        .github
        .repositories
        .iter()
        .map(|repository| (repository.id, repository.full_name.clone()))
        .collect();
    let store = world.github.stores.get_mut(&place).ok_or_else(not_found)?;
    match (call.method.as_str(), rest) {
        ("GET", ["public-key"]) => Ok(public_key(store)),
        ("GET", []) => {
            let secrets: Vec<Value> =
                store.secrets.iter().map(|(name, secret)| shown(call, &place, name, secret)).collect();
            Ok(paged(call, "secrets", secrets))
        }
        ("GET", [name]) => {
            let name = name.to_ascii_uppercase();
            let secret = store.secrets.get(&name).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shown(call, &place, &name, secret)))
        }
        ("PUT", [name]) => put(call, &place, store, name),
        ("DELETE", [name]) => {
            store.secrets.remove(&name.to_ascii_uppercase()).ok_or_else(not_found)?;
            Ok(Reply::empty(204))
        }
        (_, [name, "repositories", rest @ ..]) => {
            let secret = store.secrets.get_mut(&name.to_ascii_uppercase()).ok_or_else(not_found)?;
            selected(call, &mut secret.selected, secret.visibility.as_deref(), &repositories, rest)
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

/// Refuses an environment that there is not.
pub(super) fn check_environment(world: &World, place: &Place) -> Result<(), Reply> {
    let Place::Environment(repository, environment) = place else { return Ok(()) };
    let known = world
        .github
        .repository(repository)
        .is_some_and(|repository| repository.environments.contains(environment));
    if known { Ok(()) } else { Err(not_found()) }
}

fn permission(place: &Place) -> &'static str {
    match place {
        Place::Repository(_) => "secrets",
        Place::Environment(..) => "environments",
        Place::Organization(_) => "organization_secrets",
        Place::DependabotRepository(_) => "dependabot_secrets",
        Place::DependabotOrganization(_) => "organization_dependabot_secrets",
        Place::FurtherRepository("codespaces", _) => "codespaces_secrets",
        Place::FurtherRepository(..) => "agent_secrets",
        Place::FurtherOrganization("codespaces", _) => "organization_codespaces_secrets",
        Place::FurtherOrganization(..) => "organization_agent_secrets",
    }
}

/// Makes the key pair of a place at its first use.
fn open(world: &mut World, place: &Place) {
    if !world.github.stores.contains_key(place) {
        let store = Store {
            key_id: (world.random.number() * 100 + 7).to_string(),
            secret_key: world.random.bytes(),
            secrets: std::collections::BTreeMap::new(),
        };
        world.github.stores.insert(place.clone(), store);
    }
}

fn public_key(store: &Store) -> Reply {
    let key = SecretKey::from(store.secret_key).public_key();
    Reply::json(200, &json!({"key_id": store.key_id, "key": STANDARD.encode(key.as_bytes())}))
}

fn shown(call: &Call, place: &Place, name: &str, secret: &GithubSecret) -> Value {
    let mut value = json!({
        "name": name,
        "created_at": rfc3339(secret.created_ms),
        "updated_at": rfc3339(secret.updated_ms),
    });
    if let (Some(visibility), Some(map)) = (&secret.visibility, value.as_object_mut()) {
        map.insert("visibility".to_owned(), json!(visibility));
        if visibility == "selected" {
            let (kind, org) = match place {
                Place::DependabotOrganization(org) => ("dependabot", org.as_str()),
                Place::FurtherOrganization(app, org) => (*app, org.as_str()),
                Place::Organization(org) => ("actions", org.as_str()),
                _ => ("actions", ""),
            };
            let url = format!("{}/orgs/{org}/{kind}/secrets/{name}/repositories", call_base(call));
            map.insert("selected_repositories_url".to_owned(), json!(url));
        }
    }
    value
}

/// Says why a name is refused.
pub(super) fn check_name(name: &str) -> Result<(), Reply> {
    let starts = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(refuse(
            422,
            "Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores \
             (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).",
        ));
    }
    if name.to_ascii_uppercase().starts_with("GITHUB_") {
        return Err(refuse(422, "Secret names must not start with GITHUB_."));
    }
    Ok(())
}

fn put(call: &Call, place: &Place, store: &mut Store, name: &str) -> Result<Reply, Reply> {
    let organization = matches!(
        place,
        Place::Organization(_) | Place::DependabotOrganization(_) | Place::FurtherOrganization(..)
    );
    let known: &[&str] = if organization {
        &["encrypted_value", "key_id", "visibility", "selected_repository_ids"]
    } else {
        &["encrypted_value", "key_id"]
    };
    let map = body(call, known)?;
    check_name(name)?;
    let (sealed, key_id) = (required(&map, "encrypted_value")?, required(&map, "key_id")?);
    let (visibility, chosen) = if organization { visibility(&map)? } else { (None, Vec::new()) };
    if key_id != store.key_id {
        return Err(refuse(
            422,
            "Bad request - the public key was not found. Fetch the current public key and try again.",
        ));
    }
    let value = unseal(store, sealed)?;
    let limit = if organization { 1000 } else { 100 };
    let name = name.to_ascii_uppercase();
    if store.secrets.len() >= limit && !store.secrets.contains_key(&name) {
        return Err(refuse(422, &format!("The number of secrets exceeds the limit of {limit}.")));
    }
    let now = call.now_ms;
    let created_ms = store.secrets.get(&name).map(|secret| secret.created_ms);
    let secret = GithubSecret {
        value,
        created_ms: created_ms.unwrap_or(now),
        updated_ms: now,
        visibility,
        selected: chosen,
    };
    store.secrets.insert(name, secret);
    Ok(if created_ms.is_some() { Reply::empty(204) } else { Reply::json(201, &json!({})) })
}

/// Opens a sealed box (X25519, XSalsa20-Poly1305) with the place's own key.
fn unseal(store: &Store, sealed: &str) -> Result<String, Reply> {
    let improper = || refuse(422, "Bad request - validation failed due to an improperly encrypted secret");
    let sealed = STANDARD.decode(sealed).map_err(|_| improper())?;
    let value = SecretKey::from(store.secret_key).unseal(&sealed).map_err(|_| improper())?;
    if value.len() > MAX_BYTES {
        return Err(refuse(422, "Secret value is too large: at most 48 KB are allowed."));
    }
    String::from_utf8(value).map_err(|_| improper())
}

/// Reads who sees an organisation's secret or variable.
pub(super) fn visibility(map: &Map<String, Value>) -> Result<(Option<String>, Vec<u64>), Reply> {
    let visibility = required(map, "visibility")?;
    if !matches!(visibility, "all" | "private" | "selected") {
        return Err(refuse(
            422,
            &format!(
                "Invalid request.\n\n{visibility} is not a member of [\"all\", \"private\", \"selected\"]."
            ),
        ));
    }
    let wrong = || {
        refuse(
            422,
            "Invalid request.\n\nFor 'properties/selected_repository_ids', the value is not a list of \
             integers.",
        )
    };
    let chosen = match map.get("selected_repository_ids") {
        None => Vec::new(),
        Some(Value::Array(items)) => {
            // Some clients send the ids as strings.
            let id = |item: &Value| item.as_u64().or_else(|| item.as_str()?.parse().ok()).ok_or_else(wrong);
            items.iter().map(id).collect::<Result<_, _>>()?
        }
        Some(_) => return Err(wrong()),
    };
    if visibility != "selected" && !chosen.is_empty() {
        return Err(refuse(
            422,
            "selected_repository_ids can only be provided when the visibility is selected.",
        ));
    }
    Ok((Some(visibility.to_owned()), chosen))
}

/// Lists, sets, adds or removes the repositories that see an organisation's secret or variable.
pub(super) fn selected(
    call: &Call,
    chosen: &mut Vec<u64>,
    visibility: Option<&str>,
    repositories: &[(u64, String)],
    rest: &[&str],
) -> Result<Reply, Reply> {
    if visibility != Some("selected") {
        return Err(refuse(409, "The visibility is not set to selected."));
    }
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let base = call_base(call);
            let list: Vec<Value> = repositories
                .iter()
                .filter(|(id, _)| chosen.contains(id))
                .map(|(id, name)| shown_repository(&base, *id, name))
                .collect();
            Ok(paged(call, "repositories", list))
        }
        ("PUT", []) => {
            let mut map = body(call, &["selected_repository_ids"])?;
            map.insert("visibility".to_owned(), json!("selected"));
            *chosen = self::visibility(&map)?.1;
            Ok(Reply::empty(204))
        }
        ("PUT", [id]) => {
            let id = id.parse().map_err(|_| not_found())?;
            if !chosen.contains(&id) {
                chosen.push(id);
            }
            Ok(Reply::empty(204))
        }
        ("DELETE", [id]) => {
            chosen.retain(|held| held.to_string() != *id);
            Ok(Reply::empty(204))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}
