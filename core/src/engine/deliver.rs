//! Deliver: write every place, read back, mark; and what a run that reaches only some of them leaves.

use std::time::Duration;

use futures_util::future::join_all;

use super::action::{Action, Revoked};
use super::fill::{self, ReadBack, Write};
use super::issue::Made;
use super::job::Job;
use super::observe::{Known, Observed, SinkSeen};
use super::places::{is_outdone, is_written_before, may_hold};
use super::plan;
use super::report::{Outcome, State, StepReport, TargetReport};
use crate::credential::{Marked, Notes, Phase};
use crate::host::Phase as Told;
use crate::http::TIMEOUT;
use crate::model::{Code, Error, Secret, Step};
use crate::sink::{Delivery, Written};

/// Holds which places were written with a credential.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    /// The marks of those that date their writes, and how many seconds after its creation each was written.
    written: Vec<(String, i64)>,
    /// The marks of those that do not.
    held: Vec<String>,
}

/// Reports a delivery that did not reach every sink.
pub(super) struct Undelivered {
    /// What became of each place.
    pub(super) writes: Vec<Write>,
    pub(super) error: Error,
    /// Which places were written, and when.
    shown: Shown,
}

impl Undelivered {
    /// Returns true where every place has accepted the write, and one does not show it.
    pub(super) fn was_accepted(&self) -> bool {
        self.writes.iter().all(|write| matches!(write, Write::Done))
    }
}

impl Undelivered {
    /// Returns true where no place can hold the new credential: each has definitely refused, or was not
    /// tried.
    pub(super) fn is_nowhere(&self) -> bool {
        self.writes.iter().all(|write| match write {
            Write::Done => false,
            Write::Failed(error) => !error.is_uncertain(),
            Write::NotTried => true,
        })
    }
}

impl Job<'_> {
    /// Writes every sink and reads back; returns when each that tells it was written.
    pub(super) async fn deliver(
        &self,
        report: &mut TargetReport,
        value: &Secret,
        new: &Known,
        made: Made<'_>,
        current: Option<&Known>,
    ) -> Result<Shown, Undelivered> {
        let context = self.context;
        let delivery = Delivery {
            target: context.subject.name.clone(),
            credential_id: new.id.clone(),
            created: new.created,
            expires: new.expires,
        };
        let writes = self.write(value, &delivery, made, current).await;
        for ((sink, seen), written) in self.sinks.iter().zip(&made.observed.sinks).zip(&writes) {
            match written {
                Write::Done => {
                    if let Some(what) = &seen.lacks {
                        fill::done(report, Step::Deliver, format!("made {what}"));
                    }
                    let words = format!("wrote {}", sink.label());
                    context.event(Step::Deliver, Told::Done, words.clone());
                    fill::done(report, Step::Deliver, words);
                }
                Write::Failed(error) => {
                    // The report says the rest, and the same text twice hides what is new.
                    let words = format!("{} failed: {}", sink.label(), error.code());
                    context.event(Step::Deliver, Told::Warning, words);
                }
                Write::NotTried => {
                    let words = format!("{} was not tried, since another place had failed", sink.label());
                    context.event(Step::Deliver, Told::Skipped, words);
                }
            }
        }
        if let Some(error) = failure(&writes, &self.labels()) {
            return Err(Undelivered { writes, error, shown: Shown::default() });
        }
        let reads = join_all(self.sinks.iter().map(|sink| sink.read_back(context, value, &delivery))).await;
        fill::read_back(report, &reads);
        for (sink, _) in self.sinks.iter().zip(&reads).filter(|(_, read)| read.is_ok()) {
            if let Some(words) = sink.unverified() {
                let words = format!("{}: {words}", sink.label());
                context.event(Step::ReadBack, Told::Done, words.clone());
                report.steps.push(StepReport::new(Step::ReadBack, State::NotChecked, words));
            }
        }
        let shown = self.shown(&made.observed.sinks, &reads, new);
        match reads.into_iter().find_map(Result::err) {
            None => Ok(shown),
            Some(error) => Err(Undelivered { writes, error, shown }),
        }
    }

    /// Marks a credential as delivered, with when each place was written.
    pub(super) async fn mark_delivered(
        &self,
        new: &Known,
        made: Made<'_>,
        shown: Shown,
    ) -> Result<Marked, Error> {
        let Shown { written, held } = shown;
        // What a run notes of its end is for those that ended partly.
        let notes = Notes { repairs: made.tag.notes.repairs, written, held, ..Notes::default() };
        let active = made.tag.in_phase(Phase::Active).with_notes(notes);
        let comment = self.credentials.policy.comment.as_deref();
        self.store.mark(self.context, &new.id, &active, comment).await
    }

    /// Tells whether it was marked.
    pub(super) fn enter_mark(&self, report: &mut TargetReport, id: &str, marked: Result<Marked, Error>) {
        match marked {
            Ok(Marked::Yes) => {
                self.context.event(Step::MarkActive, Told::Done, "marked as delivered");
                fill::done(report, Step::MarkActive, format!("marked {id} as delivered"));
            }
            Ok(Marked::Unsupported) => self.context.event(
                Step::MarkActive,
                Told::Skipped,
                "it cannot be marked; the dates of the sinks tell that it was delivered",
            ),
            // The next run finds by the sinks' dates that it was delivered, or renews once more.
            Err(error) => self.context.warn(&error),
        }
    }

    /// Returns which places were written with a credential, and how many seconds after its creation, where
    /// the place dates its writes. One that shows a later write than this run's is noted with this run's.
    fn shown(&self, seen: &[SinkSeen], reads: &[ReadBack], new: &Known) -> Shown {
        let mut shown = Shown::default();
        for ((sink, seen), read) in self.sinks.iter().zip(seen).zip(reads) {
            let at = match read.as_ref().map(|state| state.written) {
                Ok(Written::At(at)) => Some(at),
                Ok(Written::By(_)) => {
                    shown.held.push(seen.mark.clone());
                    None
                }
                Ok(_) => None,
                Err(_) => sink.wrote(),
            };
            let after = at.map(|at| at.since(new.created).div_euclid(1000));
            shown.written.extend(after.map(|after| (seen.mark.clone(), after)));
        }
        shown
    }

    fn labels(&self) -> Vec<String> {
        self.sinks.iter().map(|sink| sink.label()).collect()
    }

    /// Writes the sinks at the same time; first those that cannot tell when they were written, so that a date
    /// of the others stands for them too.
    async fn write(
        &self,
        value: &Secret,
        delivery: &Delivery,
        made: Made<'_>,
        current: Option<&Known>,
    ) -> Vec<Write> {
        let observed = made.observed;
        let silent =
            |index: &usize| observed.sinks.get(*index).is_some_and(|seen| !seen.state.written.is_exact());
        let (first, second): (Vec<usize>, Vec<usize>) = (0..self.sinks.len()).partition(silent);
        let mut results: Vec<Write> = self.sinks.iter().map(|_| Write::NotTried).collect();
        for group in [first, second] {
            let has_failed = results.iter().any(|result| matches!(result, Write::Failed(_)));
            // What the ledger does not know to be partial the dates of the others would show as delivered.
            if has_failed && !(is_ending(observed, current) && self.is_noted_partial(made).await) {
                break;
            }
            let written = join_all(group.iter().map(|index| async {
                self.context.check_lease(TIMEOUT, Step::Deliver)?;
                self.sinks[*index].write(self.context, value, delivery).await
            }))
            .await;
            for (index, result) in group.into_iter().zip(written) {
                results[index] = result.map_or_else(Write::Failed, |()| Write::Done);
            }
        }
        results
    }

    /// Notes that a delivery is partial before the other places are written; returns whether that is noted.
    async fn is_noted_partial(&self, made: Made<'_>) -> bool {
        let tag = made.tag.with_notes(Notes { ended: true, ..made.tag.notes.clone() });
        let comment = self.credentials.policy.comment.as_deref();
        matches!(self.store.mark(self.context, &made.fresh.listed.id, &tag, comment).await, Ok(Marked::Yes))
    }

    /// Notes that the run has ended although some place does not hold the new credential, and revokes what no
    /// place can hold any more: the places that were reached hold the new one, the others have definitely
    /// refused and were last written before.
    pub(super) async fn end_partly(
        &self,
        report: &mut TargetReport,
        new: &Known,
        made: Made<'_>,
        others: &[Known],
        current: Option<&Known>,
        undelivered: &Undelivered,
    ) {
        report.outcome = Outcome::Partial;
        if undelivered.was_accepted() {
            // It counts as delivered; the next run looks again.
            let marked = self.mark_delivered(new, made, undelivered.shown.clone()).await;
            self.enter_mark(report, &new.id, marked);
            for known in others {
                report.leave(&known.id, "it is superseded; a place does not show the new one yet", None);
            }
            return;
        }
        let seen = &made.observed.sinks;
        let each = || seen.iter().zip(&undelivered.writes);
        let failed = |how: fn(&Error) -> bool| {
            let is_so = move |write: &Write| matches!(write, Write::Failed(error) if how(error));
            each().filter(move |(_, write)| is_so(write)).map(|(sink, _)| sink.mark.clone()).collect()
        };
        let refused = failed(|error| !error.is_uncertain());
        let unanswered = failed(|error| error.is_uncertain() && !error.is_admitted());
        let notes = Notes { ended: true, refused, unanswered, ..made.tag.notes.clone() };
        let comment = self.credentials.policy.comment.as_deref();
        let tag = made.tag.with_notes(notes);
        if let Err(error) = self.store.mark(self.context, &new.id, &tag, comment).await {
            self.context.warn(&error);
        }
        let gone = |known: &Known| {
            each().all(|(sink, write)| match write {
                Write::Done => true,
                Write::Failed(error) if !error.is_uncertain() => {
                    is_written_before(sink, known, &made.observed.known)
                        || !may_hold(sink, known) && known.is_refused_by(sink)
                }
                // It holds what it held, or the new one.
                Write::Failed(_) | Write::NotTried => {
                    made.observed.now >= known.created + plan::HOUR
                        && (is_written_before(sink, known, &made.observed.known)
                            || is_outdone(sink, known, new, current))
                }
            })
        };
        let (revoke, left): (Vec<&Known>, Vec<&Known>) = others.iter().partition(|known| {
            made.was_there(&known.id)
                && !plan::is_spared(known, made.observed, current, &self.credentials.policy)
                && gone(known)
        });
        let actions: Vec<Action> =
            revoke.iter().map(|known| Action::revoke(known, Revoked::Superseded)).collect();
        self.revoke(report, &actions, Vec::new()).await;
        for known in left {
            report.leave(&known.id, "some place may still hold it, until every place was written", None);
        }
    }
}

/// Returns true where what the places hold ends within a day or has ended, so that one that fails may not
/// keep the others without a credential.
fn is_ending(observed: &Observed, current: Option<&Known>) -> bool {
    match current {
        Some(current) => current.expires.is_some_and(|end| end < observed.now + DAY),
        None => observed.sinks.iter().any(|sink| sink.state.written.timestamp().is_some()),
    }
}

/// How near its end a credential is when the places that can be written are, whatever the others do.
const DAY: Duration = Duration::from_secs(86_400);

/// Says why a delivery has not reached every place; `None` where it has.
fn failure(writes: &[Write], labels: &[String]) -> Option<Error> {
    let failed = || {
        writes.iter().zip(labels).filter_map(|(write, label)| match write {
            Write::Failed(error) => Some((label, error)),
            _ => None,
        })
    };
    let (_, first) = failed().next()?;
    let written = writes.iter().any(|write| matches!(write, Write::Done));
    if !written && failed().count() == 1 {
        return Some(first.clone());
    }
    let all: Vec<String> = failed().map(|(label, error)| format!("{label} ({})", error.code())).collect();
    let words = format!("{} of {} places could not be written: {}", all.len(), writes.len(), all.join(", "));
    if !written && failed().all(|(_, error)| !error.is_uncertain()) {
        return Some(first.clone());
    }
    Some(Error::new(Code::PartialDelivery, Step::Deliver, words).because(first))
}
