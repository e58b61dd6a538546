//! Randomness that repeats itself for the same seed, so that a failing test can be run again.

use sha2::{Digest, Sha256};

/// Makes the emulator's ids and secrets from a seed.
#[derive(Debug, Clone)]
pub struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    /// Starts from a number.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: Sha256::digest(seed.to_le_bytes()).into(), counter: 0 }
    }

    /// Starts from the operating system's randomness, or from a fixed seed where it has none.
    #[must_use]
    pub fn from_system() -> Self {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            return Self::new(0);
        }
        Self { seed, counter: 0 }
    }

    /// Returns the next 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.counter += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize().into()
    }

    /// Returns `length` hexadecimal digits in lower case.
    pub fn hex(&mut self, length: usize) -> String {
        self.text(length, b"0123456789abcdef")
    }

    /// Returns `length` letters and digits.
    pub fn alphanumeric(&mut self, length: usize) -> String {
        self.text(length, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
    }

    /// Returns a UUID of version 4.
    pub fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    /// Returns a number of sixteen digits, such as the ids of Databricks.
    pub fn number(&mut self) -> u64 {
        let bytes = self.bytes();
        let mut eight = [0; 8];
        eight.copy_from_slice(&bytes[..8]);
        1_000_000_000_000_000 + u64::from_le_bytes(eight) % 8_000_000_000_000_000
    }

    fn text(&mut self, length: usize, alphabet: &[u8]) -> String {
        let mut text = String::with_capacity(length + 32);
        while text.len() < length {
            text.extend(
                self.bytes().iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])),
            );
        }
        text.truncate(length);
        text
    }
}
