//! Plan: from what was observed, the policy and the time to what shall be done. Pure: it reads no clock and
//! sends nothing.
//!
//! The one rule above all: a credential that a sink may hold is revoked only after every sink was written
//! with another.

use super::observe::{Known, Observed, SinkSeen, Standing};
use crate::config::Policy;
use crate::context::shifted;
use crate::sink::Written;
use crate::timestamp::Timestamp;

/// How long the run that made a credential may write it to sinks, in milliseconds from its creation.
pub const LEASE: i64 = 600_000;

/// How far the clocks of two services may differ, in milliseconds.
///
/// Too small a number would take a delivered credential for an undelivered one at every run; too large a one
/// only makes a run after a broken one renew where it might have cleaned up.
const SKEW: i64 = 120_000;

/// A credential with less than this left, in milliseconds, is refused by the workspace and counts as gone.
const LAST_BREATH: i64 = 30_000;

/// Says why a credential is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// There is none yet.
    None,
    /// It was asked for.
    Forced,
    /// The current one is due.
    Due,
    /// A sink does not hold the current one.
    Undelivered(String),
    /// A broken run may have left another one in a sink.
    Uncertain(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("there is no credential yet"),
            Self::Forced => f.write_str("it was asked for"),
            Self::Due => f.write_str("the current credential is due"),
            Self::Undelivered(sink) => write!(f, "{sink} does not hold the current credential"),
            Self::Uncertain(sink) => {
                write!(f, "an interrupted run may have left another credential in {sink}")
            }
        }
    }
}

/// Says what shall be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// The current credential stays; these are revoked, and these wait for the end of the overlap.
    Keep {
        /// The current credential.
        current: Known,
        /// The ids to revoke now.
        revoke: Vec<String>,
        /// The ids to revoke later.
        waiting: Vec<String>,
    },
    /// A new credential is made, delivered and verified.
    Renew {
        /// Why.
        why: Reason,
        /// The credential that is superseded, where there is one.
        current: Option<Known>,
    },
    /// Another run is at work.
    Yield {
        /// The credential that the other run has made.
        to: Known,
    },
}

/// Decides.
#[must_use]
pub fn plan(observed: &Observed, policy: &Policy, jitter: u64, force: bool) -> Plan {
    let now = observed.now;
    let alive: Vec<&Known> = observed.known.iter().filter(|k| !is_ending(k, now)).collect();
    let current = current(&alive, &observed.sinks, now);
    if let Some(why) = renewal(&alive, current, observed, policy, jitter, force) {
        // Whoever is at work will have done it; what they leave undone the next run does.
        if let Some(other) = alive.iter().filter(|k| is_leased(k, now)).min_by_key(|k| (k.created, &k.id)) {
            return Plan::Yield { to: (*other).clone() };
        }
        return Plan::Renew { why, current: current.cloned() };
    }
    let Some(current) = current else {
        return Plan::Renew { why: Reason::None, current: None };
    };
    let rest = alive.iter().copied().filter(|k| k.id != current.id && !is_leased(k, now));
    let (revoke, waiting) = split(rest, current, &observed.sinks, policy, now);
    Plan::Keep { current: current.clone(), revoke, waiting }
}

/// Says what to revoke once every sink holds the new credential: now, and after the overlap.
///
/// `others` is the list as it was read after the new credential was made.
#[must_use]
pub fn superseded(
    new: &Known,
    others: &[Known],
    sinks: &[SinkSeen],
    policy: &Policy,
    now: Timestamp,
) -> (Vec<String>, Vec<String>) {
    split(others.iter().filter(|k| k.id != new.id && !is_leased(k, now)), new, sinks, policy, now)
}

/// Returns when a credential is renewed.
#[must_use]
pub fn due(created: Timestamp, expires: Option<Timestamp>, policy: &Policy, jitter: u64) -> Timestamp {
    // One that never ends is renewed as if it had the configured lifetime.
    let end = expires.unwrap_or_else(|| shifted(created, policy.lifetime.milliseconds()));
    // One that was made with a shorter life than configured shall not be due the moment it is made.
    let life = end.as_millisecond() - created.as_millisecond();
    let before = policy.renew_before.milliseconds().min(life / 2);
    shifted(end, -before - spread(before, jitter))
}

/// Moves a renewal forward by up to an eighth of `renew-before`, so that a fleet made on one day is not due
/// on one day.
fn spread(before: i64, jitter: u64) -> i64 {
    const STEPS: u64 = 1024;
    before / 8 * (jitter % STEPS).cast_signed() / STEPS.cast_signed()
}

/// Makes of a name the number by which its renewals are moved; the same name gives the same number
/// everywhere.
#[must_use]
pub fn jitter(target: &str, workspace: &str) -> u64 {
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
    policy: &Policy,
    jitter: u64,
    force: bool,
) -> Option<Reason> {
    if force {
        return Some(Reason::Forced);
    }
    let Some(current) = current else { return Some(Reason::None) };
    if observed.now >= due(current.created, current.expires, policy, jitter) {
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

/// Tells what is revoked now from what waits for the end of the overlap.
fn split<'a>(
    rest: impl Iterator<Item = &'a Known>,
    current: &Known,
    sinks: &[SinkSeen],
    policy: &Policy,
    now: Timestamp,
) -> (Vec<String>, Vec<String>) {
    let over = now >= shifted(current.created, policy.overlap.milliseconds());
    let (mut revoke, mut waiting) = (Vec::new(), Vec::new());
    let mut rest: Vec<&Known> = rest.collect();
    // The oldest first, so that the same state gives the same plan however the service orders its list.
    rest.sort_by_key(|k| (k.created, &k.id));
    for known in rest {
        // What no sink has ever held nobody uses, overlap or not.
        let in_use = known.standing != Standing::Pending || sinks.iter().any(|sink| may_hold(sink, known));
        if over || !in_use { revoke.push(known.id.clone()) } else { waiting.push(known.id.clone()) }
    }
    (revoke, waiting)
}

/// Returns true where a sink holds the credential, as far as it can tell: by id, or by having been written
/// since.
fn holds(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (Some(id), _) => *id == known.id,
        (None, Written::Never) => false,
        // An edit of something else moves the time of `By`, but never back.
        (None, Written::At(written) | Written::By(written)) => written >= shifted(known.created, -SKEW),
        (None, Written::Unknown) => true,
    }
}

/// Returns true where a sink may hold the credential; only a run within its lease writes one that lakekey
/// made.
fn may_hold(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (None, Written::At(written)) if known.standing != Standing::Adopted => {
            written >= shifted(known.created, -SKEW) && written <= shifted(known.created, LEASE + SKEW)
        }
        _ => holds(sink, known),
    }
}

/// Returns true where the run that made the credential may still be at work.
pub(super) fn is_leased(known: &Known, now: Timestamp) -> bool {
    known.standing == Standing::Pending && now < shifted(known.created, LEASE)
}

fn is_ending(known: &Known, now: Timestamp) -> bool {
    known.expires.is_some_and(|end| end.as_millisecond() - now.as_millisecond() <= LAST_BREATH)
}
