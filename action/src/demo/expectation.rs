//! What the story expects of a command, and why it breaks off where that does not come.

use std::fmt;
use std::io;

use lakekey_core::{Error, Outcome, Report};

use crate::report_text;
use crate::style::Look;

/// Says why the story broke off.
pub(super) enum Broken {
    /// The emulator could not be started.
    Stage(io::Error),
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

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Stage(error)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage(error) => write!(f, "error: the emulator could not be started: {error}"),
            Self::Refused(error) => f.write_str(&report_text::error(error, None, Look::plain())),
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

/// Checks that every target ended as the story has it.
pub(super) fn expect(report: &Report, expected: Outcome) -> Result<(), Broken> {
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
pub(super) fn id_of(report: &Report) -> String {
    report
        .targets
        .iter()
        .find_map(|target| target.credential.as_ref())
        .map(|c| c.id.clone())
        .unwrap_or_default()
}
