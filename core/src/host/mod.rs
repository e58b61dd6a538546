//! What a host gives the core: one way to send a request, a clock, randomness, its environment, an ear and
//! the wish to stop.
//!
//! The futures are boxed and carry no `Send` bound: a browser-like host has no threads, a native host drives
//! one run on one thread, and with trait objects the whole engine is compiled once instead of once a host.

mod cancellation;
mod clock;
mod entropy;
mod environment;
mod observer;
#[cfg(test)]
pub(crate) mod testing;
mod transport;

use std::future::Future;
use std::pin::Pin;

pub use ::http::Method;
pub use cancellation::{Cancellation, NeverCancelled};
pub use clock::Clock;
pub use entropy::Entropy;
pub use environment::{Environment, NoEnvironment};
pub use observer::{Event, Observer, Phase, Silent};
pub use transport::{HeaderValue, Request, Response, Transport, TransportError, TransportErrorKind};

/// Names the boxed future that every host function returns.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Bundles all that a run asks of its host.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Host<'a> {
    /// Sends requests.
    pub transport: &'a dyn Transport,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives randomness.
    pub entropy: &'a dyn Entropy,
    /// Resolves `{env: NAME}` and `{file: PATH}`.
    pub environment: &'a dyn Environment,
    /// Hears of secrets to mask and of what happens.
    pub observer: &'a dyn Observer,
    /// Says when to stop.
    pub cancellation: &'a dyn Cancellation,
}

impl<'a> Host<'a> {
    /// Makes a host of the three things that no run can do without. Until told otherwise it holds no variable
    /// and no file, nobody hears what happens, and it never asks to stop.
    #[must_use]
    pub fn new(transport: &'a dyn Transport, clock: &'a dyn Clock, entropy: &'a dyn Entropy) -> Self {
        Self {
            transport,
            clock,
            entropy,
            environment: &NoEnvironment,
            observer: &Silent,
            cancellation: &NeverCancelled,
        }
    }

    /// Resolves references in this environment.
    #[must_use]
    pub fn environment(mut self, environment: &'a dyn Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Tells this observer of secrets and of what happens.
    #[must_use]
    pub fn observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Asks this whether to stop.
    #[must_use]
    pub fn cancellation(mut self, cancellation: &'a dyn Cancellation) -> Self {
        self.cancellation = cancellation;
        self
    }
}
