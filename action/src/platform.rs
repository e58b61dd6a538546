//! What the operating system gives: time, randomness, environment, the Azure CLI and the wish to stop.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use lakekey_core::{Cancellation, Clock, Entropy, Environment, LocalFuture, Secret, Timestamp};
use tokio::process::Command;
use tokio::sync::Notify;

use crate::child::{self, Failed};

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
        read_file(path)
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

/// Reads a whole file that holds a secret: a regular one, after links, of at most 1 MiB. A pipe or a device
/// would make a run wait for something that may never come.
///
/// # Errors
/// The reason in words, without the file's content.
pub fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let is_regular = |kind: std::io::Result<std::fs::Metadata>| match kind {
        Ok(kind) if kind.is_file() => Ok(()),
        Ok(_) => Err("it is no regular file".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    // Before it is opened, since opening a pipe waits; and after, since a name can change what it means.
    is_regular(std::fs::metadata(path))?;
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    is_regular(file.metadata())?;
    read_bounded(file, LARGEST_FILE)
}

/// Reads a file, a pipe, a device or, as `-`, standard input to its end, of at most that many bytes and for
/// at most that long.
///
/// # Errors
/// The reason in words, without the content.
pub fn read_anything(path: &str, largest: u64, patience: Duration) -> Result<Vec<u8>, String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let path = path.to_owned();
    // Opening and reading a pipe may both wait for ever; a thread that does is left behind.
    std::thread::spawn(move || {
        let content = match path.as_str() {
            "-" => read_bounded(std::io::stdin().lock(), largest),
            path => std::fs::File::open(path)
                .map_err(|error| error.to_string())
                .and_then(|file| read_bounded(file, largest)),
        };
        let _ = sender.send(content);
    });
    receiver
        .recv_timeout(patience)
        .unwrap_or_else(|_| Err(format!("it did not end within {} s", patience.as_secs())))
}

fn read_bounded(source: impl std::io::Read, largest: u64) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    // A pipe has no length, so that only reading tells.
    source.take(largest + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > largest {
        return Err(format!("it is larger than {} KiB", largest / 1024));
    }
    Ok(content)
}

/// The variables that the Azure CLI gets, besides those of its own that are no secrets.
const OF_AZURE_CLI: [&str; 34] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TZ",
    "TMPDIR",
    "TMP",
    "TEMP",
    "USERPROFILE",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Returns true for a variable that the Azure CLI gets: what it needs to start and to find its log-in, and no
/// secret of lakekey's or of anybody else's.
fn is_for_azure_cli(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_secret = ["SECRET", "PASSWORD", "TOKEN", "KEY", "CERT"].iter().any(|word| name.contains(word));
    OF_AZURE_CLI.contains(&name.as_str())
        || name.starts_with("LC_")
        || name.starts_with("AZURE_") && !is_secret
}

/// Prevents the operating system from writing this process's memory to a file when it fails, where it can be
/// told so.
pub fn keep_memory_private() {
    #[cfg(unix)]
    {
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        // Where it is not allowed, all else is as it was.
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    }
}

async fn azure_cli(arguments: &[&str]) -> Result<Secret, String> {
    let program = if cfg!(windows) { "az.cmd" } else { "az" };
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    command.envs(std::env::vars_os().filter(|(name, _)| is_for_azure_cli(&name.to_string_lossy())));
    let output = match child::run(command, None, AZURE_CLI).await {
        Err(Failed::Late) => return Err(format!("`az` did not end within {} s", AZURE_CLI.as_secs())),
        Err(Failed::Start(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("`az` is not installed, or not on the PATH".to_owned());
        }
        Err(Failed::Start(error)) => return Err(format!("`az` could not be started: {error}")),
        Err(Failed::Speak(error)) => return Err(format!("`az` could not be spoken to: {error}")),
        Ok(output) => output,
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
/// kind, or a third of any, ends the process at once.
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
///
/// It watches on a thread of its own: the run's may be waiting for something that does not end.
#[cfg(unix)]
fn watch(asked: Arc<Asked>) {
    use futures_util::future::{Either, select};
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let registered = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    let (Ok(mut interrupt), Ok(mut terminate)) = registered else { return };
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let (mut interrupted, mut terminated, mut signals) = (false, false, 0);
            loop {
                let (seen, status) =
                    match select(Box::pin(interrupt.recv()), Box::pin(terminate.recv())).await {
                        Either::Left(_) => (&mut interrupted, 130),
                        Either::Right(_) => (&mut terminated, 143),
                    };
                signals += 1;
                if std::mem::replace(seen, true) || signals > 2 {
                    std::process::exit(status);
                }
                asked.stop();
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_a_regular_file_alone() {
        assert!(read_file(env!("CARGO_MANIFEST_PATH")).is_ok());
        for other in [env!("CARGO_MANIFEST_DIR"), "/dev/zero", "/dev/null"] {
            assert!(read_file(other).is_err(), "{other}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn what_never_ends_is_read_up_to_its_bound() {
        let error = read_anything("/dev/zero", 1024, Duration::from_secs(3600));
        assert_eq!(error, Err("it is larger than 1 KiB".to_owned()));
    }

    #[test]
    fn the_npm_package_gives_the_azure_cli_the_same_variables() {
        let theirs = include_str!("../../wasm/npm/lib/azure-cli.js");
        let list =
            theirs.split("new Set([").nth(1).and_then(|rest| rest.split("]);").next()).unwrap_or_default();
        let mut theirs: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let mut ours = OF_AZURE_CLI.to_vec();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, theirs);
    }

    #[test]
    fn the_azure_cli_gets_what_it_needs_and_no_secret() {
        for name in
            ["PATH", "Path", "HOME", "AZURE_CONFIG_DIR", "AZURE_EXTENSION_DIR", "LC_ALL", "https_proxy"]
        {
            assert!(is_for_azure_cli(name), "{name}");
        }
        for name in [
            "AZURE_CLIENT_SECRET",
            "AZURE_PASSWORD",
            "AZURE_FEDERATED_TOKEN",
            "GITHUB_TOKEN",
            "LAKEKEY_CONFIG",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
            "DATABRICKS_TOKEN",
            "LD_PRELOAD",
            "PYTHONPATH",
            "SYSTEM_ACCESSTOKEN",
        ] {
            assert!(!is_for_azure_cli(name), "{name}");
        }
    }
}
