//! Carry out: make a credential, verify it, deliver it, mark it, revoke what it supersedes.
//!
//! At every moment a run may be killed, and every reply may be lost; whatever is left, the next run converges
//! from it. `docs/reliability.md` says which promise rests on which step here.

use futures_util::future::{join, join_all};

use super::action::{Action, Reason};
use super::fill;
use super::issue::Made;
use super::job::Job;
use super::observe::{Known, Observed, Standing};
use super::plan::{self, Decision, LEASE, Plan};
use super::quota;
use super::report::{Outcome, State, StepReport, TargetReport};
use super::shared::a_few_at_once;
use super::verify::Checked;
use crate::auth::principal_sign_in;
use crate::credential::{Marked, Notes, Phase, Tag};
use crate::host::Phase as Told;
use crate::model::{Code, Error, Secret, Step, Timestamp};

impl Job<'_> {
    /// Rotates and fills the report.
    pub(super) async fn rotate(&self, force: bool, report: &mut TargetReport) -> Result<(), Error> {
        let (mut observed, mut plan) = self.decide(force).await?;
        if is_doubtful(&plan) {
            // Credentials and sinks are read at the same time: another run may have ended in between, so that
            // one was read before it and the other after. What is true is found at a second look too.
            let before: Vec<Action> = plan::first(&plan.actions).cloned().collect();
            (observed, plan) = self.decide(force).await?;
            // What only one look allows to be revoked stays for now.
            let new: Vec<Action> =
                plan::first(&plan.actions).filter(|action| !before.contains(action)).cloned().collect();
            plan.actions.retain(|action| !new.contains(action));
        }
        fill::sinks(report, &observed, &plan);
        match &plan.decision {
            Decision::Yield { to, overdue, current } => {
                if let Some(current) = current {
                    fill::credential(report, self, current);
                }
                self.yields(report, to, force || *overdue);
                Ok(())
            }
            Decision::Keep(current) => {
                fill::credential(report, self, current);
                self.warn_of_narrowing(current);
                report.outcome = Outcome::NotDue;
                if self.mark_if_planned(report, current, &plan.actions).await {
                    let noted: Vec<&Known> =
                        plan::to_note(&plan.waiting, &observed.known, observed.marks).collect();
                    let marked = self.note_superseded(&noted).await;
                    self.enter_superseded(report, &noted, marked);
                }
                let until = current.created + self.credentials.policy.overlap.duration();
                self.revoke(report, &plan.actions, waiting(&plan.waiting, until)).await;
                observed.readable()
            }
            Decision::Wait { newest, until } => {
                fill::credential(report, self, newest);
                report.outcome = Outcome::Partial;
                Err(too_early(*until))
            }
            Decision::Stop { current, sink, at } => {
                fill::credential(report, self, current);
                Err(two_writers(sink, *at))
            }
            Decision::Renew { why, current, attempt } => {
                let words = format!("a new {} is needed: {why}", self.store.kind().as_str());
                self.context.event(Step::CreateToken, Told::Done, words);
                let repairs = matches!(why, Reason::Overwritten { .. });
                let notes = Notes { attempt: *attempt, repairs, ..Notes::default() };
                self.renew(report, &observed, &plan, why, current.as_ref(), &notes).await
            }
        }
    }

    /// Leaves the work to another run. That is an error where it was asked for all the same, or what is in
    /// use is overdue meanwhile.
    fn yields(&self, report: &mut TargetReport, to: &Known, urgent: bool) {
        report.outcome = Outcome::Yielded;
        let words = at_work(to);
        self.context.event(Step::CheckOtherRuns, Told::Skipped, format!("{words}; this one yields"));
        report.steps.push(StepReport::new(Step::CheckOtherRuns, State::Ok, words.clone()));
        if urgent {
            report.error = Some(another_run(to));
        }
    }

    /// Marks a credential that the dates of the sinks show to be delivered: its run ended just before.
    /// Returns true where it bears the mark.
    async fn mark_if_planned(&self, report: &mut TargetReport, current: &Known, actions: &[Action]) -> bool {
        let planned = actions.iter().any(|action| matches!(action, Action::Mark(_)));
        let (true, Some(operation)) = (planned, &current.operation) else { return true };
        let target = self.context.subject.name.clone();
        let (written, held) = (current.written.clone(), current.held.clone());
        let notes = Notes { repairs: current.repairs, written, held, ..Notes::default() };
        let tag = Tag { target, operation: operation.clone(), phase: Phase::Active, notes };
        let comment = self.credentials.policy.comment.as_deref();
        match self.store.mark(self.context, &current.id, &tag, comment).await {
            Ok(Marked::Yes) => {
                fill::done(report, Step::MarkActive, format!("marked {} as delivered", current.id));
                true
            }
            Ok(Marked::Unsupported) => false,
            Err(error) => {
                self.context.warn(&error);
                false
            }
        }
    }

    /// Notes of credentials that they are superseded.
    async fn note_superseded(&self, all: &[&Known]) -> Vec<Result<Marked, Error>> {
        let comment = self.credentials.policy.comment.as_deref();
        let target = &self.context.subject.name;
        a_few_at_once(all.iter().map(|known| async move {
            match known.tag_of_superseded(target) {
                Some(tag) => self.store.mark(self.context, &known.id, &tag, comment).await,
                None => Ok(Marked::Unsupported),
            }
        }))
        .await
    }

    fn enter_superseded(
        &self,
        report: &mut TargetReport,
        all: &[&Known],
        marked: Vec<Result<Marked, Error>>,
    ) {
        for (known, marked) in all.iter().zip(marked) {
            match marked {
                Ok(Marked::Yes) => {
                    fill::done(report, Step::MarkActive, format!("marked {} as superseded", known.id));
                }
                Ok(Marked::Unsupported) => {}
                // The next run notes it.
                Err(error) => self.context.warn(&error),
            }
        }
    }

    async fn renew(
        &self,
        report: &mut TargetReport,
        observed: &Observed,
        plan: &Plan,
        why: &Reason,
        current: Option<&Known>,
        notes: &Notes,
    ) -> Result<(), Error> {
        let kind = self.store.kind();
        if let Some(current) = current {
            fill::credential(report, self, current);
        }
        let first: Vec<Action> = plan::first(&plan.actions).cloned().collect();
        self.revoke(report, &first, Vec::new()).await;
        let gone = report.revoked.clone();
        let made = match quota::check(kind, observed, &gone, current) {
            Ok(()) => match self.wanted(observed, current) {
                Ok(wanted) => {
                    let made = self.issue(observed, &wanted, notes).await;
                    let made = made.map_err(|error| quota::explained(error, observed, &gone, current));
                    made.map(|(fresh, tag)| (fresh, tag, wanted))
                }
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        let (fresh, tag, wanted) = made.inspect_err(|_| fill::untried(report))?;
        let mut new = Known {
            id: fresh.listed.id.clone(),
            expires: fresh.listed.expires,
            standing: Standing::Pending,
            operation: Some(tag.operation.clone()),
            rights: fresh.listed.rights.clone(),
            attempt: notes.attempt,
            repairs: notes.repairs,
            ..Known::made_now(fresh.listed.created)
        };
        fill::done(report, Step::CreateToken, format!("made {} {}: {why}", kind.as_str(), new.id));
        let gone_before = matches!(why, Reason::Gone { .. });
        self.tell(
            report,
            self.note(&wanted, observed, current, gone_before).into_iter().chain(fresh.note.clone()),
        );
        self.context.learn_ledger_time(new.created);
        self.context.set_lease(Some(new.created + LEASE));
        let made = Made { fresh: &fresh, tag: &tag, observed };
        let (verified, checked) =
            join(self.verify(&fresh.value, &wanted), self.check_other_runs(&new, made)).await;
        let shown = checked.is_ok();
        let others = match self.judged(&fresh, verified, checked) {
            Ok(Checked::Alone { others, rights }) => {
                self.tell(report, wanted.differs(&rights));
                new.rights = rights;
                others
            }
            Ok(Checked::Yield(to)) => {
                self.roll_back(report, made, shown).await;
                let urgent = plan::is_missed(current, &to, observed, self.asked(false));
                self.yields(report, &to, matches!(why, Reason::Forced) || urgent);
                return Ok(());
            }
            Err(error) => {
                fill::untried(report);
                self.roll_back(report, made, shown).await;
                return Err(error);
            }
        };
        fill::done(report, Step::VerifyToken, format!("verified the new {}", kind.as_str()));
        // From the first write on a stop would leave some sinks behind; the next safe point is after the last
        // one.
        self.context.set_delivering(true);
        let delivered = self.deliver(report, &fresh.value, &new, made, current).await;
        let written = match delivered {
            Ok(written) => written,
            Err(undelivered) => {
                let moved = !undelivered.is_nowhere();
                if !undelivered.was_accepted() {
                    fill::writes(report, &undelivered.writes, moved);
                }
                if !moved {
                    self.roll_back(report, made, true).await;
                } else {
                    fill::credential(report, self, &new);
                    self.end_partly(report, &new, made, &others, current, &undelivered).await;
                }
                return Err(undelivered.error);
            }
        };
        fill::credential(report, self, &new);
        report.outcome = Outcome::Rotated;
        self.keep_for_sign_ins(&fresh.value);
        let policy = &self.credentials.policy;
        let previous = plan::predecessor(observed, current).map(|current| current.id.as_str());
        let after = Observed { now: self.context.ledger_now(), ..observed.clone() };
        let (revoke, left) = plan::superseded(&new, &others, previous, &after, policy);
        self.context.set_lease(None);
        self.context.set_delivering(false);
        let noted: Vec<&Known> = plan::to_note(&left, &others, observed.marks).collect();
        let left = waiting(&left, new.created + policy.overlap.duration());
        // Every place holds it: a run that dies between these two leaves what the next one finds by the
        // dates.
        let ids: Vec<String> = revoke.iter().filter_map(Action::revokes).cloned().collect();
        let marking = self.mark_delivered(&new, made, written);
        // Of what was to be revoked here that was found gone before, or is kept all the same, nothing is
        // told.
        let gone = dead(&plan.actions).into_iter().filter(|id| !observed.ids.contains(id)).collect();
        let (marked, (results, retired)) = join(marking, self.revoke_all(&ids, gone)).await;
        let is_marked = matches!(marked, Ok(Marked::Yes));
        self.enter_mark(report, &new.id, marked);
        // Until the new one is marked, the old one is all that the ledger knows to be delivered.
        if is_marked {
            let superseded = self.note_superseded(&noted).await;
            self.enter_superseded(report, &noted, superseded);
        }
        self.enter_revoked(report, ids, results, left);
        fill::retired(report, retired);
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

    /// Revokes what the actions say; what cannot be revoked now the next run finds.
    pub(super) async fn revoke(&self, report: &mut TargetReport, actions: &[Action], waiting: Vec<Waiting>) {
        let ids: Vec<String> = actions.iter().filter_map(Action::revokes).cloned().collect();
        let (results, retired) = self.revoke_all(&ids, dead(actions)).await;
        self.enter_revoked(report, ids, results, waiting);
        fill::retired(report, retired);
    }

    /// Revokes at the same time, and tells the places, also of those of before that are gone; returns what
    /// they have done.
    async fn revoke_all(
        &self,
        ids: &[String],
        mut gone: Vec<String>,
    ) -> (Vec<Result<(), Error>>, Vec<String>) {
        let results = a_few_at_once(ids.iter().map(|id| self.store.revoke(self.context, id))).await;
        gone.retain(|id| !ids.contains(id));
        gone.extend(ids.iter().zip(&results).filter(|(_, result)| result.is_ok()).map(|(id, _)| id.clone()));
        let retired = self.retire(&gone).await;
        (results, retired)
    }

    /// Tells the places what was revoked that they may have held, and returns what they have done about it.
    pub(super) async fn retire(&self, gone: &[String]) -> Vec<String> {
        if gone.is_empty() {
            return Vec::new();
        }
        let retired = join_all(self.sinks.iter().map(|sink| sink.retire(self.context, gone))).await;
        let mut done = Vec::new();
        for (words, result) in retired {
            words.iter().for_each(|words| self.context.event(Step::RevokeToken, Told::Done, words.clone()));
            done.extend(words);
            // The next run tries again.
            result.unwrap_or_else(|error| self.context.warn(&error));
        }
        done
    }

    fn enter_revoked(
        &self,
        report: &mut TargetReport,
        ids: Vec<String>,
        results: Vec<Result<(), Error>>,
        waiting: Vec<Waiting>,
    ) {
        for (id, until) in waiting {
            report.leave(&id, "it is superseded, and lives on until the overlap ends", Some(until));
        }
        for (id, result) in ids.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    self.context.event(Step::RevokeToken, Told::Done, format!("revoked {id}"));
                    fill::done(report, Step::RevokeToken, format!("revoked {id}"));
                    report.revoked.push(id);
                }
                Err(error) => {
                    self.context.warn(&error);
                    let why = format!("it could not be revoked ({}); the next run tries again", error.code());
                    report.leave(&id, why, None);
                }
            }
        }
    }
}

/// Returns the credentials of the versions that are switched off.
fn dead(actions: &[Action]) -> Vec<String> {
    let dead = actions.iter().filter_map(|action| match action {
        Action::Retire { id, .. } => Some(id.clone()),
        _ => None,
    });
    dead.collect()
}

/// Is a credential that a later run revokes, and from when on.
pub(super) type Waiting = (String, Timestamp);

/// Says until when each lives on.
pub(super) fn waiting(ids: &[String], until: Timestamp) -> Vec<Waiting> {
    ids.iter().map(|id| (id.clone(), until)).collect()
}

/// Returns true where a plan rests on what two reads at the same time may have seen at different times.
fn is_doubtful(plan: &Plan) -> bool {
    match &plan.decision {
        Decision::Renew { why, attempt, .. } => {
            let doubtful = matches!(
                why,
                Reason::Undelivered(_)
                    | Reason::Uncertain(_)
                    | Reason::Overwritten { .. }
                    | Reason::Gone { .. }
            );
            // After an attempt that ended partly more is revoked on the word of the places.
            doubtful || *attempt > 1 || plan::first(&plan.actions).next().is_some()
        }
        Decision::Stop { .. } => true,
        _ => false,
    }
}

/// Says what another run does, or has done.
fn at_work(to: &Known) -> String {
    match to.standing {
        Standing::Active => format!("another run has delivered {} meanwhile", to.id),
        _ => format!("another run has made {} and may be at work until {:.0}", to.id, to.created + LEASE),
    }
}

/// Says that nothing was rotated, since another run is at work.
pub(super) fn another_run(to: &Known) -> Error {
    let words = format!("nothing was rotated: {}", at_work(to));
    Error::new(Code::AnotherRun, Step::CheckOtherRuns, words)
}

/// Says that the last run ended partly and that it is too early to try again.
pub(super) fn too_early(until: Timestamp) -> Error {
    let words = format!("the last run could not write every place; the next one tries again at {until:.0}");
    Error::new(Code::PartialDelivery, Step::Deliver, words)
        .with_hint("repair the place; `lakekey rotate --force` tries again at once")
}

/// Says that a place was overwritten again.
pub(super) fn two_writers(sink: &str, at: Option<Timestamp>) -> Error {
    let what = at.map_or_else(|| "emptied again".to_owned(), |at| format!("overwritten again at {at:.0}"));
    let words = format!(
        "{sink} was {what}, less than seven days after it was given a fresh credential: it \
         has two writers"
    );
    Error::new(Code::SinkOverwritten, Step::ReadSinks, words)
}
