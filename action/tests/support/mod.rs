//! The emulator as a child process, for the tests of the binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Runs `lakekey emulate` until it is dropped, and keeps what it said when it was ready.
pub(crate) struct Emulator {
    child: Child,
    ready: Value,
}

impl Emulator {
    /// Starts an emulator with so many workspaces.
    pub(crate) fn start(workspaces: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lakekey"))
            .args(["emulate", "--workspaces", workspaces])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    /// A text of the line that it wrote when it was ready, by a JSON pointer such as `/workspaces/0`.
    pub(crate) fn at(&self, pointer: &str) -> &str {
        self.ready.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    /// The environment that a run needs, with its made-up secrets.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ready["env"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
