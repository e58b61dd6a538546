//! The five calls for GitHub secrets, over an Octokit of the caller's: Octokit makes the requests and reads
//! the answers, the core sends.
//!
//! Octokit's requests are handed out by JavaScript one by one and sent by
//! [`lakekey_core::Client::execute`], so that waits, limits, the lease, counting and the binding of the
//! credential to its host are the same as everywhere.

use lakekey_core::github::{Api, Asked, Body, Found, Place, PublicKey, repository_path, selected_path};
use lakekey_core::{
    Call, Code, Error, Identity, LocalFuture, Method, Patience, Secret, Temporary, Timestamp, harmless,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wasm_bindgen::JsCast as _;
use zeroize::Zeroizing;

use crate::js::{JsHost, Operation, Wanted, settled};

/// How often a read is sent whose answer comes garbled; as often as the core sends its own.
const ATTEMPTS: u32 = 4;

/// Makes the calls with the caller's Octokit.
pub(super) struct OverOctokit<'a> {
    host: &'a JsHost,
}

/// Closes an operation that nobody asks any more.
struct Closing<'a>(&'a Operation);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<'a> OverOctokit<'a> {
    pub(super) fn new(host: &'a JsHost) -> Self {
        Self { host }
    }

    /// Reads, and reads again where the answer came garbled.
    async fn read<T: DeserializeOwned>(&self, asked: Asked<'_>, path: String) -> Result<T, Error> {
        let mut answer = None;
        self.read_with(asked, path, &mut |data| serde_json::from_str(data).map(|read| answer = Some(read)))
            .await?;
        answer.ok_or_else(|| Error::new(Code::Internal, asked.step, "an answer was lost on its way"))
    }

    /// Reads; what decodes is not generic, so that the way there is compiled once.
    async fn read_with(
        &self,
        asked: Asked<'_>,
        path: String,
        decode: &mut dyn FnMut(&str) -> serde_json::Result<()>,
    ) -> Result<(), Error> {
        let once = async || {
            let (data, _) = self.operation(asked, Method::GET, &path, &json!({})).await?;
            decode(&data).map_err(|_| {
                let words = "GitHub answered with a body of another form than its API has";
                Error::new(Code::ReplyInvalid, asked.step, words).with_temporary(Temporary::Yes)
            })
        };
        asked.client.retry(asked.step, Patience::attempts(ATTEMPTS), once).await
    }

    /// Lets Octokit do an operation and carries its requests. Returns what Octokit has read, as JSON, and
    /// what time it was at GitHub when it answered.
    ///
    /// # Errors
    /// As [`lakekey_core::Client::execute`]; `sink-unsupported` where the caller's class makes no Octokit;
    /// `reply-invalid` where Octokit throws.
    async fn operation(
        &self,
        asked: Asked<'_>,
        method: Method,
        path: &str,
        parameters: &Value,
    ) -> Result<(String, Option<Timestamp>), Error> {
        let writes = method != Method::GET;
        let operation =
            self.host.github(asked.api.as_str(), &format!("{method} {path}"), &parameters.to_string());
        let _closing = Closing(&operation);
        let mut at = None;
        loop {
            let wanted: Wanted = settled(operation.next()).await.unchecked_into();
            if let Some(data) = wanted.data() {
                return Ok((data, at));
            }
            if let Some(failure) = wanted.failure() {
                return Err(failed(asked, &failure, wanted.words(), writes));
            }
            let response = asked.client.execute(call(asked, &wanted, writes)?).await?;
            at = response.header("date").and_then(Timestamp::from_http_date);
            let headers =
                response.headers.iter().flat_map(|(name, value)| [name.clone(), value.clone()]).collect();
            operation.answer(response.status, headers, &response.body);
        }
    }
}

/// Says why Octokit has not done an operation.
fn failed(asked: Asked<'_>, failure: &str, thrown: Option<String>, writes: bool) -> Error {
    if failure == "unusable" {
        let words = "the class that was passed as `Octokit` could not be made one";
        return Error::new(Code::SinkUnsupported, asked.step, words)
            .with_hint("pass the class of @octokit/core, or leave the option out: GitHub secrets need none");
    }
    let words = format!(
        "the Octokit that was passed has thrown {}; its text is not repeated, since it may quote the request",
        harmless(&thrown.unwrap_or_default())
    );
    Error::new(Code::ReplyInvalid, asked.step, words)
        .with_uncertainty(writes)
        .with_hint("see why it throws, or leave the option out: GitHub secrets need no Octokit")
}

/// Turns Octokit's request into the core's call.
fn call(asked: Asked<'_>, wanted: &Wanted, writes: bool) -> Result<Call, Error> {
    let internal =
        |what: &str| Error::new(Code::Internal, asked.step, format!("Octokit made a request with {what}"));
    let method = Method::from_bytes(wanted.method().to_ascii_uppercase().as_bytes())
        .map_err(|_| internal("an unknown method"))?;
    let url = wanted.url();
    let path = url
        .strip_prefix(asked.api.as_str())
        .filter(|path| path.starts_with('/'))
        .ok_or_else(|| internal("another host"))?;
    let mut call = asked.call(method, path);
    if asked.identity.is_none()
        && let Some(own) = own_identity(asked, wanted)
    {
        call = call.identity(&own);
    }
    if let Some(body) = wanted.body() {
        call = call.body("application/json", Zeroizing::new(body.to_vec()));
    }
    Ok(if writes { call.fenced() } else { call })
}

/// Returns what the caller's own Octokit has signed in with.
fn own_identity(asked: Asked<'_>, wanted: &Wanted) -> Option<Identity> {
    let mut headers = wanted.headers().into_iter();
    while let (Some(name), Some(value)) = (headers.next(), headers.next()) {
        if name == "authorization" {
            let token = value.split_once(' ').map_or(value.as_str(), |(_, token)| token);
            return Some(Identity::bearer(asked.api, &asked.client.masked(Secret::new(token))));
        }
    }
    None
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

impl Api for OverOctokit<'_> {
    fn signs_in(&self) -> bool {
        self.host.octokit_signs_in()
    }

    fn public_key<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<PublicKey, Error>> {
        Box::pin(async move { self.read(asked, place.public_key_path()).await })
    }

    fn find<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
    ) -> LocalFuture<'a, Result<Option<Found>, Error>> {
        Box::pin(async move {
            match self.read(asked, place.secret_path()).await {
                Err(error) if error.status() == Some(404) => Ok(None),
                found => found.map(Some),
            }
        })
    }

    fn repository_id<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        name: &'a str,
    ) -> LocalFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let repository: Repository = self.read(asked, repository_path(place, name)).await?;
            Ok(repository.id)
        })
    }

    fn selected<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        page: usize,
    ) -> LocalFuture<'a, Result<Vec<u64>, Error>> {
        Box::pin(async move {
            let listed: Repositories = self.read(asked, selected_path(place, page)).await?;
            Ok(listed.repositories.into_iter().map(|repository| repository.id).collect())
        })
    }

    fn put<'a>(
        &'a self,
        asked: Asked<'a>,
        place: &'a Place,
        body: &'a Body,
    ) -> LocalFuture<'a, Result<Option<Timestamp>, Error>> {
        Box::pin(async move {
            // 201 has a body, 204 has none.
            let (_, at) = self.operation(asked, Method::PUT, &place.secret_path(), &json!(body)).await?;
            Ok(at)
        })
    }
}
