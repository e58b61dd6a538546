//! `github-secret`: a GitHub secret of a repository, an environment or an organisation, for Actions,
//! Dependabot, Codespaces or coding agents.
//!
//! Every decision is made here: which key seals, when it is stale, whether a date is that of our write, what
//! is kept of an organisation's audience, what a refusal means. The requests are those of [`Api`], which a
//! host may send with a client of its own.
//!
//! <https://docs.github.com/rest/actions/secrets>, <https://docs.github.com/rest/dependabot/secrets>

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join3;
use schemars::JsonSchema;
use serde::Deserialize;

use super::adapters::{Adapters, Sink};
use super::github_refusal::{is_stale, told};
use super::place::{self, Around, Shape};
use super::shared::{mismatch, read_back, within};
use super::state::{Delivery, SinkState, Written};
use crate::auth::{Context, GithubSignIn};
use crate::config::{Repository, is_github_name};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::{Code, Error, Secret, Step, Timestamp, in_words};
use crate::service::github::{
    Api, App, Asked, Body, Found, GITHUB, Kind, Place, PublicKey, Visibility, seal,
};

/// The largest value of a secret, in bytes.
///
/// <https://docs.github.com/actions/reference/security/secrets>
const LARGEST: usize = 48 * 1024;

/// How much older or newer than the write the date of a secret may be: GitHub's machines have clocks of their
/// own.
const SKEW: i64 = 5_000;

/// How fast GitHub may be written to: so many writes in so many milliseconds, from one caller, over all
/// repositories. The next is answered with its secondary limit, which grows with each further attempt.
///
/// <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
const LIMITS: &[(usize, i64)] = &[(80, 60_000), (500, 3_600_000)];

/// A GitHub secret of a repository, an environment or an organisation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GithubSecretShape {
    /// `owner/name`; needed unless `organization` is given.
    repository: Option<String>,
    /// The secret's name.
    secret: String,
    /// The environment, for an environment's secret.
    environment: Option<String>,
    /// The organisation, for an organisation's secret.
    organization: Option<String>,
    /// Which repositories see an organisation's secret; private by default.
    visibility: Option<Visibility>,
    /// The names of the repositories that see it, with `visibility: selected`.
    repositories: Option<Vec<String>>,
    /// Which part of GitHub uses it: `actions` (default), `dependabot`, `codespaces` or `agents`.
    app: Option<App>,
}

/// Keeps a credential in a secret of GitHub.
#[derive(Debug)]
struct GithubSecret {
    place: Place,
    sign_in: Option<Rc<GithubSignIn>>,
}

impl Shape for GithubSecretShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn place::Place>, Error> {
        check_name(&self.secret, &around.at("secret"))?;
        let (owner, repository) = self.owner(around)?;
        self.check_environment(around)?;
        let selected = self.check_audience(around)?;
        let app = self.app.unwrap_or_default();
        let kind = match (repository.is_empty(), &self.environment) {
            (true, _) => Kind::Organization(app),
            (false, Some(_)) => Kind::Environment,
            (false, None) => Kind::Repository(app),
        };
        let place = Place {
            kind,
            owner,
            repository,
            environment: self.environment.unwrap_or_default(),
            secret: self.secret,
            visibility: self.visibility,
            selected,
        };
        Ok(Rc::new(GithubSecret { place, sign_in: around.github.cloned() }))
    }
}

impl GithubSecretShape {
    /// Returns owner and repository; the latter is empty for an organisation.
    fn owner(&self, around: &Around<'_>) -> Result<(String, String), Error> {
        match (&self.repository, &self.organization) {
            (Some(repository), None) => {
                let read = Repository::read(repository, &around.at("repository"))?;
                Ok((read.owner, read.name))
            }
            (None, Some(organization)) if is_github_name(organization) => {
                Ok((organization.clone(), String::new()))
            }
            (None, Some(_)) => {
                Err(Error::invalid(&around.at("organization"), "this is not the name of an organisation"))
            }
            (None, None) => Err(Error::config(
                Code::ConfigMissingKey,
                around.at("repository"),
                "give `repository` or `organization`",
            )),
            (Some(_), Some(_)) => {
                Err(Error::invalid(&around.at("organization"), "give either `repository` or `organization`"))
            }
        }
    }

    fn check_environment(&self, around: &Around<'_>) -> Result<(), Error> {
        let Some(environment) = &self.environment else { return Ok(()) };
        let words = if self.organization.is_some() || self.app.is_some_and(|app| app != App::Actions) {
            "only a repository's Actions secrets have environments"
        } else if matches!(environment.trim(), "" | "." | "..")
            || environment.len() > 255
            || environment.chars().any(char::is_control)
        {
            "an environment's name has 1 to 255 characters"
        } else {
            return Ok(());
        };
        Err(Error::invalid(&around.at("environment"), words))
    }

    /// Returns the names of the repositories that are to see it.
    fn check_audience(&self, around: &Around<'_>) -> Result<Vec<String>, Error> {
        if self.organization.is_none() && self.visibility.is_some() {
            let words = "only an organisation's secret has a visibility";
            return Err(Error::invalid(&around.at("visibility"), words));
        }
        match (self.visibility, &self.repositories) {
            (Some(Visibility::Selected), None) => Err(Error::config(
                Code::ConfigMissingKey,
                around.at("repositories"),
                "name the repositories that see the secret",
            )),
            (Some(Visibility::Selected), Some(names)) => {
                if let Some(index) = names.iter().position(|name| !is_github_name(name)) {
                    let at = around.at(&format!("repositories[{index}]"));
                    return Err(Error::invalid(&at, "write the repository's name without its owner"));
                }
                Ok(names.clone())
            }
            (_, Some(_)) => Err(Error::invalid(
                &around.at("repositories"),
                "repositories are named with `visibility: selected` only",
            )),
            (_, None) => Ok(Vec::new()),
        }
    }
}

/// Checks a name by GitHub's rules.
///
/// <https://docs.github.com/actions/reference/security/secrets>
fn check_name(name: &str, at: &str) -> Result<(), Error> {
    let fine = !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.as_bytes()[0].is_ascii_digit()
        && !name.to_ascii_uppercase().starts_with("GITHUB_");
    if fine {
        return Ok(());
    }
    let words = "a secret's name has letters, digits and `_`, begins with no digit and not with GITHUB_";
    Err(Error::invalid(at, words).with_hint(format!("write {}", as_name(name))))
}

/// Makes a name that GitHub takes of one that it does not; of what may be a secret it repeats nothing.
fn as_name(name: &str) -> String {
    const USUAL: &str = "DATABRICKS_TOKEN";
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let plain = plain.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').trim_end_matches('_');
    let plain = plain.trim_start_matches("GITHUB_");
    let fine = digits * 3 <= name.len() && (3..=40).contains(&plain.len()) && !plain.starts_with("DAPI");
    match fine {
        true if plain == USUAL => USUAL.to_owned(),
        true => format!("{plain}, or another name such as {USUAL}"),
        false => format!("a name such as {USUAL}"),
    }
}

impl place::Place for GithubSecret {
    fn label(&self) -> String {
        self.place.label()
    }

    fn identity(&self) -> String {
        let Place { environment, secret, .. } = &self.place;
        let app = self.place.app().as_str();
        format!("github {app} {} {environment} {secret}", self.place.scope()).to_ascii_lowercase()
    }

    fn tells_writes(&self) -> bool {
        true
    }

    fn lacks_a_sign_in(&self) -> bool {
        self.sign_in.is_none()
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.sign_in.as_ref().map_or(Ok(()), |sign_in| sign_in.reference().check(environment))
    }

    fn open<'s>(&'s self, adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        let Self { place, sign_in } = self;
        let (sign_in, api) = (sign_in.as_deref(), adapters.github());
        Ok(Box::new(GithubSecretSink { place, sign_in, api, known: RefCell::default() }))
    }
}

/// Writes it.
struct GithubSecretSink<'s> {
    place: &'s Place,
    sign_in: Option<&'s GithubSignIn>,
    api: &'s dyn Api,
    known: RefCell<Known>,
}

/// Holds what was learnt of the secret so far.
#[derive(Default, Clone)]
struct Known {
    key: Option<PublicKey>,
    before: Option<Timestamp>,
    audience: Option<Audience>,
    /// When GitHub answered the write, by its own clock.
    wrote: Option<Timestamp>,
}

/// Says who may see an organisation's secret.
#[derive(Clone)]
struct Audience {
    visibility: Visibility,
    /// The ids of the repositories, with `selected`.
    repositories: Option<Vec<u64>>,
}

impl GithubSecretSink<'_> {
    /// Signs in as the configuration says; `None` where it says nothing and the host's client signs in by
    /// itself.
    async fn identity(&self, context: &Context<'_>) -> Result<Option<Identity>, Error> {
        match self.sign_in {
            Some(sign_in) => sign_in.identity(context, self.place).await.map(Some),
            None if self.api.signs_in() => Ok(None),
            None => {
                let words = format!("no `github` says how to sign in for {}", self.place.label());
                Err(Error::new(Code::GithubNotConfigured, Step::SignInSink, words))
            }
        }
    }

    fn asked<'a>(&self, context: &'a Context<'a>, step: Step, identity: &'a Option<Identity>) -> Asked<'a> {
        Asked { client: context, api: &context.endpoints.github_api, identity: identity.as_ref(), step }
    }

    /// Reads secret, public key and audience side by side.
    async fn look(&self, asked: Asked<'_>) -> Result<Option<Found>, Error> {
        let key = self.api.public_key(asked, self.place);
        let found = self.api.find(asked, self.place);
        let (key, found, named) = join3(key, found, self.named(asked)).await;
        let key = key?;
        let (found, named) = (found?, named?);
        let audience = match (named, &found) {
            (Some(audience), _) => Some(audience),
            (None, Some(found)) if self.place.is_organization() => Some(self.kept(asked, found).await?),
            // The private repositories are GitHub's own choice for a new secret.
            (None, _) => self
                .place
                .is_organization()
                .then_some(Audience { visibility: Visibility::Private, repositories: None }),
        };
        let mut known = self.known.borrow_mut();
        known.key = Some(key);
        known.audience = audience;
        known.before = found.as_ref().map(|found| found.updated_at);
        Ok(found)
    }

    /// Returns who is to see an organisation's secret, where the configuration says so.
    async fn named(&self, asked: Asked<'_>) -> Result<Option<Audience>, Error> {
        let Some(visibility) = self.place.visibility.filter(|_| self.place.is_organization()) else {
            return Ok(None);
        };
        if visibility != Visibility::Selected {
            return Ok(Some(Audience { visibility, repositories: None }));
        }
        let mut ids = Vec::with_capacity(self.place.selected.len());
        for name in &self.place.selected {
            let id = self.api.repository_id(asked, self.place, name).await;
            ids.push(id.map_err(|error| match error.code() {
                Code::GithubNotFound => {
                    let owner = &self.place.owner;
                    let hidden = "or hides it from the one who signs in";
                    let words = format!("{owner} has no repository {name}, {hidden}");
                    error.adding(&words).with_hint(format!(
                        "check that the organisation {owner} has a repository {name} and that the sign-in \
                         may see it"
                    ))
                }
                _ => error,
            })?);
        }
        Ok(Some(Audience { visibility, repositories: Some(ids) }))
    }

    /// Returns who may see the secret now, so that a write changes nothing of it.
    async fn kept(&self, asked: Asked<'_>, found: &Found) -> Result<Audience, Error> {
        let visibility = found.visibility.unwrap_or(Visibility::Private);
        if visibility != Visibility::Selected {
            return Ok(Audience { visibility, repositories: None });
        }
        let mut ids = Vec::new();
        for page in 1.. {
            let listed = self.api.selected(asked, self.place, page).await?;
            let last = listed.len() < crate::service::github::PAGE;
            ids.extend(listed);
            if last {
                break;
            }
        }
        Ok(Audience { visibility, repositories: Some(ids) })
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        within(value, LARGEST, "a secret of GitHub")?;
        let identity = self.identity(context).await.map_err(|error| error.at(Step::Deliver))?;
        let asked = self.asked(context, Step::Deliver, &identity);
        if self.known.borrow().key.is_none() {
            self.look(asked).await?;
        }
        match self.put_sealed(context, asked, value).await {
            // GitHub has changed its key since it was read; after a definite refusal a second try is safe.
            Err(error) if is_stale(&error) => {
                self.look(asked).await?;
                self.put_sealed(context, asked, value).await
            }
            other => other,
        }
    }

    async fn put_sealed(&self, context: &Context<'_>, asked: Asked<'_>, value: &Secret) -> Result<(), Error> {
        let Known { key: Some(key), audience, .. } = self.known.borrow().clone() else {
            return Err(Error::new(Code::Internal, Step::Deliver, "GitHub's public key was not read"));
        };
        let body = Body {
            encrypted_value: seal(&key.key, value, context.host().entropy)?,
            key_id: key.key_id,
            visibility: audience.as_ref().map(|audience| audience.visibility),
            selected_repository_ids: audience.and_then(|audience| audience.repositories),
        };
        context.queue(&asked.api.without_path(), LIMITS, (Step::Deliver, &GITHUB), full).await?;
        let wrote = self.api.put(asked, self.place, &body).await?;
        self.known.borrow_mut().wrote = wrote;
        Ok(())
    }

    /// Tells a refusal in terms of the place and of who signed in.
    async fn told<T>(&self, context: &Context<'_>, result: Result<T, Error>) -> Result<T, Error> {
        match result {
            Ok(done) => Ok(done),
            Err(error) => Err(told(context, self.place, self.sign_in, error).await),
        }
    }

    /// Reads the date of the last write; GitHub never gives a value back.
    async fn date(&self, context: &Context<'_>) -> Result<SinkState, Error> {
        let identity = self.identity(context).await?;
        let Known { before, wrote, .. } = self.known.borrow().clone();
        let found = self.api.find(self.asked(context, Step::ReadBack, &identity), self.place).await?;
        let found = found.ok_or_else(|| mismatch(&self.label(), "GitHub does not know it"))?;
        let updated = found.updated_at;
        // GitHub dates in whole seconds.
        let late = wrote.map_or(0, |wrote| (updated.as_second() - wrote.as_second()) * 1_000);
        if late < -SKEW || before.is_some_and(|before| updated < before) {
            let words = format!("GitHub says that it was last written at {updated:.0}");
            return Err(mismatch(&self.label(), &words));
        }
        if late > SKEW {
            return Err(mismatch(&self.label(), &format!("somebody has written it again at {updated:.0}")));
        }
        Ok(SinkState::dated(Written::At(updated)))
    }
}

/// Says that the hour's writes are used.
fn full(wait: Duration) -> Error {
    let words = format!(
        "this run has written 500 secrets to GitHub within the hour, as many as GitHub takes; the next fits \
         in {}",
        in_words(wait)
    );
    Error::new(Code::RateLimited, Step::Deliver, words).with_hint(
        "run again in an hour: what is still due is renewed then; spread the targets over the day, or over \
         several Apps",
    )
}

impl Sink for GithubSecretSink<'_> {
    fn label(&self) -> String {
        self.place.label()
    }

    fn wrote(&self) -> Option<Timestamp> {
        self.known.borrow().wrote
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            let found = async {
                let identity = self.identity(context).await?;
                self.look(self.asked(context, Step::ReadSinks, &identity)).await
            };
            let found = found.await;
            let found = self.told(context, found).await?;
            Ok(SinkState::dated(found.map_or(Written::Never, |found| Written::At(found.updated_at))))
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move { self.told(context, self.put(context, value).await).await })
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        _: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async move {
            let shown = read_back(context, async || self.date(context).await).await;
            self.told(context, shown).await
        })
    }
}
