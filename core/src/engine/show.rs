//! `status` and the dry runs: what is, and what would be done.

use super::action::{Action, Reason};
use super::carry_out::{another_run, too_early, two_writers};
use super::fill;
use super::job::Job;
use super::observe::Observed;
use super::plan::{self, Decision, LEASE, Plan};
use super::quota;
use super::report::{Outcome, State, StepReport, TargetReport};
use super::scopes;
use crate::model::{Error, Step};

/// Reports the credential in use, its age, what each place holds, what would be done and what is left over.
pub(super) async fn status(job: &Job<'_>, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, plan) = job.decide(false).await?;
    fill::sinks(report, &observed, &plan);
    let asked = job.asked(false);
    report.outcome = match &plan.decision {
        Decision::Keep(_) => Outcome::Ok,
        Decision::Yield { .. } => Outcome::Yielded,
        Decision::Wait { .. } => Outcome::Partial,
        Decision::Stop { .. } => Outcome::Failed,
        Decision::Renew { current: Some(current), .. } => {
            let due = plan::due(current.created, current.expires, asked.policy, job.jitter);
            if observed.now >= due && !plan::is_overdue(current, asked, observed.now) {
                Outcome::Due
            } else {
                Outcome::Overdue
            }
        }
        Decision::Renew { current: None, .. } => Outcome::Overdue,
    };
    enter(job, &plan, report);
    left_over(job, &observed, &plan, report);
    let fits = fits(job, &observed, &plan);
    fill::would(report, &plan, fits.is_ok());
    rights(job, &observed, &plan, report).await;
    strangers(&observed, report);
    match &plan.decision {
        Decision::Wait { until, .. } => Err(too_early(*until)),
        Decision::Stop { sink, at, .. } => Err(two_writers(sink, *at)),
        _ => fits.and_then(|()| observed.readable()),
    }
}

/// Says whether what a run would make fits, and whether it is known what that may do.
///
/// # Errors
/// `quota-exceeded`; `reply-invalid` where it would inherit what cannot be read.
fn fits(job: &Job<'_>, observed: &Observed, plan: &Plan) -> Result<(), Error> {
    let Decision::Renew { current, .. } = &plan.decision else { return Ok(()) };
    let gone: Vec<String> = plan::first(&plan.actions).filter_map(Action::revokes).cloned().collect();
    quota::check(job.store.kind(), observed, &gone, current.as_ref())?;
    job.wanted(observed, current.as_ref()).map(drop)
}

/// Enters what is to be known of what the credential in use may do, when it was last used, and what the next
/// one may do.
async fn rights(job: &Job<'_>, observed: &Observed, plan: &Plan, report: &mut TargetReport) {
    scopes::enter_last_use(job, report).await;
    if let Some(shown) = plan.shown()
        && let Some(step) = job.told(shown, observed).filter(|step| step.hint.is_some())
    {
        report.steps.push(step);
    }
    if let Decision::Renew { current, why, .. } = &plan.decision
        && let Ok(wanted) = job.wanted(observed, current.as_ref())
    {
        let gone = matches!(why, Reason::Gone { .. });
        let note = job.note(&wanted, observed, current.as_ref(), gone);
        report.steps.extend(note.map(|note| StepReport::new(Step::CreateToken, State::Ok, note)));
    }
}

/// Reports what a rotation would do.
pub(super) async fn dry_run(job: &Job<'_>, force: bool, report: &mut TargetReport) -> Result<(), Error> {
    let (observed, plan) = job.decide(force).await?;
    would(job, &observed, &plan, force, report).await
}

/// Enters a plan.
pub(super) async fn would(
    job: &Job<'_>,
    observed: &Observed,
    plan: &Plan,
    force: bool,
    report: &mut TargetReport,
) -> Result<(), Error> {
    if let Decision::Yield { to, overdue, .. } = &plan.decision
        && (force || *overdue)
    {
        report.error = Some(another_run(to));
    }
    fill::sinks(report, observed, plan);
    report.outcome = match &plan.decision {
        Decision::Keep(_) => Outcome::NotDue,
        Decision::Yield { .. } => Outcome::Yielded,
        Decision::Renew { .. } => Outcome::Due,
        Decision::Wait { .. } => Outcome::Partial,
        Decision::Stop { .. } => Outcome::Failed,
    };
    enter(job, plan, report);
    waiting(job, plan, report);
    let fits = fits(job, observed, plan);
    fill::would(report, plan, fits.is_ok());
    rights(job, observed, plan, report).await;
    strangers(observed, report);
    match &plan.decision {
        Decision::Wait { until, .. } => Err(too_early(*until)),
        Decision::Stop { sink, at, .. } => Err(two_writers(sink, *at)),
        _ => fits.and_then(|()| observed.readable()),
    }
}

/// Enters the credential in use, or that another run is at work.
fn enter(job: &Job<'_>, plan: &Plan, report: &mut TargetReport) {
    if let Some(shown) = plan.shown() {
        fill::credential(report, job, shown);
    }
    if let Decision::Yield { to, .. } = &plan.decision {
        let words =
            format!("another run has made {} and may be at work until {:.0}", to.id, to.created + LEASE);
        report.steps.push(StepReport::new(Step::CheckOtherRuns, State::Ok, words));
    }
}

/// Enters what the end of the overlap brings.
fn waiting(job: &Job<'_>, plan: &Plan, report: &mut TargetReport) {
    let until = match &plan.decision {
        Decision::Keep(current) => Some(current.created + job.credentials.policy.overlap.duration()),
        _ => None,
    };
    for id in &plan.waiting {
        report.leave(id, "it is superseded, and lives on until the overlap ends", until);
    }
}

/// Enters every credential that is not in use any more, why it lives on and until when.
fn left_over(job: &Job<'_>, observed: &Observed, plan: &Plan, report: &mut TargetReport) {
    waiting(job, plan, report);
    let in_use = plan.shown().map(|shown| &shown.id);
    // What is in use is due at the most, though the next rotation revokes it too.
    for id in plan.revoked().filter(|id| Some(*id) != in_use) {
        report.leave(id, "it is superseded or left over; the next rotation revokes it", None);
    }
    let mut rest: Vec<_> = observed.known.iter().filter(|known| Some(&known.id) != in_use).collect();
    rest.sort_by_key(|known| (known.created, &known.id));
    for known in rest {
        let (why, until) = match plan::is_leased(known, observed.now) {
            true => ("another run may be at work with it", Some(known.created + LEASE)),
            false => ("a place may hold it; it is revoked once every place holds a newer one", None),
        };
        report.leave(&known.id, why, until);
    }
}

/// Tells what of this principal is not this target's.
fn strangers(observed: &Observed, report: &mut TargetReport) {
    for (id, name) in &observed.strays {
        let words = format!("{id} is alive and bears the name of the target {name}, which is not configured");
        let mut step = StepReport::new(Step::ListTokens, State::Unknown, words);
        step.hint = Some(format!(
            "if the target was renamed, write `formerly: [{name}]`; else `lakekey revoke --token-id {id}`"
        ));
        report.steps.push(step);
    }
    let others = observed.others - observed.strays.len();
    if others > 0 {
        let words = format!(
            "{others} more of this principal that lakekey did not make for this target; they are left alone"
        );
        report.steps.push(StepReport::new(Step::ListTokens, State::Ok, words));
    }
}
