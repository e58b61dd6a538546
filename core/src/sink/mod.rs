//! Places that hold a credential's value.
//!
//! A sink is built from its configuration, observed before anything is decided, written with the new value,
//! and read back. Those that only need HTTP live here; a host adds its own through [`SinkFactory`].

mod azure_devops;
mod databricks_secret;
mod key_vault;
mod shared;
#[cfg(test)]
mod tests;
mod webhook;

pub use shared::{mismatch, read_back, within};

use crate::config::SinkConfig;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::platform::LocalFuture;
use crate::secret::Secret;
use crate::timestamp::Timestamp;

/// Says what a sink can tell of its content without being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkState {
    /// When it was last written.
    pub written: Written,
    /// The id of the credential that it holds, where the sink keeps it beside the value or lets the value be
    /// read.
    pub holds: Option<String>,
}

/// Says when a sink was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It holds nothing.
    Never,
    /// It was written at that time, by the sink's own clock.
    At(Timestamp),
    /// It was written at that time or before it: what the sink dates holds other things too, such as a
    /// variable group.
    By(Timestamp),
    /// It cannot say.
    Unknown,
}

impl Written {
    /// Returns true where the time says exactly when it was written, so that it tells one write from another.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Never | Self::At(_))
    }

    /// Returns the time, where the sink knows one.
    #[must_use]
    pub const fn timestamp(self) -> Option<Timestamp> {
        match self {
            Self::At(time) | Self::By(time) => Some(time),
            Self::Never | Self::Unknown => None,
        }
    }
}

/// Describes the credential that a sink is written with.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The target's name.
    pub target: String,
    /// The credential's id.
    pub credential_id: String,
    /// When the credential was made.
    pub created: Timestamp,
    /// When the credential ends.
    pub expires: Option<Timestamp>,
}

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

/// Builds the sinks that only a host can have: GitHub secrets, commands, callbacks.
pub trait SinkFactory {
    /// Returns the sink, or `None` where this host has none of that type.
    ///
    /// # Errors
    /// The sink's configuration cannot be used on this host.
    fn build(&self, config: &SinkConfig, path: &str) -> Result<Option<Box<dyn Sink>>, Error>;
}

/// Has no sinks of its own.
pub struct NoSinks;

impl SinkFactory for NoSinks {
    fn build(&self, _config: &SinkConfig, _path: &str) -> Result<Option<Box<dyn Sink>>, Error> {
        Ok(None)
    }
}

/// Builds the sink that stands at `path` of the document: one of the core's own, or one of the host's.
///
/// # Errors
/// `sink-unsupported` where neither has one of that type; whatever the host's factory refuses.
pub fn build(context: &Context<'_>, config: &SinkConfig, path: &str) -> Result<Box<dyn Sink>, Error> {
    let own: Option<Box<dyn Sink>> = match config {
        SinkConfig::DatabricksSecret { .. } => {
            databricks_secret::DatabricksSecretSink::new(context, config, path)?.map(boxed)
        }
        SinkConfig::KeyVault { .. } => key_vault::KeyVaultSink::new(config, path)?.map(boxed),
        SinkConfig::AzureDevopsVariable { .. } => {
            azure_devops::AzureDevopsSink::new(context, config, path)?.map(boxed)
        }
        SinkConfig::Webhook { .. } => webhook::WebhookSink::new(config, path)?.map(boxed),
        SinkConfig::GithubSecret { .. } | SinkConfig::Command { .. } | SinkConfig::Callback { .. } => None,
    };
    match own {
        Some(sink) => Ok(sink),
        None => context.session.host.sinks.build(config, path)?.ok_or_else(|| {
            Error::config(
                Code::SinkUnsupported,
                format!("{path}.type"),
                format!("there is no {} here", config.type_name()),
            )
        }),
    }
}

fn boxed<S: Sink + 'static>(sink: S) -> Box<dyn Sink> {
    Box::new(sink)
}
