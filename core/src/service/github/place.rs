//! Where a GitHub secret stands.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>,
//! <https://docs.github.com/rest/codespaces/repository-secrets>, <https://docs.github.com/rest/agents/secrets>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::permission::Permission;
use crate::http::encode;

/// Names the kind of a secret, which decides its address and the permission that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A repository's secret.
    Repository(App),
    /// A secret of one of a repository's environments.
    Environment,
    /// An organisation's secret.
    Organization(App),
}

/// Names the part of GitHub that uses a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "GithubApp")]
pub enum App {
    /// Actions.
    #[default]
    Actions,
    /// Dependabot.
    Dependabot,
    /// Codespaces.
    Codespaces,
    /// Coding agents.
    Agents,
}

impl App {
    /// Returns the name that the configuration, reports and paths of the API have for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::Dependabot => "dependabot",
            Self::Codespaces => "codespaces",
            Self::Agents => "agents",
        }
    }
}

/// Says which repositories see an organisation's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// All.
    All,
    /// The private ones.
    Private,
    /// Those that are named.
    Selected,
}

/// Says where a secret stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The kind.
    pub kind: Kind,
    /// The owner of the repository, or the organisation.
    pub owner: String,
    /// The repository's name without its owner; empty for an organisation.
    pub repository: String,
    /// The environment's name; empty for all but an environment.
    pub environment: String,
    /// The secret's name.
    pub secret: String,
    /// Which repositories are to see an organisation's secret; `None` leaves it as it is.
    pub visibility: Option<Visibility>,
    /// The names of those repositories, where they are named.
    pub selected: Vec<String>,
}

impl Place {
    /// Returns true where an organisation holds the secret.
    #[must_use]
    pub const fn is_organization(&self) -> bool {
        matches!(self.kind, Kind::Organization(_))
    }

    /// Returns which part of GitHub uses the secret.
    #[must_use]
    pub const fn app(&self) -> App {
        match self.kind {
            Kind::Repository(app) | Kind::Organization(app) => app,
            Kind::Environment => App::Actions,
        }
    }

    /// Returns the name that reports show.
    #[must_use]
    pub fn label(&self) -> String {
        let owner = self.scope();
        let secret = &self.secret;
        match self.kind {
            Kind::Environment => format!("github-secret {owner} {secret} ({})", self.environment),
            _ => match self.app() {
                App::Actions => format!("github-secret {owner} {secret}"),
                app => format!("github-secret {owner} {secret} ({})", app.as_str()),
            },
        }
    }

    /// Returns `owner/name`, or the organisation's name.
    #[must_use]
    pub fn scope(&self) -> String {
        if self.is_organization() {
            self.owner.clone()
        } else {
            format!("{}/{}", self.owner, self.repository)
        }
    }

    /// Says what to check where GitHub does not know the place.
    pub(crate) fn visible_hint(&self) -> String {
        let scope = self.scope();
        let what = match self.environment.as_str() {
            "" => format!("check that {scope} exists"),
            environment => format!(
                "check that {scope} exists and has an environment \"{environment}\" (Settings > \
                 Environments; lakekey makes none)"
            ),
        };
        format!(
            "{what}, and that the sign-in may see it: what GitHub hides from somebody looks to them as if it \
             did not exist"
        )
    }

    /// Returns the path of the place's secrets below the API's base URL, percent-encoded.
    #[must_use]
    pub fn secrets_path(&self) -> String {
        let (owner, name) = (encode(&self.owner), encode(&self.repository));
        match self.kind {
            Kind::Repository(app) => format!("/repos/{owner}/{name}/{}/secrets", app.as_str()),
            // A name such as `prod/eu west` is one segment.
            Kind::Environment => {
                format!("/repos/{owner}/{name}/environments/{}/secrets", encode(&self.environment))
            }
            Kind::Organization(app) => format!("/orgs/{owner}/{}/secrets", app.as_str()),
        }
    }

    /// Returns the path of the secret itself.
    #[must_use]
    pub fn secret_path(&self) -> String {
        format!("{}/{}", self.secrets_path(), encode(&self.secret))
    }

    /// Returns the path of the key that the secret is sealed with.
    #[must_use]
    pub fn public_key_path(&self) -> String {
        format!("{}/public-key", self.secrets_path())
    }

    /// Returns the path by which an App finds its installation for the place.
    #[must_use]
    pub fn installation_path(&self) -> String {
        let owner = encode(&self.owner);
        if self.is_organization() {
            format!("/orgs/{owner}/installation")
        } else {
            format!("/repos/{owner}/{}/installation", encode(&self.repository))
        }
    }

    /// Returns the permission that writing the secret takes.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        match self.kind {
            Kind::Environment => Permission::Environments,
            Kind::Repository(App::Actions) => Permission::Secrets,
            Kind::Repository(App::Dependabot) => Permission::DependabotSecrets,
            Kind::Repository(App::Codespaces) => Permission::CodespacesSecrets,
            Kind::Repository(App::Agents) => Permission::AgentSecrets,
            Kind::Organization(App::Actions) => Permission::OrganizationSecrets,
            Kind::Organization(App::Dependabot) => Permission::OrganizationDependabotSecrets,
            Kind::Organization(App::Codespaces) => Permission::OrganizationCodespacesSecrets,
            Kind::Organization(App::Agents) => Permission::OrganizationAgentSecrets,
        }
    }
}
