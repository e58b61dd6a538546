//! `revoke`: the emergency brake.
//!
//! It needs no ledger and no sign-in of the principal: where that is refused the workspace admin revokes for
//! it.

use super::action::{Action, Revoked};
use super::command::Revocation;
use super::fill;
use super::job::Job;
use super::observe::known;
use super::plan::Decision;
use super::report::{Outcome, TargetReport};
use super::world::admin;
use crate::auth::{Context, find_in_workspace};
use crate::config::Adopt;
use crate::credential::Tag;
use crate::host::Phase;
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Error, PrincipalKind, Step};
use crate::service::databricks::management;

/// Revokes credentials, or says which it would revoke.
pub(super) async fn revoke(
    job: &Job<'_>,
    what: &Revocation,
    dry_run: bool,
    report: &mut TargetReport,
) -> Result<(), Error> {
    let planned = match what {
        Revocation::Superseded => superseded(job, report).await.map(Some),
        Revocation::All => all(job).await.map(Some),
        Revocation::Id(id) => one(job, id).await,
    };
    let actions = match planned {
        Ok(Some(actions)) => actions,
        Ok(None) => return Err(not_found(what)),
        Err(refused) => return by_admin(job, what, dry_run, report, refused).await,
    };
    if dry_run {
        would(report, &actions);
        return Ok(());
    }
    job.revoke(report, &actions, Vec::new()).await;
    ended(report)
}

fn asked(id: String) -> Action {
    Action::Revoke { id, why: Revoked::Asked }
}

/// Lists what a rotation would revoke, the overlap cut short, which is what asking for it means.
async fn superseded(job: &Job<'_>, report: &mut TargetReport) -> Result<Vec<Action>, Error> {
    let (observed, plan) = job.decide(false).await?;
    fill::sinks(report, &observed);
    let (code, words) = match &plan.decision {
        Decision::Keep(current) => {
            fill::credential(report, job, current);
            let now = plan.revoked().cloned().map(|id| Action::Revoke { id, why: Revoked::Superseded });
            return Ok(now.chain(plan.waiting.iter().cloned().map(asked)).collect());
        }
        Decision::Renew { why, .. } => {
            (Code::RevokeRefused, format!("no credential is known to be superseded: {why}"))
        }
        Decision::Yield(to) => {
            (Code::AnotherRun, format!("another run has made {} and may be at work", to.id))
        }
    };
    let error = Error::new(code, Step::RevokeToken, words);
    Err(match code {
        Code::RevokeRefused => error
            .with_hint("run `lakekey rotate` first, or name one with --token-id, or revoke all with --all"),
        _ => error,
    })
}

/// Finds every credential of the target; without a mark it counts as this target's, since the ledger may be
/// lost.
async fn all(job: &Job<'_>) -> Result<Vec<Action>, Error> {
    let listed = job.store.list(job.context, Step::ListTokens).await?;
    let (known, _) = known(&job.context.subject.name, &Adopt::All, job.store.bears_tags(), listed);
    Ok(known.into_iter().map(|known| asked(known.id)).collect())
}

/// Finds one credential; `None` where the principal has none with that id.
async fn one(job: &Job<'_>, id: &str) -> Result<Option<Vec<Action>>, Error> {
    let listed = job.store.list(job.context, Step::ListTokens).await?;
    Ok(listed.iter().any(|listed| listed.id == id).then(|| vec![asked(id.to_owned())]))
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
    let stands_in = *what != Revocation::Superseded
        && job.store.kind() == CredentialKind::Pat
        && context.subject.admin.is_some();
    if !stands_in {
        return Err(refused);
    }
    context.event(Step::SignIn, Phase::Warning, format!("{refused}; going on as the workspace admin"));
    let admin = admin(context).await?;
    let application_id = application_id(context, &admin).await?;
    let infos = management::list_of(context, &admin, &application_id).await?;
    let ids: Vec<String> = infos
        .into_iter()
        .filter(|info| match what {
            Revocation::Id(id) => info.token_id == *id,
            _ => {
                let tag = info.comment.as_deref().and_then(Tag::find);
                tag.is_none_or(|tag| tag.target == context.subject.name)
            }
        })
        .map(|info| info.token_id)
        .collect();
    if ids.is_empty() && matches!(what, Revocation::Id(_)) {
        return Err(not_found(what));
    }
    if dry_run {
        would(report, &ids.into_iter().map(asked).collect::<Vec<_>>());
        return Ok(());
    }
    for id in ids {
        match management::delete(context, &admin, &id).await {
            Ok(()) => {
                let words = format!("revoked {id} as the workspace admin");
                context.event(Step::RevokeToken, Phase::Done, words.clone());
                fill::done(report, Step::RevokeToken, words);
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
async fn application_id(context: &Context<'_>, admin: &Identity) -> Result<String, Error> {
    let principal = &context.subject.principal;
    let found = find_in_workspace(context, admin, None).await?;
    found.map(|found| found.application_id).or_else(|| principal.client_id.clone()).ok_or_else(|| {
        let kind = if principal.kind == PrincipalKind::Entra { "Entra" } else { "Databricks" };
        let words = format!("the {kind} service principal was not found in the workspace");
        Error::new(Code::PrincipalNotInWorkspace, Step::RevokeToken, words)
    })
}

fn not_found(what: &Revocation) -> Error {
    let id = match what {
        Revocation::Id(id) => id.as_str(),
        _ => "",
    };
    let words = format!("this principal has no credential with the id {id}");
    Error::new(Code::RevokeRefused, Step::RevokeToken, words).with_hint(
        "`lakekey status --json` shows the ids; one that is not listed is revoked or expired already",
    )
}

fn would(report: &mut TargetReport, actions: &[Action]) {
    report.outcome = Outcome::Ok;
    report.steps.extend(actions.iter().map(Action::would));
}

/// Fails the target where something could not be revoked.
fn ended(report: &mut TargetReport) -> Result<(), Error> {
    report.outcome = Outcome::Revoked;
    match report.left_over.len() {
        0 => Ok(()),
        left => {
            let words = format!("{left} credentials could not be revoked; run again");
            Err(Error::new(Code::Refused, Step::RevokeToken, words))
        }
    }
}
