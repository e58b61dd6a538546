//! How Graph answers while a replica does not know an object yet.

use super::reply::{not_found, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::LagShape;
use crate::world::World;

/// Refuses a request to an application that is not known yet.
pub(super) fn application(
    world: &mut World,
    _call: &Call,
    route: (&str, &[&str]),
    object_id: &str,
) -> Result<(), Reply> {
    let now = world.now_ms();
    if world.graph.replicas.knows(object_id, now) {
        return Ok(());
    }
    let fitting: &[LagShape] = match route {
        ("GET", _) => &[LagShape::NotFound],
        _ => &[LagShape::NotFound, LagShape::ConcurrencyViolation],
    };
    Err(show(world, fitting, object_id))
}

/// Refuses to make the service principal of an application that is not known yet.
pub(super) fn backing_application(world: &mut World, object_id: &str, app_id: &str) -> Result<(), Reply> {
    let now = world.now_ms();
    if world.graph.replicas.knows(object_id, now) {
        return Ok(());
    }
    Err(show(
        world,
        &[LagShape::NoApplication, LagShape::MisleadingForbidden, LagShape::ConcurrencyViolation],
        app_id,
    ))
}

fn show(world: &mut World, fitting: &[LagShape], id: &str) -> Reply {
    match world.graph.replicas.shape(fitting) {
        LagShape::NotFound => not_found(world, id),
        LagShape::NoApplication => no_application(world, id),
        LagShape::MisleadingForbidden => {
            let message = "When using this permission, the backing application of the service principal \
                           being created must in the local tenant";
            refusal(world, 403, "Authorization_RequestDenied", message)
        }
        LagShape::ConcurrencyViolation => {
            let message = "Requested operation cannot be completed due to a concurrency violation: another \
                           operation on the same object is under way.";
            refusal(world, 409, "Directory_ConcurrencyViolation", message)
        }
    }
}

/// Refuses a service principal of an application that there is not, or not yet.
pub(super) fn no_application(world: &mut World, app_id: &str) -> Reply {
    let message = format!(
        "The appId '{app_id}' of the service principal does not reference a valid application object."
    );
    refusal(world, 400, "Request_BadRequest", &message)
}
