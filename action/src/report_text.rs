//! Reports and errors as text: for people, and as JSON where a run could not begin.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lakekey_core::{
    DeliveryReport, Error, Holds, Outcome, Report, State, Step, StepReport, TargetReport, Timestamp, harmless,
};

use serde_json::{Map, Value, json};

use crate::console::fields;
use crate::layout::{Cell, Column, table, wrapped};
use crate::style::{Look, Tone};

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

/// Says which details a report tells beside those that ask for attention.
#[derive(Debug, Clone, Copy, Default)]
pub struct Telling {
    /// Everything that is known of every target.
    pub all: bool,
    /// Every step of every target, since there is nothing else to see.
    pub steps: bool,
}

/// Renders a whole report, most urgent first.
#[must_use]
pub fn report(report: &Report, look: Look, telling: Telling) -> String {
    let mut text = table_of(report, look);
    let alone = report.targets.len() == 1 && report.command != "plan";
    let telling = Telling { all: telling.all || alone, ..telling };
    for target in by_urgency(report) {
        text.push_str(&details(target, as_of(target, report), look, telling));
    }
    let _ = writeln!(text, "\n{}", summary(report, look));
    text
}

/// Renders one row a credential, most urgent first.
#[must_use]
pub fn table_of(report: &Report, look: Look) -> String {
    let rows: Vec<Vec<Cell>> =
        by_urgency(report).into_iter().map(|target| row(target, as_of(target, report))).collect();
    table(&COLUMNS, &rows, look)
}

/// What is known of a credential, in the order in which it is shown; what matters least is left out first.
const COLUMNS: [Column; 8] = [
    Column { title: "TARGET", rank: 0 },
    Column { title: "OUTCOME", rank: 0 },
    Column { title: "DUE", rank: 1 },
    Column { title: "EXPIRES", rank: 2 },
    Column { title: "DELIVERED", rank: 3 },
    Column { title: "LEFT OVER", rank: 0 },
    Column { title: "CREDENTIAL", rank: 4 },
    Column { title: "CREATED", rank: 5 },
];

/// Returns the targets with what has failed first, then what is overdue, due, changed, and well; within that
/// what is due first.
pub(crate) fn by_urgency(report: &Report) -> Vec<&TargetReport> {
    let mut targets: Vec<&TargetReport> = report.targets.iter().collect();
    let due = |target: &TargetReport| target.credential.as_ref().and_then(|credential| credential.due);
    targets.sort_by_key(|target| (urgency(target), due(target).is_none(), due(target)));
    targets
}

fn urgency(target: &TargetReport) -> u8 {
    match target.outcome {
        _ if target.error.is_some() => 0,
        Outcome::Failed => 0,
        Outcome::Partial => 1,
        Outcome::Overdue => 2,
        Outcome::Due => 3,
        Outcome::Yielded => 4,
        Outcome::Provisioned | Outcome::Rotated | Outcome::Revoked => 5,
        _ => 6,
    }
}

/// Returns the tone of an outcome.
pub(crate) fn tone(target: &TargetReport) -> Tone {
    match urgency(target) {
        0..=2 => Tone::Bad,
        3 | 4 => Tone::Soon,
        5 => Tone::Good,
        _ if target.outcome == Outcome::Ok => Tone::Good,
        _ => Tone::Faint,
    }
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

fn row(target: &TargetReport, now: Timestamp) -> Vec<Cell> {
    let or_none = |cell: Option<Cell>| cell.unwrap_or_else(|| Cell::new("-").in_tone(Tone::Faint));
    let credential = target.credential.as_ref();
    let holding = target.delivered.iter().filter(|d| d.holds == Holds::Current).count();
    let delivered = format!("{holding}/{}", target.delivered.len());
    let urgent = if target.outcome == Outcome::Due { Tone::Soon } else { Tone::Bad };
    let late = |at: Timestamp, cell: Cell| if at <= now { cell.in_tone(urgent) } else { cell };
    let when = |at: Timestamp| late(at, Cell::new(day(at, now)).or_shortly(far(at, now)));
    vec![
        Cell::new(&target.name),
        Cell::new(target.outcome.as_str()).in_tone(tone(target)),
        or_none(credential.and_then(|c| c.due).map(when)),
        or_none(credential.map(|c| c.expires.map_or_else(|| Cell::new("never"), when))),
        match target.delivered.len() {
            0 => or_none(None),
            all if holding < all => Cell::new(delivered).in_tone(Tone::Bad),
            _ => Cell::new(delivered),
        },
        match target.left_over.len() {
            0 => Cell::new(""),
            number => Cell::new(number.to_string()).in_tone(Tone::Soon),
        },
        or_none(credential.map(|c| Cell::new(format!("{} {}", c.kind.as_str(), short(&c.id))))),
        or_none(
            credential
                .map(|c| Cell::new(day(c.created, now)).or_shortly(far(c.created, now)).in_tone(Tone::Faint)),
        ),
    ]
}

/// Says how far away a time is, such as `in 59 d` and `3 h ago`.
fn far(at: Timestamp, now: Timestamp) -> String {
    let day = day(at, now);
    let far = day.split_once(" (").map_or(day.as_str(), |(_, far)| far.trim_end_matches(')'));
    far.to_owned()
}

/// Says what is behind a row. What narrows, was overwritten, is late or left over is always told, and so is
/// what would be done; the rest where it is asked for.
fn details(target: &TargetReport, now: Timestamp, look: Look, telling: Telling) -> String {
    let all = telling.all;
    let mut lines: Vec<(Tone, String)> = Vec::new();
    let credential = target.credential.as_ref();
    let narrows = credential.is_some_and(|credential| credential.narrows.is_some());
    if let Some(may) = credential.and_then(|credential| credential.may.clone()).filter(|_| all || narrows) {
        lines.push((if narrows { Tone::Soon } else { Tone::Faint }, format!("scopes: {may}")));
    }
    for warning in target.sign_in_ends.iter().filter_map(|end| end.warning.as_ref()) {
        lines.push((Tone::Soon, format!("ends soon: {warning}")));
    }
    for delivery in &target.delivered {
        let fine = delivery.holds == Holds::Current && delivery.error.is_none();
        let unknown = delivery.holds == Holds::Unknown && delivery.error.is_none() && delivery.tried;
        if all || !(fine || unknown) {
            let tone = if fine || unknown { Tone::Faint } else { Tone::Bad };
            lines.push((tone, format!("place {}: {}", delivery.sink, place(delivery, now))));
        }
    }
    for left in &target.left_over_details {
        let until = left.until.map(|until| format!(", until {}", day(until, now))).unwrap_or_default();
        lines.push((Tone::Soon, format!("left over {}: {}{until}", short(&left.id), left.why)));
    }
    let mut text = String::new();
    for (tone, line) in lines {
        let _ = writeln!(text, "  {}", look.paint(tone, &wrapped(&line, 4, look.width)));
    }
    // What stops working is read first.
    let stops = |step: &&StepReport| step.state == State::Would && step.step == Step::RevokeToken;
    let (first, rest): (Vec<&StepReport>, Vec<&StepReport>) = target.steps.iter().partition(stops);
    let told = |step: &&StepReport| {
        all || telling.steps || !matches!(step.state, State::Done | State::Ok | State::Would)
    };
    let steps: Vec<&StepReport> = first.into_iter().chain(rest).filter(told).collect();
    // What is only foretold must not be read as done.
    let name = |step: &StepReport| match step.state {
        State::Would => format!("would {}", step.step.as_str()),
        _ => step.step.as_str().to_owned(),
    };
    let wide = steps.iter().map(|step| name(step).len()).max().unwrap_or(0);
    for step in steps {
        let (symbol, tone) = symbol(step);
        let head = format!("{symbol} {:wide$}", name(step));
        let indent = if look.width < 90 { 6 } else { 2 + head.len() + 2 };
        let message = wrapped(&step.message, indent, look.width);
        match look.width < 90 {
            true => {
                let head = look.paint(tone, head.trim_end());
                let _ = writeln!(text, "  {head}\n{}{message}", " ".repeat(indent));
            }
            false => {
                let _ = writeln!(text, "  {}  {message}", look.paint(tone, &head));
            }
        }
        if let Some(hint) = &step.hint {
            let hint = wrapped(&format!("what to do: {hint}"), indent, look.width);
            let _ = writeln!(text, "{}{hint}", " ".repeat(indent));
        }
    }
    if text.is_empty() { text } else { format!("\n{}\n{text}", look.paint(Tone::Strong, &target.name)) }
}

/// Returns how a step is marked: `+` adds, `~` changes, `-` takes away, as plans of terraform have it; and
/// what was found is named.
pub(crate) fn symbol(step: &StepReport) -> (&'static str, Tone) {
    let writes = mark(step.step);
    match step.state {
        State::Would => (writes, Tone::Soon),
        State::Done => (writes, Tone::Good),
        State::Ok => ("ok", Tone::Good),
        State::Refused => ("refused", Tone::Bad),
        State::Missing => ("missing", Tone::Bad),
        State::NotChecked => ("not-checked", Tone::Faint),
        _ => ("unknown", Tone::Soon),
    }
}

/// Returns `+`, `~` or `-` for what a step does, and a dot where it only reads.
pub(crate) fn mark(step: Step) -> &'static str {
    match Effect::of(step) {
        Some(Effect::Add) => "+",
        Some(Effect::Change) => "~",
        Some(Effect::Remove) => "-",
        None => "·",
    }
}

/// Names what a step does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something is there that was not.
    Add,
    /// Something is other than it was.
    Change,
    /// Something is gone.
    Remove,
}

impl Effect {
    /// Returns what a step does; nothing for one that only reads.
    pub(crate) fn of(step: Step) -> Option<Self> {
        match step {
            Step::MakeApplication
            | Step::MakeServicePrincipal
            | Step::MakeFederatedCredential
            | Step::MakeFederationPolicy
            | Step::ImportPrincipal
            | Step::CreateToken => Some(Self::Add),
            Step::AddEntitlements
            | Step::WorkspaceSettings
            | Step::GrantTokenPermission
            | Step::Deliver
            | Step::MarkActive => Some(Self::Change),
            Step::RevokeToken => Some(Self::Remove),
            _ => None,
        }
    }
}

/// Counts what would be done, such as `2 to add, 5 to change, 1 to revoke`; nothing where nothing would be.
#[must_use]
pub fn to_do(report: &Report) -> Option<String> {
    let steps = report.targets.iter().flat_map(|target| &target.steps);
    let would: Vec<Effect> =
        steps.filter(|step| step.state == State::Would).filter_map(|step| Effect::of(step.step)).collect();
    let counted = [(Effect::Add, "to add"), (Effect::Change, "to change"), (Effect::Remove, "to revoke")];
    let parts: Vec<String> = counted
        .iter()
        .map(|(change, words)| (would.iter().filter(|done| *done == change).count(), words))
        .filter(|(number, _)| *number > 0)
        .map(|(number, words)| format!("{number} {words}"))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
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

/// Sums the outcomes up and says what would be done, or what comes next.
#[must_use]
pub fn summary(report: &Report, look: Look) -> String {
    let plans = report.command == "plan" || report.command != "status" && report.targets.iter().any(would);
    if plans && report.targets.iter().all(|target| target.error.is_none()) {
        let words = to_do(report).unwrap_or_else(|| "nothing to do".to_owned());
        let limited = report.github_minutes.map(|minutes| {
            let time = if minutes < 60 {
                format!("{minutes} min")
            } else {
                format!("{} h {} min", minutes / 60, minutes % 60)
            };
            let writes = report.github_writes();
            let words = format!(
                "\nGitHub takes 80 writes a minute and 500 an hour: these {writes} take {time}; a run waits, or \
                 serve some targets at a time with --target"
            );
            wrapped(&words, 2, look.width)
        });
        let words = format!("{}: {words}{}", report.command, limited.unwrap_or_default());
        return look.paint(Tone::Strong, &words);
    }
    let counts = counts(report);
    let next = next_due(report)
        .map(|(due, target)| format!("; next: {} is due {}", target.name, day(due, as_of(target, report))))
        .unwrap_or_default();
    let words = wrapped(&format!("{}: {counts}{next}", report.command), 2, look.width);
    look.paint(Tone::Strong, &words)
}

/// Counts the outcomes, the most urgent first, such as `1 failed, 2 due, 9 ok`.
pub(crate) fn counts(report: &Report) -> String {
    let mut counts: BTreeMap<(u8, &str), usize> = BTreeMap::new();
    for target in &report.targets {
        *counts.entry((urgency(target), target.outcome.as_str())).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|((_, outcome), count)| format!("{count} {outcome}")).collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

/// Returns true for a target of which something would be done.
fn would(target: &TargetReport) -> bool {
    target.steps.iter().any(|step| step.state == State::Would)
}

/// Returns true where a report tells nothing new: nothing was due, done, refused or found.
#[must_use]
pub fn is_calm(report: &Report) -> bool {
    report.targets.iter().all(|target| {
        matches!(target.outcome, Outcome::Ok | Outcome::NotDue)
            && target.error.is_none()
            && target.left_over.is_empty()
            && target.revoked.is_empty()
            && target.sign_in_ends.iter().all(|end| end.warning.is_none())
            && target.credential.as_ref().is_none_or(|held| held.narrows.is_none())
            && target.delivered.iter().all(|place| place.error.is_none() && place.holds != Holds::Overwritten)
            && target.steps.iter().all(|step| step.state == State::Ok)
    })
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

/// Renders an error: what failed and where, what was said with its request id, what to do, where to read
/// more. The first line alone has a colour.
#[must_use]
pub fn error(error: &Error, target: Option<&str>, look: Look) -> String {
    let whose = target.map(|name| format!("{name}: ")).unwrap_or_default();
    let key = error.key().map(|key| format!("{}: ", harmless(key))).unwrap_or_default();
    let request = error.request_id().map(|id| format!(" (request id {id})")).unwrap_or_default();
    let width = look.width.min(120);
    format!(
        "{}\n  {}\n  {}\n  see {}",
        look.paint(Tone::Bad, &format!("error: {whose}{} at {}", error.code(), error.step())),
        broken(&format!("{key}{}{request}", error.message()), 4, width, look),
        broken(&format!("what to do: {}", error.hint()), 4, width, look),
        explained_at(error.code().as_str())
    )
}

/// Breaks a text at a terminal; a log keeps its lines whole, for who searches it.
fn broken(text: &str, indent: usize, width: usize, look: Look) -> String {
    if look.is_terminal { wrapped(text, indent, width) } else { text.to_owned() }
}

/// Returns the report of a run that could not begin; without a command where none was recognised.
#[must_use]
pub fn refusal(command: Option<&str>, error: &Error) -> serde_json::Value {
    serde_json::json!({"version": 1, "command": command, "targets": [], "error": error})
}

/// Returns what a log says of how a target ended.
pub(crate) fn log_fields(report: &Report, target: &TargetReport) -> Map<String, Value> {
    let error = target.error.as_ref();
    let credential = target.credential.as_ref();
    fields(json!({
        "command": report.command, "target": target.name, "outcome": target.outcome,
        "due": credential.and_then(|credential| credential.due),
        "expires": credential.and_then(|credential| credential.expires),
        "step": error.map(Error::step), "code": error.map(|error| error.code().as_str()),
        "message": error.map(Error::message), "request-id": error.and_then(Error::request_id),
    }))
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
        let text = error(&refused, Some("catalog"), Look::plain());
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
