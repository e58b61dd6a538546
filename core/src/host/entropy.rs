//! Randomness.

/// Fills a buffer with random bytes from a cryptographically secure source.
pub trait Entropy {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}
