//! Patience with what was made moments ago: a sign-in is repeated until it works, up to a bound.

use std::future::Future;
use std::time::Duration;

use super::{SignIn, sign_in};
use crate::call::Identity;
use crate::context::{Context, shifted};
use crate::error::{Code, Error, Step};
use crate::event::Phase;

/// Returns true for a refused sign-in that a change made moments ago explains: Entra ID and Databricks spread slowly.
#[must_use]
pub fn is_spreading(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::ClientSecretWrong
            // Seen on brand-new applications too.
            | Code::ClientSecretExpired
            | Code::ApplicationNotFound
            | Code::ServicePrincipalMissing
            | Code::FederatedCredentialMismatch
            | Code::CredentialInvalid
            | Code::PrincipalNotInWorkspace
    )
}

/// Repeats an attempt while its refusal may mean that something has not spread yet, waiting longer each time.
///
/// # Errors
/// Every other refusal at once; the last one, with the time that was waited, where the bound is reached.
pub async fn until_spread<T, F>(context: &Context<'_>, step: Step, within: Duration, mut attempt: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let start = context.now();
    let end = shifted(start, i64::try_from(within.as_millis()).unwrap_or(i64::MAX));
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(error) if is_spreading(&error) => {
                let wait = context.backoff(tries);
                if shifted(context.now(), i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)) > end {
                    let waited = (context.now().as_millisecond() - start.as_millisecond()) / 1000;
                    return Err(error.adding(&format!("it was still so after {waited} s")));
                }
                tries += 1;
                context.event(step, Phase::Waiting, format!("not spread yet: {error}"));
                context.sleep(wait, step).await?;
            }
            other => return other,
        }
    }
}

/// Signs in, with patience for what was made moments ago.
///
/// # Errors
/// As [`sign_in`], once the bound is reached.
pub async fn wait_for_sign_in(context: &Context<'_>, request: SignIn<'_>, within: Duration) -> Result<Identity, Error> {
    until_spread(context, request.step, within, || sign_in(context, request)).await
}
