//! What GitHub knows.

use std::collections::{BTreeMap, VecDeque};

use super::seeded::ORGANIZATION;

/// Holds what GitHub knows.
#[derive(Debug, Clone, Default)]
pub struct Github {
    /// The tokens: of people, of workflow runs, of installations.
    pub tokens: Vec<GithubToken>,
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// The organisations.
    pub organizations: Vec<String>,
    /// The secrets, by place.
    pub stores: BTreeMap<Place, Store>,
    /// The variables, by place and name.
    pub variables: BTreeMap<Place, BTreeMap<String, Variable>>,
    /// The issues, by repository in lower case, in the order of their numbers.
    pub issues: BTreeMap<String, Vec<Issue>>,
    /// The claims of which organisations have subjects made, by their names in lower case.
    pub templates: BTreeMap<String, Vec<String>>,
    /// The GitHub App, once there is one.
    pub app: Option<App>,
    /// How many requests are taken.
    pub limits: Limits,
    /// The requests of each caller within the last hour.
    pub(crate) usage: BTreeMap<String, Usage>,
}

/// Describes an issue.
#[derive(Debug, Clone)]
pub struct Issue {
    /// The title.
    pub title: String,
    /// The text.
    pub body: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The comments, in order.
    pub comments: Vec<String>,
    /// The reason for which it was closed; none if it is open.
    pub closed_as: Option<String>,
    /// When it was changed last.
    pub updated_ms: i64,
}

/// Describes a token.
#[derive(Debug, Clone)]
pub struct GithubToken {
    /// The token.
    pub value: String,
    /// What kind it is.
    pub kind: TokenKind,
    /// Who owns it: a login, or an installation.
    pub owner: String,
    /// The permissions, such as `secrets` and `write`.
    pub permissions: BTreeMap<String, String>,
    /// The repositories that it reaches, as `owner/name`; all if none.
    pub repositories: Option<Vec<String>>,
    /// When it ends; -1 if never.
    pub expires_ms: i64,
}

/// Names the kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A fine-grained personal access token.
    FineGrained,
    /// The `GITHUB_TOKEN` of a workflow run.
    Workflow,
    /// An installation token of a GitHub App.
    Installation,
}

/// Describes a repository.
#[derive(Debug, Clone, Default)]
pub struct Repository {
    /// The id.
    pub id: u64,
    /// Owner and name, as `owner/name`.
    pub full_name: String,
    /// The names of its environments.
    pub environments: Vec<String>,
    /// What it was called before, as `owner/name`; its requests are answered by a redirect.
    pub formerly: Vec<String>,
    /// How the subjects of its runs are made; that of the job, for the job's repository, where it is not
    /// said.
    pub subject: Option<SubjectForm>,
}

/// Says how the subjects of a repository's runs are made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectForm {
    /// By the names of owner and repository, as for older ones.
    Names,
    /// By names and ids, as for those made, renamed or transferred since 15 July 2026.
    Ids,
    /// By these claims, as an organisation's template has it.
    Template(Vec<String>),
    /// By names; the API answers 404.
    Unsaid,
}

/// Names a place that holds secrets or variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A repository's Actions secrets, as `owner/name`.
    Repository(String),
    /// An environment's secrets, as `owner/name` and the environment's name.
    Environment(String, String),
    /// An organisation's Actions secrets.
    Organization(String),
    /// A repository's secrets for a further part of GitHub, `codespaces` or `agents`.
    FurtherRepository(&'static str, String),
    /// An organisation's secrets for a further part of GitHub, `codespaces` or `agents`.
    FurtherOrganization(&'static str, String),
    /// A repository's Dependabot secrets.
    DependabotRepository(String),
    /// An organisation's Dependabot secrets.
    DependabotOrganization(String),
}

/// Holds a place's key pair and secrets.
#[derive(Debug, Clone)]
pub struct Store {
    /// The id of the key pair.
    pub key_id: String,
    /// The secret key, with which sealed boxes are opened.
    pub secret_key: [u8; 32],
    /// The secrets by name, in capitals.
    pub secrets: BTreeMap<String, GithubSecret>,
}

/// Describes a secret; the value is what was in the sealed box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubSecret {
    /// The value.
    pub value: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last written.
    pub updated_ms: i64,
    /// Who sees it, where the place is an organisation.
    pub visibility: Option<String>,
    /// The ids of the repositories that see it, where the visibility is `selected`.
    pub selected: Vec<u64>,
}

/// Describes a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The value.
    pub value: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last written.
    pub updated_ms: i64,
    /// Who sees it, where the place is an organisation.
    pub visibility: Option<String>,
    /// The ids of the repositories that see it, where the visibility is `selected`.
    pub selected: Vec<u64>,
}

/// Describes a GitHub App.
#[derive(Debug, Clone, Default)]
pub struct App {
    /// The app id.
    pub id: u64,
    /// The client id.
    pub client_id: String,
    /// The name in URLs.
    pub slug: String,
    /// The public key, as a DER `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// The permissions that it may have, such as `secrets` and `write`.
    pub permissions: BTreeMap<String, String>,
    /// Where it is installed.
    pub installations: Vec<Installation>,
}

/// Describes an installation of a GitHub App.
#[derive(Debug, Clone, Default)]
pub struct Installation {
    /// The id.
    pub id: u64,
    /// The organisation or user.
    pub account: String,
    /// The repositories that it reaches, as `owner/name`; all of the account if none.
    pub repositories: Option<Vec<String>>,
    /// Whether it is suspended.
    pub suspended: bool,
}

impl Github {
    /// Returns the id of an account.
    pub(crate) fn account_id(&self, name: &str) -> u64 {
        let beyond = name.bytes().filter(|_| !name.eq_ignore_ascii_case(ORGANIZATION));
        beyond.fold(1_001, |id, byte| id * 31 % 1_000_000_007 + u64::from(byte.to_ascii_lowercase()))
    }

    /// Finds a repository by `owner/name`.
    #[must_use]
    pub fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.iter().find(|repository| repository.full_name.eq_ignore_ascii_case(full_name))
    }

    /// Finds the repository that bore a name before, unless another one bears it now.
    #[must_use]
    pub fn renamed(&self, full_name: &str) -> Option<&Repository> {
        let is_meant = |name: &String| name.eq_ignore_ascii_case(full_name);
        let mut all = self.repositories.iter().filter(|repository| repository.formerly.iter().any(is_meant));
        all.next().filter(|_| self.repository(full_name).is_none())
    }

    /// Finds a secret.
    #[must_use]
    pub fn secret(&self, place: &Place, name: &str) -> Option<&GithubSecret> {
        self.stores.get(place)?.secrets.get(&name.to_ascii_uppercase())
    }

    /// Lists every secret with its place and name.
    pub fn secrets(&self) -> impl Iterator<Item = (&Place, &str, &GithubSecret)> {
        self.stores.iter().flat_map(|(place, store)| {
            store.secrets.iter().map(move |(name, secret)| (place, name.as_str(), secret))
        })
    }

    /// Returns what a caller has used up.
    pub(crate) fn usage(&mut self, caller: &str) -> &mut Usage {
        self.usage.entry(caller.to_owned()).or_default()
    }
}

/// Says how many requests a caller may make.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests in an hour.
    pub primary: usize,
    /// Requests that write content in a minute.
    pub content_per_minute: usize,
    /// Requests that write content in an hour.
    pub content_per_hour: usize,
    /// Points in a minute: a read is one, a write is five.
    pub points_per_minute: usize,
    /// The status with which too many are refused: 403 or 429, both are seen.
    pub status: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            primary: 5000,
            content_per_minute: 80,
            content_per_hour: 500,
            points_per_minute: 900,
            status: 403,
        }
    }
}

/// Holds the requests of a caller within the last hour.
#[derive(Debug, Clone, Default)]
pub(crate) struct Usage(pub(crate) VecDeque<(i64, bool)>);
