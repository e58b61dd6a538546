//! What a place holds, as far as it can tell: by the id of a credential, or by the date of its last write.

use std::time::Duration;

use super::observe::{Known, SinkSeen, Standing};
use crate::model::Timestamp;
use crate::sink::Written;

/// How long the run that made a credential may write it to sinks, from its creation.
pub(crate) const LEASE: Duration = Duration::from_secs(600);

/// How far the clocks of two services may differ.
///
/// Too small a number would take a delivered credential for an undelivered one at every run; too large a one
/// only makes a run after a broken one renew where it might have cleaned up.
const SKEW: Duration = Duration::from_secs(120);

/// How far two readings of one date may differ, in milliseconds.
const ROUNDING: i64 = 1_000;

/// Says what a place holds, as seen from one credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// That credential.
    Current,
    /// One that was delivered before.
    Older,
    /// Nothing.
    Nothing,
    /// What another hand has written since, then; or nothing, since another hand has emptied it.
    Overwritten(Option<Timestamp>),
    /// It cannot tell.
    Unknown,
}

/// Says what a place holds.
pub(crate) fn held(sink: &SinkSeen, current: Option<&Known>, known: &[Known]) -> Held {
    let (holds, written) = (sink.state.holds.as_deref(), sink.state.written);
    let Some(current) = current else {
        return if written == Written::Never { Held::Nothing } else { Held::Unknown };
    };
    let since = |at: Timestamp| at >= current.created - SKEW;
    match (holds, written) {
        // By the place's own clock, however wrong it is.
        _ if is_as_noted(sink, current) => Held::Current,
        (Some(id), _) if id == current.id => Held::Current,
        (Some(id), _) if known.iter().any(|known| known.id == id && known.created > current.created) => {
            Held::Unknown
        }
        (Some(id), _) if known.iter().any(|known| known.id == id) => Held::Older,
        // It holds what nobody lists: one of before that is gone, or what somebody else has written.
        (Some(_), Written::At(at) | Written::By(at)) if since(at) => Held::Overwritten(Some(at)),
        (Some(_), _) => Held::Older,
        // Another hand has emptied it.
        (None, Written::Never) if current.was_given_to(sink) => Held::Overwritten(None),
        (None, Written::Never) => Held::Nothing,
        (None, Written::Unknown) => Held::Unknown,
        (None, Written::At(at) | Written::By(at)) if !since(at) => Held::Older,
        // The ledger says when it was written, by the same clock, whose dates may be rounded to seconds.
        (None, Written::At(at)) if current.written_at(sink).is_some_and(|then| at.since(then) > ROUNDING) => {
            match known.iter().any(|k| k.id != current.id && may_hold(sink, k)) {
                true => Held::Unknown,
                false => Held::Overwritten(Some(at)),
            }
        }
        // When it was delivered nobody knows.
        (None, _) if current.standing == Standing::Adopted => Held::Unknown,
        (None, Written::At(at) | Written::By(at)) if at <= last_write(current) => Held::Current,
        // A run of lakekey that was cut off may have written it.
        (None, Written::At(_)) if known.iter().any(|k| k.id != current.id && may_hold(sink, k)) => {
            Held::Unknown
        }
        (None, Written::At(at)) => Held::Overwritten(Some(at)),
        // Something else that it dates may have been edited.
        (None, Written::By(_)) => Held::Unknown,
    }
}

/// Returns true where a place was written later than any run wrote this credential.
pub(super) fn is_overwritten(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (Some(id), Written::At(at) | Written::By(at)) => *id != known.id && at >= known.created - SKEW,
        (None, Written::At(_)) if is_as_noted(sink, known) => false,
        (None, Written::At(at)) => {
            let then = known.written_at(sink);
            at > last_write(known) || then.is_some_and(|then| at.since(then) > ROUNDING)
        }
        _ => false,
    }
}

/// Returns true where a place certainly holds a newer credential of this target: it says so, or it was
/// written in the time of that one alone. What another hand has written may be the older value once more.
pub(super) fn holds_a_newer(sink: &SinkSeen, known: &Known, all: &[Known]) -> bool {
    let newer = |other: &&Known| other.id != known.id && other.created >= known.created;
    match (&sink.state.holds, sink.state.written) {
        (Some(id), _) => all.iter().filter(newer).any(|other| other.id == *id),
        (None, Written::At(at)) => {
            at > last_write(known) && all.iter().filter(newer).any(|other| may_hold(sink, other))
        }
        _ => false,
    }
}

/// Returns true where a place was last written before a credential was made, or says that it holds another
/// of this target.
pub(super) fn is_written_before(sink: &SinkSeen, known: &Known, all: &[Known]) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (Some(id), _) if *id == known.id => false,
        (Some(id), _) if all.iter().any(|other| other.id == *id) => true,
        (_, Written::Never) => true,
        (_, Written::At(at) | Written::By(at)) => at < known.created - SKEW,
        (_, Written::Unknown) => false,
    }
}

/// Returns true where a place that can tell nothing has answered that it failed to take a credential, and was
/// offered a newer one since. It either takes what it is offered or not, so that it holds what it held before
/// them all, or the newest; what it did not answer to at all may have arrived.
pub(super) fn is_outdone(sink: &SinkSeen, known: &Known, newer: &Known, current: Option<&Known>) -> bool {
    let is_attempt = current.is_none_or(|current| known.created > current.created);
    is_attempt
        && sink.state.holds.is_none()
        && sink.state.written == Written::Unknown
        && known.standing == Standing::Pending
        && newer.standing == Standing::Pending
        && newer.created > known.created
        // What cannot be marked does not say how its run ended.
        && known.ended
        && !known.unanswered.contains(&sink.mark)
}

/// Returns true where the ledger says that a run wrote this credential at the very time that the place shows.
fn is_as_noted(sink: &SinkSeen, known: &Known) -> bool {
    match (&sink.state.holds, sink.state.written) {
        (None, Written::At(at)) => {
            known.written_at(sink).is_some_and(|then| at.since(then).abs() <= ROUNDING)
        }
        _ => false,
    }
}

/// Returns true where the run that made the credential may still be at work. A date further ahead than any
/// run lasts is no date of this service.
pub(crate) fn is_leased(known: &Known, now: Timestamp) -> bool {
    known.standing == Standing::Pending
        && !known.ended
        && now < known.created + LEASE
        && known.created <= now + LEASE
}

/// Returns the last moment at which a run of lakekey writes a credential.
fn last_write(known: &Known) -> Timestamp {
    known.created + LEASE + SKEW
}

/// Returns true where a sink may hold the credential; only a run within its lease writes one that lakekey
/// made.
pub(super) fn may_hold(sink: &SinkSeen, known: &Known) -> bool {
    if known.standing == Standing::Pending && known.is_refused_by(sink) {
        return false;
    }
    if is_as_noted(sink, known) {
        return true;
    }
    match (&sink.state.holds, sink.state.written) {
        (Some(id), _) => *id == known.id,
        (None, Written::Never) => false,
        (None, Written::At(written)) if known.standing != Standing::Adopted => {
            written >= known.created - SKEW && written <= last_write(known)
        }
        // An edit of something else moves the time of `By`, but never back.
        (None, Written::At(written) | Written::By(written)) => written >= known.created - SKEW,
        (None, Written::Unknown) => true,
    }
}
