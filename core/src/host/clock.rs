//! Time.

use std::time::Duration;

use super::LocalFuture;
use crate::model::Timestamp;

/// Tells the time and waits.
pub trait Clock {
    /// Returns the current time of the host, which may be wrong.
    fn now(&self) -> Timestamp;
    /// Waits that long.
    fn sleep(&self, duration: Duration) -> LocalFuture<'_, ()>;
}
