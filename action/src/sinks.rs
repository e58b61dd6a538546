//! The sinks that only a native host has.

use std::rc::Rc;

use lakekey_core::config::SinkConfig;
use lakekey_core::error::Error;
use lakekey_core::sink::{Sink, SinkFactory};

use crate::command::{CommandSink, Show};
use crate::github::GithubSink;

/// Builds GitHub secrets and commands.
#[derive(Clone)]
pub struct NativeSinks {
    show: Show,
}

impl NativeSinks {
    /// Makes a factory that shows people what commands print.
    #[must_use]
    pub fn new(show: Show) -> Self {
        Self { show }
    }
}

impl Default for NativeSinks {
    /// Makes a factory that shows nothing.
    fn default() -> Self {
        Self::new(Rc::new(|_| {}))
    }
}

impl SinkFactory for NativeSinks {
    fn build(&self, config: &SinkConfig, _path: &str) -> Result<Option<Box<dyn Sink>>, Error> {
        Ok(match config {
            SinkConfig::GithubSecret { .. } => {
                GithubSink::new(config).map(|sink| Box::new(sink) as Box<dyn Sink>)
            }
            SinkConfig::Command { .. } => {
                CommandSink::new(config, self.show.clone()).map(|sink| Box::new(sink) as Box<dyn Sink>)
            }
            _ => None,
        })
    }
}
