//! The command line as it was typed, read: options before the command, variables that are empty, and what is
//! wrong with it, in one line.

use std::ffi::OsString;

use clap::builder::{OsStr, Resettable};
use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _, FromArgMatches as _};
use lakekey_core::{Code, Error, Step};

use crate::arguments::Arguments;

/// Holds what is wrong with a command line, or the help that it asks for.
#[derive(Debug)]
pub struct Refusal {
    /// What clap says, for people.
    pub said: clap::Error,
    /// The command, where it was recognised.
    pub command: Option<String>,
    /// Whether a program reads the answer.
    pub json: bool,
}

impl Refusal {
    /// Returns the error in the form of the reports; `None` where help or the version was asked for.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        let message = match self.said.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return None,
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
                "a command is missing".to_owned()
            }
            _ => in_one_line(&self.said.render().to_string()),
        };
        Some(Error::new(Code::UsageInvalid, Step::Configure, message))
    }
}

/// Takes what clap says before it shows the usage.
fn in_one_line(said: &str) -> String {
    let words = said.split("\n\n").next().unwrap_or_default();
    let lines: Vec<&str> = words.lines().map(str::trim).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// Reads a command line, the program's name first, and the variables that stand in for options.
///
/// # Errors
/// What is wrong with it, or the help or version that it asks for.
pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Arguments, Box<Refusal>> {
    let mut line = line.into_iter();
    let program = line.next().unwrap_or_else(|| "lakekey".into());
    let words: Vec<OsString> = line.collect();
    let command = without_empty_variables(Arguments::command());
    let ordered = options_last(&words, &command);
    let name = ordered.first().filter(|word| command.find_subcommand(word).is_some());
    let name = name.map(|word| word.to_string_lossy().into_owned());
    command
        .try_get_matches_from(std::iter::once(program).chain(ordered))
        .and_then(|matches| Arguments::from_arg_matches(&matches))
        .map_err(|said| Box::new(Refusal { said, command: name, json: asks_for_json(&words) }))
}

/// Has a variable that is empty count as one that is not set: a workflow cannot leave one out.
fn without_empty_variables(command: Command) -> Command {
    command
        .mut_args(|arg| match arg.get_env() {
            Some(name) if std::env::var_os(name).is_some_and(|value| value.is_empty()) => {
                arg.env(Resettable::<OsStr>::Reset)
            }
            _ => arg,
        })
        .mut_subcommands(without_empty_variables)
}

/// Moves options that stand before the command behind it, where they are defined.
fn options_last(words: &[OsString], command: &Command) -> Vec<OsString> {
    let takes_value = |name: &str| {
        let mut options = command.get_subcommands().flat_map(Command::get_arguments);
        let option = options.find(|option| option.get_long() == Some(name))?;
        Some(option.get_action().takes_values())
    };
    let mut at = 0;
    let is_short_flag = |letter: char| {
        let mut options = command.get_subcommands().flat_map(Command::get_arguments);
        options.any(|option| option.get_short() == Some(letter) && !option.get_action().takes_values())
    };
    while let Some(word) = words.get(at).and_then(|word| word.to_str()?.strip_prefix('-')) {
        let Some(word) = word.strip_prefix('-') else {
            if word.is_empty() || !word.chars().all(is_short_flag) {
                break;
            }
            at += 1;
            continue;
        };
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let Some(takes_value) = takes_value(name) else { break };
        at += 1;
        if takes_value && value.is_none() && words.get(at).is_some_and(|next| !is_option(next)) {
            at += 1;
        }
    }
    match words.split_at(at) {
        // Help, a version, an option that nobody has, or nothing more.
        (_, rest) if rest.first().is_none_or(is_option) => rest.to_vec(),
        (options, [name, rest @ ..]) => [std::slice::from_ref(name), options, rest].concat(),
        (_, []) => Vec::new(),
    }
}

fn is_option(word: &OsString) -> bool {
    word.to_str().is_some_and(|word| word.len() > 1 && word.starts_with('-'))
}

fn asks_for_json(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
        || std::env::var_os("LAKEKEY_JSON").is_some_and(|value| value == "true")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::arguments::Commands;

    fn read_line(line: &str) -> Result<Arguments, Box<Refusal>> {
        read(std::iter::once("lakekey").chain(line.split_whitespace()).map(OsString::from))
    }

    fn status_of(line: &str) -> Option<i32> {
        read_line(line).err().map(|refusal| refusal.said.exit_code())
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_not_known_exits_with_2() {
        for wrong in ["rotat", "rotate --fast", "", "plan --matrix 0", "status --fail-on soon"] {
            assert_eq!(status_of(wrong), Some(2), "{wrong}");
        }
    }

    #[test]
    fn a_revocation_says_exactly_one_of_what() {
        assert_eq!(status_of("revoke --target a"), Some(2));
        assert_eq!(status_of("revoke --target a --all --superseded"), Some(2));
        assert_eq!(status_of("revoke --target a --token-id x"), None);
    }

    #[test]
    fn options_may_stand_before_and_after_the_command() {
        let read = read_line("--json --target=a --config x.yml rotate --target b --force").unwrap();
        let Commands::Rotate { changing, force, .. } = read.command else { unreachable!() };
        assert_eq!(
            (changing.shared.source.json, force, changing.dry_run, changing.shared.source.config.as_str()),
            (true, true, false, "x.yml")
        );
        assert_eq!(changing.shared.targets, ["a", "b"]);
    }

    #[test]
    fn short_options_may_stand_before_the_command_too_and_one_tells_less_or_more() {
        let read = read_line("-vv rotate").unwrap();
        assert_eq!(read.command.telling().verbose, 2);
        assert!(read_line("-q --json status").unwrap().command.telling().quiet);
        assert_eq!(status_of("rotate -q -v"), Some(2));
        assert_eq!(status_of("-x rotate"), Some(2));
    }

    #[test]
    fn an_option_before_a_command_that_does_not_take_it_is_refused() {
        assert_eq!(status_of("--dry-run status"), Some(2));
        assert_eq!(status_of("--json schema"), Some(2));
    }

    #[test]
    fn a_refusal_says_in_one_line_what_is_wrong() {
        let refusal = read_line("--json revoke --target a").unwrap_err();
        assert_eq!((refusal.command.as_deref(), refusal.json), (Some("revoke"), true));
        assert_eq!(
            refusal.error().unwrap().message(),
            "the following required arguments were not provided: <--superseded|--managed|--all|--token-id <ID>>"
        );
    }
}
