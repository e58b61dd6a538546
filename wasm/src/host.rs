//! What the core asks of its platform, as JavaScript fulfils it.

use std::time::Duration;

use lakekey_core::{
    Cancellation, Clock, Entropy, Environment, Event, LocalFuture, Observer, Request, Response, Secret,
    Timestamp, Transport, TransportError, TransportErrorKind,
};
use wasm_bindgen::JsCast as _;
use zeroize::Zeroizing;

use crate::js::{JsHost, Outgoing, Read, Reply, milliseconds, settled};

/// Is the platform that a JavaScript host makes.
pub(crate) struct Platform<'a>(&'a JsHost);

impl<'a> Platform<'a> {
    pub(crate) fn new(host: &'a JsHost) -> Self {
        Self(host)
    }
}

impl Transport for Platform<'_> {
    fn unreachable_hint(&self) -> Option<&'static str> {
        Some(
            "check the host name, the network, the proxy (HTTPS_PROXY, which Node reads with \
             NODE_USE_ENV_PROXY=1) and the certificate authorities (NODE_EXTRA_CA_CERTS) where lakekey runs",
        )
    }

    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let promise = self.0.send(Outgoing::new(request));
            let reply: Reply = settled(promise).await.unchecked_into();
            let Some(failure) = reply.failure() else { return Ok(response(&reply)) };
            let kind = match failure.as_str() {
                "not-sent" => TransportErrorKind::NotSent,
                "timed-out" => TransportErrorKind::TimedOut,
                "too-large" => TransportErrorKind::TooLarge,
                _ => TransportErrorKind::Lost,
            };
            Err(TransportError { kind, message: reply.message().unwrap_or_default() })
        })
    }
}

fn response(reply: &Reply) -> Response {
    let mut headers = Vec::new();
    let mut flat = reply.headers().into_iter();
    while let (Some(name), Some(value)) = (flat.next(), flat.next()) {
        headers.push((name, value));
    }
    Response { status: reply.status(), headers, body: Zeroizing::new(reply.body().to_vec()) }
}

impl Clock for Platform<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.now() as i64).unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
        Box::pin(async move {
            settled(self.0.sleep(milliseconds(duration))).await;
        })
    }
}

impl Entropy for Platform<'_> {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.fill(buffer);
    }
}

impl Environment for Platform<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.variable(name).filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        read(&self.0.file(path))
    }

    fn azure_cli<'a>(&'a self, arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        Box::pin(async move {
            let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
            let output: Read = settled(self.0.azure_cli(arguments)).await.unchecked_into();
            String::from_utf8(read(&output)?)
                .map(Secret::new)
                .map_err(|_| "it printed what is not UTF-8".to_owned())
        })
    }
}

fn read(read: &Read) -> Result<Vec<u8>, String> {
    read.bytes().map(|bytes| bytes.to_vec()).ok_or_else(|| read.reason().unwrap_or_default())
}

impl Observer for Platform<'_> {
    fn secret(&self, secret: &Secret) {
        self.0.secret(secret.expose("the caller, who masks it in its log"));
    }

    fn event(&self, event: &Event) {
        self.0.event(&serde_json::json!(event).to_string());
    }
}

impl Cancellation for Platform<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
