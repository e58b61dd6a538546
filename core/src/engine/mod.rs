//! The commands: sign in, observe, plan, carry out, report.

mod matrix;

use crate::config::Config;
use crate::error::{Code, Error};
use crate::platform::Host;
use crate::report::Report;

pub use matrix::matrix;

/// Names a command of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes the principal able to use PATs, from nothing, and delivers a first credential.
    Provision,
    /// Renews what is due.
    Rotate {
        /// Renews what is not due too.
        force: bool,
    },
    /// Shows every managed credential.
    Status,
    /// Walks the procedure read-only.
    Doctor,
    /// Shows what `provision` and `rotate` would do.
    Plan,
    /// Takes credentials back.
    Revoke(Revocation),
}

impl Command {
    /// Returns the command's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Rotate { .. } => "rotate",
            Self::Status => "status",
            Self::Doctor => "doctor",
            Self::Plan => "plan",
            Self::Revoke(_) => "revoke",
        }
    }
}

/// Says which credentials are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Those that a newer, delivered one has superseded.
    Superseded,
    /// Every managed one, the one in use included.
    All,
    /// The one with this id, whoever made it.
    Id(String),
}

/// Describes a run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The command.
    pub command: Command,
    /// The names of the targets to serve; all if empty.
    pub targets: Vec<String>,
    /// Whether nothing is changed and the report says what would be done.
    pub dry_run: bool,
}

/// Runs a command over the targets and reports on each.
///
/// A target that fails is in the report, and the others are served.
///
/// # Errors
/// A configuration error that was found before anything was sent.
pub async fn run(host: Host<'_>, config: &Config, request: &RunRequest) -> Result<Report, Error> {
    let _ = (host, config, request);
    Err(Error::new(Code::Internal, crate::error::Step::Configure, "the engine is not here yet"))
}
