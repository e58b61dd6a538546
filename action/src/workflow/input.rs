//! The inputs of the Action, checked before anything is done with them.
//!
//! A composite action maps its inputs to variables; the runner enforces neither `required` nor a type.

use clap::ValueEnum as _;
use lakekey_core::{Code, Command, Environment, Error, Revocation, Secret};

use super::table::{INPUTS, Input, Reader, find};
use crate::exit_status::FailOn;

/// Reads inputs.
pub(super) struct Inputs<'a>(pub(super) &'a dyn Environment);

/// Holds what is to be done.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) command: Command,
    pub(super) targets: Vec<String>,
    pub(super) dry_run: bool,
    pub(super) fail_on: Option<FailOn>,
    pub(super) matrix: Option<u16>,
    /// Where a page of the fleet is written.
    pub(super) html: Option<String>,
    /// What the issue of what is wrong is kept with, where one is wanted.
    pub(super) issue: Option<Secret>,
}

/// Returns the variable that holds an input; empty where there is no such input.
pub(super) fn variable(name: &str) -> String {
    find(name).map(Input::variable).unwrap_or_default()
}

/// Says that an input is wrong.
pub(super) fn wrong(name: &str, message: impl Into<String>) -> Error {
    Error::config(Code::UsageInvalid, format!("input {name}"), message)
        .with_hint("correct the `with:` of the step")
}

impl Inputs<'_> {
    /// Returns an input that the binary reads, `None` where it is empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let input = find(name);
        debug_assert!(
            input.is_some_and(|input| input.reader == Reader::Binary),
            "there is no input {name} for the binary"
        );
        self.value(input?)
    }

    fn value(&self, input: &Input) -> Option<String> {
        self.0.variable(&input.variable()).filter(|value| !value.trim().is_empty())
    }

    /// Returns the secrets among the inputs, which are masked before anything is printed.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let secret = INPUTS.iter().filter(|input| input.secret);
        secret.filter_map(|input| self.value(input)).map(Secret::new).collect()
    }

    /// Refuses what no input may hold: a line end could forge a line of the log or of a file of the runner.
    pub(super) fn check_lines(&self) -> Result<(), Error> {
        for input in INPUTS.iter().filter(|input| !input.several_lines) {
            if self.value(input).is_some_and(|value| value.chars().any(char::is_control)) {
                return Err(wrong(input.name, "it holds a line end or another control character"));
            }
        }
        Ok(())
    }

    /// Reads a boolean as GitHub writes them.
    fn boolean(&self, name: &str) -> Result<bool, Error> {
        match self.get(name).as_deref() {
            None | Some("false" | "False" | "FALSE") => Ok(false),
            Some("true" | "True" | "TRUE") => Ok(true),
            Some(_) => Err(wrong(name, "write true or false")),
        }
    }

    /// Reads what is to be done.
    pub(super) fn request(&self) -> Result<Request, Error> {
        let force = self.boolean("force")?;
        let command = match self.get("command").as_deref().unwrap_or("rotate") {
            "rotate" => Command::Rotate { force },
            "provision" => Command::Provision,
            "status" => Command::Status,
            "doctor" => Command::Doctor,
            "plan" => Command::Plan,
            "revoke" => Command::Revoke(self.revocation()?),
            _ => return Err(wrong("command", "write rotate, provision, status, doctor, plan or revoke")),
        };
        if force && !matches!(command, Command::Rotate { .. }) {
            return Err(wrong("force", "only rotate can be forced"));
        }
        Ok(Request {
            fail_on: self.fail_on(&command)?,
            matrix: self.matrix(&command)?,
            html: self.html(&command)?,
            issue: self.issue(&command)?,
            targets: self.targets()?,
            dry_run: self.boolean("dry-run")?,
            command,
        })
    }

    /// Reads the names of targets: one a line, or with blanks or commas between.
    fn targets(&self) -> Result<Vec<String>, Error> {
        let text = self.get("target").unwrap_or_default();
        let names: Vec<String> = text
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        let fine = |name: &String| {
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if names.iter().all(fine) {
            Ok(names)
        } else {
            Err(wrong("target", "a target's name has letters, digits, `-`, `_` and `.`"))
        }
    }

    fn revocation(&self) -> Result<Revocation, Error> {
        Ok(match self.get("revoke").as_deref().unwrap_or("superseded") {
            "superseded" => Revocation::Superseded,
            "managed" => Revocation::Managed,
            "all" => Revocation::All,
            id if id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) => {
                Revocation::Id(id.to_owned())
            }
            _ => return Err(wrong("revoke", "write superseded, managed, all, or the id of a token")),
        })
    }

    fn fail_on(&self, command: &Command) -> Result<Option<FailOn>, Error> {
        let Some(text) = self.get("fail-on") else { return Ok(None) };
        let fail_on = FailOn::from_str(&text, false)
            .map_err(|_| wrong("fail-on", "write due, overdue or overwritten"))?;
        if *command == Command::Status {
            Ok(Some(fail_on))
        } else {
            Err(wrong("fail-on", "only status has it"))
        }
    }

    fn html(&self, command: &Command) -> Result<Option<String>, Error> {
        match self.get("html") {
            Some(_) if *command != Command::Status => Err(wrong("html", "only status has it")),
            html => Ok(html),
        }
    }

    fn issue(&self, command: &Command) -> Result<Option<Secret>, Error> {
        if !self.boolean("issue")? {
            return Ok(None);
        }
        if !matches!(command, Command::Rotate { .. } | Command::Provision | Command::Status) {
            return Err(wrong("issue", "rotate, provision and status keep one"));
        }
        let token = self.get("issue-token");
        Ok(Some(Secret::new(token.ok_or_else(|| wrong("issue-token", "it is needed to keep the issue"))?)))
    }

    fn matrix(&self, command: &Command) -> Result<Option<u16>, Error> {
        let Some(text) = self.get("matrix") else { return Ok(None) };
        if *command != Command::Plan {
            return Err(wrong("matrix", "only plan has it"));
        }
        match text.parse() {
            Ok(shards @ 1..=256) => Ok(Some(shards)),
            _ => Err(wrong(
                "matrix",
                "write a number from 1 to 256, which is as many jobs as GitHub makes of a matrix",
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
pub(super) mod tests {
    use super::*;
    use lakekey_core::LocalFuture;

    /// Holds variables in memory.
    pub(crate) struct Variables(pub(crate) Vec<(String, String)>);

    impl Environment for Variables {
        fn variable(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        }

        fn file(&self, _path: &str) -> Result<Vec<u8>, String> {
            Err("there are no files".to_owned())
        }

        fn azure_cli<'a>(&'a self, _arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
            Box::pin(async { Err("there is no az".to_owned()) })
        }
    }

    /// Makes variables of inputs.
    pub(crate) fn inputs(pairs: &[(&str, &str)]) -> Variables {
        Variables(pairs.iter().map(|(name, value)| (variable(name), (*value).to_owned())).collect())
    }

    fn refused(pairs: &[(&str, &str)]) -> Error {
        let variables = inputs(pairs);
        let inputs = Inputs(&variables);
        inputs.check_lines().and_then(|()| inputs.request()).unwrap_err()
    }

    #[test]
    fn a_boolean_is_exactly_what_github_writes() {
        for (text, value) in [
            ("true", true),
            ("True", true),
            ("TRUE", true),
            ("false", false),
            ("False", false),
            ("FALSE", false),
        ] {
            let variables = inputs(&[("dry-run", text)]);
            assert_eq!(Inputs(&variables).request().unwrap().dry_run, value);
        }
        for text in ["yes", "1", "tRUE", "on", "true "] {
            assert_eq!(refused(&[("dry-run", text)]).key(), Some("input dry-run"));
        }
    }

    #[test]
    fn an_unknown_command_is_refused_and_not_repeated() {
        let error = refused(&[("command", "rotate; rm -rf ~ ::error::")]);
        assert_eq!(error.code(), Code::UsageInvalid);
        assert!(!error.to_string().contains("rm -rf"));
    }

    #[test]
    fn a_line_end_is_refused_in_every_input_that_is_no_list_and_no_key() {
        let several = ["target", "private-key"];
        for Input { name, .. } in INPUTS {
            let pairs = [(name, "a\nb")];
            let variables = inputs(&pairs);
            let refused = Inputs(&variables).check_lines().is_err();
            assert_eq!(refused, !several.contains(&name), "{name}");
        }
    }

    #[test]
    fn every_secret_among_the_inputs_is_masked() {
        let given = ["client-secret", "github-token", "private-key", "workspace"];
        let variables = inputs(&given.map(|name| (name, name)));
        let masked: Vec<String> = Inputs(&variables)
            .secrets()
            .iter()
            .map(|secret| secret.expose("a test of what is masked").to_owned())
            .collect();
        assert_eq!(masked, ["client-secret", "github-token", "private-key"]);
    }

    #[test]
    fn names_of_targets_are_divided_by_lines_blanks_and_commas() {
        let variables = inputs(&[("target", "a b\nc,d\n")]);
        assert_eq!(Inputs(&variables).request().unwrap().targets, ["a", "b", "c", "d"]);
        assert_eq!(refused(&[("target", "a::b")]).key(), Some("input target"));
    }

    #[test]
    fn what_only_another_command_has_is_refused() {
        assert_eq!(refused(&[("fail-on", "due")]).key(), Some("input fail-on"));
        assert_eq!(refused(&[("matrix", "4")]).key(), Some("input matrix"));
        assert_eq!(refused(&[("command", "status"), ("force", "true")]).key(), Some("input force"));
    }

    #[test]
    fn the_revocation_is_of_what_is_superseded_unless_told() {
        for (text, what) in [
            ("", Revocation::Superseded),
            ("superseded", Revocation::Superseded),
            ("managed", Revocation::Managed),
            ("all", Revocation::All),
            ("abc123", Revocation::Id("abc123".to_owned())),
        ] {
            let variables = inputs(&[("command", "revoke"), ("revoke", text)]);
            assert_eq!(Inputs(&variables).request().unwrap().command, Command::Revoke(what));
        }
    }
}
