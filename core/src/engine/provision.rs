//! `provision`: from nothing to a principal that can use PATs, and a first credential.

use std::time::Duration;

use super::action::Action;
use super::job::Job;
use super::prepare::{PROPAGATION, Prepared};
use super::report::{Outcome, State, StepReport, TargetReport};
use super::resolve::{Credentials, Target};
use super::shared::{Run, finish};
use super::{show, spreading};
use crate::auth::Context;
use crate::http::Patience;
use crate::model::{Code, CredentialKind, Error, Step, Temporary};

/// Provisions a target, or says what would be done.
pub(super) async fn provision(run: &Run<'_>, target: &Target, dry_run: bool) -> Vec<TargetReport> {
    let context = run.context(target);
    let mut first = TargetReport::new(&target.subject.name, Outcome::Ok);
    let ready = async {
        let prepared = Prepared::observe(&context, target).await?;
        let client_id = match dry_run {
            true => {
                first.steps.extend(prepared.actions.iter().map(Action::would));
                prepared.client_id()
            }
            false => prepared.carry_out(&context, target, &mut first).await?,
        };
        Ok((prepared, client_id))
    };
    let (prepared, client_id) = match ready.await {
        Ok(ready) => ready,
        Err(error) => {
            finish(&context, &mut first, Err(error));
            return vec![first];
        }
    };
    // The credentials are made by a principal whose id may have been learnt just now.
    let mut known = target.clone();
    known.subject.principal.client_id = client_id.or(known.subject.principal.client_id);
    let mut made = prepared.made();
    let mut reports = Vec::with_capacity(known.credentials.len());
    // The secrets first: the principal signs in with them.
    for credentials in known.credentials.iter().filter(|credentials| !credentials.deliver.is_empty()) {
        let context = run.context(&known);
        let mut report = TargetReport::new(&known.subject.name, Outcome::Ok);
        let result = match dry_run {
            true => foretell(run, &context, credentials, &prepared, &made, &mut report).await,
            false => {
                made.iter().for_each(|step| context.note_made(*step));
                deliver_first(run, &context, credentials, &prepared, &mut report).await
            }
        };
        if credentials.kind != CredentialKind::Pat
            && matches!(report.outcome, Outcome::Rotated | Outcome::Due)
        {
            // The principal signs in with it from now on.
            made.push(Step::CreateToken);
        }
        finish(&context, &mut report, result);
        reports.push(report);
    }
    if reports.is_empty() {
        reports.push(TargetReport::new(&known.subject.name, Outcome::Ok));
    }
    let changed = !dry_run && !prepared.actions.is_empty();
    for (index, report) in reports.iter_mut().enumerate() {
        if index == 0 {
            report.requests += context.requests();
            report.steps.splice(0..0, std::mem::take(&mut first.steps));
        }
        report.outcome = match report.outcome {
            Outcome::Rotated => Outcome::Provisioned,
            Outcome::NotDue if changed => Outcome::Provisioned,
            Outcome::NotDue => Outcome::Ok,
            Outcome::Ok if changed => Outcome::Provisioned,
            other => other,
        };
    }
    reports
}

/// Says what would be done for one kind of credential, once what is missing was made: at the steps `made`.
async fn foretell(
    run: &Run<'_>,
    context: &Context<'_>,
    credentials: &Credentials,
    prepared: &Prepared,
    made: &[Step],
    report: &mut TargetReport,
) -> Result<(), Error> {
    let job = Job::open(context, credentials, run.adapters)?;
    // One that does not exist yet has no credential, and cannot be asked.
    let observed = match prepared.is_new() {
        true => job.observe_sinks().await,
        false => match job.observe().await {
            // What is missing keeps it from answering; its admin sees what it has.
            Err(error) if spreading::is_explained(made, &error) => {
                match (&prepared.workspace.principal, credentials.kind) {
                    (Some(principal), CredentialKind::Pat) => {
                        match job.observe_as_admin(&prepared.admin, principal).await {
                            // Nobody is shown the tokens of a workspace that has switched them off.
                            Err(error) if spreading::is_explained(made, &error) => {
                                let words = "the tokens cannot be listed before they are switched on; a run \
                                             that finds a good one in every place makes none";
                                report.steps.push(StepReport::new(Step::ListTokens, State::Unknown, words));
                                job.observe_sinks().await
                            }
                            observed => observed?,
                        }
                    }
                    _ => job.observe_sinks().await,
                }
            }
            observed => observed?,
        },
    };
    let plan = job.plan(&observed, false);
    show::would(&job, &observed, &plan, false, report).await
}

/// How long provisioning waits for a federation policy that somebody has just made; they were seen to take
/// one or two minutes.
const POLICY: Duration = Duration::from_secs(150);

/// How long provisioning waits until an entitlement works that it has given; ten minutes are documented.
///
/// <https://learn.microsoft.com/azure/databricks/security/auth/entitlements>
const ENTITLEMENT: Duration = Duration::from_secs(600);

/// Makes and delivers the first credential, waiting until what was made works.
async fn deliver_first(
    run: &Run<'_>,
    context: &Context<'_>,
    credentials: &Credentials,
    prepared: &Prepared,
    report: &mut TargetReport,
) -> Result<(), Error> {
    let job = Job::open(context, credentials, run.adapters)?;
    // A person may have made the federation policy a moment ago, which is not seen from here.
    let bound = if prepared.actions.is_empty() { POLICY } else { PROPAGATION };
    let mut waits = false;
    let mut attempt = async || {
        let delivered = job.rotate(false, report).await.map_err(|error| match error.code() {
            Code::FederationPolicyMismatch => error,
            _ => spreading::judged(context, error),
        });
        waits = delivered.as_ref().is_err_and(|error| error.temporary() == Temporary::Propagation);
        delivered.map_err(|error| {
            // Later than this something was made that another attempt would make once more.
            let early = matches!(error.step(), Step::SignIn | Step::ListTokens | Step::CreateToken);
            waits &= early;
            if early { error } else { error.with_temporary(Temporary::No) }
        })
    };
    let patience = Patience::within(bound).for_propagation_alone();
    let mut delivered = context.retry(Step::SignIn, patience, &mut attempt).await;
    let gives =
        |action: &Action| matches!(action, Action::AddEntitlements(_) | Action::ImportPrincipal { .. });
    let lacks = |error: &Error| error.code() == Code::EntitlementMissing;
    if delivered.as_ref().is_err_and(lacks) && prepared.actions.iter().any(gives) {
        let patience = Patience::within(ENTITLEMENT - bound).for_propagation_alone();
        delivered = context.retry(Step::SignIn, patience, &mut attempt).await;
    }
    delivered.map_err(|error| match waits && error.code() != Code::Cancelled {
        true => error.with_hint("what was made stays; run `lakekey provision` again in a few minutes"),
        false => error,
    })
}
