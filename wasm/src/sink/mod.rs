//! Sinks that only a JavaScript host has: functions of the caller, and GitHub secrets over Octokit.

mod callback;
mod github;
pub(crate) mod octokit;

use lakekey_core::config::SinkConfig;
use lakekey_core::error::{Code, Error};
use lakekey_core::github::Place;
use lakekey_core::sink::{Sink, SinkFactory};

use crate::host::JsHost;

/// Builds them.
pub(crate) struct Sinks<'a> {
    pub(crate) host: &'a JsHost,
    /// Whether the run may deliver: only then are the caller's functions needed.
    pub(crate) writing: bool,
}

impl SinkFactory for Sinks<'_> {
    fn build(&self, config: &SinkConfig, path: &str) -> Result<Option<Box<dyn Sink>>, Error> {
        match config {
            SinkConfig::Callback { name } if self.writing && !self.host.has_sink(name) => Err(Error::config(
                Code::SinkUnsupported,
                format!("{path}.name"),
                format!("the caller has passed no function named \"{name}\""),
            )
            .with_hint(format!(
                "pass it: rotate(config, {{ sinks: {{ \"{name}\": async (value, info) => {{ … }} }} }})"
            ))),
            SinkConfig::Callback { name } => {
                Ok(Some(Box::new(callback::CallbackSink::new(self.host.clone(), name))))
            }
            SinkConfig::GithubSecret { visibility, .. } => Ok(Place::of(config).map(|place| {
                Box::new(github::GithubSink::new(self.host.clone(), place, *visibility)) as Box<dyn Sink>
            })),
            _ => Ok(None),
        }
    }
}
