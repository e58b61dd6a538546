//! Who calls: PATs, Entra tokens, Databricks OAuth tokens, and Azure roles on the workspace's resource.

use super::reply::refuse;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{
    DATABRICKS_RESOURCE, MANAGEMENT_RESOURCE, Member, MemberKind, Service, SpreadKind, Subject, covers,
};
use crate::world::World;
use serde_json::json;

/// The audience of OAuth tokens for the account.
pub(super) const ACCOUNT_AUDIENCE: &str = "databricks:account";

/// Returns the audience of OAuth tokens for a workspace.
pub(super) fn workspace_audience(index: usize) -> String {
    format!("databricks:workspace:{index}")
}

/// Holds who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) admin: bool,
}

impl Caller {
    pub(super) fn must_be_admin(&self) -> Result<(), Reply> {
        if self.admin {
            return Ok(());
        }
        Err(refuse(403, "PERMISSION_DENIED", "Only workspace admins can perform this action."))
    }
}

/// Finds out who calls a workspace, and refuses a caller that may not use it.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/auth/>
pub(super) fn caller(world: &mut World, call: &Call, index: usize, scopes: &[&str]) -> Result<Caller, Reply> {
    let Some(token) = call.bearer().map(str::to_owned) else {
        let message = "Credential was not sent or was of an unsupported type for this API.";
        return Err(Reply::json(401, &json!({"error_code": 401, "message": message})));
    };
    let (name, held) = if token.starts_with("dapi") {
        pat_owner(world, call, index, &token)?
    } else if let Some(bearer) = world.bearer(&token, DATABRICKS_RESOURCE) {
        (entra_member(&bearer.subject.clone(), world, call, index)?, None)
    } else if let Some(bearer) = world.bearer(&token, &workspace_audience(index)) {
        (subject_name(&bearer.subject), (!bearer.roles.is_empty()).then(|| bearer.roles.clone()))
    } else {
        return Err(invalid_token());
    };
    let found = world.workspaces.get(index).and_then(|workspace| workspace.member(&name)).cloned();
    let Some(member) = found else { return Err(not_a_member(world, index)) };
    if !member.active {
        return Err(refuse(403, "PERMISSION_DENIED", "User is deactivated."));
    }
    let (admitted, key) = {
        let admits = world.workspaces.get(index).is_some_and(|workspace| workspace.admits(&member));
        (admits, format!("{index}:{}", member.name))
    };
    if !admitted || !world.spread.works(SpreadKind::Entitlement, &key, call.now_ms) {
        let message = "This API is disabled for users without the workspace-access entitlement.";
        return Err(refuse(403, "PERMISSION_DENIED", message));
    }
    if !covers(held.as_deref(), scopes) {
        let wanted = scopes.first().copied().unwrap_or_default();
        let message = format!("Provided token does not have required scopes: {wanted}");
        return Err(refuse(403, "PERMISSION_DENIED", message));
    }
    let caller = Caller { id: member.id, name: member.name.clone(), admin: member.is_admin() };
    let pats = world.workspaces.get_mut(index).map(|workspace| &mut workspace.tokens);
    if let Some(pat) = pats.into_iter().flatten().find(|pat| pat.value == token) {
        pat.rights.note(scopes);
    }
    Ok(caller)
}

fn subject_name(subject: &Subject) -> String {
    match subject {
        Subject::Application(name) | Subject::User(name) => name.clone(),
    }
}

fn invalid_token() -> Reply {
    Reply::json(403, &json!({"error_code": 403, "message": "Invalid access token."}))
}

fn not_a_member(world: &World, index: usize) -> Reply {
    let id = world.workspaces.get(index).map_or(0, |workspace| workspace.id);
    refuse(403, "PERMISSION_DENIED", format!("Unauthorized access to workspace: {id}"))
}

fn pat_owner(
    world: &mut World,
    call: &Call,
    index: usize,
    token: &str,
) -> Result<(String, Option<Vec<String>>), Reply> {
    let now = call.now_ms;
    let Some(workspace) = world.workspaces.get_mut(index) else { return Err(invalid_token()) };
    let disabled =
        workspace.conf.get("enableTokensConfig").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let Some(pat) = workspace.tokens.iter_mut().find(|pat| pat.value == token && pat.is_accepted(now)) else {
        return Err(invalid_token());
    };
    if disabled || !world.spread.works(SpreadKind::Pat, &pat.id, now) {
        return Err(invalid_token());
    }
    pat.last_used_ms = Some(now);
    pat.rights.settle(pat.created_ms, now);
    Ok((pat.owner.clone(), pat.rights.scopes.clone()))
}

fn entra_member(subject: &Subject, world: &mut World, call: &Call, index: usize) -> Result<String, Reply> {
    let name = subject_name(subject);
    let known = world.workspaces.get(index).is_some_and(|workspace| workspace.member(&name).is_some());
    if known {
        let key = format!("{index}:{name}");
        return if world.spread.works(SpreadKind::ServicePrincipal, &key, call.now_ms) {
            Ok(name)
        } else {
            Err(not_a_member(world, index))
        };
    }
    if call.header("x-databricks-azure-workspace-resource-id").is_none() {
        return Err(not_a_member(world, index));
    }
    azure_role(world, call, index, &name)?;
    Ok(name)
}

/// Lets in an application that is not in the workspace but has an Azure role on its resource; it becomes a
/// workspace admin.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/service-prin-aad-token>
fn azure_role(world: &mut World, call: &Call, index: usize, name: &str) -> Result<(), Reply> {
    let resource = call.header("x-databricks-azure-workspace-resource-id").unwrap_or_default();
    let Some(workspace) = world.workspaces.get(index) else { return Err(invalid_token()) };
    if !resource.eq_ignore_ascii_case(&workspace.resource_id) {
        return Err(refuse(
            400,
            "INVALID_PARAMETER_VALUE",
            "The workspace resource id in the header is not that of this workspace.",
        ));
    }
    let management = call.header("x-databricks-azure-sp-management-token").unwrap_or_default();
    let same = world
        .bearer(management, MANAGEMENT_RESOURCE)
        .is_some_and(|bearer| subject_name(&bearer.subject) == name);
    if !same {
        return Err(refuse(403, "PERMISSION_DENIED", "Invalid management token."));
    }
    let has_role = world.directory.service_principal(name).is_some_and(|principal| {
        principal.azure_roles.iter().any(|(role, scope)| {
            matches!(role.as_str(), "Owner" | "Contributor")
                && resource.to_ascii_lowercase().starts_with(&scope.to_ascii_lowercase())
        })
    });
    if !has_role {
        return Err(not_a_member(world, index));
    }
    let id = world.account_principal(name);
    let display_name = world
        .directory
        .service_principal(name)
        .map_or_else(String::new, |principal| principal.display_name.clone());
    if let Some(workspace) = world.workspaces.get_mut(index) {
        workspace.members.push(Member {
            id,
            name: name.to_owned(),
            kind: MemberKind::ServicePrincipal,
            display_name,
            active: true,
            entitlements: Vec::new(),
            groups: vec!["admins".to_owned(), "users".to_owned()],
            external_id: None,
        });
    }
    Ok(())
}

/// Refuses OAuth secrets of a principal that the workspace does not know.
pub(super) fn must_be_member(world: &World, index: usize, id: &str) -> Result<(), Reply> {
    let known = world.workspaces.get(index).is_some_and(|workspace| {
        workspace
            .members
            .iter()
            .any(|member| member.kind == MemberKind::ServicePrincipal && member.id.to_string() == id)
    });
    if known {
        Ok(())
    } else {
        Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Service principal with id {id} not found.")))
    }
}

/// Refuses a caller that may not manage the account.
pub(super) fn account_admin(world: &World, call: &Call, account: &str) -> Result<(), Reply> {
    let Some(token) = call.bearer() else {
        return Err(Reply::json(
            401,
            &json!({
                "error_code": 401,
                "message": "Credential was not sent or was of an unsupported type for this API.",
            }),
        ));
    };
    let bearer = world
        .bearer(token, ACCOUNT_AUDIENCE)
        .or_else(|| world.bearer(token, DATABRICKS_RESOURCE))
        .ok_or_else(invalid_token)?;
    if account != world.account.id {
        return Err(refuse(404, "RESOURCE_DOES_NOT_EXIST", format!("Account {account} does not exist.")));
    }
    if world.account.admins.contains(&subject_name(&bearer.subject)) {
        return Ok(());
    }
    Err(refuse(403, "PERMISSION_DENIED", "Only account admins can perform this action."))
}

/// Sends a browser to Entra ID: from the location everybody can read which tenant a workspace belongs to.
pub(super) fn entra_redirect(world: &World, index: usize) -> Reply {
    let tenant = world.workspaces.get(index).map_or("common", |workspace| workspace.tenant.as_str());
    let login = world.origins.of(Service::Entra);
    let location = format!(
        "{login}/{tenant}/oauth2/authorize?response_mode=form_post&scope=openid+profile&\
         response_type=code+id_token&client_id={DATABRICKS_RESOURCE}"
    );
    Reply::redirect(302, location)
}
