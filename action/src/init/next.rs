//! What is left to do by hand after a first configuration was written.

use lakekey_core::{Error, Trusted};

use super::answers::Answers;
use super::templates::{APP_KEY, GITHUB_TOKEN, secret_of, signs_in_by_trust};
use crate::layout::wrapped;
use crate::style::{Look, Tone};

/// Lists the steps, each with what is to be copied.
pub(super) fn steps(
    answers: &Answers,
    config: &str,
    trusted: Option<&Result<Option<Trusted>, Error>>,
    look: Look,
) -> String {
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    if signs_in_by_trust(answers) {
        steps.push(trust(answers, trusted));
    }
    if let Some(variable) = secret_of(answers) {
        steps.push((
            format!("Put the principal's client secret where the job finds it as {variable}."),
            Vec::new(),
        ));
    }
    steps.push(match &answers.app_id {
        Some(id) => (
            format!("Install the GitHub App {id} on {}, with the repository permission Secrets: read and write{}, and store its private key as the secret {APP_KEY} of the environment {}.",
                answers.repository,
                if answers.environment.is_some() { " and Environments: read and write" } else { "" },
                answers.job_environment()),
            Vec::new(),
        ),
        None => (
            format!("Store a fine-grained token of GitHub that may write secrets of {} as the secret {GITHUB_TOKEN} of the environment {}; an App (--app-id) does not expire.",
                answers.repository, answers.job_environment()),
            Vec::new(),
        ),
    });
    steps.push((
        "Let the principal use tokens in the workspace: add `admin` to the target for a moment, and run"
            .to_owned(),
        vec!["lakekey provision".to_owned()],
    ));
    steps.push((
        "Look at what is still missing, and rotate.".to_owned(),
        vec![
            format!("lakekey check --no-secrets --config {config}"),
            "lakekey doctor".to_owned(),
            "lakekey rotate".to_owned(),
        ],
    ));
    let mut text = format!("\n{}\n", look.paint(Tone::Strong, "Left to do:"));
    for (number, (words, lines)) in steps.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", number + 1, wrapped(words, 3, look.width.min(100))));
        for line in lines {
            text.push_str(&format!("     {line}\n"));
        }
    }
    text
}

/// Says whom the principal is to trust, to be copied.
fn trust(answers: &Answers, trusted: Option<&Result<Option<Trusted>, Error>>) -> (String, Vec<String>) {
    let what = match answers.kind.as_str() {
        "databricks" => "federation policy in the Databricks account",
        _ => "federated credential of the application in Entra ID",
    };
    let environment = answers.job_environment();
    match trusted {
        Some(Ok(Some(Trusted { issuer, subject, audience }))) => (
            format!("Have the principal trust the job: a {what} with"),
            vec![
                format!("issuer:   {issuer}"),
                format!("subject:  {subject}"),
                format!("audience: {}", audience.as_deref().unwrap_or("the account's id")),
            ],
        ),
        _ => (
            format!(
                "Have the principal trust the job: a {what} whose subject is the one that GitHub sends for the environment {environment} of {}. Newer repositories send one with ids. With a token of GitHub in {GITHUB_TOKEN} `lakekey init` asks which; by hand:",
                answers.repository
            ),
            vec![
                format!("gh api repos/{}/actions/oidc/customization/sub", answers.repository),
                "issuer:   https://token.actions.githubusercontent.com".to_owned(),
                format!("subject:  repo:{}:environment:{environment}, or with ids", answers.repository),
                format!("          repo:OWNER@ID/NAME@ID:environment:{environment}"),
            ],
        ),
    }
}
