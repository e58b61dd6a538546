//! The way from the core to the emulator, on which requests are counted, watched and disturbed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use futures_util::future::pending;
use lakekey_core::{
    Clock, HeaderValue, LocalFuture, Request, Response, Transport, TransportError, TransportErrorKind,
};
use lakekey_emulator::Emulator;

use crate::disturbance::{Disturbance, Others};
use crate::time::SimulatedClock;

/// Says which request is disturbed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Aim {
    /// The request's place in the run, from 0.
    pub at: usize,
    /// What happens to it.
    pub disturbance: Disturbance,
    /// Whether every later request with the same method and path is disturbed too.
    pub lasting: bool,
}

/// Describes a request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The scheme and host.
    pub origin: String,
    /// The path and query.
    pub path: String,
    /// The headers that may be shown.
    pub headers: Vec<(String, String)>,
    /// The credentials in its headers, such as `Bearer …`, and the client secret of a form.
    pub credentials: Vec<String>,
    /// How many requests had to be answered before this one was sent.
    pub depth: usize,
}

/// Asks before each request whether it may go on; a scheduler of several runs answers.
pub type Gate = Rc<dyn Fn() -> LocalFuture<'static, ()>>;

/// Watches the emulator after every request.
pub type Watch = Rc<dyn Fn(&Emulator)>;

/// Says what happens on the way besides carrying.
#[derive(Clone, Default)]
pub struct Way {
    /// Which request is disturbed.
    pub aim: Option<Aim>,
    /// What each request waits for.
    pub gate: Option<Gate>,
    /// Who looks at the emulator after every request.
    pub watch: Option<Watch>,
}

/// How long the way to the emulator and back takes.
const LATENCY: Duration = Duration::from_millis(50);

/// Carries requests to the emulator.
pub struct Wire {
    emulator: Emulator,
    clock: SimulatedClock,
    way: Way,
    sent: RefCell<Vec<Sent>>,
    aimed_at: RefCell<Option<(String, String)>>,
    answered_depth: Cell<usize>,
    arrived: Cell<usize>,
    dead: Cell<bool>,
    hits: Cell<usize>,
}

impl Wire {
    /// Connects a machine to the emulator.
    #[must_use]
    pub fn new(emulator: &Emulator, clock: &SimulatedClock, way: Way) -> Self {
        Self {
            emulator: emulator.clone(),
            clock: clock.clone(),
            way,
            sent: RefCell::default(),
            aimed_at: RefCell::default(),
            answered_depth: Cell::new(0),
            arrived: Cell::new(0),
            dead: Cell::new(false),
            hits: Cell::new(0),
        }
    }

    /// Returns what was sent.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.sent.borrow().clone()
    }

    /// Returns how many requests have come to the emulator, or were lost before it.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.arrived.get()
    }

    /// Returns how often the disturbance struck.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.hits.get()
    }

    fn strikes(&self, index: usize, sent: &Sent) -> Option<Disturbance> {
        let aim = self.way.aim?;
        let key = (
            sent.method.clone(),
            format!("{}{}", sent.origin, sent.path.split('?').next().unwrap_or_default()),
        );
        if index == aim.at {
            *self.aimed_at.borrow_mut() = Some(key);
        } else if !(aim.lasting && self.aimed_at.borrow().as_ref() == Some(&key)) {
            return None;
        }
        self.hits.set(self.hits.get() + 1);
        Some(aim.disturbance)
    }

    async fn carry(&self, request: Request) -> Result<Response, TransportError> {
        if self.dead.get() {
            return pending().await;
        }
        let depth = self.answered_depth.get() + 1;
        let (sent, http) = convert(&request, depth);
        let origin = sent.origin.clone();
        let index = self.sent.borrow().len();
        let disturbance = self.strikes(index, &sent);
        let is_read = sent.method == "GET";
        self.sent.borrow_mut().push(sent);
        self.clock.sleep(LATENCY / 2).await;
        if let Some(gate) = &self.way.gate {
            gate().await;
        }
        if self.dead.get() {
            return pending().await;
        }
        let lost = |kind| Err(TransportError { kind, message: "disturbed".to_owned() });
        let own = match disturbance {
            Some(Disturbance::Stale) if is_read => self.emulator.serve_stale(&origin, http),
            Some(disturbance) if !disturbance.is_done() => http::Response::new(Vec::new()),
            _ => self.emulator.serve(&origin, http),
        };
        self.arrived.set(self.arrived.get() + 1);
        if let Some(watch) = &self.way.watch {
            watch(&self.emulator);
        }
        if disturbance.is_some_and(Disturbance::kills) {
            self.dead.set(true);
            return pending().await;
        }
        if disturbance == Some(Disturbance::NeverEnds) {
            self.clock.sleep(request.timeout).await;
        } else {
            self.clock.sleep(LATENCY / 2).await;
        }
        self.answered_depth.set(self.answered_depth.get().max(depth));
        match disturbance {
            Some(Disturbance::ReplyLost) => lost(TransportErrorKind::Lost),
            Some(Disturbance::Refused) => lost(TransportErrorKind::NotSent),
            Some(Disturbance::Huge) => lost(TransportErrorKind::TooLarge),
            Some(Disturbance::NeverEnds) => lost(TransportErrorKind::TimedOut),
            Some(other) => {
                let others = self.emulator.world(|world| Others::of(world));
                Ok(back(other.reply(own, &self.date(), &others)))
            }
            None => Ok(back(own)),
        }
    }

    fn date(&self) -> String {
        let since = Duration::from_millis(self.emulator.now_ms().try_into().unwrap());
        httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since)
    }
}

impl Transport for Wire {
    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.carry(request))
    }
}

fn convert(request: &Request, depth: usize) -> (Sent, http::Request<Vec<u8>>) {
    let uri: http::Uri = request.url.parse().unwrap();
    let origin = format!("{}://{}", uri.scheme_str().unwrap(), uri.authority().unwrap());
    let (mut headers, mut credentials) = (Vec::new(), Vec::new());
    let mut builder = http::Request::builder().method(request.method.clone()).uri(request.url.as_str());
    for (name, value) in &request.headers {
        let text = match value {
            HeaderValue::Plain(text) => {
                headers.push((name.clone(), text.clone()));
                text.clone()
            }
            HeaderValue::Sensitive(secret) => {
                let text = secret.expose("the test watches where credentials go").to_owned();
                credentials.push(text.clone());
                text
            }
        };
        builder = builder.header(name.as_str(), text);
    }
    let form = form_urlencoded::parse(&request.body);
    credentials.extend(form.filter(|(name, _)| name == "client_secret").map(|(_, value)| value.into_owned()));
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let sent = Sent { method: request.method.to_string(), origin, path, headers, credentials, depth };
    (sent, builder.body(request.body.to_vec()).unwrap())
}

fn back(response: http::Response<Vec<u8>>) -> Response {
    let (parts, body) = response.into_parts();
    Response {
        status: parts.status.as_u16(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: body.into(),
    }
}
