//! SCIM's groups: a group is a name, and members bear it.
//!
//! <https://docs.databricks.com/api/azure/workspace/groups>

use serde_json::{Map, Value, json};

use super::patch::entitlements;
use super::reply::refuse;
use super::shown::{Filter, body, page};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Grantee, Workspace};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const FIELDS: [&str; 9] =
    ["schemas", "displayName", "members", "entitlements", "externalId", "groups", "roles", "id", "meta"];

/// Answers below `Groups`.
pub(super) fn handle(
    workspace: &mut Workspace,
    call: &Call,
    number: u64,
    rest: &[&str],
) -> Result<Reply, Reply> {
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let filter = call.query("filter").map(Filter::read).transpose()?;
            let fits =
                |group: &&(u64, String)| filter.as_ref().is_none_or(|filter| filter.is_of_group(group));
            let found: Vec<Value> =
                workspace.groups.iter().filter(fits).map(|group| shown(group, workspace)).collect();
            page(call, &found)
        }
        ("GET", [id]) => Ok(Reply::json(200, &shown(&find(workspace, id)?, workspace))),
        ("POST", []) => create(workspace, call, number),
        ("PUT", [id]) => {
            let group = find(workspace, id)?;
            let map = body(call, &FIELDS)?;
            let name = name_of(&map)?;
            rename(workspace, &group, &name)?;
            set_members(workspace, &name, &members(map.get("members"))?);
            workspace.group_entitlements.insert(name, entitlements(map.get("entitlements"))?);
            Ok(Reply::json(200, &shown(&find(workspace, id)?, workspace)))
        }
        ("PATCH", [id]) => {
            let group = find(workspace, id)?;
            let map = body(call, &["schemas", "Operations"])?;
            let Some(Value::Array(operations)) = map.get("Operations") else {
                return Err(refuse(400, Some("invalidSyntax"), "Operations is required"));
            };
            for operation in operations {
                apply(workspace, &group.1, operation)?;
            }
            Ok(Reply::empty(204))
        }
        ("DELETE", [id]) => {
            let (number, name) = find(workspace, id)?;
            workspace.groups.retain(|(other, _)| *other != number);
            workspace.members.iter_mut().for_each(|member| member.groups.retain(|group| *group != name));
            workspace.grants.retain(|grant| grant.who != Grantee::Group(name.clone()));
            workspace.group_entitlements.remove(&name);
            Ok(Reply::empty(204))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn find(workspace: &Workspace, id: &str) -> Result<(u64, String), Reply> {
    let found = workspace.groups.iter().find(|(number, _)| number.to_string() == id);
    found.cloned().ok_or_else(|| refuse(404, None, format!("Group with id {id} not found.")))
}

fn name_of(map: &Map<String, Value>) -> Result<String, Reply> {
    let name = map.get("displayName").and_then(Value::as_str).filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| refuse(400, Some("invalidValue"), "displayName is required"))
}

fn create(workspace: &mut Workspace, call: &Call, number: u64) -> Result<Reply, Reply> {
    let map = body(call, &FIELDS)?;
    let name = name_of(&map)?;
    if workspace.groups.iter().any(|(_, known)| known.eq_ignore_ascii_case(&name)) {
        return Err(refuse(409, Some("uniqueness"), format!("Group with name {name} already exists.")));
    }
    let (held, given) = (members(map.get("members"))?, entitlements(map.get("entitlements"))?);
    workspace.groups.push((number, name.clone()));
    set_members(workspace, &name, &held);
    workspace.group_entitlements.insert(name.clone(), given);
    Ok(Reply::json(201, &shown(&(number, name), workspace)))
}

fn rename(workspace: &mut Workspace, group: &(u64, String), name: &str) -> Result<(), Reply> {
    if group.1 == name {
        return Ok(());
    }
    if workspace.groups.iter().any(|(_, known)| known.eq_ignore_ascii_case(name)) {
        return Err(refuse(409, Some("uniqueness"), format!("Group with name {name} already exists.")));
    }
    let renamed = |held: &mut String| {
        if *held == group.1 {
            name.clone_into(held);
        }
    };
    workspace.groups.iter_mut().for_each(|(_, held)| renamed(held));
    workspace.members.iter_mut().flat_map(|member| &mut member.groups).for_each(renamed);
    if let Some(held) = workspace.group_entitlements.remove(&group.1) {
        workspace.group_entitlements.insert(name.to_owned(), held);
    }
    for grant in &mut workspace.grants {
        if let Grantee::Group(held) = &mut grant.who {
            renamed(held);
        }
    }
    Ok(())
}

/// Reads a list of members: objects with the numeric id as `value`.
fn members(value: Option<&Value>) -> Result<Vec<String>, Reply> {
    let wrong = || refuse(400, Some("invalidValue"), "members must be a list of objects with a value");
    let id = |value: &Value| match value.get("value") {
        Some(Value::String(id)) => Ok(id.clone()),
        Some(Value::Number(id)) => Ok(id.to_string()),
        _ => Err(wrong()),
    };
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list.iter().map(id).collect(),
        Some(one @ Value::Object(_)) => Ok(vec![id(one)?]),
        Some(_) => Err(wrong()),
    }
}

fn set_members(workspace: &mut Workspace, group: &str, ids: &[String]) {
    for member in &mut workspace.members {
        member.groups.retain(|held| held != group);
        if ids.contains(&member.id.to_string()) {
            member.groups.push(group.to_owned());
        }
    }
}

fn apply(workspace: &mut Workspace, group: &str, operation: &Value) -> Result<(), Reply> {
    let op = operation.get("op").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let path = operation.get("path").and_then(Value::as_str).unwrap_or_default();
    let empty = Value::Null;
    let value = operation.get("value").unwrap_or(&empty);
    if path.is_empty() {
        for (path, value) in value.as_object().into_iter().flatten() {
            apply(workspace, group, &json!({"op": op, "path": path, "value": value}))?;
        }
        return Ok(());
    }
    if let Some(id) = path.strip_prefix("members[value eq \"").and_then(|rest| rest.strip_suffix("\"]")) {
        let mut of_id = workspace.members.iter_mut().filter(|member| member.id.to_string() == id);
        if let (Some(member), "remove") = (of_id.next(), op.as_str()) {
            member.groups.retain(|held| held != group);
        }
        return Ok(());
    }
    match path {
        "members" => {
            let ids = members(Some(value))?;
            if op == "replace" {
                set_members(workspace, group, &ids);
                return Ok(());
            }
            for member in workspace.members.iter_mut().filter(|it| ids.contains(&it.id.to_string())) {
                member.groups.retain(|held| held != group);
                if op == "add" {
                    member.groups.push(group.to_owned());
                }
            }
            Ok(())
        }
        "entitlements" => {
            let names = entitlements(Some(value))?;
            let held = workspace.group_entitlements.entry(group.to_owned()).or_default();
            match op.as_str() {
                "remove" => held.retain(|name| !names.is_empty() && !names.contains(name)),
                "replace" => *held = names,
                _ => held.extend(names),
            }
            Ok(())
        }
        "displayName" => {
            let found = workspace.groups.iter().find(|(_, name)| name == group).cloned();
            match (found, value.as_str()) {
                (Some(found), Some(name)) => rename(workspace, &found, name),
                _ => Err(refuse(400, Some("invalidValue"), "displayName must be a string")),
            }
        }
        _ => Err(refuse(400, Some("invalidPath"), format!("Unsupported path: {path}"))),
    }
}

fn shown((number, name): &(u64, String), workspace: &Workspace) -> Value {
    let held = workspace.members.iter().filter(|member| member.groups.contains(name));
    let members: Vec<Value> = held
        .map(|member| json!({"value": member.id.to_string(), "display": member.display_name, "type": "direct"}))
        .collect();
    let mut value = json!({
        "schemas": [SCHEMA], "id": number.to_string(), "displayName": name,
        "meta": {"resourceType": "WorkspaceGroup"},
    });
    if !members.is_empty() {
        value["members"] = json!(members);
    }
    if let Some(given) = workspace.group_entitlements.get(name).filter(|given| !given.is_empty()) {
        value["entitlements"] = given.iter().map(|name| json!({"value": name})).collect();
    }
    value
}
