//! Who is told of what a run finds, as it is written: `notify` and `heartbeat`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::secret_ref::SecretRef;
use crate::model::Span;

/// Describes who is told of what.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Notify")]
pub(crate) struct NotifyDocument {
    /// Who is told: `slack`, `teams`, or `webhook` for any service that takes JSON.
    #[serde(rename = "type")]
    pub(crate) kind: NotifyKind,
    /// The address that takes the notice. Those who know it may post there, so that it is a secret.
    pub(crate) url: SecretRef,
    /// What is told: `failed`, `overdue`, `expiring`, `rotated`; all but `rotated` by default.
    pub(crate) on: Option<Vec<Occasion>>,
    /// How long before its end a credential is told as `expiring`; 14d by default.
    pub(crate) within: Option<Span>,
}

/// Describes what is called by each run that ends well.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(rename = "Heartbeat")]
pub(crate) struct HeartbeatDocument {
    /// The address that is read by GET.
    pub(crate) url: SecretRef,
}

/// Names the form of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NotifyKind {
    /// An incoming webhook of Slack.
    Slack,
    /// A workflow of Teams that posts a card when it is called.
    Teams,
    /// Any service that takes JSON by POST.
    Webhook,
}

/// Names what somebody may want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Occasion {
    /// A target failed, or a place does not hold the new credential.
    Failed,
    /// A credential should have been renewed: half of `renew-before` is gone.
    Overdue,
    /// A credential, or what lakekey signs in with, ends soon.
    Expiring,
    /// A new credential was delivered.
    Rotated,
}

impl Occasion {
    /// Returns the text that stands in notices.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Overdue => "overdue",
            Self::Expiring => "expiring",
            Self::Rotated => "rotated",
        }
    }
}
