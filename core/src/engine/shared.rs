//! What all targets of a run are served with.

use futures_util::StreamExt as _;
use futures_util::stream::iter;

use super::report::{Outcome, TargetReport};
use super::resolve::{Config, Target};
use super::sign_in_ends;
use crate::auth::{Context, Session};
use crate::host::{Host, Phase};
use crate::model::{Error, Step};
use crate::sink::Adapters;

/// How many requests of one target change something at once: a principal may have 600 credentials, and a
/// service that gets 600 requests in one moment refuses most.
const AT_ONCE: usize = 8;

/// Waits for all of them, a few at once, and returns their results in their order.
pub(super) async fn a_few_at_once<T>(all: impl IntoIterator<Item: Future<Output = T>>) -> Vec<T> {
    iter(all).buffered(AT_ONCE).collect().await
}

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
    warn_of_the_clock(context);
    sign_in_ends::enter(context, report);
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

/// How far a machine's clock may differ from the service's before that is told.
const CLOCK: i64 = 3_600_000;

/// Tells of a machine whose clock is wrong; the service's decides all the same.
fn warn_of_the_clock(context: &Context<'_>) {
    let ahead = context.now().since(context.ledger_now());
    if ahead.abs() <= CLOCK {
        return;
    }
    let (minutes, way) = (ahead.abs() / 60_000, if ahead > 0 { "ahead of" } else { "behind" });
    let words = format!("this machine's clock is {minutes} min {way} the service's, which decides");
    context.event(Step::SignIn, Phase::Warning, words);
}
