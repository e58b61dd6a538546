//! The way to a service: it counts, waits, repeats what may be repeated, binds a credential to its host,
//! keeps to the lease, and turns a refusal into an [`Error`]. It has the one loop in which something is tried
//! again.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::body::decoded;
use super::call::Call;
use super::dialect::Dialect;
use super::masks;
use super::pace::{Limit, Pace};
use super::patience::Patience;
use crate::host::{Event, HeaderValue, Host, Phase, Response, TransportError, TransportErrorKind};
use crate::model::{Code, Error, Masks, Origin, Secret, Step, Temporary, Timestamp, harmless, in_words};

/// The longest that one attempt waits for the next; GitHub's secondary limit asks for a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The longest that a run waits for a limit while nothing is half done: the limits of the services are
/// counted by the hour, and their clocks may differ a little from ours.
const LONGEST_LIMIT: Duration = Duration::from_secs(3_660);

/// The shortest wait that is worth a line.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

/// How often a request is sent at the most.
const ATTEMPTS: u32 = 4;

/// Counts the attempts at one thing.
struct Trials {
    started: Timestamp,
    number: u32,
    /// Whether any of them may have been carried out.
    uncertain: bool,
    /// Whether any of them that may have been carried out was not answered by the service itself.
    unanswered: bool,
}

/// Sends the requests of one target's run.
pub struct Client<'a> {
    host: Host<'a>,
    pace: &'a Pace,
    target: &'a str,
    requests: Cell<u32>,
    /// The service that dates the credentials.
    ledger: RefCell<Origin>,
    /// Until when this run may write to sinks, by the clock of the service that dates the credentials.
    lease: Cell<Option<Timestamp>>,
    /// Whether the run has begun to deliver, so that it goes on to the next safe point although it was asked
    /// to stop.
    delivering: Cell<bool>,
    /// When the token ends that GitHub was asked with, as its answers say.
    github_token_ends: Cell<Option<Timestamp>>,
    /// How often this run has waited so long that what it saw before may not be so any more.
    long_waits: Cell<u32>,
    /// What no answer may bring into a message.
    masks: Masks,
}

impl<'a> Client<'a> {
    /// Makes the client of a target; `ledger` is the service that dates the credentials.
    #[must_use]
    pub fn new(host: Host<'a>, pace: &'a Pace, target: &'a str, ledger: &Origin) -> Self {
        Self {
            host,
            pace,
            target,
            requests: Cell::new(0),
            ledger: RefCell::new(ledger.without_path()),
            lease: Cell::new(None),
            delivering: Cell::new(false),
            github_token_ends: Cell::new(None),
            long_waits: Cell::new(0),
            masks: Masks::default(),
        }
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// Returns how many requests were sent for this target.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests.get()
    }

    /// Returns how often this run has waited for more than two minutes, after which what it saw before may
    /// not be so any more.
    pub(crate) fn long_waits(&self) -> u32 {
        self.long_waits.get()
    }

    /// Returns when the token ends that GitHub was asked with, where it ends and an answer has said so.
    ///
    /// <https://docs.github.com/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation>
    pub(crate) fn github_token_ends(&self) -> Option<Timestamp> {
        self.github_token_ends.get()
    }

    /// Returns the host's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.host.clock.now()
    }

    /// Returns the time as the service sees it that dates the credentials, or the host's own until it has
    /// told its time.
    #[must_use]
    pub fn ledger_now(&self) -> Timestamp {
        self.pace.time_at(&self.ledger.borrow(), self.now())
    }

    /// Returns the time as a service sees it, or the host's own until it has told its time.
    pub(crate) fn time_at(&self, service: &Origin) -> Timestamp {
        self.pace.time_at(&service.without_path(), self.now())
    }

    /// Names the service that dates the credentials.
    pub(crate) fn set_ledger(&self, origin: &Origin) {
        *self.ledger.borrow_mut() = origin.without_path();
    }

    /// Learns what time it is at the service that dates the credentials.
    pub(crate) fn learn_ledger_time(&self, there: Timestamp) {
        self.pace.learn(&self.ledger.borrow(), there, self.now());
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
        let event = Event {
            target: self.target.to_owned(),
            step,
            phase,
            message: harmless(&message.into()),
            error: None,
        };
        self.host.observer.event(&event);
    }

    /// Tells the host of an error that stops nothing.
    pub fn warn(&self, error: &Error) {
        self.event(error.step(), Phase::Warning, error.to_string());
    }

    /// Tells the host why a step failed.
    pub fn failed(&self, error: &Error) {
        self.host.observer.event(&Event {
            target: self.target.to_owned(),
            step: error.step(),
            phase: Phase::Failed,
            message: error.to_string(),
            error: Some(error.clone()),
        });
    }

    /// Has the host mask a secret, and gives it back.
    pub fn masked(&self, secret: Secret) -> Secret {
        self.host.observer.secret(&secret);
        self.masks.add(&secret);
        secret
    }

    /// Makes a random id of lower-case letters and digits.
    #[must_use]
    pub fn random_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut bytes = [0; 12];
        self.host.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
    }

    /// Stops the run where the host asks for it and nothing is half done.
    ///
    /// # Errors
    /// `cancelled`.
    pub fn check_cancelled(&self, step: Step) -> Result<(), Error> {
        if self.host.cancellation.is_cancelled() && !self.delivering.get() {
            return Err(Error::new(Code::Cancelled, step, "the run was asked to stop and has stopped here"));
        }
        Ok(())
    }

    /// Refuses to go on where less of the lease is left than one more write may take.
    ///
    /// # Errors
    /// `lease-expired`.
    pub fn check_lease(&self, timeout: Duration, step: Step) -> Result<(), Error> {
        match self.lease.get() {
            Some(until) if self.ledger_now().until(until) < timeout => Err(Error::new(
                Code::LeaseExpired,
                step,
                "this run has taken so long that another may take it for dead, so it writes nothing more",
            )),
            _ => Ok(()),
        }
    }

    /// Sends a call and decodes the JSON that comes back.
    ///
    /// # Errors
    /// As [`Client::execute`]; `reply-invalid` where the body is not of the expected form.
    pub async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let mut answer = None;
        self.send(&call, &mut |response| {
            answer = Some(decoded(&call, &response)?);
            Ok(())
        })
        .await?;
        answer.ok_or_else(|| nothing_came(&call))
    }

    /// Sends a call until it is answered, repeating what the service and the call allow.
    ///
    /// # Errors
    /// Every status but 2xx, and every reply that did not come, as an error with a code.
    pub async fn execute(&self, call: Call) -> Result<Response, Error> {
        let mut answer = None;
        self.send(&call, &mut |response| {
            answer = Some(response);
            Ok(())
        })
        .await?;
        answer.ok_or_else(|| nothing_came(&call))
    }

    /// Sends a call whose answer is a redirect that is read and not followed.
    ///
    /// # Errors
    /// Every other answer, as an error with a code.
    pub(crate) async fn redirect(&self, mut call: Call) -> Result<Response, Error> {
        call.redirect_expected = true;
        let (step, service) = (call.step, call.service);
        let response = self.execute(call).await?;
        if (300..=399).contains(&response.status) {
            return Ok(response);
        }
        let words = format!("{service} answered {} where a redirect was expected", response.status);
        Err(Error::new(Code::ReplyInvalid, step, words))
    }

    /// Sends until an answer is read; what reads it is not generic, so that the loop is compiled once.
    async fn send(
        &self,
        call: &Call,
        read: &mut dyn FnMut(Response) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let patience = Patience::attempts(ATTEMPTS.min(call.attempts)).repeatable(call.repeatable);
        self.tried(call.step, Some(call), patience, async || read(self.send_once(call).await?)).await
    }

    async fn send_once(&self, call: &Call) -> Result<Response, Error> {
        let origin = call.origin.without_path();
        self.check_cancelled(call.step)?;
        self.wait_for(&origin, call).await?;
        if call.fenced {
            self.check_lease(call.timeout, call.step)?;
        }
        self.requests.set(self.requests.get() + 1);
        let mut request = call.request()?;
        request.target = self.target.to_owned();
        let sent: Vec<HeaderValue> = request.headers.iter().map(|(_, value)| value.clone()).collect();
        let response = match self.host.transport.send(request).await {
            Ok(response) if matches!(response.status, 200..=299) => response,
            Ok(refusal) => masks::without(&refusal, &self.masks, &sent),
            Err(error) => {
                let lost = lost(call, &error);
                return Err(match self.host.transport.unreachable_hint() {
                    Some(hint) if lost.code() == Code::NotReachable => lost.with_hint(hint),
                    _ => lost,
                });
            }
        };
        if let Some(date) = response.header("date").and_then(Timestamp::from_http_date) {
            self.pace.learn_roughly(&origin, date, self.now());
        }
        let ends = response.header("github-authentication-token-expiration");
        if let Some(ends) = ends.and_then(Timestamp::from_spaced) {
            self.github_token_ends.set(Some(ends));
        }
        match call.service.judge(&call.asked(), &response, self.now()) {
            None => Ok(response),
            Some(error) => {
                // An outage that ends a request is no wish to be left alone: what the request may have made
                // is looked for at once.
                let limited = response.status == 429 || error.code() == Code::RateLimited;
                if let Some(wait) = error.wait().filter(|_| limited || call.repeatable) {
                    self.pace.hold(&origin, self.now() + wait, limited);
                }
                Err(call.explained(error))
            }
        }
    }

    /// Tries until it is done, refused for good, or the patience has ended.
    ///
    /// # Errors
    /// The last attempt's. It is uncertain where any attempt was, since what may have been done stays so; and
    /// where several attempts were in vain, nobody further up waits once more for what passes by itself.
    pub async fn retry<T>(
        &self,
        step: Step,
        patience: Patience,
        attempt: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.tried(step, None, patience, attempt).await
    }

    /// Does the work of [`Client::retry`]; `call` is what is repeated, where it is one request.
    async fn tried<T>(
        &self,
        step: Step,
        call: Option<&Call>,
        patience: Patience,
        mut attempt: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut trials = Trials { started: self.now(), number: 1, uncertain: false, unanswered: false };
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => self.wait_to_repeat(step, call, patience, &mut trials, error).await?,
            }
        }
    }

    /// Waits for the next attempt, or ends with the error of the last; apart from the loop, so that it is
    /// compiled once and not once for each kind of attempt.
    async fn wait_to_repeat(
        &self,
        step: Step,
        call: Option<&Call>,
        patience: Patience,
        trials: &mut Trials,
        error: Error,
    ) -> Result<(), Error> {
        trials.uncertain |= error.is_uncertain();
        trials.unanswered |= error.is_uncertain() && !error.is_admitted();
        let admitted = error.is_admitted() && !trials.unanswered;
        let error = error.with_uncertainty(trials.uncertain).with_admission(admitted);
        if !patience.allows(&error) {
            return Err(error);
        }
        let wait = error.wait().unwrap_or_else(|| self.backoff(trials.number));
        if patience.is_single() {
            return Err(error);
        }
        if patience.ends(trials.number, trials.started, self.now() + wait) {
            // What passes by itself was waited out here. Propagation takes longer than any one request is
            // worth, and who has made something waits for it further up.
            let passing = error.temporary() == Temporary::Yes;
            return Err(if passing { error.with_temporary(Temporary::No) } else { error });
        }
        let limited = error.status() == Some(429) || error.code() == Code::RateLimited;
        // A limit that has not ended when it said is not waited for a second time.
        if wait > self.longest(limited && trials.number == 1) {
            let service = call.map_or("the service", |call| call.service.name);
            let left = format!("{service} asks to be left alone for {}", in_words(wait));
            return Err(error.adding(&left).coded(Code::RateLimited).with_temporary(Temporary::No));
        }
        let words = match call.filter(|_| limited) {
            Some(call) => {
                self.pace.announces(&call.origin.without_path(), self.now() + wait);
                format!("{error}; {}", waiting(wait, call.service))
            }
            None => format!("{error}; trying again in {}", in_words(wait)),
        };
        self.event(step, Phase::Waiting, words);
        trials.number += 1;
        let uncertain = trials.uncertain;
        self.sleep(wait, step).await.map_err(|stopped| stopped.with_uncertainty(uncertain))
    }

    /// Returns a wait that doubles with each attempt, moved at random so that many runs do not knock at once.
    fn backoff(&self, attempt: u32) -> Duration {
        let base = Duration::from_secs(1 << attempt.saturating_sub(1).min(4));
        let mut byte = [0];
        self.host().entropy.fill(&mut byte);
        base.mul_f32(0.75 + f32::from(byte[0]) / 512.0)
    }

    /// Waits where the host of this call has asked for patience, in this call or in another.
    async fn wait_for(&self, origin: &Origin, call: &Call) -> Result<(), Error> {
        let (wait, limited) = self.pace.pause(origin, self.now());
        if wait > self.longest(limited) {
            let words = format!("{} asks to be left alone for {}", call.service, in_words(wait));
            return Err(Error::new(Code::RateLimited, call.step, words));
        }
        self.announce(origin, wait, call.step, call.service);
        self.sleep(wait, call.step).await
    }

    /// Says that a host is waited for, unless that was said a moment ago.
    fn announce(&self, host: &Origin, wait: Duration, step: Step, service: &Dialect) {
        if wait >= WORTH_A_LINE && self.pace.announces(host, self.now() + wait) {
            self.event(step, Phase::Waiting, waiting(wait, service));
        }
    }

    /// Returns how long this run waits at the most: for a limit as long as it takes, where it is one that
    /// writes, and only while nothing is half done, since its lease would end.
    fn longest(&self, limited: bool) -> Duration {
        let idle = self.lease.get().is_none() && !self.delivering.get();
        if limited && idle && self.pace.has_time() { LONGEST_LIMIT } else { LONGEST_WAIT }
    }

    /// Waits for a place in the queue of a host's writes.
    ///
    /// # Errors
    /// How long it would take, where that is longer than a run waits; `cancelled`.
    pub(crate) async fn queue(
        &self,
        host: &Origin,
        limits: &[Limit],
        (step, service): (Step, &Dialect),
        full: impl FnOnce(Duration) -> Error,
    ) -> Result<(), Error> {
        while let Err(wait) = self.pace.take(host, limits, self.now()) {
            if wait > LONGEST_WAIT {
                return Err(full(wait));
            }
            self.announce(host, wait, step, service);
            self.sleep(wait, step).await?;
        }
        Ok(())
    }

    /// Waits, unless the run is asked to stop.
    pub(crate) async fn sleep(&self, wait: Duration, step: Step) -> Result<(), Error> {
        const SLICE: Duration = Duration::from_secs(1);
        if wait > LONGEST_WAIT {
            self.long_waits.set(self.long_waits.get() + 1);
        }
        let mut left = wait;
        while !left.is_zero() {
            self.check_cancelled(step)?;
            let slice = left.min(SLICE);
            self.host.clock.sleep(slice).await;
            left -= slice;
        }
        self.check_cancelled(step)
    }
}

/// Says that a service's limit is waited for.
fn waiting(wait: Duration, service: &Dialect) -> String {
    format!("waiting {} for {service}'s limit", in_words(wait))
}

/// Tells of a request that brought no whole response.
fn lost(call: &Call, error: &TransportError) -> Error {
    let (code, what) = match error.kind {
        TransportErrorKind::NotSent => (Code::NotReachable, "could not be reached"),
        TransportErrorKind::TimedOut => (Code::TimedOut, "did not answer in time"),
        TransportErrorKind::Lost => (Code::ReplyLost, "did not answer whole"),
        TransportErrorKind::TooLarge => (Code::ReplyTooLarge, "answered with more than any real reply holds"),
    };
    let text = if error.message.is_empty() { String::new() } else { format!(": {}", error.message) };
    let (service, host) = (call.service, call.origin.host());
    Error::new(code, call.step, format!("{service} at {host} {what}{text}"))
        .with_uncertainty(error.kind != TransportErrorKind::NotSent)
        .with_temporary(match error.kind {
            TransportErrorKind::TooLarge => Temporary::No,
            _ => Temporary::Yes,
        })
}

/// Says what cannot be: an answer was accepted, and there is none.
fn nothing_came(call: &Call) -> Error {
    Error::new(Code::Internal, call.step, "an answer was lost on its way")
}
