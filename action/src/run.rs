//! One run of the core on this machine: the platform put together.

use std::rc::Rc;

use lakekey_core::{
    Cancellation, Clock, Config, Environment, Error, Host, Observer, Report, RunRequest, run,
};

use crate::adapters::NativeAdapters;
use crate::console::{Console, Told};
use crate::platform::SystemEntropy;
use crate::transport::HttpTransport;

/// Holds what differs between a terminal, a workflow and the demonstration.
pub struct Runner<'a> {
    /// Where it is told.
    pub console: &'a Rc<Console>,
    /// Who hears of secrets and events.
    pub observer: &'a dyn Observer,
    /// What the configuration refers to.
    pub environment: &'a dyn Environment,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Says when to stop.
    pub cancellation: &'a dyn Cancellation,
}

impl Runner<'_> {
    /// Runs a command of the core.
    ///
    /// # Errors
    /// A configuration error that was found before anything was sent.
    pub async fn run(&self, config: &Config, request: &RunRequest) -> Result<Report, Error> {
        let http = HttpTransport::new();
        let console = self.console.clone();
        let transport = Told { inner: &http, console: self.console };
        let adapters =
            NativeAdapters::new(Rc::new(move |line| console.output(line))).withholding_from_commands(config);
        let host = Host::new(&transport, self.clock, &SystemEntropy)
            .environment(self.environment)
            .observer(self.observer)
            .cancellation(self.cancellation);
        run(host, &adapters, config, request).await
    }
}
