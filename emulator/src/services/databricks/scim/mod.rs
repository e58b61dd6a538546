//! SCIM: the members of a workspace.
//!
//! <https://docs.databricks.com/api/azure/workspace/serviceprincipals>

mod groups;
mod patch;
mod reply;
mod shown;
mod users;

use serde_json::{Value, json};

use patch::{entitlements, patch};
use reply::refuse;
use shown::{Filter, PRINCIPAL_SCHEMA, USER_SCHEMA, body, find, find_mut, missing, page, remove, shown};

use crate::call::Call;
use crate::reply::Reply;
use crate::services::databricks::auth::Caller;
use crate::state::{AccountPrincipal, Member, MemberKind, SpreadKind, Workspace};
use crate::world::World;

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
            let member = find_mut(workspace, id, MemberKind::ServicePrincipal)?;
            let (before, name) = (member.entitlements.len(), member.name.clone());
            patch(member, &map)?;
            if member.entitlements.len() > before {
                world.spread.begin(SpreadKind::Entitlement, &format!("{index}:{name}"), call.now_ms);
            }
            Ok(Reply::empty(204))
        }
        ("DELETE", ["ServicePrincipals", id]) => remove(workspace, id, MemberKind::ServicePrincipal),
        _ => Err(Reply::unknown_route(call)),
    }
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
    let member = find_mut(workspace, id, MemberKind::ServicePrincipal)?;
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
