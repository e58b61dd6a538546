//! An HTTP proxy for the services' real names: any client runs unchanged, and reaches nothing else.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::{Answer, Role, Shared, answer, serve, whole};
use super::tls::Authority;

/// Holds what all connections through the proxy share.
pub(super) struct Proxy {
    pub(super) shared: Arc<Shared>,
    authority: Authority,
    /// What speaks TLS under a name, made when it is first asked for.
    acceptors: Mutex<HashMap<String, TlsAcceptor>>,
    /// The address of the control origin.
    control: String,
}

impl Proxy {
    /// Makes a proxy, and leaves the certificate of its authority in a directory.
    pub(super) fn new(shared: Arc<Shared>, directory: &Path, control: String) -> io::Result<Self> {
        let authority = Authority::new(directory)?;
        Ok(Self { shared, authority, acceptors: Mutex::default(), control })
    }

    fn acceptor(&self, host: &str) -> io::Result<TlsAcceptor> {
        let mut acceptors = self.acceptors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = acceptors.get(host) {
            return Ok(known.clone());
        }
        let made = self.authority.acceptor(vec![host.to_owned()])?;
        acceptors.insert(host.to_owned(), made.clone());
        Ok(made)
    }

    fn knows(&self, origin: &str) -> bool {
        self.shared.emulator.origins().find(origin).is_some()
    }
}

/// Takes connections until it is aborted.
pub(super) async fn accept(listener: TcpListener, proxy: Arc<Proxy>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        connections.spawn(connection(stream, Arc::clone(&proxy)));
    }
}

async fn connection(stream: TcpStream, proxy: Arc<Proxy>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let proxy = Arc::clone(&proxy);
        async move { pass(request, proxy).await }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// Answers one request to the proxy: a tunnel to a service, or a request in plain HTTP for the machine's own.
async fn pass(request: Request<Incoming>, proxy: Arc<Proxy>) -> io::Result<Response<Answer>> {
    if request.method() == Method::CONNECT {
        let authority = request.uri().authority().cloned();
        let host = authority.as_ref().map_or("", |authority| authority.host()).to_ascii_lowercase();
        let port = authority.and_then(|authority| authority.port_u16()).unwrap_or(443);
        let origin = if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") };
        if !proxy.knows(&origin) {
            return Ok(refused(&origin));
        }
        let acceptor = proxy.acceptor(&host)?;
        tokio::spawn(async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            if let Ok(stream) = acceptor.accept(TokioIo::new(upgraded)).await {
                serve(stream, Role::Service(origin), Arc::clone(&proxy.shared)).await;
            }
        });
        return Ok(whole(Response::new(Vec::new())));
    }
    let (Some(scheme), Some(authority)) = (request.uri().scheme_str(), request.uri().authority()) else {
        let text = "This is an HTTP proxy: set HTTPS_PROXY and HTTP_PROXY to its address.\n";
        return Ok(told(StatusCode::BAD_REQUEST, text));
    };
    let origin = format!("{scheme}://{authority}").to_ascii_lowercase();
    let role = if origin == proxy.control {
        Role::Control
    } else if proxy.knows(&origin) {
        Role::Service(origin)
    } else {
        return Ok(refused(&origin));
    };
    answer(request, role, &proxy.shared).await
}

fn refused(origin: &str) -> Response<Answer> {
    let text = format!("The emulator knows no service at {origin}, and lets nothing through.\n");
    told(StatusCode::FORBIDDEN, &text)
}

fn told(status: StatusCode, text: &str) -> Response<Answer> {
    let mut response = Response::new(text.as_bytes().to_vec());
    *response.status_mut() = status;
    whole(response)
}
