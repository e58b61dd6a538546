//! Variable groups: read in a project, written for the whole organisation.

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::reply::{api_version, refusal};
use crate::call::Call;
use crate::clock::rfc3339_precise;
use crate::reply::Reply;
use crate::state::{AzureDevops, GroupRole, GroupType, GroupVariable, Project, VariableGroup};
use crate::world::World;

impl GroupType {
    fn name(self) -> &'static str {
        match self {
            Self::Vsts => "Vsts",
            Self::AzureKeyVault => "AzureKeyVault",
        }
    }
}

/// Answers `{project}/_apis/distributedtask/variablegroups…`: reading only.
pub(super) fn project_level(
    world: &World,
    call: &Call,
    who: &Caller,
    project: &Project,
    method: &str,
    rest: &[&str],
) -> Reply {
    if method != "GET" {
        return no_method(method);
    }
    if let Err(reply) = version_for_read(call) {
        return reply;
    }
    let devops = &world.azure_devops;
    let visible = |group: &&VariableGroup| who.role >= GroupRole::Reader && group.is_in(project);
    match rest {
        [] => {
            let name = call.query("groupName");
            let ids: Option<Vec<u64>> = call
                .query("groupIds")
                .map(|ids| ids.split(',').filter_map(|id| id.trim().parse().ok()).collect());
            let found: Vec<Value> = devops
                .groups
                .iter()
                .filter(visible)
                .filter(|group| name.is_none_or(|name| matches_name(&group.name, name)))
                .filter(|group| ids.as_ref().is_none_or(|ids| ids.contains(&group.id)))
                .map(group_json)
                .collect();
            Reply::json(200, &json!({"count": found.len(), "value": found}))
        }
        [id] => {
            let found = id
                .parse()
                .ok()
                .and_then(|id: u64| devops.groups.iter().filter(visible).find(|group| group.id == id));
            match found {
                Some(group) => Reply::json(200, &group_json(group)),
                None if devops.missing_reads_null => Reply::json(200, &Value::Null),
                None => no_group(id),
            }
        }
        _ => Reply::unknown_route(call),
    }
}

/// Answers `_apis/distributedtask/variablegroups…`: making, changing and deleting.
pub(super) fn organization_level(
    world: &mut World,
    call: &Call,
    who: &Caller,
    method: &str,
    rest: &[&str],
) -> Reply {
    if let Err(reply) = api_version(call) {
        return reply;
    }
    match (method, rest) {
        ("POST", []) => write(world, call, who, None),
        ("PUT", [id]) => match id.parse() {
            Ok(number) if world.azure_devops.groups.iter().any(|group| group.id == number) => {
                write(world, call, who, Some(number))
            }
            _ => no_group(id),
        },
        ("DELETE", [id]) => delete(world, call, who, id),
        ("GET" | "PATCH", _) => no_method(method),
        _ => Reply::unknown_route(call),
    }
}

fn group_json(group: &VariableGroup) -> Value {
    let variables: Map<String, Value> = group
        .variables
        .iter()
        .map(|(name, variable)| (name.clone(), variable_json(group, variable)))
        .collect();
    let references: Vec<Value> = group
        .references
        .iter()
        .map(|(project, name, description)| {
            let mut reference =
                json!({"projectReference": {"id": project.id, "name": project.name}, "name": name});
            if let Some(description) = description {
                reference["description"] = json!(description);
            }
            reference
        })
        .collect();
    let mut shown = json!({
        "variables": variables, "id": group.id, "type": group.kind.name(), "name": group.name,
        "createdBy": identity_json("seed"),
        "createdOn": rfc3339_precise(group.created_ms),
        "modifiedBy": identity_json(&group.modified_by),
        "modifiedOn": rfc3339_precise(group.modified_ms),
        "isShared": group.references.len() > 1, "variableGroupProjectReferences": references,
    });
    if let Some(description) = &group.description {
        shown["description"] = json!(description);
    }
    if !group.provider_data.is_null() {
        shown["providerData"] = group.provider_data.clone();
    }
    shown
}

fn identity_json(name: &str) -> Value {
    json!({"displayName": name, "id": "00000000-0000-0000-0000-000000000000", "uniqueName": name})
}

fn variable_json(group: &VariableGroup, variable: &GroupVariable) -> Value {
    let hidden = variable.secret || group.kind == GroupType::AzureKeyVault;
    let mut json = json!({"value": if hidden { None } else { variable.value.as_deref() }});
    if variable.secret {
        json["isSecret"] = json!(true);
    }
    if variable.read_only {
        json["isReadOnly"] = json!(true);
    }
    if group.kind == GroupType::AzureKeyVault {
        json["enabled"] = json!(true);
        json["contentType"] = json!("");
    }
    json
}

fn version_for_read(call: &Call) -> Result<(), Reply> {
    let named = call.query("api-version").is_some()
        || call.header("accept").is_some_and(|accept| accept.contains("api-version="));
    if named { api_version(call) } else { Ok(()) }
}

fn matches_name(name: &str, filter: &str) -> bool {
    let (name, filter) = (name.to_lowercase(), filter.to_lowercase());
    match filter.split_once('*') {
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
        None => name == filter,
    }
}

fn no_method(method: &str) -> Reply {
    Reply::json(
        405,
        &json!({
            "count": 1,
            "value": {"Message": format!("The requested resource does not support http method '{method}'.")},
        }),
    )
}

fn no_group(id: &str) -> Reply {
    refusal(404, "VariableGroupNotFoundException", format!("Variable group with ID {id} does not exist."))
}

fn not_allowed() -> Reply {
    let message = "You do not have permissions to perform this operation on the variable group. A variable \
                   group administrator needs to grant you the Administrator role.";
    refusal(403, "AccessDeniedException", message)
}

fn delete(world: &mut World, call: &Call, who: &Caller, id: &str) -> Reply {
    let Some(index) =
        id.parse().ok().and_then(|id: u64| world.azure_devops.groups.iter().position(|group| group.id == id))
    else {
        return no_group(id);
    };
    if who.role < GroupRole::Administrator {
        return not_allowed();
    }
    let projects: Vec<&str> =
        call.query("projectIds").unwrap_or_default().split(',').filter(|id| !id.is_empty()).collect();
    if projects.is_empty() {
        return refusal(
            400,
            "ArgumentException",
            "At least one project id is required.\r\nParameter name: projectIds",
        );
    }
    let group = &mut world.azure_devops.groups[index];
    group.references.retain(|(project, _, _)| !projects.iter().any(|id| project.id.eq_ignore_ascii_case(id)));
    if group.references.is_empty() {
        world.azure_devops.groups.remove(index);
    }
    Reply::empty(204)
}

fn write(world: &mut World, call: &Call, who: &Caller, id: Option<u64>) -> Reply {
    if !call.has_content_type("application/json") {
        let given = call.header("content-type").unwrap_or_default();
        let message = format!(
            "The request contains an entity body but the Content-Type '{given}' is not supported for this \
             resource."
        );
        return Reply::json(415, &json!({"count": 1, "value": {"Message": message}}));
    }
    let body = match call.json_object() {
        Ok(body) => body,
        Err(error) => {
            return refusal(
                400,
                "VssPropertyValidationException",
                format!("TF400898: An Internal Error Occurred. {error}"),
            );
        }
    };
    if who.role < GroupRole::Administrator {
        return not_allowed();
    }
    let parsed = match parse(&world.azure_devops, &body) {
        Ok(parsed) => parsed,
        Err(message) => return refusal(400, "ArgumentException", message),
    };
    let clash = world.azure_devops.groups.iter().any(|other| {
        Some(other.id) != id
            && other.name.eq_ignore_ascii_case(&parsed.name)
            && parsed.references.iter().any(|(project, _, _)| other.is_in(project))
    });
    if clash {
        return refusal(
            409,
            "VariableGroupExistsException",
            format!("Variable group with name {} already exists.", parsed.name),
        );
    }
    store(world, who, id, parsed)
}

fn store(world: &mut World, who: &Caller, id: Option<u64>, parsed: Parsed) -> Reply {
    let now = world.now_ms();
    let devops = &mut world.azure_devops;
    let index = match id {
        Some(id) => devops.groups.iter().position(|group| group.id == id),
        None => {
            devops.groups.push(VariableGroup {
                revision: 0,
                ..VariableGroup::new(devops.next_group(), &parsed.name, Vec::new(), Vec::new(), now)
            });
            devops.groups.len().checked_sub(1)
        }
    };
    let Some(group) = index.and_then(|index| devops.groups.get_mut(index)) else { return no_group("") };
    // What is left out is deleted; a secret that comes back as null keeps its value.
    let kept = |name: &str| group.variable(name).filter(|old| old.secret).and_then(|old| old.value.clone());
    let variables = parsed
        .variables
        .into_iter()
        .map(|(name, mut variable)| {
            if variable.secret && variable.value.is_none() {
                variable.value = kept(&name);
            }
            (name, variable)
        })
        .collect();
    group.variables = variables;
    group.name = parsed.name;
    group.description = parsed.description;
    group.kind = parsed.kind;
    group.provider_data = parsed.provider_data;
    group.references = parsed.references;
    // Two changes in one millisecond are two changes.
    group.modified_ms = now.max(group.modified_ms + i64::from(group.revision > 0));
    group.modified_by.clone_from(&who.name);
    group.revision += 1;
    Reply::json(200, &group_json(group))
}

struct Parsed {
    name: String,
    description: Option<String>,
    kind: GroupType,
    provider_data: Value,
    variables: Vec<(String, GroupVariable)>,
    references: Vec<(Project, String, Option<String>)>,
}

fn parse(devops: &AzureDevops, body: &Map<String, Value>) -> Result<Parsed, String> {
    let text =
        |map: &Map<String, Value>, name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
    let Some(name) = text(body, "name").filter(|name| !name.is_empty()) else {
        return Err("Value cannot be null.\r\nParameter name: variableGroupParameters.Name".to_owned());
    };
    let kind = match body.get("type").and_then(Value::as_str) {
        None | Some("Vsts") => GroupType::Vsts,
        Some("AzureKeyVault") => GroupType::AzureKeyVault,
        Some(other) => return Err(format!("Variable group type '{other}' is not supported.")),
    };
    let mut variables: Vec<(String, GroupVariable)> = Vec::new();
    for (name, value) in body.get("variables").and_then(Value::as_object).into_iter().flatten() {
        if variables.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(format!("An item with the same key has already been added. Key: {name}"));
        }
        variables.push((name.clone(), parse_variable(name, value)?));
    }
    let mut references = Vec::new();
    for entry in body.get("variableGroupProjectReferences").and_then(Value::as_array).into_iter().flatten() {
        let Some(reference) = entry.get("projectReference").and_then(Value::as_object) else {
            return Err("Value cannot be null.\r\nParameter name: projectReference".to_owned());
        };
        let named = text(reference, "id").or_else(|| text(reference, "name")).unwrap_or_default();
        let Some(project) = devops.project(&named) else {
            return Err(format!("The project with id '{named}' does not exist."));
        };
        let entry = entry.as_object().cloned().unwrap_or_default();
        references.push((
            project.clone(),
            text(&entry, "name").unwrap_or_else(|| name.clone()),
            text(&entry, "description"),
        ));
    }
    if references.is_empty() {
        // The service's own spelling.
        return Err("Atleast one variable group project reference is required.".to_owned());
    }
    let provider_data = body.get("providerData").cloned().unwrap_or_default();
    Ok(Parsed { name, description: text(body, "description"), kind, provider_data, variables, references })
}

fn parse_variable(name: &str, value: &Value) -> Result<GroupVariable, String> {
    let Some(fields) = value.as_object() else {
        return Err(format!("The variable '{name}' is not an object."));
    };
    let flag = |field: &str| fields.get(field).and_then(Value::as_bool).unwrap_or_default();
    let value = match fields.get("value") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(GroupVariable { value, secret: flag("isSecret"), read_only: flag("isReadOnly") })
}
