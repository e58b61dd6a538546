//! Databricks.

use crate::call::{Call, Reply};
use crate::world::World;

/// Holds what a workspace knows.
#[derive(Debug, Clone, Default)]
pub struct Workspace {}

/// Holds what the account knows.
#[derive(Debug, Clone, Default)]
pub struct Account {}

pub(crate) fn handle(_world: &mut World, call: &Call) -> Reply {
    Reply::unknown_route(call)
}
