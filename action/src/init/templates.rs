//! The files that are written, as a person would write them.

use super::answers::Answers;

/// The variable that holds a token of GitHub's.
pub(super) const GITHUB_TOKEN: &str = "LAKEKEY_GITHUB_TOKEN";

/// The variable that holds the private key of a GitHub App.
pub(super) const APP_KEY: &str = "LAKEKEY_APP_KEY";

/// Where editors find the shape of the file.
const SCHEMA: &str =
    concat!("https://raw.githubusercontent.com/lakekey/lakekey/main/docs/", "lakekey.schema.json");

/// The step that checks a repository out, as the examples have it.
pub(super) const CHECKOUT: &str = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1";

/// Returns the configuration; `trusts` has it name whom the principal is to trust, for the look-up.
pub(super) fn configuration(answers: &Answers, trusts: bool) -> String {
    let Answers { workspace, name, kind, lifetime, renew_before, overlap, .. } = answers;
    let mut principal = Vec::new();
    if kind != "entra" {
        principal.push(format!("kind: {}", scalar(kind)));
    }
    for (key, value) in [
        ("tenant-id", &answers.tenant_id),
        ("client-id", &answers.client_id),
        ("display-name", &answers.display_name),
    ] {
        principal.extend(value.as_ref().map(|value| format!("{key}: {}", scalar(value))));
    }
    let environment = answers
        .environment
        .as_ref()
        .map(|name| format!(", environment: {}", scalar(name)))
        .unwrap_or_default();
    let trust = format!(
        "federated-credential: {{repository: {}, environment: {}}}",
        scalar(&answers.repository),
        scalar(answers.job_environment())
    );
    let trust = match () {
        () if trusts => format!("    {trust}\n"),
        () if signs_in_by_trust(answers) => {
            format!("    # {trust} # `provision` makes it, with `directory`\n")
        }
        () => String::new(),
    };
    let github = match &answers.app_id {
        Some(id) if !trusts => {
            format!("{{type: app, app-id: {}, private-key: {{env: {APP_KEY}}}}}", scalar(id))
        }
        _ => format!("{{type: token, token: {{env: {GITHUB_TOKEN}}}}}"),
    };
    format!(
        "# yaml-language-server: $schema={SCHEMA}
version: 1
targets:
  - name: {}
    workspace: {}
    principal: {{{}}}
    auth: {}
{trust}    token: {{lifetime: {}, renew-before: {}, overlap: {}}}
    deliver:
      - {{type: github-secret, repository: {}, secret: {}{environment}}}
github: {github}
",
        scalar(name),
        scalar(workspace),
        principal.join(", "),
        auth(answers),
        scalar(lifetime),
        scalar(renew_before),
        scalar(overlap),
        scalar(&answers.repository),
        scalar(&answers.secret),
    )
}

/// Returns true where no secret signs the principal in, but what GitHub says of the job.
pub(super) fn signs_in_by_trust(answers: &Answers) -> bool {
    answers.auth_type.starts_with("github-oidc")
}

/// Returns the variable that the sign-in's secret stands in.
pub(super) fn secret_of(answers: &Answers) -> Option<&'static str> {
    match answers.auth_type.as_str() {
        "azure-client-secret" => Some("ARM_CLIENT_SECRET"),
        "oauth-m2m" => Some("DATABRICKS_CLIENT_SECRET"),
        _ => None,
    }
}

fn auth(answers: &Answers) -> String {
    match secret_of(answers) {
        Some(variable) => {
            format!("{{type: {}, client-secret: {{env: {variable}}}}}", scalar(&answers.auth_type))
        }
        None => format!("{{type: {}}}", scalar(&answers.auth_type)),
    }
}

/// Writes a text as a value of YAML: as it is where that is the text, else between quotation marks.
fn scalar(text: &str) -> String {
    let bare = !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '%'))
        && !text.starts_with(['-', ':', '%', '.'])
        && !text.ends_with(':')
        && text.chars().any(|c| c.is_ascii_alphabetic() || c == '-')
        && !["true", "false", "null", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str());
    let number = text.parse::<f64>().is_ok() || text.starts_with("0x") || text.starts_with("0o");
    let whole = !text.is_empty() && text.len() < 16 && text.bytes().all(|b| b.is_ascii_digit());
    match (bare && !number) || whole {
        true => text.to_owned(),
        false => serde_json::Value::from(text).to_string(),
    }
}

/// Returns the workflow of GitHub or the pipeline of Azure DevOps that rotates daily.
pub(super) fn workflow(answers: &Answers, file: &str, config: &str) -> String {
    let is_pipeline = file.contains("azure-pipelines") || answers.auth_type == "azure-devops-oidc";
    let mut variables: Vec<&str> = vec![if answers.app_id.is_some() { APP_KEY } else { GITHUB_TOKEN }];
    variables.extend(secret_of(answers));
    if is_pipeline { pipeline(&variables, config) } else { github(answers, &variables, config) }
}

fn github(answers: &Answers, variables: &[&str], config: &str) -> String {
    let variables: String =
        variables.iter().map(|name| format!("          {name}: ${{{{ secrets.{name} }}}}\n")).collect();
    let id_token =
        if signs_in_by_trust(answers) { "      id-token: write # signs in without a secret\n" } else { "" };
    format!(
        "name: Rotate the Databricks token

on:
  schedule:
    - cron: \"17 4 * * *\" # daily: most days nothing is due, and a failed run has tomorrow
  workflow_dispatch:

permissions: {{}}

concurrency:
  group: databricks-token
  cancel-in-progress: false

jobs:
  rotate:
    name: Rotate
    runs-on: ubuntu-latest
    environment: {environment}
    permissions:
      contents: read # for the checkout
{id_token}    steps:
      - name: Check out
        uses: {CHECKOUT}
        with:
          persist-credentials: false
      - name: Rotate
        uses: lakekey/lakekey@main # pin the commit of a release
        with:
          build: true # until there is a release
          config: {config}
        env:
{variables}",
        environment = scalar(answers.job_environment()),
        config = scalar(config),
    )
}

fn pipeline(variables: &[&str], config: &str) -> String {
    let variables: String = variables.iter().map(|name| format!("      {name}: $({name})\n")).collect();
    format!(
        "trigger: none
pr: none

schedules:
  - cron: \"17 4 * * *\" # daily: most days nothing is due, and a failed run has tomorrow
    displayName: Rotate the Databricks token
    branches:
      include: [main]
    always: true # also where nothing was pushed

pool:
  vmImage: ubuntu-latest

steps:
  - checkout: self

  - task: NodeTool@0
    displayName: Node 22
    inputs:
      versionSpec: 22.x

  - bash: npx --yes lakekey@{version} rotate
    name: lakekey
    displayName: Rotate the Databricks token
    env:
      LAKEKEY_CONFIG: {config}
{variables}",
        version = env!("CARGO_PKG_VERSION"),
        config = scalar(config),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_where_yaml_would_read_something_else() {
        for (text, written) in [
            ("catalog-prod", "catalog-prod"),
            ("https://adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net"),
            ("90d", "90d"),
            ("12345", "12345"),
            ("a: b", "\"a: b\""),
            ("no", "\"no\""),
            ("1e5", "\"1e5\""),
            ("{x}", "\"{x}\""),
            ("it's \"so\"", "\"it's \\\"so\\\"\""),
            ("", "\"\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }

    #[test]
    fn the_checkout_is_that_of_the_examples() {
        assert!(include_str!("../../../examples/github/fleet.yml").contains(CHECKOUT));
    }
}
