//! Faults: a decorator around the services that answers wrongly, late or not at all.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::Call;
use crate::json::one_or_many;
use crate::state::Service;

/// Says which requests go wrong, and how. What is left out matches every request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// Only requests to this service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// Only requests to the workspace of this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<usize>,
    /// Only requests with this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path contains this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_contains: Option<String>,
    /// From which of the matching requests on, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many times at most; without `nth` for ever by default, with it once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hits: Option<u64>,
    /// What goes wrong.
    pub kind: FaultKind,
}

/// Says what goes wrong.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FaultKind {
    /// Nothing is done, and this is answered.
    #[serde(rename_all = "kebab-case")]
    Status {
        /// The status.
        status: u16,
        /// The body: a text as it is, anything else as JSON; empty by default.
        #[serde(default)]
        body: Value,
        /// Headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// Nothing is done, and the connection is closed.
    DropBefore,
    /// The request is carried out, and its answer is lost.
    DropAfter,
    /// The request is carried out, and half of its answer arrives.
    Truncate,
    /// The request is carried out, and its answer is noise.
    Garbage,
    /// Nothing is done, and a log-in page is answered with status 200.
    Html,
    /// Nothing is done, and the caller is sent elsewhere.
    #[serde(rename_all = "kebab-case")]
    Redirect {
        /// Where to.
        location: String,
    },
    /// The request is carried out, and 100 MB are answered.
    Huge,
    /// The request is carried out, and an answer is begun that never ends.
    Hang,
    /// A GET is answered from before the last write.
    Stale,
}

impl Fault {
    /// Makes a fault for every request.
    #[must_use]
    pub fn every(kind: FaultKind) -> Self {
        Self {
            service: None,
            workspace: None,
            method: None,
            path_contains: None,
            nth: None,
            hits: None,
            kind,
        }
    }

    /// Limits a fault to the request of this number among those that match, counted from 1.
    #[must_use]
    pub fn at(mut self, nth: u64) -> Self {
        self.nth = Some(nth);
        self
    }

    /// Reads faults as JSON: one, a list, or a list under `faults`.
    ///
    /// # Errors
    /// The text is not JSON, or not a fault.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        one_or_many(value, "faults")
    }

    fn matches(&self, call: &Call) -> bool {
        self.service.is_none_or(|service| service == call.service)
            && self.workspace.is_none_or(|workspace| call.workspace == Some(workspace))
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && self.path_contains.as_ref().is_none_or(|part| call.path.contains(part.as_str()))
    }
}

/// Counts the requests that a fault matched.
#[derive(Debug, Clone)]
pub(crate) struct Armed {
    fault: Fault,
    seen: u64,
}

impl Armed {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { fault, seen: 0 }
    }
}

/// Finds what goes wrong with a request: the first fault that strikes wins, and all count it.
pub(crate) fn strike(armed: &mut [Armed], call: &Call) -> Option<FaultKind> {
    let mut struck = None;
    for armed in armed {
        if !armed.fault.matches(call) {
            continue;
        }
        armed.seen += 1;
        let first = armed.fault.nth.unwrap_or(1);
        let hits = armed.fault.hits.unwrap_or(if armed.fault.nth.is_some() { 1 } else { u64::MAX });
        if armed.seen >= first && armed.seen - first < hits && struck.is_none() {
            struck = Some(armed.fault.kind.clone());
        }
    }
    struck
}

/// The log-in page that a proxy or a front door answers with.
pub(crate) const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to your \
     account</title></head><body><form method=\"post\" action=\"/login\"><input type=\"password\" \
     name=\"passwd\"></form></body></html>\n";
