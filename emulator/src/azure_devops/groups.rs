//! Variable groups: read in a project, written for the whole organisation.

use serde_json::{Map, Value, json};

use crate::azure_devops::access::{Caller, GroupRole};
use crate::azure_devops::reply::{api_version, refusal};
use crate::azure_devops::{AzureDevops, Project};
use crate::call::{Call, Reply};
use crate::clock::rfc3339_precise;
use crate::world::World;

/// Says where the values of a group come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupType {
    /// From the group itself.
    #[default]
    Vsts,
    /// From an Azure Key Vault: the group only lists names.
    AzureKeyVault,
}

impl GroupType {
    fn name(self) -> &'static str {
        match self {
            Self::Vsts => "Vsts",
            Self::AzureKeyVault => "AzureKeyVault",
        }
    }
}

/// Describes a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// The value; a secret without one has none to keep.
    pub value: Option<String>,
    /// Whether it is secret, and so read as null.
    pub secret: bool,
    /// Whether it may not be changed when a run is queued.
    pub read_only: bool,
}

/// Describes a variable group.
#[derive(Debug, Clone)]
pub struct VariableGroup {
    /// The number.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// Where the values come from.
    pub kind: GroupType,
    /// What a Key Vault group says about its vault.
    pub provider_data: Value,
    /// The variables, in order; names are not case-sensitive.
    pub variables: Vec<(String, Variable)>,
    /// The projects that share it, each with the name and the description that the group has there.
    pub references: Vec<(Project, String, Option<String>)>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub modified_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// How often it was changed; the service does not show it.
    pub revision: u64,
}

impl VariableGroup {
    pub(super) fn new(
        id: u64,
        name: &str,
        projects: Vec<Project>,
        variables: Vec<(String, Variable)>,
        now: i64,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: None,
            kind: GroupType::Vsts,
            provider_data: Value::Null,
            variables,
            references: projects.into_iter().map(|project| (project, name.to_owned(), None)).collect(),
            created_ms: now,
            modified_ms: now,
            modified_by: "seed".to_owned(),
            revision: 1,
        }
    }

    /// Finds a variable by its name, which is not case-sensitive.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, variable)| variable)
    }

    fn is_in(&self, project: &Project) -> bool {
        self.references.iter().any(|(candidate, _, _)| candidate.id == project.id)
    }

    fn to_json(&self) -> Value {
        let variables: Map<String, Value> = self
            .variables
            .iter()
            .map(|(name, variable)| (name.clone(), self.variable_json(variable)))
            .collect();
        let references: Vec<Value> = self
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
        let mut group = json!({
            "variables": variables, "id": self.id, "type": self.kind.name(), "name": self.name,
            "createdBy": {"displayName": "seed", "id": "00000000-0000-0000-0000-000000000000", "uniqueName": "seed"},
            "createdOn": rfc3339_precise(self.created_ms),
            "modifiedBy": {"displayName": self.modified_by, "id": "00000000-0000-0000-0000-000000000000", "uniqueName": self.modified_by},
            "modifiedOn": rfc3339_precise(self.modified_ms),
            "isShared": self.references.len() > 1, "variableGroupProjectReferences": references,
        });
        if let Some(description) = &self.description {
            group["description"] = json!(description);
        }
        if !self.provider_data.is_null() {
            group["providerData"] = self.provider_data.clone();
        }
        group
    }

    fn variable_json(&self, variable: &Variable) -> Value {
        let hidden = variable.secret || self.kind == GroupType::AzureKeyVault;
        let mut json = json!({"value": if hidden { None } else { variable.value.as_deref() }});
        if variable.secret {
            json["isSecret"] = json!(true);
        }
        if variable.read_only {
            json["isReadOnly"] = json!(true);
        }
        if self.kind == GroupType::AzureKeyVault {
            json["enabled"] = json!(true);
            json["contentType"] = json!("");
        }
        json
    }
}

impl AzureDevops {
    pub(super) fn next_group(&self) -> u64 {
        self.groups.iter().map(|group| group.id).max().unwrap_or(11) + 1
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
                .map(VariableGroup::to_json)
                .collect();
            Reply::json(200, &json!({"count": found.len(), "value": found}))
        }
        [id] => {
            let found = id
                .parse()
                .ok()
                .and_then(|id: u64| devops.groups.iter().filter(visible).find(|group| group.id == id));
            match found {
                Some(group) => Reply::json(200, &group.to_json()),
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
        &json!({"count": 1, "value": {"Message": format!("The requested resource does not support http method '{method}'.")}}),
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
    Reply::json(200, &group.to_json())
}

struct Parsed {
    name: String,
    description: Option<String>,
    kind: GroupType,
    provider_data: Value,
    variables: Vec<(String, Variable)>,
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
    let mut variables: Vec<(String, Variable)> = Vec::new();
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

fn parse_variable(name: &str, value: &Value) -> Result<Variable, String> {
    let Some(fields) = value.as_object() else {
        return Err(format!("The variable '{name}' is not an object."));
    };
    let flag = |field: &str| fields.get(field).and_then(Value::as_bool).unwrap_or_default();
    let value = match fields.get("value") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(Variable { value, secret: flag("isSecret"), read_only: flag("isReadOnly") })
}
