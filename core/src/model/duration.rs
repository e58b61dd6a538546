//! Durations as people write them: `90d`, `12w`, `12h`, `30m`, `45s`, `90 days`.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Visitor;
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

    /// Reads `90d`, `12w`, `12h`, `30m` or `45s`, and a unit as a word, such as `90 days`.
    ///
    /// # Errors
    /// The reason in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        const LONGEST: u64 = 100 * 365 * 86_400;
        let text = text.trim();
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let Some(factor) = factor(unit.trim_start()).filter(|_| !number.is_empty()) else {
            return Err(not_a_duration(text, number, unit));
        };
        let seconds =
            number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|s| *s <= LONGEST);
        seconds.map(Self).ok_or_else(|| format!("\"{text}\" is longer than a hundred years"))
    }
}

/// Returns how many seconds a unit has.
fn factor(unit: &str) -> Option<u64> {
    Some(match unit {
        "w" | "week" | "weeks" => 604_800,
        "d" | "day" | "days" => 86_400,
        "h" | "hour" | "hours" => 3_600,
        "m" | "min" | "minute" | "minutes" => 60,
        "s" | "sec" | "second" | "seconds" => 1,
        _ => return None,
    })
}

/// Says why a text is no duration, and what to write.
fn not_a_duration(text: &str, number: &str, unit: &str) -> String {
    let unit = unit.trim().to_ascii_lowercase();
    if let Some(rest) = text.strip_prefix('-')
        && rest.starts_with(|c: char| c.is_ascii_digit())
    {
        return "a duration is not negative, and the smallest lifetime is 10m".to_owned();
    }
    let vary = "months and years vary; write 90d";
    // ISO 8601 writes 90 days as P90D.
    if let Some(iso) =
        text.strip_prefix(['P', 'p']).filter(|iso| iso.starts_with(|c: char| c.is_ascii_digit()))
    {
        let days = iso.strip_suffix(['D', 'd']).filter(|days| days.bytes().all(|b| b.is_ascii_digit()));
        let months = iso.contains(['M', 'm', 'Y', 'y']) && !iso.contains(['T', 't']);
        return match days {
            Some(days) => format!("this is no duration of that form; write {days}d"),
            None if months => vary.to_owned(),
            None => "this is no duration of that form; write a whole number and d, h, m or s, such as 90d"
                .to_owned(),
        };
    }
    match (number.is_empty(), unit.as_str()) {
        (false, "") => format!("a number alone says no unit; write {number}d for days"),
        (false, "mo" | "mon" | "month" | "months") => vary.to_owned(),
        (false, "y" | "yr" | "year" | "years") => format!("{vary}, or 365d for a year"),
        (false, "d" | "h" | "w" | "s") => format!("write {number}{unit}"),
        _ => format!(
            "{} is not a duration; write a whole number and w, d, h, m or s, such as 90d",
            if text.len() <= 20 { format!("\"{text}\"") } else { "this".to_owned() }
        ),
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
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 90d")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                Span::parse(text).map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Span, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Span, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string", "pattern": "^[0-9]+ *(w|d|h|m|s|weeks?|days?|hours?|min|minutes?|sec|seconds?)$", "examples": ["90d", "12h", "30m"]
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
        for text in ["", "d", "1.5d", "99999999999999999999d", "40000d", "ü", "1d2h", "d90", "PT1H"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
        for (text, said) in [
            ("90", "write 90d"),
            ("90D", "write 90d"),
            ("-1d", "the smallest lifetime is 10m"),
            ("P90D", "write 90d"),
            ("P3M", "months and years vary; write 90d"),
            ("3mo", "months and years vary; write 90d"),
            ("3 months", "months and years vary; write 90d"),
            ("1y", "months and years vary; write 90d, or 365d for a year"),
        ] {
            let told = Span::parse(text).unwrap_err();
            assert!(told.contains(said), "{text}: {told}");
        }
    }

    #[test]
    fn a_unit_may_be_a_word_and_stand_apart() {
        for (text, days) in
            [("90 days", 90), ("1 day", 1), ("90 d", 90), ("12w", 84), ("2 weeks", 14), ("48hours", 2)]
        {
            assert_eq!(Span::parse(text).unwrap().seconds(), days * 86_400, "{text}");
        }
    }
}
