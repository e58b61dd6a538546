//! How the renewals of a fleet spread over a year: nobody is to have a busy day.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::plan::{due, jitter};
use crate::config::{Policy, TokenDocument};
use crate::model::Timestamp;

const TARGETS: u32 = 10_000;
const DAY: i64 = 86_400;

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * DAY).unwrap()
}

/// Counts the renewals of each day of a year, by a run a day; `made` says on which day the first credential
/// of a
/// target is made.
fn renewals(made: impl Fn(u32) -> i64) -> Vec<u32> {
    let policy = Policy::of_token(TokenDocument::default(), "").unwrap();
    let mut days = vec![0; 365];
    for number in 0..TARGETS {
        let jitter = jitter(&format!("target-{number}"), "https://adb-1.2.azuredatabricks.net");
        let mut day = made(number);
        loop {
            let created = at(day);
            let due = due(created, Some(created + policy.lifetime.duration()), &policy, jitter);
            // The first run of a day that finds it due.
            day += (due.since(created) + DAY * 1000 - 1) / (DAY * 1000);
            let Some(count) = usize::try_from(day).ok().and_then(|day| days.get_mut(day)) else { break };
            *count += 1;
        }
    }
    days
}

/// Returns the busiest day over the mean of all.
fn busiest(days: &[u32]) -> f64 {
    let mean = f64::from(days.iter().sum::<u32>()) / days.len() as f64;
    f64::from(*days.iter().max().unwrap()) / mean
}

#[test]
fn a_fleet_that_was_made_over_its_first_cycle_has_no_day_with_half_as_much_again_as_the_mean() {
    // As a fleet comes to be: each target on some day of two months.
    let days = renewals(|number| i64::from(number.wrapping_mul(2_654_435_761) >> 8) % 58 - 58);
    let most = busiest(&days);
    assert!(most < 1.5, "{most}");
}

#[test]
fn one_that_was_made_on_one_day_is_renewed_on_four_days_and_not_on_one() {
    let days = renewals(|_| 0);
    let first = days[50..62].iter().filter(|count| **count > 0).count();
    assert_eq!(first, 4);
    assert!(days[50..62].iter().max().unwrap() * 3 < TARGETS, "none has a third of them");
}
