//! What a principal is entitled to in a workspace, all its groups included.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspaceiamv2>

use serde_json::{Value, json};

use super::auth::Caller;
use super::reply::refuse;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::MemberKind;
use crate::world::World;

/// Answers with the direct assignment of the member with that numeric id.
pub(super) fn one(
    world: &World,
    call: &Call,
    index: usize,
    caller: &Caller,
    id: &str,
) -> Result<Reply, Reply> {
    let workspace = world.workspaces.get(index).ok_or_else(|| Reply::unknown_route(call))?;
    if workspace.lacks_iam_v2 {
        return Err(refuse(404, "ENDPOINT_NOT_FOUND", "No API found for this path."));
    }
    caller.must_be_admin()?;
    let member = workspace.members.iter().find(|member| member.id.to_string() == id);
    let member = member.ok_or_else(|| {
        refuse(404, "NOT_FOUND", format!("Principal {id} is not assigned to the workspace."))
    })?;
    let names = |list: &[String]| -> Vec<Value> {
        list.iter().map(|name| json!(name.replace('-', "_").to_ascii_uppercase())).collect()
    };
    let kind = match member.kind {
        MemberKind::User => "USER",
        MemberKind::ServicePrincipal => "SERVICE_PRINCIPAL",
    };
    Ok(Reply::json(
        200,
        &json!({
            "principal_id": member.id,
            "principal_type": kind,
            "workspace_id": workspace.id,
            "entitlements": names(&member.entitlements),
            "effective_entitlements": names(&workspace.effective_entitlements(member)),
        }),
    ))
}
