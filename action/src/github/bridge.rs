//! Between octocrab and the core: octocrab makes the requests and reads the answers, the core sends.
//!
//! octocrab's own way to the network would retry without heed to `Retry-After`, sign in by itself and log.
//! Here its service hands every request to the task that runs the target, which sends it by
//! [`Client::execute`](lakekey_core::Client::execute), so that waits, limits, the lease, counting and the
//! binding of the credential to its host are the same as everywhere.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use bytes::Bytes;
use futures_util::future::{Either, join, pending, select};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use lakekey_core::github::Asked;
use lakekey_core::{Call, Code, Error, Method, Patience, Response as CoreResponse, Temporary};
use octocrab::{OctoBody, Octocrab, OctocrabBuilder};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

/// How often an answer is asked for at the most that octocrab cannot read; as often as the core does.
const ATTEMPTS: u32 = 4;

type Outgoing = (Request<OctoBody>, oneshot::Sender<Response<Full<Bytes>>>);
type Worker = Pin<Box<dyn Future<Output = ()>>>;

/// Reads what stands at a path, and reads again where the answer came garbled.
///
/// # Errors
/// As [`ask`].
pub(super) async fn read<T: DeserializeOwned>(asked: Asked<'_>, path: String) -> Result<T, Error> {
    let patience = Patience::attempts(ATTEMPTS);
    let read = async || ask(asked, async |crab: &Octocrab| crab.get(&path, None::<&()>).await).await;
    asked.client.retry(asked.step, patience, read).await
}

/// Lets octocrab do an operation and carries its requests.
///
/// # Errors
/// As [`lakekey_core::Client::execute`]; `reply-invalid` where octocrab cannot read the answer.
pub(super) async fn ask<T>(
    asked: Asked<'_>,
    operation: impl AsyncFnOnce(&Octocrab) -> octocrab::Result<T>,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::unbounded_channel::<Outgoing>();
    let service = tower::service_fn(move |request: Request<OctoBody>| {
        let sender = sender.clone();
        async move {
            let (reply, answered) = oneshot::channel();
            // Both fail only where the task that sends has given up, which it says by an error of its own.
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
    let carried = async {
        let worker = async {
            if let Some(worker) = worker {
                worker.await;
            }
        };
        join(worker, carry(asked, receiver, &refused)).await;
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
        (Ok(value), None) => Ok(value),
        // octocrab's text may quote the body.
        (Err(_), None) => {
            let words = "GitHub answered with a body of another form than its API has";
            Err(Error::new(Code::ReplyInvalid, asked.step, words).with_temporary(Temporary::Yes))
        }
    }
}

/// Sends what octocrab asks for, one after the other.
async fn carry(
    asked: Asked<'_>,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    refused: &Cell<Option<Error>>,
) {
    while let Some((request, reply)) = outgoing.recv().await {
        let sent = match call(asked, request).await {
            Ok(call) => asked.client.execute(call).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(response) => match answer(&response) {
                Ok(response) => drop(reply.send(response)),
                Err(_) => drop(reply),
            },
            // Dropping the other end is the service's failure to octocrab; the reason goes beside it.
            Err(error) => refused.set(Some(error)),
        }
    }
}

/// Turns octocrab's request into the core's call. Of its headers only the body's type is kept: the core says
/// who asks, and in which version of the API.
async fn call(asked: Asked<'_>, request: Request<OctoBody>) -> Result<Call, Error> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let writes = parts.method != Method::GET;
    let mut call = asked.call(parts.method, path);
    let bytes = body.collect().await.map_err(|_| {
        Error::new(Code::Internal, asked.step, "octocrab made a request with a body that cannot be read")
    })?;
    let bytes = bytes.to_bytes();
    if !bytes.is_empty() {
        let own = parts.headers.get("content-type").and_then(|value| value.to_str().ok());
        call = call.body(own.unwrap_or("application/json"), Zeroizing::new(bytes.to_vec()));
    }
    Ok(if writes { call.fenced() } else { call })
}

/// Turns the core's response into octocrab's.
fn answer(response: &CoreResponse) -> http::Result<Response<Full<Bytes>>> {
    let mut answer = Response::builder().status(response.status);
    for (name, value) in &response.headers {
        answer = answer.header(name.as_str(), value.as_str());
    }
    answer.body(Full::new(Bytes::copy_from_slice(&response.body)))
}
