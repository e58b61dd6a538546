//! A child process: fed, listened to for as long as it lives, and ended with all that it has started.

use std::cell::RefCell;
use std::pin::pin;
use std::process::{Output, Stdio};
use std::time::Duration;

use futures_util::future::{Either, join3, select};
use lakekey_core::Secret;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of each output is kept, in bytes; the rest is read and dropped, so that the child does not wait.
const KEPT: usize = 64 * 1024;

/// How long an output is read on whose child has ended: something that it started may keep it open for ever.
const GRACE: Duration = Duration::from_millis(500);

/// Says why a command has not run to its end.
pub(crate) enum Failed {
    /// It could not be started, so that it has done nothing.
    Start(std::io::Error),
    /// It could not be spoken to.
    Speak(std::io::Error),
    /// It did not end in time and was stopped, with all that it has started where the system can do that.
    Late,
}

/// Runs a command to its end. It gets the input on standard input, if there is one.
///
/// # Errors
/// Why it has not run to its end.
pub(crate) async fn run(
    mut command: Command,
    input: Option<&Secret>,
    timeout: Duration,
) -> Result<Output, Failed> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    #[cfg(unix)]
    // Ctrl-C at a terminal reaches the whole group; a delivery that has begun is finished first.
    command.process_group(0);
    let mut child = command.spawn().map_err(Failed::Start)?;
    let ended = tokio::time::timeout(timeout, drive(&mut child, input)).await;
    match ended {
        Ok(output) => output.map_err(Failed::Speak),
        Err(_) => {
            stop(&mut child).await;
            Err(Failed::Late)
        }
    }
}

/// Ends a child and its group.
async fn stop(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill().await;
}

/// Feeds the input in, takes the output out, and waits for the end.
async fn drive(child: &mut Child, input: Option<&Secret>) -> std::io::Result<Output> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (out, err) = (RefCell::default(), RefCell::default());
    let fed = RefCell::new(Ok(()));
    let feed = async {
        let (Some(mut stdin), Some(input)) = (stdin, input) else { return };
        let value = input.expose("the standard input of the command that delivers it").as_bytes();
        match stdin.write_all(value).await {
            // A command that ends without reading says by its status whether that was right.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => *fed.borrow_mut() = Err(error),
            _ => {}
        }
    };
    let status = {
        let spoken = pin!(join3(feed, keep(stdout, &out), keep(stderr, &err)));
        match select(pin!(child.wait()), spoken).await {
            Either::Left((status, spoken)) => {
                let _ = tokio::time::timeout(GRACE, spoken).await;
                status?
            }
            Either::Right((_, waiting)) => waiting.await?,
        }
    };
    fed.into_inner()?;
    Ok(Output { status, stdout: out.into_inner(), stderr: err.into_inner() })
}

/// Reads an output to its end and keeps its beginning.
async fn keep(output: Option<impl AsyncRead + Unpin>, kept: &RefCell<Vec<u8>>) {
    let Some(mut output) = output else { return };
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = output.read(&mut buffer).await {
        let mut kept = kept.borrow_mut();
        let room = KEPT - kept.len();
        kept.extend_from_slice(&buffer[..read.min(room)]);
    }
}
