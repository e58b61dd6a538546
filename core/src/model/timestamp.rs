//! A moment, as the services and the reports write it.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// A moment in the years 1 to 9999, in milliseconds: no service that is asked tells time more finely in a way
/// that matters.
///
/// Its text is RFC 3339 in UTC, with a fraction where there is one: `2026-11-24T10:00:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Says that a number is no moment of the years 1 to 9999, or that a text is none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTimestamp;

impl Timestamp {
    /// The beginning of 1970.
    pub const UNIX_EPOCH: Self = Self(0);
    /// The earliest moment.
    pub const MIN: Self = Self(-62_135_596_800_000);
    /// The latest moment.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Makes one from seconds since 1970.
    ///
    /// # Errors
    /// Outside the years 1 to 9999.
    pub fn from_second(second: i64) -> Result<Self, NoTimestamp> {
        Self::from_millisecond(second.checked_mul(1000).ok_or(NoTimestamp)?)
    }

    /// Makes one from milliseconds since 1970.
    ///
    /// # Errors
    /// Outside the years 1 to 9999.
    pub fn from_millisecond(millisecond: i64) -> Result<Self, NoTimestamp> {
        let made = Self(millisecond);
        (Self::MIN..=Self::MAX).contains(&made).then_some(made).ok_or(NoTimestamp)
    }

    /// Returns whole seconds since 1970, rounded down.
    #[must_use]
    pub const fn as_second(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Returns milliseconds since 1970.
    #[must_use]
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }

    /// Returns how many milliseconds it lies behind another moment; negative where it lies before it.
    #[must_use]
    pub const fn since(self, other: Self) -> i64 {
        self.0 - other.0
    }

    /// Returns how long it is from here to a later moment; nothing where that has passed.
    #[must_use]
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.since(self)).unwrap_or(0))
    }

    /// Moves by milliseconds, to the end of representable time at the most.
    #[must_use]
    pub fn shifted(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Returns the day, such as `2026-11-24`.
    #[must_use]
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }

    /// Returns the day and how far away it is, such as `2026-11-24 (in 59 d)`.
    #[must_use]
    pub fn day_from(self, now: Self) -> String {
        let (day, seconds) = (self.day(), self.as_second() - now.as_second());
        let far = match seconds.unsigned_abs() {
            0..5 => return format!("{day} (now)"),
            s @ 5..120 => format!("{s} s"),
            s @ 120..7_200 => format!("{} min", s / 60),
            s @ 7_200..172_800 => format!("{} h", s / 3_600),
            s => format!("{} d", s / 86_400),
        };
        if seconds < 0 { format!("{day} ({far} ago)") } else { format!("{day} (in {far})") }
    }

    /// Reads a date of an HTTP header, such as `Tue, 24 Nov 2026 10:00:00 GMT`.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>
    #[must_use]
    pub fn from_http_date(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc2822).ok().and_then(|time| Self::of(time).ok())
    }

    /// Reads a time as GitHub writes it into a header, such as `2027-10-12 09:00:00 UTC`, or with an offset
    /// such as `+0000` at its end.
    pub(crate) fn from_spaced(text: &str) -> Option<Self> {
        let (time, zone) = text.trim().rsplit_once(' ')?;
        let zone = match zone {
            "UTC" => "Z".to_owned(),
            _ if zone.len() == 5 && zone.is_ascii() => format!("{}:{}", &zone[..3], &zone[3..]),
            _ => return None,
        };
        format!("{}{zone}", time.replacen(' ', "T", 1)).parse().ok()
    }

    fn of(time: OffsetDateTime) -> Result<Self, NoTimestamp> {
        let millisecond = time.unix_timestamp() * 1000 + i64::from(time.millisecond());
        Self::from_millisecond(millisecond)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Moves forward, to the end of representable time at the most.
impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        self.shifted(milliseconds(duration))
    }
}

/// Moves back, to the beginning of representable time at the most.
impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        self.shifted(-milliseconds(duration))
    }
}

impl FromStr for Timestamp {
    type Err = NoTimestamp;

    fn from_str(text: &str) -> Result<Self, NoTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NoTimestamp).and_then(Self::of)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp(self.as_second()).map_err(|_| fmt::Error)?;
        let (date, (hour, minute, second)) = (time.date(), time.to_hms());
        write!(
            f,
            "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}",
            date.year(),
            u8::from(date.month()),
            date.day()
        )?;
        match self.0.rem_euclid(1000) {
            0 => f.write_str("Z"),
            fraction => write!(f, ".{fraction:03}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NoTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a moment in RFC 3339 was expected, between the years 1 and 9999")
    }
}

impl std::error::Error for NoTimestamp {}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for millisecond in [0, -1, 1_795_514_400_000, 1_795_514_400_120, Timestamp::MIN.0, Timestamp::MAX.0] {
            let made = Timestamp::from_millisecond(millisecond).unwrap();
            assert_eq!(made.to_string().parse(), Ok(made), "{made}");
        }
        assert_eq!(Timestamp::from_second(1_795_514_400).unwrap().to_string(), "2026-11-24T10:00:00Z");
        assert_eq!(
            Timestamp::from_millisecond(1_795_514_400_120).unwrap().to_string(),
            "2026-11-24T10:00:00.120Z"
        );
        assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn the_forms_of_the_services_are_read() {
        let ten = Timestamp::from_second(1_795_514_400).unwrap();
        for text in [
            "2026-11-24T10:00:00Z",
            "2026-11-24T10:00:00.0000000Z",
            "2026-11-24T12:00:00+02:00",
            "2026-11-24T10:00:00.000999999Z",
        ] {
            assert_eq!(text.parse(), Ok(ten), "{text}");
        }
        assert_eq!(
            "2026-11-24T10:00:00.1234567Z".parse::<Timestamp>().unwrap().as_millisecond(),
            1_795_514_400_123
        );
        assert_eq!(Timestamp::from_http_date("Tue, 24 Nov 2026 10:00:00 GMT"), Some(ten));
    }

    #[test]
    fn moments_are_moved_and_compared_and_never_leave_representable_time() {
        let ten = Timestamp::from_second(1_795_514_400).unwrap();
        let later = ten + Duration::from_secs(90);
        assert_eq!(later.to_string(), "2026-11-24T10:01:30Z");
        assert_eq!(later - Duration::from_secs(90), ten);
        assert_eq!((later.since(ten), ten.since(later)), (90_000, -90_000));
        assert_eq!((ten.until(later), later.until(ten)), (Duration::from_secs(90), Duration::ZERO));
        assert_eq!(Timestamp::MAX + Duration::MAX, Timestamp::MAX);
        assert_eq!(Timestamp::MIN - Duration::MAX, Timestamp::MIN);
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T10:00:00",
            "2026-13-24T10:00:00Z",
            "1795514400",
            "10000-01-01T00:00:00Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(NoTimestamp), "{text}");
        }
        assert_eq!(Timestamp::from_second(i64::MAX), Err(NoTimestamp));
        assert_eq!(Timestamp::from_millisecond(Timestamp::MAX.0 + 1), Err(NoTimestamp));
        assert_eq!(Timestamp::from_http_date("in an hour"), None);
    }
}
