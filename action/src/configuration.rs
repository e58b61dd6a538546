//! The configuration file, read from this machine.

use lakekey_core::{Code, Config, Environment, Error, MAX_DOCUMENT};

use crate::platform::read_file;

/// Reads and checks a configuration file.
///
/// # Errors
/// Every `config-…` code.
pub fn read(path: &str, environment: &dyn Environment) -> Result<Config, Error> {
    // One byte more than the limit is enough for the core to see that it is exceeded.
    let bytes = read_file(path, MAX_DOCUMENT as u64).map_err(|reason| {
        Error::config(Code::ConfigUnreadable, path, format!("the configuration cannot be read: {reason}"))
    })?;
    Config::read(&bytes, environment)
}
