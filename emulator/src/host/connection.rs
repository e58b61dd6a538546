//! One connection: requests in, answers out, or none where a fault wants it so.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::control;
use crate::emulator::{Emulator, Outcome, Truncated};

/// The largest body of a request that is read.
const MAX_REQUEST: usize = 64 * 1024 * 1024;
/// How much a huge answer holds.
const HUGE: usize = 100 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// Holds what all connections share.
pub(super) struct Shared {
    pub(super) emulator: Emulator,
    pub(super) latency: Duration,
    pub(super) tls: Option<TlsAcceptor>,
}

/// Says what a listener is for.
#[derive(Clone)]
pub(super) enum Role {
    Service(String),
    Control,
}

/// Takes connections until it is aborted; its connections end with it.
pub(super) async fn accept(listener: TcpListener, role: Role, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: wait until some are closed.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (role, shared) = (role.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            match shared.tls.clone() {
                None => serve(stream, role, shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, role, shared).await;
                    }
                }
            }
        });
    }
}

/// Serves the requests of one connection.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, role: Role, shared: Arc<Shared>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (role, shared) = (role.clone(), Arc::clone(&shared));
        async move { answer(request, role, &shared).await }
    });
    // An error here is a client that went away, or an answer that a fault held back.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// What the timer adds on average, since it counts whole milliseconds and never ends early.
const ROUNDED: Duration = Duration::from_micros(1_500);

/// Answers one request.
pub(super) async fn answer(
    request: Request<Incoming>,
    role: Role,
    shared: &Shared,
) -> io::Result<Response<Answer>> {
    let (parts, incoming) = request.into_parts();
    let request = Request::from_parts(parts, read(incoming).await?);
    match role {
        Role::Control => Ok(whole(control::handle(&shared.emulator, &request))),
        Role::Service(origin) => {
            if !shared.latency.is_zero() {
                tokio::time::sleep(shared.latency.saturating_sub(ROUNDED)).await;
            }
            match shared.emulator.serve_disturbed(&origin, request) {
                Outcome::Reply(response) => Ok(whole(response)),
                // The connection is closed without an answer.
                Outcome::NoReply { .. } => Err(io::ErrorKind::ConnectionReset.into()),
                Outcome::Hang => Ok(unending(Answer::Hang(Some(Bytes::from_static(b"{\""))))),
                Outcome::Huge => Ok(unending(Answer::Huge(HUGE))),
            }
        }
    }
}

async fn read(mut incoming: Incoming) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        let frame = frame.map_err(io::Error::other)?;
        if let Ok(data) = frame.into_data() {
            if body.len() + data.len() > MAX_REQUEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
            body.extend_from_slice(&data);
        }
    }
    Ok(body)
}

/// Makes an answer of a response.
pub(super) fn whole(response: Response<Vec<u8>>) -> Response<Answer> {
    let truncated = response.extensions().get::<Truncated>().copied();
    response.map(|body| match truncated {
        Some(Truncated(length)) => {
            Answer::Truncated { rest: Some(Bytes::from(body)), promised: length as u64, flushed: false }
        }
        None => Answer::Whole(Some(Bytes::from(body))),
    })
}

fn unending(body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

/// Is the body of an answer.
pub(super) enum Answer {
    /// All of it.
    Whole(Option<Bytes>),
    /// Its beginning, though the headers promise so much; then the connection is closed.
    Truncated { rest: Option<Bytes>, promised: u64, flushed: bool },
    /// A beginning, and no end.
    Hang(Option<Bytes>),
    /// This many more bytes.
    Huge(usize),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::Truncated { rest, flushed, .. } => match rest.take().filter(|bytes| !bytes.is_empty()) {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                // What there is must be on its way before the connection is closed.
                None if !*flushed => {
                    *flushed = true;
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            },
            Self::Hang(bytes) => match bytes.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => Poll::Pending,
            },
            Self::Huge(0) => Poll::Ready(None),
            Self::Huge(left) => {
                let length = CHUNK.min(*left);
                *left -= length;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; length])))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Truncated { promised, .. } => SizeHint::with_exact(*promised),
            Self::Hang(_) | Self::Huge(_) => SizeHint::default(),
        }
    }
}
