//! What a run tells its host while it works.

use serde::Serialize;

use crate::error::{Error, Step};
use crate::secret::Secret;

/// Says how far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The step was done.
    Done,
    /// The step was not needed.
    Skipped,
    /// The step waits for something to take effect.
    Waiting,
    /// Something that a person should know, and that stops nothing.
    Warning,
    /// The step failed.
    Failed,
}

/// Describes one thing that happened to one target.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// The target's name.
    pub target: String,
    /// The step of the procedure.
    #[serde(serialize_with = "step_text")]
    pub step: Step,
    /// How far it has come.
    pub phase: Phase,
    /// What happened, in one line without any credential.
    pub message: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

fn step_text<S: serde::Serializer>(step: &Step, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(step.as_str())
}

/// Hears what a run has to say.
pub trait Observer {
    /// Learns of a secret before anything can be said about it, so that the host can mask it.
    fn secret(&self, secret: &Secret);
    /// Learns of something that happened.
    fn event(&self, event: &Event);
}

/// Hears nothing.
pub struct Silent;

impl Observer for Silent {
    fn secret(&self, _secret: &Secret) {}
    fn event(&self, _event: &Event) {}
}
