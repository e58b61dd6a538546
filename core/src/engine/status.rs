//! `status` and the dry runs: what is, and what would be done.

use super::observe::Standing;
use super::plan::{self, Plan};
use super::report;
use super::rotate::Job;
use crate::context::shifted;
use crate::error::Error;
use crate::report::{Outcome, StepReport, TargetReport};

/// Reports the credential in use, its age and what is left over.
pub(super) async fn status(job: &Job<'_>, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, decided) = job.decide(false).await?;
    report::sinks(report, &observed);
    let now = observed.now;
    let leased: Vec<String> =
        observed.known.iter().filter(|k| plan::is_leased(k, now)).map(|k| k.id.clone()).collect();
    match decided {
        Plan::Keep { current, revoke, waiting } => {
            report::credential(report, job, &current);
            report.outcome = Outcome::Ok;
            report.left_over = [revoke, waiting, leased].concat();
        }
        Plan::Yield { to } => {
            report.outcome = Outcome::Yielded;
            report.steps.push(step(
                "check-other-runs",
                "ok",
                format!("another run has made {} and may be at work", to.id),
            ));
            report.left_over = leased;
        }
        Plan::Renew { why, current } => {
            report.outcome = match &current {
                Some(current) => {
                    report::credential(report, job, current);
                    let due =
                        plan::due(current.created, current.expires, &job.credentials.policy, job.jitter);
                    // Half of the time that was set aside for renewing is gone: runs have failed or do not
                    // happen.
                    let late = shifted(due, job.credentials.policy.renew_before.milliseconds() / 2);
                    if now >= due && now < late { Outcome::Due } else { Outcome::Overdue }
                }
                None => Outcome::Overdue,
            };
            let in_use = current.map(|c| c.id);
            report.left_over = observed
                .known
                .iter()
                .map(|k| k.id.clone())
                .filter(|id| Some(id) != in_use.as_ref())
                .collect();
            report.steps.push(step("create-token", "would", why.to_string()));
        }
    }
    if observed.others > 0 {
        report.steps.push(step(
            "list-tokens",
            "ok",
            format!(
                "{} more of this principal that lakekey did not make for this target; they are left alone",
                observed.others
            ),
        ));
    }
    Ok(())
}

/// Reports what a rotation would do.
pub(super) async fn would(job: &Job<'_>, force: bool, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, decided) = job.decide(force).await?;
    report::sinks(report, &observed);
    report.outcome = Outcome::NotDue;
    let kind = job.store.kind().as_str();
    match decided {
        Plan::Keep { current, revoke, waiting } => {
            report::credential(report, job, &current);
            if current.standing == Standing::Pending && current.operation.is_some() {
                report.steps.push(step("mark-active", "would", format!("mark {} as delivered", current.id)));
            }
            report
                .steps
                .extend(revoke.iter().map(|id| step("revoke-token", "would", format!("revoke {id}"))));
            report.left_over = [revoke, waiting].concat();
        }
        Plan::Yield { to } => {
            report.outcome = Outcome::Yielded;
            report.steps.push(step(
                "check-other-runs",
                "would",
                format!("yield to the run that has made {}", to.id),
            ));
        }
        Plan::Renew { why, current } => {
            report.outcome = Outcome::Due;
            report.steps.push(step("create-token", "would", format!("make a new {kind}: {why}")));
            report.steps.push(step("verify-token", "would", format!("verify the new {kind}")));
            for sink in &observed.sinks {
                report.steps.push(step("deliver", "would", format!("write {}", sink.label)));
            }
            if let Some(current) = &current {
                report::credential(report, job, current);
            }
            let overlap = job.credentials.policy.overlap;
            for known in observed.known.iter().filter(|k| !plan::is_leased(k, observed.now)) {
                let when = if overlap.seconds() == 0 {
                    String::new()
                } else {
                    format!(" after an overlap of {overlap}")
                };
                report.steps.push(step("revoke-token", "would", format!("revoke {}{when}", known.id)));
            }
        }
    }
    Ok(())
}

/// Turns the report of a dry run into that of a plan.
pub(super) fn as_plan(report: &mut TargetReport) {
    if report.outcome != Outcome::Failed && report.steps.is_empty() {
        report.outcome = Outcome::NotDue;
    }
}

pub(super) fn step(step: &'static str, state: &'static str, message: impl Into<String>) -> StepReport {
    StepReport { step, state, message: message.into(), hint: None }
}
