//! `databricks-secret`: a secret in a Databricks secret scope, of the target's workspace or another.
//!
//! <https://docs.databricks.com/api/azure/workspace/secrets>

use std::cell::Cell;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::adapters::{Adapters, Sink};
use super::place::{Around, Place, Shape};
use super::shared::{Writer, mismatch, read_back, within};
use super::state::{Delivery, SinkState, Written};
use crate::auth::{Context, Resource};
use crate::config::AuthValue;
use crate::host::{Environment, LocalFuture};
use crate::http::{Call, encode};
use crate::model::typed::whole;
use crate::model::{Code, Error, Origin, Secret, Step, Timestamp};
use crate::service::databricks::DATABRICKS;

/// The largest value, in bytes.
///
/// <https://docs.databricks.com/api/azure/workspace/secrets/putsecret>
const LARGEST: usize = 128 * 1024;

/// How far the workspace's clock may be ahead of what a run takes it for, in milliseconds: its answers tell
/// whole seconds, and are under way for a while.
const LAG: i64 = 2_000;

/// A secret in a Databricks secret scope.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DatabricksSecretShape {
    /// The workspace, where it is not the target's.
    workspace: Option<String>,
    /// The scope.
    scope: String,
    /// The key.
    key: String,
    /// Whether a missing scope is created.
    create_scope: Option<bool>,
    /// How to sign in, where it is not as the principal.
    auth: Option<AuthValue>,
}

/// Keeps a credential in a secret scope.
#[derive(Debug)]
struct DatabricksSecret {
    path: String,
    workspace: Origin,
    elsewhere: bool,
    scope: String,
    key: String,
    create_scope: bool,
    writer: Writer,
}

impl Shape for DatabricksSecretShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        let Self { workspace, scope, key, create_scope, auth } = self;
        let workspace = match workspace {
            Some(text) => around.endpoints.workspace(&text, &around.at("workspace"))?,
            None => around.workspace.clone(),
        };
        for (value, name) in [(&scope, "scope"), (&key, "key")] {
            let fine = (1..=128).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@/ ".contains(&b));
            if !fine {
                let words = "1 to 128 letters, digits, `-`, `_`, `.`, `@` and `/`";
                return Err(Error::invalid(&around.at(name), words));
            }
        }
        Ok(Rc::new(DatabricksSecret {
            writer: Writer::read(auth, Resource::Databricks, around)?,
            path: around.path.clone(),
            elsewhere: workspace != *around.workspace,
            workspace,
            scope,
            key,
            create_scope: create_scope.unwrap_or(false),
        }))
    }
}

impl Place for DatabricksSecret {
    fn label(&self) -> String {
        let Self { scope, key, workspace, .. } = self;
        if self.elsewhere {
            format!("databricks-secret {workspace} {scope} {key}")
        } else {
            format!("databricks-secret {scope} {key}")
        }
    }

    fn identity(&self) -> String {
        format!("databricks {} {} {}", self.workspace, self.scope, self.key)
    }

    fn tells_writes(&self) -> bool {
        true
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.writer.check_references(environment)
    }

    fn open<'s>(&'s self, _adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        let (before, wrote) = (Cell::new(None), Cell::new(None));
        let (lacks_scope, undated) = (Cell::new(false), Cell::new(false));
        Ok(Box::new(DatabricksSecretSink { place: self, before, wrote, lacks_scope, undated }))
    }
}

struct DatabricksSecretSink<'s> {
    place: &'s DatabricksSecret,
    /// What was seen before the write.
    before: Cell<Option<Written>>,
    /// When the workspace had taken the write, by its clock.
    wrote: Cell<Option<Timestamp>>,
    /// Whether the scope did not exist when it was looked at, and is to be made.
    lacks_scope: Cell<bool>,
    /// Whether the workspace lists the key without saying when it was written.
    undated: Cell<bool>,
}

#[derive(Deserialize)]
struct Listed {
    /// Absent where the scope is empty.
    #[serde(default)]
    secrets: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    key: String,
    /// Milliseconds since 1970 by the workspace's clock; some workspaces do not tell it.
    last_updated_timestamp: Option<Value>,
}

impl DatabricksSecretSink<'_> {
    /// Sends a call as somebody who may write there, and tells a refusal in terms of the scope.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        context: &Context<'_>,
        call: Call,
    ) -> Result<T, Error> {
        let identity = self.place.writer.identity(context, &self.place.workspace).await?;
        context.json(call.identity(&identity)).await.map_err(|error| self.explain(error))
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> Call {
        Call::post(Step::Deliver, &DATABRICKS, &self.place.workspace, path).json(body)
    }

    /// Returns when the key was last written; `None` where the scope does not exist.
    async fn listed(&self, context: &Context<'_>, step: Step) -> Result<Option<Written>, Error> {
        let call = Call::get(
            step,
            &DATABRICKS,
            &self.place.workspace,
            format!("/api/2.0/secrets/list?scope={}", encode(&self.place.scope)),
        );
        match self.send::<Listed>(context, call).await {
            Ok(listed) => {
                let entry = listed.secrets.into_iter().find(|entry| entry.key == self.place.key);
                Ok(Some(entry.map_or(Written::Never, |entry| {
                    let ms = entry.last_updated_timestamp.as_ref().and_then(whole);
                    let at = ms.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
                    at.map_or(Written::Unknown, Written::At)
                })))
            }
            Err(error) if self.place.create_scope && error.code() == Code::SinkNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn make_scope(&self, context: &Context<'_>) -> Result<(), Error> {
        // Who makes the scope manages it alone.
        let call = self
            .post("/api/2.0/secrets/scopes/create", &json!({"scope": self.place.scope}))
            .repeatable(true)
            .fenced();
        match self.send::<serde_json::Value>(context, call).await {
            Err(error) if error.reason() == Some("RESOURCE_ALREADY_EXISTS") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn put(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        let body = json!({"scope": self.place.scope, "key": self.place.key,
            "string_value": value.expose("the secret of the scope that is to hold it")});
        let call = self.post("/api/2.0/secrets/put", &body).repeatable(true).fenced();
        self.send::<serde_json::Value>(context, call).await?;
        // Another workspace may have another clock.
        self.wrote.set((!self.place.elsewhere).then(|| context.ledger_now().shifted(LAG)));
        Ok(())
    }

    fn explain(&self, error: Error) -> Error {
        let (scope, workspace) = (&self.place.scope, &self.place.workspace);
        match (error.status(), error.reason()) {
            (_, Some("RESOURCE_DOES_NOT_EXIST")) | (Some(404), _) => {
                error.coded(Code::SinkNotFound).with_hint(format!(
                    "make the scope \"{scope}\" in {workspace}, correct {}.scope, or set create-scope: true",
                    self.place.path
                ))
            }
            (Some(403), _) if matches!(error.code(), Code::Refused | Code::AdminRequired) => {
                error.coded(Code::SinkPermissionMissing).with_hint(format!(
                    "grant WRITE on the scope to the one who signs in: `databricks secrets put-acl {scope} \
                     APPLICATION_ID WRITE`"
                ))
            }
            (Some(400..=404), _)
                if error
                    .said()
                    .is_some_and(|said| said.to_lowercase().contains("premium tier is disabled")) =>
            {
                error.coded(Code::SinkRefused).with_hint(format!(
                    "this workspace is in the standard tier, in which every user manages every scope and can \
                     read what it holds; if that may be, make the scope: `databricks secrets create-scope \
                     {scope} --initial-manage-principal users`; else deliver to another place"
                ))
            }
            (Some(400), _) if error.code() == Code::SinkUnsupported => error.with_hint(format!(
                "the scope \"{scope}\" is backed by Key Vault and is written in the vault: deliver to it \
                 with `type: key-vault`"
            )),
            (Some(400), _) if error.code() == Code::Refused => {
                error.coded(Code::SinkRefused).with_hint("read what the workspace said")
            }
            _ => error,
        }
    }
}

impl Sink for DatabricksSecretSink<'_> {
    fn label(&self) -> String {
        self.place.label()
    }

    fn lacks(&self) -> Option<String> {
        self.lacks_scope.get().then(|| format!("the secret scope {}", self.place.scope))
    }

    fn unverified(&self) -> Option<&'static str> {
        const DATED: &str = "its date shows the write; its value was not verified, since a workspace shows \
                             values in notebooks alone";
        const UNDATED: &str = "it is listed; neither its date nor its value could be read, so that the write \
                               was not verified";
        Some(if self.undated.get() { UNDATED } else { DATED })
    }

    fn wrote(&self) -> Option<Timestamp> {
        self.wrote.get()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(async {
            let listed = self.listed(context, Step::ReadSinks).await?;
            self.lacks_scope.set(listed.is_none());
            let written = listed.unwrap_or(Written::Never);
            self.before.set(Some(written));
            Ok(SinkState { written, holds: None, editor: None })
        })
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async {
            within(value, LARGEST, "a Databricks secret")?;
            if self.lacks_scope.replace(false) {
                // Without a scope nothing was written, whatever became of the scope.
                self.make_scope(context).await.map_err(|error| error.with_uncertainty(false))?;
            }
            match self.put(context, value).await {
                Err(error)
                    if self.place.create_scope
                        && error.code() == Code::SinkNotFound
                        && !error.is_uncertain() =>
                {
                    // Somebody has removed it meanwhile.
                    self.make_scope(context).await.map_err(|error| error.with_uncertainty(false))?;
                    self.put(context, value).await
                }
                other => other,
            }
        })
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        _: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(read_back(context, async || {
            // A value is shown in notebooks alone, so that its date tells of the write.
            let written = self.listed(context, Step::ReadBack).await?.unwrap_or(Written::Never);
            match (self.before.get(), written) {
                (_, Written::Never) => Err(mismatch(&self.label(), "the scope does not list it")),
                (Some(Written::At(before)), Written::At(at)) if before == at => {
                    Err(mismatch(&self.label(), "its date has not moved"))
                }
                (_, Written::Unknown) => {
                    self.undated.set(true);
                    Ok(SinkState { written, holds: None, editor: None })
                }
                _ => Ok(SinkState { written, holds: Some(delivery.credential_id.clone()), editor: None }),
            }
        }))
    }
}
