//! Azure Resource Manager, as far as the Azure CLI asks it at a sign-in: which subscriptions the caller sees.
//!
//! <https://learn.microsoft.com/rest/api/resources/subscriptions/list>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Reply;
use crate::state::{MANAGEMENT_RESOURCE, Service, Subject};
use crate::world::World;

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    if !matches!((call.method.as_str(), call.path.as_str()), ("GET", "/subscriptions")) {
        return Reply::unknown_route(call);
    }
    let Some(token) = call.bearer() else {
        return refuse_sign_in(
            world,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        );
    };
    let Some(bearer) = world.bearer(token, MANAGEMENT_RESOURCE) else {
        let (code, message) = match world.bearers.iter().find(|bearer| bearer.value == token) {
            Some(other) if other.audience != MANAGEMENT_RESOURCE => (
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource. It should exactly match \
                 one of the allowed audiences.",
            ),
            Some(_) => (
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.",
            ),
            None => ("InvalidAuthenticationToken", "The access token is invalid."),
        };
        return refuse_sign_in(world, code, message);
    };
    let subject = bearer.subject.clone();
    let Some(version) = call.query("api-version") else {
        let message = "The api-version query parameter (?api-version=) is required for all requests.";
        return refuse(400, "MissingApiVersionParameter", message);
    };
    if !is_date(version) {
        return refuse(
            400,
            "InvalidApiVersionParameter",
            &format!("The api-version '{version}' is invalid."),
        );
    }
    let seen = subscriptions(world, &subject);
    let count = seen.len();
    Reply::json(200, &json!({"value": seen, "count": {"type": "Total", "value": count}}))
}

/// Lists the subscriptions in which the caller has a role on anything.
fn subscriptions(world: &World, subject: &Subject) -> Vec<Value> {
    let Subject::Application(app) = subject else { return Vec::new() };
    let roles = world
        .directory
        .service_principal(app)
        .map(|principal| principal.azure_roles.as_slice())
        .unwrap_or_default();
    let ids: BTreeSet<&str> = roles
        .iter()
        .filter_map(|(_, scope)| scope.strip_prefix("/subscriptions/")?.split('/').next())
        .collect();
    let describe = |id: &str| {
        json!({
            "id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": world.directory.home(),
            "displayName": "acme", "state": "Enabled",
            "authorizationSource": "RoleBased", "managedByTenants": [],
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01",
                "spendingLimit": "Off",
            },
        })
    };
    ids.into_iter().map(describe).collect()
}

/// Says whether a version is a date, as all of Resource Manager's are, such as `2022-12-01`.
fn is_date(version: &str) -> bool {
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match version.trim_end_matches("-preview").split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

fn refuse(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

fn refuse_sign_in(world: &World, code: &str, message: &str) -> Reply {
    let authority = format!("{}/{}", world.origins.of(Service::Entra), world.directory.home());
    let challenge = format!(
        "Bearer authorization_uri=\"{authority}\", error=\"invalid_token\", error_description=\"{message}\""
    );
    refuse(401, code, message).with_header("www-authenticate", challenge)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use serde_json::json;

    use crate::Seed;
    use crate::testing::{DATABRICKS_SCOPE, emulator, send, sign_in};

    const HOST: &str = "https://management.azure.com";
    const SCOPE: &str = "https://management.azure.com/.default";

    #[test]
    fn a_caller_sees_the_subscriptions_in_which_it_has_a_role() {
        let emulator = emulator();
        let path = "/subscriptions?api-version=2022-12-01";
        let token = sign_in(&emulator, SCOPE);
        assert_eq!(
            send(&emulator, HOST, "GET", path, &token, None).json,
            json!({"value": [], "count": {"type": "Total", "value": 0}})
        );
        let client_id = emulator.world(|world| world.seeded.client_id.clone());
        emulator.seed(Seed::AzureRole { client_id, workspace: 0, role: "Contributor".to_owned() }).unwrap();
        let seen = send(&emulator, HOST, "GET", path, &token, None).json;
        let resource = emulator.world(|world| world.workspaces[0].resource_id.clone());
        assert!(resource.starts_with(seen["value"][0]["id"].as_str().unwrap()), "{seen}");
    }

    #[test]
    fn no_token_or_one_for_another_resource_is_refused_as_resource_manager_does() {
        let emulator = emulator();
        let refused =
            |token: &str| send(&emulator, HOST, "GET", "/subscriptions?api-version=2022-12-01", token, None);
        let none = refused("");
        assert_eq!((none.status, &none.json["error"]["code"]), (401, &json!("AuthenticationFailed")));
        assert!(none.header("www-authenticate").starts_with("Bearer authorization_uri="));
        let other = refused(&sign_in(&emulator, DATABRICKS_SCOPE));
        assert_eq!(other.json["error"]["code"], "InvalidAuthenticationTokenAudience");
        let token = sign_in(&emulator, SCOPE);
        let versionless = send(&emulator, HOST, "GET", "/subscriptions", &token, None);
        assert_eq!(
            (versionless.status, &versionless.json["error"]["code"]),
            (400, &json!("MissingApiVersionParameter"))
        );
    }
}
