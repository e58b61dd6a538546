//! GitHub secrets of a repository, an environment, an organisation and Dependabot, over octocrab.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

mod bridge;
mod organization;
mod secrets;

use std::cell::RefCell;

use futures_util::future::join3;
use lakekey_core::call::Identity;
use lakekey_core::config::{SinkConfig, Visibility};
use lakekey_core::context::Context;
use lakekey_core::error::{Code, Error, Step};
use lakekey_core::github::{LARGEST_SECRET, Place, content_write, explain, identity, seal};
use lakekey_core::platform::LocalFuture;
use lakekey_core::secret::Secret;
use lakekey_core::sink::{Delivery, Sink, SinkState, Written, mismatch, read_back, within};
use lakekey_core::timestamp::Timestamp;

use bridge::Asking;
use organization::Audience;
use secrets::Found;

/// How much older than the write the date of a secret may be, in seconds: GitHub's machines have clocks of
/// their own.
const SKEW: i64 = 5;

/// Holds one GitHub secret.
pub struct GithubSink {
    place: Place,
    /// Which repositories the configuration lets see an organisation's secret; `None` leaves it as it is.
    visibility: Option<Visibility>,
    known: RefCell<Known>,
}

/// Holds what was learnt of the secret so far.
#[derive(Default, Clone)]
struct Known {
    key: Option<octocrab::models::PublicKey>,
    before: Option<Timestamp>,
    /// Who may see an organisation's secret.
    audience: Option<Audience>,
    /// When GitHub answered the write, by its own clock.
    wrote: Option<Timestamp>,
}

impl GithubSink {
    /// Returns the sink, or `None` where the configuration is of another type.
    #[must_use]
    pub fn new(config: &SinkConfig) -> Option<Self> {
        let SinkConfig::GithubSecret { visibility, .. } = config else { return None };
        Some(Self { place: Place::of(config)?, visibility: *visibility, known: RefCell::default() })
    }

    /// Reads secret, public key and audience side by side.
    async fn look(&self, context: &Context<'_>, identity: &Identity) -> Result<Option<Found>, Error> {
        let asking = Asking { context, step: Step::ReadSinks, identity, writes: false };
        let (key, found, named) = join3(
            secrets::public_key(&asking, &self.place),
            secrets::find(&asking, &self.place),
            self.named(&asking),
        )
        .await;
        let key = key?;
        let (found, named) = (found?, named?);
        let audience = match (named, &found) {
            (Some(audience), _) => Some(audience),
            (None, Some(found)) if self.place.is_organization() => {
                Some(organization::kept(&asking, &self.place, found).await?)
            }
            (None, _) => self.place.is_organization().then_some(Audience::PRIVATE),
        };
        let mut known = self.known.borrow_mut();
        known.key = Some(key);
        known.audience = audience;
        known.before = found.as_ref().map(|found| found.updated);
        Ok(found)
    }

    /// Returns who shall see an organisation's secret, where the configuration says so.
    async fn named(&self, asking: &Asking<'_>) -> Result<Option<Audience>, Error> {
        match self.visibility {
            Some(visibility) if self.place.is_organization() => {
                organization::named(asking, &self.place, visibility).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        within(value, LARGEST_SECRET, &self.label())?;
        let identity = identity(context, &self.place).await.map_err(|error| error.at(Step::Deliver))?;
        if self.known.borrow().key.is_none() {
            self.look(context, &identity).await?;
        }
        let written = self.put_sealed(context, &identity, value).await;
        let stale = |error: &Error| {
            let said = error.message();
            error.status() == Some(422)
                && !error.is_uncertain()
                && (said.contains("encrypted") || said.contains("public key"))
        };
        match written {
            // GitHub has changed its key since it was read; the refusal is definite, so that a second try is
            // safe.
            Err(error) if stale(&error) => {
                self.look(context, &identity).await?;
                self.put_sealed(context, &identity, value).await
            }
            other => other,
        }
    }

    async fn put_sealed(
        &self,
        context: &Context<'_>,
        identity: &Identity,
        value: &Secret,
    ) -> Result<(), Error> {
        let Known { key: Some(key), audience, .. } = self.known.borrow().clone() else {
            return Err(Error::new(Code::Internal, Step::Deliver, "GitHub's public key was not read"));
        };
        let sealed = seal(&key.key, value, context.session.host.entropy)?;
        content_write(context, Step::Deliver).await?;
        let asking = Asking { context, step: Step::Deliver, identity, writes: true };
        let at = match audience {
            Some(audience) => {
                organization::put(&asking, &self.place, &sealed, &key.key_id, &audience).await?
            }
            None => secrets::put(&asking, &self.place, &sealed, &key.key_id).await?,
        };
        self.known.borrow_mut().wrote = at;
        Ok(())
    }

    /// Reads the date of the last write; GitHub never gives a value back.
    async fn date(&self, context: &Context<'_>) -> Result<SinkState, Error> {
        let identity = identity(context, &self.place).await?;
        let asking = Asking { context, step: Step::ReadBack, identity: &identity, writes: false };
        let Known { before, wrote, .. } = self.known.borrow().clone();
        let Some(found) = secrets::find(&asking, &self.place).await? else {
            return Err(mismatch(&self.label(), "GitHub does not know it"));
        };
        let older = before.is_some_and(|before| found.updated < before)
            || wrote.is_some_and(|wrote| found.updated.as_second() < wrote.as_second() - SKEW);
        if older {
            return Err(mismatch(
                &self.label(),
                &format!("GitHub says that it was last written at {:.0}", found.updated),
            ));
        }
        if wrote.is_some_and(|wrote| found.updated.as_second() > wrote.as_second() + SKEW) {
            return Err(mismatch(
                &self.label(),
                &format!("somebody has written it again at {:.0}", found.updated),
            ));
        }
        Ok(state(Some(&found)))
    }
}

fn state(found: Option<&Found>) -> SinkState {
    SinkState { written: found.map_or(Written::Never, |found| Written::At(found.updated)), holds: None }
}

impl Sink for GithubSink {
    fn label(&self) -> String {
        self.place.label()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            let found = async { self.look(context, &identity(context, &self.place).await?).await }.await;
            found.map(|found| state(found.as_ref())).map_err(|error| explain(context, &self.place, error))
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.put(context, value).await.map_err(|error| explain(context, &self.place, error))
        })
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        _value: &'a Secret,
        _delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            read_back(context, async || self.date(context).await)
                .await
                .map_err(|error| explain(context, &self.place, error))
        })
    }
}
