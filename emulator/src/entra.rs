//! Entra ID's token endpoint.

use crate::call::{Call, Reply};
use crate::world::World;

/// Says why a sign-in is refused: an AADSTS code and its text.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

pub(crate) fn handle(_world: &mut World, call: &Call) -> Reply {
    Reply::unknown_route(call)
}
