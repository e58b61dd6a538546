//! GitHub Apps: the App's own sign-in with a JWT, and installation tokens.
//!
//! <https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::access::{self, call_base, shown as shown_repository};
use super::fields::body;
use super::reply::{not_found, paged, refuse};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::signing::{Jwt, is_signed_by_spki};
use crate::state::{App, GithubToken, Installation, TokenKind};
use crate::world::World;

const HOUR_MS: i64 = 3_600_000;

/// Says whether a path belongs to an App's own sign-in.
pub(super) fn is_route(method: &str, path: &[&str]) -> bool {
    match path {
        ["app"]
        | ["app", "installations"]
        | ["app", "installations", _]
        | ["repos", _, _, "installation"]
        | ["repositories", _, "installation"]
        | ["orgs" | "users", _, "installation"] => method == "GET",
        ["app", "installations", _, "access_tokens"] => method == "POST",
        _ => false,
    }
}

pub(super) fn handle(world: &mut World, call: &Call, path: &[&str]) -> Result<Reply, Reply> {
    let app = authenticate(world, call)?;
    let of_account = |account: &str| {
        app.installations.iter().find(|installation| installation.account.eq_ignore_ascii_case(account))
    };
    if let Some(repository) = access::renamed(world, path)
        && app.installations.iter().any(|installation| reaches(installation, &repository.full_name))
    {
        return Ok(access::redirect(call, repository.id, path));
    }
    let found = match path {
        ["app"] => {
            return Ok(Reply::json(
                200,
                &json!({
                    "id": app.id, "client_id": app.client_id, "slug": app.slug, "name": app.slug,
                    "permissions": app.permissions,
                }),
            ));
        }
        ["app", "installations"] => {
            let list: Vec<Value> =
                app.installations.iter().map(|installation| shown(call, &app, installation)).collect();
            return Ok(paged(call, "", list));
        }
        ["app", "installations", id, ..] => {
            app.installations.iter().find(|installation| installation.id.to_string() == *id)
        }
        ["repos", owner, name, "installation"] => {
            let full_name = format!("{owner}/{name}");
            let exists = world.github.repository(&full_name).is_some();
            of_account(owner).filter(|installation| exists && reaches(installation, &full_name))
        }
        ["repositories", id, "installation"] => {
            let all = &world.github.repositories;
            let name = all.iter().find(|known| known.id.to_string() == *id).map(|known| &known.full_name);
            name.and_then(|name| {
                of_account(name.split('/').next().unwrap_or_default())
                    .filter(|installation| reaches(installation, name))
            })
        }
        [_, account, "installation"] => of_account(account),
        _ => return Err(Reply::unknown_route(call)),
    };
    let installation = found.ok_or_else(not_found)?;
    match path {
        [.., "access_tokens"] => token(world, call, &app, installation),
        _ => Ok(Reply::json(200, &shown(call, &app, installation))),
    }
}

fn reaches(installation: &Installation, full_name: &str) -> bool {
    installation
        .repositories
        .as_ref()
        .is_none_or(|list| list.iter().any(|name| name.eq_ignore_ascii_case(full_name)))
}

/// Verifies the JWT with which an App signs in: RS256 with its key, issued by it, for ten minutes at most.
fn authenticate(world: &World, call: &Call) -> Result<App, Reply> {
    let Some(value) = call.bearer() else { return Err(refuse(401, "A JSON web token could not be decoded")) };
    let token = Jwt::read(value).ok_or_else(|| refuse(401, "A JSON web token could not be decoded"))?;
    let issuer = match token.claims.get("iss") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(refuse(401, "Missing 'issuer' claim ('iss') in assertion")),
    };
    let app = world.github.app.clone().filter(|app| app.id.to_string() == issuer || app.client_id == issuer);
    let app = app.ok_or_else(|| refuse(404, "Integration not found"))?;
    if token.header_str("alg") != "RS256" || !is_signed_by_spki(&token, &app.public_key) {
        return Err(refuse(401, "A JSON web token could not be decoded"));
    }
    let now = call.now_ms.div_euclid(1000);
    let (Some(issued), Some(expires)) = (token.claim_seconds("iat"), token.claim_seconds("exp")) else {
        return Err(refuse(
            401,
            "Missing 'issued at' claim ('iat') or 'expiration time' claim ('exp') in assertion",
        ));
    };
    if issued > now {
        let text = "'Issued at' claim ('iat') must be an Integer representing the time that the assertion \
                    was issued";
        return Err(refuse(401, text));
    }
    if expires <= now {
        return Err(refuse(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which \
             the assertion expires",
        ));
    }
    if expires > now + 600 {
        return Err(refuse(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(app)
}

fn shown(call: &Call, app: &App, installation: &Installation) -> Value {
    let base = call_base(call);
    json!({
        "id": installation.id,
        "app_id": app.id,
        "app_slug": app.slug,
        "client_id": app.client_id,
        "account": {"login": installation.account, "id": 1, "type": "Organization"},
        "target_type": "Organization",
        "repository_selection": if installation.repositories.is_some() { "selected" } else { "all" },
        "permissions": app.permissions,
        "events": [],
        "access_tokens_url": format!("{base}/app/installations/{}/access_tokens", installation.id),
        "repositories_url": format!("{base}/installation/repositories"),
        "html_url": format!(
            "https://github.com/organizations/{}/settings/installations/{}",
            installation.account, installation.id
        ),
        "suspended_at": installation.suspended.then(|| rfc3339(call.now_ms)),
    })
}

fn token(world: &mut World, call: &Call, app: &App, installation: &Installation) -> Result<Reply, Reply> {
    if installation.suspended {
        return Err(refuse(403, "This installation has been suspended"));
    }
    let map = if call.body.is_empty() {
        Map::new()
    } else {
        body(call, &["repositories", "repository_ids", "permissions"])?
    };
    let permissions = permissions(&map, app)?;
    let repositories = repositories(&map, world, installation)?;
    let value = format!("ghs_{}", world.random.alphanumeric(36));
    let expires_ms = call.now_ms + HOUR_MS;
    world.github.tokens.retain(|token| token.expires_ms < 0 || token.expires_ms > call.now_ms);
    world.github.tokens.push(GithubToken {
        value: value.clone(),
        kind: TokenKind::Installation,
        owner: format!("installation {}/{}", installation.id, installation.account),
        permissions: permissions.clone(),
        repositories: repositories.clone().or_else(|| installation.repositories.clone()),
        expires_ms,
    });
    world.note_issued(&value);
    let selection =
        if repositories.is_some() || installation.repositories.is_some() { "selected" } else { "all" };
    let mut answer = json!({
        "token": value, "expires_at": rfc3339(expires_ms), "permissions": permissions,
        "repository_selection": selection,
    });
    if let (Some(names), Some(map)) = (repositories, answer.as_object_mut()) {
        let base = call_base(call);
        let list: Vec<Value> = names
            .iter()
            .filter_map(|name| world.github.repository(name))
            .map(|repository| shown_repository(&base, repository.id, &repository.full_name))
            .collect();
        map.insert("repositories".to_owned(), json!(list));
    }
    Ok(Reply::json(201, &answer))
}

/// Reads the permissions that are asked for: the App's own if none, and never more.
fn permissions(map: &Map<String, Value>, app: &App) -> Result<BTreeMap<String, String>, Reply> {
    let Some(wanted) = map.get("permissions").filter(|wanted| !wanted.is_null()) else {
        return Ok(app.permissions.clone());
    };
    let refused = || refuse(422, "The permissions requested are not granted to this installation.");
    let wanted = wanted.as_object().ok_or_else(refused)?;
    wanted
        .iter()
        .map(|(name, level)| {
            let level =
                level.as_str().filter(|level| matches!(*level, "read" | "write")).ok_or_else(refused)?;
            let held = app.permissions.get(name).ok_or_else(refused)?;
            if level == "write" && held != "write" {
                Err(refused())
            } else {
                Ok((name.clone(), level.to_owned()))
            }
        })
        .collect()
}

/// Reads the repositories that are asked for, as `owner/name`; nothing if all.
fn repositories(
    map: &Map<String, Value>,
    world: &World,
    installation: &Installation,
) -> Result<Option<Vec<String>>, Reply> {
    let refused = || {
        refuse(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent \
             installation.",
        )
    };
    let mut chosen = Vec::new();
    for key in ["repositories", "repository_ids"] {
        let Some(list) = map.get(key).filter(|list| !list.is_null()) else { continue };
        for item in list.as_array().ok_or_else(refused)? {
            let found = world.github.repositories.iter().find(|repository| match item {
                Value::String(name) => {
                    repository.full_name.eq_ignore_ascii_case(&format!("{}/{name}", installation.account))
                }
                other => other.as_u64() == Some(repository.id),
            });
            let repository = found
                .filter(|repository| reaches(installation, &repository.full_name))
                .ok_or_else(refused)?;
            chosen.push(repository.full_name.clone());
        }
    }
    Ok((!chosen.is_empty()).then_some(chosen))
}
