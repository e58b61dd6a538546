//! Between octocrab and the core: octocrab makes the requests and reads the answers, the core sends.
//!
//! octocrab's own way to the network would retry without heed to `Retry-After`, sign in by itself and log.
//! Here its service hands every request to the task that runs the target, which sends it by
//! [`Context::execute`], so that waits, limits, the lease, counting and the binding of the credential to its
//! host are the same as everywhere.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, join, pending, select};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use lakekey_core::call::{Call, Identity, Service};
use lakekey_core::context::Context;
use lakekey_core::error::{Code, Error, Step};
use lakekey_core::platform::{Method, Response as CoreResponse};
use lakekey_core::timestamp::Timestamp;
use octocrab::{OctoBody, Octocrab, OctocrabBuilder};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

type Asked = (Request<OctoBody>, oneshot::Sender<Response<Full<Bytes>>>);
type Worker = Pin<Box<dyn Future<Output = ()>>>;

/// Says who asks, for which step, and whether it writes to a sink.
pub(super) struct Asking<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) step: Step,
    pub(super) identity: &'a Identity,
    pub(super) writes: bool,
}

/// Holds what octocrab has read, and what time it was at GitHub when it answered.
pub(super) struct Answer<T> {
    pub(super) value: T,
    pub(super) at: Option<Timestamp>,
}

impl Asking<'_> {
    /// Lets octocrab do an operation and carries its requests.
    ///
    /// # Errors
    /// As [`Context::execute`]; `reply-invalid` where octocrab cannot read the answer.
    pub(super) async fn ask<T>(
        &self,
        operation: impl AsyncFnOnce(&Octocrab) -> octocrab::Result<T>,
    ) -> Result<Answer<T>, Error> {
        let (sender, receiver) = mpsc::unbounded_channel::<Asked>();
        let service = tower::service_fn(move |request: Request<OctoBody>| {
            let sender = sender.clone();
            async move {
                let (reply, answered) = oneshot::channel();
                // Both fail only where the task that sends has given up, which it says by an error of its
                // own.
                let _ = sender.send((request, reply));
                answered.await
            }
        });
        let worker: Rc<RefCell<Option<Worker>>> = Rc::default();
        let slot = worker.clone();
        let Ok(crab) = OctocrabBuilder::new_empty()
            .with_service(service)
            .with_executor(Box::new(move |task| *slot.borrow_mut() = Some(task)))
            .with_auth(octocrab::AuthState::None)
            .build();
        let worker = worker.borrow_mut().take();
        let refused = Cell::new(None);
        let at = Cell::new(None);
        let carried = async {
            let worker = async {
                if let Some(worker) = worker {
                    worker.await;
                }
            };
            join(worker, self.carry(receiver, &refused, &at)).await;
            pending::<Infallible>().await
        };
        let done = {
            let (operation, carried) = (std::pin::pin!(operation(&crab)), std::pin::pin!(carried));
            match select(operation, carried).await {
                Either::Left((done, _)) => done,
                Either::Right((never, _)) => match never {},
            }
        };
        match (done, refused.take()) {
            (_, Some(error)) => Err(error),
            (Ok(value), None) => Ok(Answer { value, at: at.get() }),
            // octocrab's text may quote the body.
            (Err(_), None) => Err(Error::new(
                Code::ReplyInvalid,
                self.step,
                "GitHub answered with a body of another form than its API has",
            )
            .with_uncertainty(self.writes)),
        }
    }

    /// Sends what octocrab asks for, one after the other.
    async fn carry(
        &self,
        mut asked: mpsc::UnboundedReceiver<Asked>,
        refused: &Cell<Option<Error>>,
        at: &Cell<Option<Timestamp>>,
    ) {
        while let Some((request, reply)) = asked.recv().await {
            let sent = match self.call(request).await {
                Ok(call) => self.context.execute(call).await,
                Err(error) => Err(error),
            };
            match sent {
                Ok(response) => {
                    at.set(response.header("date").and_then(Timestamp::from_http_date));
                    match answer(&response) {
                        Ok(response) => drop(reply.send(response)),
                        Err(_) => drop(reply),
                    }
                }
                // Dropping the other end is the service's failure to octocrab; the reason goes beside it.
                Err(error) => refused.set(Some(error)),
            }
        }
    }

    /// Turns octocrab's request into the core's call.
    async fn call(&self, request: Request<OctoBody>) -> Result<Call, Error> {
        let internal = |what: &str| {
            Error::new(Code::Internal, self.step, format!("octocrab made a request with {what}"))
        };
        let (parts, body) = request.into_parts();
        let method = match parts.method {
            http::Method::GET => Method::Get,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::PATCH => Method::Patch,
            http::Method::DELETE => Method::Delete,
            _ => return Err(internal("an unknown method")),
        };
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut call =
            Call::new(self.step, Service::Github, method, &self.context.session.config.github_api, path)
                .identity(self.identity)
                .header("accept", "application/vnd.github+json");
        let mut content_type = "application/json";
        for (name, value) in &parts.headers {
            match (name.as_str(), value.to_str()) {
                // Of the message, not of its meaning: whoever sends it sets them.
                ("accept" | "authorization" | "content-length" | "host" | "user-agent", _) => {}
                ("content-type", Ok(value)) => content_type = value,
                (name, Ok(value)) => call = call.header(name, value),
                (_, Err(_)) => return Err(internal("a header that is not text")),
            }
        }
        let bytes = body.collect().await.map_err(|_| internal("a body that cannot be read"))?.to_bytes();
        if !bytes.is_empty() {
            call = call.body(content_type, Zeroizing::new(bytes.to_vec()));
        }
        Ok(if self.writes { call.fenced() } else { call })
    }
}

/// Turns the core's response into octocrab's.
fn answer(response: &CoreResponse) -> http::Result<Response<Full<Bytes>>> {
    let mut answer = Response::builder().status(response.status);
    for (name, value) in &response.headers {
        answer = answer.header(name.as_str(), value.as_str());
    }
    answer.body(Full::new(Bytes::copy_from_slice(&response.body)))
}
