//! What every host needs to keep a GitHub secret, whatever client it speaks with: where a secret stands, who
//! may write it, how its value is sealed, and how fast GitHub wants to be written to.

mod app;
mod limits;
mod permission;
mod place;
mod seal;
#[cfg(test)]
mod tests;

pub use app::{identity, token};
pub(crate) use limits::WriteLimiter;
pub use limits::content_write;
pub use permission::{Permission, explain};
pub use place::{Kind, Place};
pub(crate) use seal::HostRng;
pub use seal::seal;

use crate::error::Error;
use crate::secret::Secret;
use crate::sink::within;

/// The largest value of a secret, in bytes.
///
/// <https://docs.github.com/actions/reference/security/secrets>
pub const LARGEST_SECRET: usize = 48 * 1024;

/// Refuses a value that is larger than a secret of GitHub, before anything is sent.
///
/// # Errors
/// `sink-refused`.
pub fn check_value(value: &Secret) -> Result<(), Error> {
    within(value, LARGEST_SECRET, "a secret of GitHub")
}
