//! What the operating system gives: time, randomness, environment, the Azure CLI and the wish to stop.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use lakekey_core::{Cancellation, Clock, Entropy, Environment, LocalFuture, Secret, Timestamp};
use tokio::process::Command;
use tokio::sync::Notify;

/// The largest file that is read as a secret, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// How long `az` may take; it starts slowly.
const AZURE_CLI: Duration = Duration::from_secs(60);

/// Tells the system's time.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis())
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or_default()
    }

    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Gives the system's randomness.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        if getrandom::fill(buffer).is_err() {
            // Without randomness nothing that follows is safe, and the trait has no other way to say so.
            std::process::abort();
        }
    }
}

/// Reads the process's environment.
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        read_file(path, LARGEST_FILE)
    }

    fn azure_cli<'a>(&'a self, arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        Box::pin(azure_cli(arguments))
    }
}

/// Is the process's environment, with the hosts that the command line names.
pub struct WithHosts<'h>(pub &'h [String]);

impl Environment for WithHosts<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        match name {
            // The command line has read the variable too.
            "LAKEKEY_ALLOW_HOSTS" => Some(self.0.join(",")).filter(|hosts| !hosts.is_empty()),
            _ => ProcessEnvironment.variable(name),
        }
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        ProcessEnvironment.file(path)
    }

    fn azure_cli<'a>(&'a self, arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        ProcessEnvironment.azure_cli(arguments)
    }
}

/// Reads a whole file of at most that many bytes.
///
/// # Errors
/// The reason in words, without the file's content.
pub fn read_file(path: &str, largest: u64) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    // A pipe has no length, so that only reading tells.
    file.take(largest + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > largest {
        return Err(format!("it is larger than {} KiB", largest / 1024));
    }
    Ok(content)
}

async fn azure_cli(arguments: &[&str]) -> Result<Secret, String> {
    let program = if cfg!(windows) { "az.cmd" } else { "az" };
    let running = Command::new(program).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match tokio::time::timeout(AZURE_CLI, running).await {
        Err(_) => return Err(format!("`az` did not end within {} s", AZURE_CLI.as_secs())),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("`az` is not installed, or not on the PATH".to_owned());
        }
        Ok(Err(error)) => return Err(format!("`az` could not be started: {error}")),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        // Its standard output may hold a token; its complaint on standard error does not.
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout)
        .map(Secret::new)
        .map_err(|_| "`az` answered with something that is not text".to_owned())
}

/// Listens for SIGINT and SIGTERM: the first asks the run to stop at its next safe point, a second of its
/// kind ends the process at once.
///
/// GitHub sends SIGINT when a job is cancelled, SIGTERM 7.5 s later, and kills after 2.5 s more, so that the
/// other kind must not cut short what is nearly done.
#[derive(Clone, Default)]
pub struct Signals(Arc<Asked>);

/// Holds whether a signal came, and wakes who waits for one.
#[derive(Default)]
struct Asked {
    stop: AtomicBool,
    wake: Notify,
}

impl Asked {
    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }
}

impl Signals {
    /// Begins to listen; needs a running tokio runtime.
    #[must_use]
    pub fn listen() -> Self {
        let signals = Self::default();
        watch(signals.0.clone());
        signals
    }

    /// Waits until the process is asked to stop.
    pub async fn asked(&self) {
        while !self.is_cancelled() {
            self.0.wake.notified().await;
        }
    }
}

impl Cancellation for Signals {
    fn is_cancelled(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
    }
}

/// Exits on the second signal with the status that a shell gives to one who dies of it.
///
/// What the system does is changed here and now: a task that is yet to run would leave a moment in which a
/// signal kills.
#[cfg(unix)]
fn watch(asked: Arc<Asked>) {
    use futures_util::future::{Either, select};
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        let (mut interrupted, mut terminated) = (false, false);
        loop {
            let (seen, status) = match select(Box::pin(interrupt.recv()), Box::pin(terminate.recv())).await {
                Either::Left(_) => (&mut interrupted, 130),
                Either::Right(_) => (&mut terminated, 143),
            };
            if std::mem::replace(seen, true) {
                std::process::exit(status);
            }
            asked.stop();
        }
    });
}

/// Exits with the status of one who dies of Ctrl-C.
#[cfg(not(unix))]
fn watch(asked: Arc<Asked>) {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if asked.stop.load(Ordering::Relaxed) {
                std::process::exit(130);
            }
            asked.stop();
        }
    });
}
