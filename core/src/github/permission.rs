//! Which permission a secret takes, where it is granted, and how a refusal of GitHub is told.
//!
//! <https://docs.github.com/rest/authentication/permissions-required-for-github-apps>

use super::place::Place;
use crate::config::{GithubSignIn, SecretRef};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::sign_in::resolve_secret;

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
        }
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

/// Tells a refusal of GitHub in terms of the place and of who signed in: the permission that is missing and
/// where to grant it, the workflow's own token that can never do it, the place that does not exist.
#[must_use]
pub fn explain(context: &Context<'_>, place: &Place, error: Error) -> Error {
    let scope = place.scope();
    match error.code() {
        Code::GithubTokenCannotWriteSecrets | Code::GithubPermissionMissing => {
            let permission = place.permission();
            match token_kind(context) {
                // The same sentence of GitHub is said to an App that lacks the permission.
                TokenKind::Workflow => error.coded(Code::GithubTokenCannotWriteSecrets).with_hint(format!(
                    "the token is the workflow's own GITHUB_TOKEN, which can never write secrets, whatever \
                     `permissions` says: configure `github` with a GitHub App, or with a fine-grained \
                     personal access token, that has `{}: write`",
                    permission.name()
                )),
                TokenKind::Installation => {
                    error.coded(Code::GithubTokenCannotWriteSecrets).with_hint(format!(
                        "the token is an installation's (ghs_…). If it is the workflow's own GITHUB_TOKEN, \
                         it can never write secrets: use a GitHub App or a fine-grained personal access \
                         token. If it is that of an App: {}",
                        permission.grant(true, &scope)
                    ))
                }
                TokenKind::App => {
                    error.coded(Code::GithubPermissionMissing).with_hint(permission.grant(true, &scope))
                }
                TokenKind::Other => {
                    error.coded(Code::GithubPermissionMissing).with_hint(permission.grant(false, &scope))
                }
            }
        }
        Code::GithubNotFound => {
            let what = match place.environment.as_str() {
                "" => format!("check that {scope} exists"),
                environment => {
                    format!(
                        "check that {scope} exists and has an environment \"{environment}\" (Settings > \
                         Environments; lakekey makes none)"
                    )
                }
            };
            error.with_hint(format!(
                "{what}, and that whoever signs in may see it: what GitHub hides from somebody looks to \
                 them as if it did not exist"
            ))
        }
        _ => error,
    }
}

/// Says what kind of token a sign-in uses.
enum TokenKind {
    /// The one that a workflow run is given by GitHub.
    Workflow,
    /// One of an installation: of a workflow run or of somebody's App.
    Installation,
    /// The configured App's.
    App,
    /// Anything else.
    Other,
}

/// Tells the workflow's own token by the variable that holds it; its value looks like that of any App's
/// installation.
fn token_kind(context: &Context<'_>) -> TokenKind {
    let token = match &context.session.config.github {
        Some(GithubSignIn::Token { token }) => token,
        Some(GithubSignIn::App { .. }) => return TokenKind::App,
        None => return TokenKind::Other,
    };
    let environment = context.session.host.environment;
    let Ok(secret) = resolve_secret(token, "github.token", environment) else { return TokenKind::Other };
    if !secret.expose("a look at the prefix that tells the kind of token").starts_with("ghs_") {
        return TokenKind::Other;
    }
    let named = matches!(token, SecretRef::Env(name) if name == "GITHUB_TOKEN");
    let same =
        environment.variable("GITHUB_TOKEN").is_some_and(|value| crate::secret::Secret::new(value) == secret);
    if named || same { TokenKind::Workflow } else { TokenKind::Installation }
}
