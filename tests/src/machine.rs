//! A machine that runs lakekey once: the core with the binary's own sinks, on simulated time.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

use lakekey::adapters::NativeAdapters;
use lakekey_core::{
    Cancellation, Command, Entropy, Error, Event, Host, Observer, Report, RunRequest, Secret, TargetReport,
    run,
};

use crate::stage::Stage;
use crate::time::SimulatedClock;
use crate::wire::{Aim, Gate, Sent, Watch, Way, Wire};

/// Describes a run that has ended, or was killed.
pub struct Ran {
    /// The report; `None` where the process was killed.
    pub report: Option<Report>,
    /// The events, in order.
    pub events: Vec<Event>,
    /// All that was put out: events as text and as JSON, the report, errors with all that `Debug` shows.
    pub output: String,
    /// The requests.
    pub sent: Vec<Sent>,
    /// How often the disturbance struck.
    pub hits: usize,
}

impl Ran {
    /// Returns the report of the first target.
    #[must_use]
    pub fn first(&self) -> &TargetReport {
        &self.report.as_ref().expect("the run came to its end").targets[0]
    }

    /// Returns how the first target ended, as its report says it.
    #[must_use]
    pub fn outcome(&self) -> &'static str {
        self.first().outcome.as_str()
    }

    /// Returns the code of the first target's error.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.first().error.as_ref().map(|error| error.code().as_str())
    }

    /// Returns the requests that change something.
    #[must_use]
    pub fn writes(&self) -> Vec<String> {
        self.sent
            .iter()
            // Signing in changes nothing.
            .filter(|sent| {
                sent.method != "GET"
                    && !sent.path.contains("/token?")
                    && !sent.path.ends_with("v2.0/token")
                    && !sent.path.ends_with("v1/token")
            })
            .map(|sent| format!("{} {}{}", sent.method, sent.origin, sent.path))
            .collect()
    }
}

/// Asks a run to stop once so many requests have come to the emulator.
struct StopAfter<'a> {
    /// How many; `None` never.
    requests: Option<usize>,
    wire: &'a Wire,
}

impl Cancellation for StopAfter<'_> {
    fn is_cancelled(&self) -> bool {
        self.requests.is_some_and(|limit| self.wire.arrived() >= limit)
    }
}

/// Runs lakekey on a stage.
pub struct Machine<'a> {
    stage: &'a Stage,
    clock: SimulatedClock,
    seed: u64,
    way: Way,
    stop: Option<usize>,
}

impl<'a> Machine<'a> {
    /// Makes a machine whose clock is right.
    #[must_use]
    pub fn new(stage: &'a Stage) -> Self {
        let clock = SimulatedClock::new(&stage.emulator, 0);
        Self { stage, clock, seed: 1, way: Way::default(), stop: None }
    }

    /// Sets the machine's clock wrong by so many milliseconds.
    #[must_use]
    pub fn clock_ahead(mut self, milliseconds: i64) -> Self {
        self.clock = SimulatedClock::new(&self.stage.emulator, milliseconds);
        self
    }

    /// Uses a clock that other machines use too, so that one loop drives them all.
    #[must_use]
    pub fn on_clock(mut self, clock: &SimulatedClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Chooses from what the randomness is made.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Disturbs a request.
    #[must_use]
    pub fn disturbed(mut self, aim: Aim) -> Self {
        self.way.aim = Some(aim);
        self
    }

    /// Has each request wait for a scheduler.
    #[must_use]
    pub fn gated(mut self, gate: Gate) -> Self {
        self.way.gate = Some(gate);
        self
    }

    /// Has the emulator watched after every request.
    #[must_use]
    pub fn watched(mut self, watch: Watch) -> Self {
        self.way.watch = Some(watch);
        self
    }

    /// Asks the run to stop once so many requests were sent.
    #[must_use]
    pub fn stopped_after(mut self, requests: usize) -> Self {
        self.stop = Some(requests);
        self
    }

    /// Runs a command to its end, or until it is killed.
    #[must_use]
    pub fn run(self, command: Command) -> Ran {
        self.alone(&RunRequest::new(command))
    }

    /// Says what a command would do.
    #[must_use]
    pub fn dry_run(self, command: Command) -> Ran {
        self.alone(&RunRequest { dry_run: true, ..RunRequest::new(command) })
    }

    /// Runs a command as a future, for a loop that drives several machines.
    pub async fn run_beside(self, command: Command) -> Ran {
        let (recorder, wire) = (Recorder::default(), self.wire());
        let report = self.attempt(&RunRequest::new(command), &wire, &recorder).await;
        ran(Some(allowed(report)), &recorder, &wire)
    }

    /// Runs a command that the configuration or the environment does not allow, and returns the refusal.
    ///
    /// # Panics
    /// The command was not refused.
    #[must_use]
    pub fn refused(self, command: Command) -> Error {
        self.refused_request(&RunRequest::new(command))
    }

    /// Runs what a request asks, which is refused before it begins, and returns why.
    ///
    /// # Panics
    /// The request was not refused, or sent something.
    #[must_use]
    pub fn refused_request(self, request: &RunRequest) -> Error {
        let (recorder, wire) = (Recorder::default(), self.wire());
        let ended = self.clock.run(self.attempt(request, &wire, &recorder)).expect("nothing kills the run");
        assert!(wire.sent().is_empty(), "something was sent");
        ended.expect_err("the command is refused")
    }

    /// Runs a command that may be refused before it begins.
    ///
    /// # Errors
    /// The refusal.
    ///
    /// # Panics
    /// The run was killed.
    pub fn tried(self, command: Command) -> Result<Ran, Error> {
        let (recorder, wire) = (Recorder::default(), self.wire());
        let request = RunRequest::new(command);
        let ended = self.clock.run(self.attempt(&request, &wire, &recorder)).expect("nothing kills the run");
        ended.map(|report| ran(Some(report), &recorder, &wire))
    }

    /// Runs what a request asks.
    #[must_use]
    pub fn ask(self, request: &RunRequest) -> Ran {
        self.alone(request)
    }

    fn alone(self, request: &RunRequest) -> Ran {
        let (recorder, wire) = (Recorder::default(), self.wire());
        let report = self.clock.run(self.attempt(request, &wire, &recorder)).map(allowed);
        ran(report, &recorder, &wire)
    }

    fn wire(&self) -> Wire {
        Wire::new(&self.stage.emulator, &self.clock, self.way.clone())
    }

    async fn attempt(&self, request: &RunRequest, wire: &Wire, recorder: &Recorder) -> Result<Report, Error> {
        let config = self.stage.config();
        let entropy = Numbers(Cell::new(self.seed));
        let stop = StopAfter { requests: self.stop, wire };
        let host = Host::new(wire, &self.clock, &entropy)
            .environment(&self.stage.environment)
            .observer(recorder)
            .cancellation(&stop);
        run(host, &NativeAdapters::default(), &config, request).await
    }
}

fn allowed(report: Result<Report, Error>) -> Report {
    report.expect("the stage's configuration is right")
}

fn ran(report: Option<Report>, recorder: &Recorder, wire: &Wire) -> Ran {
    let mut output = recorder.output.borrow().clone();
    if let Some(report) = &report {
        let _ = writeln!(
            output,
            "{}\n{report:?}",
            serde_json::to_string(report).expect("a report can be written")
        );
    }
    Ran { report, events: recorder.events.borrow().clone(), output, sent: wire.sent(), hits: wire.hits() }
}

/// Keeps what a run says, as its host would show it.
#[derive(Default)]
struct Recorder {
    events: RefCell<Vec<Event>>,
    output: RefCell<String>,
}

impl Observer for Recorder {
    fn secret(&self, secret: &Secret) {
        let _ = writeln!(self.output.borrow_mut(), "{secret:?}");
    }

    fn event(&self, event: &Event) {
        let json = serde_json::to_string(event).expect("an event can be written");
        let _ = writeln!(self.output.borrow_mut(), "{json}\n{event:?}\n{}", event.message);
        self.events.borrow_mut().push(event.clone());
    }
}

/// Gives numbers that are the same at every run, so that a failure can be seen again.
struct Numbers(Cell<u64>);

impl Entropy for Numbers {
    fn fill(&self, buffer: &mut [u8]) {
        for byte in buffer {
            // xorshift: https://en.wikipedia.org/wiki/Xorshift
            let mut x = self.0.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            self.0.set(x);
            *byte = (x >> 24) as u8;
        }
    }
}
