//! The token endpoint: the grant of client credentials, in both versions.

use serde_json::json;

use super::assertion::verify_assertion;
use super::refusal::Refusal;
use super::tenants::known_tenant;
use crate::call::{Call, form_value};
use crate::reply::Reply;
use crate::state::{
    AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE, GRAPH_RESOURCE, MANAGEMENT_RESOURCE, Service, SpreadKind,
    Subject, VAULT_RESOURCE,
};
use crate::world::World;

/// How long an access token lives: a second less than an hour.
const LIFETIME_MS: i64 = 3_599_000;

/// The type of every assertion.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const FIELDS: [&str; 16] = [
    "client_id",
    "scope",
    "grant_type",
    "client_secret",
    "client_assertion_type",
    "client_assertion",
    // What official clients add.
    "client_info",
    "client-request-id",
    // What msal for Node tells of itself; msal for Python does so in headers.
    "x-client-SKU",
    "x-client-VER",
    "x-client-OS",
    "x-client-CPU",
    "x-client-current-telemetry",
    "x-client-last-telemetry",
    "x-ms-lib-capability",
    // The capabilities of the client, sent where the resource is one that may take a token back early (Key
    // Vault).
    "claims",
];

/// Answers a request for a token; the endpoint of version 1 names the resource itself, and answers numbers as
/// texts.
///
/// <https://learn.microsoft.com/previous-versions/azure/active-directory/azuread-dev/v1-oauth2-client-creds-grant-flow>
pub(super) fn sign_in(
    world: &mut World,
    call: &Call,
    tenant: &str,
    first_version: bool,
) -> Result<Reply, Refusal> {
    // A body of another type is read as an empty form.
    let mut form =
        if call.has_content_type("application/x-www-form-urlencoded") { call.form() } else { Vec::new() };
    // Go's clients try this first; a secret in the form counts before it.
    if let (Some((user, password)), None) = (call.basic(), form_value(&form, "client_secret")) {
        let decoded = |text: &str| crate::call::decode(&text.replace('+', " "));
        if form_value(&form, "client_id").is_none() {
            form.push(("client_id".to_owned(), decoded(&user)));
        }
        form.push(("client_secret".to_owned(), decoded(&password)));
    }
    for (at, (name, _)) in form.iter().enumerate() {
        if form[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(Refusal::new(
                9_000_411,
                format!("The request is not properly formatted. The parameter '{name}' is duplicated."),
            ));
        }
        if !(FIELDS.contains(&name.as_str()) || first_version && name == "resource") {
            return Err(Refusal::new(90_100, format!("The parameter '{name}' is not valid.")));
        }
    }
    let parameter = |name: &str| {
        let missing = || {
            Refusal::new(900_144, format!("The request body must contain the following parameter: '{name}'."))
        };
        form_value(&form, name).filter(|value| !value.is_empty()).ok_or_else(missing)
    };
    let grant = parameter("grant_type")?;
    if grant != "client_credentials" {
        return Err(Refusal::new(70_003, format!("The app requested an unsupported grant type '{grant}'.")));
    }
    known_tenant(world, tenant)?;
    let client = parameter("client_id")?;
    let scope = if first_version {
        format!("{}/.default", parameter("resource")?)
    } else {
        parameter("scope")?.to_owned()
    };
    known_application(world, call, tenant, client)?;
    let audience = audience(world, &scope)?;
    authenticate(world, call, tenant, client, &form)?;
    // Such a principal is asked for only once the application has proved who it is.
    if world.directory.missing_resources.iter().any(|missing| missing == audience) {
        return Err(Refusal::new(
            500_011,
            format!(
                "The resource principal named {audience} was not found in the tenant named {tenant}. This \
                 can happen if the application has not been installed by the administrator of the tenant or \
                 consented to by any user in the tenant. You might have sent your authentication request to \
                 the wrong tenant."
            ),
        ));
    }
    let roles: Vec<String> = match world.directory.service_principal(client) {
        Some(principal) if audience == GRAPH_RESOURCE => principal.graph_roles.clone(),
        _ => Vec::new(),
    };
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let subject = Subject::Application(client.to_ascii_lowercase());
    let token = world.issue_bearer(audience, subject, &roles, LIFETIME_MS);
    let answer = if first_version {
        let ends = (call.now_ms + LIFETIME_MS) / 1000;
        let (begins, resource) = ((call.now_ms / 1000).to_string(), parameter("resource")?);
        json!({
            "token_type": "Bearer", "expires_in": "3599", "ext_expires_in": "3599",
            "expires_on": ends.to_string(), "not_before": begins,
            "resource": resource, "access_token": token,
        })
    } else {
        json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": token})
    };
    Ok(Reply::json(200, &answer)
        .with_header("cache-control", "no-store, no-cache")
        .with_header("pragma", "no-cache"))
}

fn known_application(world: &mut World, call: &Call, tenant: &str, client: &str) -> Result<(), Refusal> {
    let unknown = || {
        Refusal::new(
            700_016,
            format!(
                "Application with identifier '{client}' was not found in the directory '{tenant}'. This can \
                 happen if the application has not been installed by the administrator of the tenant or \
                 consented to by any user in the tenant. You may have sent your authentication request to \
                 the wrong tenant."
            ),
        )
    };
    let application = world
        .directory
        .application(client)
        .filter(|app| app.tenant.eq_ignore_ascii_case(tenant))
        .ok_or_else(unknown)?;
    let app_id = application.app_id.clone();
    if !world.spread.works(SpreadKind::Application, &app_id, call.now_ms) {
        return Err(unknown());
    }
    let principal = world.directory.service_principal(&app_id).is_some();
    if !principal || !world.spread.works(SpreadKind::ServicePrincipal, &app_id, call.now_ms) {
        return Err(Refusal::new(
            7_000_229,
            format!(
                "The client application {client} is missing service principal in the tenant {tenant}. See \
                 instructions here: https://go.microsoft.com/fwlink/?linkid=2225119"
            ),
        ));
    }
    Ok(())
}

/// Finds the resource that a scope asks for; every `/.default` scope is for one resource.
fn audience(world: &World, scope: &str) -> Result<&'static str, Refusal> {
    let Some(resource) = scope.strip_suffix("/.default").filter(|resource| !resource.contains(' ')) else {
        return Err(Refusal::new(
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must have a \
                 scope value with /.default suffixed to the resource identifier (application ID URI)."
            ),
        ));
    };
    // A client that is told where Graph is takes that for the resource's name.
    if !resource.is_empty() && resource == world.origins.of(Service::Graph) {
        return Ok(GRAPH_RESOURCE);
    }
    // As in a private cloud, whose management endpoint is its own resource.
    if resource
        .strip_suffix('/')
        .is_some_and(|origin| !origin.is_empty() && origin == world.origins.of(Service::Management))
    {
        return Ok(MANAGEMENT_RESOURCE);
    }
    // `az` writes Graph's name with a slash at its end.
    let graph = resource.trim_end_matches('/');
    if [
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
    ]
    .contains(&graph)
    {
        return Ok(GRAPH_RESOURCE);
    }
    match resource {
        DATABRICKS_RESOURCE => Ok(DATABRICKS_RESOURCE),
        AZURE_DEVOPS_RESOURCE => Ok(AZURE_DEVOPS_RESOURCE),
        "https://vault.azure.net" | "https://vault.usgovcloudapi.net" | "https://vault.azure.cn" => {
            Ok(VAULT_RESOURCE)
        }
        // The trailing slash belongs to the resource's name.
        "https://management.core.windows.net/"
        | "https://management.azure.com"
        | "https://management.azure.com/"
        | "https://management.core.usgovcloudapi.net/"
        | "https://management.core.chinacloudapi.cn/" => Ok(MANAGEMENT_RESOURCE),
        _ => Err(Refusal::new(
            70_011,
            format!(
                "The provided request must include a 'scope' input parameter. The provided value for the \
                 input parameter 'scope' is not valid. The scope {scope} is not valid."
            ),
        )),
    }
}

fn authenticate(
    world: &mut World,
    call: &Call,
    tenant: &str,
    client: &str,
    form: &[(String, String)],
) -> Result<(), Refusal> {
    if let Some(assertion) = form_value(form, "client_assertion") {
        if form_value(form, "client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(Refusal::new(
                900_144,
                "The request body must contain the following parameter: 'client_assertion_type'.",
            ));
        }
        if form_value(form, "client_secret").is_some() {
            return Err(Refusal::new(90_100, "client_secret and client_assertion must not both be sent."));
        }
        return verify_assertion(world, call, tenant, client, assertion);
    }
    let Some(secret) = form_value(form, "client_secret") else {
        let text =
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err(Refusal::new(7_000_218, text));
    };
    let held = world
        .directory
        .application(client)
        .and_then(|app| app.secrets.iter().find(|held| held.value == secret));
    let Some((key, ends)) = held.map(|held| (held.key_id.clone(), held.end_ms)) else {
        return Err(wrong_secret(client));
    };
    if call.now_ms >= ends {
        return Err(Refusal::new(
            7_000_222,
            format!(
                "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to \
                 create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate \
                 credentials for added security: https://aka.ms/certCreds."
            ),
        ));
    }
    // A secret that has not propagated yet is refused as a wrong one is.
    if world.spread.works(SpreadKind::ClientSecret, &key, call.now_ms) {
        Ok(())
    } else {
        Err(wrong_secret(client))
    }
}

fn wrong_secret(client: &str) -> Refusal {
    Refusal::new(
        7_000_215,
        format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client \
             secret value, not the client secret ID, for a secret added to app '{client}'."
        ),
    )
}
