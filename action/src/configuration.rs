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
    let bytes = read_anything(path, MAX_DOCUMENT as u64, PATIENCE).map_err(|reason| {
        Error::config(Code::ConfigUnreadable, path, format!("the configuration cannot be read: {reason}"))
    })?;
    Config::read(&bytes, environment)
}
