//! Fills reports from what was observed and done.

use super::action::Action;
use super::job::Job;
use super::observe::{Known, Observed};
use super::places::{Held, held};
use super::plan::{self, Plan};
use super::report::{CredentialReport, DeliveryReport, Holds, State, StepReport, TargetReport};
use super::scopes;
use crate::model::{Error, Step};
use crate::sink::SinkState;

/// Says what became of a place.
pub(super) enum Write {
    /// It was written.
    Done,
    /// It refused, or nobody knows.
    Failed(Error),
    /// Another one had failed before its turn, so that it holds what it held.
    NotTried,
}

/// Is what a place says after it was written.
pub(super) type ReadBack = Result<SinkState, Error>;

/// Enters the sinks as they were found, seen from the credential that the report shows, and the time at which
/// it was looked.
pub(super) fn sinks(report: &mut TargetReport, observed: &Observed, plan: &Plan) {
    report.as_of = Some(observed.now);
    let entry = |seen: &super::observe::SinkSeen| {
        let holds = match held(seen, plan.shown(), &observed.known) {
            Held::Current => Holds::Current,
            Held::Older => Holds::Older,
            Held::Nothing => Holds::Nothing,
            Held::Overwritten(_) => Holds::Overwritten,
            Held::Unknown => Holds::Unknown,
        };
        let mut entry = DeliveryReport::new(seen.label.clone(), seen.state.written.timestamp());
        entry.holds = holds;
        let since = holds == Holds::Unknown && plan.shown().is_some();
        entry.edited_by = seen.state.editor.clone().filter(|_| since);
        entry.error = seen.error.clone();
        entry
    };
    report.delivered = observed.sinks.iter().map(entry).collect();
}

/// Enters the credential that is in use.
pub(super) fn credential(report: &mut TargetReport, job: &Job<'_>, known: &Known) {
    let mut entry = CredentialReport::new(job.store.kind(), known.id.clone(), known.created);
    entry.expires = known.expires;
    entry.due = Some(plan::due(known.created, known.expires, &job.credentials.policy, job.jitter));
    scopes::enter(&mut entry, job, known);
    report.credential = Some(entry);
}

/// Enters what a run would do: all of it, or what comes before a credential is made for which there is no
/// room.
pub(super) fn would(report: &mut TargetReport, plan: &Plan, fits: bool) {
    let count = if fits { plan.actions.len() } else { plan::first(&plan.actions).count() };
    report.steps.extend(plan.actions.iter().take(count).map(Action::would));
}

/// Enters what a run has done.
pub(super) fn done(report: &mut TargetReport, step: Step, message: impl Into<String>) {
    report.steps.push(StepReport::new(step, State::Done, message));
}

/// Enters which versions were switched off.
pub(super) fn retired(report: &mut TargetReport, words: Vec<String>) {
    words.into_iter().for_each(|words| done(report, Step::RevokeToken, words));
}

/// Enters what became of each sink, where not all were reached; `moved` says that the new credential is the
/// one to be held from now on.
pub(super) fn writes(report: &mut TargetReport, writes: &[Write], moved: bool) {
    let before = |holds: Holds| if moved { before(holds) } else { holds };
    for (entry, write) in report.delivered.iter_mut().zip(writes) {
        match write {
            Write::Done => entry.holds = Holds::Current,
            Write::NotTried => {
                entry.tried = false;
                entry.holds = before(entry.holds);
            }
            Write::Failed(error) => {
                entry.holds = if error.is_uncertain() { Holds::Unknown } else { before(entry.holds) };
                entry.error = Some(error.clone());
            }
        }
    }
}

/// Enters that no place was tried: what was to be written there was not made.
pub(super) fn untried(report: &mut TargetReport) {
    report.delivered.iter_mut().for_each(|entry| entry.tried = false);
}

/// Says what a place holds once another credential is the current one.
fn before(holds: Holds) -> Holds {
    if holds == Holds::Current { Holds::Older } else { holds }
}

/// Enters what the sinks say after the write.
pub(super) fn read_back(report: &mut TargetReport, reads: &[ReadBack]) {
    for (entry, read) in report.delivered.iter_mut().zip(reads) {
        match read {
            Ok(state) => {
                entry.written = state.written.timestamp();
                entry.holds = Holds::Current;
                entry.edited_by = None;
            }
            Err(error) => {
                entry.holds = Holds::Unknown;
                entry.error = Some(error.clone());
            }
        }
    }
}
