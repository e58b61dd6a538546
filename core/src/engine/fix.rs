//! `doctor --fix`: the requests that are safe, each shown before it is sent.
//!
//! Safe is what touches this principal in this workspace and takes nothing from anybody: adding it, giving it
//! entitlements, granting it the use of tokens. What concerns the whole workspace or the tenant, and what
//! makes a credential, is left to `provision`.

use super::doctor::doctor;
use super::prepare::{PROPAGATION, Prepared};
use super::report::{Outcome, State, StepReport, TargetReport};
use super::resolve::Target;
use super::shared::Run;
use super::spreading;
use crate::auth::{Context, as_principal};
use crate::http::{Identity, Patience};
use crate::model::{Error, Step};
use crate::service::databricks::tokens;

/// Looks at every step of one target, and offers the requests that put right what can be put right safely;
/// sends them where that was confirmed, and looks again.
pub(super) async fn fix(run: &Run<'_>, target: &Target, confirmed: bool) -> TargetReport {
    let mut report = doctor(run, target).await;
    let context = run.context(target);
    let Ok(mut prepared) = Prepared::observe(&context, target).await else {
        // What keeps it from being looked at, the doctor has told.
        report.requests += context.requests();
        return report;
    };
    if !prepared.keep_safe() {
        let words = "more is missing than the requests that `--fix` sends: `lakekey provision` makes it";
        report.steps.push(StepReport::new(Step::Configure, State::NotChecked, words));
    } else if !confirmed {
        for action in &prepared.actions {
            let request = prepared.request(target, action).unwrap_or_default();
            let words = format!("{action}: {request}");
            report.steps.push(StepReport::new(action.step(), State::Would, words));
        }
        report.confirmation_needed = !prepared.actions.is_empty();
    } else if !prepared.actions.is_empty() {
        return send(run, &context, target, &prepared, report.requests).await;
    }
    report.requests += context.requests();
    report
}

/// Sends the requests, waits until they have taken effect, and looks again.
async fn send(
    run: &Run<'_>,
    context: &Context<'_>,
    target: &Target,
    prepared: &Prepared,
    requests: u32,
) -> TargetReport {
    let mut sent = TargetReport::new(&target.subject.name, Outcome::Ok);
    let result = prepared.carry_out(context, target, &mut sent).await;
    let mut known = target.clone();
    if let Ok(Some(id)) = &result {
        known.subject.principal.client_id = Some(id.clone());
    }
    let after = run.context(&known);
    if result.is_ok() {
        prepared.made().iter().for_each(|step| after.note_made(*step));
        // What it says in the end, the doctor says.
        let _ = takes_effect(&after).await;
    }
    let mut report = doctor(run, &known).await;
    report.requests += requests + context.requests() + after.requests();
    report.steps.splice(0..0, sent.steps);
    if let Err(error) = result {
        context.failed(&error);
        report.outcome = Outcome::Failed;
        report.error = Some(error);
    }
    report
}

/// Waits until the principal signs in and lists its tokens, as far as what was made just now keeps it from
/// that.
async fn takes_effect(context: &Context<'_>) -> Result<(), Error> {
    let patience = Patience::within(PROPAGATION).for_propagation_alone();
    let list = async |identity: &Identity| tokens::list(context, identity, Step::ListTokens).await.map(drop);
    let signs_in = async || {
        let listed = as_principal(context, async |identity: &Identity| Ok(list(identity).await)).await;
        listed.and_then(|listed| listed).map_err(|error| spreading::judged(context, error))
    };
    context.retry(Step::SignIn, patience, signs_in).await
}
