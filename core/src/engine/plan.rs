//! Plan: from what was observed, the policy and the time to a list of actions. Pure: it reads no clock and
//! sends nothing.
//!
//! The one rule above all: a credential that a sink may hold is revoked only after every sink was written
//! with another.

use std::time::Duration;

use super::action::{Action, Reason};
use super::observe::{Known, Observed, SinkSeen, Standing};
use crate::config::Policy;
use crate::model::{CredentialKind, Timestamp};
use crate::sink::Written;

/// How long the run that made a credential may write it to sinks, from its creation.
pub(crate) const LEASE: Duration = Duration::from_secs(600);

/// How far the clocks of two services may differ.
///
/// Too small a number would take a delivered credential for an undelivered one at every run; too large a one
/// only makes a run after a broken one renew where it might have cleaned up.
const SKEW: Duration = Duration::from_secs(120);

/// A credential with less than this left is refused by the workspace and counts as gone.
const LAST_BREATH: Duration = Duration::from_secs(30);

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
    },
    /// Another run is at work, which has made this one.
    Yield(Known),
}

impl Plan {
    /// Returns the ids that a run revokes.
    pub(crate) fn revoked(&self) -> impl Iterator<Item = &String> {
        self.actions.iter().filter_map(|action| match action {
            Action::Revoke { id, .. } => Some(id),
            _ => None,
        })
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
        Decision::Yield(_) => (Vec::new(), Vec::new()),
        Decision::Keep(current) => {
            let alive = observed.known.iter().filter(|known| !is_ending(known, now));
            let (revoke, waiting) = superseded(current, alive, &observed.sinks, asked.policy, now);
            let unmarked =
                observed.marks && current.standing == Standing::Pending && current.operation.is_some();
            let mark = unmarked.then(|| Action::Mark(Some(current.id.clone())));
            (mark.into_iter().chain(revoke).collect(), waiting)
        }
        Decision::Renew { why, .. } => renewal_actions(observed, asked, why),
    };
    Plan { decision, actions, waiting }
}

fn renewal_actions(observed: &Observed, asked: Asked<'_>, why: &Reason) -> (Vec<Action>, Vec<String>) {
    let kind = asked.kind;
    let mut actions = vec![Action::Create { kind, why: why.clone() }, Action::Verify { kind }];
    actions.extend(observed.sinks.iter().map(|sink| Action::Deliver { sink: sink.label.clone() }));
    if observed.marks {
        actions.push(Action::Mark(None));
    }
    // The new one is made now; what it supersedes follows from the same rule as after it was made.
    let new = Known {
        id: String::new(),
        created: observed.now,
        expires: None,
        standing: Standing::Pending,
        operation: None,
        scopes: None,
    };
    let (revoke, waiting) = superseded(&new, &observed.known, &observed.sinks, asked.policy, observed.now);
    actions.extend(revoke);
    (actions, waiting)
}

fn decide(observed: &Observed, asked: Asked<'_>) -> Decision {
    let now = observed.now;
    let alive: Vec<&Known> = observed.known.iter().filter(|known| !is_ending(known, now)).collect();
    let current = current(&alive, &observed.sinks, now);
    match (renewal(&alive, current, observed, asked), current) {
        (Some(why), _) => {
            // The one at work will have done it; what it leaves undone the next run does.
            let other = alive.iter().filter(|known| is_leased(known, now)).min_by_key(|k| (k.created, &k.id));
            match other {
                Some(other) => Decision::Yield((*other).clone()),
                None => Decision::Renew { why, current: current.cloned() },
            }
        }
        (None, Some(current)) => Decision::Keep(current.clone()),
        (None, None) => Decision::Renew { why: Reason::None, current: None },
    }
}

/// Says what is revoked once every sink holds a credential: now, and at the end of the overlap.
///
/// `others` is the list as it was read last; the credential itself and one that another run works with stay.
pub(crate) fn superseded<'a>(
    holder: &Known,
    others: impl IntoIterator<Item = &'a Known>,
    sinks: &[SinkSeen],
    policy: &Policy,
    now: Timestamp,
) -> (Vec<Action>, Vec<String>) {
    let over = now >= holder.created + policy.overlap.duration();
    let (mut revoke, mut waiting) = (Vec::new(), Vec::new());
    let mut rest: Vec<&Known> =
        others.into_iter().filter(|known| known.id != holder.id && !is_leased(known, now)).collect();
    // The oldest first, so that the same state gives the same plan however the service orders its list.
    rest.sort_by_key(|known| (known.created, &known.id));
    for known in rest {
        // What no sink has ever held nobody uses, overlap or not.
        let in_use = known.standing != Standing::Pending || sinks.iter().any(|sink| may_hold(sink, known));
        if over || !in_use {
            revoke.push(Action::revoke(known, in_use));
        } else {
            waiting.push(known.id.clone());
        }
    }
    (revoke, waiting)
}

/// Returns when a credential is renewed.
pub(crate) fn due(created: Timestamp, expires: Option<Timestamp>, policy: &Policy, jitter: u64) -> Timestamp {
    // One that never ends is renewed as if it had the configured lifetime.
    let end = expires.unwrap_or_else(|| created + policy.lifetime.duration());
    // One that was made with a shorter life than configured is not due the moment it is made.
    let before = policy.renew_before.duration().min(created.until(end) / 2);
    end - before - ahead(before, jitter)
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
    if let Some(active) =
        alive.iter().filter(|k| k.standing == Standing::Active).max_by_key(|k| (k.created, &k.id))
    {
        return Some(active);
    }
    let settled: Vec<&Known> = alive.iter().copied().filter(|k| !is_leased(k, now)).collect();
    // Nothing was ever marked: the kind cannot be, or the run ended just before. The dates of the sinks tell,
    // where they point at one credential alone; sinks that tell nothing are written before those, so that
    // they are told for.
    let dated: Vec<&SinkSeen> = sinks.iter().filter(|s| s.state.written.is_exact()).collect();
    let by_date = settled.iter().copied().find(|candidate| {
        candidate.standing == Standing::Pending
            && !dated.is_empty()
            && dated.iter().all(|sink| {
                may_hold(sink, candidate)
                    && !alive.iter().any(|other| rivals(other, candidate) && may_hold(sink, other))
            })
    });
    if by_date.is_some() {
        return by_date;
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
    observed: &Observed,
    asked: Asked<'_>,
) -> Option<Reason> {
    if asked.force {
        return Some(Reason::Forced);
    }
    let Some(current) = current else { return Some(Reason::None) };
    if observed.now >= due(current.created, current.expires, asked.policy, asked.jitter) {
        return Some(Reason::Due);
    }
    for sink in &observed.sinks {
        if !holds(sink, current) {
            return Some(Reason::Undelivered(sink.label.clone()));
        }
        // A newer one that was never marked may have reached this sink and not the others.
        let newer =
            |k: &&&Known| k.id != current.id && k.created > current.created && !is_leased(k, observed.now);
        if alive.iter().filter(newer).any(|k| may_hold(sink, k)) {
            return Some(Reason::Uncertain(sink.label.clone()));
        }
    }
    None
}

/// Returns true where a sink holds the credential, as far as it can tell: by id, or by having been written
/// since.
fn holds(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (Some(id), _) => *id == known.id,
        (None, Written::Never) => false,
        // An edit of something else moves the time of `By`, but never back.
        (None, Written::At(written) | Written::By(written)) => written >= known.created - SKEW,
        (None, Written::Unknown) => true,
    }
}

/// Returns true where a sink may hold the credential; only a run within its lease writes one that lakekey
/// made.
fn may_hold(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (None, Written::At(written)) if known.standing != Standing::Adopted => {
            written >= known.created - SKEW && written <= known.created + LEASE + SKEW
        }
        _ => holds(sink, known),
    }
}

/// Returns true where the run that made the credential may still be at work.
pub(crate) fn is_leased(known: &Known, now: Timestamp) -> bool {
    known.standing == Standing::Pending && now < known.created + LEASE
}

fn is_ending(known: &Known, now: Timestamp) -> bool {
    known.expires.is_some_and(|end| now.until(end) <= LAST_BREATH)
}
