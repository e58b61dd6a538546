//! SCIM: the members of a workspace.
//!
//! <https://docs.databricks.com/api/azure/workspace/serviceprincipals>

mod groups;
mod patch;
mod reply;
mod users;

use serde_json::{Map, Value, json};

use patch::{entitlements, patch};
use reply::refuse;

use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::services::databricks::auth::Caller;
use crate::state::{AccountPrincipal, Grantee, Member, MemberKind, SpreadKind, Workspace};
use crate::world::World;

const PRINCIPAL_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal";
const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const FIELDS: [&str; 9] = [
    "schemas",
    "applicationId",
    "displayName",
    "active",
    "entitlements",
    "externalId",
    "groups",
    "roles",
    "id",
];

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    rest: &[&str],
) -> Result<Reply, Reply> {
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    if let ["Me"] = rest {
        let member = workspace.member(&caller.name).ok_or_else(|| Reply::unknown_route(call))?;
        if workspace.refuses_me.contains(&caller.name) {
            return Err(refuse(403, None, "You do not have permission to perform this operation."));
        }
        let mut answer = me(member, workspace);
        if call.query("excludedAttributes").is_some_and(|list| list.split(',').any(|e| e == "entitlements"))
            && let Some(map) = answer.as_object_mut()
        {
            map.remove("entitlements");
        }
        return Ok(Reply::json(200, &answer));
    }
    if !caller.admin {
        return Err(refuse(403, None, "Only workspace admins can perform this action."));
    }
    if let ["Groups", rest @ ..] = rest {
        let number = world.random.number();
        let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
        return groups::handle(workspace, call, number, rest);
    }
    if let (["Users", rest @ ..], true) = (rest, call.method != "GET") {
        let number = world.random.number();
        let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
        return users::handle(workspace, call, number, rest);
    }
    match (call.method.as_str(), rest) {
        ("GET", ["Users"]) => list(call, workspace, |member| member.kind == MemberKind::User),
        ("GET", ["Users", id]) => {
            Ok(Reply::json(200, &shown(find(workspace, id, MemberKind::User)?, workspace)))
        }
        ("GET", ["ServicePrincipals"]) => {
            list(call, workspace, |member| member.kind == MemberKind::ServicePrincipal)
        }
        ("GET", ["ServicePrincipals", id]) => {
            Ok(Reply::json(200, &shown(find(workspace, id, MemberKind::ServicePrincipal)?, workspace)))
        }
        ("POST", ["ServicePrincipals"]) => create(world, call, index),
        ("PUT", ["ServicePrincipals", id]) => replace(workspace, call, id),
        ("PATCH", ["ServicePrincipals", id]) => {
            let map = body(call, &["schemas", "Operations"])?;
            let member = find_mut(workspace, id)?;
            let (before, name) = (member.entitlements.len(), member.name.clone());
            patch(member, &map)?;
            if member.entitlements.len() > before {
                world.spread.begin(SpreadKind::Entitlement, &format!("{index}:{name}"), call.now_ms);
            }
            Ok(Reply::empty(204))
        }
        ("DELETE", ["ServicePrincipals", id]) => {
            let member = find(workspace, id, MemberKind::ServicePrincipal)?.clone();
            workspace.members.retain(|other| other.id != member.id);
            workspace.tokens.retain(|pat| pat.owner_id != member.id);
            workspace.grants.retain(|grant| grant.who != Grantee::ServicePrincipal(member.name.clone()));
            Ok(Reply::empty(204))
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn body(call: &Call, known: &[&str]) -> Result<Map<String, Value>, Reply> {
    if !call.has_content_type("application/scim+json") && !call.has_content_type("application/json") {
        return Err(refuse(
            415,
            None,
            "Unsupported Content-Type: expected application/scim+json or application/json",
        ));
    }
    let map = call.json_object().map_err(|error| refuse(400, Some("invalidSyntax"), error))?;
    match unknown_field(&map, known) {
        Some(field) => Err(refuse(400, Some("invalidSyntax"), format!("Unknown attribute: {field}"))),
        None => Ok(map),
    }
}

fn find<'a>(workspace: &'a Workspace, id: &str, kind: MemberKind) -> Result<&'a Member, Reply> {
    workspace
        .members
        .iter()
        .find(|member| member.kind == kind && member.id.to_string() == id)
        .ok_or_else(|| missing(id))
}

fn find_mut<'a>(workspace: &'a mut Workspace, id: &str) -> Result<&'a mut Member, Reply> {
    workspace
        .members
        .iter_mut()
        .find(|member| member.kind == MemberKind::ServicePrincipal && member.id.to_string() == id)
        .ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Reply {
    refuse(404, None, format!("User with id {id} not found."))
}

fn create(world: &mut World, call: &Call, index: usize) -> Result<Reply, Reply> {
    let map = body(call, &FIELDS)?;
    // Official clients leave the schemas out.
    let wrong = |list: &Vec<Value>| !list.iter().any(|item| item == PRINCIPAL_SCHEMA);
    if map.get("schemas").and_then(Value::as_array).is_some_and(wrong) {
        return Err(refuse(400, Some("invalidSyntax"), format!("schemas must contain {PRINCIPAL_SCHEMA}")));
    }
    let application_id = match map.get("applicationId") {
        // Without an application id the workspace makes a new principal and its id.
        None => world.random.uuid(),
        Some(Value::String(id)) if is_uuid(id) => id.clone(),
        Some(_) => return Err(refuse(400, Some("invalidValue"), "applicationId must be a UUID")),
    };
    let display_name = match map.get("displayName") {
        None if map.contains_key("applicationId") => application_id.clone(),
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        _ => return Err(refuse(400, Some("invalidValue"), "displayName is required and must be a string")),
    };
    let entitlements = entitlements(map.get("entitlements"))?;
    let workspace = world.workspaces.get(index).ok_or_else(|| Reply::unknown_route(call))?;
    if workspace.member(&application_id).is_some() {
        let detail = format!("Service principal with application ID {application_id} already exists.");
        return Err(refuse(409, Some("uniqueness"), detail));
    }
    let id = world.account_principal(&application_id);
    let member = Member {
        id,
        name: application_id.clone(),
        kind: MemberKind::ServicePrincipal,
        display_name,
        active: map.get("active").is_none_or(|active| active != &Value::Bool(false)),
        entitlements,
        groups: vec!["users".to_owned()],
        external_id: map.get("externalId").and_then(Value::as_str).map(str::to_owned),
    };
    let key = format!("{index}:{application_id}");
    world.spread.begin(SpreadKind::ServicePrincipal, &key, call.now_ms);
    world.spread.begin(SpreadKind::Entitlement, &key, call.now_ms);
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    let answer = shown(&member, workspace);
    workspace.members.push(member);
    Ok(Reply::json(201, &answer))
}

/// Replaces a principal: what the body leaves out is taken away.
fn replace(workspace: &mut Workspace, call: &Call, id: &str) -> Result<Reply, Reply> {
    let map = body(call, &FIELDS)?;
    let entitlements = entitlements(map.get("entitlements"))?;
    let member = find_mut(workspace, id)?;
    if map.get("applicationId").is_some_and(|id| id.as_str() != Some(member.name.as_str())) {
        return Err(refuse(400, Some("mutability"), "applicationId is immutable."));
    }
    if let Some(Value::String(name)) = map.get("displayName") {
        member.display_name.clone_from(name);
    }
    member.entitlements = entitlements;
    member.active = map.get("active").is_none_or(|active| active != &Value::Bool(false));
    Ok(Reply::json(200, &shown(&find(workspace, id, MemberKind::ServicePrincipal)?.clone(), workspace)))
}

fn list(call: &Call, workspace: &Workspace, of_kind: impl Fn(&Member) -> bool) -> Result<Reply, Reply> {
    let filter = call.query("filter").map(Filter::read).transpose()?;
    let found: Vec<Value> = workspace
        .members
        .iter()
        .filter(|member| of_kind(member) && filter.as_ref().is_none_or(|filter| filter.accepts(member)))
        .map(|member| shown(member, workspace))
        .collect();
    page(call, &found)
}

/// Answers `/api/2.0/accounts/{id}/scim/v2/ServicePrincipals[/{id}]`; the caller is known to be an account
/// admin.
///
/// <https://docs.databricks.com/api/azure/account/accountserviceprincipals>
pub(super) fn of_account(world: &mut World, call: &Call, rest: &[&str]) -> Result<Reply, Reply> {
    if let ("POST", []) = (call.method.as_str(), rest) {
        let map = body(call, &FIELDS)?;
        let text = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        let application = text("applicationId").unwrap_or_else(|| world.random.uuid());
        let id = world.account_principal(&application);
        return Ok(Reply::json(
            201,
            &json!({
                "id": id.to_string(), "applicationId": application, "displayName": text("displayName"),
                "active": true, "schemas": [PRINCIPAL_SCHEMA],
            }),
        ));
    }
    if let ("DELETE", [id]) = (call.method.as_str(), rest) {
        let before = world.account.principals.len();
        world.account.principals.retain(|principal| principal.id.to_string() != *id);
        let gone = world.account.principals.len() < before;
        world.workspaces.iter_mut().for_each(|it| it.members.retain(|member| member.id.to_string() != *id));
        return if gone { Ok(Reply::empty(204)) } else { Err(missing(id)) };
    }
    if call.method != "GET" {
        return Err(Reply::unknown_route(call));
    }
    let world = &*world;
    let filter = call.query("filter").map(Filter::read).transpose()?;
    let member = |principal: &AccountPrincipal| {
        let name = &principal.application_id;
        let known = world.workspaces.iter().find_map(|workspace| workspace.member(name)).cloned();
        known.unwrap_or_else(|| Member {
            id: principal.id,
            name: name.clone(),
            kind: MemberKind::ServicePrincipal,
            display_name: world.directory.application(name).map_or(name, |app| &app.display_name).clone(),
            active: true,
            entitlements: Vec::new(),
            groups: Vec::new(),
            external_id: None,
        })
    };
    let shown = |member: &Member| {
        json!({
            "id": member.id.to_string(), "applicationId": member.name, "displayName": member.display_name,
            "active": true, "schemas": [PRINCIPAL_SCHEMA],
        })
    };
    let all = world.account.principals.iter().map(member);
    match rest {
        [] => {
            let fits = |member: &Member| filter.as_ref().is_none_or(|filter| filter.accepts(member));
            let found: Vec<Value> = all.filter(fits).map(|member| shown(&member)).collect();
            page(call, &found)
        }
        [id] => all
            .filter(|member| member.id.to_string() == *id)
            .map(|member| Reply::json(200, &shown(&member)))
            .next()
            .ok_or_else(|| missing(id)),
        _ => Err(Reply::unknown_route(call)),
    }
}

fn page(call: &Call, found: &[Value]) -> Result<Reply, Reply> {
    let number = |name: &str, default: usize| match call.query(name) {
        None => Ok(default),
        Some(text) => {
            text.parse().map_err(|_| refuse(400, Some("invalidValue"), format!("{name} must be a number")))
        }
    };
    let known = ["filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"];
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(refuse(400, Some("invalidValue"), format!("Unknown parameter: {name}")));
    }
    let start = number("startIndex", 1)?.max(1);
    let count = number("count", 100)?;
    let page: Vec<&Value> = found.iter().skip(start - 1).take(count).collect();
    let mut answer = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": found.len(),
        "startIndex": start,
        "itemsPerPage": page.len(),
    });
    // An empty page has no such key.
    if let (false, Some(map)) = (page.is_empty(), answer.as_object_mut()) {
        map.insert("Resources".to_owned(), json!(page));
    }
    Ok(Reply::json(200, &answer))
}

/// A filter of one comparison, such as `applicationId eq "…"`.
struct Filter {
    attribute: String,
    operator: String,
    value: String,
}

impl Filter {
    fn read(text: &str) -> Result<Self, Reply> {
        let wrong = || refuse(400, Some("invalidFilter"), format!("Invalid filter: {text}"));
        let mut parts = text.splitn(3, ' ');
        let (Some(attribute), Some(operator), Some(value)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        // A string in a filter is written as JSON writes it.
        let value: String = serde_json::from_str(value.trim()).or_else(|_| {
            let quoted = value.trim().strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
            quoted.map(str::to_owned).ok_or_else(wrong)
        })?;
        let known = matches!(attribute, "applicationId" | "displayName" | "userName" | "id" | "externalId");
        if !known || !matches!(operator, "eq" | "co" | "sw" | "ne") {
            return Err(wrong());
        }
        Ok(Self {
            attribute: attribute.to_owned(),
            operator: operator.to_owned(),
            value: value.to_lowercase(),
        })
    }

    /// Says whether a group is meant.
    fn is_of_group(&self, (number, name): &(u64, String)) -> bool {
        let text = if self.attribute == "id" { number.to_string() } else { name.to_lowercase() };
        match self.operator.as_str() {
            "eq" => text == self.value,
            "ne" => text != self.value,
            "sw" => text.starts_with(&self.value),
            _ => text.contains(&self.value),
        }
    }

    fn accepts(&self, member: &Member) -> bool {
        let text = match self.attribute.as_str() {
            "applicationId" | "userName" => member.name.clone(),
            "id" => member.id.to_string(),
            "externalId" => member.external_id.clone().unwrap_or_default(),
            _ => member.display_name.clone(),
        };
        let text = text.to_lowercase();
        match self.operator.as_str() {
            "eq" => text == self.value,
            "ne" => text != self.value,
            "sw" => text.starts_with(&self.value),
            _ => text.contains(&self.value),
        }
    }
}

fn shown(member: &Member, workspace: &Workspace) -> Value {
    let mut value = json!({
        "id": member.id.to_string(),
        "displayName": member.display_name,
        "active": member.active,
    });
    let Some(map) = value.as_object_mut() else { return value };
    match member.kind {
        MemberKind::ServicePrincipal => {
            map.insert("schemas".to_owned(), json!([PRINCIPAL_SCHEMA]));
            map.insert("applicationId".to_owned(), json!(member.name));
        }
        MemberKind::User => {
            map.insert("schemas".to_owned(), json!([USER_SCHEMA]));
            map.insert("userName".to_owned(), json!(member.name));
            map.insert("emails".to_owned(), json!([{"type": "work", "value": member.name, "primary": true}]));
        }
    }
    if let Some(id) = &member.external_id {
        map.insert("externalId".to_owned(), json!(id));
    }
    if !member.entitlements.is_empty() {
        let list: Vec<Value> = member.entitlements.iter().map(|value| json!({"value": value})).collect();
        map.insert("entitlements".to_owned(), json!(list));
    }
    let groups: Vec<Value> = workspace
        .groups
        .iter()
        .filter(|(_, name)| member.groups.contains(name))
        .map(|(id, name)| {
            json!({
                "display": name, "type": "direct", "value": id.to_string(), "$ref": format!("Groups/{id}"),
            })
        })
        .collect();
    if !groups.is_empty() {
        map.insert("groups".to_owned(), json!(groups));
    }
    value
}

/// Shows the caller itself; for a service principal the user name is the application id.
fn me(member: &Member, workspace: &Workspace) -> Value {
    let mut value = shown(member, workspace);
    if let Some(map) = value.as_object_mut() {
        map.insert(
            "schemas".to_owned(),
            json!([USER_SCHEMA, "urn:ietf:params:scim:schemas:extension:workspace:2.0:User"]),
        );
        map.insert("userName".to_owned(), json!(member.name));
        map.remove("entitlements");
    }
    value
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text
            .char_indices()
            .all(|(at, c)| if matches!(at, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
}
