//! Where a GitHub secret stands.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::permission::Permission;
use crate::http::encode;

/// Names the kind of a secret, which decides its address and the permission that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A repository's secret for Actions.
    Repository,
    /// A secret of one of a repository's environments.
    Environment,
    /// An organisation's secret for Actions.
    Organization,
    /// A repository's secret for Dependabot.
    RepositoryDependabot,
    /// An organisation's secret for Dependabot.
    OrganizationDependabot,
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
        matches!(self.kind, Kind::Organization | Kind::OrganizationDependabot)
    }

    /// Returns the name that reports show.
    #[must_use]
    pub fn label(&self) -> String {
        let owner = self.scope();
        let secret = &self.secret;
        match self.kind {
            Kind::Repository | Kind::Organization => format!("github-secret {owner} {secret}"),
            Kind::Environment => format!("github-secret {owner} {secret} ({})", self.environment),
            Kind::RepositoryDependabot | Kind::OrganizationDependabot => {
                format!("github-secret {owner} {secret} (dependabot)")
            }
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
            Kind::Repository => format!("/repos/{owner}/{name}/actions/secrets"),
            // A name such as `prod/eu west` is one segment.
            Kind::Environment => {
                format!("/repos/{owner}/{name}/environments/{}/secrets", encode(&self.environment))
            }
            Kind::Organization => format!("/orgs/{owner}/actions/secrets"),
            Kind::RepositoryDependabot => format!("/repos/{owner}/{name}/dependabot/secrets"),
            Kind::OrganizationDependabot => format!("/orgs/{owner}/dependabot/secrets"),
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
            Kind::Repository => Permission::Secrets,
            Kind::Environment => Permission::Environments,
            Kind::Organization => Permission::OrganizationSecrets,
            Kind::RepositoryDependabot => Permission::DependabotSecrets,
            Kind::OrganizationDependabot => Permission::OrganizationDependabotSecrets,
        }
    }
}
