//! Waits until what was made is known to every replica of Graph.

use std::future::Future;
use std::time::Duration;

use crate::context::{Context, shifted};
use crate::error::{Code, Error, Step};
use crate::event::Phase;

/// How long a refusal that only lag explains is waited out.
const SETTLE: Duration = Duration::from_secs(120);

/// How long something is looked for that may have been made although no reply said so.
const APPEAR: Duration = Duration::from_secs(60);

/// Repeats an attempt while Graph refuses it in one of the ways in which a replica that lags behind does.
///
/// # Errors
/// Every other refusal at once; `spreading-too-slow` where the lag outlasts the bound.
pub(super) async fn settled<T, F>(
    context: &Context<'_>,
    step: Step,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut patience = Patience::new(context, step, SETTLE);
    loop {
        match attempt().await {
            Err(error) if is_lag(&error) => {
                if !patience
                    .wait(&format!("what was made has not spread in Microsoft Graph yet: {error}"))
                    .await?
                {
                    let hint = match error.status() {
                        Some(403) => {
                            "run again in a few minutes; if it repeats, `directory` lacks \
                             Application.ReadWrite.OwnedBy or does not own the application"
                        }
                        _ => Code::SpreadingTooSlow.hint(),
                    };
                    return Err(error.coded(Code::SpreadingTooSlow).with_hint(hint));
                }
            }
            other => return other,
        }
    }
}

/// Looks for something until it is there; `None` where it does not appear within the bound.
///
/// # Errors
/// As the look-up fails.
pub(super) async fn appeared<T, F>(
    context: &Context<'_>,
    step: Step,
    mut look: impl FnMut() -> F,
) -> Result<Option<T>, Error>
where
    F: Future<Output = Result<Option<T>, Error>>,
{
    let mut patience = Patience::new(context, step, APPEAR);
    loop {
        if let Some(found) = look().await? {
            return Ok(Some(found));
        }
        if !patience.wait("looking whether Microsoft Graph has made it although no reply said so").await? {
            return Ok(None);
        }
    }
}

/// Returns true for the refusals of a replica that does not know yet what another one has made.
///
/// <https://learn.microsoft.com/graph/errors>
fn is_lag(error: &Error) -> bool {
    let message = error.message().to_ascii_lowercase();
    match error.status() {
        Some(404) => error.reason() == Some("Request_ResourceNotFound") || message.contains("does not exist"),
        Some(400) => message.contains("does not reference a valid application object"),
        // Reads like a missing permission, and is not one while the application is seconds old.
        Some(403) => message.contains("backing application of the service principal"),
        Some(409) => {
            error.reason() == Some("Directory_ConcurrencyViolation") || message.contains("concurrency")
        }
        _ => false,
    }
}

/// Returns true where Graph says that the thing exists already.
pub(super) fn is_conflict(error: &Error) -> bool {
    !is_lag(error)
        && (error.status() == Some(409) || error.reason() == Some("Request_MultipleObjectsWithSameKeyValue"))
}

/// Waits longer each time, up to a bound.
struct Patience<'c, 'a> {
    context: &'c Context<'a>,
    step: Step,
    end: crate::timestamp::Timestamp,
    attempt: u32,
}

impl<'c, 'a> Patience<'c, 'a> {
    fn new(context: &'c Context<'a>, step: Step, within: Duration) -> Self {
        let end = shifted(context.now(), i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
        Self { context, step, end, attempt: 1 }
    }

    /// Waits; false where the bound leaves no time for it.
    async fn wait(&mut self, why: &str) -> Result<bool, Error> {
        let wait = self.context.backoff(self.attempt);
        if shifted(self.context.now(), i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)) > self.end {
            return Ok(false);
        }
        self.attempt += 1;
        self.context.event(self.step, Phase::Waiting, why);
        self.context.sleep(wait, self.step).await?;
        Ok(true)
    }
}
