//! What a process ends with.

use clap::ValueEnum;
use clap::builder::PossibleValue;
use lakekey_core::{Class, Error, Holds, Outcome, Report};

/// Done, or nothing to do.
pub const DONE: u8 = 0;

/// A target failed.
pub const FAILED: u8 = 1;

/// Nothing could be done because the command line or the configuration is wrong.
pub const WRONG: u8 = 2;

/// `status --fail-on` or `plan --exit-code` found something.
pub const FOUND: u8 = 3;

/// What each status means, as the help says it.
pub const MEANINGS: [(u8, &str); 4] = [
    (DONE, "done or nothing to do"),
    (FAILED, "a target failed"),
    (WRONG, "the command line or the configuration is wrong and nothing was sent"),
    (FOUND, "`status --fail-on` or `plan --exit-code` found something"),
];

/// Says what makes `status` end with [`FOUND`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    /// A credential is due, or overdue.
    Due,
    /// A credential is overdue.
    Overdue,
    /// Another hand has overwritten a place.
    Overwritten,
    /// Databricks is watching a PAT, and will take away what it does not use.
    Narrowing,
}

// Derived, it would make a paragraph of each value, and a page of the help.
impl ValueEnum for FailOn {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Due, Self::Overdue, Self::Overwritten, Self::Narrowing]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Overwritten => "overwritten",
            Self::Narrowing => "narrowing",
        }))
    }
}

/// Returns the exit status of an error that kept a run from beginning.
#[must_use]
pub fn of_error(error: &Error) -> u8 {
    match error.class() {
        Class::Usage | Class::Configuration => WRONG,
        _ => FAILED,
    }
}

/// Returns the exit status of a report: a failed target counts more than one that was found.
#[must_use]
pub fn of(report: &Report, fail_on: Option<FailOn>) -> u8 {
    let found = report.targets.iter().any(|target| match fail_on {
        Some(FailOn::Due) => matches!(target.outcome, Outcome::Due | Outcome::Overdue),
        Some(FailOn::Overdue) => target.outcome == Outcome::Overdue,
        Some(FailOn::Overwritten) => target.delivered.iter().any(|place| place.holds == Holds::Overwritten),
        Some(FailOn::Narrowing) => target.credential.as_ref().is_some_and(|held| held.narrows.is_some()),
        None => false,
    });
    match report.exit_status() {
        DONE if found => FOUND,
        status => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lakekey_core::{CredentialKind, CredentialReport, DeliveryReport, TargetReport, Timestamp};

    fn report(outcomes: &[Outcome]) -> Report {
        let targets = outcomes.iter().map(|outcome| TargetReport::new("a", *outcome)).collect();
        Report::new("status", Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, targets)
    }

    #[test]
    fn what_is_due_is_found_only_where_it_is_asked_for() {
        assert_eq!(of(&report(&[Outcome::Ok, Outcome::Due]), None), 0);
        assert_eq!(of(&report(&[Outcome::Ok, Outcome::Due]), Some(FailOn::Overdue)), 0);
        assert_eq!(of(&report(&[Outcome::Ok, Outcome::Due]), Some(FailOn::Due)), 3);
        assert_eq!(of(&report(&[Outcome::Overdue]), Some(FailOn::Due)), 3);
    }

    #[test]
    fn an_overwritten_place_is_found_whatever_the_outcome() {
        let mut report = report(&[Outcome::Ok]);
        let mut place = DeliveryReport::new("github-secret acme/data T", None);
        place.holds = Holds::Overwritten;
        report.targets[0].delivered.push(place);
        assert_eq!(of(&report, Some(FailOn::Overwritten)), 3);
        assert_eq!(of(&report, Some(FailOn::Due)), 0);
    }

    #[test]
    fn a_pat_that_is_being_watched_is_found_whatever_the_outcome() {
        let mut report = report(&[Outcome::Ok]);
        let mut held = CredentialReport::new(CredentialKind::Pat, "a", Timestamp::UNIX_EPOCH);
        held.narrows = Some(Timestamp::UNIX_EPOCH);
        report.targets[0].credential = Some(held);
        assert_eq!(of(&report, Some(FailOn::Narrowing)), 3);
        assert_eq!(of(&report, Some(FailOn::Overwritten)), 0);
    }

    #[test]
    fn a_failed_target_counts_more_than_one_that_is_due() {
        assert_eq!(of(&report(&[Outcome::Failed, Outcome::Due]), Some(FailOn::Due)), 1);
    }
}
