//! The shape of `lakekey.yml`, as it is written. [`super::resolve`] makes of it what a run works with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::auth::{Auth, SecretRef};
use super::decode::tagged_enum;
use super::duration::Span;
use crate::cloud::Cloud;

/// Holds the whole document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "lakekey.yml")]
pub struct Document {
    /// The version of this shape: 1.
    pub version: u32,
    /// The cloud: public, usgov or china; what ARM_ENVIRONMENT names, or public, by default.
    pub cloud: Option<Cloud>,
    /// Hosts other than the cloud's own.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// What holds for every target that does not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// The service principals to care for.
    pub targets: Vec<TargetDocument>,
    /// How the GitHub sinks sign in.
    pub github: Option<GithubSignIn>,
    /// How the Azure sinks sign in, where they do not say otherwise; by default as the target's principal.
    pub azure: Option<Auth>,
    /// How many targets are served at once, 1 to 64; 8 by default.
    pub concurrency: Option<u32>,
}

/// Names hosts other than the cloud's own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Endpoints {
    /// Entra ID.
    pub login: Option<String>,
    /// Microsoft Graph.
    pub graph: Option<String>,
    /// The GitHub API, such as <https://github.example/api/v3>.
    pub github: Option<String>,
    /// The Azure DevOps organisation, such as <https://dev.azure.com/acme>.
    pub azure_devops: Option<String>,
    /// Azure Resource Manager.
    pub management: Option<String>,
    /// The Databricks account API.
    pub accounts: Option<String>,
    /// The instance metadata service, for managed identities.
    pub imds: Option<String>,
    /// The suffix of vault hosts.
    pub key_vault_suffix: Option<String>,
    /// Workspaces outside the cloud's suffix, such as private ones.
    pub workspaces: Vec<String>,
}

/// Holds what every target takes over.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Defaults {
    /// Defaults of the targets' `token`.
    #[schemars(with = "Option<TokenDocument>")]
    pub token: Option<serde_json::Value>,
    /// Default of the targets' `auth`.
    #[schemars(with = "Option<Auth>")]
    pub auth: Option<serde_json::Value>,
    /// Defaults of the targets' `principal`.
    #[schemars(with = "Option<PrincipalDocument>")]
    pub principal: Option<serde_json::Value>,
}

/// Describes one service principal in one workspace.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetDocument {
    /// The name, by which commands and the ledger know the target: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The workspace's URL.
    pub workspace: String,
    /// The principal.
    #[serde(default)]
    pub principal: PrincipalDocument,
    /// How the principal signs in; where left out the environment is asked.
    pub auth: Option<Auth>,
    /// How the workspace admin signs in; for `provision`, `doctor` and `revoke`.
    pub admin: Option<Auth>,
    /// Who may write to Microsoft Graph; for `provision` and for rotating client secrets.
    pub directory: Option<Auth>,
    /// Entitlements that the principal shall have; others are left as they are.
    #[serde(default)]
    pub entitlements: Vec<Entitlement>,
    /// Whether `provision` may switch personal access tokens on for the whole workspace.
    #[serde(default)]
    pub allow_enable_tokens: bool,
    /// A federated credential to make, so that the principal needs no secret.
    pub federated_credential: Option<FederatedCredential>,
    /// The PAT.
    #[serde(default)]
    pub token: TokenDocument,
    /// Where the PAT is delivered.
    #[serde(default)]
    pub deliver: Vec<SinkConfig>,
    /// The principal's Entra client secret, where it shall be rotated too.
    pub client_secret: Option<SecretDocument>,
    /// The principal's Databricks OAuth secret, where it shall be rotated too.
    pub oauth_secret: Option<SecretDocument>,
}

/// Names the kind of a service principal.
///
/// <https://learn.microsoft.com/azure/databricks/admin/users-groups/service-principals>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrincipalKind {
    /// Managed in Entra ID; reaches other Azure resources too.
    #[default]
    Entra,
    /// Managed in Databricks; lives in Databricks alone.
    Databricks,
}

/// Names a service principal.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PrincipalDocument {
    /// Where the principal is managed.
    pub kind: PrincipalKind,
    /// The tenant; where left out the workspace is asked.
    pub tenant_id: Option<String>,
    /// The application id.
    pub client_id: Option<String>,
    /// The name, by which `provision` finds or makes the principal.
    pub display_name: Option<String>,
    /// The Databricks account id, where OAuth secrets are managed at the account instead of the workspace.
    pub account_id: Option<String>,
}

/// Names what a principal may do in a workspace besides the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Entitlement {
    /// May create clusters.
    AllowClusterCreate,
    /// May create instance pools.
    AllowInstancePoolCreate,
    /// May use SQL warehouses.
    DatabricksSqlAccess,
    /// May use the workspace.
    WorkspaceAccess,
    /// May use dashboards shared with it.
    WorkspaceConsume,
}

impl Entitlement {
    /// Returns the text that SCIM uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowClusterCreate => "allow-cluster-create",
            Self::AllowInstancePoolCreate => "allow-instance-pool-create",
            Self::DatabricksSqlAccess => "databricks-sql-access",
            Self::WorkspaceAccess => "workspace-access",
            Self::WorkspaceConsume => "workspace-consume",
        }
    }
}

/// Describes a PAT and its rotation.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TokenDocument {
    /// How long a PAT lives; 90d by default.
    pub lifetime: Option<Span>,
    /// How long before its end it is renewed; a third of the lifetime by default.
    pub renew_before: Option<Span>,
    /// How long the superseded PAT lives on after its successor was made; 0 by default.
    pub overlap: Option<Span>,
    /// A comment that people see in the workspace.
    pub comment: Option<String>,
    /// The scopes of a new PAT: `inherit` (default), `all`, or a list such as `[sql]`.
    pub scopes: Option<Scopes>,
    /// Which PATs of this principal lakekey takes over: `none` (default), `all`, or a list of token ids.
    pub adopt: Option<Adopt>,
    /// How long a new PAT may take until it works; 2m by default.
    pub verify_within: Option<Span>,
    /// The path that a new PAT is tried on, for scopes that do not reach the default
    /// `/api/2.0/preview/scim/v2/Me`.
    pub verify_path: Option<String>,
}

/// Describes a rotated client secret or OAuth secret.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SecretDocument {
    /// How long a secret lives; 180d by default.
    pub lifetime: Option<Span>,
    /// How long before its end it is renewed; a third of the lifetime by default.
    pub renew_before: Option<Span>,
    /// How long the superseded secret lives on after its successor was made; 0 by default.
    pub overlap: Option<Span>,
    /// A description that people see in the portal.
    pub description: Option<String>,
    /// Which secrets lakekey takes over: `none` (default), `all`, or a list of ids.
    pub adopt: Option<Adopt>,
    /// How long a new secret may take until it works; 5m by default.
    pub verify_within: Option<Span>,
    /// Where the secret is delivered.
    pub deliver: Vec<SinkConfig>,
}

/// Says which scopes a new PAT gets.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "WordOrList")]
pub enum Scopes {
    /// Those of the PAT that it supersedes.
    Inherit,
    /// No restriction.
    All,
    /// These.
    List(Vec<String>),
}

/// Says which credentials made by others are taken over.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "WordOrList")]
pub enum Adopt {
    /// None.
    None,
    /// Every credential of the principal.
    All,
    /// Those with these ids.
    Ids(Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum WordOrList {
    Word(String),
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = "write inherit, all, or a list of scopes such as [sql]";
        match WordOrList::deserialize(deserializer).map_err(|_| D::Error::custom(wrong))? {
            WordOrList::Word(word) if word == "inherit" => Ok(Self::Inherit),
            WordOrList::Word(word) if word == "all" => Ok(Self::All),
            WordOrList::List(list) if !list.is_empty() && list.iter().all(|s| !s.is_empty()) => {
                Ok(Self::List(list))
            }
            _ => Err(D::Error::custom(wrong)),
        }
    }
}

impl<'de> Deserialize<'de> for Adopt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = "write none, all, or a list of ids";
        match WordOrList::deserialize(deserializer).map_err(|_| D::Error::custom(wrong))? {
            WordOrList::Word(word) if word == "none" => Ok(Self::None),
            WordOrList::Word(word) if word == "all" => Ok(Self::All),
            WordOrList::List(list) => Ok(Self::Ids(list)),
            WordOrList::Word(_) => Err(D::Error::custom(wrong)),
        }
    }
}

/// Describes a federated credential of the application.
///
/// <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FederatedCredential {
    /// The credential's name in Entra ID; made from the subject by default.
    pub name: Option<String>,
    /// Who signs the assertion; GitHub Actions by default.
    pub issuer: Option<String>,
    /// The subject, letter by letter, such as `repo:acme/data:environment:production`.
    pub subject: String,
    /// The audience; `api://AzureADTokenExchange` by default.
    pub audience: Option<String>,
}

tagged_enum! {
    /// Says how the GitHub sinks sign in.
    pub enum GithubSignIn {
        /// A GitHub App.
        App = "app" {
            /// The App's id.
            app_id: u64,
            /// The App's private key, PEM.
            private_key: SecretRef,
        },
        /// A fine-grained personal access token.
        Token = "token" {
            /// The token.
            token: SecretRef,
        },
    }
}

/// Says which repositories see an organisation's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// All.
    All,
    /// The private ones.
    Private,
    /// Those that are named.
    Selected,
}

/// Names the part of GitHub that uses a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GithubApp {
    /// Actions.
    Actions,
    /// Dependabot.
    Dependabot,
}

tagged_enum! {
    /// Describes a place of delivery.
    pub enum SinkConfig {
        /// A GitHub secret of a repository, an environment, an organisation or Dependabot.
        GithubSecret = "github-secret" {
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
            /// `actions` (default) or `dependabot`.
            app: Option<GithubApp>,
        },
        /// A secret in Azure Key Vault.
        KeyVault = "key-vault" {
            /// The vault's URL.
            vault: String,
            /// The secret's name.
            secret: String,
            /// Tags to set besides lakekey's own.
            tags: Option<BTreeMap<String, String>>,
            /// How to sign in, where it is not as the principal.
            auth: Option<Auth>,
        },
        /// A secret variable of a variable group in Azure DevOps.
        AzureDevopsVariable = "azure-devops-variable" {
            /// The organisation, where `endpoints.azure-devops` does not name it.
            organization: Option<String>,
            /// The project's name or id.
            project: String,
            /// The group's id or name.
            group: GroupRef,
            /// The variable's name.
            variable: String,
            /// How to sign in, where it is not as the principal; `access-token` takes $(System.AccessToken), `pat` a PAT.
            auth: Option<Auth>,
        },
        /// A secret in a Databricks secret scope.
        DatabricksSecret = "databricks-secret" {
            /// The workspace, where it is not the target's.
            workspace: Option<String>,
            /// The scope.
            scope: String,
            /// The key.
            key: String,
            /// Whether a missing scope is created.
            create_scope: Option<bool>,
            /// How to sign in, where it is not as the principal.
            auth: Option<Auth>,
        },
        /// A web service that takes the value by POST, signed.
        Webhook = "webhook" {
            /// The URL.
            url: String,
            /// The key of the HMAC-SHA256 that signs the body.
            key: SecretRef,
        },
        /// A command that gets the value on standard input; native only.
        Command = "command" {
            /// The program and its arguments.
            run: Vec<String>,
            /// How long it may run; 1m by default.
            timeout: Option<Span>,
        },
        /// A function of the calling program; Node only.
        Callback = "callback" {
            /// The name under which the caller passes the function.
            name: String,
        },
    }
}

/// Names a variable group by its number or its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum GroupRef {
    /// The number.
    Id(u64),
    /// The name.
    Name(String),
}

impl std::fmt::Display for GroupRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}
