//! What a new credential is to be able to do, as the policy and the one before say it, and what its owner is
//! told of that.

use std::time::Duration;

use super::job::Job;
use super::observe::{Known, Observed};
use super::plan;
use super::report::{CredentialReport, Everything, GivenScopes, State, StepReport, TargetReport};
use crate::auth::{principal_sign_in, sign_in_admin};
use crate::config::Scopes;
use crate::credential::{Rights, Scoping, Wanted, listed_scopes};
use crate::host::Phase;
use crate::model::{Code, CredentialKind, Error, Reach, Step, Timestamp};
use crate::service::databricks::management;

impl Job<'_> {
    /// Says what the next credential is to be able to do.
    ///
    /// # Errors
    /// `reply-invalid` where it is to inherit what cannot be read; `config-invalid-value` where the principal
    /// could not sign in with it.
    pub(super) fn wanted(&self, observed: &Observed, current: Option<&Known>) -> Result<Wanted, Error> {
        let before = before(observed, current);
        let wanted = Wanted::of(&self.credentials.policy.scopes, before.map(|known| &known.rights));
        let wanted = wanted.map_err(|_| {
            let id = before.map(|known| known.id.as_str()).unwrap_or_default();
            let words =
                format!("what {id} may do cannot be read, so that its successor cannot be given the same");
            let key = format!("{}.scopes", self.credentials.path);
            let hint = format!("write {key}: all, or a list such as [sql]");
            Error::new(Code::ReplyInvalid, Step::CreateToken, words).with_key(key).with_hint(hint)
        })?;
        self.check_own_sign_in(&wanted)?;
        Ok(wanted)
    }

    /// Refuses a new OAuth secret with which the principal could not sign in any more: once the one before is
    /// revoked, nobody could renew it.
    fn check_own_sign_in(&self, wanted: &Wanted) -> Result<(), Error> {
        let kind = self.store.kind();
        let (Some(scopes), CredentialKind::OauthSecret) = (&wanted.scopes, kind) else { return Ok(()) };
        let Ok(own) = principal_sign_in(self.context) else { return Ok(()) };
        if own.method.secret_of(kind).is_none() || wanted.reach() == Reach::All {
            return Ok(());
        }
        let all = ["all-apis".to_owned()];
        let asked = own.method.scopes().unwrap_or(&all);
        let Some(missing) = asked.iter().find(|scope| !scopes.contains(scope)) else { return Ok(()) };
        let words = format!(
            "the principal signs in with this secret and asks for {missing}, which {} does not cover: the \
             new one would lock it out",
            listed_scopes(scopes)
        );
        let hint = format!("write {}.scopes, all of them among those of the secret", own.path);
        Err(Error::invalid(&format!("{}.scopes", self.credentials.path), words).with_hint(hint))
    }

    /// Returns what the owner of the next credential needs to know of what it may do; `gone` says that one
    /// was there whose scopes nobody knows any more.
    pub(super) fn note(
        &self,
        wanted: &Wanted,
        observed: &Observed,
        current: Option<&Known>,
        gone: bool,
    ) -> Option<String> {
        let inherits = self.credentials.policy.scopes == Scopes::Inherit;
        if wanted.note.is_some() || !inherits || !gone || self.store.kind() == CredentialKind::ClientSecret {
            return wanted.note.clone();
        }
        before(observed, current).is_none().then(|| {
            "the one before is gone, and nobody knows what it was able to do: the new one may do everything \
             that its principal may; write a list into `scopes` to limit it"
                .to_owned()
        })
    }

    /// Tells what the owner of a new credential needs to know of what it may do.
    pub(super) fn tell(&self, report: &mut TargetReport, notes: impl IntoIterator<Item = String>) {
        for note in notes {
            self.context.event(Step::CreateToken, Phase::Warning, note.clone());
            report.steps.push(StepReport::new(Step::CreateToken, State::Ok, note));
        }
    }

    /// Warns of a PAT in use that Databricks narrows within seven days.
    pub(super) fn warn_of_narrowing(&self, known: &Known) {
        let now = self.context.ledger_now();
        let Some(at) = known.rights.narrows(known.created) else { return };
        if at.since(now) <= WARNED_MS {
            let words = format!("{}: {}", known.id, known.rights.told(known.created, now));
            self.context.event(Step::ListTokens, Phase::Warning, words);
        }
    }

    /// Says what a credential may do, and what to write where that does not last or is more than is needed.
    pub(super) fn told(&self, known: &Known, observed: &Observed) -> Option<StepReport> {
        if self.store.kind() == CredentialKind::ClientSecret {
            return None;
        }
        let words = format!("{}: {}", known.id, known.rights.told(known.created, observed.now));
        let mut step = StepReport::new(Step::ListTokens, State::Ok, words);
        let key = format!("{}.scopes", self.credentials.path);
        let policy = &self.credentials.policy.scopes;
        step.hint = match (known.rights.narrows(known.created), &known.rights.reach, policy) {
            (Some(_), _, Scopes::Inherit) => Some(format!(
                "what it calls more rarely than that it loses: write {key}: all, or a list, and run `lakekey \
                 rotate --force`"
            )),
            (Some(_), _, Scopes::All | Scopes::List(_)) => {
                Some("the next rotation ends that; `lakekey rotate --force` does so at once".to_owned())
            }
            (_, Reach::Unreadable, Scopes::Inherit) => {
                Some(format!("write {key}: all, or a list such as [sql]"))
            }
            _ => None,
        };
        Some(step)
    }
}

/// Returns the one whose scopes the next one inherits: that in use, else the newest delivered, else the
/// newest.
fn before<'o>(observed: &'o Observed, current: Option<&'o Known>) -> Option<&'o Known> {
    let newest = || observed.known.iter().max_by_key(|known| (known.created, &known.id));
    plan::predecessor(observed, current).or_else(newest)
}

/// Enters what a credential may do.
pub(super) fn enter(entry: &mut CredentialReport, job: &Job<'_>, known: &Known) {
    if job.store.kind() == CredentialKind::ClientSecret {
        return;
    }
    let Rights { reach, scoping } = &known.rights;
    entry.scopes = match reach {
        Reach::All => Some(GivenScopes::All(Everything::All)),
        Reach::Only(scopes) => Some(GivenScopes::Only(scopes.clone())),
        Reach::Unreadable => None,
    };
    entry.scoping = scoping.as_str().map(str::to_owned);
    entry.narrows = known.rights.narrows(known.created);
    entry.inferred_scopes = match scoping {
        Scoping::Watched(seen) => Some(seen.clone()),
        _ => None,
    };
    entry.may = Some(known.rights.told(known.created, job.context.ledger_now()));
}

/// From how long before a PAT is narrowed on that is told at every run, in milliseconds.
const WARNED_MS: i64 = 7 * 86_400_000;

/// For how long nobody may use a PAT before Databricks revokes it.
///
/// <https://docs.databricks.com/aws/en/dev-tools/auth/pat>
const IDLE: Duration = Duration::from_secs(90 * 86_400);

/// Enters when the PAT was last used, and until when nobody need use it, where an admin is at hand.
pub(super) async fn enter_last_use(job: &Job<'_>, report: &mut TargetReport) {
    let context = job.context;
    if job.store.kind() != CredentialKind::Pat || context.subject.admin.is_none() {
        return;
    }
    let Some(entry) = &mut report.credential else { return };
    let found = async { management::one(context, &sign_in_admin(context).await?, &entry.id).await };
    match found.await {
        Ok(info) => {
            let used = info.last_used();
            let idle = used.unwrap_or(entry.created) + IDLE;
            entry.last_used = used.map(Timestamp::day);
            entry.idle_until = Some(idle.day());
            let last =
                used.map_or_else(|| "never used".to_owned(), |at| format!("last used on {}", at.day()));
            let may = entry.may.take().unwrap_or_default();
            let ends = idle.day_from(context.ledger_now());
            entry.may = Some(format!("{may}; {last}, revoked on {ends} if nobody uses it until then"));
        }
        Err(error) => {
            let words = format!("when it was last used was not found out: {error}");
            report.steps.push(StepReport::new(Step::ListTokens, State::NotChecked, words));
        }
    }
}
