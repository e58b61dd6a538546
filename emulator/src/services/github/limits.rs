//! GitHub's rate limits.
//!
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use super::reply::refuse;
use crate::call::Call;
use crate::reply::Reply;
use crate::state::{Limits, Usage};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Takes a request, or refuses it as one too many.
pub(super) fn admit(usage: &mut Usage, limits: &Limits, call: &Call) -> Result<(), Reply> {
    let now = call.now_ms;
    while usage.0.front().is_some_and(|(at, _)| now - at >= HOUR_MS) {
        usage.0.pop_front();
    }
    let writes = matches!(call.method.as_str(), "POST" | "PUT" | "PATCH");
    let points = |write: bool| if write { 5 } else { 1 };
    if usage.0.len() >= limits.primary {
        return Err(refuse(
            limits.status,
            "API rate limit exceeded. \
             (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api)",
        ));
    }
    let last_minute = || usage.0.iter().filter(|(at, _)| now - at < MINUTE_MS);
    let spent: usize = last_minute().map(|(_, write)| points(*write)).sum();
    let content_minute = last_minute().filter(|(_, write)| *write).count();
    let content_hour = usage.0.iter().filter(|(_, write)| *write).count();
    let wait_ms = if writes && content_hour >= limits.content_per_hour {
        usage.0.iter().find(|(_, write)| *write).map(|(at, _)| at + HOUR_MS - now)
    } else if (writes && content_minute >= limits.content_per_minute)
        || spent + points(writes) > limits.points_per_minute
    {
        last_minute().next().map(|(at, _)| at + MINUTE_MS - now)
    } else {
        None
    };
    if let Some(wait) = wait_ms {
        let text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try \
             again. For more on scraping GitHub and how it may affect your rights, please review our Terms \
             of Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)";
        return Err(refuse(limits.status, text)
            .with_header("retry-after", wait.div_euclid(1000).max(0).saturating_add(1).to_string()));
    }
    usage.0.push_back((now, writes));
    Ok(())
}

/// Returns the headers that tell a caller where it stands.
pub(super) fn headers(usage: &Usage, limits: &Limits, now: i64) -> Vec<(&'static str, String)> {
    let reset = usage.0.front().map_or(now, |(at, _)| *at) + HOUR_MS;
    vec![
        ("x-ratelimit-limit", limits.primary.to_string()),
        ("x-ratelimit-remaining", limits.primary.saturating_sub(usage.0.len()).to_string()),
        ("x-ratelimit-used", usage.0.len().to_string()),
        ("x-ratelimit-reset", reset.div_euclid(1000).to_string()),
        ("x-ratelimit-resource", "core".to_owned()),
    ]
}
