//! What the refusals of GitHub mean, and how long it asks to be left alone.
//!
//! <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>

use std::time::Duration;

use crate::host::Response;
use crate::http::{Answered, Dialect, Rule, Said, status, statuses};
use crate::model::{Code, Error, Timestamp, one_line};

/// GitHub, as it says no.
pub(crate) static GITHUB: Dialect =
    Dialect::new("GitHub", TABLE).read_by(read).waiting_by(wait).redirected(WEB);

/// What to do where GitHub's pages answer instead of its API.
///
/// <https://docs.github.com/enterprise-server/rest/quickstart>
const WEB: &str = "{origin} may be the address of GitHub's pages and not of its API: write endpoints.github \
                   as https://HOST/api/v3 for an Enterprise Server, https://api.NAME.ghe.com for data \
                   residency, or leave it out for github.com";

/// The API tells everything in JSON.
const PAGE: Rule = status(404)
    .page()
    .means(Code::GithubNotFound)
    .tells("GitHub answered 404 with a web page, which its API never does")
    .hint(WEB);

/// The reason of an answer whose headers demand single sign-on.
const SSO: &str = "x-github-sso";

/// The reason of an answer whose headers say that nothing remains of the limit.
const LIMIT: &str = "x-ratelimit-remaining: 0";

/// Reads what the headers say besides: GitHub gives no reason codes.
fn read(response: &Response) -> Said {
    let said = Said::read(response);
    let none_left = response.header("x-ratelimit-remaining") == Some("0");
    let reason = match response.header("x-github-sso") {
        Some(header) if header.starts_with("required") => Some(SSO.to_owned()),
        _ if none_left && matches!(response.status, 403 | 429) => Some(LIMIT.to_owned()),
        _ => said.reason.clone(),
    };
    let message = match response.header("x-accepted-github-permissions") {
        Some(needed) if response.status == 403 => one_line(&format!("{}; it takes {needed}", said.message)),
        _ => said.message.clone(),
    };
    Said { reason, message, ..said }
}

/// A repository that was renamed or transferred answers under its number.
const MOVED: Rule = statuses(300, 399)
    .naming(&["/repositories/"])
    .means(Code::GithubRepositoryMoved)
    .tells("the repository was renamed or moved, and GitHub answers for it under another address");

/// Returns the number of a repository that was renamed or transferred, where a refusal says that.
pub(crate) fn moved_to(error: &Error) -> Option<u64> {
    if error.code() != Code::GithubRepositoryMoved {
        return None;
    }
    let after = error.said()?.split_once("/repositories/")?.1;
    after.split('/').next()?.parse().ok()
}

const TABLE: &[Rule] = &[
    MOVED,
    PAGE,
    status(401).means(Code::GithubCredentialInvalid),
    status(403).for_reason(&[SSO]).means(Code::GithubSsoRequired),
    status(403).for_reason(&[LIMIT]).means(Code::RateLimited).passing(),
    status(403).saying(&["not accessible by integration"]).means(Code::GithubTokenCannotWriteSecrets),
    status(403)
        .saying(&["exceeded a secondary rate limit", "rate limit exceeded"])
        .means(Code::RateLimited)
        .passing(),
    status(403).saying(&["by organization saml enforcement"]).means(Code::GithubSsoRequired),
    status(403).saying(&["was archived so is read-only"]).means(Code::GithubRepositoryArchived),
    status(403).saying(&["installation has been suspended"]).means(Code::GithubInstallationSuspended),
    status(403).saying(&["account was suspended"]).means(Code::GithubAccountSuspended),
    status(403).saying(&["repository access blocked"]).means(Code::GithubRepositoryBlocked),
    status(403)
        .saying(&["forbids access via a", "forbids access via personal access token"])
        .means(Code::GithubTokenPolicy),
    status(403).saying(&["has an ip allow list enabled"]).means(Code::SinkNetworkRefused),
    status(403).means(Code::GithubPermissionMissing),
    status(404).means(Code::GithubNotFound),
    // The key has changed since it was read.
    status(422)
        .saying(&["improperly encrypted secret", "fetch the current public key"])
        .means(Code::SinkChanged),
    status(422).means(Code::SinkRefused),
];

/// GitHub, as it says no to an App that asks for a token.
pub(crate) static GITHUB_APP: Dialect =
    Dialect::new("GitHub", APP_TABLE).read_by(read).waiting_by(wait).redirected(WEB);

const APP_TABLE: &[Rule] = &[
    MOVED,
    PAGE,
    status(401).saying(&["integration must generate a public key"]).means(Code::GithubAppUnknown),
    status(401).means(Code::GithubCredentialInvalid),
    status(403).for_reason(&[LIMIT]).means(Code::RateLimited).passing(),
    status(403)
        .saying(&["exceeded a secondary rate limit", "rate limit exceeded"])
        .means(Code::RateLimited)
        .passing(),
    status(403).saying(&["installation has been suspended"]).means(Code::GithubInstallationSuspended),
    status(403).saying(&["has an ip allow list enabled"]).means(Code::SinkNetworkRefused),
    status(403).means(Code::GithubPermissionMissing),
    status(404).means(Code::GithubNotFound),
    // The repository is not among those that the App may see, or the permission is not granted.
    status(422)
        .saying(&["repository that does not exist", "not accessible to the parent installation"])
        .means(Code::GithubNotFound),
    status(422).means(Code::GithubPermissionMissing),
];

/// Reads how long to wait: `retry-after`, else until the reset where nothing remains, else a minute.
///
/// <https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>
fn wait(answered: &Answered<'_>) -> Option<Duration> {
    if !matches!(answered.response.status, 403 | 429) {
        return answered.retry_after();
    }
    let reset = || {
        let none_left = answered.response.header("x-ratelimit-remaining") == Some("0");
        let at: i64 =
            none_left.then(|| answered.response.header("x-ratelimit-reset")?.parse().ok()).flatten()?;
        // The reset is dated by GitHub's clock, which the same answer tells.
        let there = answered.response.header("date").and_then(Timestamp::from_http_date);
        let now = there.unwrap_or(answered.now).as_second();
        Some(Duration::from_secs(u64::try_from(at - now).unwrap_or(1)))
    };
    answered.named_wait().or_else(reset).or(Some(Duration::from_secs(60)))
}
