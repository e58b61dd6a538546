//! Azure DevOps: projects, variable groups, identity tokens for jobs, and the discovery that the official
//! clients begin with.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/variablegroups>

mod access;
mod discovery;
mod groups;
mod job_token;
mod reply;
mod world;

use serde_json::json;

use crate::call::Call;
use crate::reply::Reply;
use crate::state::Project;
use crate::world::World;

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let (method, mut segments) = call.route();
    if !segments.first().is_some_and(|name| name.eq_ignore_ascii_case(&world.oidc.pipeline.organization)) {
        return reply::page(404, "Azure DevOps Services | Page not found");
    }
    segments.remove(0);
    // Routes are not case-sensitive, except that names of projects are compared further down.
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let route: Vec<&str> = lower.iter().map(String::as_str).collect();
    match (method, route.as_slice()) {
        ("OPTIONS", ["_apis"]) => discovery::locations(None),
        ("OPTIONS", ["_apis", area]) => discovery::locations(Some(area)),
        ("POST", [_, "_apis", "distributedtask", "hubs", _, "plans", _, "jobs", _, "oidctoken"]) => {
            job_token::token(world, call)
        }
        _ => match access::sign_in(world, call) {
            Ok(who) => signed_in(world, call, &who, (method, &route)),
            Err(reply) => reply,
        },
    }
}

fn signed_in(world: &mut World, call: &Call, who: &access::Caller, route: (&str, &[&str])) -> Reply {
    let organization = world.oidc.pipeline.organization.clone();
    match route {
        ("GET", ["_apis", "connectiondata"]) => discovery::connection(world, who),
        ("GET", ["_apis", "resourceareas"]) => discovery::areas(call, &organization),
        ("GET", ["_apis", "resourceareas", id]) => discovery::area(call, &organization, id),
        ("GET", ["_apis", "projects"]) => {
            let all: Vec<_> = world
                .azure_devops
                .projects
                .iter()
                .map(|project| project_json(project, call, &organization))
                .collect();
            Reply::json(200, &json!({"count": all.len(), "value": all}))
        }
        ("GET", ["_apis", "projects", name]) => match world.azure_devops.project(name) {
            Some(project) => Reply::json(200, &project_json(project, call, &organization)),
            None => reply::no_project(name),
        },
        (_, ["_apis", "distributedtask", "variablegroups", rest @ ..]) => {
            groups::organization_level(world, call, who, route.0, rest)
        }
        (_, [project, "_apis", "distributedtask", "variablegroups", rest @ ..]) => {
            let Some(project) = world.azure_devops.project(project).cloned() else {
                return reply::no_project(project);
            };
            groups::project_level(world, call, who, &project, route.0, rest)
        }
        _ => Reply::unknown_route(call),
    }
}

fn project_json(project: &Project, call: &Call, organization: &str) -> serde_json::Value {
    json!({
        "id": project.id, "name": project.name,
        "url": format!("{}/{organization}/_apis/projects/{}", call.origin, project.id),
        "state": "wellFormed", "revision": 11, "visibility": "private",
        "lastUpdateTime": "2026-01-12T08:30:00.000Z",
    })
}

#[cfg(test)]
mod tests;
