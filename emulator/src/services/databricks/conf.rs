//! The workspace's settings.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspaceconf>

use serde_json::{Map, Value};

use super::auth::Caller;
use super::fields::only_query;
use super::reply::{invalid, malformed};
use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

const KEYS: [&str; 11] = [
    "enableTokensConfig",
    "maxTokenLifetimeDays",
    "enableIpAccessLists",
    "enableDcs",
    "enableWorkspaceFilesystem",
    "enableWebTerminal",
    "enableExportNotebook",
    "enableResultsDownloading",
    "enableDeprecatedClusterNamedInitScripts",
    "enforceUserIsolation",
    "storeInteractiveNotebookResultsInCustomerAccount",
];

pub(super) fn handle(world: &mut World, call: &Call, index: usize, caller: &Caller) -> Result<Reply, Reply> {
    caller.must_be_admin()?;
    let conf = &mut world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?.conf;
    if call.method == "GET" {
        only_query(call, &["keys"])?;
        let keys: Vec<&str> = call.query("keys").unwrap_or_default().split(',').collect();
        known(keys.iter().copied())?;
        let shown: Map<String, Value> = keys
            .into_iter()
            .map(|key| {
                (key.to_owned(), conf.get(key).map_or(Value::Null, |value| Value::String(value.clone())))
            })
            .collect();
        return Ok(Reply::json(200, &Value::Object(shown)));
    }
    if !call.has_content_type("application/json") {
        return Err(malformed("Invalid Content-Type header: expected application/json"));
    }
    let map = call.json_object().map_err(malformed)?;
    known(map.keys().map(String::as_str))?;
    let mut changes = Vec::new();
    for (key, value) in map {
        let Value::String(value) = value else {
            return Err(malformed(format!(
                "Could not parse request object: Expected 'STRING' for the value of '{key}'"
            )));
        };
        let valid = if key == "maxTokenLifetimeDays" {
            value.parse::<u32>().is_ok_and(|days| days <= 730)
        } else {
            value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
        };
        if !valid {
            return Err(invalid(format!("Invalid value {value:?} for key {key}")));
        }
        changes.push((key, value));
    }
    conf.extend(changes);
    Ok(Reply::empty(204))
}

fn known<'a>(keys: impl Iterator<Item = &'a str>) -> Result<(), Reply> {
    let unknown: Vec<&str> = keys.filter(|key| !KEYS.contains(key)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(invalid(format!("Invalid keys: {unknown:?}"))) }
}
