//! The instance metadata service of an Azure machine, as far as it gives tokens of managed identities.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use serde_json::json;

use crate::call::Call;
use crate::reply::Reply;
use crate::state::{
    AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE, GRAPH_RESOURCE, MANAGEMENT_RESOURCE, Service, Subject,
    VAULT_RESOURCE,
};
use crate::world::World;

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let path = call.path.trim_end_matches('/');
    let hosted = path == HOSTED;
    if !hosted && path != "/metadata/identity/oauth2/token" || call.method != "GET" {
        return Reply::unknown_route(call);
    }
    let refuse = |error: &str, description: &str| {
        Reply::json(400, &json!({"error": error, "error_description": description}))
    };
    if hosted
        && (call.header("x-identity-header").is_none()
            || call.header("x-identity-header") != world.imds.header.as_deref())
    {
        return Reply::json(
            401,
            &json!({"statusCode": 401, "message": "The secret header is missing or wrong."}),
        );
    }
    if !hosted && !call.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return refuse("invalid_request", "Required metadata header not specified");
    }
    // A request that a proxy passed on may come from anywhere.
    if call.header("x-forwarded-for").is_some() {
        return refuse("invalid_request", "X-Forwarded-For header is not allowed");
    }
    match call.query("api-version") {
        None => return refuse("invalid_request", "Required api-version parameter not specified"),
        Some("2018-02-01" | "2019-08-01" | "2021-02-01" | "2021-12-13") => {}
        Some(version) => {
            return refuse("bad_request_102", &format!("Required api-version '{version}' is not supported"));
        }
    }
    let Some(resource) = call.query("resource").filter(|resource| !resource.is_empty()) else {
        return refuse("invalid_request", "Required audience parameter not specified");
    };
    let Some(audience) = audience(resource) else {
        let message = format!(
            "AADSTS500011: The resource principal named {resource} was not found in the tenant named acme. \
             This can happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant."
        );
        return refuse("invalid_resource", &message);
    };
    // The id of an identity's resource in Azure ends in its name.
    let of_resource = |id: &str| {
        let name = id.rsplit('/').next().unwrap_or_default();
        let assigned = world.imds.user_assigned.iter();
        let is_named = |own: &&String| {
            world.directory.application(own).is_some_and(|it| it.display_name.eq_ignore_ascii_case(name))
        };
        assigned.clone().find(is_named).cloned()
    };
    let by_resource = call.query("msi_res_id").or_else(|| call.query("mi_res_id")).map(of_resource);
    if by_resource == Some(None) {
        return refuse("invalid_request", "Identity not found");
    }
    let by_resource = by_resource.flatten();
    let identity = match by_resource.as_deref().or_else(|| call.query("client_id")) {
        Some(id) => world
            .imds
            .user_assigned
            .iter()
            .chain(&world.imds.system_assigned)
            .find(|own| own.eq_ignore_ascii_case(id)),
        None => world.imds.system_assigned.as_ref().or(match world.imds.user_assigned.as_slice() {
            [only] => Some(only),
            _ => None,
        }),
    };
    let several = call.query("client_id").is_none() && world.imds.user_assigned.len() > 1;
    let Some(identity) = identity.cloned() else {
        if several {
            return refuse(
                "invalid_request",
                "Multiple user assigned identities exist, please specify the clientId / resourceId of the \
                 identity in the token request",
            );
        }
        return refuse("invalid_request", "Identity not found");
    };
    let roles = world
        .directory
        .service_principal(&identity)
        .map(|principal| principal.graph_roles.clone())
        .unwrap_or_default();
    let roles: Vec<&str> = roles.iter().filter(|_| audience == GRAPH_RESOURCE).map(String::as_str).collect();
    let token =
        world.issue_bearer(audience, Subject::Application(identity.clone()), &roles, LIFETIME_SECONDS * 1000);
    let now = call.now_ms.div_euclid(1000);
    if hosted {
        return Reply::json(
            200,
            &json!({
                "access_token": token, "client_id": identity, "resource": resource, "token_type": "Bearer",
                "expires_on": (now + LIFETIME_SECONDS).to_string(),
            }),
        );
    }
    // Every number is a string here.
    Reply::json(
        200,
        &json!({
            "access_token": token, "client_id": identity, "expires_in": LIFETIME_SECONDS.to_string(),
            "expires_on": (now + LIFETIME_SECONDS).to_string(),
            "ext_expires_in": LIFETIME_SECONDS.to_string(), "not_before": now.to_string(),
            "resource": resource, "token_type": "Bearer",
        }),
    )
}

const LIFETIME_SECONDS: i64 = 86_399;

/// Where App Service, Container Apps and Functions give tokens.
///
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
const HOSTED: &str = "/msi/token";

impl World {
    /// Makes the machine one of App Service, and returns the environment that everything has there.
    pub fn app_service_environment(&mut self) -> Vec<(String, String)> {
        let header = self.random.alphanumeric(32);
        self.note_issued(&header);
        self.imds.header = Some(header.clone());
        let endpoint = format!("{}{HOSTED}", self.origins.of(Service::Imds));
        vec![("IDENTITY_ENDPOINT".to_owned(), endpoint), ("IDENTITY_HEADER".to_owned(), header)]
    }
}

/// Finds the audience of a resource; a scope with `/.default` is none.
fn audience(resource: &str) -> Option<&'static str> {
    let known = [
        DATABRICKS_RESOURCE,
        AZURE_DEVOPS_RESOURCE,
        GRAPH_RESOURCE,
        VAULT_RESOURCE,
        MANAGEMENT_RESOURCE,
        "https://management.azure.com",
    ];
    let resource = resource.trim_end_matches('/');
    let found = known.into_iter().find(|name| name.trim_end_matches('/').eq_ignore_ascii_case(resource))?;
    Some(if found == "https://management.azure.com" { MANAGEMENT_RESOURCE } else { found })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use http::Request;
    use serde_json::Value;

    use crate::{Emulator, Options};

    fn ask(emulator: &Emulator, query: &str, header: bool) -> (u16, Value) {
        let mut request = Request::get(format!("/metadata/identity/oauth2/token?{query}"));
        if header {
            request = request.header("Metadata", "true");
        }
        let response = emulator.serve("http://169.254.169.254", request.body(Vec::new()).unwrap());
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    const GOOD: &str = "api-version=2018-02-01&resource=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

    #[test]
    fn an_assigned_identity_gets_a_token_that_counts_in_strings() {
        let emulator = Emulator::in_process(&Options::default());
        let app = emulator.world(|world| {
            let app = world.register_application("machine");
            world.imds.user_assigned.push(app.clone());
            app
        });
        let (status, token) = ask(&emulator, &format!("{GOOD}&client_id={app}"), true);
        assert_eq!((status, token["expires_in"].as_str()), (200, Some("86399")));
    }

    #[test]
    fn a_machine_without_an_identity_is_refused() {
        let emulator = Emulator::in_process(&Options::default());
        let (status, refused) = ask(&emulator, GOOD, true);
        assert_eq!((status, refused["error_description"].as_str()), (400, Some("Identity not found")));
    }

    #[test]
    fn a_request_without_the_header_or_with_a_scope_is_refused() {
        let emulator = Emulator::in_process(&Options::default());
        assert_eq!(ask(&emulator, GOOD, false).0, 400);
        assert_eq!(ask(&emulator, &format!("{GOOD}/.default"), true).1["error"], "invalid_resource");
    }
}
