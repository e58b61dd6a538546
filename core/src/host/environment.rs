//! What the configuration refers to.

use super::LocalFuture;
use crate::model::Secret;

/// Reads what the configuration refers to: environment variables, and on a host that has them files and the
/// Azure CLI.
pub trait Environment {
    /// Returns an environment variable, `None` if it is not set or empty.
    fn variable(&self, name: &str) -> Option<String>;

    /// Reads a whole file.
    ///
    /// # Errors
    /// The reason in words, without the file's content.
    fn file(&self, _path: &str) -> Result<Vec<u8>, String> {
        Err("this host has no files".to_owned())
    }

    /// Runs `az` with those arguments and returns its standard output.
    ///
    /// # Errors
    /// The reason in words, without any token.
    fn azure_cli<'a>(&'a self, _arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        Box::pin(async { Err("this host has no Azure CLI".to_owned()) })
    }
}

/// Holds nothing: no variable, no file, no Azure CLI.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEnvironment;

impl Environment for NoEnvironment {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }
}
