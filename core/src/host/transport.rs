//! HTTP: one request in, one response or failure out.

use std::fmt;
use std::time::Duration;

use ::http::Method;
use zeroize::Zeroizing;

use super::LocalFuture;
use crate::model::{Origin, Secret};

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
    pub body: Zeroizing<Vec<u8>>,
    /// How long the whole exchange may take, from the first byte sent to the last received.
    pub timeout: Duration,
    /// How many bytes of body the transport may read before it gives up with
    /// [`TransportErrorKind::TooLarge`].
    pub max_body: usize,
    /// Whether the request must go over a connection of its own, so that a load balancer may route it
    /// elsewhere.
    pub fresh_connection: bool,
    /// The name of the target that it is sent for.
    pub target: String,
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
    pub body: Zeroizing<Vec<u8>>,
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

    /// Learns that the run sends no more to that host, so that its connections can be closed.
    fn release(&self, _host: &Origin) {}

    /// Says what to look at where no connection can be made, if that is not what the binary reads.
    fn unreachable_hint(&self) -> Option<&'static str> {
        None
    }
}
