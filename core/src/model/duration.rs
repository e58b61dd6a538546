//! Durations as people write them: `90d`, `12h`, `30m`, `45s`.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Holds a duration in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(u64);

impl Span {
    /// Makes a duration of that many seconds.
    #[must_use]
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Returns the length in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// Returns the length as the standard library has it.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }

    /// Reads `90d`, `12h`, `30m` or `45s`.
    ///
    /// # Errors
    /// The reason in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        const LONGEST: u64 = 100 * 365 * 86_400;
        let wrong =
            || format!("\"{text}\" is not a duration; write a whole number and d, h, m or s, such as 90d");
        let (digits, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
        let factor = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => return Err(wrong()),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let seconds =
            digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|s| *s <= LONGEST);
        seconds.map(Self).ok_or_else(|| format!("\"{text}\" is longer than a hundred years"))
    }
}

/// Says a wait in words, in whole units and never too short: `45 s`, `31 min`, `3 h`.
pub(crate) fn in_words(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3_600)),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (factor, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] {
            if self.0 != 0 && self.0.is_multiple_of(factor) {
                return write!(f, "{}{unit}", self.0 / factor);
            }
        }
        write!(f, "{}s", self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[0-9]+[dhms]$", "examples": ["90d", "12h", "30m"]
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_read_and_shown_in_its_largest_whole_unit() {
        for (text, seconds) in [("90d", 7_776_000), ("12h", 43_200), ("30m", 1_800), ("45s", 45), ("0d", 0)] {
            assert_eq!(Span::parse(text).unwrap().seconds(), seconds);
        }
        assert_eq!(Span::parse("24h").unwrap().to_string(), "1d");
    }

    #[test]
    fn a_wait_is_said_in_whole_units_and_never_too_short() {
        for (milliseconds, said) in [
            (1_500, "2 s"),
            (119_000, "119 s"),
            (119_001, "2 min"),
            (1_801_000, "31 min"),
            (7_200_001, "3 h"),
        ] {
            assert_eq!(in_words(Duration::from_millis(milliseconds)), said);
        }
    }

    #[test]
    fn what_is_not_a_duration_is_refused() {
        for text in ["", "d", "90", "1.5d", "-1d", "9 d", "90D", "99999999999999999999d", "40000d", "ü"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
