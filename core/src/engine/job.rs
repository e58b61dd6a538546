//! One kind of credential of one target, and what a run needs to look at it and to change it.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::observe::{Known, Observed, SinkSeen, known, mark_of, strays};
use super::plan::{self, Asked, Plan};
use super::resolve::Credentials;
use crate::auth::Context;
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

    /// Reads the credentials and the sinks at the same time.
    pub(super) async fn observe(&self) -> Result<Observed, Error> {
        let listing = self.store.list(self.context, Step::ListTokens);
        let states = join_all(self.sinks.iter().map(|sink| sink.observe(self.context)));
        let (listed, states) = join(listing, states).await;
        let listed = listed?;
        let states: Result<Vec<SinkState>, Error> = states.into_iter().collect();
        Ok(self.of_listed(listed, states?))
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
        let states = self.observe_sinks().await.sinks.into_iter().map(|seen| seen.state).collect();
        Ok(self.of_listed(listed, states))
    }

    fn of_listed(&self, listed: Vec<Listed>, states: Vec<SinkState>) -> Observed {
        let ids = listed.iter().map(|listed| listed.id.clone()).collect();
        let strays = strays(self.context.subject, &listed);
        let (known, others) =
            known(self.context.subject, &self.credentials.policy.adopt, self.store.bears_tags(), listed);
        Observed { ids, strays, ..self.observed(known, others, states) }
    }

    /// Reads the sinks alone, for a principal that has nothing yet; one that cannot be read yet says nothing.
    pub(super) async fn observe_sinks(&self) -> Observed {
        let states = join_all(self.sinks.iter().map(|sink| sink.observe(self.context))).await;
        let unknown = SinkState { written: Written::Unknown, holds: None, editor: None };
        let states = states.into_iter().map(|state| state.unwrap_or_else(|_| unknown.clone())).collect();
        self.observed(Vec::new(), 0, states)
    }

    fn observed(&self, known: Vec<Known>, others: usize, states: Vec<SinkState>) -> Observed {
        let seen = self.credentials.deliver.iter().zip(states);
        let sinks = seen
            .map(|(place, state)| SinkSeen { label: place.label(), mark: mark_of(&place.identity()), state })
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
