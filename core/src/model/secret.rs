//! The one type that holds a credential's value.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Holds a credential's value: wiped on drop, never shown by `Debug`, never serialised.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The shortest text that is masked, in characters: shorter ones are words that any sentence holds.
    pub const SHORTEST: usize = 6;

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

    /// Returns every text in which the value may stand in an answer or a log: its lines, and each of them
    /// percent-encoded, form-encoded, as JSON writes it, and in Base64, alone or behind a user's name. Texts
    /// of fewer than [`Secret::SHORTEST`] characters are left out.
    #[must_use]
    pub fn forms(&self) -> Vec<Zeroizing<String>> {
        let mut forms: Vec<Zeroizing<String>> = Vec::new();
        let value = self.0.expose_secret();
        let whole = std::iter::once(value.trim());
        for line in whole.chain(value.lines().map(str::trim).filter(|_| value.trim().contains('\n'))) {
            if line.len() < Self::SHORTEST {
                continue;
            }
            let percent = utf8_percent_encode(line, NON_ALPHANUMERIC).to_string();
            let unreserved = utf8_percent_encode(line, &UNRESERVED).to_string();
            let lower = lower_hex(&unreserved);
            let json = serde_json::Value::from(line).to_string();
            let form = form_urlencoded::byte_serialize(line.as_bytes()).collect::<String>();
            let texts =
                [line.to_owned(), percent, unreserved, lower, form, json.trim_matches('"').to_owned()];
            forms.extend(texts.into_iter().map(Zeroizing::new));
            for skipped in 0..3 {
                forms.extend(in_base64(line.as_bytes(), skipped));
            }
        }
        forms.retain(|form| form.len() >= Self::SHORTEST);
        // The longest first, so that none leaves a part of another behind.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        forms
    }

    /// Returns the SHA-256 of the value in lower-case hexadecimal, which for a PAT is its `token_id`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        hex(&Sha256::digest(self.0.expose_secret().as_bytes()))
    }
}

/// What RFC 3986 leaves as it is.
const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Writes the digits of percent-encoded bytes in lower case.
fn lower_hex(text: &str) -> String {
    let mut digits = 0;
    text.chars()
        .map(|c| match (c, digits) {
            ('%', _) => {
                digits = 2;
                c
            }
            (_, 0) => c,
            _ => {
                digits -= 1;
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Writes in Base64, of both alphabets, what stays the same of a value wherever it stands in a longer text:
/// the bytes that share a group with their neighbours are left out.
fn in_base64(value: &[u8], skipped: usize) -> Vec<Zeroizing<String>> {
    let rest = value.get(skipped..).unwrap_or_default();
    let whole = &rest[..rest.len() / 3 * 3];
    let mut texts = vec![STANDARD.encode(whole), URL_SAFE_NO_PAD.encode(whole)];
    if skipped == 0 {
        texts.extend([STANDARD.encode(value), URL_SAFE_NO_PAD.encode(value)]);
    }
    texts.into_iter().map(Zeroizing::new).collect()
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
    fn every_form_in_which_a_value_may_be_repeated_is_known() {
        let value = "dapi 8Q~x/y+z=\"&é-end";
        let forms = Secret::new(value).forms();
        let pair = |user: &str| STANDARD.encode(format!("{user}:{value}"));
        let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        for text in [
            value.to_owned(),
            form,
            lower_hex(&utf8_percent_encode(value, &UNRESERVED).to_string()),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            serde_json::json!({ "a": value }).to_string(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            pair(""),
            pair("x"),
            pair("ab"),
        ] {
            let mut left = text.clone();
            for form in &forms {
                left = left.replace(form.as_str(), "");
            }
            assert!(left.len() <= 12, "{left:?} is left of {text:?}");
        }
        assert!(Secret::new("abcde").forms().is_empty(), "a short word is in every sentence");
    }

    #[test]
    fn the_fingerprint_is_the_sha_256_of_the_value() {
        assert_eq!(
            Secret::new("abc").fingerprint(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
