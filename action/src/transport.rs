//! HTTP over reqwest: one pool for the run, no redirect followed, nothing repeated, limits kept while a body
//! arrives.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::error::Error as StdError;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lakekey_core::{
    HeaderValue, LocalFuture, Origin, Request, Response, Transport, TransportError, TransportErrorKind,
};
use reqwest::header::{HeaderName, HeaderValue as WireValue};
use reqwest::{Client, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use zeroize::Zeroizing;

/// How long a connection may take to stand, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// Sends requests with reqwest.
///
/// Certificate authorities are those of `SSL_CERT_FILE` where it is set, else the platform's. `HTTPS_PROXY`
/// and `NO_PROXY` are honoured for every host but loopback and plain http, which never leave by a proxy.
#[derive(Default)]
pub struct HttpTransport {
    tls: OnceCell<ClientConfig>,
    /// A client for each host, with its connections: they are closed when the run is done with the host.
    clients: RefCell<HashMap<String, [Option<Client>; 2]>>,
}

/// Says how a request leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Over TLS, by a proxy where one is configured.
    Proxied,
    /// Over TLS, to this machine.
    Loopback,
    /// Over plain http, to this machine or the machine's metadata service; never by a proxy.
    Plain,
}

impl Way {
    fn of(url: &Url) -> Self {
        match url.scheme() {
            "https" if is_loopback(url) => Self::Loopback,
            "https" => Self::Proxied,
            _ => Self::Plain,
        }
    }
}

impl HttpTransport {
    /// Makes a transport; nothing is read or opened before the first request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn client(&self, url: &Url, fresh: bool) -> Result<Client, TransportError> {
        let (way, host) = (Way::of(url), origin(url));
        let known =
            |clients: &HashMap<String, [Option<Client>; 2]>| clients.get(&host)?[usize::from(fresh)].clone();
        if let Some(client) = known(&self.clients.borrow()) {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .tcp_nodelay(true);
        if way != Way::Proxied {
            builder = builder.no_proxy();
        }
        let tls = if way == Way::Plain { without_authorities()? } else { self.tls()?.clone() };
        if fresh {
            builder = builder.pool_max_idle_per_host(0);
        }
        let client = builder
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| not_sent(format!("no HTTP client could be made: {}", reason(&error))))?;
        self.clients.borrow_mut().entry(host).or_default()[usize::from(fresh)] = Some(client.clone());
        Ok(client)
    }

    /// Returns the settings of TLS; the authorities are loaded once a run, since the platform's are many.
    fn tls(&self) -> Result<&ClientConfig, TransportError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let wrong = |error: rustls::Error| not_sent(format!("TLS could not be set up: {error}"));
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(wrong)?;
        let builder = match std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
            Some(path) => builder.with_root_certificates(authorities(&path)?),
            None => builder.with_platform_verifier().map_err(wrong)?,
        };
        let mut tls = builder.with_no_client_auth();
        // HTTP/2 would save a run one connection, and cost every download of the binary 5% of its size.
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(self.tls.get_or_init(|| tls))
    }
}

/// Reads the certificate authorities of a PEM file.
fn authorities(path: &std::ffi::OsStr) -> Result<RootCertStore, TransportError> {
    let shown = path.to_string_lossy();
    let file = File::open(path)
        .map_err(|error| not_sent(format!("SSL_CERT_FILE {shown} cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'_>> =
        CertificateDer::pem_reader_iter(BufReader::new(file)).filter_map(Result::ok).collect();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(not_sent(format!("SSL_CERT_FILE {shown} holds no certificate authority in PEM")));
    }
    Ok(roots)
}

/// Makes settings that trust nobody, for a client that only speaks plain http to this machine.
fn without_authorities() -> Result<ClientConfig, TransportError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| not_sent(format!("TLS could not be set up: {error}")))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

impl Transport for HttpTransport {
    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let url = Url::parse(&request.url).map_err(|_| not_sent("the URL cannot be read".to_owned()))?;
            let max_body = request.max_body;
            let client = self.client(&url, request.fresh_connection)?;
            let outgoing = build(&client, url, request)?;
            let incoming = outgoing.send().await.map_err(|error| failure(&error))?;
            receive(incoming, max_body).await
        })
    }

    fn release(&self, host: &Origin) {
        if let Ok(url) = Url::parse(host.as_str()) {
            self.clients.borrow_mut().remove(&origin(&url));
        }
    }
}

/// Returns scheme, host and port.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn build(client: &Client, url: Url, request: Request) -> Result<reqwest::RequestBuilder, TransportError> {
    let mut outgoing = client.request(request.method, url).timeout(request.timeout);
    for (name, value) in &request.headers {
        let unfit = |_| {
            not_sent(format!("the header {name} has a value that HTTP does not allow, such as a line end"))
        };
        let value = match value {
            HeaderValue::Plain(text) => WireValue::from_str(text).map_err(unfit)?,
            HeaderValue::Sensitive(secret) => {
                let mut value = WireValue::from_str(secret.expose("the header of the host that it is for"))
                    .map_err(unfit)?;
                value.set_sensitive(true);
                value
            }
        };
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| not_sent("a header's name is not allowed".to_owned()))?;
        outgoing = outgoing.header(name, value);
    }
    if !request.body.is_empty() {
        // The owner is wiped when the last byte is sent.
        outgoing = outgoing.body(Bytes::from_owner(request.body));
    }
    Ok(outgoing)
}

/// Takes the response in, no further than the limit.
async fn receive(mut incoming: reqwest::Response, max_body: usize) -> Result<Response, TransportError> {
    let too_large = || TransportError {
        kind: TransportErrorKind::TooLarge,
        message: format!("more than {max_body} bytes"),
    };
    let announced = incoming.content_length().unwrap_or(0);
    if announced > max_body as u64 {
        return Err(too_large());
    }
    let status = incoming.status().as_u16();
    let headers = incoming
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let mut body = Zeroizing::new(Vec::with_capacity(usize::try_from(announced).unwrap_or(0)));
    loop {
        match incoming.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > max_body => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(Response { status, headers, body }),
            Err(error) => return Err(failure(&error)),
        }
    }
}

fn not_sent(message: String) -> TransportError {
    TransportError { kind: TransportErrorKind::NotSent, message }
}

fn failure(error: &reqwest::Error) -> TransportError {
    let kind = if error.is_connect() || error.is_builder() {
        // Name resolution, connection, proxy and TLS come before the first byte of the request.
        TransportErrorKind::NotSent
    } else if error.is_timeout() {
        TransportErrorKind::TimedOut
    } else {
        TransportErrorKind::Lost
    };
    TransportError { kind, message: reason(error) }
}

/// Returns the innermost reason: the outer ones repeat the URL with its query.
fn reason(error: &reqwest::Error) -> String {
    let Some(mut source) = StdError::source(error) else {
        return if error.is_timeout() { "the time limit passed".to_owned() } else { String::new() };
    };
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}
