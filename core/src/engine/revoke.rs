//! `revoke`: the emergency brake.
//!
//! It needs no ledger and no sign-in of the principal: where that is refused the workspace admin revokes for
//! it. What is revoked is listed first, and looked for again afterwards.

use std::collections::{BTreeSet, HashMap};

use super::action::{Action, Revoked};
use super::brake::{Brake, Item};
use super::command::Revocation;
use super::fill;
use super::job::Job;
use super::observe::Observed;
use super::plan::{self, Decision, Plan};
use super::report::{Outcome, State, StepReport, TargetReport};
use crate::config::Policy;
use crate::credential::Tag;
use crate::host::Phase;
use crate::model::{Code, CredentialKind, Error, Span, Step};

/// Says how far a revocation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It says what it would revoke.
    DryRun,
    /// It says so and waits to be confirmed.
    Unconfirmed,
    /// It revokes.
    Confirmed,
}

/// Revokes credentials, or says which it would revoke.
pub(super) async fn revoke(
    job: &Job<'_>,
    what: &Revocation,
    mode: Mode,
    report: &mut TargetReport,
) -> Result<(), Error> {
    match what {
        Revocation::Superseded => superseded(job, mode, report).await,
        _ => brake(job, what, mode, report).await,
    }
}

/// Revokes what a newer one replaces, the overlap cut short, which is what asking for it means; and where not
/// every place holds a newer one, what no place holds at all.
async fn superseded(job: &Job<'_>, mode: Mode, report: &mut TargetReport) -> Result<(), Error> {
    let (first, _) = job.decide(false).await?;
    // A place may have answered from before its last write.
    let (observed, plan) = job.decide(false).await?;
    fill::sinks(report, &observed, &plan);
    if let Decision::Yield { to, .. } = &plan.decision {
        let words = format!("another run has made {} and may be at work", to.id);
        return Err(Error::new(Code::AnotherRun, Step::RevokeToken, words));
    }
    if let Some(shown) = plan.shown() {
        fill::credential(report, job, shown);
    }
    let actions = match &plan.decision {
        Decision::Keep(_) => {
            let over = plan.waiting.iter().cloned().map(|id| Action::Revoke { id, why: Revoked::Superseded });
            plan.actions.iter().filter(|a| matches!(a, Action::Revoke { .. })).cloned().chain(over).collect()
        }
        _ => held_nowhere(job, &[&first, &observed], &plan),
    };
    let revoked: Vec<&String> = actions.iter().filter_map(Action::revokes).collect();
    for known in &observed.known {
        let in_use = plan.shown().is_some_and(|shown| shown.id == known.id);
        if !in_use && !revoked.contains(&&known.id) {
            report.leave(&known.id, "a place may hold it, so that it is kept on purpose", None);
        }
    }
    report.outcome = Outcome::Ok;
    if mode == Mode::DryRun {
        report.steps.extend(actions.iter().map(Action::would));
        let ids = actions.iter().filter_map(Action::revokes).collect();
        report.steps.extend(switched_off(observed, &ids).iter().map(Action::would));
        return Ok(());
    }
    if actions.is_empty() {
        return Ok(());
    }
    let brake = Brake::ready(job).await?;
    let ids: BTreeSet<&String> = actions.iter().filter_map(Action::revokes).collect();
    report.outcome = Outcome::Revoked;
    carry_out(job, &brake, |item| ids.contains(&item.id), report).await
}

/// Lists the versions of the places that are switched off with what is revoked, and with that alone.
fn switched_off(mut observed: Observed, revoked: &BTreeSet<&String>) -> Vec<Action> {
    let all: Vec<String> =
        observed.sinks.iter().flat_map(|s| s.versions.iter().map(|v| v.1.clone())).collect();
    observed.ids.extend(all);
    plan::retired(&observed, revoked.iter().copied(), false)
}

/// Lists what no place holds, by all that was observed.
fn held_nowhere(job: &Job<'_>, observed: &[&Observed], plan: &Plan) -> Vec<Action> {
    let at_once = Policy { overlap: Span::from_seconds(0), ..job.credentials.policy.clone() };
    let current = match &plan.decision {
        Decision::Renew { current, .. } => current.as_ref(),
        _ => plan.shown(),
    };
    let nowhere = |seen: &Observed| -> Vec<String> {
        plan::seen_nowhere(seen, current, &at_once).iter().map(|known| known.id.clone()).collect()
    };
    let mut ids = observed.iter().map(|seen| nowhere(seen));
    let mut all = ids.next().unwrap_or_default();
    ids.for_each(|others| all.retain(|id| others.contains(id)));
    all.into_iter().map(|id| Action::Revoke { id, why: Revoked::LeftOver }).collect()
}

async fn brake(job: &Job<'_>, what: &Revocation, mode: Mode, report: &mut TargetReport) -> Result<(), Error> {
    let brake = Brake::ready(job).await?;
    let (revoked, staying): (Vec<&Item>, Vec<&Item>) =
        brake.items.iter().partition(|item| is_meant(job, what, item));
    if let (Revocation::Id(id), true) = (what, revoked.is_empty()) {
        return Err(not_found(id));
    }
    if mode != Mode::Confirmed {
        report.outcome = Outcome::Ok;
        report.confirmation_needed = mode == Mode::Unconfirmed && !revoked.is_empty();
        let would = |item: &&Item| {
            let words = format!("revoke {item}; what signs in with it is refused from then on");
            StepReport::new(Step::RevokeToken, State::Would, words)
        };
        report.steps.extend(revoked.iter().map(would));
        let ids: BTreeSet<&String> = revoked.iter().map(|item| &item.id).collect();
        report.steps.extend(switched_off(job.observe_sinks().await, &ids).iter().map(Action::would));
        tell_staying(job, staying, report);
        return Ok(());
    }
    report.outcome = if revoked.is_empty() { Outcome::Ok } else { Outcome::Revoked };
    tell_staying(job, staying, report);
    carry_out(job, &brake, |item| is_meant(job, what, item), report).await
}

/// Tells which are left alone.
fn tell_staying(job: &Job<'_>, staying: Vec<&Item>, report: &mut TargetReport) {
    for item in staying {
        let why = match other_target(job, item.tag.as_ref()) {
            Some(name) => format!(": it is the target {name}'s"),
            None => String::new(),
        };
        report.steps.push(StepReport::new(Step::ListTokens, State::Ok, format!("{item} stays{why}")));
    }
}

/// Revokes, and looks for each afterwards: "revoked" is said of what is gone alone.
async fn carry_out(
    job: &Job<'_>,
    brake: &Brake<'_, '_>,
    is_meant: impl Fn(&Item) -> bool,
    report: &mut TargetReport,
) -> Result<(), Error> {
    let kept = report.left_over.len();
    let revoked: Vec<&Item> = brake.items.iter().filter(|item| is_meant(item)).collect();
    let ids: Vec<&str> = revoked.iter().map(|item| item.id.as_str()).collect();
    let refused: HashMap<&str, Error> = brake.revoke(&ids).await.into_iter().collect();
    let left = brake.left(&ids).await;
    for item in revoked {
        let id = item.id.as_str();
        let why = match (&left, refused.get(id)) {
            (Ok(left), _) if !left.iter().any(|other| other == id) => {
                let words = format!("revoked {item}{}; it may be accepted for some minutes more", brake.by());
                job.context.event(Step::RevokeToken, Phase::Done, words.clone());
                fill::done(report, Step::RevokeToken, words);
                report.revoked.push(id.to_owned());
                continue;
            }
            (_, Some(error)) => format!("it was not revoked: {error}"),
            (Ok(_), None) => "the service accepted its revocation and lists it still".to_owned(),
            (Err(error), None) => format!("whether it is gone could not be read: {error}"),
        };
        job.context.event(Step::RevokeToken, Phase::Warning, format!("{id}: {why}"));
        report.leave(id, why, None);
    }
    let retired = job.retire(&report.revoked).await;
    fill::retired(report, retired);
    survived(report.left_over.len() - kept)
}

/// Returns true for a credential that is to be revoked.
fn is_meant(job: &Job<'_>, what: &Revocation, item: &Item) -> bool {
    match what {
        Revocation::Id(id) => item.id == *id,
        Revocation::All if job.store.kind() == CredentialKind::Pat => {
            other_target(job, item.tag.as_ref()).is_none()
        }
        // The secrets of an application may serve others, who made them.
        Revocation::All | Revocation::Managed | Revocation::Superseded => match &item.tag {
            Some(tag) => job.context.subject.is_named(&tag.target),
            // What bears no text the configuration has handed over as a whole.
            None => !job.store.bears_tags(),
        },
    }
}

/// Returns the name of another target that is configured and whose credential it is; a name that is not
/// configured protects nothing.
fn other_target<'t>(job: &Job<'_>, tag: Option<&'t Tag>) -> Option<&'t str> {
    let name = &tag?.target;
    job.context.subject.is_anothers(name).then_some(name.as_str())
}

/// Drops the reports of the kinds of credential in which an id was not found, where it was in another.
pub(super) fn keep_found(reports: &mut Vec<TargetReport>) {
    if reports.iter().any(|report| report.error.is_none()) {
        reports.retain(|report| report.error.is_none());
    }
}

fn not_found(id: &str) -> Error {
    let words = format!("this principal has no credential with the id {id}");
    Error::new(Code::RevokeRefused, Step::RevokeToken, words).with_hint(
        "`lakekey status --json` shows the ids; one that is not listed is revoked or expired already",
    )
}

/// Fails the target where something has survived.
fn survived(left: usize) -> Result<(), Error> {
    if left == 0 {
        return Ok(());
    }
    let words = format!("{left} credentials have survived the revocation; run again");
    Err(Error::new(Code::Refused, Step::RevokeToken, words))
}
