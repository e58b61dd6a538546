//! What several sinks do alike: sign in, keep to a limit, read back until the write shows.

use crate::call::Identity;
use crate::config::{Auth, Origin};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::Secret;
use crate::sign_in::{Resource, SignIn, principal_auth, sign_in};

/// How often a place is read back before it is said not to show what was written.
const READS: u32 = 4;

/// Signs in where a sink is: as the sink says, else as `azure` says for what Azure holds, else as the
/// target's principal.
///
/// # Errors
/// Every code of a refused sign-in; `sign-in-not-configured` where the principal cannot sign in there.
pub(super) async fn identity(
    context: &Context<'_>,
    auth: Option<&Auth>,
    path: &str,
    resource: Resource,
    origin: &Origin,
) -> Result<Identity, Error> {
    let by_default = context.session.config.azure.as_ref().filter(|_| resource != Resource::Databricks);
    let (auth, at) = match (auth, by_default) {
        (Some(auth), _) => (auth.clone(), format!("{path}.auth")),
        (None, Some(auth)) => (auth.clone(), "azure".to_owned()),
        (None, None) => principal_auth(context)?,
    };
    let databricks_alone = matches!(
        auth,
        Auth::OauthM2m { .. } | Auth::GithubOidc { .. } | Auth::EnvOidc { .. } | Auth::FileOidc { .. }
    );
    if databricks_alone && resource != Resource::Databricks {
        return Err(Error::new(
            Code::SignInNotConfigured,
            Step::SignInSink,
            format!("{path}: signing in by {} is good for Databricks alone", auth.type_name()),
        )
        .with_hint(format!("give {path}.auth or `azure`, the sign-in of somebody who may write there")));
    }
    let principal = &context.target.principal;
    sign_in(context, SignIn { auth: &auth, path: &at, principal, resource, origin, step: Step::SignInSink })
        .await
}

/// Refuses a value that is larger than the place takes, before anything is sent.
///
/// # Errors
/// `sink-refused`.
pub fn within(value: &Secret, bytes: usize, place: &str) -> Result<(), Error> {
    let length = value.expose("its length").len();
    if length <= bytes {
        return Ok(());
    }
    Err(Error::new(
        Code::SinkRefused,
        Step::Deliver,
        format!("the value has {length} bytes, and {place} takes {bytes} at the most"),
    )
    .with_hint("nothing was sent there; deliver this credential to another place"))
}

/// Reads back until the place shows what was written, since a replica that lags behind may answer first.
///
/// Whatever fails here, the write itself was accepted, so that the error is uncertain: the place may hold the
/// value.
///
/// # Errors
/// `sink-mismatch` where the place still shows something else; as the place answers.
pub async fn read_back<T>(
    context: &Context<'_>,
    read: impl AsyncFn() -> Result<T, Error>,
) -> Result<T, Error> {
    let mut attempt = 1;
    loop {
        match read().await {
            Err(error) if error.code() == Code::SinkMismatch && attempt < READS => {
                context
                    .sleep(context.backoff(attempt), Step::ReadBack)
                    .await
                    .map_err(|error| error.with_uncertainty(true))?;
                attempt += 1;
            }
            other => return other.map_err(|error| error.at(Step::ReadBack).with_uncertainty(true)),
        }
    }
}

/// Says that a place does not show what was written.
#[must_use]
pub fn mismatch(label: &str, what: &str) -> Error {
    Error::new(Code::SinkMismatch, Step::ReadBack, format!("{label} was written, and {what}"))
        .with_uncertainty(true)
}
