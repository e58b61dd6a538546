//! Fills reports from what was observed and done.

use super::action::Action;
use super::job::Job;
use super::observe::{Known, Observed};
use super::plan::{self, Plan};
use super::report::{CredentialReport, DeliveryReport, State, StepReport, TargetReport};
use crate::model::{Error, Step};
use crate::sink::{Sink, SinkState};

/// Enters the sinks as they were found.
pub(super) fn sinks(report: &mut TargetReport, observed: &Observed) {
    let entry = |seen: &super::observe::SinkSeen| {
        DeliveryReport::new(seen.label.clone(), seen.state.written.timestamp())
    };
    report.delivered = observed.sinks.iter().map(entry).collect();
}

/// Enters the credential that is in use.
pub(super) fn credential(report: &mut TargetReport, job: &Job<'_>, known: &Known) {
    let mut entry = CredentialReport::new(job.store.kind(), known.id.clone(), known.created);
    entry.expires = known.expires;
    entry.due = Some(plan::due(known.created, known.expires, &job.credentials.policy, job.jitter));
    report.credential = Some(entry);
}

/// Enters what a run would do.
pub(super) fn would(report: &mut TargetReport, plan: &Plan) {
    report.steps.extend(plan.actions.iter().map(Action::would));
}

/// Enters what a run has done.
pub(super) fn done(report: &mut TargetReport, step: Step, message: impl Into<String>) {
    report.steps.push(StepReport::new(step, State::Done, message));
}

/// Enters which sinks could not be written.
pub(super) fn writes(report: &mut TargetReport, sinks: &[Box<dyn Sink + '_>], writes: &[Result<(), Error>]) {
    for (sink, written) in sinks.iter().zip(writes) {
        let label = sink.label();
        if let Some(entry) = report.delivered.iter_mut().find(|d| d.sink == label) {
            entry.error = written.as_ref().err().cloned();
        }
    }
}

/// Enters what the sinks say after the write.
pub(super) fn read_back(
    report: &mut TargetReport,
    sinks: &[Box<dyn Sink + '_>],
    reads: &[Result<SinkState, Error>],
) {
    for (sink, read) in sinks.iter().zip(reads) {
        let label = sink.label();
        let Some(entry) = report.delivered.iter_mut().find(|d| d.sink == label) else { continue };
        match read {
            Ok(state) => entry.written = state.written.timestamp(),
            Err(error) => entry.error = Some(error.clone()),
        }
    }
}
