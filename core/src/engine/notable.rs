//! What of a report somebody is to hear of who does not look at reports.

use serde::Serialize;

use super::report::{CredentialReport, Outcome, Report, TargetReport};
use crate::config::Occasion;
use crate::model::{Code, CredentialKind, Error, Span, Step, Timestamp};

/// Says one thing that somebody is to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Notable {
    /// What it is.
    pub event: Occasion,
    /// The target's name.
    pub target: String,
    /// The workspace.
    pub workspace: Option<String>,
    /// The kind of credential, where one is known.
    pub kind: Option<CredentialKind>,
    /// The same in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The code of the failure.
    pub code: Option<Code>,
    /// The step that failed.
    pub step: Option<Step>,
    /// The id under which the service knows the request that failed.
    pub request_id: Option<String>,
    /// When the credential is renewed.
    pub due: Option<Timestamp>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// How far ahead `expiring` looks where nothing else is said.
pub(super) const WITHIN: Span = Span::from_seconds(14 * 86_400);

/// Returns what somebody is to hear of, failures first; `within` is how long before its end a credential is
/// told.
#[must_use]
pub fn notable(report: &Report, within: Option<Span>) -> Vec<Notable> {
    let within = within.unwrap_or(WITHIN);
    let mut found: Vec<Notable> =
        report.targets.iter().flat_map(|target| of_target(target, report.finished, within)).collect();
    // What lakekey signs in with is shared by many targets, and told once.
    let mut keys: Vec<(String, Timestamp)> = Vec::new();
    for target in &report.targets {
        let now = target.as_of.unwrap_or(report.finished);
        for end in target.sign_in_ends.iter().filter(|end| is_within(end.ends, now, within)) {
            let key = (end.key.clone(), end.ends);
            if !keys.contains(&key) {
                keys.push(key);
                let words = format!("what {} refers to ends on {}", end.key, end.ends.day_from(now));
                let hint = "put a new one in its place; nobody renews it by itself".to_owned();
                let expires = Some(end.ends);
                found.push(Notable { expires, hint: Some(hint), ..said(Occasion::Expiring, target, words) });
            }
        }
    }
    found.sort_by_key(|notable| notable.event);
    found
}

fn of_target(target: &TargetReport, finished: Timestamp, within: Span) -> Vec<Notable> {
    let now = target.as_of.unwrap_or(finished);
    let credential = target.credential.as_ref();
    let is_new = matches!(target.outcome, Outcome::Rotated | Outcome::Provisioned);
    let mut found = Vec::new();
    let errors =
        || target.error.iter().chain(target.delivered.iter().filter_map(|place| place.error.as_ref())).next();
    if target.has_failed() {
        found.push(match errors() {
            Some(error) => failure(target, error),
            None => said(Occasion::Failed, target, target.outcome.as_str().to_owned()),
        });
    }
    if !is_new && (target.outcome == Outcome::Overdue || credential.is_some_and(|c| is_overdue(c, now))) {
        let words = match credential.and_then(|credential| credential.due) {
            Some(due) => format!("the credential should have been renewed on {}", due.day_from(now)),
            None => "no credential is in use, or a place does not hold it".to_owned(),
        };
        let hint = "look whether `lakekey rotate` still runs on its schedule, and what it says".to_owned();
        found.push(Notable { hint: Some(hint), ..said(Occasion::Overdue, target, words) });
    }
    let ends = credential.and_then(|credential| credential.expires);
    if let Some(ends) = ends.filter(|ends| !is_new && is_within(*ends, now, within)) {
        let words = format!("the credential ends on {}", ends.day_from(now));
        found.push(said(Occasion::Expiring, target, words));
    }
    if is_new {
        let until = ends.map(|ends| format!(", which ends on {}", ends.day_from(now))).unwrap_or_default();
        found.push(said(Occasion::Rotated, target, format!("a new credential was delivered{until}")));
    }
    found
}

fn said(event: Occasion, target: &TargetReport, message: String) -> Notable {
    let credential = target.credential.as_ref();
    Notable {
        event,
        target: target.name.clone(),
        workspace: target.workspace.clone(),
        kind: credential.map(|credential| credential.kind),
        message,
        hint: None,
        code: None,
        step: None,
        request_id: None,
        due: credential.and_then(|credential| credential.due),
        expires: credential.and_then(|credential| credential.expires),
    }
}

fn failure(target: &TargetReport, error: &Error) -> Notable {
    Notable {
        hint: Some(error.hint().to_owned()),
        code: Some(error.code()),
        step: Some(error.step()),
        request_id: error.request_id().map(str::to_owned),
        ..said(Occasion::Failed, target, error.message().to_owned())
    }
}

fn is_within(ends: Timestamp, now: Timestamp, within: Span) -> bool {
    ends <= now + within.duration()
}

/// Returns true where half of the time between renewal and end is gone.
fn is_overdue(credential: &CredentialReport, now: Timestamp) -> bool {
    match (credential.due, credential.expires) {
        (Some(due), Some(ends)) => now >= due + due.until(ends) / 2,
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::super::report::SignInEnd;
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + days * 86_400).unwrap()
    }

    fn target(name: &str, outcome: Outcome, due: i64, ends: i64) -> TargetReport {
        let mut credential = CredentialReport::new(CredentialKind::Pat, "0123", at(-80));
        credential.due = Some(at(due));
        credential.expires = Some(at(ends));
        let mut target = TargetReport::new(name, outcome);
        target.credential = Some(credential);
        target
    }

    fn found(targets: Vec<TargetReport>, within: u64) -> Vec<(&'static str, String)> {
        let report = Report::new("status", at(0), at(0), targets);
        let within = Some(Span::from_seconds(within * 86_400));
        let all = notable(&report, within).into_iter();
        all.map(|notable| (notable.event.as_str(), notable.target)).collect()
    }

    #[test]
    fn what_failed_comes_first_and_what_is_well_is_not_told() {
        let mut failed = target("broken", Outcome::Failed, 10, 40);
        failed.error = Some(Error::new(Code::Refused, Step::Deliver, "no").with_hint("ask the admin"));
        let all = vec![
            target("well", Outcome::NotDue, 10, 40),
            target("new", Outcome::Rotated, 10, 5),
            target("soon", Outcome::Due, -1, 13),
            target("late", Outcome::Overdue, -20, 20),
            failed,
        ];
        let expected = [("failed", "broken"), ("overdue", "late"), ("expiring", "soon"), ("rotated", "new")];
        assert_eq!(found(all, 14), expected.map(|(event, name)| (event, name.to_owned())));
    }

    #[test]
    fn a_rotation_that_fails_over_and_over_is_told_as_overdue_and_as_expiring_too() {
        let mut failed = target("broken", Outcome::Failed, -20, 10);
        failed.error = Some(Error::new(Code::Refused, Step::Deliver, "no"));
        let told: Vec<&str> = found(vec![failed], 14).into_iter().map(|(event, _)| event).collect();
        assert_eq!(told, ["failed", "overdue", "expiring"]);
    }

    #[test]
    fn what_ends_later_than_asked_is_not_told() {
        let at_the_edge = || vec![target("a", Outcome::NotDue, 1, 14)];
        assert_eq!(found(at_the_edge(), 14).len(), 1);
        assert_eq!(found(at_the_edge(), 13).len(), 0);
    }

    #[test]
    fn a_sign_in_that_many_targets_share_is_told_once() {
        let end = SignInEnd { key: "github.token".to_owned(), ends: at(3), warning: None };
        let mut both = vec![target("a", Outcome::NotDue, 20, 50), target("b", Outcome::NotDue, 20, 50)];
        both.iter_mut().for_each(|target| target.sign_in_ends.push(end.clone()));
        assert_eq!(found(both, 14), [("expiring", "a".to_owned())]);
    }
}
