//! From the document as written to what a run works with: defaults applied, everything checked, nothing sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::auth::Auth;
use super::decode::{decode, parse};
use super::duration::Span;
use super::types::{
    Adopt, Document, Entitlement, FederatedCredential, GithubSignIn, PrincipalDocument, PrincipalKind,
    Scopes, SecretDocument, SinkConfig, TargetDocument, TokenDocument,
};
use super::{check, sinks};
use crate::cloud::Cloud;
use crate::credential::CredentialKind;
use crate::error::{Code, Error};
use crate::platform::Environment;

pub use super::check::Origin;

/// Holds a checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cloud.
    pub cloud: Cloud,
    /// Entra ID.
    pub login: Origin,
    /// Microsoft Graph.
    pub graph: Origin,
    /// The GitHub API; may have a path, such as `/api/v3`.
    pub github_api: Origin,
    /// The Azure DevOps organisation, where it is configured; has a path.
    pub azure_devops: Option<Origin>,
    /// The Databricks account API.
    pub accounts: Origin,
    /// The instance metadata service; plain HTTP on a link-local address by nature.
    pub imds: Origin,
    /// The resource of a management token.
    pub management_resource: String,
    /// How the GitHub sinks sign in.
    pub github: Option<GithubSignIn>,
    /// How the Azure sinks sign in by default.
    pub azure: Option<Auth>,
    /// How many targets are served at once.
    pub concurrency: usize,
    /// The targets, in the order of the document.
    pub targets: Vec<Target>,
}

/// Holds a checked target.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its place in the document, such as `targets[0]`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// The workspace.
    pub workspace: Origin,
    /// The principal.
    pub principal: Principal,
    /// How the principal signs in; `None` asks the environment.
    pub auth: Option<Auth>,
    /// How the admin signs in.
    pub admin: Option<Auth>,
    /// Who may write to Graph.
    pub directory: Option<Auth>,
    /// The entitlements that the principal shall have.
    pub entitlements: Vec<Entitlement>,
    /// Whether provisioning may switch tokens on for the workspace.
    pub allow_enable_tokens: bool,
    /// The federated credential to make.
    pub federated_credential: Option<FederatedCredential>,
    /// What is issued, delivered and rotated, in this order.
    pub credentials: Vec<Credentials>,
}

impl Target {
    /// Returns the configuration of one kind of credential.
    #[must_use]
    pub fn credential(&self, kind: CredentialKind) -> Option<&Credentials> {
        self.credentials.iter().find(|c| c.kind == kind)
    }
}

/// Holds a checked principal.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Where it is managed.
    pub kind: PrincipalKind,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The application id.
    pub client_id: Option<String>,
    /// The name.
    pub display_name: Option<String>,
    /// The Databricks account.
    pub account_id: Option<String>,
}

/// Describes the credentials of one kind that a target cares for.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The kind.
    pub kind: CredentialKind,
    /// The place of its policy in the document, such as `targets[0].token`.
    pub path: String,
    /// The policy.
    pub policy: Policy,
    /// The places of delivery.
    pub deliver: Vec<SinkConfig>,
    /// The place of the list of sinks in the document, such as `targets[0].deliver`.
    pub deliver_path: String,
}

/// Says how long credentials live and when they are renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a credential lives.
    pub lifetime: Span,
    /// How long before its end it is renewed.
    pub renew_before: Span,
    /// How long the superseded one lives on.
    pub overlap: Span,
    /// What people see.
    pub comment: Option<String>,
    /// The scopes of a new PAT.
    pub scopes: Scopes,
    /// Which others are taken over.
    pub adopt: Adopt,
    /// How long a new credential may take until it works.
    pub verify_within: Span,
    /// The path that a new PAT is tried on.
    pub verify_path: Option<String>,
}

impl Config {
    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// Every `config-…` code; the error names the key, and nothing has been sent.
    pub fn read(bytes: &[u8], environment: &dyn Environment) -> Result<Self, Error> {
        Self::from_value(parse(bytes)?, environment)
    }

    /// Checks a configuration that is already an object.
    ///
    /// # Errors
    /// Every `config-…` code; the error names the key, and nothing has been sent.
    pub fn from_value(mut value: Value, environment: &dyn Environment) -> Result<Self, Error> {
        apply_defaults(&mut value)?;
        let document: Document = decode(value, "")?;
        if document.version != 1 {
            return Err(invalid("version", format!("version {} is not known; write 1", document.version)));
        }
        let cloud = match (document.cloud, environment.variable("ARM_ENVIRONMENT")) {
            (Some(cloud), _) => cloud,
            (None, Some(name)) => Cloud::of_arm_environment(&name).ok_or_else(|| {
                invalid(
                    "ARM_ENVIRONMENT",
                    "the variable names no known cloud; known: public, usgovernment, china",
                )
            })?,
            (None, None) => Cloud::default(),
        };
        let endpoints = &document.endpoints;
        let origin = |key: &str, configured: &Option<String>, variable: Option<&str>, default: &str| {
            let from_environment = variable.and_then(|name| environment.variable(name));
            let (path, text) = match (configured, &from_environment) {
                (Some(text), _) => (format!("endpoints.{key}"), text.as_str()),
                (None, Some(text)) => (variable.unwrap_or_default().to_owned(), text.as_str()),
                (None, None) => (format!("endpoints.{key}"), default),
            };
            // The Azure SDKs take AZURE_AUTHORITY_HOST without a scheme too.
            match (from_environment.is_some(), text.contains("://")) {
                (true, false) => Origin::parse(&format!("https://{text}"), &path),
                _ => Origin::parse(text, &path),
            }
        };
        let concurrency = document.concurrency.unwrap_or(8);
        if !(1..=64).contains(&concurrency) {
            return Err(invalid("concurrency", "write a number from 1 to 64"));
        }
        let mut config = Self {
            cloud,
            login: origin("login", &endpoints.login, Some("AZURE_AUTHORITY_HOST"), cloud.login())?
                .without_path(),
            graph: origin("graph", &endpoints.graph, None, cloud.graph())?,
            github_api: origin(
                "github",
                &endpoints.github,
                Some("GITHUB_API_URL"),
                "https://api.github.com",
            )?,
            azure_devops: match &endpoints.azure_devops {
                Some(text) => Some(Origin::parse(text, "endpoints.azure-devops")?),
                None => None,
            },
            accounts: origin("accounts", &endpoints.accounts, None, cloud.accounts())?,
            imds: match &endpoints.imds {
                Some(text) => Origin::parse(text, "endpoints.imds")?,
                None => Origin::instance_metadata(),
            },
            management_resource: match &endpoints.management {
                Some(text) => format!("{}/", Origin::parse(text, "endpoints.management")?.as_str()),
                None => cloud.management_resource().to_owned(),
            },
            github: document.github.clone(),
            azure: document.azure.clone(),
            concurrency: concurrency as usize,
            targets: Vec::with_capacity(document.targets.len()),
        };
        let mut extra = Vec::with_capacity(endpoints.workspaces.len());
        for (index, text) in endpoints.workspaces.iter().enumerate() {
            extra.push(Origin::parse(text, &format!("endpoints.workspaces[{index}]"))?);
        }
        if document.targets.is_empty() {
            return Err(Error::config(Code::ConfigMissingKey, "targets", "at least one target is needed"));
        }
        let vault_suffix =
            endpoints.key_vault_suffix.clone().unwrap_or_else(|| cloud.key_vault_suffix().to_owned());
        let rules = sinks::Rules {
            cloud,
            extra: &extra,
            vault_suffix: &vault_suffix,
            azure_devops: config.azure_devops.as_ref(),
        };
        let mut names = BTreeMap::new();
        let mut places = BTreeMap::new();
        for (index, target) in document.targets.into_iter().enumerate() {
            let target = resolve_target(target, &format!("targets[{index}]"), cloud, &extra)?;
            if let Some(first) = names.insert(target.name.clone(), index) {
                return Err(Error::config(
                    Code::ConfigDuplicate,
                    format!("targets[{index}].name"),
                    format!("the name \"{}\" is that of targets[{first}] too", target.name),
                ));
            }
            for credential in &target.credentials {
                for (number, sink) in credential.deliver.iter().enumerate() {
                    let path = format!("{}[{number}]", credential.deliver_path);
                    let place = sinks::check(sink, &path, &target, &rules)?;
                    if let Some(first) = places.insert(place, path.clone()) {
                        return Err(Error::config(
                            Code::ConfigDuplicate,
                            path,
                            format!("this is the same place as {first}, and it can hold one credential only"),
                        ));
                    }
                }
            }
            config.targets.push(target);
        }
        Ok(config)
    }
}

/// Merges `defaults` into every target, after having checked them alone, so that a mistake in them is named
/// there.
fn apply_defaults(value: &mut Value) -> Result<(), Error> {
    let Some(defaults) = value.get("defaults").cloned() else { return Ok(()) };
    if let Some(token) = defaults.get("token") {
        decode::<TokenDocument>(token.clone(), "defaults.token")?;
    }
    if let Some(auth) = defaults.get("auth") {
        decode::<Auth>(auth.clone(), "defaults.auth")?;
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
            if key == "auth" && own.get("type").is_some_and(|t| default.get("type") != Some(t)) {
                continue;
            }
            for (name, setting) in default {
                own.entry(name.clone()).or_insert_with(|| setting.clone());
            }
        }
    }
    Ok(())
}

fn resolve_target(
    document: TargetDocument,
    path: &str,
    cloud: Cloud,
    extra: &[Origin],
) -> Result<Target, Error> {
    check::target_name(&document.name, &format!("{path}.name"))?;
    let workspace = check::workspace(&document.workspace, &format!("{path}.workspace"), cloud, extra)?;
    let principal = Principal {
        kind: document.principal.kind,
        tenant_id: document.principal.tenant_id,
        client_id: document.principal.client_id,
        display_name: document.principal.display_name,
        account_id: document.principal.account_id,
    };
    check::principal(&principal, &format!("{path}.principal"))?;
    for (auth, key) in
        [(&document.auth, "auth"), (&document.admin, "admin"), (&document.directory, "directory")]
    {
        if let Some(auth) = auth {
            check::auth(auth, &format!("{path}.{key}"))?;
        }
    }
    if matches!(document.auth, Some(Auth::Pat { .. })) {
        return Err(invalid(
            &format!("{path}.auth.type"),
            "the principal must be able to sign in when its PAT has expired; \"pat\" is for `admin`",
        ));
    }
    if let Some(federated) = &document.federated_credential {
        check::federated(federated, &format!("{path}.federated-credential"))?;
    }
    let mut credentials = Vec::with_capacity(1);
    if let Some(secret) = document.client_secret {
        if principal.kind != PrincipalKind::Entra {
            return Err(invalid(
                &format!("{path}.client-secret"),
                "a Databricks-managed principal has an `oauth-secret`, no client secret",
            ));
        }
        credentials.push(secret_credentials(
            secret,
            CredentialKind::ClientSecret,
            &format!("{path}.client-secret"),
        )?);
    }
    if let Some(secret) = document.oauth_secret {
        credentials.push(secret_credentials(
            secret,
            CredentialKind::OauthSecret,
            &format!("{path}.oauth-secret"),
        )?);
    }
    if !document.deliver.is_empty() || credentials.is_empty() {
        let at = format!("{path}.token");
        let token = document.token;
        if token.lifetime.is_some_and(|l| l.seconds() > 730 * 86_400) {
            return Err(invalid(&format!("{at}.lifetime"), "a PAT lives for 730 days at most"));
        }
        let policy = policy(token, Span::from_seconds(90 * 86_400), Span::from_seconds(120), &at)?;
        credentials.push(Credentials {
            kind: CredentialKind::Pat,
            path: at,
            policy,
            deliver: document.deliver,
            deliver_path: format!("{path}.deliver"),
        });
    }
    Ok(Target {
        path: path.to_owned(),
        name: document.name,
        workspace,
        principal,
        auth: document.auth,
        admin: document.admin,
        directory: document.directory,
        entitlements: document.entitlements,
        allow_enable_tokens: document.allow_enable_tokens,
        federated_credential: document.federated_credential,
        credentials,
    })
}

fn secret_credentials(
    document: SecretDocument,
    kind: CredentialKind,
    path: &str,
) -> Result<Credentials, Error> {
    if document.deliver.is_empty() {
        return Err(Error::config(
            Code::ConfigMissingKey,
            format!("{path}.deliver"),
            "a secret that is delivered nowhere is lost the moment it is made",
        ));
    }
    // Such a secret cannot be marked as delivered, so that a sink's date must tell.
    let silent = |sink: &SinkConfig| {
        matches!(
            sink,
            SinkConfig::Command { .. }
                | SinkConfig::Webhook { .. }
                | SinkConfig::Callback { .. }
                // Its date is that of the whole group.
                | SinkConfig::AzureDevopsVariable { .. }
        )
    };
    if document.deliver.iter().all(silent) {
        return Err(invalid(
            &format!("{path}.deliver"),
            "at least one place must be able to say when it was written; a command, a webhook, a callback \
             and a variable group cannot",
        ));
    }
    if kind == CredentialKind::OauthSecret && document.adopt != Some(Adopt::All) {
        return Err(invalid(
            &format!("{path}.adopt"),
            "OAuth secrets bear no description, so that lakekey cannot tell its own from those of others: \
             use a principal of its own, and write adopt: all",
        ));
    }
    let token = TokenDocument {
        lifetime: document.lifetime,
        renew_before: document.renew_before,
        overlap: document.overlap,
        comment: document.description,
        scopes: None,
        adopt: document.adopt,
        verify_within: document.verify_within,
        verify_path: None,
    };
    Ok(Credentials {
        kind,
        path: path.to_owned(),
        policy: policy(token, Span::from_seconds(180 * 86_400), Span::from_seconds(300), path)?,
        deliver: document.deliver,
        deliver_path: format!("{path}.deliver"),
    })
}

fn policy(document: TokenDocument, lifetime: Span, verify_within: Span, path: &str) -> Result<Policy, Error> {
    let lifetime = document.lifetime.unwrap_or(lifetime);
    let renew_before = document.renew_before.unwrap_or(Span::from_seconds(lifetime.seconds() / 3));
    let overlap = document.overlap.unwrap_or_default();
    if lifetime.seconds() < 600 {
        return Err(invalid(
            &format!("{path}.lifetime"),
            "a lifetime below ten minutes leaves no time to renew",
        ));
    }
    if renew_before >= lifetime {
        return Err(invalid(
            &format!("{path}.renew-before"),
            format!("renew-before ({renew_before}) must be below the lifetime ({lifetime})"),
        ));
    }
    if overlap.seconds() > 0 && overlap >= renew_before {
        return Err(invalid(
            &format!("{path}.overlap"),
            format!(
                "overlap ({overlap}) must be below renew-before ({renew_before}): the superseded credential \
                 ends then at the latest"
            ),
        ));
    }
    if let Some(comment) = &document.comment {
        check::comment(comment, &format!("{path}.comment"))?;
    }
    if let Some(verify_path) = &document.verify_path
        && (!verify_path.starts_with("/api/")
            || verify_path.bytes().any(|b| b <= b' ' || b == b'#' || b >= 0x7f))
    {
        return Err(invalid(
            &format!("{path}.verify-path"),
            "write a path of the workspace's API, such as /api/2.0/sql/warehouses",
        ));
    }
    Ok(Policy {
        lifetime,
        renew_before,
        overlap,
        comment: document.comment,
        scopes: document.scopes.unwrap_or(Scopes::Inherit),
        adopt: document.adopt.unwrap_or(Adopt::None),
        verify_within: document.verify_within.unwrap_or(verify_within),
        verify_path: document.verify_path,
    })
}

pub(super) fn invalid(path: &str, message: impl Into<String>) -> Error {
    Error::config(Code::ConfigInvalidValue, path, message)
}
