//! GitHub's API: secrets that are really unsealed, variables, and GitHub Apps.
//!
//! <https://docs.github.com/rest>

mod access;
mod app;
mod fields;
mod graphql;
mod issues;
mod limits;
mod oidc;
mod reply;
mod secrets;
mod variables;
mod world;

use serde_json::json;

use crate::call::Call;
use crate::reply::Reply;
use crate::state::Place;
use crate::world::World;

use access::Caller;
use reply::refuse;

/// Answers a request to the API; GitHub Enterprise Server's prefix is accepted.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    if call.header("user-agent").is_none_or(|agent| agent.trim().is_empty()) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a \
             User-Agent header \
             (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).\n";
        return Reply::text(403, "text/html", text);
    }
    if let Some(version) =
        call.header("x-github-api-version").filter(|version| !matches!(*version, "2022-11-28" | "2026-03-10"))
    {
        return refuse(400, &format!("The requested API version {version:?} is not supported."));
    }
    let (_, segments) = call.route();
    let path = segments.strip_prefix(&["api", "v3"]).unwrap_or(&segments);
    let path = path.strip_prefix(&["api"]).filter(|rest| *rest == ["graphql"]).unwrap_or(path);
    let path = if path.is_empty() { &[""] } else { path };
    if app::is_route(&call.method, path) {
        return app::handle(world, call, path).unwrap_or_else(|refusal| refusal);
    }
    if !is_known(&call.method, path) {
        return Reply::unknown_route(call);
    }
    let caller = match access::caller(world, call) {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    let limit = world.github.limits.clone();
    let mut reply = match limits::admit(world.github.usage(&caller.name), &limit, call) {
        Ok(()) => route(world, call, &caller, path).unwrap_or_else(|refusal| refusal),
        Err(refusal) => refusal,
    };
    reply.headers.extend(access::expiration(&caller));
    reply.headers.extend(limits::headers(world.github.usage(&caller.name), &limit, call.now_ms));
    reply
}

/// Says whether there is such a route: an unknown one is 501 for everybody.
fn is_known(method: &str, path: &[&str]) -> bool {
    match path {
        ["graphql"] => method == "POST",
        [""]
        | ["meta"]
        | ["user" | "rate_limit"]
        | ["repositories", _]
        | ["repos", _, _]
        | ["repos", _, _, "environments"]
        | ["users", _]
        | ["orgs", _, "actions", "oidc", "customization", "sub"]
        | ["orgs", _] => method == "GET",
        ["repos", _, _, "issues"] => matches!(method, "GET" | "POST"),
        ["repos", _, _, "issues", _] => matches!(method, "GET" | "PATCH"),
        ["repos", _, _, "issues", _, "comments"] => matches!(method, "GET" | "POST"),
        ["repos", _, _, "environments", _] => matches!(method, "GET" | "PUT" | "DELETE"),
        ["repos", _, _, "actions", "oidc", "customization", "sub"] => matches!(method, "GET" | "PUT"),
        ["repos", _, _, "environments", _, "secrets" | "variables", rest @ ..]
        | ["repos", _, _, "actions", "secrets" | "variables", rest @ ..]
        | ["repos", _, _, "dependabot" | "codespaces" | "agents", "secrets", rest @ ..] => {
            is_item(method, rest)
        }
        ["orgs", _, "actions", "secrets" | "variables", _, "repositories", ..]
        | ["orgs", _, "dependabot" | "codespaces" | "agents", "secrets", _, "repositories", ..] => {
            matches!(method, "GET" | "PUT" | "DELETE")
        }
        ["orgs", _, "actions", "secrets" | "variables", rest @ ..]
        | ["orgs", _, "dependabot" | "codespaces" | "agents", "secrets", rest @ ..] => is_item(method, rest),
        _ => false,
    }
}

fn is_item(method: &str, rest: &[&str]) -> bool {
    match rest {
        [] => matches!(method, "GET" | "POST"),
        ["public-key"] => method == "GET",
        [_] => matches!(method, "GET" | "PUT" | "PATCH" | "DELETE"),
        _ => false,
    }
}

/// Returns the name of a further part of GitHub that has secrets.
fn further(app: &str) -> &'static str {
    if app == "agents" { "agents" } else { "codespaces" }
}

fn route(world: &mut World, call: &Call, caller: &Caller, path: &[&str]) -> Result<Reply, Reply> {
    if let Some(repository) = access::renamed(world, path)
        && caller.reaches(world, &repository.full_name)
    {
        return Ok(access::redirect(call, repository.id, path));
    }
    match path {
        ["repositories", id] => {
            let name = world.github.repositories.iter().find(|known| known.id.to_string() == *id);
            let name = name.ok_or_else(reply::not_found)?.full_name.clone();
            access::repository(world, call, caller, &name)
        }
        ["user"] => access::user(caller),
        ["graphql"] => graphql::handle(world, call, caller),
        [""] => Ok(Reply::json(200, &access::root(call))),
        ["meta"] => Ok(Reply::json(200, &json!({"verifiable_password_authentication": false}))),
        ["rate_limit"] => {
            let limit = world.github.limits.primary;
            let used = world.github.usage(&caller.name).0.len();
            let rate = json!({
                "limit": limit, "used": used, "remaining": limit.saturating_sub(used),
                "reset": call.now_ms.div_euclid(1000) + 3_600,
            });
            let resources = json!({"core": rate, "graphql": rate, "search": rate});
            Ok(Reply::json(200, &json!({"resources": resources, "rate": rate})))
        }
        ["repos", owner, name] => access::repository(world, call, caller, &format!("{owner}/{name}")),
        ["repos", owner, name, "environments"] => {
            access::environments(world, call, caller, &format!("{owner}/{name}"))
        }
        ["repos", owner, name, "environments", environment] if call.method != "GET" => {
            access::change_environment(world, call, caller, &format!("{owner}/{name}"), environment)
        }
        ["repos", owner, name, "environments", environment] => {
            access::environment(world, call, caller, &format!("{owner}/{name}"), environment)
        }
        ["repos", owner, name, "actions", "secrets", rest @ ..] => {
            secrets::handle(world, call, caller, Place::Repository(format!("{owner}/{name}")), rest)
        }
        ["repos", owner, name, "dependabot", "secrets", rest @ ..] => {
            secrets::handle(world, call, caller, Place::DependabotRepository(format!("{owner}/{name}")), rest)
        }
        ["repos", owner, name, app @ ("codespaces" | "agents"), "secrets", rest @ ..] => {
            let place = Place::FurtherRepository(further(app), format!("{owner}/{name}"));
            secrets::handle(world, call, caller, place, rest)
        }
        ["orgs", org, app @ ("codespaces" | "agents"), "secrets", rest @ ..] => {
            let place = Place::FurtherOrganization(further(app), (*org).to_owned());
            secrets::handle(world, call, caller, place, rest)
        }
        ["repos", owner, name, "environments", environment, "secrets", rest @ ..] => {
            let place = Place::Environment(format!("{owner}/{name}"), (*environment).to_owned());
            secrets::handle(world, call, caller, place, rest)
        }
        ["orgs", org, "actions", "secrets", rest @ ..] => {
            secrets::handle(world, call, caller, Place::Organization((*org).to_owned()), rest)
        }
        ["orgs", org, "dependabot", "secrets", rest @ ..] => {
            secrets::handle(world, call, caller, Place::DependabotOrganization((*org).to_owned()), rest)
        }
        ["repos", owner, name, "actions", "variables", rest @ ..] => {
            variables::handle(world, call, caller, &Place::Repository(format!("{owner}/{name}")), rest)
        }
        ["repos", owner, name, "environments", environment, "variables", rest @ ..] => {
            let place = Place::Environment(format!("{owner}/{name}"), (*environment).to_owned());
            variables::handle(world, call, caller, &place, rest)
        }
        ["orgs", org, "actions", "variables", rest @ ..] => {
            variables::handle(world, call, caller, &Place::Organization((*org).to_owned()), rest)
        }
        ["repos", owner, name, "issues", rest @ ..] => {
            issues::handle(world, call, caller, &format!("{owner}/{name}"), rest)
        }
        ["users", name] => access::account(world, call, name),
        ["repos", owner, name, "actions", "oidc", ..] => {
            oidc::of_repository(world, call, caller, &format!("{owner}/{name}"))
        }
        ["orgs", org, "actions", "oidc", ..] => oidc::of_organization(world, caller, org),
        ["orgs", org] => access::organization(world, call, org),
        _ => Err(Reply::unknown_route(call)),
    }
}

#[cfg(test)]
mod tests;
