//! What the refusals of GitHub mean, and how long it asks to be left alone.
//!
//! <https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api>

use std::time::Duration;

use crate::http::{Answered, Dialect, Rule, status};
use crate::model::Code;

/// GitHub, as it says no.
pub(crate) static GITHUB: Dialect = Dialect::new("GitHub", TABLE).waiting_by(wait);

const TABLE: &[Rule] = &[
    status(401).means(Code::GithubCredentialInvalid),
    status(403).saying(&["not accessible by integration"]).means(Code::GithubTokenCannotWriteSecrets),
    status(403).saying(&["rate limit"]).means(Code::RateLimited).passing(),
    status(403).means(Code::GithubPermissionMissing),
    status(404).means(Code::GithubNotFound),
    // The key has changed since it was read.
    status(422).saying(&["encrypted", "public key"]).means(Code::SinkChanged),
    status(422).means(Code::SinkRefused),
];

/// GitHub, as it says no to an App that asks for a token.
pub(crate) static GITHUB_APP: Dialect = Dialect::new("GitHub", APP_TABLE).waiting_by(wait);

const APP_TABLE: &[Rule] = &[
    status(401).means(Code::GithubCredentialInvalid),
    status(403).saying(&["rate limit"]).means(Code::RateLimited).passing(),
    status(403).means(Code::GithubPermissionMissing),
    status(404).means(Code::GithubNotFound),
    // The repository is not among those that the App may see, or the permission is not granted.
    status(422).saying(&["repositor"]).means(Code::GithubNotFound),
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
        Some(Duration::from_secs(u64::try_from(at - answered.now.as_second()).unwrap_or(1)))
    };
    answered.named_wait().or_else(reset).or(Some(Duration::from_secs(60)))
}
