//! The replication of Microsoft Graph: what is new is not known at every replica yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Holds what only Graph knows; applications and service principals stand in the directory.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// What of the new the replicas do not know yet.
    pub replicas: Replicas,
}

/// Says how slowly Graph's replicas learn of what is made from now on. Both conditions must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct GraphLag {
    /// How many requests that need the object find it missing.
    pub reads: u32,
    /// How many milliseconds after its creation it appears.
    pub ms: i64,
    /// The shapes in which the lag shows, taken in turn where they fit the request; all of them if the list
    /// is empty.
    pub shapes: Vec<LagShape>,
}

/// Names the ways in which a replica shows that it does not know an object yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LagShape {
    /// 404 `Request_ResourceNotFound`.
    NotFound,
    /// 400 "The appId '…' of the service principal does not reference a valid application object."
    NoApplication,
    /// 403 "When using this permission, the backing application of the service principal being created must
    /// in the local tenant".
    MisleadingForbidden,
    /// 409 `Directory_ConcurrencyViolation`.
    ConcurrencyViolation,
}

/// Keeps what the replicas do not know yet.
#[derive(Debug, Clone, Default)]
pub struct Replicas {
    lag: GraphLag,
    missing: BTreeMap<String, Missing>,
    turn: usize,
}

#[derive(Debug, Clone)]
struct Missing {
    reads: u32,
    until_ms: i64,
}

impl Replicas {
    /// Sets how slowly the replicas learn of what is made from now on.
    pub fn set(&mut self, lag: GraphLag) {
        self.lag = lag;
    }

    /// Begins the replication of something new.
    pub(crate) fn begin(&mut self, id: &str, now_ms: i64) {
        if self.lag.reads > 0 || self.lag.ms > 0 {
            self.missing
                .insert(id.to_owned(), Missing { reads: self.lag.reads, until_ms: now_ms + self.lag.ms });
        }
    }

    /// Says whether an object is known where the request arrives, and counts the request.
    pub(crate) fn knows(&mut self, id: &str, now_ms: i64) -> bool {
        let Some(missing) = self.missing.get_mut(id) else { return true };
        if missing.reads == 0 && now_ms >= missing.until_ms {
            self.missing.remove(id);
            return true;
        }
        missing.reads = missing.reads.saturating_sub(1);
        false
    }

    /// Picks the next of the shapes that fit a request.
    pub(crate) fn shape(&mut self, fitting: &[LagShape]) -> LagShape {
        let wanted: Vec<LagShape> = fitting
            .iter()
            .copied()
            .filter(|shape| self.lag.shapes.is_empty() || self.lag.shapes.contains(shape))
            .collect();
        let wanted = if wanted.is_empty() { fitting } else { &wanted };
        self.turn += 1;
        wanted[(self.turn - 1) % wanted.len()]
    }
}
