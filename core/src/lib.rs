//! The life of a Databricks credential, from nothing to revoked, on any platform.
//!
//! The crate decides and acts; its host gives it HTTP, a clock, randomness and its environment, through the
//! traits that [`Host`] bundles. [`run`] is the one way in: it takes a [`Config`] and a [`RunRequest`], and
//! answers with a [`Report`].
//!
//! # Example
//!
//! A program that keeps the credential itself: it is a host with a workspace in memory, and a [`Callback`]
//! takes what was made.
//!
//! ```
//! use std::cell::{Cell, RefCell};
//! use std::time::Duration;
//!
//! use futures_util::FutureExt as _;
//! use lakekey_core::{
//!     Adapters, Callback, Clock, Command, Config, Context, Delivery, Entropy, Environment, Error, Host,
//!     LocalFuture, Outcome, Request, Response, RunRequest, Secret, Sink, SinkState, Timestamp, Transport,
//!     TransportError, Written, run,
//! };
//! use serde_json::{Value, json};
//!
//! /// Whose credentials these are.
//! const PRINCIPAL: &str = "11111111-1111-1111-1111-111111111111";
//!
//! /// A workspace with the tokens that were made in it. A real host sends the request, such as by reqwest.
//! #[derive(Default)]
//! struct Workspace {
//!     tokens: RefCell<Vec<Value>>,
//! }
//!
//! impl Transport for Workspace {
//!     fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
//!         let path = request.url.trim_start_matches("https://adb-1.2.azuredatabricks.net");
//!         let body = match (request.method.as_str(), path) {
//!             ("GET", "/api/2.0/token/list") => json!({"token_infos": *self.tokens.borrow()}),
//!             ("POST", "/api/2.0/token/create") => {
//!                 let asked: Value = serde_json::from_slice(&request.body).unwrap_or_default();
//!                 let info = json!({
//!                     "token_id": "a1", "comment": asked["comment"],
//!                     "creation_time": 1_795_514_400_000_i64, "expiry_time": 1_803_290_400_000_i64,
//!                 });
//!                 self.tokens.borrow_mut().push(info.clone());
//!                 json!({"token_value": "dapi-new", "token_info": info})
//!             }
//!             ("GET", path) if path.contains("/scim/v2/Me") => json!({"applicationId": PRINCIPAL}),
//!             _ => json!({}),
//!         };
//!         let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
//!         let response = Response { status: 200, headers, body: body.to_string().into_bytes().into() };
//!         Box::pin(async { Ok(response) })
//!     }
//! }
//!
//! /// A clock that moves only when somebody sleeps.
//! struct Hourglass(Cell<Timestamp>);
//!
//! impl Clock for Hourglass {
//!     fn now(&self) -> Timestamp {
//!         self.0.get()
//!     }
//!
//!     fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
//!         self.0.set(self.0.get() + duration);
//!         Box::pin(async {})
//!     }
//! }
//!
//! /// Randomness of an example; a real host asks the operating system.
//! struct Sevens;
//!
//! impl Entropy for Sevens {
//!     fn fill(&self, buffer: &mut [u8]) {
//!         buffer.fill(7);
//!     }
//! }
//!
//! /// The environment that `{env: NAME}` is read from.
//! struct Variables;
//!
//! impl Environment for Variables {
//!     fn variable(&self, name: &str) -> Option<String> {
//!         (name == "ENTRA_TOKEN").then(|| "a token of Entra ID".to_owned())
//!     }
//! }
//!
//! /// What the program keeps.
//! #[derive(Default)]
//! struct Kept(RefCell<Option<Secret>>);
//!
//! impl Adapters for Kept {
//!     fn callback<'s>(&'s self, _: &'s Callback) -> Result<Option<Box<dyn Sink + 's>>, Error> {
//!         Ok(Some(Box::new(Memory(self))))
//!     }
//! }
//!
//! struct Memory<'s>(&'s Kept);
//!
//! const UNKNOWN: SinkState = SinkState { written: Written::Unknown, holds: None, editor: None };
//!
//! impl Sink for Memory<'_> {
//!     fn label(&self) -> String {
//!         "callback memory".to_owned()
//!     }
//!
//!     fn observe<'a>(&'a self, _: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
//!         Box::pin(async { Ok(UNKNOWN) })
//!     }
//!
//!     fn write<'a>(
//!         &'a self,
//!         _: &'a Context<'a>,
//!         value: &'a Secret,
//!         _: &'a Delivery,
//!     ) -> LocalFuture<'a, Result<(), Error>> {
//!         *self.0.0.borrow_mut() = Some(value.clone());
//!         Box::pin(async { Ok(()) })
//!     }
//!
//!     fn read_back<'a>(
//!         &'a self,
//!         _: &'a Context<'a>,
//!         _: &'a Secret,
//!         _: &'a Delivery,
//!     ) -> LocalFuture<'a, Result<SinkState, Error>> {
//!         Box::pin(async { Ok(UNKNOWN) })
//!     }
//! }
//!
//! # fn main() -> Result<(), Error> {
//! let yaml = b"
//! version: 1
//! targets:
//!   - name: catalog
//!     workspace: https://adb-1.2.azuredatabricks.net
//!     principal: {client-id: 11111111-1111-1111-1111-111111111111}
//!     auth: {type: access-token, token: {env: ENTRA_TOKEN}}
//!     deliver:
//!       - {type: callback, name: memory}
//! ";
//! let config = Config::read(yaml, &Variables)?;
//! let (workspace, kept) = (Workspace::default(), Kept::default());
//! let clock = Hourglass(Cell::new("2026-11-24T10:00:00Z".parse().unwrap_or_default()));
//! let host = Host::new(&workspace, &clock, &Sevens).environment(&Variables);
//! let request = RunRequest::new(Command::Rotate { force: false });
//!
//! // Nothing of this host ever waits, so that the first poll ends the run; others hand it to their runtime.
//! let report = run(host, &kept, &config, &request).now_or_never().expect("nothing waits")?;
//!
//! assert_eq!(report.targets[0].outcome, Outcome::Rotated, "{:?}", report.targets[0].error);
//! assert_eq!(kept.0.take(), Some(Secret::new("dapi-new")));
//! # Ok(())
//! # }
//! ```

mod auth;
mod config;
mod credential;
mod engine;
mod host;
mod http;
mod model;
mod service;
mod sink;

pub use auth::Context;
pub use config::{
    Adopt, Endpoints, FederatedCredential, MAX_DOCUMENT, Occasion, Policy, Principal, Repository, Runs,
    Scopes, SecretRef, Whose, conceal, located, may_hold_a_secret, with_client_id,
};
pub use engine::{
    CheckRequest, Checked, Command, Config, CredentialReport, DeliveryReport, Everything, GivenScopes, Holds,
    LeftOver, LookedUp, Notable, NoticeReport, Outcome, Report, Revocation, RunRequest, SignInEnd, State,
    StepReport, Target, TargetReport, Trusted, check, document, look_up, matrix, notable, run, schema,
    select,
};
pub use host::{
    Cancellation, Clock, Entropy, Environment, Event, HeaderValue, Host, LocalFuture, Method, NeverCancelled,
    NoEnvironment, Observer, Phase, Request, Response, Silent, Transport, TransportError, TransportErrorKind,
};
pub use http::{Call, Client, Dialect, Identity, Pace, Patience, encode};
pub use model::{
    Class, Cloud, Code, CredentialKind, Entitlement, Error, Masks, NoCode, NoTimestamp, Origin, Position,
    PrincipalKind, Secret, Span, Step, Temporary, Timestamp, harmless,
};
pub use sink::Command as SinkCommand;
pub use sink::{
    Adapters, Callback, Delivery, NoAdapters, Sink, SinkState, Written, mismatch, read_back, within,
};

/// What keeps GitHub secrets: the five calls that a host may make with a client of its own.
pub mod github {
    pub use crate::service::github::{
        Api, App, Asked, Body, Found, Kind, OverHttp, PAGE, Permission, Place, PublicKey, Visibility,
        repository_path, seal, selected_path, versioned,
    };
}
