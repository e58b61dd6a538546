//! How fast GitHub may be written to.
//!
//! GitHub takes 80 content-generating requests a minute and 500 an hour from one caller, over all
//! repositories, and answers the next with its secondary limit, which grows with each further attempt. A
//! fleet would meet it, so that every write asks for its place in the row first.
//!
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::config::Origin;
use crate::context::{Context, LONGEST_WAIT};
use crate::error::{Code, Error, Step};
use crate::timestamp::Timestamp;

/// Each limit: so many writes in so many milliseconds.
const LIMITS: [(usize, i64); 2] = [(80, 60_000), (500, 3_600_000)];

/// Remembers the writes of the last hour, a host.
#[derive(Default)]
pub(crate) struct WriteLimiter {
    writes: RefCell<HashMap<Origin, VecDeque<Timestamp>>>,
}

impl WriteLimiter {
    /// Takes a place in the row, or says how long to wait for one.
    fn take(&self, host: &Origin, now: Timestamp) -> Result<(), Duration> {
        let mut writes = self.writes.borrow_mut();
        let row = writes.entry(host.clone()).or_default();
        let mut wait = 0;
        for (most, window) in LIMITS {
            // The one that must have left the window before another fits in.
            if let Some(before) = row.len().checked_sub(most).and_then(|index| row.get(index)) {
                wait = wait.max(before.as_millisecond() + window - now.as_millisecond());
            }
        }
        if let Ok(wait) = u64::try_from(wait)
            && wait > 0
        {
            return Err(Duration::from_millis(wait));
        }
        row.push_back(now);
        if row.len() > LIMITS[1].0 {
            row.pop_front();
        }
        Ok(())
    }
}

/// Waits until GitHub takes another write; every request that creates or changes a secret asks here first.
///
/// # Errors
/// `rate-limited` where that is longer than a run waits: the hour's 500 are used.
pub async fn content_write(context: &Context<'_>, step: Step) -> Result<(), Error> {
    let host = context.session.config.github_api.without_path();
    loop {
        let Err(wait) = context.session.github_writes.take(&host, context.now()) else { return Ok(()) };
        if wait > LONGEST_WAIT {
            return Err(Error::new(
                Code::RateLimited,
                step,
                format!(
                    "this run has written 500 secrets to GitHub within the hour, as many as GitHub takes; \
                     the next fits in {} s",
                    wait.as_secs()
                ),
            )
            .with_hint(
                "run again in an hour: what is still due is renewed then; spread the targets over the day, \
                 or over several Apps",
            ));
        }
        context.sleep(wait, step).await?;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn the_eighty_first_write_waits_until_the_first_is_a_minute_old() {
        let limiter = WriteLimiter::default();
        let host = Origin::parse("https://api.github.com", "").unwrap();
        for second in 0..80 {
            assert_eq!(limiter.take(&host, at(second / 8)), Ok(()));
        }
        assert_eq!(limiter.take(&host, at(20)), Err(Duration::from_secs(40)));
        assert_eq!(limiter.take(&host, at(60)), Ok(()));
    }

    #[test]
    fn the_five_hundred_and_first_write_waits_for_the_hour() {
        let limiter = WriteLimiter::default();
        let host = Origin::parse("https://api.github.com", "").unwrap();
        for number in 0..500 {
            assert_eq!(limiter.take(&host, at(number)), Ok(()));
        }
        assert_eq!(limiter.take(&host, at(600)), Err(Duration::from_secs(3000)));
        assert_eq!(limiter.take(&host, at(3600)), Ok(()));
    }

    #[test]
    fn each_host_has_a_row_of_its_own() {
        let limiter = WriteLimiter::default();
        let (one, other) = (
            Origin::parse("https://api.github.com", "").unwrap(),
            Origin::parse("https://github.example", "").unwrap(),
        );
        for _ in 0..80 {
            assert_eq!(limiter.take(&one, at(0)), Ok(()));
        }
        assert!(limiter.take(&one, at(0)).is_err());
        assert_eq!(limiter.take(&other, at(0)), Ok(()));
    }
}
