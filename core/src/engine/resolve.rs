//! From the document as written to what a run works with: defaults applied, everything checked once, nothing
//! sent.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::Value;

use super::notified::Notices;
use crate::auth::{self, GithubSignIn, SignIn, Subject};
use crate::config::{
    Adopt, AuthValue, Document, Endpoints, FederatedCredential, Policy, Principal, PrincipalDocument, Scopes,
    SecretDocument, SinkValue, TargetDocument, TokenDocument, decode, located, parse, without_braces,
};
use crate::host::Environment;
use crate::model::{Code, CredentialKind, Entitlement, Error, Origin, PrincipalKind, Secret};
use crate::sink::{self, Around, Place};

/// Holds a checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) endpoints: Endpoints,
    pub(crate) concurrency: usize,
    pub(crate) targets: Vec<Target>,
    /// Who is told of what.
    pub(super) notices: Notices,
    /// The environment variables that it refers to.
    variables: BTreeSet<String>,
}

/// Holds a checked target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whom it is about, and how everybody around it signs in.
    pub(crate) subject: Subject,
    /// The entitlements that the principal is to have; `None` where the configuration names none.
    pub(crate) entitlements: Option<Vec<Entitlement>>,
    /// Whether provisioning may switch tokens on for the workspace.
    pub(crate) allow_enable_tokens: bool,
    /// The federated credential to make.
    pub(crate) federated_credential: Option<FederatedCredential>,
    /// How GitHub is signed in to.
    pub(crate) github: Option<Rc<GithubSignIn>>,
    /// What is issued, delivered and rotated, in this order.
    pub(crate) credentials: Vec<Credentials>,
}

/// Describes the credentials of one kind that a target cares for.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    /// The kind.
    pub(crate) kind: CredentialKind,
    /// The place of its policy in the document, such as `targets[0].token`.
    pub(crate) path: String,
    /// The policy.
    pub(crate) policy: Policy,
    /// The places of delivery.
    pub(crate) deliver: Vec<Rc<dyn Place>>,
    /// The place of the list of sinks in the document, such as `targets[0].deliver`.
    pub(crate) deliver_path: String,
}

impl Target {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.subject.name
    }

    /// Returns the principal's application id, where it is configured.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.subject.principal.client_id.as_deref()
    }

    /// Returns the workspace.
    #[must_use]
    pub fn workspace(&self) -> &Origin {
        &self.subject.workspace
    }

    /// Returns the policy of each kind of credential that the target cares for.
    pub fn policies(&self) -> impl Iterator<Item = (CredentialKind, &Policy)> {
        self.credentials.iter().map(|credentials| (credentials.kind, &credentials.policy))
    }

    /// Returns the places of delivery, as reports name them.
    #[must_use]
    pub fn places(&self) -> Vec<String> {
        self.credentials
            .iter()
            .flat_map(|credentials| &credentials.deliver)
            .map(|place| place.label())
            .collect()
    }

    /// Returns what is known of one kind of credential.
    pub(crate) fn credential(&self, kind: CredentialKind) -> Option<&Credentials> {
        self.credentials.iter().find(|credentials| credentials.kind == kind)
    }
}

impl Config {
    /// Reads and checks a configuration, YAML or JSON.
    ///
    /// # Errors
    /// Every `config-…` code; the error names the key, and nothing has been sent.
    pub fn read(bytes: &[u8], environment: &dyn Environment) -> Result<Self, Error> {
        parse(bytes)
            .and_then(|value| Self::from_value(value, environment))
            .map_err(|error| located(error, bytes))
    }

    /// Checks a configuration that is already an object.
    ///
    /// # Errors
    /// Every `config-…` code; the error names the key, and nothing has been sent.
    pub fn from_value(mut value: Value, environment: &dyn Environment) -> Result<Self, Error> {
        without_braces(&mut value);
        apply_defaults(&mut value)?;
        let mut variables = BTreeSet::new();
        referred(&value, &mut variables);
        let document: Document = decode(value, "")?;
        if document.version != 1 {
            let words = format!("version {} is not known; write 1", document.version);
            return Err(Error::invalid("version", words));
        }
        let notices = Notices::read(&document)?;
        let endpoints = Endpoints::resolve(&document, environment)?;
        let concurrency = document.concurrency.unwrap_or(8);
        if !(1..=64).contains(&concurrency) {
            return Err(Error::invalid("concurrency", "write a number from 1 to 64"));
        }
        if document.targets.is_empty() {
            let words = "at least one target is needed";
            return Err(Error::config(Code::ConfigMissingKey, "targets", words));
        }
        let shared = Shared {
            endpoints: &endpoints,
            github: document.github.map(GithubSignIn::read).transpose()?,
            azure: document.azure.map(|azure| auth::read(azure, "azure")).transpose()?,
        };
        let mut targets = Vec::with_capacity(document.targets.len());
        let mut taken = Taken::default();
        for (index, target) in document.targets.into_iter().enumerate() {
            let target = shared.target(target, &format!("targets[{index}]"))?;
            taken.check(&target, index)?;
            targets.push(target);
        }
        introduce(&mut targets)?;
        Ok(Self { endpoints, concurrency: concurrency as usize, targets, notices, variables })
    }

    /// Returns the targets, in the order of the document.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Returns the environment variables that it refers to, which are nothing to the programs that a run
    /// starts.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// Returns where the services are.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

/// Finds the names of `{env: NAME}`.
fn referred(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            names.extend(map.get("env").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| referred(value, names));
        }
        Value::Array(items) => items.iter().for_each(|value| referred(value, names)),
        _ => {}
    }
}

/// Reads a document, YAML or JSON, with what `defaults` gives to each target, and checks nothing else.
///
/// # Errors
/// `config-unreadable`, `config-syntax`; every `config-…` code of a mistake in `defaults`.
pub fn document(bytes: &[u8]) -> Result<Value, Error> {
    let mut value = parse(bytes)?;
    without_braces(&mut value);
    apply_defaults(&mut value)?;
    Ok(value)
}

/// Tells each target the names of the others, whose credentials it leaves alone.
fn introduce(targets: &mut [Target]) -> Result<(), Error> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        names.insert(target.subject.name.clone(), index);
    }
    for (index, target) in targets.iter().enumerate() {
        for (number, former) in target.subject.formerly.iter().enumerate() {
            if let Some(other) = names.insert(former.clone(), index) {
                let words = format!("the name \"{former}\" is that of targets[{other}]");
                let key = format!("targets[{index}].formerly[{number}]");
                let other = format!("targets[{other}].name");
                return Err(Error::config(Code::ConfigDuplicate, key, words).with_other(other));
            }
        }
    }
    let names: Rc<BTreeSet<String>> = Rc::new(names.into_keys().collect());
    for target in targets {
        target.subject.names = names.clone();
    }
    Ok(())
}

/// Merges `defaults` into every target, after having checked them alone, so that a mistake in them is named
/// there.
fn apply_defaults(value: &mut Value) -> Result<(), Error> {
    let Some(defaults) = value.get("defaults").cloned() else { return Ok(()) };
    if let Some(token) = defaults.get("token") {
        decode::<TokenDocument>(token.clone(), "defaults.token")?;
    }
    if let Some(auth) = defaults.get("auth") {
        auth::read(AuthValue(auth.clone()), "defaults.auth")?;
    }
    if let Some(principal) = defaults.get("principal") {
        decode::<PrincipalDocument>(principal.clone(), "defaults.principal")?;
    }
    let Some(targets) = value.get_mut("targets").and_then(Value::as_array_mut) else { return Ok(()) };
    for target in targets.iter_mut().filter_map(Value::as_object_mut) {
        for key in ["token", "auth", "principal"] {
            let Some(default) = defaults.get(key).and_then(Value::as_object) else { continue };
            let own = target.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new()));
            let Some(own) = own.as_object_mut() else { continue };
            // A sign-in of another type shares no key with the default one.
            if key == "auth" && own.get("type").is_some_and(|kind| default.get("type") != Some(kind)) {
                continue;
            }
            for (name, setting) in default {
                own.entry(name.clone()).or_insert_with(|| setting.clone());
            }
        }
    }
    Ok(())
}

/// Holds what all targets share.
struct Shared<'a> {
    endpoints: &'a Endpoints,
    github: Option<Rc<GithubSignIn>>,
    azure: Option<SignIn>,
}

impl Shared<'_> {
    fn target(&self, document: TargetDocument, path: &str) -> Result<Target, Error> {
        let name = match document.name.clone() {
            Some(name) => name,
            None => default_name(&document, path)?,
        };
        check_name(&name, &format!("{path}.name"))?;
        for (index, former) in document.formerly.iter().enumerate() {
            check_name(former, &format!("{path}.formerly[{index}]"))?;
        }
        let workspace = self.endpoints.workspace(&document.workspace, &format!("{path}.workspace"))?;
        let principal = Principal::check(document.principal, &format!("{path}.principal"))?;
        let sign_in = |value: Option<AuthValue>, key: &str| {
            value.map(|value| auth::read(value, &format!("{path}.{key}"))).transpose()
        };
        let subject = Subject {
            auth: sign_in(document.auth, "auth")?,
            admin: sign_in(document.admin, "admin")?,
            directory: sign_in(document.directory, "directory")?,
            name,
            formerly: document.formerly,
            names: Rc::default(),
            path: path.to_owned(),
            workspace,
            principal,
        };
        if subject.auth.as_ref().is_some_and(|own| own.method.name() == "pat") {
            return Err(Error::invalid(
                &format!("{path}.auth.type"),
                "the principal must be able to sign in when its PAT has expired; \"pat\" is for `admin`",
            ));
        }
        if let Some(wanted) = &document.entitlements {
            check_entitlements(wanted, &format!("{path}.entitlements"))?;
        }
        let federated = document
            .federated_credential
            .map(|federated| federated.check(&format!("{path}.federated-credential")))
            .transpose()?;
        let mut credentials = Vec::with_capacity(1);
        if let Some(secret) = document.client_secret {
            let at = format!("{path}.client-secret");
            if subject.principal.kind != PrincipalKind::Entra {
                let words = "a Databricks-managed principal has an `oauth-secret`, no client secret";
                return Err(Error::invalid(&at, words));
            }
            credentials.push(self.secret(secret, CredentialKind::ClientSecret, &at, &subject)?);
        }
        if let Some(secret) = document.oauth_secret {
            let at = format!("{path}.oauth-secret");
            credentials.push(self.secret(secret, CredentialKind::OauthSecret, &at, &subject)?);
        }
        if !document.deliver.is_empty() || credentials.is_empty() {
            let at = format!("{path}.token");
            let deliver_path = format!("{path}.deliver");
            credentials.push(Credentials {
                kind: CredentialKind::Pat,
                policy: Policy::of_token(document.token, &at)?,
                deliver: self.places(document.deliver, &deliver_path, &subject)?,
                path: at,
                deliver_path,
            });
        }
        Ok(Target {
            subject,
            entitlements: document.entitlements,
            allow_enable_tokens: document.allow_enable_tokens,
            federated_credential: federated,
            github: self.github.clone(),
            credentials,
        })
    }

    fn places(
        &self,
        values: Vec<SinkValue>,
        path: &str,
        subject: &Subject,
    ) -> Result<Vec<Rc<dyn Place>>, Error> {
        let mut places = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let around = Around {
                path: format!("{path}[{index}]"),
                target: &subject.name,
                workspace: &subject.workspace,
                endpoints: self.endpoints,
                azure: self.azure.as_ref(),
                github: self.github.as_ref(),
            };
            places.push(sink::read(value, &around)?);
        }
        Ok(places)
    }

    fn secret(
        &self,
        mut document: SecretDocument,
        kind: CredentialKind,
        path: &str,
        subject: &Subject,
    ) -> Result<Credentials, Error> {
        let deliver_path = format!("{path}.deliver");
        let deliver = self.places(std::mem::take(&mut document.deliver), &deliver_path, subject)?;
        if deliver.is_empty() {
            return Err(lost(&deliver_path));
        }
        // Such a secret cannot be marked as delivered, so that a sink's date must tell.
        if !deliver.iter().any(|place| place.tells_writes()) {
            return Err(Error::invalid(
                &deliver_path,
                "at least one place must be able to say when it was written; a command, a webhook, a \
                 callback and a variable group cannot",
            ));
        }
        if kind == CredentialKind::OauthSecret && document.adopt != Some(Adopt::All) {
            return Err(Error::invalid(
                &format!("{path}.adopt"),
                "OAuth secrets bear no description, so that lakekey cannot tell its own from those of \
                 others: use a principal for lakekey alone, and write adopt: all",
            ));
        }
        let at = format!("{path}.scopes");
        match (kind, &document.scopes) {
            (CredentialKind::ClientSecret, Some(_)) => {
                let words = "a client secret has no scopes; a PAT and an OAuth secret have some";
                return Err(Error::config(Code::ConfigUnknownKey, at, words));
            }
            (_, Some(Scopes::Auto)) => {
                let words = "Databricks watches and narrows PATs alone; write inherit, all, or a list";
                return Err(Error::invalid(&at, words));
            }
            _ => {}
        }
        let policy = Policy::of_secret(document, path)?;
        Ok(Credentials { kind, path: path.to_owned(), policy, deliver, deliver_path })
    }
}

/// Checks that the entitlements go together.
fn check_entitlements(wanted: &[Entitlement], path: &str) -> Result<(), Error> {
    match wanted.contains(&Entitlement::WorkspaceConsume) && wanted.len() > 1 {
        true => Err(Error::invalid(path, "workspace-consume does not go together with another entitlement")),
        false => Ok(()),
    }
}

/// Says that a credential would be made and nobody would get it.
pub(super) fn lost(deliver_path: &str) -> Error {
    let words = "a credential that is delivered nowhere is lost the moment it is made";
    Error::config(Code::ConfigMissingKey, deliver_path, words).with_hint(
        "add `deliver`, a list of places such as {type: github-secret, repository: acme/data, secret: \
         DATABRICKS_TOKEN}",
    )
}

/// Holds the names and places that stand in the document so far.
#[derive(Default)]
struct Taken {
    names: BTreeMap<String, usize>,
    places: BTreeMap<String, String>,
}

impl Taken {
    fn check(&mut self, target: &Target, index: usize) -> Result<(), Error> {
        let name = &target.subject.name;
        if let Some(first) = self.names.insert(name.clone(), index) {
            return Err(Error::config(
                Code::ConfigDuplicate,
                format!("targets[{index}].name"),
                format!("the name \"{name}\" is that of targets[{first}] too"),
            )
            .with_other(format!("targets[{first}].name")));
        }
        for credentials in &target.credentials {
            for (number, place) in credentials.deliver.iter().enumerate() {
                let path = format!("{}[{number}]", credentials.deliver_path);
                if let Some(first) = self.places.insert(place.identity(), path.clone()) {
                    let words =
                        format!("this is the same place as {first}, and it can hold one credential only");
                    return Err(Error::config(Code::ConfigDuplicate, path, words).with_other(first));
                }
            }
        }
        Ok(())
    }
}

/// Makes the name of a target that has none, the same for the same place wherever it is configured: it stands
/// in the ledger.
fn default_name(document: &TargetDocument, path: &str) -> Result<String, Error> {
    const LONGEST: usize = 64;
    let first = document.deliver.first().map(|sink| &sink.0);
    let text = |key: &str| first?.get(key)?.as_str();
    let parts = [text("repository").or_else(|| text("organization")), text("environment"), text("secret")];
    if text("type") != Some("github-secret") || parts[0].is_none() || parts[2].is_none() {
        let words = "a target needs a name where its first place is no GitHub secret";
        return Err(Error::config(Code::ConfigMissingKey, format!("{path}.name"), words));
    }
    let place = parts.into_iter().flatten().collect::<Vec<_>>().join(".");
    let name: String = place
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '.' })
        .collect();
    let name = name.trim_start_matches(['.', '-', '_']).to_owned();
    // Where a character was replaced, or the end cut, the beginning of a hash keeps two places apart.
    let kept = place.replacen('/', ".", 1) == name && name.len() <= LONGEST;
    if kept {
        return Ok(name);
    }
    let hash = Secret::new(place).fingerprint();
    Ok(format!("{}-{}", &name[..name.len().min(LONGEST - 9)], &hash[..8]))
}

/// Checks a target's name, which stands in the ledger.
fn check_name(name: &str, path: &str) -> Result<(), Error> {
    let fine = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if fine {
        return Ok(());
    }
    let words = "a name has 1 to 64 letters, digits, `-`, `_` and `.`, and begins with a letter or digit";
    Err(Error::invalid(path, words))
}
