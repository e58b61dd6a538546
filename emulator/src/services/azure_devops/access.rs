//! Who may do what: personal access tokens, Entra ID tokens and the job's own token.

use super::reply::{page, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{AZURE_DEVOPS_RESOURCE, GroupRole, Subject};
use crate::world::World;

/// Says who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) name: String,
    pub(super) role: GroupRole,
}

/// Finds who calls, or answers as the service does to somebody it does not know: with a page for people to
/// sign in.
///
/// <https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/authentication-guidance>
pub(super) fn sign_in(world: &World, call: &Call) -> Result<Caller, Reply> {
    let token = match (call.basic(), call.bearer()) {
        (Some((_, password)), _) => return with_token(world, call, &password),
        (None, Some(token)) => token,
        (None, None) => return Err(stranger(call, true)),
    };
    if world.oidc.pipeline.access_token.as_deref() == Some(token) {
        let name =
            format!("{} Build Service ({})", world.oidc.pipeline.project, world.oidc.pipeline.organization);
        return Ok(Caller { name, role: world.azure_devops.pipeline_role });
    }
    let Some(bearer) = world.bearer(token, AZURE_DEVOPS_RESOURCE) else { return Err(stranger(call, false)) };
    let (Subject::Application(name) | Subject::User(name)) = &bearer.subject;
    let Some(role) = world.azure_devops.principals.get(name) else {
        // Known to the tenant and not a member of the organisation.
        let message = format!("TF400813: The user '{name}' is not authorized to access this resource.");
        return Err(refusal(401, "UnauthorizedRequestException", message));
    };
    Ok(Caller { name: name.clone(), role: *role })
}

fn with_token(world: &World, call: &Call, value: &str) -> Result<Caller, Reply> {
    let Some(token) = world.azure_devops.tokens.iter().find(|token| token.value == value) else {
        return Err(stranger(call, false));
    };
    if token.expires_ms <= world.now_ms() {
        return Err(page(401, "Access Denied: The Personal Access Token used has expired."));
    }
    if !token.in_scope {
        let message =
            format!("TF400813: The user '{}' is not authorized to access this resource.", token.user);
        return Err(refusal(401, "UnauthorizedRequestException", message));
    }
    Ok(Caller { name: token.user.clone(), role: token.role })
}

/// Answers a caller that is not known: 302 without a credential, 203 with one that does not work, 401 to a
/// client that suppresses both.
fn stranger(call: &Call, anonymous: bool) -> Reply {
    if call.header("x-tfs-fedauthredirect").is_some_and(|value| value.eq_ignore_ascii_case("suppress")) {
        return page(401, "Access Denied")
            .with_header("www-authenticate", "Bearer, Basic realm=\"Azure DevOps\"");
    }
    if anonymous {
        let reply_to =
            percent_encoding::utf8_percent_encode(&call.path, percent_encoding::NON_ALPHANUMERIC).to_string();
        return Reply { status: 302, ..page(302, "Object moved") }.with_header(
            "location",
            format!("{}/_signin?realm=dev.azure.com&reply_to={reply_to}", call.origin),
        );
    }
    page(203, "Azure DevOps Services | Sign In")
}
