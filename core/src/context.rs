//! What a run knows while it works: the host, what was learnt of rate limits and clocks, and the way to a
//! service.
//!
//! Every request of the core goes through [`Context::execute`]: it counts, waits, repeats what may be
//! repeated, binds a credential to its host, keeps to the lease, and turns a refusal into an [`Error`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::lock::Mutex;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::config::{Config, Origin, Target};
use crate::error::{Code, Error, Step};
use crate::event::{Event, Phase};
use crate::github::WriteLimiter;
use crate::platform::{Host, Response, TransportError, TransportErrorKind};
use crate::secret::Secret;
use crate::service::refusal::{self, Retry};
use crate::sign_in::TokenCache;
use crate::timestamp::Timestamp;
use crate::typed::from_value;

/// How often a request is sent at the most.
const ATTEMPTS: u32 = 4;

/// The longest that one request waits for a service that asks for patience; GitHub's secondary limit asks for
/// a minute.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Holds what all targets of a run share.
pub struct Session<'a> {
    /// The host.
    pub host: Host<'a>,
    /// The configuration.
    pub config: &'a Config,
    pub(crate) tokens: TokenCache,
    /// The writes to GitHub within the last hour.
    pub(crate) github_writes: WriteLimiter,
    /// What one target at a time works on, such as a variable group that several write to.
    pub(crate) locks: Locks,
    /// Secrets that this run has renewed, by the place in the document that refers to the old ones.
    renewed: RefCell<HashMap<String, Secret>>,
    /// Until when a host wants to be left alone.
    pause: RefCell<HashMap<Origin, Timestamp>>,
    /// How far a host's clock is ahead of ours, in milliseconds.
    ahead: RefCell<HashMap<Origin, i64>>,
}

impl<'a> Session<'a> {
    /// Starts a session.
    #[must_use]
    pub fn new(host: Host<'a>, config: &'a Config) -> Self {
        Self {
            host,
            config,
            tokens: TokenCache::default(),
            github_writes: WriteLimiter::default(),
            locks: Locks::default(),
            renewed: RefCell::default(),
            pause: RefCell::default(),
            ahead: RefCell::default(),
        }
    }
}

/// Holds locks by name; each keeps a note that its holder leaves for the next.
#[derive(Default)]
pub(crate) struct Locks(RefCell<HashMap<String, Rc<Mutex<Option<String>>>>>);

impl Locks {
    /// Returns the lock of that name, which whoever asks for the same name gets too.
    pub(crate) fn named(&self, name: String) -> Rc<Mutex<Option<String>>> {
        Rc::clone(self.0.borrow_mut().entry(name).or_default())
    }
}

/// Holds what one target's run knows.
pub struct Context<'a> {
    /// What all targets share.
    pub session: &'a Session<'a>,
    /// The target.
    pub target: &'a Target,
    requests: Cell<u32>,
    ledger: RefCell<Origin>,
    /// Until when this run may write to sinks, by the clock of the service that dates the credentials.
    lease: Cell<Option<Timestamp>>,
    /// Whether the run has begun to deliver, so that it goes on to the next safe point although it was asked
    /// to stop.
    delivering: Cell<bool>,
}

impl<'a> Context<'a> {
    /// Starts the run of a target.
    #[must_use]
    pub fn new(session: &'a Session<'a>, target: &'a Target) -> Self {
        Self {
            session,
            target,
            requests: Cell::new(0),
            ledger: RefCell::new(target.workspace.clone()),
            lease: Cell::new(None),
            delivering: Cell::new(false),
        }
    }

    /// Returns how many requests were sent for this target.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// Adds requests that another context of the same target has sent.
    pub(crate) fn count(&self, requests: u32) {
        self.requests.set(self.requests.get() + requests);
    }

    /// Returns the host's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.session.host.clock.now()
    }

    /// Returns the time as the service sees it that dates the credentials, or the host's own until it has
    /// told its time.
    #[must_use]
    pub fn ledger_now(&self) -> Timestamp {
        let ahead = self.session.ahead.borrow().get(&*self.ledger.borrow()).copied().unwrap_or(0);
        shifted(self.now(), ahead)
    }

    /// Names the service that dates the credentials; the workspace until told.
    pub(crate) fn set_ledger(&self, origin: Origin) {
        *self.ledger.borrow_mut() = origin.without_path();
    }

    /// Learns what time it is at the service that dates the credentials.
    pub(crate) fn learn_ledger_time(&self, there: Timestamp) {
        let ahead = there.as_millisecond() - self.now().as_millisecond();
        self.session.ahead.borrow_mut().insert(self.ledger.borrow().clone(), ahead);
    }

    /// Sets until when this run may write to sinks, by the clock of the service that dates the credentials.
    pub(crate) fn set_lease(&self, until: Option<Timestamp>) {
        self.lease.set(until);
    }

    /// Says that the run goes on to the next safe point although it may be asked to stop.
    pub(crate) fn set_delivering(&self, delivering: bool) {
        self.delivering.set(delivering);
    }

    /// Tells the host what happened.
    pub fn event(&self, step: Step, phase: Phase, message: impl Into<String>) {
        self.session.host.observer.event(&Event {
            target: self.target.name.clone(),
            step,
            phase,
            message: message.into(),
            error: None,
        });
    }

    /// Tells the host why a step failed.
    pub fn failed(&self, error: &Error) {
        self.session.host.observer.event(&Event {
            target: self.target.name.clone(),
            step: error.step(),
            phase: Phase::Failed,
            message: error.to_string(),
            error: Some(error.clone()),
        });
    }

    /// Keeps the value of a secret that this run has renewed, for the sign-ins that follow.
    pub(crate) fn renew_secret(&self, path: String, value: Secret) {
        self.session.renewed.borrow_mut().insert(path, value);
    }

    /// Returns what this run has renewed the secret at that place of the document with.
    pub(crate) fn renewed_secret(&self, path: &str) -> Option<Secret> {
        self.session.renewed.borrow().get(path).cloned()
    }

    /// Has the host mask a secret, and gives it back.
    pub fn masked(&self, secret: Secret) -> Secret {
        self.session.host.observer.secret(&secret);
        secret
    }

    /// Makes a random id of lower-case letters and digits.
    #[must_use]
    pub fn random_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut bytes = [0; 12];
        self.session.host.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    }

    /// Stops the run where the host asks for it and nothing is half done.
    ///
    /// # Errors
    /// `cancelled`.
    pub fn check_cancelled(&self, step: Step) -> Result<(), Error> {
        if self.session.host.cancellation.is_cancelled() && !self.delivering.get() {
            return Err(Error::new(Code::Cancelled, step, "the run was asked to stop and has stopped here"));
        }
        Ok(())
    }

    /// Sends a call and decodes the JSON that comes back.
    ///
    /// # Errors
    /// As [`Context::execute`]; `reply-invalid` where the body is not of the expected form.
    pub async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let (step, service, repeatable) = (call.step, call.service, call.repeatable);
        let mut left = if repeatable { 2 } else { 1 };
        loop {
            left -= 1;
            let response = self.execute(call.clone()).await?;
            let why = match serde_json::from_slice(&response.body) {
                Ok(value) => match from_value(value) {
                    Ok(decoded) => return Ok(decoded),
                    // serde's text may quote the body; its place does not.
                    Err(misfit) if misfit.path().is_empty() => "a body of another form".to_owned(),
                    Err(misfit) => format!("a body of another form (at {})", misfit.path()),
                },
                Err(_) if refusal::is_html(&response) => "a web page, probably a log-in page".to_owned(),
                Err(error) => {
                    format!("a body that is no JSON (line {}, column {})", error.line(), error.column())
                }
            };
            // A reply that was cut or replaced on its way may come whole the second time.
            if left == 0 {
                return Err(Error::new(Code::ReplyInvalid, step, format!("{service} answered with {why}"))
                    .with_request_id(refusal::request_id(&response))
                    .with_uncertainty(!repeatable));
            }
        }
    }

    /// Sends a call until it is answered, repeating what the service and the call allow.
    ///
    /// # Errors
    /// Every status but 2xx, and every reply that did not come, as an error with a code.
    pub async fn execute(&self, call: Call) -> Result<Response, Error> {
        let origin = call.origin.without_path();
        let mut attempt = 1;
        // A request that may have been carried out and was then refused is still one that may have been
        // carried out.
        let mut uncertain = false;
        loop {
            self.check_cancelled(call.step)?;
            self.pause(&origin, &call).await?;
            self.check_lease(&call)?;
            self.requests.set(self.requests.get() + 1);
            let outcome = self.session.host.transport.send(call.request()?).await;
            let (error, retry) = match outcome {
                Ok(response) => {
                    self.learn_time(&origin, &response);
                    match refusal::judge(&call, &response, self.now()) {
                        None => return Ok(response),
                        Some(judged) => judged,
                    }
                }
                Err(error) => self.judge_transport(&call, &error),
            };
            uncertain |= error.is_uncertain();
            let error = error.with_uncertainty(uncertain);
            let wait = match retry {
                Retry::Never => return Err(error),
                Retry::Again => self.backoff(attempt),
                Retry::After(wait) => {
                    self.hold(&origin, wait);
                    wait
                }
            };
            if attempt >= ATTEMPTS.min(call.attempts) {
                return Err(error);
            }
            if wait > LONGEST_WAIT {
                return Err(error.coded(Code::RateLimited));
            }
            attempt += 1;
            self.event(
                call.step,
                Phase::Waiting,
                format!("{error}; trying again in {} s", wait.as_secs_f32().ceil()),
            );
            self.sleep(wait, call.step).await?;
        }
    }

    /// Sends a call whose answer is a redirect that is read and not followed.
    ///
    /// # Errors
    /// Every other answer, as an error with a code.
    pub(crate) async fn redirect(&self, call: Call) -> Result<Response, Error> {
        let (step, service) = (call.step, call.service);
        let mut call = call;
        call.redirect_expected = true;
        let response = self.execute(call).await?;
        if (300..=399).contains(&response.status) {
            return Ok(response);
        }
        Err(Error::new(
            Code::ReplyInvalid,
            step,
            format!("{service} answered {} where a redirect was expected", response.status),
        ))
    }

    /// Waits, unless the run is asked to stop.
    pub(crate) async fn sleep(&self, wait: Duration, step: Step) -> Result<(), Error> {
        const SLICE: Duration = Duration::from_secs(1);
        let mut left = wait;
        while !left.is_zero() {
            self.check_cancelled(step)?;
            let slice = left.min(SLICE);
            self.session.host.clock.sleep(slice).await;
            left -= slice;
        }
        self.check_cancelled(step)
    }

    /// Returns a wait that doubles with each attempt, moved at random so that many runs do not knock at once.
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let base = Duration::from_secs(1 << attempt.saturating_sub(1).min(4));
        let mut byte = [0];
        self.session.host.entropy.fill(&mut byte);
        base.mul_f32(0.75 + f32::from(byte[0]) / 512.0)
    }

    fn judge_transport(&self, call: &Call, error: &TransportError) -> (Error, Retry) {
        let service = call.service;
        let host = call.origin.host();
        let (code, what, sent) = match error.kind {
            TransportErrorKind::NotSent => (Code::NotReachable, "could not be reached", false),
            TransportErrorKind::TimedOut => (Code::TimedOut, "did not answer in time", true),
            TransportErrorKind::Lost => (Code::ReplyLost, "did not answer whole", true),
            TransportErrorKind::TooLarge => {
                (Code::ReplyTooLarge, "answered with more than any real reply holds", true)
            }
        };
        let text = if error.message.is_empty() { String::new() } else { format!(": {}", error.message) };
        let failed =
            Error::new(code, call.step, format!("{service} at {host} {what}{text}")).with_uncertainty(sent);
        let retry = match error.kind {
            TransportErrorKind::NotSent => Retry::Again,
            TransportErrorKind::TimedOut | TransportErrorKind::Lost if call.repeatable => Retry::Again,
            _ => Retry::Never,
        };
        (failed, retry)
    }

    /// Waits where the host of this call has asked for patience, in this call or in another.
    async fn pause(&self, origin: &Origin, call: &Call) -> Result<(), Error> {
        let until = self.session.pause.borrow().get(origin).copied();
        let Some(until) = until else { return Ok(()) };
        let left = until.as_millisecond() - self.now().as_millisecond();
        let Ok(left) = u64::try_from(left) else { return Ok(()) };
        let wait = Duration::from_millis(left);
        if wait > LONGEST_WAIT {
            return Err(Error::new(
                Code::RateLimited,
                call.step,
                format!("{} asks for {} s without requests", call.service, wait.as_secs()),
            ));
        }
        self.sleep(wait, call.step).await
    }

    fn hold(&self, origin: &Origin, wait: Duration) {
        let until = shifted(self.now(), i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
        self.session.pause.borrow_mut().insert(origin.clone(), until);
    }

    /// Refuses to write to a sink once another run may take this one for dead.
    fn check_lease(&self, call: &Call) -> Result<(), Error> {
        if call.fenced { self.check_lease_for(call.timeout, call.step) } else { Ok(()) }
    }

    /// Refuses to go on where less of the lease is left than one more write may take.
    ///
    /// # Errors
    /// `lease-expired`.
    pub fn check_lease_for(&self, timeout: Duration, step: Step) -> Result<(), Error> {
        let Some(until) = self.lease.get() else { return Ok(()) };
        let left = until.as_millisecond() - self.ledger_now().as_millisecond();
        if left >= i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX) {
            return Ok(());
        }
        Err(Error::new(
            Code::LeaseExpired,
            step,
            "this run has taken so long that another may take it for dead, so it writes nothing more",
        ))
    }

    fn learn_time(&self, origin: &Origin, response: &Response) {
        if let Some(date) = response.header("date").and_then(Timestamp::from_http_date) {
            // The header has whole seconds; half a second is the least wrong reading of it.
            let there = shifted(date, 500);
            let ahead = there.as_millisecond() - self.now().as_millisecond();
            let known = self.session.ahead.borrow().get(origin).copied();
            if known.is_none_or(|known| (known - ahead).abs() > 1_000) {
                self.session.ahead.borrow_mut().insert(origin.clone(), ahead);
            }
        }
    }
}

/// Moves a time by milliseconds, to the end of representable time at the most.
pub(crate) fn shifted(time: Timestamp, milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond().saturating_add(milliseconds))
        .unwrap_or(if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}
