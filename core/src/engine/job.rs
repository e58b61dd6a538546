//! One kind of credential of one target, and what a run needs to look at it and to change it.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::dates::credible;
use super::observe::{Known, Observed, SinkSeen, is_repair, known, mark_of, strays};
use super::plan::{self, Asked, Plan};
use super::resolve::Credentials;
use crate::auth::Context;
use crate::config::Adopt;
use crate::credential::{self, Listed, Store};
use crate::http::Identity;
use crate::model::{Error, Step};
use crate::service::databricks::management;
use crate::service::databricks::scim::ServicePrincipal;
use crate::sink::{Adapters, Sink, SinkState, Written};

/// Holds what is needed for one kind of credential of one target.
pub(super) struct Job<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) store: Box<dyn Store + 'a>,
    pub(super) credentials: &'a Credentials,
    pub(super) sinks: Vec<Box<dyn Sink + 'a>>,
    pub(super) jitter: u64,
}

/// Is what a place is like of which nothing is known.
const UNKNOWN: SinkState = SinkState { written: Written::Unknown, holds: None, editor: None };

/// Is what a place says of itself, or why it could not be read.
type Seen = Result<SinkState, Error>;

impl<'a> Job<'a> {
    /// Opens the store and the places of delivery.
    ///
    /// # Errors
    /// `sink-unsupported` where this host has no such place.
    pub(super) fn open(
        context: &'a Context<'a>,
        credentials: &'a Credentials,
        adapters: &'a dyn Adapters,
    ) -> Result<Self, Error> {
        let store = credential::open(credentials.kind, &credentials.policy, &credentials.path);
        context.set_ledger(&store.clock(context));
        let sinks: Result<Vec<_>, Error> =
            credentials.deliver.iter().map(|place| place.open(adapters)).collect();
        let jitter = plan::jitter(&context.subject.name, context.subject.workspace.as_str());
        Ok(Self { context, store, credentials, sinks: sinks?, jitter })
    }

    /// Reads the credentials and the sinks at the same time, and once more after a wait that was so long that
    /// another run may have ended in between.
    pub(super) async fn observe(&self) -> Result<Observed, Error> {
        let waits = self.context.long_waits();
        let observed = self.observe_once().await?;
        if self.context.long_waits() == waits {
            return Ok(observed);
        }
        self.observe_once().await
    }

    async fn observe_once(&self) -> Result<Observed, Error> {
        let listing = self.store.list(self.context, Step::ListTokens);
        let states = join_all(self.sinks.iter().map(|sink| sink.observe(self.context)));
        let (listed, states) = join(listing, states).await;
        let listed = listed?;
        let states = self.readable(&listed, states)?;
        self.of_listed(listed, states)
    }

    /// Lets a place that cannot be read be, so that it does not keep the others from what they need. Where it
    /// is the only one, or nothing of this target is there yet, it is put right before anything is made.
    fn readable(&self, listed: &[Listed], states: Vec<Seen>) -> Result<Vec<Seen>, Error> {
        let is_passed = |error: &Error| error.status().is_some() || error.code().is_no_answer();
        let own = |listed: &Listed| {
            listed.tag.as_ref().is_some_and(|tag| self.context.subject.is_named(&tag.target))
                || listed.tag.is_none() && self.credentials.policy.adopt == Adopt::All
        };
        let goes_on = states.iter().any(Result::is_ok) && listed.iter().any(own);
        match states.iter().filter_map(|state| state.as_ref().err()).find(|e| !(goes_on && is_passed(e))) {
            Some(error) => Err(error.clone()),
            None => Ok(states),
        }
    }

    /// Reads the credentials as the workspace's admin sees them, where the principal cannot be asked yet.
    pub(super) async fn observe_as_admin(
        &self,
        admin: &Identity,
        principal: &ServicePrincipal,
    ) -> Result<Observed, Error> {
        let (number, id) = (&principal.id, &principal.application_id);
        let infos = management::list_of(self.context, admin, number, id).await?;
        let listed: Vec<Listed> = infos.into_iter().map(credential::listed_pat).collect();
        let states = self.quiet_states().await;
        self.of_listed(listed, states)
    }

    /// Reads the places while the principal may not do so yet: one that cannot be read says nothing.
    async fn quiet_states(&self) -> Vec<Seen> {
        let states = join_all(self.sinks.iter().map(|sink| sink.observe(self.context))).await;
        states.into_iter().map(|state| Ok(state.unwrap_or(UNKNOWN))).collect()
    }

    fn of_listed(&self, listed: Vec<Listed>, states: Vec<Seen>) -> Result<Observed, Error> {
        let ids = listed.iter().map(|listed| listed.id.clone()).collect();
        let strays = strays(self.context.subject, &listed);
        let (mut known, others) =
            known(self.context.subject, &self.credentials.policy.adopt, self.store.bears_tags(), listed);
        if !self.store.bears_tags() {
            for known in &mut known {
                known.repairs = is_repair(known, &self.credentials.policy);
            }
        }
        credible(&known, self.context.ledger_now())?;
        Ok(Observed { ids, strays, ..self.observed(known, others, states) })
    }

    /// Reads the sinks alone, for a principal that has nothing yet; one that cannot be read yet says nothing.
    pub(super) async fn observe_sinks(&self) -> Observed {
        let states = self.quiet_states().await;
        self.observed(Vec::new(), 0, states)
    }

    fn observed(&self, known: Vec<Known>, others: usize, states: Vec<Seen>) -> Observed {
        let seen = self.credentials.deliver.iter().zip(&self.sinks).zip(states);
        let sinks = seen
            .map(|((place, sink), state)| {
                let (label, mark, lacks) = (place.label(), mark_of(&place.identity()), sink.lacks());
                let versions = sink.versions();
                match state {
                    Ok(state) => SinkSeen { label, mark, state, versions, lacks, error: None },
                    Err(error) => {
                        SinkSeen { label, mark, state: UNKNOWN, versions, lacks, error: Some(error) }
                    }
                }
            })
            .collect();
        let (marks, now) = (self.store.marks(), self.context.ledger_now());
        Observed { known, others, ids: BTreeSet::new(), strays: Vec::new(), sinks, marks, now }
    }

    /// Decides.
    pub(super) fn plan(&self, observed: &Observed, force: bool) -> Plan {
        plan::plan(observed, self.asked(force))
    }

    /// Returns what is asked of a plan.
    pub(super) fn asked(&self, force: bool) -> Asked<'_> {
        let (kind, policy) = (self.store.kind(), &self.credentials.policy);
        Asked { kind, policy, jitter: self.jitter, force }
    }

    /// Observes and decides.
    pub(super) async fn decide(&self, force: bool) -> Result<(Observed, Plan), Error> {
        let observed = self.observe().await?;
        let plan = self.plan(&observed, force);
        Ok((observed, plan))
    }
}
