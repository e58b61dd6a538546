//! What a run is asked to do.

use wildmatch::WildMatch;

use super::resolve::{Config, Target};
use crate::model::{Code, Error, nearest};

/// Names a command of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Walks the procedure and offers, or sends, the requests that are safe: it adds the principal to the
    /// workspace, gives it its entitlements, and grants it the use of tokens.
    Fix,
    /// Shows what `provision` and `rotate` would do.
    Plan,
    /// Revokes credentials, the emergency brake.
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
            Self::Doctor | Self::Fix => "doctor",
            Self::Plan => "plan",
            Self::Revoke(_) => "revoke",
        }
    }
}

/// Says which credentials are revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// Those that a newer, delivered one has superseded.
    Superseded,
    /// Every one that lakekey made for this target, the one in use included.
    Managed,
    /// Every one of this principal, also those that somebody else made, except those of other configured
    /// targets.
    All,
    /// The one with this id, whatever has made it.
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
    /// Whether a revocation that stops what is in use, or the doctor's requests, were confirmed; if not, the
    /// report lists them.
    pub confirmed: bool,
    /// Whether those are told whom the configuration wants told.
    pub notify: bool,
}

impl RunRequest {
    /// Asks for a command on every target, for real.
    #[must_use]
    pub const fn new(command: Command) -> Self {
        Self { command, targets: Vec::new(), dry_run: false, confirmed: true, notify: true }
    }

    /// Returns whether the run may deliver a credential.
    #[must_use]
    pub const fn writes(&self) -> bool {
        matches!(self.command, Command::Provision | Command::Rotate { .. }) && !self.dry_run
    }
}

/// How many names a message lists.
const LISTED: usize = 20;

/// Returns true for a name that stands for several, such as `catalog-*`.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?'])
}

/// Chooses the targets of those names, all if none is named. In a name `*` stands for any characters and `?`
/// for one.
///
/// # Errors
/// `config-unknown-target` for a name or a pattern that no configured target has.
pub fn select<'a>(config: &'a Config, names: &[String]) -> Result<Vec<&'a Target>, Error> {
    let patterns: Vec<WildMatch> = names.iter().map(|name| WildMatch::new(name)).collect();
    let known = || config.targets.iter().map(Target::name);
    if let Some(unknown) =
        names.iter().zip(&patterns).find(|(_, pattern)| !known().any(|name| pattern.matches(name)))
    {
        let listed: Vec<&str> = known().take(LISTED).collect();
        let more = config.targets.len() - listed.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let what = if is_pattern(unknown.0) { "no target matches" } else { "no target is named" };
        let words = format!("{what} \"{}\"; the configured ones are {}{more}", unknown.0, listed.join(", "));
        let error = Error::config(Code::ConfigUnknownTarget, "--target", words);
        let all: Vec<&str> = known().collect();
        return Err(match nearest(unknown.0, &all) {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error,
        });
    }
    let chosen = |target: &&Target| patterns.is_empty() || patterns.iter().any(|p| p.matches(target.name()));
    Ok(config.targets.iter().filter(chosen).collect())
}
