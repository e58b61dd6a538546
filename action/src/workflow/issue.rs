//! One issue that is open while something needs a person: opened, kept up to date, closed.

use std::fmt::Write as _;

use lakekey_core::github::Asked;
use lakekey_core::{
    Client, Environment, Error, Host, Identity, Notable, Observer, Occasion, Origin, Pace, Report,
    Repository, Secret, Step, notable,
};

use super::summary::{cell, code};
use crate::github::issues::Tracker;
use crate::platform::{SystemClock, SystemEntropy};
use crate::transport::HttpTransport;

/// The label by which the issue is found; GitHub makes it with the first issue.
const LABEL: &str = "lakekey";

/// How many rows the table has; the summary and the report have all.
const ROWS: usize = 50;

/// Opens, rewrites or closes the issue of this job, as the report asks for.
///
/// # Errors
/// Every code of GitHub's refusals; `config-invalid-value` where the job does not say its repository.
pub(super) async fn keep(
    environment: &dyn Environment,
    observer: &dyn Observer,
    token: &Secret,
    targets: &[String],
    report: &Report,
) -> Result<(), Error> {
    let of = |name: &str| environment.variable(name).unwrap_or_default();
    let api = environment.variable("GITHUB_API_URL").unwrap_or_else(|| "https://api.github.com".to_owned());
    let api = Origin::parse(&api, "GITHUB_API_URL")?;
    let repository = Repository::read(&of("GITHUB_REPOSITORY"), "GITHUB_REPOSITORY")?;
    let http = HttpTransport::new();
    let host = Host::new(&http, &SystemClock, &SystemEntropy).observer(observer);
    let pace = Pace::default();
    let client = Client::new(host, &pace, "issue", &api);
    let identity = Identity::bearer(&api, token);
    let asked = Asked { client: &client, api: &api, identity: Some(&identity), step: Step::Notify };
    let tracker = Tracker { asked, owner: &repository.owner, name: &repository.name, label: LABEL };
    let key = key(&of("GITHUB_WORKFLOW_REF"), &of("GITHUB_JOB"), targets);
    let page = format!(
        "{}/{}/actions/runs/{}",
        of("GITHUB_SERVER_URL"),
        of("GITHUB_REPOSITORY"),
        of("GITHUB_RUN_ID")
    );
    let wrong: Vec<Notable> =
        notable(report, None).into_iter().filter(|one| one.event != Occasion::Rotated).collect();
    let mark = format!("<!-- lakekey {key} -->");
    let found = tracker.find(&mark).await?;
    let text = text(&mark, &wrong, &page);
    match found {
        None if wrong.is_empty() => Ok(()),
        None => tracker.open(&title(&wrong), &text).await,
        Some(issue) if wrong.is_empty() => {
            tracker.comment(issue.number, &format!("All is well again: see [the run]({page}).")).await?;
            tracker.close(issue.number).await
        }
        Some(issue) => {
            let before = issue.text();
            let new: Vec<Notable> =
                wrong.iter().filter(|one| !before.contains(&remark(one))).cloned().collect();
            // A new text tells nobody; a comment tells those who follow the issue.
            if !new.is_empty() {
                let words = format!("{}\n\n{}See [the run]({page}).", title(&new), table(&new));
                tracker.comment(issue.number, &words).await?;
            }
            tracker.rewrite(issue.number, &title(&wrong), &text).await
        }
    }
}

/// Returns what tells the issue of this job, and of these targets, from others.
fn key(workflow: &str, job: &str, targets: &[String]) -> String {
    let workflow = workflow.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let all = std::iter::once(workflow).chain([job]).chain(targets.iter().map(String::as_str));
    let plain = |text: &str| {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).collect::<String>()
    };
    all.map(plain).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// Says in a text that only machines see that this was told.
fn remark(one: &Notable) -> String {
    format!("<!-- {} {} -->", one.event.as_str(), one.target.replace("--", "-"))
}

fn title(wrong: &[Notable]) -> String {
    let of = |event: Occasion| wrong.iter().filter(|one| one.event == event).count();
    let counts: Vec<String> = [Occasion::Failed, Occasion::Overdue, Occasion::Expiring]
        .into_iter()
        .filter(|event| of(*event) > 0)
        .map(|event| format!("{} {}", of(event), event.as_str()))
        .collect();
    format!("Databricks credentials: {}", counts.join(", "))
}

fn text(mark: &str, wrong: &[Notable], page: &str) -> String {
    let mut text = format!(
        "{mark}\n{}As of [this run]({page}). The issue is rewritten by each run, and closed by the first in \
         which all is well.\n",
        table(wrong)
    );
    for one in wrong {
        let _ = writeln!(text, "{}", remark(one));
    }
    text
}

fn table(wrong: &[Notable]) -> String {
    let mut text = "| Target | State | What is wrong | What to do |\n|---|---|---|---|\n".to_owned();
    for one in wrong.iter().take(ROWS) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            code(&one.target),
            one.event.as_str(),
            cell(&one.message),
            cell(one.hint.as_deref().unwrap_or_default())
        );
    }
    if wrong.len() > ROWS {
        let _ = writeln!(text, "\nand {} more\n", wrong.len() - ROWS);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_job_and_each_choice_of_targets_has_an_issue_of_its_own() {
        let reference = "acme/data/.github/workflows/rotate.yml@refs/heads/main";
        assert_eq!(key(reference, "rotate", &[]), "rotate.yml/rotate");
        assert_eq!(key(reference, "rotate", &["a".to_owned(), "b-2".to_owned()]), "rotate.yml/rotate/a/b2");
        // What would end the comment in which it stands is left out.
        assert_eq!(key("x/--><script>@y", "-->", &[]), "script");
    }
}
