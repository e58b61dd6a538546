//! The emulator as a command: it runs until it is interrupted.

use std::time::Duration;

use lakekey_emulator::{Fault, HostOptions, Rehearsal, host};

use crate::arguments::Emulate;
use crate::console::Console;
use crate::exit_status::{DONE, FAILED, WRONG};
use crate::platform::{Signals, read_anything};

/// The largest file of faults, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// How long a pipe may take that a file comes from.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the emulator and returns the exit status.
pub(crate) async fn run(console: &Console, options: Emulate) -> u8 {
    let faults = match options.faults.as_deref().map(faults).transpose() {
        Ok(faults) => faults.unwrap_or_default(),
        Err(reason) => {
            console.note(&format!("error: --faults: {reason}"));
            return WRONG;
        }
    };
    let rehearsal = match options.config.as_deref().map(rehearsal).transpose() {
        Ok(rehearsal) => rehearsal,
        Err(reason) => {
            console.note(&format!("error: --config: {reason}"));
            return WRONG;
        }
    };
    let signals = Signals::listen();
    let hosted = host(HostOptions {
        workspaces: Some(usize::from(options.workspaces)),
        latency: Duration::from_millis(options.latency),
        port_base: options.port_base,
        tls: options.tls,
        proxy: options.proxy,
        rehearsal,
        faults,
        ..HostOptions::default()
    })
    .await;
    match hosted {
        Ok(hosted) => {
            console.result(&serde_json::to_string(hosted.ready()).unwrap_or_default());
            signals.asked().await;
            DONE
        }
        Err(error) => {
            console.note(&format!("error: the emulator could not be started: {error}"));
            FAILED
        }
    }
}

fn rehearsal(path: &str) -> Result<Rehearsal, String> {
    let bytes = read_anything(path, LARGEST_FILE, PATIENCE)?;
    crate::rehearsal::of(&bytes).map_err(|error| error.to_string())
}

fn faults(path: &std::path::Path) -> Result<Vec<Fault>, String> {
    let bytes = read_anything(path.to_string_lossy().as_ref(), LARGEST_FILE, PATIENCE)?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
