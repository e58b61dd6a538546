//! The account's API for the federation policies of a service principal.
//!
//! <https://docs.databricks.com/api/azure/account/serviceprincipalfederationpolicy>

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::clock::rfc3339;
use crate::json::unknown_field;
use crate::reply::Reply;
use crate::state::{FederationPolicy, SpreadKind};
use crate::world::World;

fn refusal(status: u16, code: &str, message: impl Into<String>) -> Reply {
    let message: String = message.into();
    Reply::json(status, &json!({"error_code": code, "message": message}))
}

/// Answers below `servicePrincipals/{id}/federationPolicies`; the caller is known to be an account admin.
pub(super) fn handle(world: &mut World, call: &Call, principal: &str, rest: &[&str]) -> Reply {
    let found = world.account.principals.iter().find(|known| known.id.to_string() == principal);
    let Some(application) = found.map(|known| known.application_id.clone()) else {
        return refusal(
            404,
            "RESOURCE_DOES_NOT_EXIST",
            format!("Service principal with id {principal} not found."),
        );
    };
    let position =
        |world: &World, id: &str| {
            world.oidc.policies.iter().position(|policy| {
                policy.application_id.eq_ignore_ascii_case(&application) && policy.id == id
            })
        };
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let own = world
                .oidc
                .policies
                .iter()
                .filter(|policy| policy.application_id.eq_ignore_ascii_case(&application));
            let shown: Vec<Value> = own.map(|policy| describe(world, principal, policy)).collect();
            Reply::json(200, &json!({"policies": shown}))
        }
        ("POST", []) => match read(world, call, &application) {
            Ok(policy) if position(world, &policy.id).is_some() => {
                refusal(409, "ALREADY_EXISTS", format!("Federation policy {} already exists.", policy.id))
            }
            Ok(policy) => {
                let shown = describe(world, principal, &policy);
                let now = world.now_ms();
                world.spread.begin(SpreadKind::FederationPolicy, &policy.id, now);
                world.oidc.policies.push(policy);
                Reply::json(200, &shown)
            }
            Err(message) => refusal(400, "INVALID_PARAMETER_VALUE", message),
        },
        ("GET" | "DELETE", [id]) => match position(world, id) {
            None => refusal(404, "NOT_FOUND", format!("Federation policy {id} does not exist.")),
            Some(at) if call.method == "DELETE" => {
                world.oidc.policies.remove(at);
                Reply::json(200, &json!({}))
            }
            Some(at) => Reply::json(200, &describe(world, principal, &world.oidc.policies[at])),
        },
        _ => Reply::unknown_route(call),
    }
}

fn describe(world: &World, principal: &str, policy: &FederationPolicy) -> Value {
    let (account, date) = (&world.account.id, rfc3339(policy.created_ms));
    json!({
        "name": format!("accounts/{account}/servicePrincipals/{principal}/federationPolicies/{}", policy.id),
        "uid": policy.id, "policy_id": policy.id, "create_time": date, "update_time": date,
        "description": policy.description,
        "service_principal_id": principal.parse::<u64>().unwrap_or_default(),
        "oidc_policy": {
            "issuer": policy.issuer, "subject": policy.subject, "audiences": policy.audiences,
            "subject_claim": policy.subject_claim,
        },
    })
}

fn read(world: &mut World, call: &Call, application: &str) -> Result<FederationPolicy, String> {
    let body = call.json_object()?;
    if let Some(field) = unknown_field(&body, &["description", "oidc_policy"]) {
        return Err(format!("Unknown field '{field}' of a federation policy."));
    }
    let empty = Map::new();
    let oidc = body.get("oidc_policy").and_then(Value::as_object).unwrap_or(&empty);
    if let Some(field) = unknown_field(oidc, &["issuer", "subject", "audiences", "subject_claim"]) {
        return Err(format!("The field '{field}' of an OIDC policy is not supported."));
    }
    let text = |name: &str| {
        oidc.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let issuer = text("issuer")
        .filter(|issuer| issuer.starts_with("https://"))
        .ok_or("oidc_policy.issuer must be a URL with https.")?;
    let subject = text("subject")
        .ok_or("oidc_policy.subject is required for a service principal federation policy.")?;
    let audiences: Vec<String> = match oidc.get("audiences") {
        // The account's own id is what a token must be for if nothing is said.
        None | Some(Value::Null) => vec![world.account.id.clone()],
        Some(Value::Array(list)) => {
            list.iter().filter_map(|audience| audience.as_str().map(str::to_owned)).collect()
        }
        Some(_) => return Err("oidc_policy.audiences must be a list.".to_owned()),
    };
    let id = call.query("policy_id").map_or_else(|| world.random.uuid(), str::to_owned);
    if !id
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'/'))
    {
        return Err("policy_id may hold lower-case letters, digits, hyphens and slashes alone.".to_owned());
    }
    Ok(FederationPolicy {
        id,
        application_id: application.to_owned(),
        issuer,
        subject,
        audiences,
        subject_claim: text("subject_claim").unwrap_or_else(|| "sub".to_owned()),
        description: body.get("description").and_then(Value::as_str).map(str::to_owned),
        created_ms: world.now_ms(),
    })
}
