//! Waits until what was made is known to every replica of Graph.

use std::time::Duration;

use crate::http::{Client, Patience};
use crate::model::{Code, Error, Step, Temporary};

/// How long a refusal that only lag explains is waited out.
const SETTLE: Duration = Duration::from_secs(120);

/// How long something is looked for that may have been made although no reply said so.
const APPEAR: Duration = Duration::from_secs(60);

/// Repeats an attempt while Graph refuses it in one of the ways in which a replica that lags behind does.
///
/// # Errors
/// Every other refusal at once; `spreading-too-slow` where the lag outlasts the bound.
pub(super) async fn settled<T>(
    client: &Client<'_>,
    step: Step,
    mut attempt: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut lags = false;
    let settled = client.retry(step, Patience::within(SETTLE).for_propagation_alone(), async || {
        let outcome = attempt().await;
        lags = outcome.as_ref().is_err_and(|error| error.temporary() == Temporary::Propagation);
        outcome
    });
    match settled.await {
        Err(error) if lags && error.code() != Code::Cancelled => {
            let hint = match error.status() {
                Some(403) => {
                    "run again in a few minutes; if it repeats, `directory` lacks \
                     Application.ReadWrite.OwnedBy or does not own the application"
                }
                _ => Code::SpreadingTooSlow.hint(),
            };
            Err(error.coded(Code::SpreadingTooSlow).with_hint(hint).with_temporary(Temporary::No))
        }
        other => other,
    }
}

/// Looks for something until it is there; `None` where it does not appear within the bound.
///
/// # Errors
/// As the look-up fails.
pub(super) async fn appeared<T>(
    client: &Client<'_>,
    step: Step,
    mut look: impl AsyncFnMut() -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let mut absent = false;
    let found = client.retry(step, Patience::within(APPEAR), async || {
        absent = false;
        let found = look().await?;
        absent = found.is_none();
        found.ok_or_else(|| {
            let words = "Microsoft Graph does not show what may have been made although no reply said so";
            Error::new(Code::SpreadingTooSlow, step, words).with_temporary(Temporary::Yes)
        })
    });
    match found.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if absent && error.code() != Code::Cancelled => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true where Graph says that the thing exists already.
pub(super) fn is_conflict(error: &Error) -> bool {
    error.code() != Code::SpreadingTooSlow
        && (error.status() == Some(409)
            || error.reason() == Some("Request_MultipleObjectsWithSameKeyValue")
            || error.reason() == Some("InvalidFederatedIdentityCredentialValue")
                && error.said().is_some_and(|said| said.contains("must be unique")))
}
