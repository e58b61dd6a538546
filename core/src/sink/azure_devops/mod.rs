//! `azure-devops-variable`: a secret variable of a variable group in Azure DevOps.
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
use std::fmt;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;

use self::group::{Group, is_same_edit};
use super::adapters::{Adapters, Sink};
use super::place::{Around, Place, Shape};
use super::shared::{Writer, mismatch, read_back};
use super::state::{Delivery, SinkState, Written};
use crate::auth::{Context, Resource};
use crate::config::AuthValue;
use crate::host::{Environment, LocalFuture, Method, Phase};
use crate::http::{Call, Patience, encode};
use crate::model::{Code, Error, Origin, Secret, Step, Temporary};
use crate::service::azure_devops::AZURE_DEVOPS;

const VERSION: &str = "api-version=7.1";

/// What needs no PAT.
const WITHOUT_PAT: &str = "Without a PAT: leave `auth` out, or give the sign-in of a service principal, and \
                           add that principal under Organization settings > Users";

/// How often a write is tried, each on top of a fresh read.
const WRITES: u32 = 3;

/// A secret variable of a variable group in Azure DevOps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureDevopsShape {
    /// The organisation, where `endpoints.azure-devops` does not name it.
    organization: Option<String>,
    /// The project's name or id.
    project: String,
    /// The group's id or name.
    group: GroupRef,
    /// The variable's name.
    variable: String,
    /// How to sign in, if not as the principal; `access-token` takes $(System.AccessToken), `pat` a PAT.
    auth: Option<AuthValue>,
}

/// Names a variable group by its number or its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum GroupRef {
    /// The number.
    Id(u64),
    /// The name.
    Name(String),
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Keeps a credential in a variable group.
#[derive(Debug)]
struct AzureDevopsVariable {
    path: String,
    /// The organisation or, on a self-hosted server, the collection.
    organization: Origin,
    project: String,
    group: GroupRef,
    variable: String,
    writer: Writer,
}

impl Shape for AzureDevopsShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        let Self { organization, project, group, variable, auth } = self;
        let named = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if organization.as_deref().is_some_and(|name| name.is_empty() || !named(name)) {
            let words = "write the organisation's name alone, such as acme";
            return Err(Error::invalid(&around.at("organization"), words));
        }
        if matches!(project.trim(), "" | "." | "..") || project.contains(['/', '\\']) {
            return Err(Error::invalid(&around.at("project"), "write the project's name or id"));
        }
        if matches!(&group, GroupRef::Name(name) if name.trim().is_empty()) {
            return Err(Error::invalid(&around.at("group"), "write the group's number or name"));
        }
        if variable.trim().is_empty()
            || variable.chars().any(|c| c.is_control() || c == '$' || c == '(' || c == ')')
        {
            return Err(Error::invalid(&around.at("variable"), "this is not a name of a variable"));
        }
        let configured = around.endpoints.azure_devops.as_ref();
        Ok(Rc::new(AzureDevopsVariable {
            organization: address(organization.as_deref(), configured, &around.at("organization"))?,
            writer: Writer::read(auth, Resource::AzureDevops, around)?,
            path: around.path.clone(),
            project,
            group,
            variable,
        }))
    }
}

/// Returns the organisation's address: by its name beside the configured host, or the configured one itself.
fn address(name: Option<&str>, configured: Option<&Origin>, at: &str) -> Result<Origin, Error> {
    match (name, configured) {
        (Some(name), None) => Origin::parse(&format!("https://dev.azure.com/{name}"), at),
        (Some(name), Some(configured)) => {
            // A self-hosted server has collections side by side, maybe below a path.
            let host = configured.without_path();
            let above =
                configured.as_str()[host.as_str().len()..].rsplit_once('/').map_or("", |(above, _)| above);
            Origin::parse(&format!("{host}{above}/{name}"), at)
        }
        (None, Some(configured)) => Ok(configured.clone()),
        (None, None) => {
            Err(Error::config(Code::ConfigMissingKey, at, "give `organization`, or `endpoints.azure-devops`"))
        }
    }
}

impl Place for AzureDevopsVariable {
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

    fn identity(&self) -> String {
        let Self { organization, project, group, variable, .. } = self;
        format!("azure-devops {organization} {project} {group} {variable}").to_lowercase()
    }

    /// The date is that of the whole group.
    fn tells_writes(&self) -> bool {
        false
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.writer.check_references(environment)
    }

    /// Azure DevOps retires the PATs that reach every organisation of their owner.
    ///
    /// <https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate>
    fn advice(&self) -> Option<(String, &'static str)> {
        let words = "is written with a PAT; one that was made for all organisations stops on 1 December \
                     2026, one for this organisation goes on";
        self.writer.is_pat().then(|| (format!("{} {words}", self.label()), WITHOUT_PAT))
    }

    fn open<'s>(&'s self, _adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        let id = match self.group {
            GroupRef::Id(id) => Some(id),
            GroupRef::Name(_) => None,
        };
        Ok(Box::new(AzureDevopsSink { place: self, id: Cell::new(id), revisions: RefCell::default() }))
    }
}

/// Writes it.
struct AzureDevopsSink<'s> {
    place: &'s AzureDevopsVariable,
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

impl AzureDevopsSink<'_> {
    /// Sends a call as somebody who may write there, and tells a refusal in terms of the group.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        context: &Context<'_>,
        call: Call,
    ) -> Result<T, Error> {
        let identity = self.place.writer.identity(context, &self.place.organization).await?;
        // Without this header an unknown caller is sent to a log-in page instead of being refused.
        let call = call.identity(&identity).header("x-tfs-fedauthredirect", "Suppress");
        context.json(call).await.map_err(|error| self.explain(error))
    }

    /// Reads the group as it is now.
    async fn read(&self, context: &Context<'_>, step: Step) -> Result<Group, Error> {
        let base = format!("/{}/_apis/distributedtask/variablegroups", encode(&self.place.project));
        let get = |path: String| Call::get(step, &AZURE_DEVOPS, &self.place.organization, path);
        let id = match (self.id.get(), &self.place.group) {
            (Some(id), _) => id,
            (None, GroupRef::Id(id)) => *id,
            (None, GroupRef::Name(name)) => {
                let listed: Listed =
                    self.send(context, get(format!("{base}?groupName={}&{VERSION}", encode(name)))).await?;
                // The service takes the name for a pattern.
                let folded = |group: &&Group| group.name().to_lowercase() == name.to_lowercase();
                let all: Vec<&Group> = listed.value.iter().filter(folded).collect();
                // Of several that differ in letter case the one that is written so is meant.
                let exact = all.iter().find(|group| group.name() == *name).copied();
                let found = exact.or(if let [one] = all[..] { Some(one) } else { None });
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
                "see that the one who signs in is a reader of every project that the group is shared with",
            ));
        }
        if !group.is_seen_by(&self.place.project) {
            return Err(Error::new(
                Code::SinkNotFound,
                step,
                format!(
                    "the variable group {} is not in the project {}, but in {}",
                    self.place.group,
                    self.place.project,
                    group.projects()
                ),
            )
            .with_hint(format!("correct {}.project or {}.group", self.place.path, self.place.path)));
        }
        Ok(())
    }

    fn missing(&self, step: Step) -> Error {
        Error::new(
            Code::SinkNotFound,
            step,
            format!(
                "the project {} of {} has no variable group {}",
                self.place.project, self.place.organization, self.place.group
            ),
        )
        .with_hint(format!(
            "check {}.group and {}.project: the group may be in another project, or the one who signs in is \
             no reader of it (Pipelines > Library)",
            self.place.path, self.place.path
        ))
    }

    fn state(&self, group: &Group) -> SinkState {
        let written = match group.is_secret(&self.place.variable) {
            Some(true) => group.modified().map_or(Written::Unknown, Written::By),
            // What everybody can read is no place in which lakekey has put a credential.
            Some(false) | None => Written::Never,
        };
        SinkState { written, holds: None, editor: Some(group.editor().to_owned()) }
    }

    /// Returns the name under which those of this run who write to the group wait for each other.
    fn lock(&self) -> String {
        let id = self.id.get().map_or_else(|| self.place.group.to_string(), |id| id.to_string());
        format!("{} {id}", self.place.organization)
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        if self.id.get().is_none() {
            self.read(context, Step::Deliver).await?;
        }
        // Two targets that write to one group would each delete what the other has just added.
        let lock = context.lock(self.lock());
        let mut last = lock.lock().await;
        // What is read anew may be written although the end of the write before is not known.
        let patience = Patience::attempts(WRITES);
        let after =
            context.retry(Step::Deliver, patience, async || self.put_once(context, value).await).await?;
        *last = after;
        Ok(())
    }

    /// Writes once on top of a fresh read, and returns the group's revision after it.
    async fn put_once(&self, context: &Context<'_>, value: &Secret) -> Result<Option<String>, Error> {
        let group = self.read(context, Step::Deliver).await?;
        let id = group.id().unwrap_or_default();
        let path = format!("/_apis/distributedtask/variablegroups/{id}?{VERSION}");
        let call = Call::new(Step::Deliver, &AZURE_DEVOPS, Method::PUT, &self.place.organization, path)
            .json(&group.with_secret(&self.place.variable, value))
            // By the time of a second attempt the group may be another.
            .attempts(1)
            .repeatable(false)
            .fenced();
        let written: Group = self.send(context, call).await?;
        let after = written.revision();
        self.revisions.replace((group.revision(), after.clone()));
        Ok(after)
    }

    /// Reads the group after our write; `None` where somebody else has edited it since.
    async fn shown(&self, context: &Context<'_>) -> Result<Option<SinkState>, Error> {
        let lock = context.lock(self.lock());
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
                    self.place.group
                ),
            );
            return Ok(None);
        }
        match group.is_secret(&self.place.variable) {
            Some(true) => Ok(Some(self.state(&group))),
            Some(false) => Err(mismatch(&self.label(), "the variable shows as one that is not secret")),
            None => Err(mismatch(&self.label(), "the group has no such variable")),
        }
    }

    /// Reads back, and writes once more where somebody else has edited in the same moment.
    async fn confirm(&self, context: &Context<'_>, value: &Secret) -> Result<SinkState, Error> {
        let confirmed = context.retry(Step::ReadBack, Patience::attempts(WRITES), async || {
            if let Some(state) = read_back(context, async || self.shown(context).await).await? {
                return Ok(state);
            }
            self.put(context, value).await?;
            let words = format!(
                "the variable group {} is edited again and again while it is written",
                self.place.group
            );
            Err(Error::new(Code::SinkChanged, Step::ReadBack, words).with_temporary(Temporary::Yes))
        });
        confirmed.await.map_err(|error| error.with_uncertainty(true))
    }

    fn explain(&self, error: Error) -> Error {
        let (path, group) = (&self.place.path, &self.place.group);
        let (organization, project) = (&self.place.organization, &self.place.project);
        let of_project = error.reason().is_some_and(|reason| reason.starts_with("ProjectDoesNotExist"));
        let hint = match (error.code(), error.status()) {
            (Code::CredentialInvalid, _) | (_, Some(401)) if self.place.writer.is_pat() => format!(
                "{organization} refuses the PAT of {path}.auth: it is wrong, has ended or was revoked, or it \
                 lacks the scope Variable Groups (Read, create, & manage); one for all organisations is \
                 refused since 1 December 2026. {WITHOUT_PAT}"
            ),
            (Code::CredentialInvalid, _) | (_, Some(401)) => format!(
                "{organization} does not know the one who signs in: add the service principal under \
                 Organization settings > Users, or replace the access token of {path}.auth"
            ),
            (Code::SinkPermissionMissing, _) => format!(
                "make the one who signs in an Administrator of the variable group {group} in {project}: \
                 Pipelines > Library > the group > Security (a pipeline's own token is the user \"{project} \
                 Build Service\"); a PAT needs the scope Variable Groups (Read, create, & manage)"
            ),
            (Code::SinkNotFound, Some(404)) if of_project => format!(
                "correct {path}.project: {organization} has no project {project}, or hides it from the one \
                 who signs in"
            ),
            (Code::SinkNotFound, Some(404)) => format!(
                "check the organisation {organization}, the project {project} and the variable group \
                 {group}: the group may be in another project"
            ),
            _ => return error,
        };
        error.with_hint(hint)
    }
}

impl Sink for AzureDevopsSink<'_> {
    fn label(&self) -> String {
        self.place.label()
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
