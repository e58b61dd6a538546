//! Plan: from what was observed, the policy and the time to a list of actions. Pure: it reads no clock and
//! sends nothing.
//!
//! The one rule above all: a credential that a sink may hold is revoked only after every sink was written
//! with another.

use std::time::Duration;

use super::action::{Action, Reason, Revoked};
pub(crate) use super::clean_up::{is_spared, predecessor, retired, seen_nowhere, superseded, to_note};
use super::clean_up::{previous, unheld};
use super::observe::{Known, Observed, SinkSeen, Standing};
use super::places::{Held, held, is_overwritten, may_hold};
pub(crate) use super::places::{LEASE, is_leased};
use super::quota;
use crate::config::Policy;
use crate::model::{CredentialKind, Timestamp};
use crate::sink::Written;

/// A credential with less than this left is refused by the workspace and counts as gone.
const LAST_BREATH: Duration = Duration::from_secs(30);

/// How old what is revoked on the word of the places is at the least.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// After how many attempts that have each left one the next ones are rare.
const KEPT_ATTEMPTS: usize = 3;

/// How long after a delivery that repaired an overwritten place another such delivery would only feed two
/// writers.
const TWO_WRITERS: Duration = WEEK;

/// Holds what was decided of one credential, and all that follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// What was decided.
    pub(crate) decision: Decision,
    /// What a run does, in this order.
    pub(crate) actions: Vec<Action>,
    /// The ids that are revoked by a later run, at the end of the overlap.
    pub(crate) waiting: Vec<String>,
}

/// Says what becomes of the credential in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The current credential stays.
    Keep(Known),
    /// A new credential is made, verified and delivered.
    Renew {
        /// Why.
        why: Reason,
        /// The credential that is superseded, where there is one.
        current: Option<Known>,
        /// Which attempt in a row this is.
        attempt: u32,
    },
    /// Another run is at work.
    Yield {
        /// The credential that it has made.
        to: Known,
        /// Whether what is in use is overdue meanwhile.
        overdue: bool,
        /// The credential in use.
        current: Option<Known>,
    },
    /// The last run has ended partly, and it is too early to try again.
    Wait {
        /// The credential that some places hold.
        newest: Known,
        /// When it is tried again.
        until: Timestamp,
    },
    /// A place was overwritten again a short time after it was repaired.
    Stop {
        /// The credential that was delivered.
        current: Known,
        /// The place.
        sink: String,
        /// When it was overwritten, where it can say so.
        at: Option<Timestamp>,
    },
}

impl Plan {
    /// Returns the ids that a run revokes.
    pub(crate) fn revoked(&self) -> impl Iterator<Item = &String> {
        self.actions.iter().filter_map(|action| match action {
            Action::Revoke { id, .. } => Some(id),
            _ => None,
        })
    }

    /// Returns the credential whose places a report shows.
    pub(crate) fn shown(&self) -> Option<&Known> {
        match &self.decision {
            Decision::Keep(current) | Decision::Stop { current, .. } => Some(current),
            Decision::Renew { current, .. } | Decision::Yield { current, .. } => current.as_ref(),
            Decision::Wait { newest, .. } => Some(newest),
        }
    }
}

/// Holds what is asked of a plan besides what was observed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: CredentialKind,
    pub(crate) policy: &'a Policy,
    pub(crate) jitter: u64,
    pub(crate) force: bool,
}

/// Decides, and lists what is to be done.
pub(crate) fn plan(observed: &Observed, asked: Asked<'_>) -> Plan {
    let now = observed.now;
    let decision = decide(observed, asked);
    let (actions, waiting) = match &decision {
        Decision::Yield { .. } | Decision::Wait { .. } | Decision::Stop { .. } => (Vec::new(), Vec::new()),
        // A place that cannot be read may hold what only its date tells from the current one.
        Decision::Keep(current) if current.standing != Standing::Active && observed.readable().is_err() => {
            (Vec::new(), Vec::new())
        }
        Decision::Keep(current) => {
            let alive: Vec<&Known> = observed.known.iter().filter(|known| !is_ending(known, now)).collect();
            let previous = previous(current, &alive);
            let untold = |known: &&Known| {
                known.standing == Standing::Adopted || observed.sinks.iter().any(|sink| may_hold(sink, known))
            };
            // Before lakekey has delivered anything, any of these may be what the places hold.
            let stays = |known: &&Known| current.standing == Standing::Adopted && untold(known);
            let others = alive.into_iter().filter(|known| !stays(known));
            let (revoke, waiting) = superseded(current, others, previous, observed, asked.policy);
            let unmarked =
                observed.marks && current.standing == Standing::Pending && current.operation.is_some();
            let mark = unmarked.then(|| Action::Mark(Some(current.id.clone())));
            let notes = to_note(&waiting, &observed.known, observed.marks).map(noted);
            (mark.into_iter().chain(notes).chain(revoke).collect(), waiting)
        }
        Decision::Renew { why, current, .. } => renewal_actions(observed, asked, why, current.as_ref()),
    };
    let mut actions = actions;
    if matches!(decision, Decision::Keep(_) | Decision::Renew { .. }) {
        let writes = matches!(decision, Decision::Renew { .. });
        actions.extend(retired(observed, actions.iter().filter_map(Action::revokes), writes));
    }
    Plan { decision, actions, waiting }
}

fn renewal_actions(
    observed: &Observed,
    asked: Asked<'_>,
    why: &Reason,
    current: Option<&Known>,
) -> (Vec<Action>, Vec<String>) {
    let kind = asked.kind;
    let mut first = unheld(observed, current, asked.policy);
    // What a run that has ended long ago has made and no place shows is no use any more.
    let old = |known: &&Known| observed.now >= known.created + HOUR;
    for known in seen_nowhere(observed, current, asked.policy).into_iter().filter(old) {
        if !first.iter().any(|other| other.id == known.id) {
            first.push(known);
        }
    }
    first.sort_by_key(|known| (known.created, &known.id));
    let gone: Vec<String> = first.iter().map(|known| known.id.clone()).collect();
    if quota::is_full(kind, observed, &gone) {
        // Nothing could be made at all.
        first = seen_nowhere(observed, current, asked.policy);
    }
    let mut actions: Vec<Action> =
        first.iter().map(|known| Action::revoke(known, Revoked::LeftOver)).collect();
    actions.extend([Action::Create { kind, why: why.clone() }, Action::Verify { kind }]);
    actions.extend(observed.sinks.iter().filter_map(|sink| sink.lacks.clone()).map(Action::Prepare));
    actions.extend(observed.sinks.iter().map(|sink| Action::Deliver {
        sink: sink.label.clone(),
        replaces: foreign(sink, current, observed),
    }));
    if observed.marks {
        actions.push(Action::Mark(None));
    }
    let mark = actions.len();
    // The new one is made now; what it supersedes follows from the same rule as after it was made.
    let new = Known::made_now(observed.now);
    let left = observed.known.iter().filter(|known| !first.contains(known));
    let previous = predecessor(observed, current).map(|current| current.id.as_str());
    let (revoke, waiting) = superseded(&new, left, previous, observed, asked.policy);
    actions.splice(mark..mark, to_note(&waiting, &observed.known, observed.marks).map(noted));
    actions.extend(revoke);
    (actions, waiting)
}

fn noted(known: &Known) -> Action {
    Action::Supersede(known.id.clone())
}

/// Returns the revocations that come before anything is made.
pub(crate) fn first(actions: &[Action]) -> impl Iterator<Item = &Action> {
    actions.iter().take_while(|action| matches!(action, Action::Revoke { .. }))
}

/// Returns when a place was written, where what it holds is nobody's that this target knows.
fn foreign(sink: &SinkSeen, current: Option<&Known>, observed: &Observed) -> Option<Timestamp> {
    let known = observed.known.iter().any(|known| may_hold(sink, known));
    let at = sink.state.written.timestamp()?;
    (!known && !matches!(held(sink, current, &observed.known), Held::Current | Held::Older)).then_some(at)
}

fn decide(observed: &Observed, asked: Asked<'_>) -> Decision {
    let now = observed.now;
    let alive: Vec<&Known> = observed.known.iter().filter(|known| !is_ending(known, now)).collect();
    let current = current(&alive, &observed.sinks, now);
    let newest = ended_partly(&alive, current, observed);
    let why = match (renewal(&alive, current, newest, observed, asked), current) {
        (Some(why), _) => why,
        (None, Some(current)) => return Decision::Keep(current.clone()),
        (None, None) => Reason::None,
    };
    // The one at work will have done it; what it leaves undone the next run does.
    let at_work = alive.iter().filter(|known| is_leased(known, now)).min_by_key(|k| (k.created, &k.id));
    if let Some(to) = at_work {
        let overdue = is_missed(current, to, observed, asked);
        return Decision::Yield { to: (*to).clone(), overdue, current: current.cloned() };
    }
    // One run that broke off is made good at once; where nothing can be marked each looks like that.
    let is_first = |newest: &Known| observed.marks && !newest.ended && newest.attempt < 2;
    if let (Some(newest), false) = (newest.filter(|newest| !is_first(newest)), asked.force) {
        let until = next_attempt(newest, &alive, current, observed, asked);
        if now < until {
            return Decision::Wait { newest: newest.clone(), until };
        }
    }
    if let (Reason::Overwritten { sink, at }, Some(current)) = (&why, current)
        && current.repairs
        && at.unwrap_or(now) < current.created + TWO_WRITERS
    {
        return Decision::Stop { current: current.clone(), sink: sink.clone(), at: *at };
    }
    let attempt = newest.map_or(1, |newest| newest.attempt + 1);
    Decision::Renew { why, current: current.cloned(), attempt }
}

/// Returns true where what is in use is overdue, or there is nothing in use, while another run is at work.
pub(crate) fn is_missed(current: Option<&Known>, to: &Known, observed: &Observed, asked: Asked<'_>) -> bool {
    // A run that has delivered has missed nothing.
    if to.standing == Standing::Active {
        return false;
    }
    match current {
        Some(current) => is_overdue(current, asked, observed.now),
        // A place that holds what the run has made is served.
        None => {
            let unserved = |sink: &SinkSeen| sink.state.written.timestamp().is_some() && !may_hold(sink, to);
            observed.sinks.iter().any(unserved)
        }
    }
}

/// Returns when what ended partly is tried again: after the back-off, and earlier where what is in use is
/// near its end. Attempts that each leave one, since a place may hold any, become rare, and keep a place free
/// where few fit.
fn next_attempt(
    newest: &Known,
    alive: &[&Known],
    current: Option<&Known>,
    observed: &Observed,
    asked: Asked<'_>,
) -> Timestamp {
    let in_doubt = |sink: &SinkSeen, known: &Known| {
        sink.state.written == Written::Unknown && (!known.ended || known.unanswered.contains(&sink.mark))
    };
    let is_kept = |known: &&&Known| {
        known.standing == Standing::Pending
            && current.is_none_or(|current| known.created > current.created)
            && observed.sinks.iter().any(|sink| in_doubt(sink, known))
    };
    let end = current.unwrap_or(newest).expires;
    let (until, last) = if alive.iter().filter(is_kept).count() < KEPT_ATTEMPTS {
        (newest.created + back_off(newest, current, asked), newest.created)
    } else if let (true, Some(end)) = (quota::limit(asked.kind).is_some_and(|limit| limit < 10), end) {
        (end, newest.created + DAY)
    } else {
        (newest.created + WEEK, newest.created + DAY)
    };
    match end.filter(|end| *end < until + DAY) {
        Some(end) => last.max(until.min(end - DAY)),
        None => until,
    }
}

/// Returns how long after an attempt that ended partly the next one begins: an hour, twice as long each time,
/// a day at the most.
fn back_off(newest: &Known, current: Option<&Known>, asked: Asked<'_>) -> Duration {
    if newest.operation.is_some() {
        return (HOUR * 2u32.pow(newest.attempt.saturating_sub(1).min(5))).min(DAY);
    }
    // What bears no text counts no attempts: to wait as long as it was tried already doubles it too.
    let due = current.map(|current| due(current.created, current.expires, asked.policy, asked.jitter));
    due.map_or(HOUR, |due| due.until(newest.created)).clamp(HOUR, DAY)
}

/// Finds what the last run has delivered to some places and not to others.
fn ended_partly<'a>(alive: &[&'a Known], current: Option<&Known>, observed: &Observed) -> Option<&'a Known> {
    let newest = alive
        .iter()
        .copied()
        .filter(|known| current.is_none_or(|current| known.created > current.created))
        .filter(|known| known.standing == Standing::Pending && !is_leased(known, observed.now))
        .max_by_key(|known| (known.created, &known.id))?;
    // What is not marked does not say that its run has ended; that a place holds it does.
    let held = || observed.sinks.iter().any(|sink| may_hold(sink, newest));
    (newest.ended || held()).then_some(newest)
}

/// Returns when a credential is renewed.
pub(crate) fn due(created: Timestamp, expires: Option<Timestamp>, policy: &Policy, jitter: u64) -> Timestamp {
    // One that never ends is renewed as if it had the configured lifetime.
    let end = expires.unwrap_or_else(|| created + policy.lifetime.duration());
    // One that was made with a shorter life than configured is not due the moment it is made.
    let before = policy.renew_before.duration().min(created.until(end) / 2);
    end - before - ahead(before, jitter)
}

/// Returns true where half of the time that was set aside for renewing is gone: runs have failed or do not
/// happen.
pub(crate) fn is_overdue(current: &Known, asked: Asked<'_>, now: Timestamp) -> bool {
    let due = due(current.created, current.expires, asked.policy, asked.jitter);
    now >= due + asked.policy.renew_before.duration() / 2
}

/// Moves a renewal forward by up to an eighth of `renew-before`, so that a fleet made on one day is not due
/// on one day.
fn ahead(before: Duration, jitter: u64) -> Duration {
    const STEPS: u32 = 1024;
    before / 8 / STEPS * u32::try_from(jitter % u64::from(STEPS)).unwrap_or(0)
}

/// Makes of a name the number by which its renewals are moved; the same name gives the same number
/// everywhere.
pub(crate) fn jitter(target: &str, workspace: &str) -> u64 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(format!("{workspace} {target}"));
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// Finds the credential that is in use: the newest that was delivered everywhere.
fn current<'a>(alive: &[&'a Known], sinks: &[SinkSeen], now: Timestamp) -> Option<&'a Known> {
    let active = alive.iter().filter(|k| k.standing == Standing::Active && !k.superseded);
    if let Some(active) = active.max_by_key(|k| (k.created, &k.id)) {
        return Some(active);
    }
    let settled: Vec<&Known> = alive.iter().copied().filter(|k| !is_leased(k, now)).collect();
    // Nothing was ever marked: the kind cannot be, or the run ended just before. The dates of the sinks tell,
    // where they point at one credential alone, or at it and at what was written later; sinks that tell
    // nothing are written before those, so that they are told for.
    let dated: Vec<&SinkSeen> = sinks.iter().filter(|s| s.state.written.is_exact()).collect();
    let alone = |sink: &SinkSeen, candidate: &Known| {
        may_hold(sink, candidate)
            && !alive.iter().any(|other| rivals(other, candidate) && may_hold(sink, other))
    };
    let by_date = settled.iter().copied().filter(|candidate| {
        candidate.standing == Standing::Pending
            && !candidate.ended
            && dated.iter().any(|sink| alone(sink, candidate))
            && dated.iter().all(|sink| alone(sink, candidate) || is_overwritten(sink, candidate))
    });
    let by_date = by_date.max_by_key(|known| (known.created, &known.id));
    if by_date.is_some() {
        return by_date;
    }
    // Another hand has written every place since: what a run has delivered last is what it has overwritten.
    // Unless somebody has made one by hand since, which then is what they wrote.
    let by_hand = |than: &Known| {
        settled.iter().any(|known| known.standing == Standing::Adopted && known.created > than.created)
    };
    let overwritten = settled.iter().copied().filter(|candidate| {
        candidate.standing == Standing::Pending
            && !candidate.ended
            && !by_hand(candidate)
            && !dated.is_empty()
            && dated.iter().all(|sink| is_overwritten(sink, candidate))
    });
    let overwritten = overwritten.max_by_key(|known| (known.created, &known.id));
    if overwritten.is_some() {
        return overwritten;
    }
    settled.into_iter().filter(|k| k.standing == Standing::Adopted).max_by_key(|k| (k.created, &k.id))
}

/// Returns true where a write at the time of one credential may have been a write of the other.
fn rivals(other: &Known, candidate: &Known) -> bool {
    // What somebody else made stood in the sink before, and the run that made the candidate wrote over it.
    let stood_before = other.standing == Standing::Adopted && other.created <= candidate.created;
    other.id != candidate.id && !stood_before
}

/// Says why the current credential must be renewed, if it must.
fn renewal(
    alive: &[&Known],
    current: Option<&Known>,
    newest: Option<&Known>,
    observed: &Observed,
    asked: Asked<'_>,
) -> Option<Reason> {
    if asked.force {
        return Some(Reason::Forced);
    }
    if newest.is_some_and(|newest| newest.ended) {
        return Some(Reason::Partial);
    }
    let Some(current) = current else {
        let pending = || alive.iter().filter(|known| known.standing != Standing::Active);
        let held = |sink: &&SinkSeen| {
            sink.state.written.timestamp().is_some() && pending().any(|known| may_hold(sink, known))
        };
        if let Some(sink) = observed.sinks.iter().find(held) {
            return Some(Reason::Uncertain(sink.label.clone()));
        }
        let at = |sink: &SinkSeen| sink.state.written.timestamp();
        // A place that was written held something that is not alive, and so does each after a delivery.
        let written = observed.sinks.iter().find(|sink| at(sink).is_some());
        let delivered = || observed.sinks.first().filter(|_| alive.iter().any(|known| known.superseded));
        let gone = written.or_else(delivered);
        return Some(
            gone.map_or(Reason::None, |sink| Reason::Gone { sink: sink.label.clone(), at: at(sink) }),
        );
    };
    if observed.now >= due(current.created, current.expires, asked.policy, asked.jitter) {
        return Some(Reason::Due);
    }
    for sink in &observed.sinks {
        // A newer one that was never marked may have reached this sink and not the others.
        let newer =
            |k: &&&Known| k.id != current.id && k.created > current.created && !is_leased(k, observed.now);
        if alive.iter().filter(newer).any(|k| may_hold(sink, k)) {
            return Some(Reason::Uncertain(sink.label.clone()));
        }
        match held(sink, Some(current), &observed.known) {
            Held::Older | Held::Nothing => return Some(Reason::Undelivered(sink.label.clone())),
            Held::Overwritten(at) => return Some(Reason::Overwritten { sink: sink.label.clone(), at }),
            Held::Current | Held::Unknown => {}
        }
    }
    None
}

fn is_ending(known: &Known, now: Timestamp) -> bool {
    known.expires.is_some_and(|end| now.until(end) <= LAST_BREATH)
}
