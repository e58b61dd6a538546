//! The shape of `lakekey.yml`, as it is written. `engine::resolve` makes of it what a run works with.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::federated::FederatedDocument;
use super::notice::{HeartbeatDocument, NotifyDocument};
use crate::model::{Cloud, Entitlement, PrincipalKind, Span};

/// Holds the whole document.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(title = "lakekey.yml")]
pub(crate) struct Document {
    /// The version of this shape: 1.
    pub(crate) version: u32,
    /// The cloud: public, usgov or china; what ARM_ENVIRONMENT names, or public, by default.
    pub(crate) cloud: Option<Cloud>,
    /// Hosts other than the cloud's own.
    #[serde(default)]
    pub(crate) endpoints: EndpointsDocument,
    /// What holds for every target that does not say otherwise.
    #[serde(default)]
    #[expect(dead_code, reason = "each target has taken them over before the document is decoded")]
    pub(crate) defaults: Defaults,
    /// The service principals to care for.
    pub(crate) targets: Vec<TargetDocument>,
    /// How the GitHub sinks sign in.
    pub(crate) github: Option<GithubValue>,
    /// How the Azure sinks sign in, where they do not say otherwise; by default as the target's principal.
    pub(crate) azure: Option<AuthValue>,
    /// How many targets are served at once, 1 to 64; 8 by default.
    pub(crate) concurrency: Option<u32>,
    /// Who is told of what `provision`, `rotate` and `status` find.
    #[serde(default)]
    pub(crate) notify: Vec<NotifyDocument>,
    /// What each `rotate` and `provision` calls that ends well: a service that raises an alarm when the calls
    /// stop.
    pub(crate) heartbeat: Option<HeartbeatDocument>,
}

/// Names hosts other than the cloud's own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[schemars(rename = "Endpoints")]
pub(crate) struct EndpointsDocument {
    /// Entra ID.
    pub(crate) login: Option<String>,
    /// Microsoft Graph.
    pub(crate) graph: Option<String>,
    /// The GitHub API, such as <https://github.example/api/v3>.
    pub(crate) github: Option<String>,
    /// The Azure DevOps organisation, such as <https://dev.azure.com/acme>.
    pub(crate) azure_devops: Option<String>,
    /// Azure Resource Manager.
    pub(crate) management: Option<String>,
    /// The Databricks account API.
    pub(crate) accounts: Option<String>,
    /// The instance metadata service, for managed identities.
    pub(crate) imds: Option<String>,
    /// The suffix of vault hosts.
    pub(crate) key_vault_suffix: Option<String>,
    /// Workspaces outside the cloud's suffix, such as private ones.
    pub(crate) workspaces: Vec<String>,
}

/// Holds what every target takes over.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Defaults {
    /// Defaults of the targets' `token`.
    #[schemars(with = "Option<TokenDocument>")]
    pub(crate) token: Option<Value>,
    /// Default of the targets' `auth`.
    pub(crate) auth: Option<AuthValue>,
    /// Defaults of the targets' `principal`.
    #[schemars(with = "Option<PrincipalDocument>")]
    pub(crate) principal: Option<Value>,
}

/// Describes one service principal in one workspace.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TargetDocument {
    /// The name, by which commands and the ledger know the target: letters, digits, `-`, `_` and `.`; made of
    /// repository, environment and secret by default, where the first place is a GitHub secret.
    pub(crate) name: Option<String>,
    /// Names that the target had before; credentials that bear them are its own.
    #[serde(default)]
    pub(crate) formerly: Vec<String>,
    /// The workspace's URL.
    pub(crate) workspace: String,
    /// The principal.
    #[serde(default)]
    pub(crate) principal: PrincipalDocument,
    /// How the principal signs in; where left out the environment is asked.
    pub(crate) auth: Option<AuthValue>,
    /// How the workspace admin signs in; for `provision`, `doctor` and `revoke`.
    pub(crate) admin: Option<AuthValue>,
    /// Who may write to Microsoft Graph; for `provision` and for rotating client secrets.
    pub(crate) directory: Option<AuthValue>,
    /// Entitlements that the principal is to have; others are left as they are. Where left out, it gets
    /// `workspace-access` if it has none with which it may use the workspace.
    pub(crate) entitlements: Option<Vec<Entitlement>>,
    /// Whether `provision` may switch personal access tokens on for the whole workspace.
    #[serde(default)]
    pub(crate) allow_enable_tokens: bool,
    /// Whom the principal is to trust, so that it needs no secret: a federated credential to make, or a
    /// federation policy of a Databricks principal.
    pub(crate) federated_credential: Option<FederatedDocument>,
    /// The PAT.
    #[serde(default)]
    pub(crate) token: TokenDocument,
    /// Where the PAT is delivered.
    #[serde(default)]
    pub(crate) deliver: Vec<SinkValue>,
    /// The principal's Entra client secret, where it is to be rotated too.
    pub(crate) client_secret: Option<SecretDocument>,
    /// The principal's Databricks OAuth secret, where it is to be rotated too.
    pub(crate) oauth_secret: Option<SecretDocument>,
}

/// Names a service principal.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct PrincipalDocument {
    /// Where the principal is managed.
    pub(crate) kind: PrincipalKind,
    /// The tenant; where left out the workspace is asked.
    pub(crate) tenant_id: Option<String>,
    /// The application id.
    pub(crate) client_id: Option<String>,
    /// The name, by which `provision` finds or makes the principal.
    pub(crate) display_name: Option<String>,
    /// The Databricks account id, where OAuth secrets are managed at the account instead of the workspace.
    pub(crate) account_id: Option<String>,
}

/// Describes a PAT and its rotation.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct TokenDocument {
    /// How long a PAT lives; 90d by default.
    pub(crate) lifetime: Option<Span>,
    /// How long before its end it is renewed; a third of the lifetime by default.
    pub(crate) renew_before: Option<Span>,
    /// How long the superseded PAT lives on after its successor was made; 0 by default.
    pub(crate) overlap: Option<Span>,
    /// A comment that people see in the workspace.
    pub(crate) comment: Option<String>,
    /// The scopes of a new PAT: `inherit` (default), `all`, a list such as `[sql]`, or `auto`, which lets
    /// Databricks narrow it by its use.
    pub(crate) scopes: Option<Scopes>,
    /// Which PATs of this principal lakekey takes over: `none` (default), `all`, or a list of token ids.
    pub(crate) adopt: Option<Adopt>,
    /// How long a new PAT may take until it works; 2m by default.
    pub(crate) verify_within: Option<Span>,
    /// The path that a new PAT is tried on, for scopes that do not reach the default
    /// `/api/2.0/preview/scim/v2/Me`.
    pub(crate) verify_path: Option<String>,
}

/// Describes a rotated client secret or OAuth secret.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct SecretDocument {
    /// How long a secret lives; 180d by default.
    pub(crate) lifetime: Option<Span>,
    /// How long before its end it is renewed; a third of the lifetime by default.
    pub(crate) renew_before: Option<Span>,
    /// How long the superseded secret lives on after its successor was made; 0 by default.
    pub(crate) overlap: Option<Span>,
    /// The scopes of a new OAuth secret: `inherit` (default), `all`, or a list such as `[sql]`.
    pub(crate) scopes: Option<Scopes>,
    /// A description that people see in the portal.
    pub(crate) description: Option<String>,
    /// Which secrets lakekey takes over: `none` (default), `all`, or a list of ids.
    pub(crate) adopt: Option<Adopt>,
    /// How long a new secret may take until it works; 5m by default.
    pub(crate) verify_within: Option<Span>,
    /// Where the secret is delivered.
    pub(crate) deliver: Vec<SinkValue>,
}

/// Says which scopes a new PAT or OAuth secret gets.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "WordOrList")]
pub enum Scopes {
    /// Those of the one that it supersedes.
    Inherit,
    /// No restriction, for as long as it lives.
    All,
    /// No restriction for 30 days, and then what Databricks has seen it use.
    Auto,
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

/// Returns true for what may be the name of a scope; the words of a policy are none.
fn is_scope(text: &str) -> bool {
    let is_word = ["inherit", "all", "auto"].contains(&text);
    !text.is_empty() && !is_word && text.chars().all(|c| c.is_ascii_graphic() && c != ',')
}

/// Returns true for what looks like one scope, such as `sql` and `unity-catalog`, and like no secret.
fn is_word(text: &str) -> bool {
    (2..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'.')
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = "write inherit, all, auto, or a list of scopes such as [sql]";
        match WordOrList::deserialize(deserializer).map_err(|_| D::Error::custom(wrong))? {
            WordOrList::Word(word) if word == "inherit" => Ok(Self::Inherit),
            WordOrList::Word(word) if word == "all" => Ok(Self::All),
            WordOrList::Word(word) if word == "auto" => Ok(Self::Auto),
            WordOrList::Word(word) if is_word(&word) => {
                Err(D::Error::custom(format!("scopes are a list: write [{word}]; or inherit, all or auto")))
            }
            WordOrList::List(list) if !list.is_empty() && list.iter().all(|scope| is_scope(scope)) => {
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

/// Declares a value whose shape is read further up, and the name under which the schema describes it.
macro_rules! values {
    ($($(#[doc = $doc:literal])+ $name:ident is $shape:literal;)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, Deserialize)]
            #[serde(transparent)]
            pub(crate) struct $name(pub(crate) Value);

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> Cow<'static, str> {
                    $shape.into()
                }

                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"$ref": concat!("#/$defs/", $shape)})
                }
            }
        )+
    };
}

values! {
    /// Holds how somebody signs in, as it is written.
    AuthValue is "Auth";
    /// Holds how the GitHub sinks sign in, as it is written.
    GithubValue is "GithubSignIn";
    /// Holds a place of delivery, as it is written.
    SinkValue is "SinkConfig";
}
