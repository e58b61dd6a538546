//! `command`: a program that gets the value on standard input. It is for a host that can run one; what it is
//! and whether it is well written stands here.

use std::rc::Rc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::adapters::{Adapters, Command, Sink};
use super::place::{Around, Place, Shape};
use crate::host::Environment;
use crate::model::{Code, Error, Span};

/// How long a command may run unless told.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A command that gets the value on standard input; native only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CommandShape {
    /// The program and its arguments.
    run: Vec<String>,
    /// How long it may run; 1m by default.
    timeout: Option<Span>,
}

impl Shape for CommandShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        let Self { run, timeout } = self;
        if run.first().is_none_or(String::is_empty) || run.iter().any(|part| part.contains('\0')) {
            return Err(Error::invalid(
                &around.at("run"),
                "write the program and its arguments as a list, such as [./push-to-catalog]",
            ));
        }
        let timeout = timeout.map_or(TIMEOUT, Span::duration);
        let (path, target) = (around.path.clone(), around.target.to_owned());
        Ok(Rc::new(Command { run, timeout, path, target }))
    }
}

impl Place for Command {
    fn label(&self) -> String {
        Self::label(self)
    }

    fn identity(&self) -> String {
        format!("command {} {}", self.target, self.run.join("\0"))
    }

    fn tells_writes(&self) -> bool {
        false
    }

    fn check_references(&self, _environment: &dyn Environment) -> Result<(), Error> {
        Ok(())
    }

    fn open<'s>(&'s self, adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        adapters.command(self)?.ok_or_else(|| {
            let at = format!("{}.type", self.path);
            Error::config(Code::SinkUnsupported, at, "there is no command here")
        })
    }
}
