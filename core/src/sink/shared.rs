//! What several sinks do alike: sign in, keep to a limit, read back until the write shows.

use super::place::Around;
use crate::auth::{Context, Resource, SignIn, check_principal, principal_sign_in, read};
use crate::config::AuthValue;
use crate::host::Environment;
use crate::http::{Identity, Patience};
use crate::model::{Code, Error, Origin, Secret, Step, Temporary};

/// How often a place is read back before it is said not to show what was written.
const READS: u32 = 4;

/// Says who writes to a place.
#[derive(Debug)]
pub(super) struct Writer {
    /// Who it is; `None` is the target's principal.
    sign_in: Option<SignIn>,
    resource: Resource,
    path: String,
}

impl Writer {
    /// Reads who writes: as the place says, else as `azure` says for what Azure holds, else the target's
    /// principal.
    ///
    /// # Errors
    /// A `config-…` code with the path of the key.
    pub(super) fn read(
        auth: Option<AuthValue>,
        resource: Resource,
        around: &Around<'_>,
    ) -> Result<Self, Error> {
        let own = auth.map(|auth| read(auth, &around.at("auth"))).transpose()?;
        let by_default = || around.azure.filter(|_| resource != Resource::Databricks).cloned();
        Ok(Self { sign_in: own.or_else(by_default), resource, path: around.path.clone() })
    }

    /// Returns true where a PAT signs in.
    pub(super) fn is_pat(&self) -> bool {
        self.sign_in.as_ref().is_some_and(|sign_in| sign_in.method.name() == "pat")
    }

    /// Checks that every secret is there that signing in takes; those of the principal are checked with its
    /// target.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key.
    pub(super) fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.sign_in.as_ref().map_or(Ok(()), |sign_in| sign_in.check_references(environment))
    }

    /// Signs in; where it is to be the principal, nobody else is taken for it.
    ///
    /// # Errors
    /// Every code of a refused sign-in; `wrong-principal`; `sign-in-not-configured` where the principal
    /// cannot sign in there.
    pub(super) async fn identity(&self, context: &Context<'_>, origin: &Origin) -> Result<Identity, Error> {
        let sign_in = match &self.sign_in {
            Some(sign_in) => sign_in.clone(),
            None => principal_sign_in(context)?,
        };
        let signed_in = sign_in.sign_in(context, self.resource, origin, Step::SignInSink).await;
        let identity = signed_in.map_err(|error| {
            let path = &self.path;
            match error.code() {
                Code::SignInNotConfigured => error.with_hint(format!(
                    "give {path}.auth or `azure`, the sign-in of somebody who may write there"
                )),
                _ => error,
            }
        })?;
        if self.sign_in.is_none() {
            check_principal(context, &identity, &sign_in).await?;
        }
        Ok(identity)
    }
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
    let words = format!("the value has {length} bytes, and {place} takes {bytes} at the most");
    Err(Error::new(Code::SinkRefused, Step::Deliver, words)
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
    let shown = context.retry(Step::ReadBack, Patience::attempts(READS), async || read().await).await;
    shown.map_err(|error| error.at(Step::ReadBack).with_uncertainty(true))
}

/// Says that a place does not show what was written, which a second look may.
#[must_use]
pub fn mismatch(label: &str, what: &str) -> Error {
    Error::new(Code::SinkMismatch, Step::ReadBack, format!("{label} was written, and {what}"))
        .with_uncertainty(true)
        .with_temporary(Temporary::Yes)
}
