//! The job summary: what was done, the lifetimes as a picture, and what is next and when.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>

use std::fmt::Write as _;

use lakekey_core::{Error, Holds, Outcome, Report, TargetReport, Timestamp};

use crate::report_text::{as_of, by_urgency, counts, day, errors, explained_at, next_due, short};

/// How many targets are shown one by one; GitHub takes 1 MiB a step, and nobody reads more.
const SHOWN: usize = 100;

/// From how long before a PAT is narrowed on that is told, in milliseconds.
const WARNED_MS: i64 = 7 * 86_400_000;

/// How many credentials the picture shows.
const PICTURED: usize = 30;

/// Renders the summary of a run.
pub(crate) fn render(report: &Report, dry_run: bool) -> String {
    let mut text = format!("## lakekey {}{}\n\n", report.command, if dry_run { " (dry run)" } else { "" });
    let targets = by_urgency(report);
    let _ = writeln!(text, "**{}**\n", counts(report));
    // What somebody has to do something about comes first.
    let failed: Vec<&TargetReport> = targets.iter().copied().filter(|target| is_broken(target)).collect();
    for target in failed.iter().take(SHOWN) {
        text.push_str(&done(target, as_of(target, report)));
    }
    text.push_str(
        "| Target | Outcome | Credential | Due | Expires | Delivered to |\n|---|---|---|---|---|---|\n",
    );
    for target in targets.iter().take(SHOWN) {
        text.push_str(&row(target, as_of(target, report)));
    }
    if let Some(more @ 1..) = report.targets.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "\n{more} more targets stand in the output `report`.");
    }
    text.push('\n');
    for target in targets.iter().filter(|target| !is_broken(target)).take(SHOWN) {
        text.push_str(&done(target, as_of(target, report)));
    }
    text.push_str(&picture(report));
    text.push_str(&next(report));
    text
}

/// Returns true for a target that somebody has to do something about.
fn is_broken(target: &TargetReport) -> bool {
    target.error.is_some() || target.delivered.iter().any(|place| place.error.is_some())
}

/// Renders the summary of a run that could not begin.
pub(super) fn refused(error: &Error) -> String {
    format!("## lakekey\n\nNothing was sent. {}\n", failure(error))
}

fn row(target: &TargetReport, now: Timestamp) -> String {
    let credential = target.credential.as_ref();
    let time = |at: Option<Timestamp>| at.map_or_else(|| "–".to_owned(), |at| cell(&day(at, now)));
    let places: Vec<String> = target
        .delivered
        .iter()
        .map(|delivery| {
            let sign = match (&delivery.error, delivery.holds) {
                (Some(_), _) | (None, Holds::Nothing | Holds::Overwritten) => "❌ ",
                (None, Holds::Older) => "⚠️ ",
                _ => "",
            };
            format!("{sign}{}", code(&delivery.sink))
        })
        .collect();
    format!(
        "| {} | {} {} | {} | {} | {} | {} |\n",
        code(&target.name),
        sign(target.outcome),
        target.outcome.as_str(),
        credential.map_or_else(|| "–".to_owned(), |c| format!("{} {}", c.kind.as_str(), code(&short(&c.id)))),
        time(credential.and_then(|c| c.due)),
        match credential {
            Some(credential) if credential.expires.is_none() => "never".to_owned(),
            _ => time(credential.and_then(|c| c.expires)),
        },
        if places.is_empty() { "–".to_owned() } else { places.join("<br>") },
    )
}

const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Provisioned | Outcome::Rotated | Outcome::Revoked | Outcome::NotDue | Outcome::Ok => "✅",
        Outcome::Due | Outcome::Yielded => "⚠️",
        // Overdue, partial, failed; what is not known needs a look as much.
        _ => "❌",
    }
}

/// Says what was done for a target, or would be, or why it was not.
fn done(target: &TargetReport, now: Timestamp) -> String {
    let mut text = String::new();
    let mut item = |words: String| {
        let _ = writeln!(text, "- {}: {words}", code(&target.name));
    };
    if let Some(credential) = &target.credential
        && let Some(narrows) = credential.narrows
        && narrows.since(now) <= WARNED_MS
    {
        let to = match credential.inferred_scopes.as_deref() {
            None | Some([]) => "nothing that anybody has seen yet".to_owned(),
            Some(scopes) => scopes.join(", "),
        };
        item(format!(
            "⚠️ Databricks narrows this PAT on {} to {}. What it calls more rarely than once in 30 days \
             stops working; `token.scopes` with `all` or a list ends that.",
            cell(&narrows.day_from(now)),
            cell(&to)
        ));
    }
    for warning in target.sign_in_ends.iter().filter_map(|end| end.warning.as_ref()) {
        item(format!("⚠️ {}.", cell(warning)));
    }
    for left in &target.left_over_details {
        let until = left.until.map(|until| format!(", until {until:.0}")).unwrap_or_default();
        item(format!("still alive: {}: {}{}", code(&short(&left.id)), cell(&left.why), cell(&until)));
    }
    for step in &target.steps {
        let hint = step.hint.as_ref().map(|hint| format!(" – {}", cell(hint))).unwrap_or_default();
        item(format!("{} {}: {}{hint}", step.state.as_str(), step.step, cell(&step.message)));
    }
    for (error, place) in errors(target) {
        let place = place.map(|place| format!("{}: ", code(place))).unwrap_or_default();
        item(format!("{place}{}", failure(error)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

fn failure(error: &Error) -> String {
    let key = error.key().map(|key| format!("{}: ", code(key))).unwrap_or_default();
    let request = error.request_id().map(|id| format!(" (request id {})", code(id))).unwrap_or_default();
    let anchor = error.code().as_str();
    format!(
        "**[{anchor}]({})** at {}: {key}{}{request}. What to do: {}.",
        explained_at(anchor),
        error.step(),
        cell(error.message().trim_end_matches('.')),
        cell(error.hint().trim_end_matches('.'))
    )
}

/// Draws each credential from its creation to when it is due, and on to its end.
fn picture(report: &Report) -> String {
    let mut bars: Vec<(&TargetReport, Timestamp, Timestamp, Timestamp)> = report
        .targets
        .iter()
        .filter_map(|target| {
            let credential = target.credential.as_ref()?;
            let ends = credential.expires?;
            let due = credential.due.unwrap_or(ends).min(ends);
            (credential.created < due).then_some((target, credential.created, due, ends))
        })
        .collect();
    bars.sort_by_key(|(target, _, due, _)| (*due, target.name.as_str()));
    bars.truncate(PICTURED);
    if bars.is_empty() {
        return String::new();
    }
    let mut text = "```mermaid\ngantt\n  title Lifetimes\n  dateFormat YYYY-MM-DDTHH:mm\n  axisFormat \
                    %Y-%m-%d\n"
        .to_owned();
    let minute = |at: Timestamp| at.to_string()[..16].to_owned();
    for (target, created, due, ends) in bars {
        // A name has letters, digits and three signs, none of which means anything to the picture.
        let _ = writeln!(
            text,
            "  section {}\n  in use :active, {}, {}",
            target.name,
            minute(created),
            minute(due)
        );
        if due < ends {
            // Red is for what is late; that a renewal lies ahead is as it should be.
            let state = if target.outcome == Outcome::Overdue { "crit" } else { "done" };
            let _ = writeln!(text, "  renewal :{state}, {}, {}", minute(due), minute(ends));
        }
    }
    text.push_str("```\n\n");
    text
}

fn next(report: &Report) -> String {
    let broken =
        report.targets.iter().filter(|t| matches!(t.outcome, Outcome::Failed | Outcome::Partial)).count();
    let mut text = "**Next:** ".to_owned();
    if broken > 0 {
        let _ = write!(text, "{broken} of {} need you, see above. ", report.targets.len());
    }
    let due = |target: &TargetReport| target.credential.as_ref().and_then(|credential| credential.due);
    let late = |target: &&TargetReport| due(target).is_some_and(|due| due <= as_of(target, report));
    let late = report.targets.iter().filter(late).count();
    if late > 0 {
        let _ = write!(text, "{late} due already, which the next `rotate` renews. ");
    }
    match next_due(report) {
        Some((due, target)) => {
            let when = cell(&day(due, as_of(target, report)));
            let _ = writeln!(text, "{} is renewed from {when} on.", code(&target.name));
        }
        None if late > 0 => text.push('\n'),
        None if broken > 0 => text.push('\n'),
        None => text.push_str("no credential is in use.\n"),
    }
    text
}

/// Makes text from elsewhere safe in a cell and in a sentence: no markup, no link, no line end, no column.
pub(super) fn cell(text: &str) -> String {
    unlinked(&escaped(text))
}

/// Breaks what GitHub makes a link of by itself.
///
/// <https://github.github.com/gfm/#autolinks-extension->
fn unlinked(text: &str) -> String {
    let mut text = text.replace("://", "&#58;//");
    for start in ["www.", "WWW.", "Www."] {
        text = text.replace(start, &start.replace('.', "&#46;"));
    }
    text
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '#' | '!' | '@' | '$' => {
                let _ = write!(safe, "&#{};", u32::from(c));
            }
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
        safe
    })
}

/// Shows a name in the letters of code.
pub(super) fn code(text: &str) -> String {
    let safe = text.chars().fold(String::new(), |mut safe, c| {
        // Within the tag an underscore is no markup, and names are full of them.
        if c == '_' {
            safe.push('_')
        } else {
            safe.push_str(&escaped(&c.to_string()))
        }
        safe
    });
    format!("<code>{}</code>", unlinked(&safe))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use lakekey_core::{Code, CredentialKind, CredentialReport, DeliveryReport, Step};

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + days * 86_400).unwrap()
    }

    fn target(name: &str, outcome: Outcome) -> TargetReport {
        let mut credential = CredentialReport::new(CredentialKind::Pat, "0123456789abcdef", at(0));
        credential.expires = Some(at(90));
        credential.due = Some(at(60));
        let mut target = TargetReport::new(name, outcome);
        target.credential = Some(credential);
        target.delivered = vec![DeliveryReport::new("github-secret acme/data DATABRICKS_TOKEN", Some(at(0)))];
        target
    }

    fn report(targets: Vec<TargetReport>) -> Report {
        Report::new("rotate", at(0), at(0), targets)
    }

    #[test]
    fn what_failed_comes_first_with_what_to_do_and_the_picture_begins_with_what_is_due_first() {
        let mut failed = target("zebra", Outcome::Failed);
        failed.error = Some(Error::new(Code::Refused, Step::Deliver, "no").with_hint("ask the admin"));
        let mut soon = target("soon", Outcome::Ok);
        soon.credential.as_mut().unwrap().due = Some(at(10));
        let mut late = target("late", Outcome::Overdue);
        late.credential.as_mut().unwrap().due = Some(at(-1));
        late.credential.as_mut().unwrap().created = at(-80);
        let text = render(&report(vec![target("well", Outcome::Ok), soon, failed, late]), false);
        let place = |words: &str| text.find(words).unwrap_or_else(|| unreachable!("{words} in {text}"));
        assert!(text.contains("**1 failed, 1 overdue, 2 ok**"), "{text}");
        assert!(place("ask the admin") < place("| Target |"), "{text}");
        let rows = ["zebra</code> | ", "late</code> | ", "soon</code> | ", "well</code> | "].map(place);
        assert!(rows.is_sorted(), "{text}");
        let bars = ["section late", "section soon", "section well"].map(place);
        assert!(bars.is_sorted(), "{text}");
        assert_eq!(text.matches(":crit").count(), 1, "red is for what is late alone: {text}");
    }

    #[test]
    fn it_says_what_was_done_shows_the_lifetime_and_what_is_next() {
        let text = render(&report(vec![target("catalog", Outcome::Rotated)]), false);
        assert!(text.contains("✅ rotated"));
        assert!(text.contains("github-secret acme/data DATABRICKS_TOKEN"), "{text}");
        assert!(
            text.contains(
                "in use :active, 2027-01-15T08:00, 2027-03-16T08:00\n  renewal :done, 2027-03-16T08:00, \
                 2027-04-15T08:00"
            ),
            "{text}"
        );
        assert!(text.contains("is renewed from 2027-03-16 (in 60 d) on"), "{text}");
    }

    #[test]
    fn it_warns_of_a_pat_that_is_narrowed_within_seven_days_and_not_before() {
        let mut watched = target("catalog", Outcome::NotDue);
        let narrows = |days: i64, scopes: &[&str], watched: &mut TargetReport| {
            let credential = watched.credential.as_mut().unwrap();
            credential.narrows = Some(at(days));
            credential.inferred_scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
            render(&report(vec![watched.clone()]), false)
        };
        assert!(!narrows(8, &["sql"], &mut watched).contains("narrows"));
        let text = narrows(7, &["sql", "scim"], &mut watched);
        assert!(text.contains("narrows this PAT on 2027-01-22 (in 7 d) to sql, scim."), "{text}");
        assert!(narrows(-1, &[], &mut watched).contains("(24 h ago) to nothing that anybody has seen yet"));
    }

    #[test]
    fn text_of_a_service_is_shown_and_not_rendered() {
        let mut failed = target("catalog", Outcome::Failed);
        failed.error = Some(Error::new(
            Code::Refused,
            Step::CreateToken,
            "<img src=x> | [a](javascript:b) `c` @everyone https://evil.example www.evil.example\n# big",
        ));
        let text = render(&report(vec![failed]), false);
        for part in ["<img", "[a](", "`c`", "@everyone", "\n# big", "https://evil", "www.evil"] {
            assert!(!text.contains(part), "{part} in {text}");
        }
        assert!(text.contains("docs/troubleshooting.md#refused"));
    }

    #[test]
    fn a_fleet_stays_below_what_github_takes() {
        let targets =
            (0..1000).map(|n| target(&format!("{}-{n}", "t".repeat(58)), Outcome::Rotated)).collect();
        let text = render(&report(targets), false);
        assert!(text.len() < 256 * 1024, "{}", text.len());
        assert!(text.contains("900 more targets"));
    }
}
