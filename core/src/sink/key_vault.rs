//! A secret in Azure Key Vault.
//!
//! <https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret>

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::shared::{identity, mismatch, read_back, within};
use super::{Delivery, Sink, SinkState, Written};
use crate::call::{Call, Service, encode};
use crate::config::{Auth, Origin, SinkConfig};
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::{LocalFuture, Method};
use crate::secret::Secret;
use crate::sign_in::Resource;
use crate::timestamp::Timestamp;

const VERSION: &str = "api-version=7.4";

/// The largest value, in bytes.
///
/// <https://learn.microsoft.com/azure/key-vault/secrets/about-secrets>
const LARGEST: usize = 25 * 1024;

/// How many tags a secret has at the most.
const MOST_TAGS: usize = 15;

/// The tag that tells which credential a version holds.
const ID_TAG: &str = "lakekey-credential-id";

/// The tag that tells for which target a version was written.
const TARGET_TAG: &str = "lakekey-target";

/// Keeps a credential in a vault; each write adds a version and leaves the earlier ones.
pub(super) struct KeyVaultSink {
    path: String,
    vault: Origin,
    secret: String,
    tags: BTreeMap<String, String>,
    auth: Option<Auth>,
    /// What others have set on the current version, which the next shall bear too.
    kept: RefCell<Option<Kept>>,
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

#[derive(Default, Deserialize)]
struct Attributes {
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
        // Whoever sets a value by hand drops the tag, and then the value itself says that it is another: a
        // PAT's id is its SHA-256.
        let tagged = self.tags.as_ref().and_then(|tags| tags.get(ID_TAG)).cloned();
        SinkState {
            written,
            holds: tagged.or_else(|| self.value.as_deref().map(|value| Secret::new(value).fingerprint())),
        }
    }
}

impl KeyVaultSink {
    /// Builds it; `None` for a sink of another type.
    pub(super) fn new(config: &SinkConfig, path: &str) -> Result<Option<Self>, Error> {
        let SinkConfig::KeyVault { vault, secret, tags, auth } = config else { return Ok(None) };
        Ok(Some(Self {
            path: path.to_owned(),
            vault: Origin::parse(vault, &format!("{path}.vault"))?,
            secret: secret.clone(),
            tags: tags.clone().unwrap_or_default(),
            auth: auth.clone(),
            kept: RefCell::new(None),
        }))
    }

    fn call(&self, step: Step, method: Method, collection: &str) -> Call {
        Call::new(
            step,
            Service::KeyVault,
            method,
            &self.vault,
            format!("/{collection}/{}?{VERSION}", encode(&self.secret)),
        )
    }

    async fn send(&self, context: &Context<'_>, call: Call) -> Result<Bundle, Error> {
        let identity =
            identity(context, self.auth.as_ref(), &self.path, Resource::KeyVault, &self.vault).await?;
        let bundle: Bundle = context.json(call.identity(&identity)).await?;
        if let Some(value) = &bundle.value {
            context.masked(Secret::new(value.as_str()));
        }
        Ok(bundle)
    }

    /// Reads the current version; `None` where there is none.
    async fn current(&self, context: &Context<'_>, step: Step) -> Result<Option<Bundle>, Error> {
        match self.send(context, self.call(step, Method::Get, "secrets")).await {
            Ok(bundle) => Ok(Some(bundle)),
            Err(error) if error.code() == Code::SinkNotFound && error.status() == Some(404) => Ok(None),
            Err(error) => Err(self.explain(error)),
        }
    }

    /// Finds a secret of that name that was deleted and not yet purged, while nothing has been made that a
    /// refusal would waste.
    async fn check_deleted(&self, context: &Context<'_>) -> Result<(), Error> {
        // Whoever may not ask, or whose vault keeps nothing, learns of it by the write.
        let deleted = self
            .send(context, self.call(Step::ReadSinks, Method::Get, "deletedsecrets").attempts(1))
            .await
            .is_ok();
        if !deleted {
            return Ok(());
        }
        let message = format!(
            "the secret \"{}\" was deleted and can be recovered, so that its name is taken",
            self.secret
        );
        Err(self.explain(Error::new(Code::SinkSecretDeleted, Step::ReadSinks, message)))
    }

    async fn look(&self, context: &Context<'_>) -> Result<SinkState, Error> {
        let Some(current) = self.current(context, Step::ReadSinks).await? else {
            self.check_deleted(context).await?;
            self.kept.replace(Some(Kept::default()));
            return Ok(SinkState { written: Written::Never, holds: None });
        };
        let state = current.state();
        let mut tags = current.tags.unwrap_or_default();
        tags.retain(|name, _| name != ID_TAG && name != TARGET_TAG && !self.tags.contains_key(name));
        if tags.len() + self.tags.len() + 2 > MOST_TAGS {
            return Err(Error::new(
                Code::SinkRefused,
                Step::ReadSinks,
                format!(
                    "the secret \"{}\" has so many tags that lakekey's two do not fit: Key Vault takes \
                     {MOST_TAGS}",
                    self.secret
                ),
            )
            .with_hint(format!("remove tags from the secret or from {}.tags", self.path)));
        }
        self.kept.replace(Some(Kept { tags, content_type: current.content_type }));
        Ok(state)
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
        tags.extend(self.tags.clone());
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
        let call = self.call(Step::Deliver, Method::Put, "secrets").json(&body).fenced();
        self.send(context, call).await.map(drop).map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> Error {
        let (vault, secret) = (self.vault.host().split('.').next().unwrap_or_default(), &self.secret);
        let said = error.message().to_ascii_lowercase();
        match error.code() {
            Code::SinkSecretDeleted => error.with_hint(format!(
                "recover it with `az keyvault secret recover --vault-name {vault} --name {secret}`, or \
                 purge it with `az keyvault secret purge --vault-name {vault} --name {secret}`; lakekey \
                 does neither by itself"
            )),
            Code::SinkPermissionMissing if said.contains("disabled") => {
                error.coded(Code::SinkRefused).with_hint(format!(
                    "somebody has switched the secret's current version off; switch it on with `az keyvault \
                     secret set-attributes --vault-name {vault} --name {secret} --enabled true`, or deliver \
                     elsewhere"
                ))
            }
            Code::SinkPermissionMissing
                if said.contains("client address")
                    || said.contains("firewall")
                    || said.contains("trusted service") =>
            {
                error.with_hint(format!(
                    "the firewall of the vault {vault} refuses this network: add the runner's address under \
                     Networking, or run lakekey from a listed network"
                ))
            }
            Code::SinkPermissionMissing if said.contains("issuer") || said.contains("tenant") => error
                .with_hint(format!(
                    "the vault {vault} belongs to another tenant than the one that was signed in to: give \
                     {}.auth with the tenant-id of the vault's tenant",
                    self.path
                )),
            Code::SinkPermissionMissing => error.with_hint(format!(
                "grant whoever signs in the role \"Key Vault Secrets Officer\" on the vault {vault}, or, \
                 where it has access policies, the secret permissions Get and Set; a role granted a moment \
                 ago may need some minutes"
            )),
            Code::NotReachable => error.with_hint(format!(
                "check {}.vault: there may be no vault named {vault}, or it is reached by a private \
                 endpoint alone",
                self.path
            )),
            _ => error,
        }
    }
}

impl Sink for KeyVaultSink {
    fn label(&self) -> String {
        format!("key-vault {} {}", self.vault, self.secret)
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
