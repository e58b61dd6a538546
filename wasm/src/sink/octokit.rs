//! Between Octokit and the core: Octokit makes the requests and reads the answers, the core sends.
//!
//! Octokit's requests are handed out by JavaScript one by one and sent by [`Context::execute`], so that
//! waits, limits, the lease, counting and the binding of the credential to its host are the same as
//! everywhere.

use js_sys::{Promise, Uint8Array};
use lakekey_core::call::{Call, Identity, Service};
use lakekey_core::config::Origin;
use lakekey_core::context::Context;
use lakekey_core::error::{Code, Error, Step};
use lakekey_core::platform::Method;
use lakekey_core::secret::Secret;
use lakekey_core::timestamp::Timestamp;
use lakekey_core::typed::from_value;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

use crate::host::{JsHost, settled};

#[wasm_bindgen]
extern "C" {
    /// Is an operation of GitHub's API that Octokit is doing.
    pub(crate) type Operation;
    /// Resolves to the next request of it, or to its end.
    #[wasm_bindgen(method)]
    fn next(this: &Operation) -> Promise;
    #[wasm_bindgen(method)]
    fn answer(this: &Operation, status: u16, headers: Vec<String>, body: &[u8]);
    #[wasm_bindgen(method)]
    fn close(this: &Operation);

    /// Is a request of Octokit's, or the end of the operation.
    type Asked;
    /// Holds what the operation has read, as JSON, at its end.
    #[wasm_bindgen(method, getter)]
    fn data(this: &Asked) -> Option<String>;
    /// Says why it ended without: `missing` where Octokit is not installed.
    #[wasm_bindgen(method, getter)]
    fn failure(this: &Asked) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    fn method(this: &Asked) -> String;
    #[wasm_bindgen(method, getter)]
    fn url(this: &Asked) -> String;
    #[wasm_bindgen(method, getter)]
    fn headers(this: &Asked) -> Vec<String>;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Asked) -> Option<Uint8Array>;
}

/// Says who asks, for which step, and whether it writes to a sink.
pub(super) struct Asking<'a> {
    pub(super) host: &'a JsHost,
    pub(super) context: &'a Context<'a>,
    pub(super) step: Step,
    /// Whose credential is sent; `None` leaves it to the caller's own Octokit.
    pub(super) identity: Option<&'a Identity>,
    pub(super) writes: bool,
}

/// Holds what Octokit has read, and what time it was at GitHub when it answered.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) at: Option<Timestamp>,
}

/// Closes an operation that nobody asks any more.
struct Closing<'a>(&'a Operation);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Asking<'_> {
    /// Lets Octokit do an operation and carries its requests.
    ///
    /// # Errors
    /// As [`Context::execute`]; `sink-unsupported` without Octokit; `reply-invalid` where the answer is of
    /// another form.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        route: &str,
        parameters: &Value,
    ) -> Result<Answer<T>, Error> {
        let base = &self.context.session.config.github_api;
        let operation = self.host.github(base.as_str(), route, &parameters.to_string());
        let _closing = Closing(&operation);
        let mut at = None;
        loop {
            let asked: Asked = settled(operation.next()).await.unchecked_into();
            if let Some(data) = asked.data() {
                let value = serde_json::from_str(&data)
                    .ok()
                    .and_then(|data| from_value(data).ok())
                    .ok_or_else(|| self.invalid())?;
                return Ok(Answer { value, at });
            }
            match asked.failure().as_deref() {
                Some("missing") => {
                    return Err(Error::new(
                        Code::SinkUnsupported,
                        self.step,
                        "GitHub secrets need the package @octokit/core, which is not installed",
                    )
                    .with_hint(
                        "npm install @octokit/core; in a bundle pass it: rotate(config, { Octokit })",
                    ));
                }
                // Octokit's text may quote the body.
                Some(_) => return Err(self.invalid()),
                None => {}
            }
            let response = self.context.execute(self.call(&asked, base)?).await?;
            at = response.header("date").and_then(Timestamp::from_http_date);
            let headers =
                response.headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
            operation.answer(response.status, headers, &response.body);
        }
    }

    fn invalid(&self) -> Error {
        Error::new(
            Code::ReplyInvalid,
            self.step,
            "GitHub answered with a body of another form than its API has",
        )
        .with_uncertainty(self.writes)
    }

    /// Turns Octokit's request into the core's call.
    fn call(&self, asked: &Asked, base: &Origin) -> Result<Call, Error> {
        let internal =
            |what: &str| Error::new(Code::Internal, self.step, format!("Octokit made a request with {what}"));
        let method = match asked.method().as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(internal("an unknown method")),
        };
        let url = asked.url();
        let path = url
            .strip_prefix(base.as_str())
            .filter(|path| path.starts_with('/'))
            .ok_or_else(|| internal("another host"))?;
        let mut call = Call::new(self.step, Service::Github, method, base, path)
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        let mut own = None;
        let mut headers = asked.headers().into_iter();
        while let (Some(name), Some(value)) = (headers.next(), headers.next()) {
            if name == "authorization" {
                let token = value.split_once(' ').map_or(value.as_str(), |(_, token)| token);
                own = Some(Identity::bearer(base, &self.context.masked(Secret::new(token))));
            }
        }
        if let Some(identity) = self.identity.or(own.as_ref()) {
            call = call.identity(identity);
        }
        if let Some(body) = asked.body() {
            call = call.body("application/json", Zeroizing::new(body.to_vec()));
        }
        Ok(if self.writes { call.fenced() } else { call })
    }
}
