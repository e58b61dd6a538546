//! The outputs of the step, written to the file that the runner names.

use std::fs::OpenOptions;
use std::io::Write as _;

use lakekey_core::{Entropy, Outcome, Report};

/// Lists outcomes, the one that needs most attention first.
const BY_ATTENTION: [Outcome; 10] = [
    Outcome::Failed,
    Outcome::Partial,
    Outcome::Overdue,
    Outcome::Due,
    Outcome::Yielded,
    Outcome::Revoked,
    Outcome::Rotated,
    Outcome::Provisioned,
    Outcome::NotDue,
    Outcome::Ok,
];

/// Returns the outcome that needs most attention.
pub(super) fn outcome(report: &Report) -> Outcome {
    BY_ATTENTION
        .into_iter()
        .find(|outcome| report.targets.iter().any(|target| target.outcome == *outcome))
        .unwrap_or(Outcome::Ok)
}

/// Returns the outputs of a report; those of a credential only where there is exactly one.
pub(super) fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let mut outputs = vec![
        ("outcome", outcome(report).as_str().to_owned()),
        ("report", serde_json::to_string(report).unwrap_or_default()),
    ];
    let mut credentials = report.targets.iter().filter_map(|target| target.credential.as_ref());
    if let (Some(credential), None) = (credentials.next(), credentials.next()) {
        let time = |at: Option<lakekey_core::Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        outputs.push(("token-id", credential.id.clone()));
        outputs.push(("expires", time(credential.expires)));
        outputs.push(("due", time(credential.due)));
    }
    // Of several credentials of one target it is the same.
    let mut ids: Vec<&String> =
        report.targets.iter().filter_map(|target| target.client_id.as_ref()).collect();
    ids.dedup();
    if let [id] = ids.as_slice() {
        outputs.push(("client-id", (*id).clone()));
    }
    outputs
}

/// Renders an output with a delimiter that nobody could have known.
fn render(name: &str, value: &str, entropy: &dyn Entropy) -> String {
    loop {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        let delimiter =
            bytes.iter().fold("ghadelimiter_".to_owned(), |text, byte| format!("{text}{byte:02x}"));
        // A value that holds it would end too early and the rest be read as outputs; another is drawn then.
        if !value.contains(&delimiter) {
            return format!("{name}<<{delimiter}\n{value}\n{delimiter}\n");
        }
    }
}

/// Appends outputs to the runner's file.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(
    path: &str,
    outputs: &[(&'static str, String)],
    entropy: &dyn Entropy,
) -> std::io::Result<()> {
    let text: String = outputs.iter().map(|(name, value)| render(name, value, entropy)).collect();
    append(path, &text)
}

/// Appends to a file of the runner.
///
/// # Errors
/// The file cannot be written.
pub(super) fn append(path: &str, text: &str) -> std::io::Result<()> {
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use lakekey_core::{TargetReport, Timestamp};

    struct Twice(std::cell::Cell<u8>);

    impl Entropy for Twice {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.get());
            self.0.set(self.0.get() + 1);
        }
    }

    fn report(outcomes: &[Outcome]) -> Report {
        let targets = outcomes.iter().map(|outcome| TargetReport::new("a", *outcome)).collect();
        Report::new("rotate", Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH, targets)
    }

    #[test]
    fn a_value_cannot_end_its_own_output() {
        let first = format!("ghadelimiter_{}", "00".repeat(16));
        let text = render("report", &format!("x\n{first}\noutcome=forged"), &Twice(0.into()));
        let delimiter = text.lines().next().unwrap().split_once("<<").unwrap().1;
        assert_ne!(delimiter, first);
        assert_eq!(text.lines().filter(|line| *line == delimiter).count(), 1);
        assert!(text.ends_with(&format!("{delimiter}\n")));
    }

    #[test]
    fn the_outcome_is_the_one_that_needs_most_attention() {
        assert_eq!(
            outcome(&report(&[Outcome::Rotated, Outcome::Partial, Outcome::NotDue])),
            Outcome::Partial
        );
        assert_eq!(outcome(&report(&[Outcome::NotDue, Outcome::Rotated])), Outcome::Rotated);
    }

    #[test]
    fn several_credentials_have_no_single_id() {
        assert!(!outputs(&report(&[Outcome::Rotated])).iter().any(|(name, _)| *name == "token-id"));
    }
}
