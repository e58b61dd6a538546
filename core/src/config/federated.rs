//! Whom a principal is to trust, so that it needs no secret.

use schemars::JsonSchema;
use serde::Deserialize;

use super::repository::Repository;
use crate::model::{Code, Error, Origin};

/// Describes a federated credential of the application, or a federation policy of a Databricks principal.
///
/// Whose assertions are trusted is said in one of three ways: by `repository` and what runs there, by
/// `subject`, or by `claims-matching-expression`.
///
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>,
/// <https://docs.databricks.com/dev-tools/auth/oauth-federation-policy>
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(rename = "FederatedCredential")]
pub(crate) struct FederatedDocument {
    /// The name in Entra ID, or the id of the policy; made from the rest by default.
    name: Option<String>,
    /// Who signs the assertion; GitHub Actions by default.
    issuer: Option<String>,
    /// The subject, letter by letter, such as `repo:acme/data:environment:production`.
    subject: Option<String>,
    /// An expression over the claims, such as `claims['sub'] matches 'repo:acme/data:*'`; for Entra ID alone.
    claims_matching_expression: Option<String>,
    /// A repository of GitHub, such as `acme/data`, which is asked for the subject that it sends.
    repository: Option<String>,
    /// The environment of the job, with `repository`.
    environment: Option<String>,
    /// The branch that the workflow runs on, with `repository`.
    branch: Option<String>,
    /// The tag that the workflow runs on, with `repository`.
    tag: Option<String>,
    /// Whether the workflow runs for pull requests, with `repository`.
    pull_request: Option<bool>,
    /// The audience; for Entra ID `api://AzureADTokenExchange` by default, for Databricks what `auth` asks
    /// for.
    audience: Option<String>,
}

/// Says whom a principal is to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederatedCredential {
    /// The name; made from the rest where there is none.
    pub name: Option<String>,
    /// Who signs the assertion; `None` for GitHub Actions.
    pub issuer: Option<String>,
    /// Whose assertions.
    pub whose: Whose,
    /// The audience.
    pub audience: Option<String>,
}

/// Says whose assertions are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those with this subject.
    Subject(String),
    /// Those that this expression matches, for a repository where one is named.
    Expression(String, Option<Repository>),
    /// Those of a repository, for what runs there.
    Runs(Repository, Runs),
}

/// Says which of a repository's runs are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Runs {
    /// Jobs of this environment.
    Environment(String),
    /// Runs on this branch.
    Branch(String),
    /// Runs on this tag.
    Tag(String),
    /// Runs for pull requests.
    PullRequest,
}

impl Runs {
    /// Returns the part of the subject that says what runs.
    ///
    /// <https://docs.github.com/actions/reference/security/oidc#example-subject-claims>
    #[must_use]
    pub fn context(&self) -> String {
        // A colon inside would read as another part.
        let plain = |name: &str| name.replace(':', "%3A");
        match self {
            Self::Environment(name) => format!("environment:{}", plain(name)),
            Self::Branch(name) => format!("ref:refs/heads/{}", plain(name)),
            Self::Tag(name) => format!("ref:refs/tags/{}", plain(name)),
            Self::PullRequest => "pull_request".to_owned(),
        }
    }
}

impl FederatedDocument {
    /// Checks it by the rules of the services.
    ///
    /// # Errors
    /// `config-invalid-value` or `config-missing-key` with the path of the key below `path`.
    pub(crate) fn check(self, path: &str) -> Result<FederatedCredential, Error> {
        let at = |key: &str| format!("{path}.{key}");
        if let Some(issuer) = &self.issuer {
            Origin::parse(issuer, &at("issuer"))?;
            if issuer.contains("token.actions.") && issuer.ends_with('/') {
                let words = "GitHub's issuer has no slash at its end; with one nothing matches";
                return Err(Error::invalid(&at("issuer"), words));
            }
        }
        if let Some(name) = &self.name
            && (!(3..=120).contains(&name.len())
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
                || name.starts_with(['-', '_']))
        {
            return Err(Error::invalid(&at("name"), "a name has 3 to 120 letters, digits, `-` and `_`"));
        }
        let (name, issuer, audience) = (self.name.clone(), self.issuer.clone(), self.audience.clone());
        Ok(FederatedCredential { name, issuer, whose: self.whose(path)?, audience })
    }

    fn whose(self, path: &str) -> Result<Whose, Error> {
        let at = |key: &str| format!("{path}.{key}");
        let runs = self.runs(path)?;
        let repository =
            self.repository.as_deref().map(|text| Repository::read(text, &at("repository"))).transpose()?;
        let long = |text: &str| text.trim().is_empty() || text.len() > 600;
        match (self.subject, self.claims_matching_expression, repository, runs) {
            (Some(subject), None, None, None) if !long(&subject) => Ok(Whose::Subject(subject)),
            (Some(_), None, None, None) => {
                Err(Error::invalid(&at("subject"), "a subject has 1 to 600 characters"))
            }
            (None, Some(text), repository, None) if !long(&text) => Ok(Whose::Expression(text, repository)),
            (None, Some(_), _, None) => {
                let words = "an expression has 1 to 600 characters";
                Err(Error::invalid(&at("claims-matching-expression"), words))
            }
            (None, None, Some(repository), Some(runs)) => Ok(Whose::Runs(repository, runs)),
            (None, None, Some(_), None) => {
                let words = "say which runs of the repository: `environment`, `branch`, `tag` or `pull-request: true`";
                Err(Error::config(Code::ConfigMissingKey, at("environment"), words))
            }
            (None, None, None, Some(_)) => {
                let words = "say whose runs these are, such as acme/data";
                Err(Error::config(Code::ConfigMissingKey, at("repository"), words))
            }
            (None, None, None, None) => {
                let words = "say whom to trust: `repository` and `environment`, or `subject`";
                Err(Error::config(Code::ConfigMissingKey, at("repository"), words))
            }
            (Some(_), _, _, _) => {
                let words = "write either `subject`, or `repository` and which of its runs, or \
                             `claims-matching-expression`";
                Err(Error::invalid(&at("subject"), words))
            }
            (None, Some(_), _, Some(_)) => {
                let words = "an expression says itself which runs it matches: leave `environment`, \
                             `branch`, `tag` and `pull-request` out";
                Err(Error::invalid(&at("claims-matching-expression"), words))
            }
        }
    }

    fn runs(&self, path: &str) -> Result<Option<Runs>, Error> {
        let refs = |text: &str, prefix: &str| text.strip_prefix(prefix).unwrap_or(text).to_owned();
        let named = [
            ("environment", self.environment.as_ref().map(|name| Runs::Environment(name.clone()))),
            ("branch", self.branch.as_ref().map(|name| Runs::Branch(refs(name, "refs/heads/")))),
            ("tag", self.tag.as_ref().map(|name| Runs::Tag(refs(name, "refs/tags/")))),
            ("pull-request", self.pull_request.filter(|wanted| *wanted).map(|_| Runs::PullRequest)),
        ];
        let mut given = named.into_iter().filter_map(|(key, runs)| runs.map(|runs| (key, runs)));
        let first = given.next();
        if let Some((key, _)) = given.next() {
            let words = "write one of `environment`, `branch`, `tag` and `pull-request`; a job that has an \
                         environment sends that alone";
            return Err(Error::invalid(&format!("{path}.{key}"), words));
        }
        let Some((key, runs)) = first else { return Ok(None) };
        let empty = match &runs {
            Runs::Environment(name) | Runs::Branch(name) | Runs::Tag(name) => {
                name.trim().is_empty() || name.len() > 255 || name.chars().any(char::is_control)
            }
            Runs::PullRequest => false,
        };
        match empty {
            true => Err(Error::invalid(&format!("{path}.{key}"), "a name has 1 to 255 characters")),
            false => Ok(Some(runs)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use serde_json::{Value, json};

    use super::super::decode::decode;
    use super::*;

    fn read(value: Value) -> Result<FederatedCredential, Error> {
        decode::<FederatedDocument>(value, "f")?.check("f")
    }

    #[test]
    fn whom_to_trust_is_said_in_one_way() {
        let whose = |value: Value| read(value).unwrap().whose;
        let acme = || Repository { owner: "acme".to_owned(), name: "data".to_owned() };
        for (key, value, context) in [
            ("environment", json!("prod:eu"), "environment:prod%3Aeu"),
            ("branch", json!("main"), "ref:refs/heads/main"),
            ("branch", json!("refs/heads/main"), "ref:refs/heads/main"),
            ("tag", json!("v1"), "ref:refs/tags/v1"),
            ("pull-request", json!(true), "pull_request"),
        ] {
            let Whose::Runs(repository, runs) = whose(json!({"repository": "acme/data", key: value})) else {
                unreachable!("{key}")
            };
            assert_eq!((repository, runs.context().as_str()), (acme(), context));
        }
        let (subject, expression) = ("repo:acme/data:pull_request", "claims['sub'] matches 'x'");
        assert_eq!(whose(json!({"subject": subject})), Whose::Subject(subject.to_owned()));
        let expected = Whose::Expression(expression.to_owned(), Some(acme()));
        assert_eq!(
            whose(json!({"claims-matching-expression": expression, "repository": "acme/data"})),
            expected
        );
    }

    #[test]
    fn what_says_nothing_or_two_things_is_refused_with_its_key() {
        for (value, code, key) in [
            (json!({}), Code::ConfigMissingKey, "f.repository"),
            (json!({"environment": "e"}), Code::ConfigMissingKey, "f.repository"),
            (json!({"repository": "acme/data"}), Code::ConfigMissingKey, "f.environment"),
            (
                json!({"repository": "acme/data", "pull-request": false}),
                Code::ConfigMissingKey,
                "f.environment",
            ),
            (json!({"repository": "data", "branch": "b"}), Code::ConfigInvalidValue, "f.repository"),
            (json!({"repository": "a/..", "branch": "b"}), Code::ConfigInvalidValue, "f.repository"),
            (json!({"repository": "a/b", "branch": "b", "tag": "t"}), Code::ConfigInvalidValue, "f.tag"),
            (json!({"repository": "a/b", "environment": " "}), Code::ConfigInvalidValue, "f.environment"),
            (json!({"subject": "s", "repository": "a/b"}), Code::ConfigInvalidValue, "f.subject"),
            (json!({"subject": " "}), Code::ConfigInvalidValue, "f.subject"),
            (json!({"subject": "s".repeat(601)}), Code::ConfigInvalidValue, "f.subject"),
            (
                json!({"claims-matching-expression": "x", "repository": "a/b", "branch": "b"}),
                Code::ConfigInvalidValue,
                "f.claims-matching-expression",
            ),
            (json!({"subject": "s", "name": "-x"}), Code::ConfigInvalidValue, "f.name"),
            (json!({"subject": "s", "issuer": "http://issuer.example"}), Code::ConfigInsecureUrl, "f.issuer"),
            (
                json!({"subject": "s", "issuer": "https://token.actions.githubusercontent.com/"}),
                Code::ConfigInvalidValue,
                "f.issuer",
            ),
        ] {
            let error = read(value.clone()).unwrap_err();
            assert_eq!((error.code(), error.key()), (code, Some(key)), "{value}");
        }
    }
}
