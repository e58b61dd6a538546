//! Federated credentials.
//!
//! <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>

use serde_json::{Map, Value, json};

use super::access::Caller;
use super::applications::body;
use super::query::{entity, page};
use super::reply::{bad_request, not_found, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{FederatedCredential, SpreadKind, expression};
use crate::world::World;

const KIND: &str = "applications/federatedIdentityCredentials";
const MOST: usize = 20;

/// Answers below an application's `federatedIdentityCredentials`.
pub(super) fn handle(
    world: &mut World,
    call: &Call,
    who: &Caller,
    index: usize,
    route: (&str, &[&str]),
) -> Reply {
    let owners = world.directory.applications[index].owners.clone();
    let allowed = if route.0 == "GET" { who.may_read(world) } else { who.may_write(world, &owners) };
    if let Err(reply) = allowed {
        return reply;
    }
    match route {
        ("GET", []) => list(world, call, index),
        ("POST", []) => create(world, call, index),
        ("GET", [id]) => match find(world, index, id) {
            Some(at) => {
                entity(call, 200, KIND, describe(call, &world.directory.applications[index].federated[at]))
            }
            None => not_found(world, id),
        },
        ("PATCH", [id]) => update(world, call, index, id),
        ("DELETE", [id]) => match find(world, index, id) {
            Some(at) => {
                world.directory.applications[index].federated.remove(at);
                Reply::empty(204)
            }
            None => not_found(world, id),
        },
        _ => Reply::unknown_route(call),
    }
}

fn find(world: &mut World, index: usize, id: &str) -> Option<usize> {
    let now = world.now_ms();
    // A name serves in the path as an id does.
    let at = world.directory.applications[index]
        .federated
        .iter()
        .position(|own| own.id.eq_ignore_ascii_case(id) || own.name == id)?;
    let key = world.directory.applications[index].federated[at].id.clone();
    world.graph.replicas.knows(&key, now).then_some(at)
}

/// Says whether the version of the API is meant that knows expressions.
fn is_beta(call: &Call) -> bool {
    call.path.starts_with("/beta/")
}

fn describe(call: &Call, credential: &FederatedCredential) -> Value {
    let subject = (!credential.subject.is_empty()).then_some(&credential.subject);
    let mut value = json!({
        "id": credential.id, "name": credential.name, "issuer": credential.issuer,
        "subject": subject, "audiences": credential.audiences,
        "description": credential.description,
    });
    if is_beta(call) {
        let expression = credential.expression.as_ref();
        value["claimsMatchingExpression"] =
            expression.map_or(Value::Null, |text| json!({"value": text, "languageVersion": 1}));
    }
    value
}

fn list(world: &mut World, call: &Call, index: usize) -> Reply {
    let now = world.now_ms();
    let all = world.directory.applications[index].federated.clone();
    let known = all
        .iter()
        .filter(|credential| world.graph.replicas.knows(&credential.id, now))
        .map(|credential| describe(call, credential))
        .collect();
    page(call, KIND, known)
}

const FIELDS: [&str; 6] =
    ["name", "issuer", "subject", "audiences", "description", "claimsMatchingExpression"];

/// Returns the properties that the version of the API knows.
fn fields(call: &Call) -> &'static [&'static str] {
    if is_beta(call) { &FIELDS } else { &FIELDS[..5] }
}

fn create(world: &mut World, call: &Call, index: usize) -> Reply {
    let body = match body(world, call, fields(call)) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let mut credential = FederatedCredential { id: world.random.uuid(), ..FederatedCredential::default() };
    let name = body.get("name").and_then(Value::as_str).unwrap_or_default();
    if !is_name(name) {
        return bad_request(
            world,
            "Invalid value specified for property 'name' of resource 'FederatedIdentityCredential'.",
        );
    }
    name.clone_into(&mut credential.name);
    let matched =
        if body.contains_key("claimsMatchingExpression") { "claimsMatchingExpression" } else { "subject" };
    if let Some(missing) = ["issuer", matched, "audiences"].into_iter().find(|it| !body.contains_key(*it)) {
        let message = format!(
            "A value is required for property '{missing}' of resource 'FederatedIdentityCredential'."
        );
        return bad_request(world, &message);
    }
    if let Err(reply) = apply(world, &mut credential, &body) {
        return reply;
    }
    if let Some(reply) = clash(world, index, &credential) {
        return reply;
    }
    if world.directory.applications[index].federated.len() >= MOST {
        let message = format!(
            "The number of federated identity credentials on the application has reached its limit of \
             {MOST}."
        );
        return refusal(world, 400, "Request_BadRequest", &message);
    }
    let now = world.now_ms();
    world.graph.replicas.begin(&credential.id, now);
    world.spread.begin(SpreadKind::FederatedCredential, &credential.id, now);
    let shown = describe(call, &credential);
    world.directory.applications[index].federated.push(credential);
    entity(call, 201, KIND, shown)
}

fn update(world: &mut World, call: &Call, index: usize, id: &str) -> Reply {
    let Some(at) = find(world, index, id) else { return not_found(world, id) };
    let body = match body(world, call, fields(call)) {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let mut credential = world.directory.applications[index].federated[at].clone();
    if body.get("name").is_some_and(|name| name.as_str() != Some(&credential.name)) {
        return bad_request(
            world,
            "Property 'name' of resource 'FederatedIdentityCredential' cannot be changed.",
        );
    }
    if let Err(reply) = apply(world, &mut credential, &body) {
        return reply;
    }
    if let Some(reply) = clash(world, index, &credential) {
        return reply;
    }
    world.directory.applications[index].federated[at] = credential;
    Reply::empty(204)
}

/// A name has 3 to 120 letters, digits, hyphens and underscores, and begins with a letter or digit.
fn is_name(name: &str) -> bool {
    (3..=120).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        && name.as_bytes()[0].is_ascii_alphanumeric()
}

fn apply(
    world: &mut World,
    credential: &mut FederatedCredential,
    body: &Map<String, Value>,
) -> Result<(), Reply> {
    let invalid = |name: &str| {
        format!("Invalid value specified for property '{name}' of resource 'FederatedIdentityCredential'.")
    };
    if let Some(value) = body.get("issuer") {
        match value.as_str().filter(|text| text.starts_with("https://") && text.len() <= 600) {
            Some(text) => text.clone_into(&mut credential.issuer),
            None => return Err(bad_request(world, &invalid("issuer"))),
        }
    }
    if let Some(value) = body.get("claimsMatchingExpression").filter(|value| !value.is_null()) {
        let text = value.get("value").and_then(Value::as_str).unwrap_or_default();
        if !expression::is_valid(text, &credential.issuer) {
            let message = format!(
                "The FederatedIdentityCredential.ClaimsMatchingExpression.Value is invalid. Rule exception: \
                 Expression configured for issuer '{}' either lacks all required claims or contains \
                 unallowed claims. paramName: FederatedIdentityCredential.ClaimsMatchingExpression.Value, \
                 paramValue: {text}, objectType: Microsoft.Online.DirectoryServices.Application",
                credential.issuer
            );
            return Err(refusal(world, 400, "InvalidFederatedIdentityCredentialValue", &message));
        }
        credential.subject.clear();
        credential.expression = Some(text.to_owned());
    }
    if let Some(value) = body.get("subject").filter(|value| !value.is_null()) {
        match value.as_str().filter(|text| (1..=600).contains(&text.len())) {
            Some(text) => {
                text.clone_into(&mut credential.subject);
                credential.expression = None;
            }
            None => return Err(bad_request(world, &invalid("subject"))),
        }
    }
    if let Some(value) = body.get("audiences") {
        match value.as_array().map(Vec::as_slice) {
            Some([Value::String(one)]) if (1..=600).contains(&one.len()) => {
                credential.audiences = vec![one.clone()]
            }
            _ => return Err(bad_request(world, &invalid("audiences"))),
        }
    }
    if let Some(value) = body.get("description") {
        credential.description = value.as_str().map(str::to_owned);
    }
    Ok(())
}

fn clash(world: &mut World, index: usize, credential: &FederatedCredential) -> Option<Reply> {
    let others = world.directory.applications[index].federated.iter().filter(|own| own.id != credential.id);
    let mut refused = None;
    for other in others {
        if other.name == credential.name {
            let message =
                format!("FederatedIdentityCredential with name {} already exists.", credential.name);
            refused = Some((409, "Request_MultipleObjectsWithSameKeyValue", message));
        } else if other.issuer == credential.issuer
            && other.subject == credential.subject
            && other.expression == credential.expression
        {
            let (issuer, subject) = (&credential.issuer, &credential.subject);
            let message = format!(
                "The combination of issuer and subject must be unique for the application. Issuer {issuer} \
                 and Subject: {subject} already exist. paramName: FederatedIdentityCredential.Subject, \
                 paramValue: {subject}, objectType: Microsoft.Online.DirectoryServices.Application"
            );
            refused = Some((400, "InvalidFederatedIdentityCredentialValue", message));
        }
    }
    refused.map(|(status, reason, message)| refusal(world, status, reason, &message))
}
