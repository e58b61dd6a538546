//! A secret variable of a variable group in Azure DevOps.
//!
//! The service knows the date of the whole group alone, which any edit of it moves: [`Written::By`]. It has
//! no conditional write either: a write replaces the group, so that the group is read in the very moment
//! before it, a lost reply is followed by another read and not by the same body again, and an edit that
//! follows ours is met by writing once more on top of it. An edit of somebody else between that read and that
//! write, one round trip, is lost without a trace in the service.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/variablegroups>

mod group;

use std::cell::{Cell, RefCell};

use serde::Deserialize;

use self::group::{Group, is_same_edit};
use super::shared::{identity, mismatch, read_back};
use super::{Delivery, Sink, SinkState, Written};
use crate::call::{Call, Service, encode};
use crate::config::{Auth, GroupRef, Origin, SinkConfig};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::event::Phase;
use crate::platform::{LocalFuture, Method};
use crate::secret::Secret;
use crate::sign_in::Resource;

const VERSION: &str = "api-version=7.1";

/// How often a write is tried, each on top of a fresh read.
const WRITES: u32 = 3;

/// Keeps a credential in a variable group.
pub(super) struct AzureDevopsSink {
    path: String,
    /// The organisation or, on a server of one's own, the collection.
    organization: Origin,
    project: String,
    group: GroupRef,
    variable: String,
    auth: Option<Auth>,
    /// The group's number, once it is known.
    id: Cell<Option<u64>>,
    /// The group's revision before our write and after it.
    revisions: RefCell<(Option<String>, Option<String>)>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    value: Vec<Group>,
}

impl AzureDevopsSink {
    /// Builds it; `None` for a sink of another type.
    pub(super) fn new(context: &Context<'_>, config: &SinkConfig, path: &str) -> Result<Option<Self>, Error> {
        let SinkConfig::AzureDevopsVariable { organization, project, group, variable, auth } = config else {
            return Ok(None);
        };
        let configured = context.session.config.azure_devops.as_ref();
        Ok(Some(Self {
            organization: address(organization.as_deref(), configured, path)?,
            path: path.to_owned(),
            project: project.clone(),
            id: Cell::new(match group {
                GroupRef::Id(id) => Some(*id),
                GroupRef::Name(_) => None,
            }),
            group: group.clone(),
            variable: variable.clone(),
            auth: auth.clone(),
            revisions: RefCell::default(),
        }))
    }

    /// Sends a call as whoever may write there, and tells a refusal in terms of the group.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        context: &Context<'_>,
        call: Call,
    ) -> Result<T, Error> {
        let identity =
            identity(context, self.auth.as_ref(), &self.path, Resource::AzureDevops, &self.organization)
                .await?;
        // Without this header an unknown caller is sent to a log-in page instead of being refused.
        let call = call.identity(&identity).header("x-tfs-fedauthredirect", "Suppress");
        context.json(call).await.map_err(|error| self.explain(error))
    }

    /// Reads the group as it is now.
    async fn read(&self, context: &Context<'_>, step: Step) -> Result<Group, Error> {
        let base = format!("/{}/_apis/distributedtask/variablegroups", encode(&self.project));
        let get = |path: String| Call::get(step, Service::AzureDevops, &self.organization, path);
        let id = match (self.id.get(), &self.group) {
            (Some(id), _) => id,
            (None, GroupRef::Id(id)) => *id,
            (None, GroupRef::Name(name)) => {
                let listed: Listed =
                    self.send(context, get(format!("{base}?groupName={}&{VERSION}", encode(name)))).await?;
                // The service takes the name for a pattern.
                let found =
                    listed.value.iter().find(|group| group.name().to_lowercase() == name.to_lowercase());
                found.and_then(Group::id).ok_or_else(|| self.missing(step))?
            }
        };
        let group: Option<Group> = self.send(context, get(format!("{base}/{id}?{VERSION}"))).await?;
        let group = group.filter(|group| group.id() == Some(id)).ok_or_else(|| self.missing(step))?;
        self.check(&group, step)?;
        self.id.set(Some(id));
        Ok(group)
    }

    /// Refuses a group that cannot be written without harm.
    fn check(&self, group: &Group, step: Step) -> Result<(), Error> {
        if group.is_linked() {
            return Err(Error::new(
                Code::SinkRefused,
                step,
                format!(
                    "the variable group \"{}\" is linked to a Key Vault, so that its variables are those of \
                     the vault",
                    group.name()
                ),
            )
            .with_hint(
                "deliver to the vault itself with `type: key-vault`: the group then shows the new value",
            ));
        }
        if !group.has_references() {
            return Err(Error::new(
                Code::SinkRefused,
                step,
                format!(
                    "the service does not say which projects see the group \"{}\", and a write would lose \
                     them",
                    group.name()
                ),
            )
            .with_hint(
                "see that whoever signs in is a reader of every project that the group is shared with",
            ));
        }
        if !group.is_seen_by(&self.project) {
            return Err(Error::new(
                Code::SinkNotFound,
                step,
                format!(
                    "the variable group {} is not in the project {}, but in {}",
                    self.group,
                    self.project,
                    group.projects()
                ),
            )
            .with_hint(format!("correct {}.project or {}.group", self.path, self.path)));
        }
        Ok(())
    }

    fn missing(&self, step: Step) -> Error {
        Error::new(
            Code::SinkNotFound,
            step,
            format!(
                "the project {} of {} has no variable group {}",
                self.project, self.organization, self.group
            ),
        )
        .with_hint(format!(
            "check {}.group and {}.project: the group may be in another project, or whoever signs in is no \
             reader of it (Pipelines > Library)",
            self.path, self.path
        ))
    }

    fn state(&self, group: &Group) -> SinkState {
        let written = match group.is_secret(&self.variable) {
            Some(true) => group.modified().map_or(Written::Unknown, Written::By),
            // What everybody can read is no place in which lakekey has put a credential.
            Some(false) | None => Written::Never,
        };
        SinkState { written, holds: None }
    }

    /// Returns the name under which those of this run who write to the group wait for each other.
    fn lock(&self) -> String {
        let id = self.id.get().map_or_else(|| self.group.to_string(), |id| id.to_string());
        format!("{} {id}", self.organization)
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        if self.id.get().is_none() {
            self.read(context, Step::Deliver).await?;
        }
        // Two targets that write to one group would each delete what the other has just added.
        let lock = context.session.locks.named(self.lock());
        let mut last = lock.lock().await;
        let mut uncertain = false;
        let mut attempt = 1;
        loop {
            let group =
                self.read(context, Step::Deliver).await.map_err(|error| error.with_uncertainty(uncertain))?;
            let path =
                format!("/_apis/distributedtask/variablegroups/{}?{VERSION}", group.id().unwrap_or_default());
            let call = Call::new(Step::Deliver, Service::AzureDevops, Method::Put, &self.organization, path)
                .json(&group.with_secret(&self.variable, value))
                // By the time of a second attempt the group may be another.
                .attempts(1)
                .repeatable(false)
                .fenced();
            match self.send::<Group>(context, call).await {
                Ok(written) => {
                    let after = written.revision();
                    last.clone_from(&after);
                    self.revisions.replace((group.revision(), after));
                    return Ok(());
                }
                Err(error) => {
                    uncertain |= error.is_uncertain();
                    let passing = matches!(
                        error.code(),
                        Code::NotReachable
                            | Code::TimedOut
                            | Code::ReplyLost
                            | Code::ReplyInvalid
                            | Code::RateLimited
                            | Code::ServiceUnavailable
                            | Code::SinkChanged
                    );
                    if !passing || attempt >= WRITES {
                        return Err(error.with_uncertainty(uncertain));
                    }
                    context.event(
                        Step::Deliver,
                        Phase::Waiting,
                        format!("{error}; reading the group and trying again"),
                    );
                }
            }
            context
                .sleep(context.backoff(attempt), Step::Deliver)
                .await
                .map_err(|error| error.with_uncertainty(uncertain))?;
            attempt += 1;
        }
    }

    /// Reads the group after our write; `None` where somebody else has edited it since.
    async fn shown(&self, context: &Context<'_>) -> Result<Option<SinkState>, Error> {
        let lock = context.session.locks.named(self.lock());
        let last = lock.lock().await;
        let group = self.read(context, Step::ReadBack).await?;
        let (before, after) = self.revisions.borrow().clone();
        let now = group.revision();
        if now != after && now == before {
            return Err(mismatch(&self.label(), "the group shows no edit"));
        }
        // Another target of this run edits by the same rules and keeps what we wrote.
        let is_now = |revision: &Option<String>| match (revision, &now) {
            (Some(revision), Some(now)) => is_same_edit(revision, now),
            (revision, now) => revision == now,
        };
        if after.is_some() && !is_now(&after) && !is_now(&last) {
            context.event(
                Step::ReadBack,
                Phase::Warning,
                format!(
                    "{} edited the variable group {} in the same moment; it is written once more",
                    group.editor(),
                    self.group
                ),
            );
            return Ok(None);
        }
        match group.is_secret(&self.variable) {
            Some(true) => Ok(Some(self.state(&group))),
            Some(false) => Err(mismatch(&self.label(), "the variable shows as one that is not secret")),
            None => Err(mismatch(&self.label(), "the group has no such variable")),
        }
    }

    async fn confirm(&self, context: &Context<'_>, value: &Secret) -> Result<SinkState, Error> {
        for _ in 0..WRITES {
            if let Some(state) = read_back_once(context, self).await? {
                return Ok(state);
            }
            self.put(context, value).await.map_err(|error| error.with_uncertainty(true))?;
        }
        Err(Error::new(
            Code::SinkChanged,
            Step::ReadBack,
            format!("the variable group {} is edited again and again while it is written", self.group),
        )
        .with_uncertainty(true))
    }

    fn explain(&self, error: Error) -> Error {
        let (organization, project) = (&self.organization, &self.project);
        let said = error.message().to_ascii_lowercase();
        match (error.code(), error.status()) {
            (Code::CredentialInvalid, _) | (_, Some(401)) => error.with_hint(format!(
                "{organization} does not know whoever signs in: add the service principal under \
                 Organization settings > Users, or replace the PAT or access token of {}.auth",
                self.path
            )),
            (Code::SinkPermissionMissing, _) => error.with_hint(format!(
                "make whoever signs in an Administrator of the variable group {} in {project}: Pipelines > \
                 Library > the group > Security (a pipeline's own token is the user \"{project} Build \
                 Service\"); a PAT needs the scope Variable Groups (Read, create, & manage)",
                self.group
            )),
            (Code::SinkNotFound, Some(404)) if said.contains("project") => error.with_hint(format!(
                "correct {}.project: {organization} has no project {project}, or hides it from whoever \
                 signs in",
                self.path
            )),
            (Code::SinkNotFound, Some(404)) if said.contains("a web page") => error.with_hint(format!(
                "there is no organisation {organization}: correct {}.organization or endpoints.azure-devops",
                self.path
            )),
            (Code::SinkNotFound, Some(404)) => error.with_hint(format!(
                "check the organisation {organization}, the project {project} and the variable group {}: \
                 the group may be in another project",
                self.group
            )),
            _ => error,
        }
    }
}

/// Reads back with patience for a replica that lags behind.
async fn read_back_once(context: &Context<'_>, sink: &AzureDevopsSink) -> Result<Option<SinkState>, Error> {
    read_back(context, async || sink.shown(context).await).await
}

/// Returns the organisation's address: by its name beside the configured host, or the configured one itself.
fn address(name: Option<&str>, configured: Option<&Origin>, path: &str) -> Result<Origin, Error> {
    let at = format!("{path}.organization");
    match (name, configured) {
        (Some(name), None) => Origin::parse(&format!("https://dev.azure.com/{name}"), &at),
        (Some(name), Some(configured)) => {
            // A server of one's own has collections side by side, maybe below a path.
            let host = configured.without_path();
            let above =
                configured.as_str()[host.as_str().len()..].rsplit_once('/').map_or("", |(above, _)| above);
            Origin::parse(&format!("{host}{above}/{name}"), &at)
        }
        (None, Some(configured)) => Ok(configured.clone()),
        (None, None) => {
            Err(Error::config(Code::ConfigMissingKey, at, "give `organization`, or `endpoints.azure-devops`"))
        }
    }
}

impl Sink for AzureDevopsSink {
    fn label(&self) -> String {
        let organization = self.organization.as_str()[self.organization.without_path().as_str().len()..]
            .trim_start_matches('/');
        let place = if organization.is_empty() {
            self.project.clone()
        } else {
            format!("{organization}/{}", self.project)
        };
        format!("azure-devops-variable {place} {} {}", self.group, self.variable)
    }

    /// Tells the date of the group, since a variable has none.
    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async { self.read(context, Step::ReadSinks).await.map(|group| self.state(&group)) })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.put(context, value))
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(self.confirm(context, value))
    }
}
