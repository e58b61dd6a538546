//! The seam between the core and a host's own ways to keep a credential: a client for GitHub, commands,
//! functions of the calling program.

use std::time::Duration;

use super::state::{Delivery, SinkState};
use crate::auth::Context;
use crate::host::LocalFuture;
use crate::model::{Error, Secret, Timestamp};
use crate::service::github::{Api, OverHttp};

/// Holds a credential's value for somebody who uses it.
///
/// A failed write says through [`Error::is_uncertain`] whether the sink may hold the new value all the same;
/// only a definite refusal lets the run revoke what it made.
pub trait Sink {
    /// Returns the name that reports show: type, place, name.
    fn label(&self) -> String;

    /// Reads what the sink can say of itself, and whatever a write will need (a public key, a version).
    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>>;

    /// Writes the value.
    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>>;

    /// Returns the versions that it gives out, each with the id of the credential that it holds, where it was
    /// observed and switches off those of revoked credentials.
    fn versions(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Learns which credentials were revoked that it may have held before, and says what it has done about
    /// each; most places have nothing to do. An error says what is left to the next run.
    fn retire<'a>(
        &'a self,
        _context: &'a Context<'a>,
        _revoked: &'a [String],
    ) -> LocalFuture<'a, (Vec<String>, Result<(), Error>)> {
        Box::pin(async { (Vec::new(), Ok(())) })
    }

    /// Returns what has to be made before it can be written, as it was observed.
    fn lacks(&self) -> Option<String> {
        None
    }

    /// Returns when this sink took the last write, by its own clock, where its answer says so.
    fn wrote(&self) -> Option<Timestamp> {
        None
    }

    /// Says what the last read-back could not verify; most places show the value, a date or a version.
    fn unverified(&self) -> Option<&'static str> {
        None
    }

    /// Reads back what can be read: the value itself where the sink allows it, otherwise a date or a version.
    ///
    /// # Errors
    /// `sink-mismatch` where the sink does not hold what was written.
    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>>;
}

/// Describes a command, for a host that runs it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Command {
    /// The program and its arguments.
    pub run: Vec<String>,
    /// How long it may run.
    pub timeout: Duration,
    pub(super) path: String,
    pub(super) target: String,
}

impl Command {
    /// Returns the program.
    #[must_use]
    pub fn program(&self) -> &str {
        self.run.first().map_or("", String::as_str)
    }

    /// Returns the name that reports show. Arguments may be private; the program is enough to know it by.
    #[must_use]
    pub fn label(&self) -> String {
        format!("command {}", self.program())
    }
}

/// Describes a function, for a host whose caller passes it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Callback {
    /// The name under which the caller passes the function.
    pub name: String,
    /// Its place in the document.
    pub path: String,
    pub(super) target: String,
}

impl Callback {
    /// Returns the name that reports show.
    #[must_use]
    pub fn label(&self) -> String {
        format!("callback {}", self.name)
    }
}

/// Gives what only a host has: a client of its own for GitHub, commands, functions of the calling program.
pub trait Adapters {
    /// Returns the client that keeps GitHub secrets; the core's own HTTP unless told otherwise.
    fn github(&self) -> &dyn Api {
        &OverHttp
    }

    /// Makes a sink of a command; `None` where this host runs none.
    ///
    /// # Errors
    /// The command cannot be used on this host.
    fn command<'s>(&'s self, _command: &'s Command) -> Result<Option<Box<dyn Sink + 's>>, Error> {
        Ok(None)
    }

    /// Makes a sink of a function of the calling program; `None` where this host has none.
    ///
    /// # Errors
    /// `sink-unsupported` where the caller has passed no function of that name.
    fn callback<'s>(&'s self, _callback: &'s Callback) -> Result<Option<Box<dyn Sink + 's>>, Error> {
        Ok(None)
    }
}

/// Has nothing of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAdapters;

impl Adapters for NoAdapters {}
