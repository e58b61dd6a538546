//! A command that gets the value on standard input.
//!
//! The value is never an argument, which every user of the machine could read, nor in the environment.

use std::path::Path;
use std::process::ExitStatus;
use std::rc::Rc;

use lakekey_core::{
    Code, Context, Delivery, Error, LocalFuture, Secret, Sink, SinkCommand, SinkState, Step, Written,
};
use tokio::process::Command;

use crate::child::{self, Failed};

/// Shows people a line of a command's output.
pub type Show = Rc<dyn Fn(&str)>;

/// Runs a command for every new value.
pub struct CommandSink<'s> {
    command: &'s SinkCommand,
    show: Show,
    /// The variables that the configuration refers to.
    withheld: Rc<[String]>,
}

impl<'s> CommandSink<'s> {
    /// Makes the sink of a command; what it prints is shown line by line, and it gets none of the variables
    /// that are withheld.
    #[must_use]
    pub fn new(command: &'s SinkCommand, show: Show, withheld: Rc<[String]>) -> Self {
        Self { command, show, withheld }
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(Code::SinkFailed, Step::Deliver, format!("{} {what}", self.label()))
    }

    async fn run(&self, context: &Context<'_>, value: &Secret, delivery: &Delivery) -> Result<(), Error> {
        let timeout = self.command.timeout;
        context.check_lease(timeout, Step::Deliver)?;
        let mut command = Command::new(self.command.program());
        command.args(self.command.run.get(1..).unwrap_or_default());
        for (name, _) in std::env::vars_os().filter(|(name, _)| self.is_withheld(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
            .env("LAKEKEY_TARGET", &delivery.target)
            .env("LAKEKEY_CREDENTIAL_ID", &delivery.credential_id)
            .env("LAKEKEY_CREATED", delivery.created.to_string())
            .env("LAKEKEY_EXPIRES", delivery.expires.map(|at| at.to_string()).unwrap_or_default());
        let ended = child::run(command, Some(value), timeout).await;
        if let Ok(output) = &ended {
            for text in [&output.stdout, &output.stderr] {
                let text = String::from_utf8_lossy(text);
                text.lines().filter(|line| !line.trim().is_empty()).for_each(|line| (self.show)(line));
            }
        }
        match ended.map(|output| output.status) {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self
                .failed(&format!("failed with {}", described(status)))
                .with_uncertainty(true)
                .with_admission(true)),
            Err(Failed::Start(error)) => Err(self.failed(&format!("could not be started: {error}"))),
            Err(Failed::Speak(error)) => {
                Err(self.failed(&format!("could not be spoken to: {error}")).with_uncertainty(true))
            }
            Err(Failed::Late) => Err(self
                .failed(&format!("did not end within {} s and was stopped", timeout.as_secs()))
                .with_uncertainty(true)),
        }
    }

    /// Returns true for a variable that is nothing to the command: what lakekey signs in with, by the
    /// configuration, by the Action's inputs, or by the job's own identity.
    fn is_withheld(&self, name: &str) -> bool {
        name.starts_with("LAKEKEY_")
            || name.starts_with("ACTIONS_")
            || self.withheld.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

fn described(status: ExitStatus) -> String {
    status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit status {code}"))
}

/// Finds a program as the operating system would.
fn exists(program: &str) -> bool {
    if program.contains(std::path::is_separator) {
        return Path::new(program).is_file();
    }
    let names: &[String] = &if cfg!(windows) {
        ["", ".exe", ".cmd", ".bat"].map(|extension| format!("{program}{extension}")).to_vec()
    } else {
        vec![program.to_owned()]
    };
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| names.iter().any(|name| folder.join(name).is_file()))
    })
}

impl Sink for CommandSink<'_> {
    fn label(&self) -> String {
        self.command.label()
    }

    fn observe<'a>(&'a self, _context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            if !exists(self.command.program()) {
                return Err(self
                    .failed("was not found")
                    .at(Step::ReadSinks)
                    .with_hint("correct `run`, or make the program available where lakekey runs"));
            }
            Ok(SinkState { written: Written::Unknown, holds: None, editor: None })
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.run(context, value, delivery))
    }

    fn read_back<'a>(
        &'a self,
        _context: &'a Context<'a>,
        _value: &'a Secret,
        _delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async { Ok(SinkState { written: Written::Unknown, holds: None, editor: None }) })
    }
}
