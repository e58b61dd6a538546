//! `revoke`: the emergency brake.
//!
//! It needs no ledger and no sign-in of the principal: where that is refused the workspace admin revokes for
//! it.

use super::Revocation;
use super::observe::known;
use super::plan::Plan;
use super::report;
use super::rotate::Job;
use super::status::step;
use crate::config::PrincipalKind;
use crate::context::Context;
use crate::credential::{CredentialKind, Tag};
use crate::error::{Code, Error, Step};
use crate::event;
use crate::report::{Outcome, TargetReport};
use crate::service::databricks::management;
use crate::sign_in::sign_in_admin;

/// Takes credentials back.
pub(super) async fn revoke(
    job: &Job<'_>,
    what: &Revocation,
    dry_run: bool,
    report: &mut TargetReport,
) -> Result<(), Error> {
    let ids = match what {
        Revocation::Superseded => {
            let (observed, decided) = job.decide(false).await?;
            report::sinks(report, &observed);
            match decided {
                // The overlap is what the user cuts short by asking.
                Plan::Keep { current, revoke, waiting } => {
                    report::credential(report, job, &current);
                    [revoke, waiting].concat()
                }
                Plan::Renew { why, .. } => {
                    return Err(Error::new(
                        Code::RevokeRefused,
                        Step::RevokeToken,
                        format!("no credential is known to be superseded: {why}"),
                    )
                    .with_hint(
                        "run `lakekey rotate` first, or name one with --token-id, or take back all with \
                         --all",
                    ));
                }
                Plan::Yield { to } => {
                    return Err(Error::new(
                        Code::AnotherRun,
                        Step::RevokeToken,
                        format!("another run has made {} and may be at work", to.id),
                    ));
                }
            }
        }
        Revocation::All => match all(job).await {
            Ok(ids) => ids,
            Err(error) => return by_admin(job, what, dry_run, report, error).await,
        },
        Revocation::Id(id) => match job.store.list(job.context, Step::ListTokens).await {
            Ok(listed) if listed.iter().any(|l| l.id == *id) => vec![id.clone()],
            Ok(_) => return Err(not_found(id)),
            Err(error) => return by_admin(job, what, dry_run, report, error).await,
        },
    };
    if dry_run {
        would(report, &ids);
        return Ok(());
    }
    job.revoke(report, ids, Vec::new()).await;
    ended(report)
}

/// Finds every credential of the target; without a mark it is taken for this target's, since the ledger may
/// be lost.
async fn all(job: &Job<'_>) -> Result<Vec<String>, Error> {
    let listed = job.store.list(job.context, Step::ListTokens).await?;
    let (known, _) =
        known(&job.context.target.name, &crate::config::Adopt::All, job.store.bears_tags(), listed);
    Ok(known.into_iter().map(|k| k.id).collect())
}

/// Revokes as the workspace admin, where the principal itself cannot sign in any more.
async fn by_admin(
    job: &Job<'_>,
    what: &Revocation,
    dry_run: bool,
    report: &mut TargetReport,
    refused: Error,
) -> Result<(), Error> {
    let context = job.context;
    let (CredentialKind::Pat, true) = (job.store.kind(), context.target.admin.is_some()) else {
        return Err(refused);
    };
    context.event(Step::SignIn, event::Phase::Warning, format!("{refused}; going on as the workspace admin"));
    let admin = sign_in_admin(context).await?;
    let application_id = application_id(context, &admin).await?;
    let infos = management::list_of(context, &admin, &application_id).await?;
    let ids: Vec<String> = infos
        .into_iter()
        .filter(|info| match what {
            Revocation::Id(id) => info.token_id == *id,
            _ => info
                .comment
                .as_deref()
                .and_then(Tag::find)
                .is_none_or(|tag| tag.target == context.target.name),
        })
        .map(|info| info.token_id)
        .collect();
    if let (Revocation::Id(id), true) = (what, ids.is_empty()) {
        return Err(not_found(id));
    }
    if dry_run {
        would(report, &ids);
        return Ok(());
    }
    for id in ids {
        match management::delete(context, &admin, &id).await {
            Ok(()) => {
                context.event(
                    Step::RevokeToken,
                    event::Phase::Done,
                    format!("revoked {id} as the workspace admin"),
                );
                report.revoked.push(id);
            }
            Err(error) => {
                context.failed(&error);
                report.left_over.push(id);
            }
        }
    }
    ended(report)
}

/// Finds the principal's application id, which is the user name under which its tokens stand.
async fn application_id(context: &Context<'_>, admin: &crate::call::Identity) -> Result<String, Error> {
    super::provision::find_principal(context, admin)
        .await?
        .map(|principal| principal.application_id)
        .or_else(|| context.target.principal.client_id.clone())
        .ok_or_else(|| {
            let kind =
                if context.target.principal.kind == PrincipalKind::Entra { "Entra" } else { "Databricks" };
            Error::new(
                Code::PrincipalNotInWorkspace,
                Step::RevokeToken,
                format!("the {kind} service principal was not found in the workspace"),
            )
        })
}

fn not_found(id: &str) -> Error {
    Error::new(
        Code::RevokeRefused,
        Step::RevokeToken,
        format!("this principal has no credential with the id {id}"),
    )
    .with_hint("`lakekey status --json` shows the ids; one that is not listed is revoked or expired already")
}

fn would(report: &mut TargetReport, ids: &[String]) {
    report.outcome = Outcome::Ok;
    report.steps.extend(ids.iter().map(|id| {
        step("revoke-token", "would", format!("revoke {id}; whoever uses it is refused from then on"))
    }));
}

/// Fails the target where something could not be revoked.
fn ended(report: &mut TargetReport) -> Result<(), Error> {
    report.outcome = Outcome::Revoked;
    match report.left_over.len() {
        0 => Ok(()),
        left => Err(Error::new(
            Code::Refused,
            Step::RevokeToken,
            format!("{left} credentials could not be revoked; run again"),
        )),
    }
}
