//! GitHub.

use crate::call::{Call, Reply};
use crate::world::World;

/// Holds what GitHub knows.
#[derive(Debug, Clone, Default)]
pub struct Github {}

pub(crate) fn handle(_world: &mut World, call: &Call) -> Reply {
    Reply::unknown_route(call)
}
