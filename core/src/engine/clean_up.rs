//! Clean-up: which credentials a run may revoke, and when; which live on. Pure.
//!
//! Before every place was written with a newer one, only what no place can hold goes. After that all goes but
//! what the overlap protects.

use super::action::{Action, Revoked};
use super::observe::{Known, Observed, SinkSeen, Standing};
use super::places::{holds_a_newer, is_leased, is_outdone, is_written_before, may_hold};
use crate::config::Policy;

/// Lists what can be revoked before anything is made: what no place holds any more, since each was written
/// with a newer credential of this target, or has refused it.
pub(crate) fn unheld<'o>(observed: &'o Observed, current: Option<&Known>, policy: &Policy) -> Vec<&'o Known> {
    let proven = |sink: &SinkSeen, known: &Known| {
        holds_a_newer(sink, known, &observed.known) || (known.is_refused_by(sink) && !may_hold(sink, known))
    };
    revocable(observed, current, policy, proven)
}

/// Lists what no place holds by what it says of itself. A place that answers from before its last write says
/// something wrong, so that this is asked twice, and only where nothing else helps.
pub(crate) fn seen_nowhere<'o>(
    observed: &'o Observed,
    current: Option<&Known>,
    policy: &Policy,
) -> Vec<&'o Known> {
    let all = &observed.known;
    // Of those that bear no text nobody knows which is in use before one was written over another.
    let is_sure = |known: &&Known| {
        current.is_some()
            || known.operation.is_some()
            || observed.sinks.iter().any(|sink| holds_a_newer(sink, known, all))
    };
    let mut list = revocable(observed, current, policy, |sink, known| {
        holds_a_newer(sink, known, all)
            || is_written_before(sink, known, all)
            || all
                .iter()
                .any(|newer| !is_leased(newer, observed.now) && is_outdone(sink, known, newer, current))
            || (known.is_refused_by(sink) && !may_hold(sink, known))
    });
    list.retain(is_sure);
    list
}

fn revocable<'o>(
    observed: &'o Observed,
    current: Option<&Known>,
    policy: &Policy,
    gone: impl Fn(&SinkSeen, &Known) -> bool,
) -> Vec<&'o Known> {
    let mut list: Vec<&Known> = observed
        .known
        .iter()
        .filter(|known| {
            !is_spared(known, observed, current, policy)
                && observed.sinks.iter().all(|sink| gone(sink, known))
        })
        .collect();
    list.sort_by_key(|known| (known.created, &known.id));
    list
}

/// Returns true for what is not revoked before every place was written, whatever the places hold: what is in
/// use, the one before it through the overlap, what somebody else has made, and what another run works with.
pub(crate) fn is_spared(
    known: &Known,
    observed: &Observed,
    current: Option<&Known>,
    policy: &Policy,
) -> bool {
    let now = observed.now;
    let all: Vec<&Known> = observed.known.iter().collect();
    let kept = current.filter(|current| now < current.created + policy.overlap.duration());
    let previous = kept.and_then(|current| previous(current, &all));
    current.is_some_and(|current| current.id == known.id)
        || previous == Some(known.id.as_str())
        || known.standing == Standing::Adopted
        || (current.is_none() && known.standing == Standing::Active)
        || is_leased(known, now)
}

/// Says what is revoked once every sink holds a credential: now, and at the end of the overlap, which
/// protects the one that was current before.
///
/// `others` is the list as it was read last; the credential itself and one that another run works with stay.
pub(crate) fn superseded<'a>(
    holder: &Known,
    others: impl IntoIterator<Item = &'a Known>,
    previous: Option<&str>,
    observed: &Observed,
    policy: &Policy,
) -> (Vec<Action>, Vec<String>) {
    let now = observed.now.max(holder.created);
    let over = now >= holder.created + policy.overlap.duration();
    let (mut revoke, mut waiting) = (Vec::new(), Vec::new());
    let mut rest: Vec<&Known> =
        others.into_iter().filter(|known| known.id != holder.id && !is_leased(known, now)).collect();
    // The oldest first, so that the same state gives the same plan however the service orders its list.
    rest.sort_by_key(|known| (known.created, &known.id));
    for known in rest {
        let adopted = known.standing == Standing::Adopted;
        // Which of those that somebody else has made the places held nobody knows.
        if !over && (adopted || previous == Some(known.id.as_str())) {
            waiting.push(known.id.clone());
            continue;
        }
        let in_use =
            known.standing != Standing::Pending || observed.sinks.iter().any(|sink| may_hold(sink, known));
        revoke.push(Action::revoke(known, if in_use { Revoked::Superseded } else { Revoked::LeftOver }));
    }
    (revoke, waiting)
}

/// Lists the versions of the places that are switched off: those of what is revoked, and of what is not alive
/// any more, since a run before could not do so. What a place holds now stays until it is written.
pub(crate) fn retired<'a>(
    observed: &Observed,
    revoked: impl Iterator<Item = &'a String>,
    writes: bool,
) -> Vec<Action> {
    let revoked: Vec<&String> = revoked.collect();
    let mut list = Vec::new();
    for sink in &observed.sinks {
        for (version, id) in &sink.versions {
            let is_dead = !observed.ids.contains(id) && (writes || sink.state.holds.as_ref() != Some(id));
            if is_dead || revoked.contains(&id) {
                let (sink, version) = (sink.label.clone(), version.clone());
                list.push(Action::Retire { sink, version, id: id.clone() });
            }
        }
    }
    list
}

/// Returns the credential that was current before: the newest that was delivered everywhere, or else the
/// newest.
pub(crate) fn previous<'a>(current: &Known, alive: &[&'a Known]) -> Option<&'a str> {
    let before = |known: &&&Known| known.id != current.id && known.created <= current.created;
    let delivered = |known: &&&Known| before(known) && known.standing != Standing::Pending;
    let newest = |known: &&&Known| (known.created, known.id.clone());
    let any = || alive.iter().filter(before).filter(|known| !known.ended).max_by_key(newest);
    let found = alive.iter().filter(delivered).max_by_key(newest).or_else(any);
    found.map(|known| known.id.as_str())
}

/// Lists those that live on through the overlap and of which the ledger does not say so yet. Once the newer
/// one is gone, nobody would know otherwise that the places held it.
pub(crate) fn to_note<'k>(
    waiting: &[String],
    all: &'k [Known],
    marks: bool,
) -> impl Iterator<Item = &'k Known> {
    let is_meant = move |known: &&Known| {
        marks
            && known.standing == Standing::Active
            && known.operation.is_some()
            && !known.superseded
            && waiting.contains(&known.id)
    };
    all.iter().filter(is_meant)
}

/// Returns what was in use before: the current one, or else the newest that was delivered.
pub(crate) fn predecessor<'o>(observed: &'o Observed, current: Option<&'o Known>) -> Option<&'o Known> {
    let delivered = observed.known.iter().filter(|known| known.standing == Standing::Active);
    current.or_else(|| delivered.max_by_key(|known| (known.created, &known.id)))
}
