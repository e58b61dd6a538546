//! The binary itself, against the emulator on loopback: what it prints where, what it exits with, and
//! commands as sinks.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;

use lakekey_core::Secret;
use lakekey_emulator::{Emulator, HostOptions, host};
use serde_json::Value;

/// Holds an emulator that runs on a thread of its own until this is dropped.
struct Running {
    emulator: Emulator,
    config: PathBuf,
    env: BTreeMap<String, String>,
    _stop: tokio::sync::oneshot::Sender<()>,
}

fn emulator() -> Running {
    let (ready, started) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let hosted = host(HostOptions::default()).await.unwrap();
            ready
                .send((hosted.emulator().clone(), hosted.ready().config.clone(), hosted.ready().env.clone()))
                .unwrap();
            let _ = stopped.await;
        });
    });
    let (emulator, config, env) = started.recv().unwrap();
    Running { emulator, config, env, _stop: stop }
}

impl Running {
    fn folder(&self) -> &Path {
        self.config.parent().unwrap()
    }

    fn lakekey(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lakekey"))
            .arg("--config")
            .arg(&self.config)
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(&self.env)
            .current_dir(self.folder())
            .output()
            .unwrap()
    }

    /// Delivers to a script instead of to GitHub.
    fn deliver_to(&self, script: &str) {
        let path = self.folder().join("push");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let text = std::fs::read_to_string(&self.config).unwrap();
        let (before, _) = text.split_once("      - type: github-secret").unwrap();
        std::fs::write(
            &self.config,
            format!("{before}      - {{type: command, run: [./push, an-argument], timeout: 10s}}\n"),
        )
        .unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn with_json_standard_output_holds_one_report_and_nothing_else() {
    let running = emulator();
    let done = running.lakekey(&["provision", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["targets"][0]["outcome"], "provisioned");
    let again: Value = serde_json::from_slice(&running.lakekey(&["rotate", "--json"]).stdout).unwrap();
    assert_eq!(again["targets"][0]["outcome"], "not-due");
}

#[test]
fn no_secret_is_printed_however_loud_it_is() {
    let mut running = emulator();
    running.env.insert("LAKEKEY_LOG".to_owned(), "trace".to_owned());
    let mut printed = String::new();
    for arguments in [
        &["provision"][..],
        &["rotate", "--force"],
        &["status"],
        &["doctor"],
        &["plan", "--json"],
        &["rotate", "--force", "--json"],
    ] {
        let done = running.lakekey(arguments);
        printed.push_str(&(text(&done.stdout) + &text(&done.stderr)));
    }
    assert!(printed.contains("-> 200 ("), "the requests are told");
    let issued = running.emulator.issued_secrets();
    assert!(issued.len() > 3);
    for secret in issued {
        assert!(!printed.contains(&secret), "a secret was printed");
    }
}

#[test]
fn a_wrong_configuration_exits_with_2_and_sends_nothing() {
    let running = emulator();
    std::fs::write(&running.config, "version: 1\ntargets: []\nsurprise: 1\n").unwrap();
    let done = running.lakekey(&["rotate", "--json"]);
    assert_eq!(done.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&report["error"]["code"], &report["error"]["key"]),
        (&"config-unknown-key".into(), &"surprise".into())
    );
    assert!(running.emulator.requests().is_empty());
}

#[test]
fn a_configuration_of_fifty_megabytes_is_not_read() {
    let running = emulator();
    std::fs::File::create(&running.config).unwrap().set_len(50 * 1024 * 1024).unwrap();
    let done = running.lakekey(&["rotate"]);
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("config-unreadable"));
}

#[test]
fn revoking_everything_lists_what_it_would_revoke_and_asks_to_be_meant() {
    let running = emulator();
    assert_eq!(running.lakekey(&["provision"]).status.code(), Some(0));
    for what in [&["--all"][..], &["--managed"]] {
        let listed = running.lakekey(&[&["revoke", "--target", "catalog-prod"], what].concat());
        assert_eq!(listed.status.code(), Some(1));
        let said = text(&listed.stdout);
        for part in ["would", "revoke-token", "made on", "last used on"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    let deleted = |request: &&lakekey_emulator::Record| request.path.ends_with("/token/delete");
    assert_eq!(running.emulator.requests().iter().filter(deleted).count(), 0);
    assert_eq!(
        running.lakekey(&["revoke", "--target", "catalog-prod", "--all", "--yes"]).status.code(),
        Some(0)
    );
}

#[test]
fn a_failed_target_exits_with_1_and_says_what_to_do() {
    let mut running = emulator();
    running.env.insert("CATALOG_CLIENT_SECRET".to_owned(), "a-wrong-secret".to_owned());
    let done = running.lakekey(&["rotate"]);
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    for part in [
        "client-secret-wrong at sign-in",
        "request id",
        "what to do:",
        "docs/troubleshooting.md#client-secret-wrong",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn what_is_due_is_found_by_status() {
    let running = emulator();
    assert_eq!(running.lakekey(&["provision"]).status.code(), Some(0));
    assert_eq!(running.lakekey(&["status", "--fail-on", "due"]).status.code(), Some(0));
    running.emulator.advance(std::time::Duration::from_secs(62 * 86_400));
    assert_eq!(running.lakekey(&["status"]).status.code(), Some(0));
    assert_eq!(running.lakekey(&["status", "--fail-on", "due"]).status.code(), Some(3));
}

#[test]
fn a_command_gets_the_value_on_standard_input_alone() {
    let running = emulator();
    running.deliver_to("cat >value; echo \"$@\" >arguments; env >environment; echo \"it was $(cat value)\"");
    let done = running.lakekey(&["provision", "--json"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let read = |name: &str| std::fs::read_to_string(running.folder().join(name)).unwrap();
    let value = read("value");
    assert_eq!(report["targets"][0]["credential"]["id"], Secret::new(value.clone()).fingerprint());
    assert_eq!(read("arguments"), "an-argument\n");
    assert!(!read("environment").contains(&value));
    assert!(read("environment").contains("LAKEKEY_TARGET=catalog-prod"));
    assert!(text(&done.stderr).contains("it was ***"), "{}", text(&done.stderr));
    assert!(!text(&done.stderr).contains(&value));
}

#[test]
fn a_command_that_fails_is_a_failed_sink_and_nothing_is_revoked() {
    let running = emulator();
    running.deliver_to("cat >/dev/null; echo '::error::out of order' >&2; exit 3");
    let done = running.lakekey(&["provision", "--json"]);
    assert_eq!(done.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let target = &report["targets"][0];
    assert_eq!((&target["outcome"], &target["error"]["code"]), (&"partial".into(), &"sink-failed".into()));
    assert!(target["error"]["message"].as_str().unwrap().contains("exit status 3"));
    assert_eq!(target["revoked"], serde_json::json!([]));
    let said = text(&done.stderr);
    assert!(
        said.contains("out of order") && !said.lines().any(|line| line.trim_start().starts_with("::")),
        "{said}"
    );
}

#[test]
fn a_command_that_is_not_there_is_refused_before_a_token_is_made() {
    let running = emulator();
    running.deliver_to("exit 0");
    std::fs::remove_file(running.folder().join("push")).unwrap();
    let done = running.lakekey(&["provision", "--json"]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["targets"][0]["error"]["code"], "sink-failed");
    assert!(!running.emulator.requests().iter().any(|record| record.path.ends_with("token/create")));
}

#[test]
fn both_demonstrations_reach_their_end() {
    for arguments in [&["demo"][..], &["demo", "--from-nothing"]] {
        let done = Command::new(env!("CARGO_BIN_EXE_lakekey")).args(arguments).env_clear().output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
}
