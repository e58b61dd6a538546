//! Who was told of a run, as its report says it.

use serde::{Deserialize, Serialize};

use crate::model::Error;

/// Says who was told of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct NoticeReport {
    /// Who: `slack`, `teams`, `webhook` or `heartbeat`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it was taken.
    pub sent: bool,
    /// Of how many things it tells.
    pub events: usize,
    /// Why it was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

impl NoticeReport {
    /// Describes a notice that was taken, or was not for that reason.
    #[must_use]
    pub fn new(kind: impl Into<String>, events: usize, error: Option<Error>) -> Self {
        Self { kind: kind.into(), sent: error.is_none(), events, error }
    }
}
