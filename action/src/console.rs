//! The one place that prints: the result to standard output, everything else to standard error, secrets
//! masked in both.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Instant;

use clap::ValueEnum;
use lakekey_core::{
    Clock as _, Error, Event, LocalFuture, Masks, Observer, Origin, Phase, Request, Response, Secret,
    Transport, TransportError,
};

use crate::platform::SystemClock;
use crate::progress::Progress;
use crate::style::{Look, Tone};
use crate::timings::{Timing, Timings};
use crate::workflow_commands::neutral;
use serde_json::{Map, Value, json};

/// Says how much is told on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What failed.
    Error,
    /// What a person should know too.
    Warn,
    /// Every step too.
    Info,
    /// Every request too: method, URL without its query, status and milliseconds.
    Debug,
    /// The sizes of requests and responses too.
    Trace,
}

impl Level {
    /// Returns its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    /// Reads the level of `LAKEKEY_LOG`; what is not known counts as `info`.
    #[must_use]
    pub fn parse(text: Option<&str>) -> Self {
        match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "error" => Self::Error,
            "warn" => Self::Warn,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => Self::Info,
        }
    }
}

/// Prints for people at a terminal or in a log.
pub struct Console {
    level: Level,
    masks: Masks,
    out: Look,
    err: Look,
    quiet: bool,
    log: LogForm,
    progress: RefCell<Option<Progress>>,
    /// The warnings that were told: a fleet has the same one often.
    warned: RefCell<BTreeSet<String>>,
    /// Where every request is entered, where that is asked for.
    timings: Option<Timings>,
}

/// Says in which form is told on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogForm {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Console {
    /// Makes a console that tells as much as the level says.
    #[must_use]
    pub fn new(level: Level) -> Self {
        Self {
            level,
            masks: Masks::default(),
            out: Look::plain(),
            err: Look::plain(),
            quiet: false,
            log: LogForm::Text,
            progress: RefCell::new(None),
            warned: RefCell::default(),
            timings: None,
        }
    }

    /// Says how standard output and standard error look.
    #[must_use]
    pub fn looking(mut self, out: Look, err: Look) -> Self {
        (self.out, self.err) = (out, err);
        self
    }

    /// Says whether a result that says nothing new is left out.
    #[must_use]
    pub fn quiet(mut self, quiet: bool) -> Self {
        self.quiet = quiet;
        self
    }

    /// Says in which form is told on standard error.
    #[must_use]
    pub fn logging(mut self, log: LogForm) -> Self {
        self.log = log;
        self
    }

    /// Has every request entered.
    #[must_use]
    pub fn timing(mut self) -> Self {
        self.timings = Some(Timings::default());
        self
    }

    /// Returns the requests, where they are entered.
    #[must_use]
    pub fn timings(&self) -> Option<&Timings> {
        self.timings.as_ref()
    }

    /// Returns true where standard error holds JSON alone.
    #[must_use]
    pub fn logs_json(&self) -> bool {
        self.log == LogForm::Json
    }

    /// Writes one object to standard error: time, level, and what else there is, without any credential.
    /// docs/logging.md lists the names, which stay.
    pub fn log(&self, level: Level, mut fields: Map<String, Value>) {
        fields.insert("time".to_owned(), json!(SystemClock.now()));
        fields.insert("level".to_owned(), json!(level.as_str()));
        let _ =
            writeln!(std::io::stderr().lock(), "{}", self.masks.apply(&Value::Object(fields).to_string()));
    }

    /// Shows from now on how far a run over that many targets has come.
    pub(crate) fn begin(&self, targets: usize) {
        let watched = self.err.is_terminal && !self.logs_json() && !self.quiet;
        self.progress.replace(Some(Progress::begin(targets, watched)));
    }

    /// Shows nothing of that any longer.
    pub(crate) fn end(&self) {
        self.progress.replace(None);
    }

    /// Says that a run goes on, where nothing was said for a while.
    pub(crate) fn still(&self) {
        let words = self.progress.borrow().as_ref().and_then(|progress| progress.still(Instant::now()));
        if let Some(words) = words.filter(|_| self.level >= Level::Info) {
            self.note(&words);
        }
    }

    /// Tells of an error: as `text` to people, and as fields to a log collector.
    pub fn tell(&self, error: &Error, target: Option<&str>, text: &str) {
        if !self.logs_json() {
            return self.note(text);
        }
        let position = error.position();
        self.log(
            Level::Error,
            fields(json!({
                "target": target, "step": error.step(), "code": error.code().as_str(),
                "message": error.message(), "key": error.key(), "line": position.map(|at| at.line),
                "column": position.map(|at| at.column), "request-id": error.request_id(),
            })),
        );
    }

    /// Returns true where a result that says nothing new is left out.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns how standard output looks.
    #[must_use]
    pub fn out(&self) -> Look {
        self.out
    }

    /// Returns how standard error looks.
    #[must_use]
    pub fn err(&self) -> Look {
        self.err
    }

    /// Returns how much is told.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns what is masked.
    #[must_use]
    pub fn masks(&self) -> &Masks {
        &self.masks
    }

    /// Returns true where a person reads what is noted and can answer.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        use std::io::IsTerminal as _;
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Prints a part of the result.
    pub fn result(&self, text: &str) {
        self.raw(&self.masks.apply(text));
    }

    /// Prints a line to standard output as it is; for the workflow commands that name what is to be masked.
    pub(crate) fn raw(&self, text: &str) {
        // A reader that has gone away wants no more.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
        let _ = out.flush();
    }

    /// Prints a line that a command of the user's has printed, so that it cannot pass for one of a workflow's
    /// commands.
    pub fn output(&self, line: &str) {
        self.note(&format!("  | {}", neutral(line)));
    }

    /// Prints a line about the work to standard error.
    pub fn note(&self, text: &str) {
        if self.logs_json() {
            let message = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
            return self.log(Level::Info, fields(json!({"message": message.join("; ")})));
        }
        let print = || writeln!(std::io::stderr().lock(), "{}", self.masks.apply(text));
        let _ = match &*self.progress.borrow() {
            Some(progress) => progress.aside(print),
            None => print(),
        };
    }
}

/// Says how an event reads, or `None` where the level leaves it out.
#[must_use]
pub fn line(event: &Event, level: Level) -> Option<String> {
    let (least, word) = least(event.phase);
    // What failed is told in full at the end, with what to do: the same text twice hides what is new.
    let message = event.error.as_ref().map_or(event.message.as_str(), |error| error.code().as_str());
    (level >= least).then(|| format!("{}  {}  {word}{message}", event.target, event.step))
}

/// Returns the level from which a phase is told, and the word for it.
fn least(phase: Phase) -> (Level, &'static str) {
    match phase {
        Phase::Failed => (Level::Error, "failed: "),
        Phase::Warning => (Level::Warn, "warning: "),
        Phase::Waiting => (Level::Info, "waiting: "),
        Phase::Skipped => (Level::Info, "skipped: "),
        _ => (Level::Info, ""),
    }
}

/// Returns the fields of an object without those that hold nothing.
pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}

fn tone(event: &Event) -> Tone {
    match event.phase {
        Phase::Failed => Tone::Bad,
        Phase::Warning | Phase::Waiting => Tone::Soon,
        _ => Tone::Faint,
    }
}

impl Observer for Console {
    fn secret(&self, secret: &Secret) {
        self.masks.add(secret);
    }

    fn ended(&self, _: &str) {
        if let Some(progress) = &*self.progress.borrow() {
            progress.ended();
        }
    }

    fn event(&self, event: &Event) {
        if let (Some(progress), Some(line)) = (&*self.progress.borrow(), line(event, Level::Info)) {
            progress.said(&self.masks.apply(&line));
        }
        if self.logs_json() {
            let level = least(event.phase).0;
            if self.level >= level {
                let Event { target, step, message, error, .. } = event;
                self.log(
                    level,
                    fields(json!({
                        "target": target, "step": step, "state": event.phase, "message": message,
                        "code": error.as_ref().map(|error| error.code().as_str()),
                        "request-id": error.as_ref().and_then(|error| error.request_id()),
                    })),
                );
            }
        } else if let Some(line) = line(event, self.level) {
            let words = format!("{} {}", event.step, event.message);
            if event.phase == Phase::Warning && !self.warned.borrow_mut().insert(words) {
                return;
            }
            self.note(&self.err.paint(tone(event), &line));
        }
    }
}

/// Tells of every request that goes through: never a header, a query or a body.
pub struct Told<'a> {
    /// Who sends.
    pub inner: &'a dyn Transport,
    /// Where it is told.
    pub console: &'a Console,
}

impl Transport for Told<'_> {
    fn release(&self, host: &Origin) {
        self.inner.release(host);
    }

    fn send(&self, request: Request) -> LocalFuture<'_, Result<Response, TransportError>> {
        let timings = self.console.timings();
        if self.console.level < Level::Debug && timings.is_none() {
            return self.inner.send(request);
        }
        Box::pin(async move {
            let place = request.url.split(['?', '#']).next().unwrap_or_default().to_owned();
            let head = format!("{} {place}", request.method.as_str());
            let sent = request.body.len();
            let (target, method) = (request.target.clone(), request.method.as_str().to_owned());
            let start = timings.map(Timings::elapsed).unwrap_or_default();
            let begun = Instant::now();
            let outcome = self.inner.send(request).await;
            let took = begun.elapsed().as_millis();
            let (said, received) = match &outcome {
                Ok(response) => (response.status.to_string(), response.body.len()),
                Err(error) => (format!("{:?}: {}", error.kind, error.message), 0),
            };
            if let Some(timings) = timings {
                let wait = begun.elapsed();
                let outcome = said.split(':').next().unwrap_or_default().to_owned();
                timings.enter(Timing { target, method, place, start, wait, sent, received, outcome });
            }
            if self.console.level < Level::Debug {
                return outcome;
            }
            let sizes = if self.console.level >= Level::Trace {
                format!(", {sent} bytes sent, {received} received")
            } else {
                String::new()
            };
            self.console.note(&format!("{head} -> {said} ({took} ms{sizes})"));
            outcome
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_the_log_level_decides_what_is_told() {
        assert_eq!(Level::parse(None), Level::Info);
        assert_eq!(Level::parse(Some("TRACE")), Level::Trace);
        assert!(Level::parse(Some("error")) < Level::parse(Some("warn")));
    }
}
