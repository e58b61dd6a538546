//! The configuration file, read from this machine.

use std::time::Duration;

use lakekey_core::{Code, Config, Environment, Error, MAX_DOCUMENT};

use crate::platform::read_anything;

/// How long a pipe may take that the configuration comes from.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads and checks a configuration: a file, a pipe such as that of a process substitution, or standard input
/// as `-`. Only a file can be read a second time.
///
/// # Errors
/// Every `config-…` code.
pub fn read(path: &str, environment: &dyn Environment) -> Result<Config, Error> {
    Config::read(&load(path)?, environment)
}

/// Reads the text of a configuration.
///
/// # Errors
/// `config-unreadable`.
pub fn load(path: &str) -> Result<Vec<u8>, Error> {
    read_anything(path, MAX_DOCUMENT as u64, PATIENCE).map_err(|reason| {
        let error =
            Error::config(Code::ConfigUnreadable, path, format!("the configuration cannot be read: {reason}"));
        match path {
            "lakekey.yml" => error.with_hint(
                "run lakekey where lakekey.yml is, name it with --config FILE, or write one with `lakekey init`",
            ),
            _ => error,
        }
    })
}
