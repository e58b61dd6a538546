//! What a run tells its host while it works.

use serde::{Deserialize, Serialize};

use crate::model::{Error, Secret, Step};

/// Says how far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// The target's name.
    pub target: String,
    /// The step of the procedure.
    pub step: Step,
    /// How far it has come.
    pub phase: Phase,
    /// What happened, in one line without any credential.
    pub message: String,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// Hears what a run has to say.
pub trait Observer {
    /// Learns of a secret before anything can be said about it, so that the host can mask it.
    fn secret(&self, secret: &Secret);
    /// Learns of something that happened.
    fn event(&self, event: &Event);
    /// Learns that all is done for a target, well or not.
    fn ended(&self, _target: &str) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn secret(&self, _secret: &Secret) {}
    fn event(&self, _event: &Event) {}
}
