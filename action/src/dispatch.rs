//! The way in: reads the command line and hands each command to who carries it out.

use std::io::IsTerminal as _;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use clap::CommandFactory as _;
use lakekey_core::{Command, Environment as _, schema};

use crate::arguments::{Arguments, Commands, Format, Telling};
use crate::command_line::{self, Refusal};
use crate::console::{Console, Level};
use crate::exit_status::{self, DONE, FAILED};
use crate::platform::{ProcessEnvironment, keep_memory_private};
use crate::style::Look;
use crate::terminal::{Form, Looking};
use crate::{demo, emulate, init, page, report_text, terminal, workflow};

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    keep_memory_private();
    let variable = |name: &str| ProcessEnvironment.variable(name);
    let arguments = match command_line::read(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(refusal) => return ExitCode::from(refuse(&Console::new(Level::Info), &refusal)),
    };
    let Telling { color, verbose, quiet, log, timings } = arguments.command.telling();
    let level = match (quiet, verbose) {
        (true, _) => Level::Warn,
        (_, 0) => Level::parse(variable("LAKEKEY_LOG").as_deref()),
        (_, 1) => Level::Debug,
        _ => Level::Trace,
    };
    let colours = color.unwrap_or_default();
    let look = |is_terminal| Look::of(is_terminal, colours, variable);
    let (out, err) = (look(std::io::stdout().is_terminal()), look(std::io::stderr().is_terminal()));
    let console = Console::new(level).looking(out, err).quiet(quiet).logging(log.unwrap_or_default());
    let console = Rc::new(if timings.is_some() { console.timing() } else { console });
    if matches!(arguments.command, Commands::Schema) {
        console.result(&format!("{:#}", schema()));
        return ExitCode::from(DONE);
    }
    if let Commands::Completions { shell } = arguments.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "lakekey", &mut script);
        console.result(&String::from_utf8_lossy(&script));
        return ExitCode::from(DONE);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            console.note(&format!("error: the asynchronous runtime could not be started: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let status = runtime.block_on(dispatch(arguments.command, &console));
    let status = timed(&console, timings.as_deref(), status);
    // A name that is still being looked up must not hold the process.
    runtime.shutdown_background();
    ExitCode::from(status)
}

/// Tells every request of the run, where that is asked for.
fn timed(console: &Console, trace: Option<&Path>, status: u8) -> u8 {
    let (Some(timings), Some(trace)) = (console.timings(), trace) else { return status };
    for line in timings.table().lines() {
        console.note(line);
    }
    if trace.as_os_str().is_empty() {
        return status;
    }
    match page::replaced(trace, &timings.trace().to_string()) {
        Ok(()) => status,
        Err(error) => {
            console.note(&format!("error: {} could not be written: {error}", trace.display()));
            status.max(FAILED)
        }
    }
}

/// Says what is wrong with the command line, or shows the help that was asked for.
fn refuse(console: &Console, refusal: &Refusal) -> u8 {
    // What is wrong goes to standard error, help and version to standard output; nobody is left to tell if
    // that fails.
    let _ = refusal.said.print();
    let Some(error) = refusal.error() else { return DONE };
    if refusal.json {
        console.result(&format!("{:#}", report_text::refusal(refusal.command.as_deref(), &error)));
    }
    exit_status::of_error(&error)
}

async fn dispatch(command: Commands, console: &Rc<Console>) -> u8 {
    match command {
        Commands::Schema | Commands::Completions { .. } => DONE,
        Commands::Action => workflow::run(console).await,
        Commands::Demo { from_nothing, .. } => demo::run(console, from_nothing).await,
        Commands::Emulate(options) => emulate::run(console, options).await,
        Commands::Plan { shared, matrix: Some(shards), .. } => {
            terminal::plan_matrix(console, &shared, shards)
        }
        Commands::Plan { shared, exit_code, .. } => {
            let looking = Looking { exit_code, ..Looking::default() };
            terminal::look(console, &shared, Command::Plan, looking).await
        }
        Commands::Status { shared, fail_on, all, markdown, format, html, no_notify } => {
            let form = match format {
                Some(Format::Openmetrics) => Form::Openmetrics,
                None if markdown => Form::Markdown,
                None => Form::Text,
            };
            let looking =
                Looking { fail_on, all, form, page: html, notify: !no_notify, ..Looking::default() };
            terminal::look(console, &shared, Command::Status, looking).await
        }
        Commands::Doctor { shared, fix: false, .. } => {
            terminal::look(console, &shared, Command::Doctor, Looking::default()).await
        }
        Commands::Doctor { shared, yes, .. } => terminal::fix(console, &shared, yes).await,
        Commands::Provision { changing, write, no_notify } => {
            terminal::change(console, &changing, Command::Provision, write, !no_notify).await
        }
        Commands::Rotate { changing, force, no_notify } => {
            terminal::change(console, &changing, Command::Rotate { force }, false, !no_notify).await
        }
        Commands::Init(flags) => init::run(console, *flags).await,
        Commands::Check { source, no_secrets } => terminal::check(console, &source, !no_secrets),
        Commands::Revoke(revoke) => terminal::revoke(console, revoke).await,
    }
}
