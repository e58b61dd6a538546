//! What a host gives the core: one way to send a request, a clock, randomness and its environment.
//!
//! The futures are boxed and carry no `Send` bound: a browser-like host has no threads, a native host drives
//! one run on one thread, and with trait objects the whole engine is compiled once instead of once a host.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::secret::Secret;
use crate::timestamp::Timestamp;

/// Names the boxed future that every host function returns.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Names the HTTP methods that lakekey sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or acts.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// Returns the method as it stands in a request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Holds a header's value, and knows whether it may be shown.
#[derive(Debug, Clone)]
pub enum HeaderValue {
    /// May be logged.
    Plain(String),
    /// Carries a credential; its `Debug` shows nothing.
    Sensitive(Secret),
}

/// Describes one HTTP request for a [`Transport`] to send exactly once.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL, already percent-encoded.
    pub url: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, HeaderValue)>,
    /// The body; it may hold a credential, so that `Debug` shows its length alone.
    pub body: zeroize::Zeroizing<Vec<u8>>,
    /// How long the whole exchange may take, from the first byte sent to the last received.
    pub timeout: Duration,
    /// How many bytes of body the transport may read before it gives up with
    /// [`TransportErrorKind::TooLarge`].
    pub max_body: usize,
    /// Whether the request must go over a connection of its own, so that a load balancer may route it
    /// elsewhere.
    pub fresh_connection: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Holds a response as received, whatever its status.
///
/// A redirect is a response like any other: a transport never follows one.
#[derive(Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; it may hold a credential, so that `Debug` shows its length alone.
    pub body: zeroize::Zeroizing<Vec<u8>>,
}

impl Response {
    /// Returns the first header of that name, which must be given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Says how a request failed to bring a response, and so whether it may have been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportErrorKind {
    /// No byte of the request reached the service: name resolution, connection or TLS failed.
    NotSent,
    /// The time limit passed; the service may have acted.
    TimedOut,
    /// The connection ended before the response was whole; the service may have acted.
    Lost,
    /// The body was larger than the request allowed; the service has acted.
    TooLarge,
}

/// Reports a request that brought no whole response.
#[derive(Debug, Clone)]
pub struct TransportError {
    /// The kind of failure.
    pub kind: TransportErrorKind,
    /// The reason in words, without any part of the request.
    pub message: String,
}

/// Sends one HTTP request and returns what came back.
///
/// An implementation follows no redirect, retries nothing, adds no credential and keeps to the request's
/// limits.
pub trait Transport {
    /// Sends the request once.
    ///
    /// # Errors
    /// Only where no whole response arrived; a response of any status is `Ok`.
    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>>;
}

/// Tells the time and waits.
pub trait Clock {
    /// Returns the current time of the host, which may be wrong.
    fn now(&self) -> Timestamp;
    /// Waits that long.
    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()>;
}

/// Fills a buffer with random bytes from a cryptographically secure source.
pub trait Entropy {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// Reads what the configuration refers to: environment variables, files and the Azure CLI.
pub trait Environment {
    /// Returns an environment variable, `None` if it is not set or empty.
    fn variable(&self, name: &str) -> Option<String>;
    /// Reads a whole file.
    ///
    /// # Errors
    /// The reason in words, without the file's content.
    fn file(&self, path: &str) -> Result<Vec<u8>, String>;
    /// Runs `az` with those arguments and returns its standard output.
    ///
    /// # Errors
    /// The reason in words, without any token.
    fn azure_cli<'a>(&'a self, arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>>;
}

/// Tells a run whether it has been asked to stop.
pub trait Cancellation {
    /// Returns true once the run shall stop at its next safe point.
    fn is_cancelled(&self) -> bool;
}

/// Never cancels.
pub struct NeverCancelled;

impl Cancellation for NeverCancelled {
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Bundles all that a run asks of its host.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Sends requests.
    pub transport: &'a dyn Transport,
    /// Tells the time.
    pub clock: &'a dyn Clock,
    /// Gives randomness.
    pub entropy: &'a dyn Entropy,
    /// Resolves `{env: NAME}` and `{file: PATH}`.
    pub environment: &'a dyn Environment,
    /// Builds the sinks that the core does not have.
    pub sinks: &'a dyn crate::sink::SinkFactory,
    /// Hears of secrets to mask and of what happens.
    pub observer: &'a dyn crate::event::Observer,
    /// Says when to stop.
    pub cancellation: &'a dyn Cancellation,
}
