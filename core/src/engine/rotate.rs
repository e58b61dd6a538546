//! Carry out: make a credential, verify it, deliver it, mark it, revoke what it supersedes.
//!
//! At every moment a run may be killed, and every reply may be lost; whatever is left, the next run converges
//! from it. `docs/reliability.md` says which promise rests on which step here.

use std::time::Duration;

use futures_util::future::{join, join_all};

use super::observe::{Known, Observed, Standing, known, observe};
use super::plan::{self, LEASE, Plan, Reason};
use super::report;
use crate::call::TIMEOUT;
use crate::config::{Credentials, Scopes};
use crate::context::{Context, shifted};
use crate::credential::{CredentialKind, Fresh, Listed, Marked, Order, Phase, Store, Tag};
use crate::error::{Code, Error, Step};
use crate::event;
use crate::report::{Outcome, TargetReport};
use crate::secret::Secret;
use crate::sign_in::principal_auth;
use crate::sink::{Delivery, Sink};

/// How many connections a new credential is tried over at the same time.
const TRIALS: usize = 3;

/// How often a list is read again that does not show the credential just made.
const STALE_READS: u32 = 6;

/// How often a credential is made again whose first creation was lost.
const CREATIONS: u32 = 3;

/// Holds what the rotation of one kind of credential of one target works with.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) store: &'a dyn Store,
    pub(super) credentials: &'a Credentials,
    pub(super) sinks: &'a [Box<dyn Sink>],
    pub(super) jitter: u64,
}

impl Job<'_> {
    /// Observes and decides.
    pub(super) async fn decide(&self, force: bool) -> Result<(Observed, Plan), Error> {
        let observed = observe(self.context, self.store, self.credentials, self.sinks).await?;
        let decided = plan::plan(&observed, &self.credentials.policy, self.jitter, force);
        Ok((observed, decided))
    }

    /// Rotates and fills the report.
    pub(super) async fn rotate(&self, force: bool, report: &mut TargetReport) -> Result<(), Error> {
        let (mut observed, mut decided) = self.decide(force).await?;
        if let Plan::Renew { why: Reason::Undelivered(_) | Reason::Uncertain(_), .. } = decided {
            // Credentials and sinks are read at the same time: another run may have ended in between, so that
            // one was read before it and the other after. What is really so is so at a second
            // look too.
            (observed, decided) = self.decide(force).await?;
        }
        report::sinks(report, &observed);
        match decided {
            Plan::Yield { to } => {
                self.yields(report, &to);
                Ok(())
            }
            Plan::Keep { current, revoke, waiting } => self.keep(report, &current, revoke, waiting).await,
            Plan::Renew { why, current } => {
                self.context.event(
                    Step::CreateToken,
                    event::Phase::Done,
                    format!("a new {} is needed: {why}", self.store.kind().as_str()),
                );
                self.renew(report, &observed, current.as_ref()).await
            }
        }
    }

    fn yields(&self, report: &mut TargetReport, to: &Known) {
        report.outcome = Outcome::Yielded;
        let until = shifted(to.created, LEASE);
        self.context.event(
            Step::CheckOtherRuns,
            event::Phase::Skipped,
            format!("another run has made {} and may be at work until {until:.0}; this one yields", to.id),
        );
    }

    /// Leaves the current credential and finishes what an overlap or an interrupted run has left.
    async fn keep(
        &self,
        report: &mut TargetReport,
        current: &Known,
        revoke: Vec<String>,
        waiting: Vec<String>,
    ) -> Result<(), Error> {
        report::credential(report, self, current);
        report.outcome = Outcome::NotDue;
        self.mark_if_unmarked(current).await;
        self.revoke(report, revoke, waiting).await;
        Ok(())
    }

    /// Marks a credential that the dates of the sinks show to be delivered: its run ended just before.
    async fn mark_if_unmarked(&self, current: &Known) {
        let (Standing::Pending, Some(operation)) = (current.standing, &current.operation) else { return };
        let tag = Tag {
            target: self.context.target.name.clone(),
            operation: operation.clone(),
            phase: Phase::Active,
        };
        let comment = self.credentials.policy.comment.as_deref();
        if let Err(error) = self.store.mark(self.context, &current.id, &tag, comment).await {
            self.warn(&error);
        }
    }

    async fn renew(
        &self,
        report: &mut TargetReport,
        observed: &Observed,
        current: Option<&Known>,
    ) -> Result<(), Error> {
        let (fresh, tag) = self.issue(observed, current).await?;
        let new = Known {
            id: fresh.listed.id.clone(),
            created: fresh.listed.created,
            expires: fresh.listed.expires,
            standing: Standing::Pending,
            operation: Some(tag.operation.clone()),
            scopes: fresh.listed.scopes.clone(),
        };
        self.context.learn_ledger_time(new.created);
        self.context.set_lease(Some(shifted(new.created, LEASE)));
        let others = match self.verify_beside_list(&fresh.value, &new, observed).await {
            Ok(Checked::Alone(others)) => others,
            Ok(Checked::Yield(to)) => {
                self.take_back(report, &new.id).await;
                self.yields(report, &to);
                return Ok(());
            }
            Err(error) => {
                self.take_back(report, &new.id).await;
                return Err(error);
            }
        };
        // From the first write on a stop would leave some sinks behind; the next safe point is after the last
        // one.
        self.context.set_delivering(true);
        let delivered = self.deliver(report, &fresh.value, &new, &tag, observed).await;
        report::credential(report, self, &new);
        if let Err(failure) = delivered {
            if failure.nothing_written {
                report.credential = None;
                self.take_back(report, &new.id).await;
            } else {
                report.outcome = Outcome::Partial;
                report.left_over = others.iter().map(|k| k.id.clone()).collect();
            }
            return Err(failure.error);
        }
        report.outcome = Outcome::Rotated;
        if self.store.kind() != CredentialKind::Pat
            && let Ok((_, path)) = principal_auth(self.context)
        {
            self.context.renew_secret(format!("{path}.client-secret"), fresh.value.clone());
        }
        let policy = &self.credentials.policy;
        let (revoke, waiting) =
            plan::superseded(&new, &others, &observed.sinks, policy, self.context.ledger_now());
        self.context.set_lease(None);
        self.context.set_delivering(false);
        self.revoke(report, revoke, waiting).await;
        Ok(())
    }

    /// Makes a credential; where the reply is lost, takes back what the lost request has made and begins
    /// again.
    async fn issue(&self, observed: &Observed, current: Option<&Known>) -> Result<(Fresh, Tag), Error> {
        let policy = &self.credentials.policy;
        let inherited = current.and_then(|c| c.scopes.clone());
        let scopes = match &policy.scopes {
            Scopes::Inherit => inherited,
            Scopes::All => None,
            Scopes::List(list) => Some(list.clone()),
        };
        let mut creations = 1;
        loop {
            self.context.check_cancelled(Step::CreateToken)?;
            let tag = Tag {
                target: self.context.target.name.clone(),
                operation: self.context.random_id(),
                phase: Phase::Pending,
            };
            let order = Order {
                tag: &tag,
                comment: policy.comment.as_deref(),
                lifetime: policy.lifetime.seconds(),
                scopes: scopes.as_deref(),
            };
            match self.store.issue(self.context, order).await {
                Ok(fresh) => {
                    self.context.event(
                        Step::CreateToken,
                        event::Phase::Done,
                        format!("made {} {}", self.store.kind().as_str(), fresh.listed.id),
                    );
                    return Ok((fresh, tag));
                }
                Err(error) if error.is_uncertain() => {
                    self.warn(&error);
                    self.reconcile(&tag, observed).await?;
                    if creations >= CREATIONS || !self.store.bears_tags() {
                        return Err(error);
                    }
                    creations += 1;
                    self.context.sleep(self.context.backoff(creations), Step::CreateToken).await?;
                }
                Err(error) => return Err(self.explained(error)),
            }
        }
    }

    /// Names the key of the configuration where the service refuses what it asks for.
    fn explained(&self, error: Error) -> Error {
        if error.code() == Code::LifetimeOverMaximum {
            return error.with_key(format!("{}.lifetime", self.credentials.path));
        }
        error
    }

    /// Finds by its tag what a lost request has made, and revokes it.
    async fn reconcile(&self, tag: &Tag, observed: &Observed) -> Result<(), Error> {
        let mut listed = self.store.list(self.context, Step::ListTokens).await?;
        // What was there before is not what the lost request has made, whatever its tag says.
        listed.retain(|l| observed.known.iter().all(|known| known.id != l.id));
        for orphan in listed.iter().filter(|l| {
            l.tag.as_ref().is_some_and(|t| t.target == tag.target && t.operation == tag.operation)
        }) {
            self.store.revoke(self.context, &orphan.id).await?;
            self.context.event(
                Step::RevokeToken,
                event::Phase::Done,
                format!("took back {}, whose creation was not answered", orphan.id),
            );
        }
        Ok(())
    }

    async fn verify_beside_list(
        &self,
        value: &Secret,
        new: &Known,
        observed: &Observed,
    ) -> Result<Checked, Error> {
        let (verified, checked) = join(self.verify(value), self.check_other_runs(new, observed)).await;
        let checked = checked?;
        verified?;
        self.context.check_cancelled(Step::Deliver)?;
        Ok(checked)
    }

    /// Tries the credential several times at once until all tries of a round succeed, so that it has spread.
    async fn verify(&self, value: &Secret) -> Result<(), Error> {
        let bound = Duration::from_secs(self.credentials.policy.verify_within.seconds());
        let started = self.context.now();
        let mut round = 1;
        loop {
            let trials = join_all((0..TRIALS).map(|_| self.store.try_out(self.context, value))).await;
            let Some(error) = trials.into_iter().find_map(Result::err) else {
                self.context.event(
                    Step::VerifyToken,
                    event::Phase::Done,
                    "it signs in as the expected principal",
                );
                return Ok(());
            };
            if error.code() == Code::WrongPrincipal || error.code() == Code::Cancelled {
                return Err(error);
            }
            let wait = self.context.backoff(round);
            let spent = self.context.now().as_millisecond() - started.as_millisecond();
            let spent = Duration::from_millis(u64::try_from(spent).unwrap_or(0));
            if spent + wait > bound {
                let words = format!(
                    "the new {} did not work within {} s: {}",
                    self.store.kind().as_str(),
                    bound.as_secs(),
                    error.message()
                );
                return Err(Error::new(Code::VerificationFailed, Step::VerifyToken, words)
                    .with_request_id(error.request_id().map(str::to_owned)));
            }
            self.context.event(
                Step::VerifyToken,
                event::Phase::Waiting,
                format!("it does not work everywhere yet: {error}"),
            );
            self.context.sleep(wait, Step::VerifyToken).await?;
            round += 1;
        }
    }

    /// Lists again and looks for another run that was first.
    async fn check_other_runs(&self, new: &Known, observed: &Observed) -> Result<Checked, Error> {
        let mut read = 1;
        let listed: Vec<Listed> = loop {
            let listed = self.store.list(self.context, Step::CheckOtherRuns).await?;
            if listed.iter().any(|l| l.id == new.id) {
                break listed;
            }
            // A list without the credential just made is older than it, and may lack another run's too.
            if read >= STALE_READS {
                return Err(Error::new(
                    Code::SpreadingTooSlow,
                    Step::CheckOtherRuns,
                    "the list does not show the credential that was made, so that other runs cannot be seen \
                     either",
                ));
            }
            self.context.sleep(self.context.backoff(read), Step::CheckOtherRuns).await?;
            read += 1;
        };
        let policy = &self.credentials.policy;
        let (all, _) = known(&self.context.target.name, &policy.adopt, self.store.bears_tags(), listed);
        let others: Vec<Known> = all.into_iter().filter(|k| k.id != new.id).collect();
        let now = self.context.ledger_now();
        let seen = |id: &str| observed.known.iter().any(|k| k.id == id);
        let first = others
            .iter()
            .filter(|k| match k.standing {
                // Of two runs at once the older credential wins; ids break a tie.
                Standing::Pending => plan::is_leased(k, now) && (k.created, &k.id) < (new.created, &new.id),
                // Another run has begun and ended since this one looked.
                Standing::Active => {
                    !seen(&k.id)
                        || observed.known.iter().any(|o| o.id == k.id && o.standing != Standing::Active)
                }
                Standing::Adopted => false,
            })
            .min_by_key(|k| (k.created, &k.id));
        Ok(match first {
            Some(other) => Checked::Yield(other.clone()),
            None => Checked::Alone(others),
        })
    }

    /// Writes every sink, then reads back and marks at the same time.
    async fn deliver(
        &self,
        report: &mut TargetReport,
        value: &Secret,
        new: &Known,
        tag: &Tag,
        observed: &Observed,
    ) -> Result<(), Undelivered> {
        let context = self.context;
        let delivery = Delivery {
            target: context.target.name.clone(),
            credential_id: new.id.clone(),
            created: new.created,
            expires: new.expires,
        };
        let writes = self.write(value, &delivery, observed).await;
        for (sink, written) in self.sinks.iter().zip(&writes) {
            match written {
                Ok(()) => context.event(Step::Deliver, event::Phase::Done, format!("wrote {}", sink.label())),
                Err(error) => context.failed(error),
            }
        }
        if let Some(first) = writes.iter().find_map(|w| w.as_ref().err()) {
            let nothing_written = writes.iter().all(|w| w.as_ref().is_err_and(|e| !e.is_uncertain()));
            let error = if nothing_written || self.sinks.len() == 1 {
                first.clone()
            } else {
                self.partial(&writes, first)
            };
            report::writes(report, self.sinks, &writes);
            return Err(Undelivered { nothing_written, error });
        }
        let comment = self.credentials.policy.comment.as_deref();
        let active = tag.in_phase(Phase::Active);
        let reads = join_all(self.sinks.iter().map(|sink| sink.read_back(context, value, &delivery)));
        let (reads, marked) = join(reads, self.store.mark(context, &new.id, &active, comment)).await;
        report::read_back(report, self.sinks, &reads);
        match marked {
            Ok(Marked::Yes) => context.event(Step::MarkActive, event::Phase::Done, "marked as delivered"),
            Ok(Marked::Unsupported) => {
                context.event(
                    Step::MarkActive,
                    event::Phase::Skipped,
                    "it cannot be marked; the dates of the sinks tell that it was delivered",
                );
            }
            // The next run finds by the sinks' dates that it was delivered, or renews once more.
            Err(error) => self.warn(&error),
        }
        match reads.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some(error) => {
                context.failed(&error);
                Err(Undelivered { nothing_written: false, error })
            }
        }
    }

    /// Writes the sinks at the same time; first those that cannot tell when they were written, so that a date
    /// of the others stands for them too.
    async fn write(
        &self,
        value: &Secret,
        delivery: &Delivery,
        observed: &Observed,
    ) -> Vec<Result<(), Error>> {
        let silent = |index: &usize| observed.sinks.get(*index).is_some_and(|s| !s.state.written.is_exact());
        let (first, second): (Vec<usize>, Vec<usize>) = (0..self.sinks.len()).partition(silent);
        let mut results: Vec<Option<Result<(), Error>>> = self.sinks.iter().map(|_| None).collect();
        for group in [first, second] {
            let failed = results.iter().flatten().find_map(|r| r.as_ref().err().cloned());
            let written = join_all(group.iter().map(|index| async {
                if let Some(error) = &failed {
                    return Err(error.clone().with_uncertainty(false));
                }
                self.context.check_lease_for(TIMEOUT, Step::Deliver)?;
                self.sinks[*index].write(self.context, value, delivery).await
            }))
            .await;
            for (index, result) in group.into_iter().zip(written) {
                results[index] = Some(result);
            }
        }
        results.into_iter().flatten().collect()
    }

    fn partial(&self, writes: &[Result<(), Error>], first: &Error) -> Error {
        let failed = writes.iter().filter(|w| w.is_err()).count();
        Error::new(
            Code::PartialDelivery,
            Step::Deliver,
            format!(
                "{failed} of {} places could not be written; the first: {}",
                writes.len(),
                first.message()
            ),
        )
        .with_request_id(first.request_id().map(str::to_owned))
    }

    /// Revokes a credential that nobody has got.
    async fn take_back(&self, report: &mut TargetReport, id: &str) {
        // It was asked to stop, perhaps; what it made it takes with it all the same.
        self.context.set_delivering(true);
        let result = self.store.revoke(self.context, id).await;
        self.context.set_delivering(false);
        match result {
            Ok(()) => self.context.event(
                Step::RevokeToken,
                event::Phase::Done,
                format!("took back {id}, which was not delivered"),
            ),
            Err(error) => {
                self.warn(&error);
                report.left_over.push(id.to_owned());
            }
        }
    }

    /// Revokes what nobody needs; what cannot be revoked now the next run finds.
    pub(super) async fn revoke(&self, report: &mut TargetReport, ids: Vec<String>, waiting: Vec<String>) {
        let results = join_all(ids.iter().map(|id| self.store.revoke(self.context, id))).await;
        report.left_over = waiting;
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    self.context.event(Step::RevokeToken, event::Phase::Done, format!("revoked {id}"));
                    report.revoked.push(id);
                }
                Err(error) => {
                    self.warn(&error);
                    report.left_over.push(id);
                }
            }
        }
    }

    fn warn(&self, error: &Error) {
        self.context.event(error.step(), event::Phase::Warning, error.to_string());
    }
}

/// Says whether this run is the one that goes on.
enum Checked {
    /// It is; these are the other credentials of the target.
    Alone(Vec<Known>),
    /// It is not; this one is another run's.
    Yield(Known),
}

/// Reports a delivery that did not reach every sink.
struct Undelivered {
    /// Whether every sink has definitely refused.
    nothing_written: bool,
    error: Error,
}
