//! The wish to stop.

/// Tells a run whether it has been asked to stop.
pub trait Cancellation {
    /// Returns true once the run is to stop at its next safe point.
    fn is_cancelled(&self) -> bool;
}

/// Never cancels.
#[derive(Debug, Clone, Copy, Default)]
pub struct NeverCancelled;

impl Cancellation for NeverCancelled {
    fn is_cancelled(&self) -> bool {
        false
    }
}
