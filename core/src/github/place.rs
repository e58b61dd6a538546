//! Where a GitHub secret stands.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use super::permission::Permission;
use crate::call::encode;
use crate::config::{GithubApp, SinkConfig, Visibility};

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
    /// Which repositories see an organisation's secret.
    pub visibility: Visibility,
    /// The names of those repositories, where they are named.
    pub selected: Vec<String>,
}

impl Place {
    /// Reads the place out of a sink's configuration; `None` where it is not a GitHub secret.
    #[must_use]
    pub fn of(config: &SinkConfig) -> Option<Self> {
        let SinkConfig::GithubSecret {
            repository,
            secret,
            environment,
            organization,
            visibility,
            repositories,
            app,
        } = config
        else {
            return None;
        };
        let dependabot = *app == Some(GithubApp::Dependabot);
        let (kind, owner, name) = match (repository, organization) {
            (Some(repository), _) => {
                let (owner, name) = repository.split_once('/')?;
                let kind = match (dependabot, environment) {
                    (true, _) => Kind::RepositoryDependabot,
                    (false, Some(_)) => Kind::Environment,
                    (false, None) => Kind::Repository,
                };
                (kind, owner, name)
            }
            (None, Some(organization)) => (
                if dependabot { Kind::OrganizationDependabot } else { Kind::Organization },
                organization.as_str(),
                "",
            ),
            (None, None) => return None,
        };
        Some(Self {
            kind,
            owner: owner.to_owned(),
            repository: name.to_owned(),
            environment: environment.clone().unwrap_or_default(),
            secret: secret.clone(),
            visibility: visibility.unwrap_or(Visibility::Private),
            selected: repositories.clone().unwrap_or_default(),
        })
    }

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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    fn place(sink: &serde_json::Value) -> Place {
        Place::of(&serde_json::from_value(sink.clone()).unwrap()).unwrap()
    }

    #[test]
    fn every_kind_has_its_own_address_and_permission() {
        for (sink, path, permission, label) in [
            (
                serde_json::json!({"type": "github-secret", "repository": "acme/data", "secret": "T"}),
                "/repos/acme/data/actions/secrets/T",
                "secrets",
                "github-secret acme/data T",
            ),
            (
                serde_json::json!({"type": "github-secret", "repository": "acme/data", "secret": "T", "environment": "prod/eu west"}),
                "/repos/acme/data/environments/prod%2Feu%20west/secrets/T",
                "environments",
                "github-secret acme/data T (prod/eu west)",
            ),
            (
                serde_json::json!({"type": "github-secret", "organization": "acme", "secret": "T"}),
                "/orgs/acme/actions/secrets/T",
                "organization_secrets",
                "github-secret acme T",
            ),
            (
                serde_json::json!({"type": "github-secret", "repository": "acme/data", "secret": "T", "app": "dependabot"}),
                "/repos/acme/data/dependabot/secrets/T",
                "dependabot_secrets",
                "github-secret acme/data T (dependabot)",
            ),
            (
                serde_json::json!({"type": "github-secret", "organization": "acme", "secret": "T", "app": "dependabot"}),
                "/orgs/acme/dependabot/secrets/T",
                "organization_dependabot_secrets",
                "github-secret acme T (dependabot)",
            ),
        ] {
            let place = place(&sink);
            assert_eq!(place.secret_path(), path);
            assert_eq!(place.permission().name(), permission);
            assert_eq!(place.label(), label);
        }
    }

    #[test]
    fn an_organisations_secret_is_private_unless_told_otherwise() {
        let place =
            place(&serde_json::json!({"type": "github-secret", "organization": "acme", "secret": "T"}));
        assert_eq!(place.visibility, Visibility::Private);
        assert_eq!(place.installation_path(), "/orgs/acme/installation");
    }
}
