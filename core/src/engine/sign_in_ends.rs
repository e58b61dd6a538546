//! Until when lakekey itself can sign in: what it signs in with and does not renew ends too, and every
//! rotation with it.

use super::report::{SignInEnd, TargetReport};
use super::resolve::Target;
use crate::auth::{Context, SignIn, principal_id, principal_sign_in, sign_in_directory};
use crate::config::SecretRef;
use crate::credential;
use crate::host::Phase;
use crate::model::{CredentialKind, Error, Step, Timestamp};
use crate::service::graph::{self, By};

/// From how long before the end on that is told, in milliseconds.
const WARNED_MS: i64 = 30 * 86_400_000;

/// Enters what a run has learnt, and warns of what ends within 30 days.
pub(super) fn enter(context: &Context<'_>, report: &mut TargetReport) {
    let now = context.ledger_now();
    for (key, ends) in context.ends() {
        let soon = ends.since(now) <= WARNED_MS;
        let warning = soon.then(|| {
            format!(
                "what {key} refers to ends on {}; nobody renews it by itself, and nothing is rotated after \
                 that: put a new one in its place",
                ends.day_from(now)
            )
        });
        if let Some(warning) = &warning {
            context.event(Step::SignIn, Phase::Warning, warning.clone());
        }
        report.sign_in_ends.push(SignInEnd { key, ends, warning });
    }
}

/// Asks when the secrets end that the principal, the admin and `directory` sign in with, where somebody is
/// configured who may see it; what is refused here is a question that nobody needed an answer to.
pub(super) async fn learn(context: &Context<'_>, target: &Target) {
    let subject = context.subject;
    let own = principal_sign_in(context).ok();
    for sign_in in own.iter().chain(&subject.admin).chain(&subject.directory) {
        let is_own = own.as_ref().is_some_and(|own| own.path == sign_in.path);
        for kind in [CredentialKind::ClientSecret, CredentialKind::OauthSecret] {
            // What lakekey renews needs no warning.
            let renewed = is_own && target.credential(kind).is_some();
            let Some(reference) = sign_in.method.secret_of(kind).filter(|_| !renewed) else { continue };
            let ends = match kind {
                CredentialKind::ClientSecret => of_client_secret(context, sign_in, reference).await,
                _ if is_own => of_oauth_secrets(context, target).await,
                _ => Ok(None),
            };
            if let Ok(Some(ends)) = ends {
                context.note_end(format!("{}.client-secret", sign_in.path), ends);
            }
        }
    }
}

/// Finds the client secret by its first characters, which Graph shows, and returns when it ends.
async fn of_client_secret(
    context: &Context<'_>,
    sign_in: &SignIn,
    reference: &SecretRef,
) -> Result<Option<Timestamp>, Error> {
    if context.subject.directory.is_none() {
        return Ok(None);
    }
    let is_own = sign_in.path.ends_with(".auth");
    let id = match sign_in.method.client_id() {
        Some(id) => id.to_owned(),
        None if is_own => principal_id(context).await?,
        None => return Ok(None),
    };
    let directory = sign_in_directory(context, Step::SignIn).await?;
    let found = graph::find_application(context, &directory, By::ClientId(&id)).await?;
    let value = context.secret(reference, &sign_in.path)?;
    let value = value.expose("its first characters are compared with those that Graph shows");
    let begins = |hint: &String| !hint.is_empty() && value.starts_with(hint.as_str());
    let listed = found.into_iter().flat_map(|application| application.password_credentials);
    let meant = listed.filter(|password| password.hint.as_ref().is_some_and(begins));
    Ok(meant.filter_map(|password| password.end_date_time).max())
}

/// Returns when the last of the principal's OAuth secrets ends; which of them signs in nobody says.
async fn of_oauth_secrets(context: &Context<'_>, target: &Target) -> Result<Option<Timestamp>, Error> {
    if context.subject.admin.is_none() {
        return Ok(None);
    }
    let kind = CredentialKind::OauthSecret;
    let Some(any) = target.credentials.first() else { return Ok(None) };
    let store = credential::open(kind, &any.policy, &any.path);
    let listed = store.list(context, Step::SignIn).await?;
    let ends: Option<Vec<Timestamp>> = listed.iter().map(|secret| secret.expires).collect();
    Ok(ends.and_then(|ends| ends.into_iter().max()))
}
