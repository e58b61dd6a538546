//! Who may use tokens.
//!
//! <https://docs.databricks.com/api/azure/workspace/tokenmanagement/setpermissions>

use serde_json::{Value, json};

use super::auth::Caller;
use super::fields::{body, text};
use super::reply::{invalid, malformed, refuse};
use crate::call::Call;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{Grant, Grantee, SpreadKind, Workspace};
use crate::world::World;

pub(super) fn handle(
    world: &mut World,
    call: &Call,
    index: usize,
    caller: &Caller,
    rest: &[&str],
) -> Result<Reply, Reply> {
    if !caller.admin {
        let message = format!(
            "{} does not have Manage permissions on tokens. Please contact the owner or an administrator \
             for access.",
            caller.name
        );
        return Err(refuse(403, "PERMISSION_DENIED", message));
    }
    let workspace = world.workspaces.get_mut(index).ok_or_else(|| Reply::unknown_route(call))?;
    if let ["permissionLevels"] = rest {
        let levels = json!([
            {"permission_level": "CAN_USE", "description": "Can use tokens"},
            {"permission_level": "CAN_MANAGE", "description": "Can manage tokens"},
        ]);
        return Ok(Reply::json(200, &json!({"permission_levels": levels})));
    }
    if !workspace.tokens_ever_made {
        return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", "tokens tokens does not exist"));
    }
    if call.method == "GET" {
        return Ok(Reply::json(200, &shown(workspace)));
    }
    let wanted = grants(call, workspace)?;
    for grant in &wanted {
        if let Grantee::ServicePrincipal(name) = &grant.who
            && !world.spread.works(SpreadKind::ServicePrincipal, &format!("{index}:{name}"), call.now_ms)
        {
            let message = format!("Principal: ServicePrincipalName({name}) does not exist");
            return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", message));
        }
    }
    let before = workspace.grants.clone();
    if call.method == "PUT" {
        replace(workspace, &wanted);
    } else {
        for grant in &wanted {
            workspace.grants.retain(|held| held.who != grant.who);
            workspace.grants.push(grant.clone());
        }
    }
    let answer = Reply::json(200, &shown(workspace));
    for grant in wanted.iter().filter(|grant| !before.contains(grant)) {
        if let Grantee::ServicePrincipal(name) | Grantee::User(name) = &grant.who {
            world.spread.begin(SpreadKind::Permission, &format!("{index}:{name}"), call.now_ms);
        }
    }
    Ok(answer)
}

/// Replaces all permissions; the live tokens of those who may not use tokens any more are deleted at once.
fn replace(workspace: &mut Workspace, wanted: &[Grant]) {
    workspace.grants = wanted.to_vec();
    let mut owners: Vec<String> = workspace.tokens.iter().map(|pat| pat.owner.clone()).collect();
    owners.dedup();
    owners.retain(|owner| !workspace.may_use_tokens(owner));
    workspace.tokens.retain(|pat| !owners.contains(&pat.owner));
}

fn grants(call: &Call, workspace: &Workspace) -> Result<Vec<Grant>, Reply> {
    let map = body(call, &["access_control_list"])?;
    let Some(Value::Array(list)) = map.get("access_control_list") else {
        return Err(invalid("Missing required field: access_control_list"));
    };
    list.iter().map(|entry| grant(entry, workspace)).collect()
}

fn grant(entry: &Value, workspace: &Workspace) -> Result<Grant, Reply> {
    let Value::Object(entry) = entry else {
        return Err(malformed("Could not parse request object: access_control_list"));
    };
    if let Some(field) =
        unknown_field(entry, &["service_principal_name", "user_name", "group_name", "permission_level"])
    {
        return Err(malformed(format!("Could not parse request object: Expected no field named '{field}'")));
    }
    let level = text(entry, "permission_level")?.unwrap_or_default();
    if !matches!(level, "CAN_USE" | "CAN_MANAGE") {
        return Err(invalid(format!("Permission level {level:?} is not supported for tokens.")));
    }
    let who =
        match (text(entry, "service_principal_name")?, text(entry, "user_name")?, text(entry, "group_name")?)
        {
            (Some(name), None, None) => Grantee::ServicePrincipal(name.to_owned()),
            (None, Some(name), None) => Grantee::User(name.to_owned()),
            (None, None, Some(name)) => Grantee::Group(name.to_owned()),
            _ => {
                return Err(invalid(
                    "Exactly one of service_principal_name, user_name and group_name is required.",
                ));
            }
        };
    let (known, shown) = match &who {
        Grantee::ServicePrincipal(name) => {
            (workspace.member(name).is_some(), format!("ServicePrincipalName({name})"))
        }
        Grantee::User(name) => (workspace.member(name).is_some(), format!("UserName({name})")),
        Grantee::Group(name) => {
            (workspace.groups.iter().any(|(_, group)| group == name), format!("GroupName({name})"))
        }
    };
    if !known {
        return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Principal: {shown} does not exist")));
    }
    Ok(Grant { who, level: level.to_owned() })
}

fn shown(workspace: &Workspace) -> Value {
    let admins = json!({
        "group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": false}],
    });
    let granted = workspace.grants.iter().filter(|grant| grant.who != Grantee::Group("admins".to_owned()));
    let others = granted.map(|grant| {
        let permissions = json!([{"permission_level": grant.level, "inherited": false}]);
        match &grant.who {
            Grantee::User(name) => json!({"user_name": name, "all_permissions": permissions}),
            Grantee::Group(name) => json!({"group_name": name, "all_permissions": permissions}),
            Grantee::ServicePrincipal(name) => {
                let display = workspace.member(name).map_or("", |member| member.display_name.as_str());
                json!({
                    "service_principal_name": name, "display_name": display, "all_permissions": permissions,
                })
            }
        }
    });
    let list: Vec<Value> = others.chain([admins]).collect();
    json!({"object_id": "/authorization/tokens", "object_type": "tokens", "access_control_list": list})
}
