//! What crosses the border to JavaScript: the functions that are called there, and what they take and give.
//!
//! No function of [`JsHost`] throws and no promise of it rejects: `wasm/npm/lib/host.js` turns every failure
//! into a value, since an exception that crosses the module would leave a run half done. Each function is
//! described there.

use std::time::Duration;

use js_sys::{Promise, Uint8Array};
use lakekey_core::{HeaderValue, Request};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// Is the object that the package's JavaScript passes with every call.
    #[derive(Clone)]
    pub type JsHost;

    #[wasm_bindgen(method)]
    pub(crate) fn now(this: &JsHost) -> f64;
    #[wasm_bindgen(method)]
    pub(crate) fn sleep(this: &JsHost, milliseconds: f64) -> Promise;
    #[wasm_bindgen(method)]
    pub(crate) fn fill(this: &JsHost, buffer: &mut [u8]);
    #[wasm_bindgen(method)]
    pub(crate) fn cancelled(this: &JsHost) -> bool;
    #[wasm_bindgen(method)]
    pub(crate) fn variable(this: &JsHost, name: &str) -> Option<String>;
    #[wasm_bindgen(method)]
    pub(crate) fn file(this: &JsHost, path: &str) -> Read;
    #[wasm_bindgen(method, js_name = azureCli)]
    pub(crate) fn azure_cli(this: &JsHost, arguments: Vec<String>) -> Promise;
    #[wasm_bindgen(method)]
    pub(crate) fn secret(this: &JsHost, value: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn event(this: &JsHost, json: &str);
    #[wasm_bindgen(method)]
    pub(crate) fn send(this: &JsHost, request: Outgoing) -> Promise;
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
    /// Asks whether the caller has passed an Octokit, or the class of one.
    #[wasm_bindgen(method, js_name = hasOctokit)]
    pub(crate) fn has_octokit(this: &JsHost) -> bool;
    /// Asks whether it is an Octokit that the caller has made, which may sign in by itself.
    #[wasm_bindgen(method, js_name = octokitSignsIn)]
    pub(crate) fn octokit_signs_in(this: &JsHost) -> bool;
    /// Begins an operation of GitHub's API; its requests are handed out one by one.
    #[wasm_bindgen(method)]
    pub(crate) fn github(this: &JsHost, base: &str, route: &str, parameters: &str) -> Operation;

    /// Is what a file or a command gave: bytes, or the reason why there are none.
    pub(crate) type Read;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bytes(this: &Read) -> Option<Uint8Array>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn reason(this: &Read) -> Option<String>;

    /// Is what a request brought: a failure and its reason, or status, headers and body.
    pub(crate) type Reply;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn failure(this: &Reply) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn message(this: &Reply) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Reply) -> u16;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn headers(this: &Reply) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Reply) -> Uint8Array;

    /// Is an operation of GitHub's API that Octokit is doing.
    pub(crate) type Operation;
    /// Resolves to the next request of it, or to its end.
    #[wasm_bindgen(method)]
    pub(crate) fn next(this: &Operation) -> Promise;
    #[wasm_bindgen(method)]
    pub(crate) fn answer(this: &Operation, status: u16, headers: Vec<String>, body: &[u8]);
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &Operation);

    /// Is a request of Octokit's, or the end of the operation.
    pub(crate) type Wanted;
    /// Holds what the operation has read, as JSON, at its end.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn data(this: &Wanted) -> Option<String>;
    /// Says why it ended without: `unusable` where the class makes no Octokit, `thrown` where Octokit has
    /// thrown.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn failure(this: &Wanted) -> Option<String>;
    /// Names what Octokit has thrown, without its text.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn words(this: &Wanted) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn method(this: &Wanted) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn url(this: &Wanted) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn headers(this: &Wanted) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Wanted) -> Option<Uint8Array>;
}

/// Describes a request to JavaScript.
#[wasm_bindgen]
pub struct Outgoing {
    request: Request,
}

impl Outgoing {
    pub(crate) fn new(request: Request) -> Self {
        Self { request }
    }
}

#[wasm_bindgen]
impl Outgoing {
    /// Returns the method.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn method(&self) -> String {
        self.request.method.as_str().to_owned()
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

    /// Returns whether it must go over a connection that no other request has used.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn fresh(&self) -> bool {
        self.request.fresh_connection
    }
}

/// Waits for a promise of the host's; `undefined` stands for the rejection that it never is.
pub(crate) async fn settled(promise: Promise) -> JsValue {
    JsFuture::from(promise).await.unwrap_or(JsValue::UNDEFINED)
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
