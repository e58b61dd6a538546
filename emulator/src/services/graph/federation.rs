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
use crate::state::{FederatedCredential, SpreadKind};
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
            Some(at) => entity(call, 200, KIND, describe(&world.directory.applications[index].federated[at])),
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

fn describe(credential: &FederatedCredential) -> Value {
    json!({
        "id": credential.id, "name": credential.name, "issuer": credential.issuer,
        "subject": credential.subject, "audiences": credential.audiences,
        "description": credential.description,
    })
}

fn list(world: &mut World, call: &Call, index: usize) -> Reply {
    let now = world.now_ms();
    let all = world.directory.applications[index].federated.clone();
    let known = all
        .iter()
        .filter(|credential| world.graph.replicas.knows(&credential.id, now))
        .map(describe)
        .collect();
    page(call, KIND, known)
}

const FIELDS: [&str; 5] = ["name", "issuer", "subject", "audiences", "description"];

fn create(world: &mut World, call: &Call, index: usize) -> Reply {
    let body = match body(world, call, &FIELDS) {
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
    if let Some(missing) =
        ["issuer", "subject", "audiences"].into_iter().find(|field| !body.contains_key(*field))
    {
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
    let shown = describe(&credential);
    world.directory.applications[index].federated.push(credential);
    entity(call, 201, KIND, shown)
}

fn update(world: &mut World, call: &Call, index: usize, id: &str) -> Reply {
    let Some(at) = find(world, index, id) else { return not_found(world, id) };
    let body = match body(world, call, &FIELDS) {
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
    if let Some(value) = body.get("subject") {
        match value.as_str().filter(|text| (1..=600).contains(&text.len())) {
            Some(text) => text.clone_into(&mut credential.subject),
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
    let mut message = None;
    for other in others {
        if other.name == credential.name {
            message =
                Some(format!("FederatedIdentityCredential with name {} already exists.", credential.name));
        } else if other.issuer == credential.issuer && other.subject == credential.subject {
            message = Some(
                "FederatedIdentityCredential with the same issuer and subject already exists.".to_owned(),
            );
        }
    }
    message.map(|message| refusal(world, 409, "Request_MultipleObjectsWithSameKeyValue", &message))
}
