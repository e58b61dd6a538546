//! `key-vault`: a secret in Azure Key Vault.
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret>

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::adapters::{Adapters, Sink};
use super::place::{Around, Place, Shape};
use super::shared::{Writer, mismatch, read_back, within};
use super::state::{Delivery, SinkState, Written};
use crate::auth::{Context, Resource};
use crate::config::AuthValue;
use crate::host::{Environment, LocalFuture, Method};
use crate::http::{Call, encode};
use crate::model::{Code, Error, Origin, Secret, Step, Timestamp, is_id};
use crate::service::key_vault::KEY_VAULT;

const VERSION: &str = "api-version=7.4";

/// The largest value, in bytes.
///
/// <https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>
const LARGEST: usize = 25 * 1024;

/// How many tags a secret has at the most.
const MOST_TAGS: usize = 15;

/// How many pages of a secret's versions are read at the most.
const MOST_PAGES: usize = 40;

/// The tag that tells which credential a version holds.
const ID_TAG: &str = "lakekey-credential-id";

/// The tag that tells for which target a version was written.
const TARGET_TAG: &str = "lakekey-target";

/// A secret in Azure Key Vault.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KeyVaultShape {
    /// The vault's URL.
    vault: String,
    /// The secret's name.
    secret: String,
    /// Tags to set besides lakekey's own.
    tags: Option<BTreeMap<String, String>>,
    /// Whether the versions of superseded credentials are switched off once these are revoked.
    #[serde(default)]
    disable_superseded: bool,
    /// How to sign in, where it is not as the principal.
    auth: Option<AuthValue>,
}

/// Keeps a credential in a vault.
#[derive(Debug)]
struct KeyVault {
    path: String,
    vault: Origin,
    secret: String,
    tags: BTreeMap<String, String>,
    disable_superseded: bool,
    writer: Writer,
}

impl Shape for KeyVaultShape {
    fn place(self, around: &Around<'_>) -> Result<Rc<dyn Place>, Error> {
        let Self { vault, secret, tags, disable_superseded, auth } = self;
        let vault = around.endpoints.vault(&vault, &around.at("vault"))?;
        let tags = tags.unwrap_or_default();
        if !(1..=127).contains(&secret.len())
            || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            let words = "a name in Key Vault has 1 to 127 letters, digits and `-`";
            return Err(Error::invalid(&around.at("secret"), words));
        }
        let unfit = |(key, value): (&String, &String)| {
            key.len() > 256 || value.len() > 256 || key.starts_with("lakekey")
        };
        if tags.len() > 12 || tags.iter().any(unfit) {
            let words = "at most 12 tags of at most 256 characters, none beginning with `lakekey`";
            return Err(Error::invalid(&around.at("tags"), words));
        }
        let writer = Writer::read(auth, Resource::KeyVault, around)?;
        let path = around.path.clone();
        Ok(Rc::new(KeyVault { path, vault, secret, tags, disable_superseded, writer }))
    }
}

impl Place for KeyVault {
    fn label(&self) -> String {
        format!("key-vault {} {}", self.vault, self.secret)
    }

    fn identity(&self) -> String {
        format!("vault {} {}", self.vault, self.secret.to_ascii_lowercase())
    }

    fn tells_writes(&self) -> bool {
        true
    }

    fn check_references(&self, environment: &dyn Environment) -> Result<(), Error> {
        self.writer.check_references(environment)
    }

    fn open<'s>(&'s self, _adapters: &'s dyn Adapters) -> Result<Box<dyn Sink + 's>, Error> {
        Ok(Box::new(KeyVaultSink {
            place: self,
            kept: RefCell::new(None),
            versions: RefCell::new(Vec::new()),
        }))
    }
}

/// Writes it; each write adds a version and leaves the earlier ones.
struct KeyVaultSink<'s> {
    place: &'s KeyVault,
    /// What others have set on the current version, which the next bears too.
    kept: RefCell<Option<Kept>>,
    /// The versions that the vault gave out when it was looked at, and the credential that each holds.
    versions: RefCell<Vec<(String, String)>>,
}

/// Holds what is not lakekey's and would be lost with a new version.
#[derive(Clone, Default)]
struct Kept {
    tags: BTreeMap<String, String>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    value: Option<String>,
    #[serde(default)]
    attributes: Attributes,
    tags: Option<BTreeMap<String, String>>,
    content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    #[serde(default)]
    value: Vec<Version>,
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    #[serde(default)]
    attributes: Attributes,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct Attributes {
    enabled: Option<bool>,
    /// Seconds since 1970 by the vault's clock.
    updated: Option<i64>,
}

impl Bundle {
    fn state(&self) -> SinkState {
        let written = self
            .attributes
            .updated
            .and_then(|second| Timestamp::from_second(second).ok())
            .map_or(Written::Unknown, Written::At);
        // Who sets a value by hand drops the tag, and then the value itself says that it is another: a
        // PAT's id is its SHA-256.
        let print = self.value.as_deref().map(|value| Secret::new(value).fingerprint());
        let is_of_value = |id: &&String| {
            let is_print = id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            !is_print || print.as_deref().is_none_or(|print| print.eq_ignore_ascii_case(id))
        };
        // A new value may come with the tags of the one before.
        let tagged = self.tags.as_ref().and_then(|tags| tags.get(ID_TAG)).filter(is_of_value).cloned();
        SinkState { editor: None, written, holds: tagged.or(print) }
    }
}

impl KeyVaultSink<'_> {
    fn call(&self, step: Step, method: Method, collection: &str) -> Call {
        Call::new(
            step,
            &KEY_VAULT,
            method,
            &self.place.vault,
            format!("/{collection}/{}?{VERSION}", encode(&self.place.secret)),
        )
    }

    async fn send(&self, context: &Context<'_>, call: Call) -> Result<Bundle, Error> {
        let identity = self.place.writer.identity(context, &self.place.vault).await?;
        let bundle: Bundle = context.json(call.identity(&identity)).await?;
        if let Some(value) = &bundle.value {
            context.masked(Secret::new(value.as_str()));
        }
        Ok(bundle)
    }

    /// Reads the current version; `None` where there is none.
    async fn current(&self, context: &Context<'_>, step: Step) -> Result<Option<Bundle>, Error> {
        match self.send(context, self.call(step, Method::GET, "secrets")).await {
            Ok(bundle) => Ok(Some(bundle)),
            Err(error) if error.code() == Code::SinkNotFound && error.status() == Some(404) => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Finds a secret of that name that was deleted and not yet purged, while nothing has been made that a
    /// refusal would waste.
    async fn check_deleted(&self, context: &Context<'_>) -> Result<(), Error> {
        // Who may not ask, or whose vault keeps nothing, learns of it by the write.
        let deleted = self
            .send(context, self.call(Step::ReadSinks, Method::GET, "deletedsecrets").attempts(1))
            .await
            .is_ok();
        if !deleted {
            return Ok(());
        }
        let message = format!(
            "the secret \"{}\" was deleted and can be recovered, so that its name is taken",
            self.place.secret
        );
        Err(self.explain(Error::new(Code::SinkSecretDeleted, Step::ReadSinks, message)))
    }

    async fn look(&self, context: &Context<'_>) -> Result<SinkState, Error> {
        let Some(current) = self.current(context, Step::ReadSinks).await? else {
            self.check_deleted(context).await?;
            self.kept.replace(Some(Kept::default()));
            return Ok(SinkState { written: Written::Never, holds: None, editor: None });
        };
        let state = current.state();
        let mut tags = current.tags.unwrap_or_default();
        let other = tags.get(TARGET_TAG).filter(|target| !context.subject.is_named(target));
        if let Some(other) = other {
            let words = format!("{} holds a credential of the target {other}", self.place.label());
            return Err(Error::new(Code::SinkChanged, Step::ReadSinks, words).with_hint(format!(
                "deliver to another secret; or, if the target was renamed, write `formerly: [{other}]`"
            )));
        }
        tags.retain(|name, _| name != ID_TAG && name != TARGET_TAG && !self.place.tags.contains_key(name));
        if tags.len() + self.place.tags.len() + 2 > MOST_TAGS {
            return Err(Error::new(
                Code::SinkRefused,
                Step::ReadSinks,
                format!(
                    "the secret \"{}\" has so many tags that lakekey's two do not fit: Key Vault takes \
                     {MOST_TAGS}",
                    self.place.secret
                ),
            )
            .with_hint(format!("remove tags from the secret or from {}.tags", self.place.path)));
        }
        self.kept.replace(Some(Kept { tags, content_type: current.content_type }));
        if self.place.disable_superseded {
            match self.enabled(context, Step::ReadSinks).await {
                Ok(versions) => drop(self.versions.replace(versions)),
                // Who may not list them cannot switch them off either, and nothing else depends on it.
                Err(error) => context.warn(&self.explain(error)),
            }
        }
        Ok(state)
    }

    fn versioned(&self, step: Step, method: Method, path: &str) -> Call {
        let name = encode(&self.place.secret);
        Call::new(step, &KEY_VAULT, method, &self.place.vault, format!("/secrets/{name}/{path}{VERSION}"))
    }

    /// Reads which versions the vault gives out, and which credential each holds.
    async fn enabled(&self, context: &Context<'_>, step: Step) -> Result<Vec<(String, String)>, Error> {
        let identity = self.place.writer.identity(context, &self.place.vault).await?;
        // No order is promised, so that every page is read.
        let mut versions = Vec::new();
        let mut next = Some(self.versioned(step, Method::GET, "versions?maxresults=25&"));
        for _ in 0..MOST_PAGES {
            let Some(list) = next.take() else { break };
            let page: Versions = context.json(list.identity(&identity)).await?;
            versions.extend(page.value);
            // It is a whole URL, of which the vault's own part alone is followed.
            let path = page.next_link.and_then(|link| {
                let rest = link.strip_prefix(self.place.vault.as_str())?;
                // Vaults write the port out.
                let path = rest.strip_prefix(":443").unwrap_or(rest);
                path.starts_with("/secrets/").then(|| path.to_owned())
            });
            next = path.map(|path| Call::new(step, &KEY_VAULT, Method::GET, &self.place.vault, path));
        }
        let ours = versions.into_iter().filter(|version| version.attributes.enabled != Some(false));
        let held = ours.filter_map(|version| {
            let tags = version.tags?;
            let is_ours = tags.get(TARGET_TAG).is_none_or(|target| context.subject.is_named(target));
            let number = version.id.rsplit('/').next().filter(|number| is_id(number))?.to_owned();
            is_ours.then(|| tags.get(ID_TAG).map(|id| (number, id.clone())))?
        });
        Ok(held.collect())
    }

    /// Switches the versions off that hold revoked credentials, so that who reads one by its version gets a
    /// clear error; returns what was done.
    async fn switch_off(
        &self,
        context: &Context<'_>,
        revoked: &[String],
    ) -> (Vec<String>, Result<(), Error>) {
        let step = Step::RevokeToken;
        let mut done = Vec::new();
        let result = async {
            let versions = self.enabled(context, step).await?;
            let identity = self.place.writer.identity(context, &self.place.vault).await?;
            for (number, _) in versions.iter().filter(|(_, id)| revoked.contains(id)) {
                let update = self.versioned(step, Method::PATCH, &format!("{}?", encode(number)));
                let update = update.repeatable(true).json(&json!({"attributes": {"enabled": false}}));
                context.execute(update.identity(&identity)).await?;
                done.push(format!("switched the version {number} of {} off", self.place.secret));
            }
            Ok(())
        };
        let result = result.await.map_err(|error| self.explain(error));
        (done, result)
    }

    async fn put(&self, context: &Context<'_>, value: &Secret, delivery: &Delivery) -> Result<(), Error> {
        within(value, LARGEST, "Key Vault")?;
        let known = self.kept.borrow().clone();
        let kept = match known {
            Some(kept) => kept,
            None => {
                self.look(context).await?;
                self.kept.borrow().clone().unwrap_or_default()
            }
        };
        let mut tags = kept.tags;
        tags.extend(self.place.tags.clone());
        tags.insert(ID_TAG.to_owned(), delivery.credential_id.clone());
        tags.insert(TARGET_TAG.to_owned(), delivery.target.clone());
        let mut attributes = json!({"enabled": true});
        if let Some(expires) = delivery.expires {
            attributes["exp"] = json!(expires.as_second());
        }
        let body = json!({
            "value": value.expose("the vault that is to hold it"),
            "contentType": kept.content_type.unwrap_or_else(|| "text/plain".to_owned()),
            "attributes": attributes,
            "tags": tags,
        });
        // Sent twice it makes two versions of one value, of which the latter is as good.
        let call = self.call(Step::Deliver, Method::PUT, "secrets").json(&body).fenced();
        self.send(context, call).await.map(drop).map_err(|error| self.explain(error))
    }

    /// Says what to do in terms of the vault.
    fn explain(&self, error: Error) -> Error {
        let (path, name) = (&self.place.path, &self.place.secret);
        let vault = self.place.vault.host().split('.').next().unwrap_or_default();
        let hint = match (error.code(), error.status()) {
            (Code::SinkSecretDeleted, _) => format!(
                "recover it with `az keyvault secret recover --vault-name {vault} --name {name}`, or purge \
                 it with `az keyvault secret purge --vault-name {vault} --name {name}`; lakekey does neither \
                 by itself"
            ),
            (Code::SinkSecretDisabled, _) => format!(
                "somebody has switched the secret's current version off; switch it on with `az keyvault \
                 secret set-attributes --vault-name {vault} --name {name} --enabled true`, or deliver \
                 elsewhere"
            ),
            (Code::SinkNetworkRefused, _) => {
                format!(
                    "the firewall of the vault {vault} refuses this network: add the runner's address under \
                     Networking, or run lakekey from a listed network"
                )
            }
            (Code::WrongTenant, _) => format!(
                "the vault {vault} belongs to another tenant than the one that was signed in to: give \
                 {path}.auth with the tenant-id of the vault's tenant"
            ),
            (Code::SinkPermissionMissing, _) => format!(
                "grant the role \"Key Vault Secrets Officer\" on the vault {vault} to the one who signs in, \
                 or, where it has access policies, the secret permissions Get and Set; a role granted a \
                 moment ago may need some minutes"
            ),
            (Code::NotReachable, _) => format!(
                "check {path}.vault: there may be no vault named {vault}, or it is reached by a private \
                 endpoint alone"
            ),
            _ => return error,
        };
        error.with_hint(hint)
    }
}

impl Sink for KeyVaultSink<'_> {
    fn label(&self) -> String {
        self.place.label()
    }

    fn observe<'a>(&'a self, context: &'a Context<'a>) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(self.look(context))
    }

    fn write<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.put(context, value, delivery))
    }

    fn versions(&self) -> Vec<(String, String)> {
        self.versions.borrow().clone()
    }

    fn retire<'a>(
        &'a self,
        context: &'a Context<'a>,
        revoked: &'a [String],
    ) -> LocalFuture<'a, (Vec<String>, Result<(), Error>)> {
        Box::pin(async move {
            match self.place.disable_superseded {
                true => self.switch_off(context, revoked).await,
                false => (Vec::new(), Ok(())),
            }
        })
    }

    fn read_back<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        delivery: &'a Delivery,
    ) -> LocalFuture<'a, Result<SinkState, Error>> {
        Box::pin(read_back(context, async || {
            let current = self.current(context, Step::ReadBack).await?;
            let current =
                current.ok_or_else(|| mismatch(&self.label(), "it shows no secret of that name"))?;
            let state = current.state();
            let same = current.value.is_some_and(|held| Secret::new(held) == *value);
            if same && state.holds.as_deref() == Some(&delivery.credential_id) {
                return Ok(state);
            }
            Err(mismatch(&self.label(), "its current version holds another value"))
        }))
    }
}
