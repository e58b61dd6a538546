//! Reports and errors as text: for people, and as JSON where a run could not begin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lakekey_core::{
    Checked, CredentialReport, DeliveryReport, Error, Holds, Report, State, Step, StepReport, TargetReport,
    Timestamp, harmless,
};

/// Lays rows out in columns as wide as their widest cell.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Writes a time as its day and how far away that is, such as `2026-11-24 (in 59 d)`.
#[must_use]
pub fn day(at: Timestamp, now: Timestamp) -> String {
    at.day_from(now)
}

/// Shortens an id so that it can be told from others; the whole stands in the JSON report.
#[must_use]
pub fn short(id: &str) -> String {
    if id.chars().count() <= 12 {
        id.to_owned()
    } else {
        format!("{}…", id.chars().take(10).collect::<String>())
    }
}

/// Renders a whole report.
#[must_use]
pub fn report(report: &Report) -> String {
    let mut text = table_of(report);
    for target in &report.targets {
        text.push_str(&details(target, as_of(target, report)));
    }
    let _ = writeln!(text, "\n{}", summary(report));
    text
}

/// Renders one row a credential.
#[must_use]
pub fn table_of(report: &Report) -> String {
    let mut rows: Vec<Vec<String>> = vec![
        ["TARGET", "OUTCOME", "CREDENTIAL", "CREATED", "DUE", "EXPIRES", "DELIVERED", "LEFT OVER"]
            .map(str::to_owned)
            .to_vec(),
    ];
    rows.extend(report.targets.iter().map(|target| row(target, as_of(target, report))));
    table(&rows)
}

/// Returns the time that decides for a target: that of the service that dates its credential.
pub(crate) fn as_of(target: &TargetReport, report: &Report) -> Timestamp {
    target.as_of.unwrap_or(report.finished)
}

/// Returns what has failed, each once, with the place where it is one place's.
pub(crate) fn errors(target: &TargetReport) -> Vec<(&Error, Option<&str>)> {
    let mut all: Vec<(&Error, Option<&str>)> = target.error.iter().map(|error| (error, None)).collect();
    for delivery in &target.delivered {
        if let Some(error) = &delivery.error
            && !all
                .iter()
                .any(|(known, _)| known.code() == error.code() && known.message() == error.message())
        {
            all.push((error, Some(&delivery.sink)));
        }
    }
    all
}

fn row(target: &TargetReport, now: Timestamp) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let credential = target.credential.as_ref();
    let holding = target.delivered.iter().filter(|d| d.holds == Holds::Current).count();
    vec![
        target.name.clone(),
        target.outcome.as_str().to_owned(),
        or_none(credential.map(|c| format!("{} {}", c.kind.as_str(), short(&c.id)))),
        or_none(credential.map(|c| day(c.created, now))),
        or_none(credential.and_then(|c| c.due).map(|at| day(at, now))),
        or_none(credential.map(|c| expiry(c, now))),
        if target.delivered.is_empty() {
            "-".to_owned()
        } else {
            format!("{holding}/{}", target.delivered.len())
        },
        if target.left_over.is_empty() { "-".to_owned() } else { target.left_over.len().to_string() },
    ]
}

fn expiry(credential: &CredentialReport, now: Timestamp) -> String {
    credential.expires.map_or_else(|| "never".to_owned(), |at| day(at, now))
}

fn details(target: &TargetReport, now: Timestamp) -> String {
    let mut lines = Vec::new();
    if let Some(may) = target.credential.as_ref().and_then(|credential| credential.may.clone()) {
        lines.push(vec!["  scopes".to_owned(), String::new(), may]);
    }
    for warning in target.sign_in_ends.iter().filter_map(|end| end.warning.as_ref()) {
        lines.push(vec!["  ends soon".to_owned(), String::new(), warning.clone()]);
    }
    for delivery in &target.delivered {
        lines.push(vec!["  place".to_owned(), delivery.sink.clone(), place(delivery, now)]);
    }
    for left in &target.left_over_details {
        let until = left.until.map(|until| format!(", until {}", day(until, now))).unwrap_or_default();
        lines.push(vec!["  left over".to_owned(), short(&left.id), format!("{}{until}", left.why)]);
    }
    // What stops working is read first.
    let stops = |step: &&StepReport| step.state == State::Would && step.step == Step::RevokeToken;
    let (first, rest): (Vec<&StepReport>, Vec<&StepReport>) = target.steps.iter().partition(stops);
    for step in first.into_iter().chain(rest) {
        lines.push(vec![
            format!("  {}", step.state.as_str()),
            step.step.as_str().to_owned(),
            step.message.clone(),
        ]);
        if let Some(hint) = &step.hint {
            lines.push(vec![String::new(), String::new(), format!("hint: {hint}")]);
        }
    }
    if lines.is_empty() { String::new() } else { format!("\n{}\n{}", target.name, table(&lines)) }
}

/// Says what a place holds.
pub(crate) fn place(delivery: &DeliveryReport, now: Timestamp) -> String {
    let written = delivery.written.map(|at| format!(", written {}", day(at, now))).unwrap_or_default();
    let holds = match delivery.holds {
        Holds::Current => "holds it",
        Holds::Older => "holds an older one",
        Holds::Nothing => "holds nothing",
        Holds::Overwritten => "was overwritten by another hand",
        _ => "cannot tell what it holds",
    };
    let written = match &delivery.edited_by {
        Some(editor) => format!("{written}, edited since by {editor}"),
        None => written,
    };
    match &delivery.error {
        Some(error) => format!("failed: {}; {holds}{written}", error.code()),
        None if !delivery.tried => format!("not tried; {holds}{written}"),
        None => format!("{holds}{written}"),
    }
}

/// Sums the outcomes up and says what comes next.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for target in &report.targets {
        *counts.entry(target.outcome.as_str()).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let next = next_due(report)
        .map(|(due, target)| format!("; next: {} is due {}", target.name, day(due, as_of(target, report))))
        .unwrap_or_default();
    format!(
        "{}: {}{next}",
        report.command,
        if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
    )
}

/// Returns the credential that is due next; one that is due already is not next, but now.
pub(crate) fn next_due(report: &Report) -> Option<(Timestamp, &TargetReport)> {
    let due = |target: &'_ TargetReport| target.credential.as_ref()?.due;
    let future = |(due, target): &(Timestamp, &TargetReport)| *due > as_of(target, report);
    report
        .targets
        .iter()
        .filter_map(|target| Some((due(target)?, target)))
        .filter(future)
        .min_by_key(|(due, target)| (*due, target.name.clone()))
}

/// Returns where a code is explained.
#[must_use]
pub fn explained_at(code: &str) -> String {
    format!("{}/blob/main/docs/troubleshooting.md#{code}", env!("CARGO_PKG_REPOSITORY"))
}

/// Renders an error: code, step, what was said with its request id, what to do, where to read more.
#[must_use]
pub fn error(error: &Error, target: Option<&str>) -> String {
    let whose = target.map(|name| format!("{name}: ")).unwrap_or_default();
    let key = error.key().map(|key| format!("{}: ", harmless(key))).unwrap_or_default();
    let request = error.request_id().map(|id| format!(" (request id {id})")).unwrap_or_default();
    format!(
        "error: {whose}{} at {}\n  {key}{}{request}\n  what to do: {}\n  see {}",
        error.code(),
        error.step(),
        error.message(),
        error.hint(),
        explained_at(error.code().as_str())
    )
}

/// Returns the report of a run that could not begin; without a command where none was recognised.
#[must_use]
pub fn refusal(command: Option<&str>, error: &Error) -> serde_json::Value {
    serde_json::json!({"version": 1, "command": command, "targets": [], "error": error})
}

/// Returns what a check has found.
#[must_use]
pub fn checked(found: &Checked) -> serde_json::Value {
    let notes: Vec<serde_json::Value> =
        found.notes.iter().map(|(key, words)| serde_json::json!({"key": key, "message": words})).collect();
    serde_json::json!({
        "version": 1, "command": "check", "targets": [], "error": found.mistakes.first(),
        "mistakes": found.mistakes, "warnings": found.warnings, "notes": notes,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use lakekey_core::{Code, Step};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["ccc".to_owned(), "dd".to_owned()]];
        assert_eq!(table(&rows), "a    b\nccc  dd\n");
    }

    #[test]
    fn a_day_says_how_far_away_it_is() {
        assert_eq!(day(at(59 * 86_400), at(0)), "2027-03-15 (in 59 d)");
        assert_eq!(day(at(-3 * 3_600), at(0)), "2027-01-15 (3 h ago)");
    }

    #[test]
    fn an_error_says_code_step_words_request_hint_and_page() {
        let refused =
            Error::new(Code::TokenPermissionMissing, Step::CreateToken, "Databricks answered 403: no")
                .with_request_id(Some("r-1".to_owned()))
                .with_hint("ask the admin");
        let text = error(&refused, Some("catalog"));
        for part in [
            "catalog: token-permission-missing at create-token",
            "403: no (request id r-1)",
            "what to do: ask the admin",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.ends_with("docs/troubleshooting.md#token-permission-missing"));
    }
}
