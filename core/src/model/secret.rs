//! The one type that holds a credential's value.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Holds a credential's value: wiped on drop, never shown by `Debug`, never serialised.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// Returns the value to the one who has a reason; the reason stands at the call for the reader's sake.
    #[must_use]
    pub fn expose(&self, _reason: &'static str) -> &str {
        self.0.expose_secret()
    }

    /// Returns true where there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// Returns the SHA-256 of the value in lower-case hexadecimal, which for a PAT is its `token_id`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        hex(&Sha256::digest(self.0.expose_secret().as_bytes()))
    }
}

/// Writes bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl PartialEq for Secret {
    /// Compares without leaving early, so that the time taken tells nothing of where two values differ.
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.0.expose_secret().as_bytes(), other.0.expose_secret().as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |seen, (x, y)| seen | (x ^ y)) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Secret::new("dapi-value")), "Secret(…)");
    }

    #[test]
    fn the_fingerprint_is_the_sha_256_of_the_value() {
        assert_eq!(
            Secret::new("abc").fingerprint(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
