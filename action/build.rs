//! Tells the binary for what it was built and from which commit, for `lakekey --version`.

#![allow(clippy::print_stdout, reason = "cargo listens on standard output")]

use std::process::Command;

fn main() {
    let target = std::env::var("TARGET").unwrap_or_else(|_| "an unknown target".to_owned());
    println!("cargo::rustc-env=LAKEKEY_TARGET_TRIPLE={target}");
    println!("cargo::rerun-if-env-changed=LAKEKEY_COMMIT");
    for changed in ["build.rs", "../.git/HEAD", "../.git/logs/HEAD"] {
        if std::path::Path::new(changed).exists() {
            println!("cargo::rerun-if-changed={changed}");
        }
    }
    // A release names its commit; a checkout knows it; a crate from a registry has none.
    let named = std::env::var("LAKEKEY_COMMIT").ok().filter(|commit| !commit.is_empty());
    let asked = || {
        let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        Some(text.trim().to_owned())
    };
    let is_checkout = std::path::Path::new("../.git").exists();
    let commit = named.or_else(|| asked().filter(|_| is_checkout)).unwrap_or_else(|| "no commit".to_owned());
    println!("cargo::rustc-env=LAKEKEY_COMMIT_NAME={commit}");
}
