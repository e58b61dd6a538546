//! How long something is tried again, and after which refusals. Whether it makes sense is asked of the error.

use std::time::Duration;

use crate::model::{Class, Error, Temporary, Timestamp};

/// Says how long something is tried again, and after what.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    attempts: u32,
    within: Option<Duration>,
    /// What is waited out.
    covers: Covers,
    /// Whether a second attempt does no more than the first, so that one whose end is not known may follow.
    repeatable: bool,
}

/// Says which refusals are waited out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covers {
    /// Those that pass by themselves.
    Passing,
    /// Those that something made moments ago explains.
    Propagation,
    Both,
}

impl Patience {
    /// Tries that often at the most.
    #[must_use]
    pub const fn attempts(attempts: u32) -> Self {
        Self { attempts, within: None, covers: Covers::Passing, repeatable: true }
    }

    /// Tries as long as the next attempt begins within that time.
    #[must_use]
    pub const fn within(within: Duration) -> Self {
        Self { attempts: u32::MAX, within: Some(within), covers: Covers::Passing, repeatable: true }
    }

    /// Waits for propagation too.
    #[must_use]
    pub const fn for_propagation(mut self) -> Self {
        self.covers = Covers::Both;
        self
    }

    /// Waits for propagation and for nothing else, since what passes is waited out further down.
    #[must_use]
    pub const fn for_propagation_alone(mut self) -> Self {
        self.covers = Covers::Propagation;
        self
    }

    /// Says whether a second attempt does no more than the first.
    #[must_use]
    pub const fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }

    /// Returns true where a second attempt makes sense after this error.
    pub(super) fn allows(&self, error: &Error) -> bool {
        let passes = match error.temporary() {
            Temporary::Yes => self.covers != Covers::Propagation,
            Temporary::Propagation => self.covers != Covers::Passing,
            Temporary::No => false,
        };
        passes && error.class() == Class::Target && (self.repeatable || !error.is_uncertain())
    }

    /// Returns true where no second attempt is meant at all.
    pub(super) const fn is_single(&self) -> bool {
        self.attempts == 1
    }

    /// Returns true where that attempt was the last, or the next would begin too late.
    pub(super) fn ends(&self, number: u32, started: Timestamp, next: Timestamp) -> bool {
        number >= self.attempts || self.within.is_some_and(|within| started.until(next) > within)
    }
}
