//! The endpoints at which a job of a CI system asks for an identity token.

use serde::Deserialize;

use crate::host::Method;
use crate::http::{Call, Client, Dialect, Identity, Rule, named, said, statuses};
use crate::model::{Code, Error, Secret, Step};

/// The endpoint of GitHub Actions, as it says no.
static GITHUB: Dialect = Dialect::new("the identity-token endpoint", GITHUB_TABLE);

const GITHUB_TABLE: &[Rule] = &[
    statuses(401, 401).means(Code::OidcPermissionMissing),
    statuses(403, 403).means(Code::OidcPermissionMissing),
    statuses(400, 599).means(Code::SignInRefused),
];

/// The endpoint of Azure Pipelines, as it says no.
static AZURE_DEVOPS: Dialect = Dialect::new("the identity-token endpoint", AZURE_DEVOPS_TABLE);

const AZURE_DEVOPS_TABLE: &[Rule] = &[
    said(&["there is no explicit reference to service connection"])
        .means(Code::ServiceConnectionUnreferenced),
    // A job that has only just begun may not be known as running yet.
    named(&["pending"]).means(Code::SignInRefused).passing(),
    // Where the job's credential is wrong, Azure DevOps may answer with a redirect to a log-in page.
    statuses(300, 399).means(Code::SystemAccessTokenMissing),
    statuses(401, 401).means(Code::SystemAccessTokenMissing),
    statuses(403, 403).means(Code::SystemAccessTokenMissing),
    statuses(400, 599).means(Code::SignInRefused),
];

#[derive(Deserialize)]
struct GithubToken {
    value: String,
}

#[derive(Deserialize)]
struct DevopsToken {
    #[serde(rename = "oidcToken")]
    oidc_token: String,
}

/// Asks GitHub Actions.
///
/// <https://docs.github.com/actions/reference/security/oidc>
pub(crate) async fn of_github(
    client: &Client<'_>,
    job: &Identity,
    path: &str,
    step: Step,
) -> Result<Secret, Error> {
    let call = Call::by(job, step, &GITHUB, Method::GET, path);
    client.json::<GithubToken>(call).await.map(|token| Secret::new(token.value))
}

/// Asks Azure Pipelines.
///
/// <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
pub(crate) async fn of_azure_devops(
    client: &Client<'_>,
    job: &Identity,
    path: &str,
    step: Step,
) -> Result<Secret, Error> {
    let call = Call::by(job, step, &AZURE_DEVOPS, Method::POST, path)
        // Asking twice only brings two tokens.
        .repeatable(true)
        .header("content-type", "application/json")
        .header("x-tfs-fedauthredirect", "Suppress");
    client.json::<DevopsToken>(call).await.map(|token| Secret::new(token.oidc_token))
}
