//! What the core asks of its platform, as JavaScript fulfils it.
//!
//! No function of [`JsHost`] throws and no promise of it rejects: `wasm/npm/lib/host.js` turns every failure
//! into a value, since an exception that crosses the module would leave a run half done. Each function is
//! described there.

use std::time::Duration;

use js_sys::{Promise, Uint8Array};
use lakekey_core::event::{Event, Observer};
use lakekey_core::platform::{
    Cancellation, Clock, Entropy, Environment, HeaderValue, LocalFuture, Request, Response, Transport,
    TransportError, TransportErrorKind,
};
use lakekey_core::secret::Secret;
use lakekey_core::timestamp::Timestamp;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use zeroize::Zeroizing;

use crate::sink::octokit::Operation;

#[wasm_bindgen]
extern "C" {
    /// Is the object that the package's JavaScript passes with every call.
    #[derive(Clone)]
    pub type JsHost;

    #[wasm_bindgen(method)]
    fn now(this: &JsHost) -> f64;
    #[wasm_bindgen(method)]
    fn sleep(this: &JsHost, milliseconds: f64) -> Promise;
    #[wasm_bindgen(method)]
    fn fill(this: &JsHost, buffer: &mut [u8]);
    #[wasm_bindgen(method)]
    fn cancelled(this: &JsHost) -> bool;
    #[wasm_bindgen(method)]
    fn variable(this: &JsHost, name: &str) -> Option<String>;
    #[wasm_bindgen(method)]
    fn file(this: &JsHost, path: &str) -> Read;
    #[wasm_bindgen(method, js_name = azureCli)]
    fn azure_cli(this: &JsHost, arguments: Vec<String>) -> Promise;
    #[wasm_bindgen(method)]
    fn secret(this: &JsHost, value: &str);
    #[wasm_bindgen(method)]
    fn event(this: &JsHost, json: &str);
    #[wasm_bindgen(method)]
    fn send(this: &JsHost, request: Outgoing) -> Promise;
    /// Asks whether the caller has passed a function of that name.
    #[wasm_bindgen(method, js_name = hasSink)]
    pub(crate) fn has_sink(this: &JsHost, name: &str) -> bool;
    #[wasm_bindgen(method, js_name = writeSink)]
    pub(crate) fn write_sink(
        this: &JsHost,
        name: &str,
        value: &str,
        delivery: &str,
        milliseconds: f64,
    ) -> Promise;
    /// Asks whether the caller has passed an Octokit of its own, which signs in by itself.
    #[wasm_bindgen(method, js_name = hasOctokit)]
    pub(crate) fn has_octokit(this: &JsHost) -> bool;
    /// Begins an operation of GitHub's API; its requests are handed out one by one.
    #[wasm_bindgen(method)]
    pub(crate) fn github(this: &JsHost, base: &str, route: &str, parameters: &str) -> Operation;

    /// Is what a file or a command gave: bytes, or the reason why there are none.
    type Read;
    #[wasm_bindgen(method, getter)]
    fn bytes(this: &Read) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter)]
    fn reason(this: &Read) -> Option<String>;

    /// Is what a request brought: a failure and its reason, or status, headers and body.
    type Reply;
    #[wasm_bindgen(method, getter)]
    fn failure(this: &Reply) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn message(this: &Reply) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn status(this: &Reply) -> u16;
    #[wasm_bindgen(method, getter)]
    fn headers(this: &Reply) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Reply) -> Uint8Array;
}

/// Describes a request to JavaScript.
#[wasm_bindgen]
pub struct Outgoing {
    method: &'static str,
    request: Request,
}

#[wasm_bindgen]
impl Outgoing {
    /// Returns the method.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn method(&self) -> String {
        self.method.to_owned()
    }

    /// Returns the URL.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn url(&self) -> String {
        self.request.url.clone()
    }

    /// Returns names and values in turn.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn headers(&self) -> Vec<String> {
        let value = |value: &HeaderValue| match value {
            HeaderValue::Plain(text) => text.clone(),
            HeaderValue::Sensitive(secret) => {
                secret.expose("the header of the request that it is for").to_owned()
            }
        };
        self.request.headers.iter().flat_map(|(name, v)| [name.clone(), value(v)]).collect()
    }

    /// Returns the body; nothing where it is empty.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn body(&self) -> Option<Uint8Array> {
        (!self.request.body.is_empty()).then(|| Uint8Array::from(self.request.body.as_slice()))
    }

    /// Returns how long the exchange may take, in milliseconds.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn timeout(&self) -> f64 {
        milliseconds(self.request.timeout)
    }

    /// Returns how many bytes of body may come.
    #[wasm_bindgen(getter, js_name = maxBody)]
    #[must_use]
    pub fn max_body(&self) -> f64 {
        self.request.max_body as f64
    }

    /// Returns whether it shall go over a connection of its own.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn fresh(&self) -> bool {
        self.request.fresh_connection
    }
}

/// Is the platform that a JavaScript host makes.
pub(crate) struct Platform<'a>(&'a JsHost);

impl<'a> Platform<'a> {
    pub(crate) fn new(host: &'a JsHost) -> Self {
        Self(host)
    }
}

impl Transport for Platform<'_> {
    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let promise = self.0.send(Outgoing { method: request.method.as_str(), request });
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

/// Waits for a promise of the host's; `undefined` stands for the rejection that it never is.
pub(crate) async fn settled(promise: Promise) -> JsValue {
    JsFuture::from(promise).await.unwrap_or(JsValue::UNDEFINED)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
