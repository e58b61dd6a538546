//! The whole story on the embedded emulator, told step by step.
//!
//! Nothing is staged: the commands are the binary's own, over real connections on loopback; only the clock is
//! moved.

mod from_nothing;
mod stage;

use std::fmt;
use std::rc::Rc;

use lakekey_core::engine::{Command, Revocation};
use lakekey_core::error::Error;
use lakekey_core::report::{Outcome, Report};

use crate::cli::text;
use crate::console::Console;
use crate::run::FAILED;
use stage::Stage;

/// Says why the story broke off.
enum Broken {
    /// The emulator could not be started.
    Stage(std::io::Error),
    /// A command failed before it sent anything.
    Refused(Error),
    /// A command ended otherwise than the story has it.
    Otherwise { expected: Outcome, found: String },
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<std::io::Error> for Broken {
    fn from(error: std::io::Error) -> Self {
        Self::Stage(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(error) => write!(f, "error: the emulator could not be started: {error}"),
            Self::Refused(error) => f.write_str(&text::error(error, None)),
            Self::Otherwise { expected, found } => {
                write!(
                    f,
                    "error: the story goes on with `{}`, and this is what came: {found}",
                    expected.as_str()
                )
            }
        }
    }
}

/// Tells the story and returns the exit status.
pub(crate) async fn run(console: &Rc<Console>, from_nothing: bool) -> u8 {
    let told = if from_nothing { from_nothing::tell(console).await } else { tell(console).await };
    match told {
        Ok(()) => 0,
        Err(broken) => {
            console.note(&broken.to_string());
            FAILED
        }
    }
}

/// Checks that every target ended as the story has it.
fn expect(report: &Report, expected: Outcome) -> Result<(), Broken> {
    match report.targets.iter().find(|target| target.outcome != expected) {
        None => Ok(()),
        Some(target) => {
            let why = target.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            Err(Broken::Otherwise {
                expected,
                found: format!("{} {}{why}", target.name, target.outcome.as_str()),
            })
        }
    }
}

/// Returns the id of the credential in use.
fn id_of(report: &Report) -> String {
    report
        .targets
        .iter()
        .find_map(|target| target.credential.as_ref())
        .map(|c| c.id.clone())
        .unwrap_or_default()
}

async fn tell(console: &Rc<Console>) -> Result<(), Broken> {
    let stage = Stage::raise(console).await?;
    let config = stage.written_config()?;
    let workspace = stage.ready().workspaces.first().cloned().unwrap_or_default();
    stage.say("lakekey against an emulated Entra ID, Databricks workspace and GitHub, all on this machine.");
    stage.say(&format!(
        "The workspace is {workspace}; the PAT goes to the secret DATABRICKS_TOKEN of acme/data."
    ));

    stage.chapter(
        1,
        "Nothing is there: the application exists, and the workspace does not know it.",
        "doctor",
    );
    let report = stage.run(&config, Command::Doctor).await?;
    stage.say(&indented(&text::report(&report)));

    stage.chapter(2, "Provision: make it able to use tokens, and deliver a first PAT.", "provision");
    let report = stage.run(&config, Command::Provision).await?;
    expect(&report, Outcome::Provisioned)?;
    let first = id_of(&report);
    stage.say(&format!("   PAT {} {}", text::short(&first), stage.try_out(&workspace, &first).await));

    stage.chapter(3, "Rotate at once: nothing is due, so nothing is done.", "rotate");
    expect(&stage.run(&config, Command::Rotate { force: false }).await?, Outcome::NotDue)?;
    stage.say("   not due");

    stage.chapter(4, "62 days pass.", "");
    stage.pass_days(62);

    stage.chapter(5, "Rotate: it is due. Make, verify, deliver, read back, and only then revoke.", "rotate");
    let report = stage.run(&config, Command::Rotate { force: false }).await?;
    expect(&report, Outcome::Rotated)?;
    let second = id_of(&report);

    stage.chapter(6, "What works now.", "");
    stage.say(&format!("   the old PAT {} {}", text::short(&first), stage.try_out(&workspace, &first).await));
    stage.say(&format!(
        "   the new PAT {} {}",
        text::short(&second),
        stage.try_out(&workspace, &second).await
    ));

    stage.chapter(7, "Where everything stands.", "status");
    let report = stage.run(&config, Command::Status).await?;
    expect(&report, Outcome::Ok)?;
    stage.say(&indented(&text::report(&report)));

    stage.chapter(
        8,
        "The emergency brake takes everything back.",
        "revoke --target catalog-prod --all --yes",
    );
    expect(&stage.run(&config, Command::Revoke(Revocation::All)).await?, Outcome::Revoked)?;
    stage.say(&format!(
        "   the new PAT {} {}",
        text::short(&second),
        stage.try_out(&workspace, &second).await
    ));

    stage.chapter(9, "And the next run of the schedule puts a fresh one in its place.", "rotate");
    expect(&stage.run(&config, Command::Rotate { force: false }).await?, Outcome::Rotated)?;
    let report = stage.run(&config, Command::Status).await?;
    expect(&report, Outcome::Ok)?;
    stage.say(&format!("\n{}", indented(&text::report(&report))));
    Ok(())
}

/// Moves a text to the right, below the command that printed it.
fn indented(text: &str) -> String {
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("   {line}") })
        .collect::<Vec<_>>()
        .join("\n")
}
