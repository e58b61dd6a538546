//! How fast and at whose time: what a run has learnt of the hosts that it speaks with.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::model::{Origin, Timestamp};

/// Says how many writes a host takes, and in how many milliseconds.
pub(crate) type Limit = (usize, i64);

/// Holds what all targets of a run share on their way to services.
#[derive(Debug, Default)]
pub struct Pace {
    /// Until when a host wants to be left alone, and whether a limit is why.
    pauses: RefCell<HashMap<Origin, (Timestamp, bool)>>,
    /// Until when it was said that a host is waited for.
    announced: RefCell<HashMap<Origin, Timestamp>>,
    /// Whether the run has the time that a limit by the hour takes.
    unhurried: Cell<bool>,
    /// How far a host's clock is ahead of ours, in milliseconds.
    ahead: RefCell<HashMap<Origin, i64>>,
    /// When a host with limits was last written to.
    writes: RefCell<HashMap<Origin, VecDeque<Timestamp>>>,
}

impl Pace {
    /// Lets the run wait for limits by the hour.
    pub(crate) fn take_time(&self) {
        self.unhurried.set(true);
    }

    /// Returns whether the run waits for limits by the hour.
    pub(super) fn has_time(&self) -> bool {
        self.unhurried.get()
    }

    /// Leaves a host alone until then; `limited` where a limit is why.
    pub(super) fn hold(&self, host: &Origin, until: Timestamp, limited: bool) {
        self.pauses.borrow_mut().insert(host.clone(), (until, limited));
    }

    /// Returns how long a host still wants to be left alone, and whether a limit is why.
    pub(super) fn pause(&self, host: &Origin, now: Timestamp) -> (Duration, bool) {
        let pause = self.pauses.borrow().get(host).copied();
        pause.map_or((Duration::ZERO, false), |(until, limited)| (now.until(until), limited))
    }

    /// Notes that a host is waited for, and returns true where that is news: many targets wait for one host,
    /// and one line a minute says it.
    pub(super) fn announces(&self, host: &Origin, until: Timestamp) -> bool {
        let mut announced = self.announced.borrow_mut();
        let news = announced.get(host).is_none_or(|known| until.since(*known) >= 60_000);
        if news {
            announced.insert(host.clone(), until);
        }
        news
    }

    /// Returns the time at a host, as far as it has told it.
    pub(super) fn time_at(&self, host: &Origin, now: Timestamp) -> Timestamp {
        now.shifted(self.ahead.borrow().get(host).copied().unwrap_or(0))
    }

    /// Learns what time it is at a host.
    pub(super) fn learn(&self, host: &Origin, there: Timestamp, now: Timestamp) {
        self.ahead.borrow_mut().insert(host.clone(), there.since(now));
    }

    /// Learns the time of a response's `Date`, which has whole seconds, unless what is known fits it.
    pub(super) fn learn_roughly(&self, host: &Origin, date: Timestamp, now: Timestamp) {
        // Half a second is the least wrong reading of it.
        let ahead = date.shifted(500).since(now);
        let known = self.ahead.borrow().get(host).copied();
        if known.is_none_or(|known| (known - ahead).abs() > 1_000) {
            self.ahead.borrow_mut().insert(host.clone(), ahead);
        }
    }

    /// Takes a place in the queue of a host's writes, or says how long to wait for one.
    pub(super) fn take(&self, host: &Origin, limits: &[Limit], now: Timestamp) -> Result<(), Duration> {
        let mut writes = self.writes.borrow_mut();
        let queue = writes.entry(host.clone()).or_default();
        let mut wait = 0;
        for (most, window) in limits {
            // The one that must have left the window before another fits in.
            if let Some(before) = queue.len().checked_sub(*most).and_then(|index| queue.get(index)) {
                wait = wait.max(window - now.since(*before));
            }
        }
        if wait > 0 {
            return Err(Duration::from_millis(wait.unsigned_abs()));
        }
        queue.push_back(now);
        if queue.len() > limits.iter().map(|(most, _)| *most).max().unwrap_or(0) {
            queue.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const LIMITS: &[Limit] = &[(80, 60_000), (500, 3_600_000)];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn host() -> Origin {
        Origin::parse("https://api.github.com", "").unwrap()
    }

    #[test]
    fn the_eighty_first_write_waits_until_the_first_is_a_minute_old() {
        let pace = Pace::default();
        for second in 0..80 {
            assert_eq!(pace.take(&host(), LIMITS, at(second / 8)), Ok(()));
        }
        assert_eq!(pace.take(&host(), LIMITS, at(20)), Err(Duration::from_secs(40)));
        assert_eq!(pace.take(&host(), LIMITS, at(60)), Ok(()));
    }

    #[test]
    fn the_five_hundred_and_first_write_waits_for_the_hour() {
        let pace = Pace::default();
        for number in 0..500 {
            assert_eq!(pace.take(&host(), LIMITS, at(number)), Ok(()));
        }
        assert_eq!(pace.take(&host(), LIMITS, at(600)), Err(Duration::from_secs(3000)));
        assert_eq!(pace.take(&host(), LIMITS, at(3600)), Ok(()));
    }

    #[test]
    fn that_a_host_is_waited_for_is_news_once_a_minute() {
        let pace = Pace::default();
        let other = Origin::parse("https://github.example", "").unwrap();
        let news = [(0, true), (0, false), (59, false), (60, true), (100, false), (30, false), (1860, true)];
        for (second, is_news) in news {
            assert_eq!(pace.announces(&host(), at(second)), is_news, "{second}");
        }
        assert!(pace.announces(&other, at(0)));
    }

    #[test]
    fn each_host_has_a_queue_of_its_own() {
        let pace = Pace::default();
        let other = Origin::parse("https://github.example", "").unwrap();
        for _ in 0..80 {
            assert_eq!(pace.take(&host(), LIMITS, at(0)), Ok(()));
        }
        assert!(pace.take(&host(), LIMITS, at(0)).is_err());
        assert_eq!(pace.take(&other, LIMITS, at(0)), Ok(()));
    }
}
