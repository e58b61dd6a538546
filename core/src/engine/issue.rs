//! Make a credential, and take back what was made and nobody has got.

use super::dates::credible_new;
use super::fill;
use super::job::Job;
use super::observe::{Observed, lifetime};
use super::report::TargetReport;
use crate::credential::{Fresh, Listed, Notes, Order, Phase, Tag, Wanted};
use crate::host::Phase as Told;
use crate::http::Patience;
use crate::model::{Code, Error, Step, Temporary};

/// How often a credential is made again whose first creation was lost.
const CREATIONS: u32 = 3;

/// Refuses the answer to a creation that names what was there before: it is nothing that was made now.
fn new_among(observed: &Observed, fresh: Fresh) -> Result<Fresh, Error> {
    if !observed.ids.contains(&fresh.listed.id) {
        return Ok(fresh);
    }
    let words = format!("the creation was answered with {}, which was there before", fresh.listed.id);
    Err(Error::new(Code::ReplyInvalid, Step::CreateToken, words).with_uncertainty(true))
}

/// Holds what a run has just made, and what was there before.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    pub(super) fresh: &'a Fresh,
    pub(super) tag: &'a Tag,
    pub(super) observed: &'a Observed,
}

impl Made<'_> {
    /// Returns true for what was there before.
    pub(super) fn was_there(&self, id: &str) -> bool {
        self.observed.ids.contains(id)
    }
}

impl Job<'_> {
    /// Makes a credential; where the reply is lost, revokes what the lost request has made and begins again.
    pub(super) async fn issue(
        &self,
        observed: &Observed,
        wanted: &Wanted,
        notes: &Notes,
    ) -> Result<(Fresh, Tag), Error> {
        let policy = &self.credentials.policy;
        let patience = Patience::attempts(CREATIONS);
        let made = self.context.retry(Step::CreateToken, patience, async || {
            self.context.check_cancelled(Step::CreateToken)?;
            let target = self.context.subject.name.clone();
            let (operation, notes) = (self.context.random_id(), notes.clone());
            let tag = Tag { target, operation, phase: Phase::Pending, notes };
            let order = Order {
                tag: &tag,
                comment: policy.comment.as_deref(),
                lifetime: lifetime(policy, tag.notes.repairs && !self.store.bears_tags()),
                wanted,
            };
            let issued = self.store.issue(self.context, order).await;
            let credible =
                |fresh: Fresh| credible_new(&fresh.listed, self.context.ledger_now()).map(|()| fresh);
            match issued.and_then(|fresh| new_among(observed, fresh)).and_then(credible) {
                Ok(fresh) => Ok((fresh, tag)),
                Err(error) if error.is_uncertain() => {
                    self.context.warn(&error);
                    self.reconcile(&tag, observed).await?;
                    // By its tag what it has made was found and revoked; without one a second could be one
                    // too many.
                    if self.store.bears_tags() {
                        return Err(error.with_uncertainty(false).with_temporary(Temporary::Yes));
                    }
                    Err(error.with_temporary(Temporary::No))
                }
                Err(error) => Err(self.explained(error)),
            }
        });
        let (fresh, tag) = made.await?;
        let words = format!("made {} {}", self.store.kind().as_str(), fresh.listed.id);
        self.context.event(Step::CreateToken, Told::Done, words);
        Ok((fresh, tag))
    }

    /// Names the key of the configuration where the service refuses what it asks for.
    fn explained(&self, error: Error) -> Error {
        if error.code() == Code::LifetimeOverMaximum {
            return error.with_key(format!("{}.lifetime", self.credentials.path));
        }
        error
    }

    /// Finds by its tag what a request has made whose answer was lost or wrong, revokes it, and counts it.
    async fn reconcile(&self, tag: &Tag, observed: &Observed) -> Result<usize, Error> {
        let mut listed = self.store.list(self.context, Step::ListTokens).await?;
        // What was there before is not what that request has made, whatever its tag says.
        listed.retain(|listed| !observed.ids.contains(&listed.id));
        let mut count = 0;
        let made = |found: &&Listed| {
            found.tag.as_ref().is_some_and(|t| t.target == tag.target && t.operation == tag.operation)
        };
        for orphan in listed.iter().filter(made) {
            self.store.revoke(self.context, &orphan.id).await?;
            let words = format!("rolled back {}, whose creation was not answered", orphan.id);
            self.context.event(Step::RevokeToken, Told::Done, words);
            count += 1;
        }
        Ok(count)
    }

    /// Revokes a credential that nobody has got. By its id only where the list has shown it as this run's
    /// own; else by its tag, since an answer may name somebody else's.
    pub(super) async fn roll_back(&self, report: &mut TargetReport, made: Made<'_>, shown: bool) {
        let id = &made.fresh.listed.id;
        // It was asked to stop, perhaps; what it made it takes with it all the same.
        self.context.set_delivering(true);
        let result = match shown || !self.store.bears_tags() {
            true => self.store.revoke(self.context, id).await.map(|()| 1),
            false => self.reconcile(made.tag, made.observed).await,
        };
        self.context.set_delivering(false);
        match result {
            Ok(0) => {
                let words =
                    format!("the list does not show {id} as this run's own, so that it is left alone");
                self.context.event(Step::RevokeToken, Told::Warning, words);
                report.leave(id, "it was made and could not be rolled back; the next run looks for it", None);
            }
            Ok(_) => {
                let words = format!("rolled back {id}, which was not delivered");
                self.context.event(Step::RevokeToken, Told::Done, words.clone());
                fill::done(report, Step::RevokeToken, words);
            }
            Err(error) => {
                self.context.warn(&error);
                report.leave(id, "it was made and could not be rolled back; the next run looks for it", None);
            }
        }
    }
}
