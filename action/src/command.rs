//! A command that gets the value on standard input.
//!
//! The value is never an argument, which every user of the machine could read, nor in the environment.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::rc::Rc;

use futures_util::future::join3;
use lakekey_core::{
    Code, Context, Delivery, Error, LocalFuture, Secret, Sink, SinkCommand, SinkState, Step, Written,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of each output is kept, in bytes; the rest is read and dropped, so that the command does not
/// wait.
const KEPT: usize = 64 * 1024;

/// Shows people a line of a command's output.
pub type Show = Rc<dyn Fn(&str)>;

/// Runs a command for every new value.
pub struct CommandSink<'s> {
    command: &'s SinkCommand,
    show: Show,
}

impl<'s> CommandSink<'s> {
    /// Makes the sink of a command; what it prints is shown line by line.
    #[must_use]
    pub fn new(command: &'s SinkCommand, show: Show) -> Self {
        Self { command, show }
    }

    fn failed(&self, what: &str) -> Error {
        Error::new(Code::SinkFailed, Step::Deliver, format!("{} {what}", self.label()))
    }

    async fn run(&self, context: &Context<'_>, value: &Secret, delivery: &Delivery) -> Result<(), Error> {
        let timeout = self.command.timeout;
        context.check_lease(timeout, Step::Deliver)?;
        let mut command = Command::new(self.command.program());
        command
            .args(self.command.run.get(1..).unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // The inputs of the Action hold the secrets that lakekey signs in with, which are nothing to the
        // command.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAKEKEY_INPUT_"))
        {
            command.env_remove(name);
        }
        command
            .env("LAKEKEY_TARGET", &delivery.target)
            .env("LAKEKEY_CREDENTIAL_ID", &delivery.credential_id)
            .env("LAKEKEY_CREATED", delivery.created.to_string())
            .env("LAKEKEY_EXPIRES", delivery.expires.map(|at| at.to_string()).unwrap_or_default());
        #[cfg(unix)]
        // Ctrl-C at a terminal reaches the whole group; a delivery that has begun is finished first.
        command.process_group(0);
        let mut child =
            command.spawn().map_err(|error| self.failed(&format!("could not be started: {error}")))?;
        let status = tokio::time::timeout(timeout, self.drive(&mut child, value)).await;
        match status {
            Err(_) => {
                let _ = child.kill().await;
                Err(self
                    .failed(&format!("did not end within {} s and was stopped", timeout.as_secs()))
                    .with_uncertainty(true))
            }
            Ok(Err(error)) => {
                Err(self.failed(&format!("could not be spoken to: {error}")).with_uncertainty(true))
            }
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self
                .failed(&format!("failed with {}", described(status)))
                .with_uncertainty(true)
                .with_admission(true)),
        }
    }

    /// Feeds the value in, takes the output out, and waits for the end.
    async fn drive(&self, child: &mut Child, value: &Secret) -> std::io::Result<ExitStatus> {
        let stdin = child.stdin.take();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let feed = async {
            let Some(mut stdin) = stdin else { return Ok(()) };
            match stdin
                .write_all(value.expose("the standard input of the command that delivers it").as_bytes())
                .await
            {
                // A command that ends without reading says by its status whether that was right.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error),
                _ => Ok(()),
            }
        };
        let (fed, stdout, stderr) = join3(feed, kept(stdout), kept(stderr)).await;
        let status = child.wait().await?;
        for output in [stdout, stderr] {
            for line in String::from_utf8_lossy(&output).lines().filter(|line| !line.trim().is_empty()) {
                (self.show)(line);
            }
        }
        fed.map(|()| status)
    }
}

/// Reads an output to its end and keeps its beginning.
async fn kept(output: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut output) = output else { return kept };
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read.min(KEPT - kept.len())]);
    }
    kept
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
