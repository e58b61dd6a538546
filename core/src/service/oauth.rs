//! What every token endpoint answers.
//!
//! <https://www.rfc-editor.org/rfc/rfc6749#section-5.1>

use serde::Deserialize;

/// Holds a token and how long it lives.
#[derive(Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: String,
    pub(crate) expires_in: Seconds,
}

/// Holds a number of seconds that some services write as a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    pub(crate) fn seconds(&self) -> i64 {
        match self {
            Self::Number(seconds) => *seconds,
            // What is no number is a token that is used once.
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}
