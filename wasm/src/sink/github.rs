//! GitHub secrets of a repository, an environment, an organisation and Dependabot, over Octokit.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use std::cell::RefCell;

use futures_util::future::join3;
use lakekey_core::call::{Identity, encode};
use lakekey_core::config::Visibility;
use lakekey_core::context::Context;
use lakekey_core::error::{Code, Error, Step};
use lakekey_core::github::{LARGEST_SECRET, Place, content_write, explain, identity, seal};
use lakekey_core::platform::LocalFuture;
use lakekey_core::secret::Secret;
use lakekey_core::sink::{Delivery, Sink, SinkState, Written, mismatch, read_back, within};
use lakekey_core::timestamp::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::octokit::Asking;
use crate::host::JsHost;

/// How much older than the write the date of a secret may be, in seconds: GitHub's machines have clocks of
/// their own.
const SKEW: i64 = 5;

/// How many repositories GitHub lists on a page at the most.
const PAGE: usize = 100;

/// Holds one GitHub secret.
pub(super) struct GithubSink {
    host: JsHost,
    place: Place,
    /// Which repositories the configuration lets see an organisation's secret; `None` leaves it as it is.
    visibility: Option<Visibility>,
    known: RefCell<Known>,
}

/// Holds what was learnt of the secret so far.
#[derive(Default, Clone)]
struct Known {
    key: Option<PublicKey>,
    before: Option<Timestamp>,
    /// Who may see an organisation's secret: `visibility` and, for `selected`, the ids of the repositories.
    audience: Option<(String, Option<Vec<u64>>)>,
    /// When GitHub answered the write, by its own clock.
    wrote: Option<Timestamp>,
}

#[derive(Clone, Deserialize)]
struct PublicKey {
    key_id: String,
    key: String,
}

#[derive(Deserialize)]
struct Found {
    updated_at: Timestamp,
    visibility: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
}

#[derive(Deserialize)]
struct Repositories {
    repositories: Vec<Repository>,
}

impl GithubSink {
    pub(super) fn new(host: JsHost, place: Place, visibility: Option<Visibility>) -> Self {
        Self { host, place, visibility, known: RefCell::default() }
    }

    /// Signs in as the configuration says; `None` where it says nothing and the caller has passed an Octokit
    /// of its own.
    async fn identity(&self, context: &Context<'_>) -> Result<Option<Identity>, Error> {
        if context.session.config.github.is_none() && self.host.has_octokit() {
            return Ok(None);
        }
        identity(context, &self.place).await.map(Some)
    }

    fn asking<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
        identity: Option<&'a Identity>,
    ) -> Asking<'a> {
        Asking { host: &self.host, context, step, identity, writes: false }
    }

    /// Reads secret, public key and audience side by side.
    async fn look(&self, context: &Context<'_>, identity: Option<&Identity>) -> Result<Option<Found>, Error> {
        let asking = self.asking(context, Step::ReadSinks, identity);
        let key = read::<PublicKey>(&asking, self.place.public_key_path());
        let (key, found, named) = join3(key, self.find(&asking), self.named(&asking)).await;
        let key = key?;
        let (found, named) = (found?, named?);
        let audience = match (named, &found) {
            (Some(audience), _) => Some(audience),
            (None, Some(found)) if self.place.is_organization() => Some(self.kept(&asking, found).await?),
            // The private repositories are GitHub's own choice for a new secret.
            (None, _) => self.place.is_organization().then(|| ("private".to_owned(), None)),
        };
        let mut known = self.known.borrow_mut();
        known.key = Some(key);
        known.audience = audience;
        known.before = found.as_ref().map(|found| found.updated_at);
        Ok(found)
    }

    /// Reads the secret's dates; `None` where there is no such secret.
    async fn find(&self, asking: &Asking<'_>) -> Result<Option<Found>, Error> {
        match read::<Found>(asking, self.place.secret_path()).await {
            Err(error) if error.status() == Some(404) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Returns who shall see an organisation's secret, where the configuration says so.
    async fn named(&self, asking: &Asking<'_>) -> Result<Option<(String, Option<Vec<u64>>)>, Error> {
        let visibility = match self.visibility.filter(|_| self.place.is_organization()) {
            None => return Ok(None),
            Some(Visibility::All) => "all",
            Some(Visibility::Private) => "private",
            Some(Visibility::Selected) => "selected",
        };
        if visibility != "selected" {
            return Ok(Some((visibility.to_owned(), None)));
        }
        let mut ids = Vec::with_capacity(self.place.selected.len());
        for name in &self.place.selected {
            let path = format!("/repos/{}/{}", encode(&self.place.owner), encode(name));
            let repository: Repository = read(asking, path).await.map_err(|error| match error.code() {
                Code::GithubNotFound => error.with_hint(format!(
                    "check that the organisation {} has a repository {name} and that whoever signs in may \
                     see it",
                    self.place.owner
                )),
                _ => error,
            })?;
            ids.push(repository.id);
        }
        Ok(Some((visibility.to_owned(), Some(ids))))
    }

    /// Returns who may see the secret now, so that a write changes nothing of it.
    async fn kept(&self, asking: &Asking<'_>, found: &Found) -> Result<(String, Option<Vec<u64>>), Error> {
        let visibility = found.visibility.clone().unwrap_or_else(|| "private".to_owned());
        if visibility != "selected" {
            return Ok((visibility, None));
        }
        let mut ids = Vec::new();
        for page in 1.. {
            let path = format!("{}/repositories?per_page={PAGE}&page={page}", self.place.secret_path());
            let listed: Repositories = read(asking, path).await?;
            let last = listed.repositories.len() < PAGE;
            ids.extend(listed.repositories.into_iter().map(|repository| repository.id));
            if last {
                break;
            }
        }
        Ok((visibility, Some(ids)))
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        within(value, LARGEST_SECRET, &self.label())?;
        let identity = self.identity(context).await.map_err(|error| error.at(Step::Deliver))?;
        if self.known.borrow().key.is_none() {
            self.look(context, identity.as_ref()).await?;
        }
        let written = self.put_sealed(context, identity.as_ref(), value).await;
        let stale = |error: &Error| {
            error.status() == Some(422) && !error.is_uncertain() && error.message().contains("encrypted")
        };
        match written {
            // GitHub has changed its key since it was read; the refusal is definite, so that a second try is
            // safe.
            Err(error) if stale(&error) => {
                self.look(context, identity.as_ref()).await?;
                self.put_sealed(context, identity.as_ref(), value).await
            }
            other => other,
        }
    }

    async fn put_sealed(
        &self,
        context: &Context<'_>,
        identity: Option<&Identity>,
        value: &Secret,
    ) -> Result<(), Error> {
        let Known { key: Some(key), audience, .. } = self.known.borrow().clone() else {
            return Err(Error::new(Code::Internal, Step::Deliver, "GitHub's public key was not read"));
        };
        let mut body = json!({"encrypted_value": seal(&key.key, value, context.session.host.entropy)?, "key_id": key.key_id});
        if let Some((visibility, repositories)) = audience {
            body["visibility"] = visibility.into();
            if let Some(repositories) = repositories {
                body["selected_repository_ids"] = repositories.into();
            }
        }
        content_write(context, Step::Deliver).await?;
        let asking = Asking { writes: true, ..self.asking(context, Step::Deliver, identity) };
        // 201 has a body, 204 has none.
        let answer = asking.ask::<Value>(&format!("PUT {}", self.place.secret_path()), &body).await?;
        self.known.borrow_mut().wrote = answer.at;
        Ok(())
    }

    /// Reads the date of the last write; GitHub never gives a value back.
    async fn date(&self, context: &Context<'_>) -> Result<SinkState, Error> {
        let identity = self.identity(context).await?;
        let Known { before, wrote, .. } = self.known.borrow().clone();
        let Some(found) = self.find(&self.asking(context, Step::ReadBack, identity.as_ref())).await? else {
            return Err(mismatch(&self.label(), "GitHub does not know it"));
        };
        let updated = found.updated_at;
        let older = before.is_some_and(|before| updated < before)
            || wrote.is_some_and(|wrote| updated.as_second() < wrote.as_second() - SKEW);
        if older {
            return Err(mismatch(
                &self.label(),
                &format!("GitHub says that it was last written at {updated:.0}"),
            ));
        }
        if wrote.is_some_and(|wrote| updated.as_second() > wrote.as_second() + SKEW) {
            return Err(mismatch(&self.label(), &format!("somebody has written it again at {updated:.0}")));
        }
        Ok(state(Some(&found)))
    }
}

/// Reads, and reads once more where the answer came garbled.
async fn read<T: DeserializeOwned>(asking: &Asking<'_>, path: String) -> Result<T, Error> {
    let route = format!("GET {path}");
    let answer = match asking.ask(&route, &json!({})).await {
        Err(error) if error.code() == Code::ReplyInvalid => asking.ask(&route, &json!({})).await,
        other => other,
    };
    answer.map(|answer| answer.value)
}

fn state(found: Option<&Found>) -> SinkState {
    SinkState { written: found.map_or(Written::Never, |found| Written::At(found.updated_at)), holds: None }
}

impl Sink for GithubSink {
    fn label(&self) -> String {
        self.place.label()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            let found = async { self.look(context, self.identity(context).await?.as_ref()).await }.await;
            found.map(|found| state(found.as_ref())).map_err(|error| explain(context, &self.place, error))
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            self.put(context, value).await.map_err(|error| explain(context, &self.place, error))
        })
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        _: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            read_back(context, async || self.date(context).await)
                .await
                .map_err(|error| explain(context, &self.place, error))
        })
    }
}
