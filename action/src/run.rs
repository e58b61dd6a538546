//! One run of the core on this machine: the platform put together, and the exit status of what came of it.

use std::rc::Rc;

use lakekey_core::config::{Config, MAX_DOCUMENT};
use lakekey_core::engine::{self, RunRequest};
use lakekey_core::error::{Code, Error};
use lakekey_core::event::Observer;
use lakekey_core::platform::{Cancellation, Clock, Environment, Host};
use lakekey_core::report::Report;

use crate::console::{Console, Told};
use crate::platform::{SystemEntropy, read_file};
use crate::sinks::NativeSinks;
use crate::transport::HttpTransport;

/// Nothing could be done because the command line or the configuration is wrong.
pub const WRONG: u8 = 2;

/// A target failed.
pub const FAILED: u8 = 1;

/// `status --fail-on` found something.
pub const FOUND: u8 = 3;

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
        let host = Host {
            transport: &Told { inner: &http, console: self.console },
            clock: self.clock,
            entropy: &SystemEntropy,
            environment: self.environment,
            sinks: &NativeSinks::new(Rc::new(move |line| console.output(line))),
            observer: self.observer,
            cancellation: self.cancellation,
        };
        engine::run(host, config, request).await
    }
}

/// Reads and checks a configuration file.
///
/// # Errors
/// Every `config-…` code.
pub fn read_config(path: &str, environment: &dyn Environment) -> Result<Config, Error> {
    // One byte more than the limit is enough for the core to see that it is exceeded.
    let bytes = read_file(path, MAX_DOCUMENT as u64).map_err(|reason| {
        Error::config(Code::ConfigUnreadable, path, format!("the configuration cannot be read: {reason}"))
    })?;
    Config::read(&bytes, environment)
}
