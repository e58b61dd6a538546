//! The account's API besides OAuth secrets and federation policies: its principals, its workspaces, and who
//! is assigned to them.
//!
//! <https://docs.databricks.com/api/azure/account/introduction>

use serde_json::{Value, json};

use super::reply::refuse;
use super::scim;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Member, MemberKind, Workspace};
use crate::world::World;

/// Answers below `/api/2.0/accounts/{id}`; the caller is known to be an account admin.
pub(super) fn handle(world: &mut World, call: &Call, rest: &[&str]) -> Result<Reply, Reply> {
    match (call.method.as_str(), rest) {
        (_, ["scim", "v2", "ServicePrincipals", rest @ ..]) => scim::of_account(world, call, rest),
        ("GET", ["workspaces"]) => {
            let all: Vec<Value> = world.workspaces.iter().map(|it| shown(world, it)).collect();
            Ok(Reply::json(200, &json!(all)))
        }
        ("GET", ["workspaces", id]) => {
            Ok(Reply::json(200, &shown(world, &world.workspaces[find(world, id)?])))
        }
        ("GET", ["workspaces", id, "permissionassignments"]) => {
            let workspace = &world.workspaces[find(world, id)?];
            let assigned: Vec<Value> = workspace.members.iter().map(assignment).collect();
            Ok(Reply::json(200, &json!({"permission_assignments": assigned})))
        }
        (method, ["workspaces", id, "permissionassignments", "principals", principal]) => {
            let index = find(world, id)?;
            match method {
                "PUT" => assign(world, call, index, principal),
                "DELETE" => {
                    let workspace = &mut world.workspaces[index];
                    let gone = workspace.members.iter().find(|it| it.id.to_string() == *principal).cloned();
                    workspace.members.retain(|member| member.id.to_string() != *principal);
                    workspace.tokens.retain(|pat| gone.as_ref().is_none_or(|it| pat.owner_id != it.id));
                    Ok(Reply::json(200, &json!({})))
                }
                _ => Err(Reply::unknown_route(call)),
            }
        }
        _ => Err(Reply::unknown_route(call)),
    }
}

fn find(world: &World, id: &str) -> Result<usize, Reply> {
    let found = world.workspaces.iter().position(|workspace| workspace.id.to_string() == id);
    found.ok_or_else(|| refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Workspace {id} does not exist.")))
}

fn shown(world: &World, workspace: &Workspace) -> Value {
    let index = world.workspaces.iter().position(|other| other.id == workspace.id).unwrap_or_default();
    let host = world.origins.workspace(index).split("://").nth(1).unwrap_or_default();
    json!({
        "account_id": world.account.id, "workspace_id": workspace.id,
        "workspace_name": format!("acme-{}", workspace.id), "workspace_status": "RUNNING",
        "deployment_name": host.split(".azuredatabricks.net").next(), "location": "westeurope",
        "azure_workspace_info": {
            "resource_group": "acme-data",
            "subscription_id": workspace.resource_id.split('/').nth(2),
        },
    })
}

fn assignment(member: &Member) -> Value {
    let level = if member.is_admin() { "ADMIN" } else { "USER" };
    let mut principal = json!({"principal_id": member.id, "display_name": member.display_name});
    let key = match member.kind {
        MemberKind::User => "user_name",
        MemberKind::ServicePrincipal => "service_principal_name",
    };
    principal[key] = json!(member.name);
    json!({"permissions": [level], "principal": principal})
}

fn assign(world: &mut World, call: &Call, index: usize, principal: &str) -> Result<Reply, Reply> {
    let body = call.json_object().map_err(|error| refuse(400, "MALFORMED_REQUEST", error))?;
    let levels = body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_admin = levels.iter().any(|level| level == "ADMIN");
    let known = world.account.principals.iter().find(|it| it.id.to_string() == principal).cloned();
    let known = known.ok_or_else(|| {
        refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Principal {principal} does not exist."))
    })?;
    let name = known.application_id.clone();
    let display = world.directory.application(&name).map(|it| it.display_name.clone());
    let workspace = &mut world.workspaces[index];
    if workspace.member(&name).is_none() {
        workspace.members.push(Member {
            id: known.id,
            name: name.clone(),
            kind: MemberKind::ServicePrincipal,
            display_name: display.unwrap_or(name),
            active: true,
            entitlements: Vec::new(),
            groups: vec!["users".to_owned()],
            external_id: None,
        });
    }
    let mut held = workspace.members.iter_mut().filter(|member| member.id == known.id);
    let member = held.next().ok_or_else(|| Reply::unknown_route(call))?;
    member.groups.retain(|group| group != "admins");
    member.groups.extend(is_admin.then(|| "admins".to_owned()));
    Ok(Reply::json(200, &assignment(member)))
}
