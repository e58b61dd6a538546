//! Which permission a secret takes, and where it is granted.
//!
//! <https://docs.github.com/rest/authentication/permissions-required-for-github-apps>

/// Names a permission of a GitHub App or of a fine-grained personal access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// A repository's Actions secrets.
    Secrets,
    /// A repository's environments and their secrets.
    Environments,
    /// An organisation's Actions secrets.
    OrganizationSecrets,
    /// A repository's Dependabot secrets.
    DependabotSecrets,
    /// An organisation's Dependabot secrets.
    OrganizationDependabotSecrets,
    /// A repository's secrets for Codespaces.
    CodespacesSecrets,
    /// An organisation's secrets for Codespaces.
    OrganizationCodespacesSecrets,
    /// A repository's secrets for coding agents.
    AgentSecrets,
    /// An organisation's secrets for coding agents.
    OrganizationAgentSecrets,
}

impl Permission {
    /// Returns the name that the API uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Environments => "environments",
            Self::OrganizationSecrets => "organization_secrets",
            Self::DependabotSecrets => "dependabot_secrets",
            Self::OrganizationDependabotSecrets => "organization_dependabot_secrets",
            Self::CodespacesSecrets => "codespaces_secrets",
            Self::OrganizationCodespacesSecrets => "organization_codespaces_secrets",
            Self::AgentSecrets => "agent_secrets",
            Self::OrganizationAgentSecrets => "organization_agent_secrets",
        }
    }

    /// Returns the words under which the settings pages of GitHub show it.
    #[must_use]
    pub const fn shown(self) -> &'static str {
        match self {
            Self::Secrets => "Repository permissions > Secrets",
            Self::Environments => "Repository permissions > Environments",
            Self::OrganizationSecrets => "Organization permissions > Secrets",
            Self::DependabotSecrets => "Repository permissions > Dependabot secrets",
            Self::OrganizationDependabotSecrets => {
                "Organization permissions > Organization dependabot secrets"
            }
            Self::CodespacesSecrets => "Repository permissions > Codespaces secrets",
            Self::OrganizationCodespacesSecrets => {
                "Organization permissions > Organization codespaces secrets"
            }
            Self::AgentSecrets => "Repository permissions > Agent secrets",
            Self::OrganizationAgentSecrets => "Organization permissions > Agent secrets",
        }
    }

    /// Returns true where the name is documented, so that a token may be asked for this permission alone;
    /// with a wrong name GitHub would give none.
    #[must_use]
    pub const fn is_documented(self) -> bool {
        !matches!(self, Self::AgentSecrets | Self::OrganizationAgentSecrets)
    }

    /// Says where the permission is granted, to an App or to a fine-grained personal access token.
    #[must_use]
    pub fn grant(self, app: bool, scope: &str) -> String {
        let (shown, name) = (self.shown(), self.name());
        match app {
            true => format!(
                "in the App's settings, set Permissions & events > {shown} to \"Read and write\" (`{name}: \
                 write`), have the owner of {scope} accept it, and see that the App is installed on {scope}"
            ),
            false => format!(
                "give the fine-grained personal access token access to {scope} and {shown} \"Read and \
                 write\" (`{name}: write`), or use a GitHub App with that permission"
            ),
        }
    }
}
