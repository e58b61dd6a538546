//! The report of a run, as `--json` prints it and the npm functions return it.

use serde::{Deserialize, Serialize};

pub use super::notice_report::NoticeReport;
use crate::model::{Class, CredentialKind, Error, Step, Timestamp, harmless, one_line};

/// Names how a target ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
    /// Credentials were revoked.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
    /// What it may do; absent where nobody says it, and for what has no scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<GivenScopes>,
    /// How that came to be: `chosen`, `unwatched`, `watched`, `narrowed-by-use`, `narrowed-by-history`,
    /// `not-covered`, or a word of the workspace's that is not known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scoping: Option<String>,
    /// When Databricks narrows it to what it was seen to use, where it is being watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrows: Option<Timestamp>,
    /// The scopes that it was seen to use so far, where it is being watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inferred_scopes: Option<Vec<String>>,
    /// The day on which it was last used, such as `2026-11-24`, where an admin was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// The day on which Databricks revokes it if nobody uses it until then, where an admin was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_until: Option<String>,
    /// The same in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub may: Option<String>,
}

/// Says what a credential may do, as `all` or as a list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GivenScopes {
    /// Everything that its principal may.
    All(Everything),
    /// What these scopes cover.
    Only(Vec<String>),
}

/// Is the word for everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Everything {
    /// Everything.
    All,
}

/// Describes what one place of delivery holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The place.
    pub sink: String,
    /// When it was last written, where it can say so.
    pub written: Option<Timestamp>,
    /// The kind of place, such as `github-secret`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// What it holds.
    #[serde(default)]
    pub holds: Holds,
    /// Who edited it since it was written, where the place cannot tell what was edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_by: Option<String>,
    /// Whether this run has tried it, where it was to write.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub tried: bool,
    /// Why this place does not hold the credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
}

fn yes() -> bool {
    true
}

/// Names what a place holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Holds {
    /// The credential that the report shows.
    Current,
    /// One of before.
    Older,
    /// Nothing.
    Nothing,
    /// What another hand has written since.
    Overwritten,
    /// It cannot tell.
    #[default]
    Unknown,
}

impl Holds {
    /// Returns the text that stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Older => "older",
            Self::Nothing => "nothing",
            Self::Overwritten => "overwritten",
            Self::Unknown => "unknown",
        }
    }
}

/// Describes a credential that is not in use any more and lives on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct LeftOver {
    /// The id.
    pub id: String,
    /// Why it lives on.
    pub why: String,
    /// Until when, where that is known.
    pub until: Option<Timestamp>,
}

/// Says how a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum State {
    /// A run would do it.
    Would,
    /// This run has done it.
    Done,
    /// It is as it must be.
    Ok,
    /// It is refused.
    Refused,
    /// Something is missing that a run would add.
    Missing,
    /// It was not looked at.
    NotChecked,
    /// Nobody says how it stands.
    Unknown,
}

impl State {
    /// Returns the text that stands in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Would => "would",
            Self::Done => "done",
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Missing => "missing",
            Self::NotChecked => "not-checked",
            Self::Unknown => "unknown",
        }
    }
}

/// Describes a step that a plan would take, that a run has taken, or that doctor has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StepReport {
    /// The step of the procedure.
    pub step: Step,
    /// How it stands.
    pub state: State,
    /// What would be done, what was done, or what was found.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl StepReport {
    /// Describes a step.
    #[must_use]
    pub fn new(step: Step, state: State, message: impl Into<String>) -> Self {
        Self { step, state, message: harmless(&message.into()), hint: None }
    }
}

/// Says until when somebody signs in as lakekey is configured to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SignInEnd {
    /// Where the configuration refers to what is signed in with, such as `github.token`.
    pub key: String,
    /// When it ends, or at the latest ends where several could be meant.
    pub ends: Timestamp,
    /// What its owner is to be told, within 30 days of the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Reports one credential of one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
    /// Why each of them lives on, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over_details: Vec<LeftOver>,
    /// The workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The principal's application id, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The time by the clock of the service that dates the credential, which decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Until when lakekey can sign in with what is not renewed by itself, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_in_ends: Vec<SignInEnd>,
    /// Whether a revocation has listed what it would revoke and waits to be confirmed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmation_needed: bool,
    /// How many HTTP requests the run has sent for this target.
    pub requests: u32,
    /// What a plan would do, what a run has done, or what doctor has found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
            left_over_details: Vec::new(),
            workspace: None,
            client_id: None,
            as_of: None,
            sign_in_ends: Vec::new(),
            confirmation_needed: false,
            requests: 0,
            steps: Vec::new(),
            error: None,
        }
    }

    /// Enters a credential that is not in use any more and lives on.
    pub(super) fn leave(&mut self, id: &str, why: impl Into<String>, until: Option<Timestamp>) {
        if !self.left_over.iter().any(|known| known == id) {
            self.left_over.push(id.to_owned());
            self.left_over_details.push(LeftOver { id: id.to_owned(), why: why.into(), until });
        }
    }

    /// Returns true where the process is not to end with 0 for it.
    pub(super) fn has_failed(&self) -> bool {
        match self.outcome {
            Outcome::Failed | Outcome::Partial => true,
            // It was asked to rotate and did not, or what is in use is overdue.
            Outcome::Yielded => self.error.is_some(),
            _ => self.confirmation_needed,
        }
    }
}

/// Reports a whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Report {
    /// The version of the report's shape.
    pub version: u32,
    /// The command.
    pub command: String,
    /// When the run began, by the host's clock.
    pub started: Timestamp,
    /// When the run ended, by the host's clock.
    pub finished: Timestamp,
    /// Every credential of every target, in the order of the configuration.
    pub targets: Vec<TargetReport>,
    /// Who was told of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeReport>,
    /// How many minutes GitHub's limits make of what a plan would write there; absent where they are no
    /// matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub github_minutes: Option<u64>,
}

impl CredentialReport {
    /// Describes a credential that is not due and never ends.
    #[must_use]
    pub fn new(kind: CredentialKind, id: impl Into<String>, created: Timestamp) -> Self {
        Self {
            kind,
            id: id.into(),
            created,
            expires: None,
            due: None,
            scopes: None,
            scoping: None,
            narrows: None,
            inferred_scopes: None,
            last_used: None,
            idle_until: None,
            may: None,
        }
    }
}

impl DeliveryReport {
    /// Describes a place; its name begins with its kind.
    #[must_use]
    pub fn new(sink: impl Into<String>, written: Option<Timestamp>) -> Self {
        let sink = sink.into();
        let kind = sink.split(' ').next().unwrap_or_default().to_owned();
        Self { sink, written, kind, holds: Holds::Unknown, edited_by: None, tried: true, error: None }
    }
}

impl TargetReport {
    /// Makes harmless what services have said, in whatever field it stands.
    fn make_harmless(&mut self) {
        let plain = |text: &mut String| *text = harmless(text);
        let short = |text: &mut String| *text = one_line(text);
        if let Some(credential) = &mut self.credential {
            let texts = [
                &mut credential.scoping,
                &mut credential.last_used,
                &mut credential.idle_until,
                &mut credential.may,
            ];
            texts.into_iter().flatten().for_each(plain);
            short(&mut credential.id);
            credential.inferred_scopes.iter_mut().flatten().for_each(short);
            if let Some(GivenScopes::Only(scopes)) = &mut credential.scopes {
                scopes.iter_mut().for_each(short);
            }
        }
        for place in &mut self.delivered {
            plain(&mut place.sink);
            place.edited_by.iter_mut().for_each(short);
        }
        self.revoked.iter_mut().chain(&mut self.left_over).for_each(short);
        for left in &mut self.left_over_details {
            short(&mut left.id);
            plain(&mut left.why);
        }
        for step in &mut self.steps {
            plain(&mut step.message);
            step.hint.iter_mut().for_each(plain);
        }
        self.sign_in_ends.iter_mut().filter_map(|end| end.warning.as_mut()).for_each(plain);
        self.client_id.iter_mut().chain(&mut self.workspace).for_each(short);
    }
}

fn writes_at_github(targets: &[TargetReport]) -> u64 {
    let steps = targets.iter().flat_map(|target| &target.steps);
    let writes = steps.filter(|step| step.state == State::Would && step.step == Step::Deliver);
    writes.filter(|step| step.message.contains("github-secret ")).count() as u64
}

/// Returns how long GitHub takes for what a plan would write: 80 a minute, 500 an hour.
///
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
fn minutes_at_github(targets: &[TargetReport]) -> Option<u64> {
    let last = writes_at_github(targets).checked_sub(1)?;
    let minutes = last / 500 * 60 + last % 500 / 80;
    (minutes > 0).then_some(minutes)
}

impl Report {
    /// Makes the report of a run that began and ended then.
    #[must_use]
    pub fn new(
        command: impl Into<String>,
        started: Timestamp,
        finished: Timestamp,
        mut targets: Vec<TargetReport>,
    ) -> Self {
        targets.iter_mut().for_each(TargetReport::make_harmless);
        Self {
            version: 1,
            command: command.into(),
            started,
            finished,
            github_minutes: minutes_at_github(&targets),
            targets,
            notices: Vec::new(),
        }
    }

    /// Returns how many secrets of GitHub a plan would write.
    #[must_use]
    pub fn github_writes(&self) -> u64 {
        writes_at_github(&self.targets)
    }

    /// Returns the process's exit status: 0 done; 1 a target failed; 2 the configuration is at fault for
    /// every failure, and no request was sent.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        let mut failed = self.targets.iter().filter(|target| target.has_failed()).peekable();
        if failed.peek().is_none() {
            return 0;
        }
        let sent = self.targets.iter().any(|target| target.requests > 0);
        let of_target =
            |target: &TargetReport| target.error.as_ref().is_none_or(|error| error.class() == Class::Target);
        if sent || failed.any(of_target) { 1 } else { 2 }
    }
}
