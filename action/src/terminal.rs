//! The commands of the core at a terminal, in a script or under cron.

use std::rc::Rc;

use lakekey_core::{Code, Command, Error, Report, Revocation, RunRequest, Step, Target, matrix, select};

use crate::arguments::{Changing, Revoke, Shared};
use crate::configuration;
use crate::console::Console;
use crate::exit_status::{self, DONE, FailOn};
use crate::platform::{ProcessEnvironment, Signals, SystemClock};
use crate::report_text;
use crate::run::Runner;

/// Runs a command that changes nothing and returns the exit status.
pub(crate) async fn look(
    console: &Rc<Console>,
    shared: &Shared,
    command: Command,
    fail_on: Option<FailOn>,
) -> u8 {
    serve(console, shared, command, false, fail_on).await
}

/// Runs a command that changes something and returns the exit status.
pub(crate) async fn change(console: &Rc<Console>, changing: &Changing, command: Command) -> u8 {
    serve(console, &changing.shared, command, changing.dry_run, None).await
}

/// Revokes credentials, if that is meant, and returns the exit status.
pub(crate) async fn revoke(console: &Rc<Console>, revoke: Revoke) -> u8 {
    match confirmed(&revoke) {
        Ok(what) => change(console, &revoke.changing, Command::Revoke(what)).await,
        Err(error) => refused(console, revoke.changing.shared.json, "revoke", &error),
    }
}

/// Checks that a revocation names its targets and was meant.
fn confirmed(revoke: &Revoke) -> Result<Revocation, Error> {
    let usage = |message: String| Error::new(Code::UsageInvalid, Step::Configure, message);
    let Changing { shared, dry_run } = &revoke.changing;
    if shared.targets.is_empty() {
        return Err(usage(
            "name the target with --target NAME: nothing is revoked for all targets at once".to_owned(),
        ));
    }
    match (&revoke.token_id, revoke.all) {
        (Some(id), _) => Ok(Revocation::Id(id.clone())),
        (None, true) if revoke.yes || *dry_run => Ok(Revocation::All),
        (None, true) => {
            let config = configuration::read(&shared.config, &ProcessEnvironment)?;
            let stops: Vec<String> = select(&config, &shared.targets)?.into_iter().map(what_stops).collect();
            Err(usage(format!("this stops what signs in with them: {}", stops.join("; ")))
                .with_hint("say --yes if that is meant; --dry-run shows what would be revoked"))
        }
        (None, false) => Ok(Revocation::Superseded),
    }
}

/// Says what a target's credentials are used by, as far as the configuration knows.
fn what_stops(target: &Target) -> String {
    let places = target.places();
    format!(
        "everything that uses a credential of {} at {}, those delivered to {} included",
        target.name(),
        target.workspace(),
        if places.is_empty() { "nowhere".to_owned() } else { places.join(", ") }
    )
}

/// Prints the targets divided among jobs and returns the exit status.
pub(crate) fn plan_matrix(console: &Console, shared: &Shared, shards: u16) -> u8 {
    let made = configuration::read(&shared.config, &ProcessEnvironment)
        .and_then(|config| Ok(matrix(&select(&config, &shared.targets)?, usize::from(shards))));
    match made {
        Ok(matrix) => {
            console.result(&matrix.to_string());
            DONE
        }
        Err(error) => refused(console, shared.json, "plan", &error),
    }
}

async fn serve(
    console: &Rc<Console>,
    shared: &Shared,
    command: Command,
    dry_run: bool,
    fail_on: Option<FailOn>,
) -> u8 {
    let name = command.name();
    let signals = Signals::listen();
    let runner = Runner {
        console,
        observer: &**console,
        environment: &ProcessEnvironment,
        clock: &SystemClock,
        cancellation: &signals,
    };
    let request = RunRequest { command, targets: shared.targets.clone(), dry_run };
    let done = async {
        let config = configuration::read(&shared.config, &ProcessEnvironment)?;
        runner.run(&config, &request).await
    };
    match done.await {
        Ok(report) => {
            show(console, shared.json, &report);
            exit_status::of(&report, fail_on)
        }
        Err(error) => refused(console, shared.json, name, &error),
    }
}

fn show(console: &Console, json: bool, report: &Report) {
    if json {
        // A report holds texts, numbers and times: there is nothing in it that could not be written.
        console.result(&serde_json::to_string_pretty(report).unwrap_or_default());
    } else {
        console.result(&report_text::report(report));
    }
    for target in &report.targets {
        for error in target.error.iter().chain(target.delivered.iter().filter_map(|d| d.error.as_ref())) {
            console.note(&report_text::error(error, Some(&target.name)));
        }
    }
}

/// Says why nothing was done; with `--json` in the form of a report without targets.
fn refused(console: &Console, json: bool, command: &str, error: &Error) -> u8 {
    if json {
        console.result(&format!("{:#}", report_text::refusal(Some(command), error)));
    }
    console.note(&report_text::error(error, None));
    exit_status::of_error(error)
}
