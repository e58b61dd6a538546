//! The binary as a GitHub Action: inputs in, workflow commands, outputs and a job summary out.

mod document;
mod input;
mod issue;
mod output;
pub(crate) mod summary;
mod table;

use std::path::Path;
use std::rc::Rc;

use lakekey_core::{
    Command, Config, Environment as _, Error, Event, Observer, Outcome, Phase, Report, RunRequest, Secret,
    matrix, select,
};

use crate::console::{Console, line};
use crate::exit_status::{self, DONE, WRONG};
use crate::page;
use crate::platform::{ProcessEnvironment, Signals, SystemClock, SystemEntropy};
use crate::report_text::{Telling, by_urgency, errors, explained_at, refusal, report as text, table_of};
use crate::run::Runner;
use crate::style::Look;
use crate::workflow_commands::{annotation, mask, neutral};
use input::{Inputs, Request, wrong};

/// Speaks to the runner in a step's log.
struct Log<'a>(&'a Console);

impl Log<'_> {
    /// Has the runner mask a secret, each of its lines once, before anything is said about it.
    fn mask(&self, secret: &Secret) {
        for line in self.0.masks().add(secret) {
            self.0.raw(&mask(&line));
        }
    }

    /// Prints a line that no runner takes for a command.
    fn say(&self, text: &str) {
        self.0.result(&neutral(text));
    }

    fn annotate(&self, level: &str, title: &str, message: &str) {
        self.0.result(&annotation(level, title, message));
    }

    fn error(&self, error: &Error, target: Option<&str>) {
        self.annotate("error", error.code().as_str(), &Self::words(error, target));
    }

    fn words(error: &Error, target: Option<&str>) -> String {
        let whose = target.map(|name| format!("{name}: ")).unwrap_or_default();
        let key = error.key().map(|key| format!("{key}: ")).unwrap_or_default();
        let request = error.request_id().map(|id| format!(" (request id {id})")).unwrap_or_default();
        let place = error
            .position()
            .map(|at| format!(" (line {}, column {} of the configuration)", at.line, at.column))
            .unwrap_or_default();
        let code = error.code().as_str();
        format!(
            "{whose}{key}{}{place}{request} [at {}]\nWhat to do: {}\nSee {}",
            error.message(),
            error.step(),
            error.hint(),
            explained_at(code)
        )
    }
}

impl Observer for Log<'_> {
    fn secret(&self, secret: &Secret) {
        self.mask(secret);
    }

    fn event(&self, event: &Event) {
        if event.phase == Phase::Warning {
            self.annotate("warning", event.step.as_str(), &format!("{}: {}", event.target, event.message));
        } else if let Some(line) = line(event, self.0.level()) {
            self.say(&line);
        }
    }
}

/// Runs the step and returns its exit status.
pub(crate) async fn run(console: &Rc<Console>) -> u8 {
    let log = Log(console);
    let inputs = Inputs(&ProcessEnvironment);
    // Before the first word: a message about another input may quote one of these.
    for secret in inputs.secrets() {
        log.mask(&secret);
    }
    let read = || {
        inputs.check_lines()?;
        let request = inputs.request()?;
        let config = document::configuration(&inputs, &request.command)?;
        let revokes = matches!(request.command, Command::Revoke(_));
        if revokes && request.targets.is_empty() && document::of_one_target(&inputs).is_none() {
            return Err(wrong("target", "name it: nothing is revoked for all targets at once"));
        }
        Ok((request, config))
    };
    match read() {
        Err(error) => refused(&log, "action", &error),
        Ok((request, config)) => match request.matrix {
            Some(shards) => divided(&log, &config, &request, shards),
            None => serve(&log, console, config, request).await,
        },
    }
}

/// Says why nothing was sent.
fn refused(log: &Log<'_>, command: &str, error: &Error) -> u8 {
    log.error(error, None);
    leave(
        log,
        &[
            ("outcome", Outcome::Failed.as_str().to_owned()),
            ("report", refusal(Some(command), error).to_string()),
        ],
        &summary::refused(error),
    );
    WRONG
}

/// Divides the targets among jobs.
fn divided(log: &Log<'_>, config: &Config, request: &Request, shards: u16) -> u8 {
    match select(config, &request.targets) {
        Err(error) => refused(log, "plan", &error),
        Ok(targets) => {
            let matrix = matrix(&targets, usize::from(shards)).to_string();
            log.say(&matrix);
            leave(log, &[("outcome", Outcome::Ok.as_str().to_owned()), ("matrix", matrix)], "");
            DONE
        }
    }
}

async fn serve(log: &Log<'_>, console: &Rc<Console>, config: Config, request: Request) -> u8 {
    let signals = Signals::listen();
    let Request { command, dry_run, fail_on, html, issue, .. } = request;
    let (name, told) = (command.name(), command.clone());
    // With inputs alone there is one target, and no name to choose it by.
    let targets = request.targets;
    log.0.raw(&format!("::group::lakekey {name}"));
    let runner = Runner {
        console,
        observer: log,
        environment: &ProcessEnvironment,
        clock: &SystemClock,
        cancellation: &signals,
    };
    let done = runner
        .run(&config, &RunRequest { targets: targets.clone(), dry_run, ..RunRequest::new(command) })
        .await;
    log.0.raw("::endgroup::");
    match done {
        Err(error) => refused(log, name, &error),
        Ok(report) => {
            // What only looks has nothing but its steps to show.
            let looks = dry_run || matches!(told, Command::Doctor | Command::Fix | Command::Plan);
            let shown = match looks {
                true => text(&report, Look::plain(), Telling { steps: true, ..Telling::default() }),
                false => table_of(&report, Look::plain()),
            };
            for row in shown.lines() {
                log.say(row);
            }
            annotate(log, &report);
            if let Some(token) = issue.filter(|_| !dry_run)
                && let Err(error) = issue::keep(&ProcessEnvironment, log, &token, &targets, &report).await
            {
                let hint = "give the job `permissions: {issues: write}`";
                let words = format!("the issue could not be kept: {error}\nWhat to do: {hint}");
                log.annotate("warning", error.code().as_str(), &words);
            }
            let page = html.map_or(Ok(()), |path| page::write(Path::new(&path), &report));
            if let Err(error) = &page {
                log.error(error, None);
            }
            leave(log, &output::outputs(&report), &summary::render(&report, dry_run));
            let status = exit_status::of(&report, fail_on);
            if page.is_err() { status.max(exit_status::FAILED) } else { status }
        }
    }
}

/// How many annotations are put beside a run: GitHub shows ten of a step, and one of them counts the rest.
const ANNOTATIONS: usize = 9;

/// Puts beside the run what a person must look at, the most urgent first.
fn annotate(log: &Log<'_>, report: &Report) {
    let mut all: Vec<(&str, String, String)> = Vec::new();
    for target in by_urgency(report) {
        let name = target.name.as_str();
        for (error, _) in errors(target) {
            all.push(("error", error.code().as_str().to_owned(), Log::words(error, Some(name))));
        }
        let (level, words) = match target.outcome {
            Outcome::Yielded => ("notice", "another run is at work on this target"),
            Outcome::Due => ("notice", "the credential is due for renewal"),
            Outcome::Overdue => ("warning", "the credential should have been renewed by now"),
            _ => continue,
        };
        all.push((level, target.outcome.as_str().to_owned(), format!("{name}: {words}")));
    }
    for (level, title, message) in all.iter().take(ANNOTATIONS) {
        log.annotate(level, title, message);
    }
    let rest = all.get(ANNOTATIONS..).unwrap_or_default();
    for (level, title, message) in rest {
        for line in format!("{level}: {title}: {message}").lines() {
            log.say(line);
        }
    }
    if let Some((level, ..)) = rest.first() {
        let words = format!("and {} more, in the log and in the summary", rest.len());
        log.annotate(level, "more", &words);
    }
}

/// Leaves outputs and summary where the runner looks for them.
fn leave(log: &Log<'_>, outputs: &[(&'static str, String)], summary: &str) {
    if let Some(path) = ProcessEnvironment.variable("GITHUB_OUTPUT")
        && let Err(error) = output::write(&path, outputs, &SystemEntropy)
    {
        log.annotate("warning", "outputs", &format!("the outputs could not be written: {error}"));
    }
    if let Some(path) = ProcessEnvironment.variable("GITHUB_STEP_SUMMARY")
        && !summary.is_empty()
        && let Err(error) = output::append(&path, &log.0.masks().apply(summary))
    {
        log.annotate("warning", "summary", &format!("the summary could not be written: {error}"));
    }
}
