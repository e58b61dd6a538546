//! GitHub's rate limits.
//!
//! <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>

use std::collections::VecDeque;

use super::refuse;
use crate::call::{Call, Reply};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// Says how many requests a caller may make.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests in an hour.
    pub primary: usize,
    /// Requests that write content in a minute.
    pub content_per_minute: usize,
    /// Requests that write content in an hour.
    pub content_per_hour: usize,
    /// Points in a minute: a read is one, a write is five.
    pub points_per_minute: usize,
    /// The status with which too many are refused: 403 or 429, both are seen.
    pub status: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            primary: 5000,
            content_per_minute: 80,
            content_per_hour: 500,
            points_per_minute: 900,
            status: 403,
        }
    }
}

/// Holds the requests of a caller within the last hour.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage(VecDeque<(i64, bool)>);

impl Usage {
    /// Takes a request, or refuses it as one too many.
    pub(super) fn admit(&mut self, limits: &Limits, call: &Call) -> Result<(), Reply> {
        let now = call.now_ms;
        while self.0.front().is_some_and(|(at, _)| now - at >= HOUR_MS) {
            self.0.pop_front();
        }
        let writes = matches!(call.method.as_str(), "POST" | "PUT" | "PATCH");
        let points = |write: bool| if write { 5 } else { 1 };
        if self.0.len() >= limits.primary {
            return Err(refuse(
                limits.status,
                "API rate limit exceeded. (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api)",
            ));
        }
        let last_minute = || self.0.iter().filter(|(at, _)| now - at < MINUTE_MS);
        let spent: usize = last_minute().map(|(_, write)| points(*write)).sum();
        let content_minute = last_minute().filter(|(_, write)| *write).count();
        let content_hour = self.0.iter().filter(|(_, write)| *write).count();
        let wait_ms = if writes && content_hour >= limits.content_per_hour {
            self.0.iter().find(|(_, write)| *write).map(|(at, _)| at + HOUR_MS - now)
        } else if (writes && content_minute >= limits.content_per_minute)
            || spent + points(writes) > limits.points_per_minute
        {
            last_minute().next().map(|(at, _)| at + MINUTE_MS - now)
        } else {
            None
        };
        if let Some(wait) = wait_ms {
            let text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. For more on scraping GitHub and how it may affect your rights, please review our Terms of Service (https://docs.github.com/en/site-policy/github-terms/github-terms-of-service)";
            return Err(refuse(limits.status, text)
                .with_header("retry-after", wait.div_euclid(1000).max(0).saturating_add(1).to_string()));
        }
        self.0.push_back((now, writes));
        Ok(())
    }

    /// Returns the headers that tell a caller where it stands.
    pub(super) fn headers(&self, limits: &Limits, now: i64) -> Vec<(&'static str, String)> {
        let reset = self.0.front().map_or(now, |(at, _)| *at) + HOUR_MS;
        vec![
            ("x-ratelimit-limit", limits.primary.to_string()),
            ("x-ratelimit-remaining", limits.primary.saturating_sub(self.0.len()).to_string()),
            ("x-ratelimit-used", self.0.len().to_string()),
            ("x-ratelimit-reset", reset.div_euclid(1000).to_string()),
            ("x-ratelimit-resource", "core".to_owned()),
        ]
    }
}
