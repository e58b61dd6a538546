//! Carry out: make a credential, verify it, deliver it, mark it, revoke what it supersedes.
//!
//! At every moment a run may be killed, and every reply may be lost; whatever is left, the next run converges
//! from it. `docs/reliability.md` says which promise rests on which step here.

use futures_util::future::{join, join_all};

use super::action::{Action, Reason};
use super::fill;
use super::job::Job;
use super::observe::{Known, Observed, Standing, known};
use super::plan::{self, Decision, LEASE};
use super::report::{Outcome, State, StepReport, TargetReport};
use super::spreading;
use crate::auth::principal_sign_in;
use crate::config::Scopes;
use crate::credential::{Fresh, Listed, Marked, Order, Owner, Phase, Tag};
use crate::host::Phase as Told;
use crate::http::{Patience, TIMEOUT};
use crate::model::{Code, Error, Secret, Step, Temporary};
use crate::sink::Delivery;

/// How many connections a new credential is tried over at the same time.
const TRIALS: usize = 3;

/// How often a list is read again that does not show the credential just made.
const STALE_READS: u32 = 6;

/// How often a credential is made again whose first creation was lost.
const CREATIONS: u32 = 3;

impl Job<'_> {
    /// Rotates and fills the report.
    pub(super) async fn rotate(&self, force: bool, report: &mut TargetReport) -> Result<(), Error> {
        let (mut observed, mut plan) = self.decide(force).await?;
        if let Decision::Renew { why: Reason::Undelivered(_) | Reason::Uncertain(_), .. } = plan.decision {
            // Credentials and sinks are read at the same time: another run may have ended in between, so that
            // one was read before it and the other after. What is true is found at a second look too.
            (observed, plan) = self.decide(force).await?;
        }
        fill::sinks(report, &observed);
        match &plan.decision {
            Decision::Yield(to) => {
                self.yields(report, to);
                Ok(())
            }
            Decision::Keep(current) => {
                fill::credential(report, self, current);
                report.outcome = Outcome::NotDue;
                self.mark_if_planned(report, current, &plan.actions).await;
                self.revoke(report, &plan.actions, plan.waiting).await;
                Ok(())
            }
            Decision::Renew { why, current } => {
                let words = format!("a new {} is needed: {why}", self.store.kind().as_str());
                self.context.event(Step::CreateToken, Told::Done, words);
                self.renew(report, &observed, why, current.as_ref()).await
            }
        }
    }

    fn yields(&self, report: &mut TargetReport, to: &Known) {
        report.outcome = Outcome::Yielded;
        let until = to.created + LEASE;
        let words = format!("another run has made {} and may be at work until {until:.0}", to.id);
        self.context.event(Step::CheckOtherRuns, Told::Skipped, format!("{words}; this one yields"));
        report.steps.push(StepReport::new(Step::CheckOtherRuns, State::Ok, words));
    }

    /// Marks a credential that the dates of the sinks show to be delivered: its run ended just before.
    async fn mark_if_planned(&self, report: &mut TargetReport, current: &Known, actions: &[Action]) {
        let planned = actions.iter().any(|action| matches!(action, Action::Mark(_)));
        let (true, Some(operation)) = (planned, &current.operation) else { return };
        let target = self.context.subject.name.clone();
        let tag = Tag { target, operation: operation.clone(), phase: Phase::Active };
        let comment = self.credentials.policy.comment.as_deref();
        match self.store.mark(self.context, &current.id, &tag, comment).await {
            Ok(Marked::Yes) => {
                fill::done(report, Step::MarkActive, format!("marked {} as delivered", current.id));
            }
            Ok(Marked::Unsupported) => {}
            Err(error) => self.context.warn(&error),
        }
    }

    async fn renew(
        &self,
        report: &mut TargetReport,
        observed: &Observed,
        why: &Reason,
        current: Option<&Known>,
    ) -> Result<(), Error> {
        let kind = self.store.kind();
        let (fresh, tag) = self.issue(observed, current).await?;
        let new = Known {
            id: fresh.listed.id.clone(),
            created: fresh.listed.created,
            expires: fresh.listed.expires,
            standing: Standing::Pending,
            operation: Some(tag.operation.clone()),
            scopes: fresh.listed.scopes.clone(),
        };
        fill::done(report, Step::CreateToken, format!("made {} {}: {why}", kind.as_str(), new.id));
        self.context.learn_ledger_time(new.created);
        self.context.set_lease(Some(new.created + LEASE));
        let made = Made { fresh: &fresh, tag: &tag, observed };
        let (verified, checked) = join(self.verify(&fresh.value), self.check_other_runs(&new, made)).await;
        let shown = checked.is_ok();
        let others = match self.judged(&fresh, verified, checked) {
            Ok(Checked::Alone(others)) => others,
            Ok(Checked::Yield(to)) => {
                self.roll_back(report, made, shown).await;
                self.yields(report, &to);
                return Ok(());
            }
            Err(error) => {
                self.roll_back(report, made, shown).await;
                return Err(error);
            }
        };
        fill::done(report, Step::VerifyToken, format!("verified the new {}", kind.as_str()));
        // From the first write on a stop would leave some sinks behind; the next safe point is after the last
        // one.
        self.context.set_delivering(true);
        let delivered = self.deliver(report, &fresh.value, &new, &tag, observed).await;
        fill::credential(report, self, &new);
        if let Err(failure) = delivered {
            if failure.nothing_written {
                report.credential = None;
                self.roll_back(report, made, true).await;
            } else {
                report.outcome = Outcome::Partial;
                report.left_over = others.iter().map(|known| known.id.clone()).collect();
            }
            return Err(failure.error);
        }
        report.outcome = Outcome::Rotated;
        self.keep_for_sign_ins(&fresh.value);
        let policy = &self.credentials.policy;
        let now = self.context.ledger_now();
        let (revoke, waiting) = plan::superseded(&new, &others, &observed.sinks, policy, now);
        self.context.set_lease(None);
        self.context.set_delivering(false);
        self.revoke(report, &revoke, waiting).await;
        Ok(())
    }

    /// Keeps the new value for the sign-ins of this run, where the principal signs in with a credential of
    /// this kind: the environment still holds the old one, which may be revoked in a moment.
    fn keep_for_sign_ins(&self, value: &Secret) {
        let kind = self.store.kind();
        if let Ok(own) = principal_sign_in(self.context)
            && let Some(reference) = own.method.secret_of(kind)
        {
            self.context.renew(reference, kind, value.clone());
        }
    }

    /// Makes a credential; where the reply is lost, revokes what the lost request has made and begins again.
    async fn issue(&self, observed: &Observed, current: Option<&Known>) -> Result<(Fresh, Tag), Error> {
        let policy = &self.credentials.policy;
        let scopes = match &policy.scopes {
            Scopes::Inherit => current.and_then(|current| current.scopes.clone()),
            Scopes::All => None,
            Scopes::List(list) => Some(list.clone()),
        };
        let patience = Patience::attempts(CREATIONS);
        let made = self.context.retry(Step::CreateToken, patience, async || {
            self.context.check_cancelled(Step::CreateToken)?;
            let target = self.context.subject.name.clone();
            let tag = Tag { target, operation: self.context.random_id(), phase: Phase::Pending };
            let order = Order {
                tag: &tag,
                comment: policy.comment.as_deref(),
                lifetime: policy.lifetime.seconds(),
                scopes: scopes.as_deref(),
            };
            let issued = self.store.issue(self.context, order).await;
            match issued.and_then(|fresh| new_among(observed, fresh)) {
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

    /// Judges what the trial and the list have said of a new credential.
    fn judged(
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
    async fn verify(&self, value: &Secret) -> Result<Owner, Error> {
        let bound = self.credentials.policy.verify_within.duration();
        let mut waited = false;
        let verified = self.context.retry(Step::VerifyToken, Patience::within(bound), async || {
            let trials = join_all((0..TRIALS).map(|_| self.store.try_out(self.context, value))).await;
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

    /// Returns true where a new credential may yet work: what refuses it has not heard of it everywhere, or is
    /// out of order. A definite refusal no wait changes.
    fn may_pass(&self, error: &Error) -> bool {
        let of_the_new = matches!(error.code(), Code::CredentialInvalid | Code::ClientSecretWrong)
            || error.code() == Code::ClientSecretExpired;
        let out_of_order = error.temporary() == Temporary::Yes || error.status().is_some_and(|s| s >= 500);
        of_the_new || out_of_order || spreading::is_awaited(self.context, error)
    }

    /// Lists again and looks for another run that was first.
    async fn check_other_runs(&self, new: &Known, made: Made<'_>) -> Result<Checked, Error> {
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
        let policy = &self.credentials.policy;
        let (all, _) = known(&self.context.subject.name, &policy.adopt, self.store.bears_tags(), listed);
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
            target: context.subject.name.clone(),
            credential_id: new.id.clone(),
            created: new.created,
            expires: new.expires,
        };
        let writes = self.write(value, &delivery, observed).await;
        for (sink, written) in self.sinks.iter().zip(&writes) {
            match written {
                Ok(()) => {
                    let words = format!("wrote {}", sink.label());
                    context.event(Step::Deliver, Told::Done, words.clone());
                    fill::done(report, Step::Deliver, words);
                }
                Err(error) => context.failed(error),
            }
        }
        if let Some(first) = writes.iter().find_map(|written| written.as_ref().err()) {
            let nothing_written =
                writes.iter().all(|written| written.as_ref().is_err_and(|error| !error.is_uncertain()));
            let alone = nothing_written || self.sinks.len() == 1;
            let error = if alone { first.clone() } else { partial(&writes, first) };
            fill::writes(report, &self.sinks, &writes);
            return Err(Undelivered { nothing_written, error });
        }
        let comment = self.credentials.policy.comment.as_deref();
        let active = tag.in_phase(Phase::Active);
        let reads = join_all(self.sinks.iter().map(|sink| sink.read_back(context, value, &delivery)));
        let (reads, marked) = join(reads, self.store.mark(context, &new.id, &active, comment)).await;
        fill::read_back(report, &self.sinks, &reads);
        match marked {
            Ok(Marked::Yes) => {
                context.event(Step::MarkActive, Told::Done, "marked as delivered");
                fill::done(report, Step::MarkActive, format!("marked {} as delivered", new.id));
            }
            Ok(Marked::Unsupported) => context.event(
                Step::MarkActive,
                Told::Skipped,
                "it cannot be marked; the dates of the sinks tell that it was delivered",
            ),
            // The next run finds by the sinks' dates that it was delivered, or renews once more.
            Err(error) => context.warn(&error),
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
        let silent =
            |index: &usize| observed.sinks.get(*index).is_some_and(|seen| !seen.state.written.is_exact());
        let (first, second): (Vec<usize>, Vec<usize>) = (0..self.sinks.len()).partition(silent);
        let mut results: Vec<Option<Result<(), Error>>> = self.sinks.iter().map(|_| None).collect();
        for group in [first, second] {
            let failed = results.iter().flatten().find_map(|result| result.as_ref().err().cloned());
            let written = join_all(group.iter().map(|index| async {
                if let Some(error) = &failed {
                    return Err(error.clone().with_uncertainty(false));
                }
                self.context.check_lease(TIMEOUT, Step::Deliver)?;
                self.sinks[*index].write(self.context, value, delivery).await
            }))
            .await;
            for (index, result) in group.into_iter().zip(written) {
                results[index] = Some(result);
            }
        }
        results.into_iter().flatten().collect()
    }

    /// Revokes a credential that nobody has got. By its id only where the list has shown it as this run's own;
    /// else by its tag, since an answer may name somebody else's.
    async fn roll_back(&self, report: &mut TargetReport, made: Made<'_>, shown: bool) {
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
                report.left_over.push(id.to_owned());
            }
            Ok(_) => {
                let words = format!("rolled back {id}, which was not delivered");
                self.context.event(Step::RevokeToken, Told::Done, words.clone());
                fill::done(report, Step::RevokeToken, words);
            }
            Err(error) => {
                self.context.warn(&error);
                report.left_over.push(id.to_owned());
            }
        }
    }

    /// Revokes what the actions say; what cannot be revoked now the next run finds.
    pub(super) async fn revoke(&self, report: &mut TargetReport, actions: &[Action], waiting: Vec<String>) {
        let ids: Vec<&String> = actions
            .iter()
            .filter_map(|action| match action {
                Action::Revoke { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        let results = join_all(ids.iter().map(|id| self.store.revoke(self.context, id))).await;
        report.left_over = waiting;
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    self.context.event(Step::RevokeToken, Told::Done, format!("revoked {id}"));
                    fill::done(report, Step::RevokeToken, format!("revoked {id}"));
                    report.revoked.push(id.clone());
                }
                Err(error) => {
                    self.context.warn(&error);
                    report.left_over.push(id.clone());
                }
            }
        }
    }
}

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
struct Made<'a> {
    fresh: &'a Fresh,
    tag: &'a Tag,
    observed: &'a Observed,
}

fn partial(writes: &[Result<(), Error>], first: &Error) -> Error {
    let failed = writes.iter().filter(|written| written.is_err()).count();
    let words =
        format!("{failed} of {} places could not be written; the first: {}", writes.len(), first.message());
    Error::new(Code::PartialDelivery, Step::Deliver, words).because(first)
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
