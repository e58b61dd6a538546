//! Microsoft Graph: applications with their credentials, and service principals; replicated, so that what is
//! new is not known everywhere at once.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

mod access;
mod applications;
mod federation;
mod lag;
mod named;
mod passwords;
mod principals;
mod query;
mod reply;

use named::Named;

use crate::call::Call;
use crate::reply::Reply;
use crate::world::World;

pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    let (method, segments) = call.route();
    let Some(("v1.0" | "beta", rest)) = segments.split_first().map(|(first, rest)| (*first, rest)) else {
        return Reply::unknown_route(call);
    };
    let who = match access::sign_in(world, call) {
        Ok(who) => who,
        Err(reply) => return reply,
    };
    if let Err(reply) = body_type(call) {
        return reply;
    }
    match (method, rest) {
        ("GET", ["applications"]) => applications::list(world, call, &who),
        ("POST", ["applications"]) => applications::create(world, call, &who),
        ("GET", ["servicePrincipals"]) => principals::list(world, call, &who),
        ("POST", ["servicePrincipals"]) => principals::create(world, call, &who),
        (_, ["applications", id, tail @ ..]) => {
            one_application(world, call, &who, (method, tail), &Named::ById((*id).to_owned()))
        }
        (_, ["servicePrincipals", id, tail @ ..]) => {
            principals::one(world, call, &who, (method, tail), &Named::ById((*id).to_owned()))
        }
        (_, [first, tail @ ..]) => match Named::alternate(first) {
            Some(("applications", named)) => one_application(world, call, &who, (method, tail), &named),
            Some(("servicePrincipals", named)) => principals::one(world, call, &who, (method, tail), &named),
            _ => Reply::unknown_route(call),
        },
        _ => Reply::unknown_route(call),
    }
}

fn one_application(
    world: &mut World,
    call: &Call,
    who: &access::Caller,
    route: (&str, &[&str]),
    named: &Named,
) -> Reply {
    let Some(index) = applications::find(world, named) else { return reply::not_found(world, named.text()) };
    let object_id = world.directory.applications[index].object_id.clone();
    if let Err(reply) = lag::application(world, call, route, &object_id) {
        return reply;
    }
    match route {
        ("GET", []) => applications::get(world, call, who, index),
        ("PATCH", []) => applications::update(world, call, who, index),
        ("DELETE", []) => applications::delete(world, who, index),
        ("POST", ["addPassword"]) => passwords::add(world, call, who, index),
        ("POST", ["removePassword"]) => passwords::remove(world, call, who, index),
        ("GET", ["owners"]) => applications::owners(world, who, index),
        ("POST", ["owners", "$ref"]) => applications::add_owner(world, call, who, index),
        (_, ["federatedIdentityCredentials", tail @ ..]) => {
            federation::handle(world, call, who, index, (route.0, tail))
        }
        _ => Reply::unknown_route(call),
    }
}

/// A body must say that it is JSON.
fn body_type(call: &Call) -> Result<(), Reply> {
    if !matches!(call.method.as_str(), "POST" | "PATCH" | "PUT") || call.has_content_type("application/json")
    {
        return Ok(());
    }
    let message = if call.header("content-type").is_none() {
        "Write requests (excluding DELETE) must contain the Content-Type header declaration."
    } else {
        "Unsupported content type. Only application/json is supported."
    };
    Err(reply::plain_refusal(
        if call.header("content-type").is_none() { 400 } else { 415 },
        "BadRequest",
        message,
    ))
}

#[cfg(test)]
mod tests;
