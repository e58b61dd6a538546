//! What all targets of a run are served with.

use super::report::{Outcome, TargetReport};
use super::resolve::{Config, Target};
use crate::auth::{Context, Session};
use crate::host::Host;
use crate::model::Error;
use crate::sink::Adapters;

/// Holds what all targets of a run are served with.
pub(super) struct Run<'a> {
    pub(super) host: Host<'a>,
    pub(super) session: Session,
    pub(super) config: &'a Config,
    pub(super) adapters: &'a dyn Adapters,
}

impl Run<'_> {
    /// Starts what is to be known of a target.
    pub(super) fn context<'c>(&'c self, target: &'c Target) -> Context<'c> {
        Context::new(self.host, &self.session, &self.config.endpoints, &target.subject)
    }
}

/// Enters how it ended.
pub(super) fn finish(context: &Context<'_>, report: &mut TargetReport, result: Result<(), Error>) {
    report.requests = context.requests();
    report.workspace = Some(context.subject.workspace.to_string());
    report.client_id = context.client_id().map(str::to_owned);
    if let Err(error) = result {
        context.failed(&error);
        if report.outcome != Outcome::Partial {
            report.outcome = Outcome::Failed;
        }
        report.error = Some(error);
    }
}
