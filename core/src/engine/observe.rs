//! Observe: what is there, at the service and in the sinks. It changes nothing.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::auth::Subject;
use crate::config::{Adopt, Policy};
use crate::credential::{Listed, Notes, Phase, Rights, Tag};
use crate::model::{Error, Timestamp, hex};
use crate::sink::SinkState;

/// Says how a credential came to be one that this target cares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// lakekey made it and nobody knows whether a sink holds it.
    Pending,
    /// lakekey made it and delivered it to every sink.
    Active,
    /// Somebody else made it, and the configuration takes it over.
    Adopted,
}

/// Describes a credential that this target cares for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The id.
    pub(crate) id: String,
    /// When it was made, by the service's clock.
    pub(crate) created: Timestamp,
    /// When it ends; `None` if never.
    pub(crate) expires: Option<Timestamp>,
    /// How it came to be here.
    pub(crate) standing: Standing,
    /// The operation that made it, where its kind bears a text.
    pub(crate) operation: Option<String>,
    /// What it may do.
    pub(crate) rights: Rights,
    /// Whether its run has ended although some place does not hold it.
    pub(crate) ended: bool,
    /// Whether a newer one was delivered to every place.
    pub(crate) superseded: bool,
    /// Which attempt in a row it is.
    pub(crate) attempt: u32,
    /// Whether it was made since another hand had overwritten a place.
    pub(crate) repairs: bool,
    /// The marks of the places that have refused it.
    pub(crate) refused: Vec<String>,
    /// The marks of the places that have not answered when it was written.
    pub(crate) unanswered: Vec<String>,
    /// The marks of places, and how many seconds after its creation each was written with it.
    pub(crate) written: Vec<(String, i64)>,
    /// The marks of the places that were written with it and do not date that write.
    pub(crate) held: Vec<String>,
}

impl Known {
    /// Describes a credential that is about to be made.
    pub(crate) fn made_now(now: Timestamp) -> Self {
        Self {
            id: String::new(),
            created: now,
            expires: None,
            standing: Standing::Pending,
            operation: None,
            rights: Rights::default(),
            ended: false,
            superseded: false,
            attempt: 1,
            repairs: false,
            refused: Vec::new(),
            unanswered: Vec::new(),
            written: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Returns what the ledger says of it once a newer one was delivered; `None` where it bears no text.
    pub(crate) fn tag_of_superseded(&self, target: &str) -> Option<Tag> {
        let (target, operation) = (target.to_owned(), self.operation.clone()?);
        let (repairs, written, held) = (self.repairs, self.written.clone(), self.held.clone());
        let notes = Notes { superseded: true, repairs, written, held, ..Notes::default() };
        Some(Tag { target, operation, phase: Phase::Active, notes })
    }

    /// Returns when a place was written with it, by the place's clock, where the ledger says so.
    pub(crate) fn written_at(&self, sink: &SinkSeen) -> Option<Timestamp> {
        let (_, after) = self.written.iter().find(|(known, _)| *known == sink.mark)?;
        Some(self.created.shifted(after * 1000))
    }

    /// Returns true where the ledger says that a place was written with it.
    pub(crate) fn was_given_to(&self, sink: &SinkSeen) -> bool {
        self.held.contains(&sink.mark) || self.written_at(sink).is_some()
    }

    /// Returns true where the ledger says that a place has refused it.
    pub(crate) fn is_refused_by(&self, sink: &SinkSeen) -> bool {
        self.refused.contains(&sink.mark)
    }
}

/// Describes a sink as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SinkSeen {
    /// The sink's name in reports; two places may have one.
    pub(crate) label: String,
    /// A short text that stands for the place, and for no other, in the ledger.
    pub(crate) mark: String,
    /// What it says of itself.
    pub(crate) state: SinkState,
    /// The versions that it gives out, and which credential each holds, where it switches them off.
    pub(crate) versions: Vec<(String, String)>,
    /// What has to be made before it can be written.
    pub(crate) lacks: Option<String>,
    /// Why it could not be read, where it could not.
    pub(crate) error: Option<Error>,
}

/// Returns the short text that stands for a place in the ledger.
pub(crate) fn mark_of(identity: &str) -> String {
    hex(&Sha256::digest(identity)[..3])
}

/// Holds what a plan is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observed {
    /// The credentials that this target cares for, in no order.
    pub(crate) known: Vec<Known>,
    /// How many credentials of the principal belong to others.
    pub(crate) others: usize,
    /// The ids of all that were listed, whosever they are.
    pub(crate) ids: BTreeSet<String>,
    /// The ids of those that bear the name of a target that is not configured, with that name.
    pub(crate) strays: Vec<(String, String)>,
    /// The sinks, in the order of the configuration.
    pub(crate) sinks: Vec<SinkSeen>,
    /// Whether credentials of this kind can be marked as delivered.
    pub(crate) marks: bool,
    /// The time, by the clock of the service that dates the credentials.
    pub(crate) now: Timestamp,
}

impl Observed {
    /// Reports the first place that could not be read.
    ///
    /// # Errors
    /// As that place answers.
    pub(crate) fn readable(&self) -> Result<(), Error> {
        self.sinks.iter().find_map(|sink| sink.error.clone()).map_or(Ok(()), Err)
    }
}

/// Finds the credentials that bear the name of a target that is not configured.
pub(crate) fn strays(subject: &Subject, listed: &[Listed]) -> Vec<(String, String)> {
    let unknown = |name: &&str| !subject.is_named(name) && !subject.is_anothers(name);
    let stray = |listed: &Listed| {
        let name = listed.tag.as_ref().map(|tag| tag.target.as_str()).filter(unknown)?;
        Some((listed.id.clone(), name.to_owned()))
    };
    listed.iter().filter_map(stray).collect()
}

/// By how many seconds the life of a credential is shorter that bears no text and was made since another hand
/// had overwritten a place. That is all in which it can be told from others.
const REPAIR: u64 = 7;

/// Returns how long a credential lives, in seconds.
pub(crate) fn lifetime(policy: &Policy, is_repair: bool) -> u64 {
    let whole = policy.lifetime.seconds();
    if is_repair { whole.saturating_sub(REPAIR) } else { whole }
}

/// Returns true where the life of a credential says that it was made since another hand had overwritten a
/// place.
pub(crate) fn is_repair(known: &Known, policy: &Policy) -> bool {
    let asked = i64::try_from(lifetime(policy, true)).unwrap_or(i64::MAX).saturating_mul(1000);
    known.expires.is_some_and(|end| end.since(known.created).abs_diff(asked) <= 2_000)
}

/// Tells what this target cares for from what belongs to others, and counts the others.
pub(crate) fn known(
    subject: &Subject,
    adopt: &Adopt,
    bears_tags: bool,
    listed: Vec<Listed>,
) -> (Vec<Known>, usize) {
    let all = listed.len();
    let known: Vec<Known> = listed
        .into_iter()
        .filter_map(|credential| {
            let standing = match (&credential.tag, adopt) {
                (Some(tag), _) if subject.is_named(&tag.target) => match tag.phase {
                    Phase::Pending => Standing::Pending,
                    Phase::Active => Standing::Active,
                },
                // It is lakekey's own for another target: never adopted.
                (Some(_), _) => return None,
                // A kind that bears no text tells nobody's work from lakekey's, so that any may be a run's
                // own.
                (None, Adopt::All) => {
                    if bears_tags {
                        Standing::Adopted
                    } else {
                        Standing::Pending
                    }
                }
                (None, Adopt::Ids(ids)) if ids.contains(&credential.id) => Standing::Adopted,
                (None, _) => return None,
            };
            let (operation, notes) = credential.tag.map(|tag| (tag.operation, tag.notes)).unzip();
            let Notes { ended, superseded, attempt, repairs, refused, unanswered, written, held } =
                notes.unwrap_or_default();
            Some(Known {
                id: credential.id,
                created: credential.created,
                expires: credential.expires,
                standing,
                operation,
                rights: credential.rights,
                ended,
                superseded,
                attempt: attempt.max(1),
                repairs,
                refused,
                unanswered,
                written,
                held,
            })
        })
        .collect();
    let others = all - known.len();
    (known, others)
}
