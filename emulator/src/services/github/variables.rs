//! Configuration variables of repositories, environments and organisations.
//!
//! <https://docs.github.com/rest/actions/variables>

use serde_json::{Value, json};

use super::access::{Caller, call_base};
use super::fields::{body, required};
use super::reply::{not_found, paged, refuse};
use super::secrets::{check_environment, check_name, selected, visibility};
use crate::call::Call;
use crate::clock::rfc3339;
use crate::reply::Reply;
use crate::state::{Place, Variable};
use crate::world::World;

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    caller: &Caller,
    place: &Place,
    rest: &[&str],
) -> Result<Reply, Reply> {
    caller.must(world, place, permission(place), call.method != "GET")?;
    check_environment(world, place)?;
    let repositories: Vec<(u64, String)> = world
        .github
        .repositories
        .iter()
        .map(|repository| (repository.id, repository.full_name.clone()))
        .collect();
    let variables = world.github.variables.entry(place.clone()).or_default();
    let of = |name: &str| name.to_ascii_uppercase();
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let list: Vec<Value> =
                variables.iter().map(|(name, variable)| shown(call, place, name, variable)).collect();
            Ok(paged(call, "variables", list))
        }
        ("POST", []) => {
            let organization = matches!(place, Place::Organization(_));
            let map = if organization {
                body(call, &["name", "value", "visibility", "selected_repository_ids"])?
            } else {
                body(call, &["name", "value"])?
            };
            let (name, value) = (required(&map, "name")?, required(&map, "value")?.to_owned());
            check_name(name)?;
            let (visibility, selected) = if organization { visibility(&map)? } else { (None, Vec::new()) };
            if variables.contains_key(&of(name)) {
                return Err(refuse(409, "Already exists - Variable already exists"));
            }
            let now = call.now_ms;
            variables
                .insert(of(name), Variable { value, created_ms: now, updated_ms: now, visibility, selected });
            Ok(Reply::json(201, &json!({})))
        }
        ("GET", [name]) => {
            let variable = variables.get(&of(name)).ok_or_else(not_found)?;
            Ok(Reply::json(200, &shown(call, place, &of(name), variable)))
        }
        ("PATCH", [name]) => {
            let map = body(call, &["name", "value", "visibility", "selected_repository_ids"])?;
            let mut variable = variables.get(&of(name)).ok_or_else(not_found)?.clone();
            if map.contains_key("value") {
                required(&map, "value")?.clone_into(&mut variable.value);
            }
            if map.contains_key("visibility") {
                (variable.visibility, variable.selected) = visibility(&map)?;
            }
            variable.updated_ms = call.now_ms;
            let renamed = if map.contains_key("name") { of(required(&map, "name")?) } else { of(name) };
            check_name(&renamed)?;
            variables.remove(&of(name));
            variables.insert(renamed, variable);
            Ok(Reply::empty(204))
        }
        ("DELETE", [name]) => {
            variables.remove(&of(name)).ok_or_else(not_found)?;
            Ok(Reply::empty(204))
        }
        (_, [name, "repositories", rest @ ..]) => {
            let variable = variables.get_mut(&of(name)).ok_or_else(not_found)?;
            selected(call, &mut variable.selected, variable.visibility.as_deref(), &repositories, rest)
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn permission(place: &Place) -> &'static str {
    match place {
        Place::Environment(..) => "environments",
        Place::Organization(_) => "organization_actions_variables",
        _ => "actions_variables",
    }
}

fn shown(call: &Call, place: &Place, name: &str, variable: &Variable) -> Value {
    let mut value = json!({
        "name": name,
        "value": variable.value,
        "created_at": rfc3339(variable.created_ms),
        "updated_at": rfc3339(variable.updated_ms),
    });
    if let (Some(visibility), Place::Organization(org), Some(map)) =
        (&variable.visibility, place, value.as_object_mut())
    {
        map.insert("visibility".to_owned(), json!(visibility));
        if visibility == "selected" {
            let url = format!("{}/orgs/{org}/actions/variables/{name}/repositories", call_base(call));
            map.insert("selected_repositories_url".to_owned(), json!(url));
        }
    }
    value
}
