//! Who calls, and what the permissions in the token allow.

use super::reply::{denied, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{GRAPH_RESOURCE, Subject};
use crate::world::World;

/// Says who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The object id that stands among the owners of what the caller owns; empty for a person.
    pub(super) object_id: String,
    owned: bool,
    all: bool,
    read: bool,
}

/// Finds who calls, or refuses the token.
pub(super) fn sign_in(world: &mut World, call: &Call) -> Result<Caller, Reply> {
    let Some(token) = call.bearer() else {
        return Err(refusal(world, 401, "InvalidAuthenticationToken", "Access token is empty."));
    };
    let Some(bearer) = world.bearer(token, GRAPH_RESOURCE).cloned() else {
        let message = match world.bearers.iter().find(|bearer| bearer.value == token) {
            Some(other) if other.audience != GRAPH_RESOURCE => {
                "Access token validation failure. Invalid audience."
            }
            Some(_) => "Lifetime validation failed, the token is expired.",
            None => "IDX14100: JWT is not well formed, there are no dots (.).",
        };
        return Err(refusal(world, 401, "InvalidAuthenticationToken", message));
    };
    let has = |name: &str| bearer.roles.iter().any(|role| role == name);
    let (owned, all) = (has("Application.ReadWrite.OwnedBy"), has("Application.ReadWrite.All"));
    let object_id = match &bearer.subject {
        Subject::Application(app) => world
            .directory
            .service_principal(app)
            .map(|principal| principal.object_id.clone())
            .unwrap_or_default(),
        Subject::User(name) => name.clone(),
    };
    let read = owned || all || has("Application.Read.All") || has("Directory.Read.All");
    Ok(Caller { object_id, owned, all, read })
}

impl Caller {
    /// Refuses a caller that may not read; `Application.ReadWrite.OwnedBy` may read everything.
    ///
    /// <https://learn.microsoft.com/graph/permissions-reference#applicationreadwriteownedby>
    pub(super) fn may_read(&self, world: &mut World) -> Result<(), Reply> {
        if self.read { Ok(()) } else { Err(denied(world)) }
    }

    /// Refuses a caller that may not make anything.
    pub(super) fn may_create(&self, world: &mut World) -> Result<(), Reply> {
        if self.owned || self.all { Ok(()) } else { Err(denied(world)) }
    }

    /// Refuses a caller that may not change something with these owners.
    pub(super) fn may_write(&self, world: &mut World, owners: &[String]) -> Result<(), Reply> {
        if self.all || (self.owned && owners.contains(&self.object_id)) { Ok(()) } else { Err(denied(world)) }
    }
}
