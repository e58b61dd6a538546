//! The report of a run, as `--json` prints it and the npm functions return it.

use serde::Serialize;

use crate::credential::CredentialKind;
use crate::error::Error;
use crate::timestamp::Timestamp;

/// Names how a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The principal was made able to use tokens, and a first credential was delivered.
    Provisioned,
    /// A new credential was delivered.
    Rotated,
    /// Nothing had to be done.
    NotDue,
    /// Another run is at work on the same target.
    Yielded,
    /// Some places hold the new credential and one does not.
    Partial,
    /// A step failed.
    Failed,
    /// Credentials were taken back.
    Revoked,
    /// All is well.
    Ok,
    /// The credential is due for renewal.
    Due,
    /// The credential has expired, or will before the next run can be expected, or is not delivered
    /// everywhere.
    Overdue,
}

impl Outcome {
    /// Returns the text that stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioned => "provisioned",
            Self::Rotated => "rotated",
            Self::NotDue => "not-due",
            Self::Yielded => "yielded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
            Self::Ok => "ok",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// Describes a credential without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CredentialReport {
    /// The kind.
    pub kind: CredentialKind,
    /// The id under which the service knows it.
    pub id: String,
    /// When it was made, by the service's clock.
    pub created: Timestamp,
    /// When it ends; `None` if never.
    pub expires: Option<Timestamp>,
    /// When the next rotation renews it.
    pub due: Option<Timestamp>,
}

/// Describes what one place of delivery holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeliveryReport {
    /// The place.
    pub sink: String,
    /// When it was last written, where it can say so.
    pub written: Option<Timestamp>,
    /// Why this place does not hold the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

/// Describes a step that a plan would take, or that doctor has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StepReport {
    /// The step of the procedure.
    pub step: &'static str,
    /// `would` (a plan), `ok`, `refused`, `missing` or `unknown` (doctor).
    pub state: &'static str,
    /// What would be done, or what was found.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Reports one credential of one target.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetReport {
    /// The target's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The credential that is now in use.
    pub credential: Option<CredentialReport>,
    /// Every place of delivery.
    pub delivered: Vec<DeliveryReport>,
    /// The ids of the credentials that this run has revoked.
    pub revoked: Vec<String>,
    /// The ids of managed credentials that are no longer in use and not revoked yet.
    pub left_over: Vec<String>,
    /// How many HTTP requests the run has sent for this target.
    pub requests: u32,
    /// What a plan would do, or what doctor has found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    /// Why the target failed.
    pub error: Option<Error>,
}

impl TargetReport {
    /// Starts the report of a target.
    #[must_use]
    pub fn new(name: &str, outcome: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            outcome,
            credential: None,
            delivered: Vec::new(),
            revoked: Vec::new(),
            left_over: Vec::new(),
            requests: 0,
            steps: Vec::new(),
            error: None,
        }
    }
}

/// Reports a whole run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The version of the report's shape.
    pub version: u32,
    /// The command.
    pub command: &'static str,
    /// When the run began, by the host's clock.
    pub started: Timestamp,
    /// When the run ended, by the host's clock.
    pub finished: Timestamp,
    /// Every credential of every target, in the order of the configuration.
    pub targets: Vec<TargetReport>,
}

impl Report {
    /// Returns the process's exit status: 0 done, 1 a target failed, 2 the configuration is at fault for
    /// every failure.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let mut failed = self
            .targets
            .iter()
            .filter(|target| matches!(target.outcome, Outcome::Failed | Outcome::Partial))
            .peekable();
        if failed.peek().is_none() {
            return 0;
        }
        let configuration =
            failed.all(|target| target.error.as_ref().is_some_and(|e| e.code().is_configuration()));
        if configuration { 2 } else { 1 }
    }
}
