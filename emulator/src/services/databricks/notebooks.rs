//! Notebooks and who may use them, as far as the live tests of official clients go: a path, a number, a list.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspace>

use serde_json::{Value, json};

use super::auth::Caller;
use super::fields::{body, text};
use super::reply::refuse;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::Notebook;
use crate::world::World;

/// Answers below `/api/2.0/workspace`.
pub(super) fn handle(world: &mut World, call: &Call, index: usize, what: &str) -> Result<Reply, Reply> {
    let number = world.random.number();
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    let missing =
        |path: &str| refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Path ({path}) doesn't exist."));
    if (call.method.as_str(), what) == ("GET", "get-status") {
        let path = call.query("path").unwrap_or_default();
        let found = workspace.notebooks.get(path).ok_or_else(|| missing(path))?;
        let shown = json!({
            "path": path, "object_id": found.id, "language": "PYTHON",
            "object_type": if found.is_folder { "DIRECTORY" } else { "NOTEBOOK" },
        });
        return Ok(Reply::json(200, &shown));
    }
    let map = body(call, &["path", "overwrite", "format", "language", "content", "recursive"])?;
    let path = text(&map, "path")?.unwrap_or_default().to_owned();
    match (call.method.as_str(), what) {
        ("POST", "mkdirs" | "import") => {
            let made = Notebook { id: number, is_folder: what == "mkdirs", acl: Vec::new() };
            workspace.notebooks.entry(path).or_insert(made);
        }
        ("POST", "delete") => {
            let below = format!("{path}/");
            if workspace.notebooks.remove(&path).is_none() {
                return Err(missing(&path));
            }
            workspace.notebooks.retain(|other, _| !other.starts_with(&below));
        }
        _ => return Err(Reply::unknown_route(call)),
    }
    Ok(Reply::json(200, &json!({})))
}

/// Answers below `/api/2.0/permissions/notebooks/{id}`.
pub(super) fn permissions(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    (id, rest): (&str, &[&str]),
) -> Result<Reply, Reply> {
    caller.must_be_admin()?;
    if let ["permissionLevels"] = rest {
        let levels = ["CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"];
        let levels: Vec<Value> =
            levels.iter().map(|level| json!({"permission_level": level, "description": level})).collect();
        return Ok(Reply::json(200, &json!({"permission_levels": levels})));
    }
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    let found = workspace.notebooks.values_mut().find(|notebook| notebook.id.to_string() == id);
    let found = found
        .ok_or_else(|| refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Notebook {id} does not exist.")))?;
    if call.method != "GET" {
        let map = body(call, &["access_control_list"])?;
        let asked = map.get("access_control_list").and_then(Value::as_array).cloned().unwrap_or_default();
        if call.method == "PUT" {
            found.acl = asked;
        } else {
            found.acl.extend(asked);
        }
    }
    let shown = found.acl.iter().cloned().map(|mut entry| {
        let level = entry["permission_level"].take();
        entry["all_permissions"] = json!([{"permission_level": level, "inherited": false}]);
        entry
    });
    let list: Vec<Value> = shown.collect();
    let object = format!("/notebooks/{id}");
    Ok(Reply::json(
        200,
        &json!({"object_id": object, "object_type": "notebook", "access_control_list": list}),
    ))
}
