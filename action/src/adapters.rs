//! What only a machine gives the core: octocrab for GitHub secrets, and commands as places of delivery.

use std::rc::Rc;

use lakekey_core::github::Api;
use lakekey_core::{Adapters, Config, Error, Sink, SinkCommand};

use crate::command::{CommandSink, Show};
use crate::github::OverOctocrab;

/// Keeps GitHub secrets with octocrab, and runs commands.
#[derive(Clone)]
pub struct NativeAdapters {
    show: Show,
    withheld: Rc<[String]>,
}

impl NativeAdapters {
    /// Makes adapters that show people what commands print.
    #[must_use]
    pub fn new(show: Show) -> Self {
        Self { show, withheld: Rc::default() }
    }

    /// Starts commands without the environment variables that the configuration refers to.
    #[must_use]
    pub fn withholding_from_commands(self, config: &Config) -> Self {
        Self { withheld: config.variables().map(str::to_owned).collect(), ..self }
    }
}

impl Default for NativeAdapters {
    /// Makes adapters that show nothing.
    fn default() -> Self {
        Self::new(Rc::new(|_| {}))
    }
}

impl Adapters for NativeAdapters {
    fn github(&self) -> &dyn Api {
        &OverOctocrab
    }

    fn command<'s>(&'s self, command: &'s SinkCommand) -> Result<Option<Box<dyn Sink + 's>>, Error> {
        Ok(Some(Box::new(CommandSink::new(command, Rc::clone(&self.show), Rc::clone(&self.withheld)))))
    }
}
