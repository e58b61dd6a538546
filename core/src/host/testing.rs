//! A host for tests: it answers from a script, keeps what was sent, and its clock moves when somebody sleeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::{
    Clock, Entropy, Environment, Event, HeaderValue, Host, LocalFuture, Observer, Request, Response,
    Transport, TransportError, TransportErrorKind,
};
use crate::auth::{Context, Session};
use crate::engine::{Config, Target};
use crate::model::{Secret, Timestamp};

/// When every test begins: 2026-11-24T10:00:00Z.
pub(crate) const START: i64 = 1_795_514_400;

/// Runs a future to its end; nothing in a test waits for anything real.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing in a test may wait")
}

/// Holds a request as it was sent, its secrets exposed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Sent {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Answers from a script; a request that the script does not expect fails the test.
pub(crate) struct TestHost {
    script: RefCell<VecDeque<(String, Result<Response, TransportError>)>>,
    sent: RefCell<Vec<Sent>>,
    now: Cell<Timestamp>,
    entropy: Cell<u64>,
    variables: HashMap<String, String>,
    files: HashMap<String, Vec<u8>>,
    azure_cli: RefCell<VecDeque<(String, Result<String, String>)>>,
    secrets: RefCell<Vec<String>>,
    events: RefCell<Vec<Event>>,
}

impl TestHost {
    pub(crate) fn new() -> Self {
        Self {
            script: RefCell::default(),
            sent: RefCell::default(),
            now: Cell::new(Timestamp::from_second(START).unwrap()),
            entropy: Cell::new(0),
            variables: HashMap::from([(
                "LAKEKEY_ALLOW_HOSTS".to_owned(),
                "hooks.example, devops.example".to_owned(),
            )]),
            files: HashMap::new(),
            azure_cli: RefCell::default(),
            secrets: RefCell::default(),
            events: RefCell::default(),
        }
    }

    /// Sets an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Has a file.
    pub(crate) fn with_file(mut self, path: &str, content: &[u8]) -> Self {
        self.files.insert(path.to_owned(), content.to_vec());
        self
    }

    /// Expects `METHOD URL` next and answers with JSON.
    pub(crate) fn on(&self, line: &str, status: u16, body: Value) -> &Self {
        self.on_text(line, status, &[("content-type", "application/json")], &body.to_string())
    }

    /// Expects `METHOD URL` next and answers with those headers and that body.
    pub(crate) fn on_text(&self, line: &str, status: u16, headers: &[(&str, &str)], body: &str) -> &Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let response = Response { status, headers, body: body.as_bytes().to_vec().into() };
        self.script.borrow_mut().push_back((line.to_owned(), Ok(response)));
        self
    }

    /// Expects `METHOD URL` next and brings no response.
    pub(crate) fn on_failure(&self, line: &str, kind: TransportErrorKind) -> &Self {
        self.script
            .borrow_mut()
            .push_back((line.to_owned(), Err(TransportError { kind, message: String::new() })));
        self
    }

    /// Expects `az` with those arguments next, and answers with that output or that reason.
    pub(crate) fn on_cli(&self, arguments: &str, answer: Result<&str, &str>) -> &Self {
        let answer = answer.map(str::to_owned).map_err(str::to_owned);
        self.azure_cli.borrow_mut().push_back((arguments.to_owned(), answer));
        self
    }

    /// Returns what was sent; fails where the script expects more.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let left: Vec<_> = self.script.borrow().iter().map(|(line, _)| line.clone()).collect();
        assert!(left.is_empty(), "never sent: {left:?}");
        self.sent.borrow().clone()
    }

    /// Returns the secrets that the host was told to mask.
    pub(crate) fn masked(&self) -> Vec<String> {
        self.secrets.borrow().clone()
    }

    /// Returns the messages of all events.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.events.borrow().iter().map(|event| event.message.clone()).collect()
    }

    pub(crate) fn host(&self) -> Host<'_> {
        Host::new(self, self, self).environment(self).observer(self)
    }

    /// Has something done with what is known of the first target.
    pub(crate) fn with<T>(&self, config: &Config, act: impl AsyncFnOnce(&Context<'_>) -> T) -> T {
        let session = Session::default();
        let target: &Target = &config.targets()[0];
        run(act(&Context::new(self.host(), &session, config.endpoints(), &target.subject)))
    }

    /// Reads a configuration with one target, to which those keys are added.
    pub(crate) fn config(&self, document: Value, target: Value) -> Config {
        let mut whole = json!({"version": 1, "targets": [{
            "name": "catalog",
            "workspace": "https://adb-1.2.azuredatabricks.net",
            "principal": {"tenant-id": "11111111-1111-1111-1111-111111111111",
                "client-id": "22222222-2222-2222-2222-222222222222"},
            "auth": {"type": "access-token", "token": {"env": "PRINCIPAL_TOKEN"}},
        }]});
        merge(&mut whole, document);
        merge(&mut whole["targets"][0], target);
        Config::from_value(whole, self).unwrap()
    }
}

fn merge(into: &mut Value, from: Value) {
    for (key, value) in from.as_object().cloned().unwrap_or_default() {
        into[key] = value;
    }
}

impl Transport for TestHost {
    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        let line = format!("{} {}", request.method, request.url);
        let headers = request.headers.iter().map(|(name, value)| {
            let value = match value {
                HeaderValue::Plain(text) => text.clone(),
                HeaderValue::Sensitive(secret) => secret.expose("the test").to_owned(),
            };
            (name.clone(), value)
        });
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        self.sent.borrow_mut().push(Sent { line: line.clone(), headers: headers.collect(), body });
        let Some((expected, answer)) = self.script.borrow_mut().pop_front() else {
            panic!("not expected: {line}")
        };
        assert_eq!(line, expected);
        Box::pin(async { answer })
    }
}

impl Clock for TestHost {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
        self.now.set(self.now.get() + duration);
        Box::pin(async {})
    }
}

impl Entropy for TestHost {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            // SplitMix64: the same at every run, and good enough to find primes with.
            self.entropy.set(self.entropy.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
            let mixed = (self.entropy.get() ^ (self.entropy.get() >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            *byte = (mixed >> 56) as u8;
        }
    }
}

impl Environment for TestHost {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn azure_cli<'a>(&'a self, arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        let answer = match self.azure_cli.borrow_mut().pop_front() {
            Some((expected, answer)) => {
                assert_eq!(arguments.join(" "), expected);
                answer.map(Secret::new)
            }
            None => Err("there is no Azure CLI".to_owned()),
        };
        Box::pin(async { answer })
    }
}

impl Observer for TestHost {
    fn secret(&self, secret: &Secret) {
        self.secrets.borrow_mut().push(secret.expose("the test").to_owned());
    }

    fn event(&self, event: &Event) {
        self.events.borrow_mut().push(event.clone());
    }
}
