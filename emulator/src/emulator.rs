//! The emulator as a value: requests in, responses out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, Response};
use serde_json::Value;

use crate::call::Call;
use crate::clock::{Clock, http_date};
use crate::dispatch;
use crate::fault::{Armed, Fault, FaultKind, LOGIN_PAGE, strike};
use crate::random::Random;
use crate::record::Record;
use crate::reply::Reply;
use crate::state::{Origins, Service};
use crate::world::World;

/// Says what an emulator starts with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many workspaces there are.
    pub workspaces: usize,
    /// The time in process, in milliseconds since 1970.
    pub start_ms: i64,
    /// From what ids and secrets are made.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        // 2026-11-24T10:00:00Z
        Self { workspaces: 1, start_ms: 1_795_514_400_000, seed: 1 }
    }
}

/// Says what became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It was answered.
    Reply(Response<Vec<u8>>),
    /// It was not answered.
    NoReply {
        /// Whether it was carried out all the same.
        done: bool,
    },
    /// It was carried out, and an answer begins that never ends.
    Hang,
    /// It was carried out, and more is answered than anybody should read.
    Huge,
}

/// Marks an answer that breaks off, with the length that it should have had.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truncated(pub(crate) usize);

/// Runs all services in one process. Clones share their state; [`Emulator::fork`] makes another one.
#[derive(Debug, Clone)]
pub struct Emulator(Arc<Mutex<State>>);

#[derive(Debug, Clone)]
struct State {
    world: World,
    before_last_write: Option<Box<World>>,
    keeps_previous: bool,
    faults: Vec<Armed>,
    records: VecDeque<Record>,
}

/// How many requests are kept; the oldest are forgotten.
const KEPT: usize = 100_000;

impl Emulator {
    /// Makes an emulator that answers at the real hosts of the public cloud, without sockets and with a clock
    /// that stands still.
    #[must_use]
    pub fn in_process(options: &Options) -> Self {
        let origins = Origins::public_cloud(options.workspaces);
        let mut world = World::new(Clock::Manual(options.start_ms), Random::new(options.seed), origins);
        world.seed(options.workspaces);
        Self::from_world(world)
    }

    /// Makes an emulator of a world, such as a snapshot of another emulator's.
    #[must_use]
    pub fn from_world(world: World) -> Self {
        let state = State {
            world,
            before_last_write: None,
            keeps_previous: true,
            faults: Vec::new(),
            records: VecDeque::new(),
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Makes an independent copy: the same world, faults and records from now on apart.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.lock().clone())))
    }

    /// Answers a request. Where a fault leaves it without an answer, status 504 with an `x-emulator-no-reply`
    /// header stands for that.
    pub fn serve(&self, origin: &str, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        match self.serve_disturbed(origin, request) {
            Outcome::Reply(response) => response,
            Outcome::NoReply { .. } | Outcome::Hang | Outcome::Huge => {
                Reply::empty(504).with_header("x-emulator-no-reply", "true").into_response()
            }
        }
    }

    /// Answers a request as the faults that are set want it.
    pub fn serve_disturbed(&self, origin: &str, request: Request<Vec<u8>>) -> Outcome {
        let mut state = self.lock();
        let (call, mut outcome) = state.disturbed(origin, request);
        if let Outcome::Reply(response) = &mut outcome {
            state.stamp(call.as_ref(), response);
        }
        outcome
    }

    /// Answers a GET from the world before the last write, and changes nothing; other requests are answered
    /// as ever.
    pub fn serve_stale(&self, origin: &str, request: Request<Vec<u8>>) -> Response<Vec<u8>> {
        let mut state = self.lock();
        let Some(call) = state.call(origin, request) else { return state.unknown_origin(origin) };
        let reply = if call.method == "GET" { state.stale(&call) } else { state.carry_out(&call) };
        let mut response = reply.into_response();
        state.stamp(Some(&call), &mut response);
        response
    }

    /// Sets the faults, in place of those that were set before.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        let mut state = self.lock();
        if faults.iter().any(|fault| matches!(fault.kind, FaultKind::Stale)) {
            state.keeps_previous = true;
        }
        state.faults = faults.into_iter().map(Armed::new).collect();
    }

    /// Chooses whether the world before each write is kept for stale reads; costs a copy of the world for
    /// every write.
    pub fn keep_previous(&self, keep: bool) {
        let mut state = self.lock();
        state.keeps_previous = keep;
        state.before_last_write = None;
    }

    /// Moves the time forward.
    pub fn advance(&self, by: Duration) {
        self.lock().world.clock.advance_ms(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.lock().world.now_ms()
    }

    /// Reads or changes the world.
    pub fn world<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.lock().world)
    }

    /// Returns a copy of the world.
    #[must_use]
    pub fn snapshot(&self) -> World {
        self.lock().world.clone()
    }

    /// Puts the world back to a snapshot.
    pub fn restore(&self, world: World) {
        let mut state = self.lock();
        state.world = world;
        state.before_last_write = None;
    }

    /// Lists where the services are reached.
    #[must_use]
    pub fn origins(&self) -> Origins {
        self.lock().world.origins.clone()
    }

    /// Lists the requests served since the start, or since [`Emulator::clear_requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<Record> {
        self.lock().records.iter().cloned().collect()
    }

    /// Forgets the requests served so far.
    pub fn clear_requests(&self) {
        self.lock().records.clear();
    }

    /// Lists every secret value ever issued: access tokens, PATs, client secrets, assertions, GitHub tokens.
    #[must_use]
    pub fn issued_secrets(&self) -> Vec<String> {
        self.lock().world.issued.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn call(&self, origin: &str, request: Request<Vec<u8>>) -> Option<Call> {
        let (service, workspace) = self.world.origins.find(origin)?;
        Some(Call::new(service, workspace, origin, request, self.world.now_ms()))
    }

    fn disturbed(&mut self, origin: &str, request: Request<Vec<u8>>) -> (Option<Call>, Outcome) {
        let Some(call) = self.call(origin, request) else {
            return (None, Outcome::Reply(self.unknown_origin(origin)));
        };
        let outcome = match strike(&mut self.faults, &call) {
            None => Outcome::Reply(self.carry_out(&call).into_response()),
            Some(kind) => self.faulty(&call, kind),
        };
        (Some(call), outcome)
    }

    fn faulty(&mut self, call: &Call, kind: FaultKind) -> Outcome {
        let instead = |state: &mut Self, reply: Reply| {
            state.note(Record::new(call, reply.status, false));
            Outcome::Reply(reply.into_response())
        };
        match kind {
            FaultKind::Status { status, body, headers } => {
                let reply = match body {
                    Value::Null => Reply::empty(status),
                    Value::String(text) => Reply::text(status, "text/plain; charset=utf-8", text),
                    json => Reply::json(status, &json),
                };
                let outcome = instead(self, reply);
                with_headers(outcome, headers)
            }
            FaultKind::Html => instead(self, Reply::text(200, "text/html; charset=utf-8", LOGIN_PAGE)),
            FaultKind::Redirect { location } => instead(self, Reply::redirect(302, location)),
            FaultKind::DropBefore => {
                self.note(Record::new(call, 0, false));
                Outcome::NoReply { done: false }
            }
            FaultKind::DropAfter => self.lost(call, Outcome::NoReply { done: true }),
            FaultKind::Hang => self.lost(call, Outcome::Hang),
            FaultKind::Huge => self.lost(call, Outcome::Huge),
            FaultKind::Truncate => {
                let mut response = self.carry_out(call).into_response();
                let whole = response.body().len();
                response.body_mut().truncate(whole / 2);
                response.extensions_mut().insert(Truncated(whole));
                Outcome::Reply(response)
            }
            FaultKind::Garbage => {
                let mut reply = self.carry_out(call);
                reply.body = vec![0xff, 0x00, b'{', 0xfe, b'"', 0x7f];
                Outcome::Reply(reply.into_response())
            }
            FaultKind::Stale if call.method == "GET" => Outcome::Reply(self.stale(call).into_response()),
            FaultKind::Stale => Outcome::Reply(self.carry_out(call).into_response()),
        }
    }

    fn note(&mut self, record: Record) {
        if self.records.len() >= KEPT {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    fn lost(&mut self, call: &Call, outcome: Outcome) -> Outcome {
        let _ = self.carry_out(call);
        if let Some(record) = self.records.back_mut() {
            record.status = 0;
        }
        outcome
    }

    fn carry_out(&mut self, call: &Call) -> Reply {
        if self.keeps_previous && is_write(call) {
            self.before_last_write = Some(Box::new(self.world.clone()));
        }
        let reply = dispatch::handle(&mut self.world, call);
        self.note(Record::new(call, reply.status, reply.unknown));
        reply
    }

    fn stale(&mut self, call: &Call) -> Reply {
        let Some(previous) = &self.before_last_write else { return self.carry_out(call) };
        // Only what was written is old: the time goes on, and who is signed in stays so.
        let mut world = World::clone(previous);
        world.clock = self.world.clock;
        world.bearers.clone_from(&self.world.bearers);
        let reply = dispatch::handle(&mut world, call);
        self.note(Record::new(call, reply.status, reply.unknown));
        reply
    }

    fn unknown_origin(&mut self, origin: &str) -> Response<Vec<u8>> {
        self.note(Record {
            service: None,
            workspace: None,
            method: String::new(),
            path: origin.to_owned(),
            query: String::new(),
            status: 501,
            at_ms: self.world.now_ms(),
            unknown: true,
            body: None,
        });
        Reply::text(501, "text/plain; charset=utf-8", "The emulator does not know this origin.")
            .into_response()
    }

    /// Adds what every service's every answer carries: the date and an id of the request.
    fn stamp(&mut self, call: Option<&Call>, response: &mut Response<Vec<u8>>) {
        let now = self.world.now_ms();
        let headers = response.headers_mut();
        if let Ok(date) = HeaderValue::try_from(http_date(now)) {
            headers.entry(http::header::DATE).or_insert(date);
        }
        let Some(call) = call else { return };
        let id = self.world.random.uuid();
        let (name, id) = match call.service {
            Service::Graph => ("request-id", id),
            Service::Databricks | Service::DatabricksAccount => ("x-request-id", id),
            Service::Github => {
                let hex = id.replace('-', "").to_uppercase();
                (
                    "x-github-request-id",
                    format!("{}:{}:{}:{}", &hex[..4], &hex[4..10], &hex[10..17], &hex[17..24]),
                )
            }
            Service::AzureDevops | Service::AzureDevopsIssuer => ("x-vss-e2eid", id),
            Service::Entra | Service::KeyVault | Service::Imds | Service::Management => {
                ("x-ms-request-id", id)
            }
            Service::GithubIssuer | Service::GithubOidc | Service::Webhook => ("x-request-id", id),
        };
        if let Ok(value) = HeaderValue::try_from(id) {
            headers.entry(HeaderName::from_static(name)).or_insert(value);
        }
    }
}

fn with_headers(outcome: Outcome, headers: std::collections::BTreeMap<String, String>) -> Outcome {
    let Outcome::Reply(mut response) = outcome else { return outcome };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::try_from(name.to_ascii_lowercase()), HeaderValue::try_from(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    Outcome::Reply(response)
}

/// Says whether a request writes something that a stale read could miss; signing in does not.
fn is_write(call: &Call) -> bool {
    let sign_in = matches!(call.service, Service::Entra | Service::Imds | Service::GithubOidc)
        || call.path.ends_with("/oidc/v1/token")
        || call.path.ends_with("/access_tokens")
        || call.path.contains("/distributedtask/hubs/");
    !sign_in && !matches!(call.method.as_str(), "GET" | "HEAD" | "OPTIONS")
}

#[cfg(test)]
#[path = "emulator_tests.rs"]
mod tests;
