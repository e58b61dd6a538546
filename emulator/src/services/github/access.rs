//! Who calls GitHub, and what they may.

use serde_json::{Value, json};

use super::reply::{not_found, refuse};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::state::{GithubToken, Place, Repository, TokenKind};
use crate::world::World;

/// Holds who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) token: GithubToken,
}

/// Finds out who calls.
///
/// <https://docs.github.com/rest/authentication/authenticating-to-the-rest-api>
pub(super) fn caller(world: &World, call: &Call) -> Result<Caller, Reply> {
    let Some(value) = call.bearer().map(str::to_owned).or_else(|| call.basic().map(|(_, password)| password))
    else {
        return Err(refuse(401, "Requires authentication"));
    };
    let live = |token: &&GithubToken| {
        token.value == value && (token.expires_ms < 0 || call.now_ms < token.expires_ms)
    };
    let token = world.github.tokens.iter().find(live).ok_or_else(|| refuse(401, "Bad credentials"))?;
    Ok(Caller { name: token.owner.clone(), token: token.clone() })
}

impl Caller {
    /// Refuses a caller that lacks a permission, as GitHub does: what a token does not reach is not found.
    pub(super) fn must(
        &self,
        world: &World,
        place: &Place,
        permission: &str,
        write: bool,
    ) -> Result<(), Reply> {
        let reaches = match place {
            Place::Repository(name)
            | Place::Environment(name, _)
            | Place::DependabotRepository(name)
            | Place::FurtherRepository(_, name) => self.reaches(world, name),
            Place::Organization(name)
            | Place::DependabotOrganization(name)
            | Place::FurtherOrganization(_, name) => {
                world.github.organizations.iter().any(|org| org.eq_ignore_ascii_case(name))
                    && self.is_of(name)
            }
        };
        if !reaches {
            return Err(not_found());
        }
        let held = self.token.permissions.get(permission).map(String::as_str);
        if held == Some("write") || (!write && held == Some("read")) {
            return Ok(());
        }
        Err(self.not_accessible())
    }

    /// Says whether the token reaches a repository that there is.
    pub(super) fn reaches(&self, world: &World, full_name: &str) -> bool {
        let listed = self
            .token
            .repositories
            .as_ref()
            .is_none_or(|list| list.iter().any(|name| name.eq_ignore_ascii_case(full_name)));
        let owner = full_name.split('/').next().unwrap_or_default();
        world.github.repository(full_name).is_some() && listed && self.is_of(owner)
    }

    fn is_of(&self, account: &str) -> bool {
        // An installation belongs to one account; a person of the emulator is a member of every organisation.
        self.token.kind != TokenKind::Installation
            || self.name.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(account))
    }

    fn not_accessible(&self) -> Reply {
        refuse(
            403,
            match self.token.kind {
                TokenKind::FineGrained => "Resource not accessible by personal access token",
                TokenKind::Workflow | TokenKind::Installation => "Resource not accessible by integration",
            },
        )
    }
}

/// Tells when a person's token ends, as GitHub does in each of its answers.
pub(super) fn expiration(caller: &Caller) -> Option<(&'static str, String)> {
    let ends = caller.token.kind == TokenKind::FineGrained && caller.token.expires_ms >= 0;
    let text = || rfc3339(caller.token.expires_ms).replace('T', " ").replace('Z', " UTC");
    ends.then(|| ("github-authentication-token-expiration", text()))
}

pub(super) fn user(caller: &Caller) -> Result<Reply, Reply> {
    if caller.token.kind != TokenKind::FineGrained {
        return Err(caller.not_accessible());
    }
    Ok(Reply::json(200, &json!({"login": caller.name, "id": 1, "type": "User", "site_admin": false})))
}

pub(super) fn repository(
    world: &World,
    call: &Call,
    caller: &Caller,
    full_name: &str,
) -> Result<Reply, Reply> {
    if !caller.reaches(world, full_name) {
        return Err(not_found());
    }
    let repository = world.github.repository(full_name).ok_or_else(not_found)?;
    let mut value = shown(&call_base(call), repository.id, &repository.full_name);
    let owner = repository.full_name.split('/').next().unwrap_or_default();
    value["owner"]["id"] = json!(world.github.account_id(owner));
    value["visibility"] = json!("private");
    Ok(Reply::json(200, &value))
}

/// Returns the repository that bore the name of a path before.
pub(super) fn renamed<'w>(world: &'w World, path: &[&str]) -> Option<&'w Repository> {
    let ["repos", owner, name, ..] = path else { return None };
    world.github.renamed(&format!("{owner}/{name}"))
}

/// Sends a caller to the number of a repository that has another name now.
///
/// <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
pub(super) fn redirect(call: &Call, id: u64, path: &[&str]) -> Reply {
    let rest = path.iter().skip(3).fold(String::new(), |rest, part| format!("{rest}/{part}"));
    let url = format!("{}/repositories/{id}{rest}", call_base(call));
    let (status, message) = match call.method.as_str() {
        "GET" => (301, "Moved Permanently"),
        _ => (307, "Temporary Redirect"),
    };
    let body = json!({
        "message": message, "url": url,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api",
    });
    Reply::json(status, &body).with_header("location", url)
}

/// Shows an environment, which some clients look up before they write to it.
///
/// <https://docs.github.com/rest/deployments/environments>
pub(super) fn environment(
    world: &World,
    call: &Call,
    caller: &Caller,
    full_name: &str,
    name: &str,
) -> Result<Reply, Reply> {
    let repository = seen(world, caller, full_name)?;
    let at = repository
        .environments
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))
        .ok_or_else(not_found)?;
    let url = format!("{}{}", call.origin, call.path);
    Ok(Reply::json(
        200,
        &json!({
            "id": repository.id + at as u64, "name": repository.environments.get(at), "url": url,
            "protection_rules": [],
        }),
    ))
}

/// Shows a person or an organisation.
///
/// <https://docs.github.com/rest/users/users#get-a-user>
pub(super) fn account(world: &World, call: &Call, name: &str) -> Result<Reply, Reply> {
    let github = &world.github;
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    let organization = github.organizations.iter().find(|org| is(org));
    let person = || github.tokens.iter().map(|token| &token.owner).find(|owner| is(owner));
    let known = organization.or_else(person).ok_or_else(not_found)?;
    let kind = if organization.is_some() { "Organization" } else { "User" };
    let url = format!("{}/users/{known}", call_base(call));
    Ok(Reply::json(200, &json!({"login": known, "id": github.account_id(known), "type": kind, "url": url})))
}

/// Tells where things are, as the API's root does.
pub(super) fn root(call: &Call) -> Value {
    let base = call_base(call);
    json!({
        "current_user_url": format!("{base}/user"), "rate_limit_url": format!("{base}/rate_limit"),
        "repository_url": format!("{base}/repos/{{owner}}/{{repo}}"),
        "user_url": format!("{base}/users/{{user}}"), "organization_url": format!("{base}/orgs/{{org}}"),
    })
}

/// Returns a repository that the caller sees.
fn seen<'w>(world: &'w World, caller: &Caller, full_name: &str) -> Result<&'w Repository, Reply> {
    let found = world.github.repository(full_name).filter(|_| caller.reaches(world, full_name));
    found.ok_or_else(not_found)
}

/// Lists a repository's environments.
pub(super) fn environments(
    world: &World,
    call: &Call,
    caller: &Caller,
    full_name: &str,
) -> Result<Reply, Reply> {
    let repository = seen(world, caller, full_name)?;
    let shown = |name: &String| json!({"name": name, "url": format!("{}{}/{name}", call.origin, call.path)});
    let all: Vec<Value> = repository.environments.iter().map(shown).collect();
    Ok(Reply::json(200, &json!({"total_count": all.len(), "environments": all})))
}

/// Makes or removes an environment.
///
/// <https://docs.github.com/rest/deployments/environments>
pub(super) fn change_environment(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    full_name: &str,
    name: &str,
) -> Result<Reply, Reply> {
    caller.must(world, &Place::Repository(full_name.to_owned()), "administration", true)?;
    let all = &mut world.github.repositories;
    let repository = all.iter_mut().find(|it| it.full_name.eq_ignore_ascii_case(full_name));
    let held = &mut repository.ok_or_else(not_found)?.environments;
    if call.method == "DELETE" {
        let before = held.len();
        held.retain(|known| !known.eq_ignore_ascii_case(name));
        return if held.len() < before { Ok(Reply::empty(204)) } else { Err(not_found()) };
    }
    if !held.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        held.push(name.to_owned());
    }
    environment(world, call, caller, full_name, name)
}

pub(super) fn organization(world: &World, call: &Call, name: &str) -> Result<Reply, Reply> {
    let known =
        world.github.organizations.iter().find(|org| org.eq_ignore_ascii_case(name)).ok_or_else(not_found)?;
    Ok(Reply::json(
        200,
        &json!({"login": known, "id": world.github.account_id(known), "url": format!("{}/orgs/{known}", call_base(call))}),
    ))
}

/// Returns the URL of the API as the caller wrote it, so that clients follow links back to it.
pub(super) fn call_base(call: &Call) -> String {
    let prefix = if call.path.starts_with("/api/v3/") { "/api/v3" } else { "" };
    format!("{}{prefix}", call.origin)
}

pub(super) fn shown(base: &str, id: u64, full_name: &str) -> Value {
    let (owner, name) = full_name.split_once('/').unwrap_or_default();
    json!({
        "id": id,
        "name": name,
        "full_name": full_name,
        "private": true,
        "owner": {"login": owner, "id": 1, "type": "Organization", "url": format!("{base}/users/{owner}")},
        "url": format!("{base}/repos/{full_name}"),
        "html_url": format!("https://github.com/{full_name}"),
        "default_branch": "main",
    })
}
