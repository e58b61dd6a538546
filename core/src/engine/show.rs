//! `status` and the dry runs: what is, and what would be done.

use super::fill;
use super::job::Job;
use super::plan::{self, Decision, Plan};
use super::report::{Outcome, State, StepReport, TargetReport};
use crate::model::{Error, Step};

/// Reports the credential in use, its age, what would be done and what is left over.
pub(super) async fn status(job: &Job<'_>, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, plan) = job.decide(false).await?;
    fill::sinks(report, &observed);
    let now = observed.now;
    let leased = observed.known.iter().filter(|known| plan::is_leased(known, now));
    let leased: Vec<String> = leased.map(|known| known.id.clone()).collect();
    match &plan.decision {
        Decision::Keep(current) => {
            fill::credential(report, job, current);
            report.outcome = Outcome::Ok;
            report.left_over = [plan.revoked().cloned().collect(), plan.waiting.clone(), leased].concat();
        }
        Decision::Yield(to) => {
            report.outcome = Outcome::Yielded;
            let words = format!("another run has made {} and may be at work", to.id);
            report.steps.push(StepReport::new(Step::CheckOtherRuns, State::Ok, words));
            report.left_over = leased;
        }
        Decision::Renew { current, .. } => {
            let policy = &job.credentials.policy;
            report.outcome = match current {
                Some(current) => {
                    fill::credential(report, job, current);
                    let due = plan::due(current.created, current.expires, policy, job.jitter);
                    // Half of the time that was set aside for renewing is gone: runs have failed or do not
                    // happen.
                    let late = due + policy.renew_before.duration() / 2;
                    if now >= due && now < late { Outcome::Due } else { Outcome::Overdue }
                }
                None => Outcome::Overdue,
            };
            let in_use = current.as_ref().map(|current| &current.id);
            let rest = observed.known.iter().map(|known| &known.id).filter(|id| Some(*id) != in_use);
            report.left_over = rest.cloned().collect();
        }
    }
    fill::would(report, &plan);
    if observed.others > 0 {
        let words = format!(
            "{} more of this principal that lakekey did not make for this target; they are left alone",
            observed.others
        );
        report.steps.push(StepReport::new(Step::ListTokens, State::Ok, words));
    }
    Ok(())
}

/// Reports what a rotation would do.
pub(super) async fn dry_run(job: &Job<'_>, force: bool, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, plan) = job.decide(force).await?;
    fill::sinks(report, &observed);
    would(job, &plan, report);
    Ok(())
}

/// Enters a plan.
pub(super) fn would(job: &Job<'_>, plan: &Plan, report: &mut TargetReport) {
    match &plan.decision {
        Decision::Keep(current) => {
            report.outcome = Outcome::NotDue;
            fill::credential(report, job, current);
            report.left_over = plan.revoked().chain(&plan.waiting).cloned().collect();
        }
        Decision::Yield(to) => {
            report.outcome = Outcome::Yielded;
            let words = format!("yield to the run that has made {}", to.id);
            report.steps.push(StepReport::new(Step::CheckOtherRuns, State::Would, words));
        }
        Decision::Renew { current, .. } => {
            report.outcome = Outcome::Due;
            if let Some(current) = current {
                fill::credential(report, job, current);
            }
            // They live on until the overlap ends.
            report.left_over = plan.waiting.clone();
        }
    }
    fill::would(report, plan);
}
