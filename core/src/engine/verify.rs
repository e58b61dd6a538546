//! Verify: a new credential works everywhere, is the principal's, and no other run is at work.

use futures_util::future::join_all;

use super::issue::Made;
use super::job::Job;
use super::observe::{Known, Standing, known};
use super::{plan, spreading};
use crate::credential::{Fresh, Listed, Owner, Rights, Wanted};
use crate::host::Phase as Told;
use crate::http::Patience;
use crate::model::{Code, Error, Secret, Step, Temporary};

/// How many connections a new credential is tried over at the same time.
const TRIALS: usize = 3;

/// How often a list is read again that does not show the credential just made.
const STALE_READS: u32 = 6;

/// Says whether this run is the one that goes on.
pub(super) enum Checked {
    /// It is; these are the other credentials of the target.
    Alone {
        others: Vec<Known>,
        /// What the list says that the new one may do.
        rights: Rights,
    },
    /// It is not; this one is another run's.
    Yield(Known),
}

impl Job<'_> {
    /// Judges what the trial and the list have said of a new credential.
    pub(super) fn judged(
        &self,
        fresh: &Fresh,
        verified: Result<Owner, Error>,
        checked: Result<Checked, Error>,
    ) -> Result<Checked, Error> {
        let checked = checked?;
        match verified? {
            Owner::Principal => {}
            // The list is the principal's own, and its id is made of its value.
            Owner::Unsaid if self.store.is_id_of(&fresh.listed.id, &fresh.value) => {}
            Owner::Unsaid => {
                let kind = self.store.kind().as_str();
                let words = format!("the new {kind} may not say whose it is, and its id does not show it");
                return Err(Error::new(Code::IdentityUnknown, Step::VerifyToken, words)
                    .with_hint("add a scope that reaches SCIM `Me` to token.scopes"));
            }
        }
        self.context.check_cancelled(Step::Deliver)?;
        Ok(checked)
    }

    /// Tries the credential several times at once until all tries of a round succeed, so that it is known
    /// everywhere.
    pub(super) async fn verify(&self, value: &Secret, wanted: &Wanted) -> Result<Owner, Error> {
        let bound = self.credentials.policy.verify_within.duration();
        let mut waited = false;
        let verified = self.context.retry(Step::VerifyToken, Patience::within(bound), async || {
            let trials = join_all((0..TRIALS).map(|_| self.store.try_out(self.context, value, wanted))).await;
            let unsaid = trials.iter().any(|trial| matches!(trial, Ok(Owner::Unsaid)));
            // What no wait changes is told before what a wait may.
            match trials.into_iter().filter_map(Result::err).min_by_key(|error| self.may_pass(error)) {
                None => Ok(if unsaid { Owner::Unsaid } else { Owner::Principal }),
                Some(error) => {
                    waited = self.may_pass(&error);
                    Err(error.with_temporary(if waited { Temporary::Yes } else { Temporary::No }))
                }
            }
        });
        let error = match verified.await {
            Ok(owner) => {
                self.context.event(Step::VerifyToken, Told::Done, "it signs in as the expected principal");
                return Ok(owner);
            }
            Err(error) => error,
        };
        let kind = self.store.kind().as_str();
        let words = match (waited, error.code()) {
            (_, Code::Cancelled) => return Err(error),
            (true, _) => {
                let seconds = bound.as_secs();
                format!("the new {kind} did not work within {seconds} s: {}", error.message())
            }
            (false, Code::Refused) => format!("the new {kind} is refused: {}", error.message()),
            // It has a cause of its own.
            (false, _) => return Err(error),
        };
        let failed = Error::new(Code::VerificationFailed, Step::VerifyToken, words).because(&error);
        Err(match error.key() {
            Some(key) => failed.with_key(key),
            None => failed,
        })
    }

    /// Returns true where a new credential may yet work: what refuses it has not heard of it everywhere, or
    /// is out of order. A definite refusal no wait changes.
    fn may_pass(&self, error: &Error) -> bool {
        let of_the_new = matches!(error.code(), Code::CredentialInvalid | Code::ClientSecretWrong)
            || error.code() == Code::ClientSecretExpired;
        let out_of_order = error.temporary() == Temporary::Yes || error.status().is_some_and(|s| s >= 500);
        of_the_new || out_of_order || spreading::is_awaited(self.context, error)
    }

    /// Lists again and looks for another run that was first.
    pub(super) async fn check_other_runs(&self, new: &Known, made: Made<'_>) -> Result<Checked, Error> {
        let Made { tag, observed, .. } = made;
        let patience = Patience::attempts(STALE_READS);
        let step = Step::CheckOtherRuns;
        let listed = self.context.retry(step, patience, async || {
            let listed = self.store.list(self.context, step).await?;
            let own = |listed: &Listed| {
                listed.tag.as_ref().is_some_and(|t| t.target == tag.target && t.operation == tag.operation)
            };
            match listed.iter().find(|listed| listed.id == new.id) {
                Some(found) if own(found) || !self.store.bears_tags() => return Ok(listed),
                None if !listed.iter().any(own) => {}
                _ => {
                    let words =
                        format!("the creation was answered with {}, which is not what it made", new.id);
                    return Err(Error::new(Code::ReplyInvalid, step, words));
                }
            }
            // A list without the credential just made is older than it, and may lack another run's too.
            let words = "the list does not show the credential that was made, so that other runs cannot be \
                         seen either";
            Err(Error::new(Code::SpreadingTooSlow, step, words).with_temporary(Temporary::Yes))
        });
        let listed = listed.await?;
        let rights = listed.iter().find(|listed| listed.id == new.id).map(|listed| listed.rights.clone());
        let rights = rights.unwrap_or_else(|| new.rights.clone());
        let policy = &self.credentials.policy;
        let (all, _) = known(self.context.subject, &policy.adopt, self.store.bears_tags(), listed);
        let others: Vec<Known> = all.into_iter().filter(|known| known.id != new.id).collect();
        let now = self.context.ledger_now();
        let before = |id: &str| observed.known.iter().find(|known| known.id == id);
        let first = others
            .iter()
            .filter(|known| match known.standing {
                // Of two runs at once the older credential wins; ids break a tie.
                Standing::Pending => {
                    plan::is_leased(known, now) && (known.created, &known.id) < (new.created, &new.id)
                }
                // Another run has begun and ended since this one looked.
                Standing::Active => before(&known.id).is_none_or(|seen| seen.standing != Standing::Active),
                Standing::Adopted => false,
            })
            .min_by_key(|known| (known.created, &known.id));
        Ok(match first {
            Some(other) => Checked::Yield(other.clone()),
            None => Checked::Alone { others, rights },
        })
    }
}
