//! Fills reports from what was observed and done.

use super::observe::{Known, Observed};
use super::plan;
use super::rotate::Job;
use crate::error::Error;
use crate::report::{CredentialReport, DeliveryReport, TargetReport};
use crate::sink::{Sink, SinkState};

/// Enters the sinks as they were found.
pub(super) fn sinks(report: &mut TargetReport, observed: &Observed) {
    report.delivered = observed
        .sinks
        .iter()
        .map(|sink| DeliveryReport {
            sink: sink.label.clone(),
            written: sink.state.written.timestamp(),
            error: None,
        })
        .collect();
}

/// Enters the credential that is in use.
pub(super) fn credential(report: &mut TargetReport, job: &Job<'_>, known: &Known) {
    report.credential = Some(CredentialReport {
        kind: job.store.kind(),
        id: known.id.clone(),
        created: known.created,
        expires: known.expires,
        due: Some(plan::due(known.created, known.expires, &job.credentials.policy, job.jitter)),
    });
}

/// Enters which sinks could not be written.
pub(super) fn writes(report: &mut TargetReport, sinks: &[Box<dyn Sink>], writes: &[Result<(), Error>]) {
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
    sinks: &[Box<dyn Sink>],
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
