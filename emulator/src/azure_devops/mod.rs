//! Azure DevOps: projects, variable groups, identity tokens for jobs, and the discovery that the official
//! clients begin with.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/variablegroups>

mod access;
mod discovery;
mod groups;
mod reply;

use std::collections::BTreeMap;

use serde_json::json;

use crate::call::{Call, Reply};
use crate::world::World;

pub use access::{DevopsToken, GroupRole};
pub use groups::{GroupType, Variable, VariableGroup};
pub(crate) use reply::{api_version, refusal};

/// Holds one organisation.
#[derive(Debug, Clone)]
pub struct AzureDevops {
    /// The projects.
    pub projects: Vec<Project>,
    /// The variable groups.
    pub groups: Vec<VariableGroup>,
    /// The personal access tokens.
    pub tokens: Vec<DevopsToken>,
    /// What principals of Entra ID may do with variable groups, by application id.
    pub principals: BTreeMap<String, GroupRole>,
    /// What the pipeline's own identity (`System.AccessToken`) may do with variable groups.
    pub pipeline_role: GroupRole,
    /// Whether a group that is not there reads as `null` with status 200, as clients of the service guard
    /// against, and not as 404.
    pub missing_reads_null: bool,
}

/// Describes a project.
#[derive(Debug, Clone)]
pub struct Project {
    /// The id.
    pub id: String,
    /// The name, not case-sensitive.
    pub name: String,
}

impl Default for AzureDevops {
    fn default() -> Self {
        let project = |id: &str, name: &str| Project { id: id.to_owned(), name: name.to_owned() };
        Self {
            projects: vec![
                project("b8a0d7c4-52e3-4d6f-9b1a-7e2c4f6a8d01", "data"),
                project("c9b1e8d5-63f4-4e70-8c2b-8f3d5a7b9e02", "platform"),
            ],
            groups: Vec::new(),
            tokens: Vec::new(),
            principals: BTreeMap::new(),
            pipeline_role: GroupRole::None,
            missing_reads_null: false,
        }
    }
}

impl AzureDevops {
    fn project(&self, id_or_name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| {
            project.id.eq_ignore_ascii_case(id_or_name) || project.name.eq_ignore_ascii_case(id_or_name)
        })
    }
}

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
            crate::oidc::azure_devops_token(world, call)
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
                .map(|project| project.to_json(call, &organization))
                .collect();
            Reply::json(200, &json!({"count": all.len(), "value": all}))
        }
        ("GET", ["_apis", "projects", name]) => match world.azure_devops.project(name) {
            Some(project) => Reply::json(200, &project.to_json(call, &organization)),
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

impl Project {
    fn to_json(&self, call: &Call, organization: &str) -> serde_json::Value {
        json!({
            "id": self.id, "name": self.name, "url": format!("{}/{organization}/_apis/projects/{}", call.origin, self.id),
            "state": "wellFormed", "revision": 11, "visibility": "private", "lastUpdateTime": "2026-01-12T08:30:00.000Z",
        })
    }
}

impl World {
    /// Lets the seeded principal write to vaults and variable groups, and makes a token and a group; returns
    /// both.
    pub(crate) fn seed_azure(&mut self, client_id: &str) -> (String, u64) {
        self.allow_in_vaults(client_id, &["get", "list", "set"]);
        self.azure_devops.principals.insert(client_id.to_owned(), GroupRole::Administrator);
        self.azure_devops.pipeline_role = GroupRole::Administrator;
        let token = self.add_devops_token("sam", GroupRole::Administrator, 365 * 86_400_000);
        let others = [
            ("CATALOG_URL", "https://catalog.example", false),
            ("CATALOG_PASSWORD", "kept-by-everybody", true),
        ];
        (token, self.add_variable_group("data", "integration", &others))
    }

    /// Makes a project and returns its id.
    pub fn add_devops_project(&mut self, name: &str) -> String {
        let id = self.random.uuid();
        self.azure_devops.projects.push(Project { id: id.clone(), name: name.to_owned() });
        id
    }

    /// Makes a variable group in a project and returns its number; each variable is name, value and whether
    /// it is secret.
    pub fn add_variable_group(&mut self, project: &str, name: &str, variables: &[(&str, &str, bool)]) -> u64 {
        let now = self.now_ms();
        let projects: Vec<Project> = self.azure_devops.project(project).cloned().into_iter().collect();
        let variables = variables
            .iter()
            .map(|(name, value, secret)| {
                (
                    (*name).to_owned(),
                    Variable { value: Some((*value).to_owned()), secret: *secret, ..Variable::default() },
                )
            })
            .collect();
        let group = VariableGroup::new(self.azure_devops.next_group(), name, projects, variables, now);
        let id = group.id;
        self.azure_devops.groups.push(group);
        id
    }

    /// Returns the value that a variable holds, secret or not; its name is not case-sensitive.
    #[must_use]
    pub fn variable_value(&self, group: u64, variable: &str) -> Option<&str> {
        self.azure_devops
            .groups
            .iter()
            .find(|candidate| candidate.id == group)?
            .variable(variable)?
            .value
            .as_deref()
    }

    /// Makes a personal access token and returns it.
    pub fn add_devops_token(&mut self, name: &str, role: GroupRole, lifetime_ms: i64) -> String {
        let value = format!(
            "{}JQQJ99{}AAAAAAAAAAAAASAZDO{}",
            self.random.alphanumeric(52),
            self.random.alphanumeric(6),
            self.random.alphanumeric(4)
        );
        self.note_issued(&value);
        let expires_ms = self.now_ms() + lifetime_ms;
        self.azure_devops.tokens.push(DevopsToken {
            value: value.clone(),
            user: name.to_owned(),
            role,
            in_scope: true,
            expires_ms,
        });
        value
    }
}

#[cfg(test)]
mod tests;
