//! What a refusal of GitHub means for a place: the permission that is missing and where to grant it, the name
//! that the repository has now, the workflow's own token that can never write.

use crate::auth::github::TokenKind;
use crate::auth::{Context, GithubSignIn};
use crate::model::{Code, Error};
use crate::service::github::{Place, moved_to};

/// Tells a refusal in terms of the place and of who signed in. A repository that was renamed or transferred
/// is asked for its name.
pub(super) async fn told(
    context: &Context<'_>,
    place: &Place,
    sign_in: Option<&GithubSignIn>,
    error: Error,
) -> Error {
    let Some(number) = moved_to(&error) else { return explained(context, place, sign_in, error) };
    let name = match sign_in {
        Some(sign_in) => sign_in.name_of(context, number).await,
        None => None,
    };
    match name {
        Some(name) => error
            .adding(&format!("{} is called {name} now", place.scope()))
            .with_hint(format!("write `repository: {name}`")),
        None => error.with_hint(format!(
            "write the repository's new name: `gh api repositories/{number} --jq .full_name` shows it to \
             those who may see it"
        )),
    }
}

/// Tells a refusal in terms of the place and of who signed in: the permission that is missing and where
/// to grant it, the workflow's own token that can never do it, the place that does not exist.
fn explained(context: &Context<'_>, place: &Place, sign_in: Option<&GithubSignIn>, error: Error) -> Error {
    let (scope, permission) = (place.scope(), place.permission());
    match error.code() {
        Code::GithubTokenCannotWriteSecrets | Code::GithubPermissionMissing => {
            // The same sentence of GitHub is said to an App that lacks the permission.
            let kind = sign_in.map_or(TokenKind::Other, |own| own.token_kind(context.host().environment));
            match kind {
                TokenKind::Workflow => error.coded(Code::GithubTokenCannotWriteSecrets).with_hint(format!(
                    "the token is the workflow's own GITHUB_TOKEN, which can never write secrets, \
                         whatever `permissions` says: configure `github` with a GitHub App, or with a \
                         fine-grained personal access token, that has `{}: write`",
                    permission.name()
                )),
                TokenKind::SeeminglyWorkflow => {
                    error.coded(Code::GithubTokenCannotWriteSecrets).with_hint(format!(
                        "by its form (ghs_15368_…) the token is a workflow's own GITHUB_TOKEN, which can \
                         never write secrets: use a GitHub App or a fine-grained personal access token with \
                         `{}: write`",
                        permission.name()
                    ))
                }
                TokenKind::Installation => {
                    error.coded(Code::GithubTokenCannotWriteSecrets).with_hint(format!(
                        "the token is an installation's (ghs_…). If it is the workflow's own \
                         GITHUB_TOKEN, it can never write secrets: use a GitHub App or a fine-grained \
                         personal access token. If it is that of an App: {}",
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
        Code::GithubNotFound => error.with_hint(place.visible_hint()),
        // The key was read anew and is refused all the same: the value is, then.
        Code::SinkChanged if is_stale(&error) => error.coded(Code::SinkRefused),
        _ => error,
    }
}

/// Returns true where GitHub has definitely refused a value because it was sealed with another key than its
/// own.
pub(super) fn is_stale(error: &Error) -> bool {
    error.code() == Code::SinkChanged && error.status() == Some(422) && !error.is_uncertain()
}
