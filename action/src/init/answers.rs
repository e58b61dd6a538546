//! What a first configuration is made of: flags, what is at hand, and what a person at a terminal says.

use std::io::BufRead as _;

use lakekey_core::{Code, Error, Step};

use crate::arguments::Init;
use crate::console::Console;
use crate::style::Tone;

/// Holds everything that is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Answers {
    pub(super) workspace: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) tenant_id: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) auth_type: String,
    pub(super) repository: String,
    pub(super) secret: String,
    pub(super) environment: Option<String>,
    pub(super) app_id: Option<String>,
    pub(super) lifetime: String,
    pub(super) renew_before: String,
    pub(super) overlap: String,
}

/// The keys of the configuration, each with the flag that it comes from.
const FLAGS: &[(&str, &str)] = &[
    ("workspace", "--workspace"),
    ("kind", "--kind"),
    ("tenant-id", "--tenant-id"),
    ("client-id", "--client-id"),
    ("display-name", "--display-name"),
    ("auth", "--auth-type"),
    ("repository", "--repository"),
    ("secret", "--secret"),
    ("environment", "--environment"),
    ("app-id", "--app-id"),
    ("lifetime", "--lifetime"),
    ("renew-before", "--renew-before"),
    ("overlap", "--overlap"),
    ("name", "--name"),
];

impl Answers {
    /// Returns the flag by which a key of the configuration was given.
    pub(super) fn flag_of(path: &str) -> Option<String> {
        let steps: Vec<&str> =
            path.split('.').map(|step| step.split('[').next().unwrap_or_default()).collect();
        let of_step =
            |step: &&str| FLAGS.iter().find(|(key, _)| key == step).map(|(_, flag)| (*flag).to_owned());
        steps.iter().rev().find_map(of_step)
    }

    /// Takes the flags, asks for the rest, and takes what is usual where nobody answers.
    ///
    /// # Errors
    /// `usage-invalid` where an answer is missing and nobody is there to ask.
    pub(super) fn gather(console: &Console, flags: Init) -> Result<Self, Error> {
        let asker = Asker { console, asks: console.is_terminal() && !flags.no_input };
        let workspace =
            asker.needed(flags.workspace, "--workspace", "The workspace's address, as the browser has it")?;
        let kind = asker.usual(flags.kind, "Where the principal is managed: entra or databricks", "entra");
        let client_id = asker.optional(
            flags.client_id,
            "The application (client) id; nothing if it is to be found by its name",
        );
        let display_name = match &client_id {
            Some(_) => flags.display_name,
            None => Some(asker.needed(
                flags.display_name,
                "--client-id or --display-name",
                "The principal's name",
            )?),
        };
        let repository = match flags.repository.or_else(of_git) {
            Some(found) if asker.asks => asker.usual(None, "The repository whose secret is written", &found),
            found => asker.needed(
                found,
                "--repository",
                "The repository whose secret is written, such as acme/data",
            )?,
        };
        let secret = asker.usual(flags.secret, "The name of the secret", "DATABRICKS_TOKEN");
        let environment = asker
            .optional(flags.environment, "The environment of the secret; nothing for the repository's own");
        let own = if kind == "databricks" { "github-oidc" } else { "github-oidc-azure" };
        let auth_type = asker.usual(flags.auth_type, "How the principal signs in", own);
        let app_id =
            asker.optional(flags.app_id, "The id of the GitHub App that writes secrets; nothing for a token");
        let usual_name =
            repository.rsplit('/').next().unwrap_or_default().trim_end_matches(".git").to_owned();
        let name = asker.usual(flags.name, "A name for the target", &usual_name);
        Ok(Self {
            workspace,
            name,
            kind,
            tenant_id: flags.tenant_id,
            client_id,
            display_name,
            auth_type,
            repository,
            secret,
            environment,
            app_id,
            lifetime: flags.lifetime,
            renew_before: flags.renew_before,
            overlap: flags.overlap,
        })
    }

    /// Returns the environment of GitHub that the job runs in: that of the secret, or one for this job alone.
    pub(super) fn job_environment(&self) -> &str {
        self.environment.as_deref().unwrap_or("rotation")
    }
}

struct Asker<'c> {
    console: &'c Console,
    /// Whether somebody is there to answer.
    asks: bool,
}

impl Asker<'_> {
    fn ask(&self, question: &str, usual: &str) -> Option<String> {
        if !self.asks {
            return None;
        }
        let hint = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        self.console.note(&self.console.err().paint(Tone::Strong, &format!("{question}{hint}:")));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).ok()?;
        let answer = line.trim();
        (!answer.is_empty()).then(|| answer.to_owned())
    }

    fn optional(&self, given: Option<String>, question: &str) -> Option<String> {
        given.or_else(|| self.ask(question, ""))
    }

    fn usual(&self, given: Option<String>, question: &str, usual: &str) -> String {
        given.or_else(|| self.ask(question, usual)).unwrap_or_else(|| usual.to_owned())
    }

    fn needed(&self, given: Option<String>, flag: &str, question: &str) -> Result<String, Error> {
        self.optional(given, question).ok_or_else(|| {
            Error::new(Code::UsageInvalid, Step::Configure, format!("an answer is missing: give {flag}"))
                .with_hint("see `lakekey init --help`, or run it at a terminal and answer its questions")
        })
    }
}

/// Returns the repository of GitHub that the working directory is a clone of.
fn of_git() -> Option<String> {
    let config = std::fs::read_to_string(".git/config").ok()?;
    let origin = config.split("[remote \"origin\"]").nth(1)?;
    let url = origin.lines().take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "url").then(|| value.trim().to_owned())
    })?;
    repository_of(&url)
}

fn repository_of(url: &str) -> Option<String> {
    let (_, path) = url.split_once("github.com")?;
    let path = path.trim_start_matches([':', '/']).trim_end_matches('/').trim_end_matches(".git");
    let (owner, name) = path.split_once('/')?;
    (!owner.is_empty() && !name.is_empty() && !name.contains('/')).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_of_github_says_its_repository() {
        for url in [
            "https://github.com/acme/data.git",
            "https://github.com/acme/data",
            "git@github.com:acme/data.git",
            "ssh://git@github.com/acme/data",
        ] {
            assert_eq!(repository_of(url).as_deref(), Some("acme/data"), "{url}");
        }
        for url in ["https://dev.azure.com/acme/data/_git/data", "https://github.com/acme", "/srv/data"] {
            assert_eq!(repository_of(url), None, "{url}");
        }
    }

    #[test]
    fn a_mistake_is_named_by_the_flag_that_it_comes_from() {
        for (path, flag) in [
            ("targets[0].workspace", "--workspace"),
            ("targets[0].principal.client-id", "--client-id"),
            ("targets[0].deliver[0].repository", "--repository"),
            ("targets[0].auth.type", "--auth-type"),
            ("targets[0].token.overlap", "--overlap"),
            ("github.app-id", "--app-id"),
        ] {
            assert_eq!(Answers::flag_of(path).as_deref(), Some(flag));
        }
        assert_eq!(Answers::flag_of("cloud"), None);
    }
}
