//! The emulator's time, which tests and `POST {control}/clock` can move.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Tells the time in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Stands still until it is moved.
    Manual(i64),
    /// Runs with the system's clock, this many milliseconds ahead of it.
    System(i64),
}

impl Clock {
    /// Returns the time.
    #[must_use]
    pub fn now_ms(self) -> i64 {
        match self {
            Self::Manual(now) => now,
            Self::System(ahead) => system_ms() + ahead,
        }
    }

    /// Moves the time forward, or back with a negative number.
    pub fn advance_ms(&mut self, by: i64) {
        match self {
            Self::Manual(now) => *now = now.saturating_add(by),
            Self::System(ahead) => *ahead = ahead.saturating_add(by),
        }
    }

    /// Sets the time.
    pub fn set_ms(&mut self, to: i64) {
        match self {
            Self::Manual(now) => *now = to,
            Self::System(ahead) => *ahead = to - system_ms(),
        }
    }
}

fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn at_second(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(ms.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Writes a time as RFC 3339 in whole seconds, such as `2026-11-24T10:00:00Z`.
pub(crate) fn rfc3339(ms: i64) -> String {
    at_second(ms).format(&Rfc3339).unwrap_or_default()
}

/// Writes a time as RFC 3339 in milliseconds, such as `2026-11-24T10:00:00.120Z`.
pub(crate) fn rfc3339_precise(ms: i64) -> String {
    rfc3339(ms).replace('Z', &format!(".{:03}Z", ms.rem_euclid(1000)))
}

/// Reads a time in RFC 3339.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(time.unix_timestamp() * 1000 + i64::from(time.millisecond()))
}

/// Writes a time as HTTP does, such as `Tue, 24 Nov 2026 10:00:00 GMT`.
pub(crate) fn http_date(ms: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}

/// Writes a time as Entra ID does in its errors, such as `2026-11-24 10:00:00Z`.
pub(crate) fn entra_date(ms: i64) -> String {
    rfc3339(ms).replace('T', " ")
}
