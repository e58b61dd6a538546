//! Observe: what is there, at the service and in the sinks. It changes nothing.

use futures_util::future::join_all;

use crate::config::{Adopt, Credentials};
use crate::context::Context;
use crate::credential::{Listed, Phase, Store};
use crate::error::{Error, Step};
use crate::sink::{Sink, SinkState};
use crate::timestamp::Timestamp;

/// Says how a credential came to be one that this target cares for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// lakekey made it and nobody knows whether a sink holds it.
    Pending,
    /// lakekey made it and delivered it to every sink.
    Active,
    /// Somebody else made it, and the configuration takes it over.
    Adopted,
}

/// Describes a credential that this target cares for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The id.
    pub id: String,
    /// When it was made, by the service's clock.
    pub created: Timestamp,
    /// When it ends; `None` if never.
    pub expires: Option<Timestamp>,
    /// How it came to be here.
    pub standing: Standing,
    /// The operation that made it, where its kind bears a text.
    pub operation: Option<String>,
    /// The scopes of a PAT; `None` where it is not restricted.
    pub scopes: Option<Vec<String>>,
}

/// Describes a sink as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkSeen {
    /// The sink's name in reports.
    pub label: String,
    /// What it says of itself.
    pub state: SinkState,
}

/// Holds what a plan is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The credentials that this target cares for, in no order.
    pub known: Vec<Known>,
    /// How many credentials of the principal belong to others.
    pub others: usize,
    /// The sinks, in the order of the configuration.
    pub sinks: Vec<SinkSeen>,
    /// The time, by the clock of the service that dates the credentials.
    pub now: Timestamp,
}

/// Reads the credentials and the sinks at the same time.
pub(super) async fn observe(
    context: &Context<'_>,
    store: &dyn Store,
    credentials: &Credentials,
    sinks: &[Box<dyn Sink>],
) -> Result<Observed, Error> {
    let listing = store.list(context, Step::ListTokens);
    let states = join_all(sinks.iter().map(|sink| sink.observe(context)));
    let (listed, states) = futures_util::future::join(listing, states).await;
    let listed = listed?;
    let mut seen = Vec::with_capacity(sinks.len());
    for (sink, state) in sinks.iter().zip(states) {
        seen.push(SinkSeen { label: sink.label(), state: state? });
    }
    let (known, others) = known(&context.target.name, &credentials.policy.adopt, store.bears_tags(), listed);
    Ok(Observed { known, others, sinks: seen, now: context.ledger_now() })
}

/// Tells what this target cares for from what belongs to others, and counts the others.
pub(super) fn known(
    target: &str,
    adopt: &Adopt,
    bears_tags: bool,
    listed: Vec<Listed>,
) -> (Vec<Known>, usize) {
    let all = listed.len();
    let known: Vec<Known> = listed
        .into_iter()
        .filter_map(|credential| {
            let standing = match (&credential.tag, adopt) {
                (Some(tag), _) if tag.target == target => match tag.phase {
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
            Some(Known {
                id: credential.id,
                created: credential.created,
                expires: credential.expires,
                standing,
                operation: credential.tag.map(|tag| tag.operation),
                scopes: credential.scopes,
            })
        })
        .collect();
    let others = all - known.len();
    (known, others)
}
