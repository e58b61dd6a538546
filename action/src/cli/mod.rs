//! The commands at a terminal, in a script or under cron.

pub mod arguments;
pub mod text;

use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser as _;
use lakekey_core::config::{Config, SinkConfig};
use lakekey_core::engine::{Command, Revocation, RunRequest, matrix, select};
use lakekey_core::error::{Code, Error};
use lakekey_core::github::Place;
use lakekey_core::platform::Environment as _;
use lakekey_core::report::{Outcome, Report};

use crate::console::{Console, Level};
use crate::platform::{ProcessEnvironment, Signals, SystemClock};
use crate::run::{FAILED, FOUND, Runner, WRONG, read_config};
use arguments::{Arguments, Commands, FailOn, Revoke, Shared};

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // It goes to standard error, help and version to standard output; nobody is left to tell if that
            // fails.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG));
        }
    };
    let console = Rc::new(Console::new(Level::parse(ProcessEnvironment.variable("LAKEKEY_LOG").as_deref())));
    if matches!(arguments.command, Commands::Schema) {
        console.result(&format!("{:#}", lakekey_core::config::schema()));
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.note(&format!("error: the asynchronous runtime could not be started: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let status = runtime.block_on(dispatch(arguments, &console));
    // A name that is still being looked up must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(status)
}

async fn dispatch(arguments: Arguments, console: &Rc<Console>) -> u8 {
    let Arguments { shared, command } = arguments;
    match command {
        Commands::Schema => 0,
        Commands::Action => crate::workflow::run(console).await,
        Commands::Demo { from_nothing } => crate::demo::run(console, from_nothing).await,
        Commands::Emulate(options) => crate::emulate::run(console, options).await,
        Commands::Plan { matrix: Some(shards) } => plan_matrix(console, &shared, shards),
        Commands::Provision => core(console, &shared, Command::Provision, None).await,
        Commands::Rotate { force } => core(console, &shared, Command::Rotate { force }, None).await,
        Commands::Status { fail_on } => core(console, &shared, Command::Status, fail_on).await,
        Commands::Doctor => core(console, &shared, Command::Doctor, None).await,
        Commands::Plan { matrix: None } => core(console, &shared, Command::Plan, None).await,
        Commands::Revoke(revoke) => match confirmed(&shared, revoke) {
            Ok(what) => core(console, &shared, Command::Revoke(what), None).await,
            Err(error) => refused(console, shared.json, "revoke", &error),
        },
    }
}

/// Checks that a revocation names its targets and was meant.
fn confirmed(shared: &Shared, revoke: Revoke) -> Result<Revocation, Error> {
    let usage = |message: String| Error::config(Code::UsageInvalid, "revoke", message);
    if shared.targets.is_empty() {
        return Err(usage(
            "name the target with --target NAME: nothing is revoked for all targets at once".to_owned(),
        ));
    }
    match (revoke.token_id, revoke.all) {
        (Some(id), _) => Ok(Revocation::Id(id)),
        (None, true) if revoke.yes || shared.dry_run => Ok(Revocation::All),
        (None, true) => {
            let config = read_config(&shared.config, &ProcessEnvironment)?;
            let stops: Vec<String> = select(&config, &shared.targets)?.into_iter().map(what_stops).collect();
            Err(usage(format!("this stops what signs in with them: {}", stops.join("; ")))
                .with_hint("say --yes if that is meant; --dry-run shows what would be revoked"))
        }
        (None, false) => Ok(Revocation::Superseded),
    }
}

/// Says what a target's credentials are used by, as far as the configuration knows.
fn what_stops(target: &lakekey_core::config::Target) -> String {
    let label = |sink: &SinkConfig| {
        Place::of(sink).map_or_else(|| sink.type_name().to_owned(), |place| place.label())
    };
    let places: Vec<String> = target.credentials.iter().flat_map(|c| &c.deliver).map(label).collect();
    format!(
        "everything that uses a credential of {} at {}, those delivered to {} included",
        target.name,
        target.workspace,
        if places.is_empty() { "nowhere".to_owned() } else { places.join(", ") }
    )
}

fn plan_matrix(console: &Console, shared: &Shared, shards: u16) -> u8 {
    let made = read_config(&shared.config, &ProcessEnvironment)
        .and_then(|config| Ok(matrix(&select(&config, &shared.targets)?, usize::from(shards))));
    match made {
        Ok(matrix) => {
            console.result(&matrix.to_string());
            0
        }
        Err(error) => refused(console, shared.json, "plan", &error),
    }
}

async fn core(console: &Rc<Console>, shared: &Shared, command: Command, fail_on: Option<FailOn>) -> u8 {
    let name = command.name();
    let signals = Signals::listen();
    let runner = Runner {
        console,
        observer: &**console,
        environment: &ProcessEnvironment,
        clock: &SystemClock,
        cancellation: &signals,
    };
    let request = RunRequest { command, targets: shared.targets.clone(), dry_run: shared.dry_run };
    let done = async {
        let config: Config = read_config(&shared.config, &ProcessEnvironment)?;
        runner.run(&config, &request).await
    };
    match done.await {
        Ok(report) => {
            show(console, shared.json, &report);
            exit_status(&report, fail_on)
        }
        Err(error) => refused(console, shared.json, name, &error),
    }
}

fn show(console: &Console, json: bool, report: &Report) {
    if json {
        // A report holds texts, numbers and times: there is nothing in it that could not be written.
        console.result(&serde_json::to_string_pretty(report).unwrap_or_default());
    } else {
        console.result(&text::report(report));
    }
    for target in &report.targets {
        for error in target.error.iter().chain(target.delivered.iter().filter_map(|d| d.error.as_ref())) {
            console.note(&text::error(error, Some(&target.name)));
        }
    }
}

/// Says why nothing was done; with `--json` in the form of a report without targets.
fn refused(console: &Console, json: bool, command: &str, error: &Error) -> u8 {
    if json {
        console.result(&format!("{:#}", refusal(command, error)));
    }
    console.note(&text::error(error, None));
    WRONG
}

/// Returns the report of a run that could not begin.
#[must_use]
pub fn refusal(command: &str, error: &Error) -> serde_json::Value {
    serde_json::json!({"version": 1, "command": command, "targets": [], "error": error})
}

/// Returns the exit status of a report.
#[must_use]
pub fn exit_status(report: &Report, fail_on: Option<FailOn>) -> u8 {
    let found = report.targets.iter().any(|target| match fail_on {
        Some(FailOn::Due) => matches!(target.outcome, Outcome::Due | Outcome::Overdue),
        Some(FailOn::Overdue) => target.outcome == Outcome::Overdue,
        None => false,
    });
    match report.exit_status() {
        0 if found => FOUND,
        status => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lakekey_core::report::TargetReport;

    fn report(outcomes: &[Outcome]) -> Report {
        Report {
            version: 1,
            command: "status",
            started: lakekey_core::timestamp::Timestamp::UNIX_EPOCH,
            finished: lakekey_core::timestamp::Timestamp::UNIX_EPOCH,
            targets: outcomes.iter().map(|outcome| TargetReport::new("a", *outcome)).collect(),
        }
    }

    #[test]
    fn what_is_due_is_found_only_where_it_is_asked_for() {
        assert_eq!(exit_status(&report(&[Outcome::Ok, Outcome::Due]), None), 0);
        assert_eq!(exit_status(&report(&[Outcome::Ok, Outcome::Due]), Some(FailOn::Overdue)), 0);
        assert_eq!(exit_status(&report(&[Outcome::Ok, Outcome::Due]), Some(FailOn::Due)), 3);
        assert_eq!(exit_status(&report(&[Outcome::Overdue]), Some(FailOn::Due)), 3);
    }

    #[test]
    fn a_failed_target_counts_more_than_one_that_is_due() {
        assert_eq!(exit_status(&report(&[Outcome::Failed, Outcome::Due]), Some(FailOn::Due)), 1);
    }
}
