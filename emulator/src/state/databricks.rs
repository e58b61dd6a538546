//! What workspaces and the account know.

use std::collections::BTreeMap;

use super::rights::Rights;
use crate::hex::sha256;

/// The entitlements that there are.
pub(crate) const ENTITLEMENTS: [&str; 5] = [
    "allow-cluster-create",
    "allow-instance-pool-create",
    "databricks-sql-access",
    "workspace-access",
    "workspace-consume",
];

/// Holds what a workspace knows.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    /// The numeric id.
    pub id: u64,
    /// The tenant.
    pub tenant: String,
    /// The id of the Azure resource.
    pub resource_id: String,
    /// The users and service principals.
    pub members: Vec<Member>,
    /// The groups, as id and name.
    pub groups: Vec<(u64, String)>,
    /// The PATs, live and expired.
    pub tokens: Vec<Pat>,
    /// Who may use tokens.
    pub grants: Vec<Grant>,
    /// Whether a token was ever made: without one the token permissions do not exist.
    pub tokens_ever_made: bool,
    /// The settings of `workspace-conf`.
    pub conf: BTreeMap<String, String>,
    /// The secret scopes.
    pub scopes: Vec<SecretScope>,
    /// The notebooks and folders, by path.
    pub notebooks: BTreeMap<String, Notebook>,
    /// Whether the workspace is an older one, without `PATCH /api/2.0/token/{id}`.
    pub lacks_token_update: bool,
    /// Whether it knows nothing of the watching of PATs, as before 2026.
    pub lacks_autoscope: bool,
    /// The principals that may not ask who they are.
    pub refuses_me: Vec<String>,
    /// The entitlements that groups give to their members, by the group's name.
    pub group_entitlements: BTreeMap<String, Vec<String>>,
    /// Whether it does not answer what a principal is entitled to, all groups included.
    pub lacks_iam_v2: bool,
}

/// Describes a user or a service principal in a workspace.
#[derive(Debug, Clone)]
pub struct Member {
    /// The numeric id, the same in every workspace of the account.
    pub id: u64,
    /// The user name, or the application id of a service principal.
    pub name: String,
    /// What kind of member it is.
    pub kind: MemberKind,
    /// The name that people see.
    pub display_name: String,
    /// Whether it may sign in.
    pub active: bool,
    /// The entitlements.
    pub entitlements: Vec<String>,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// The id that another directory gave it.
    pub external_id: Option<String>,
}

/// Names the kinds of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A person.
    User,
    /// A service principal.
    ServicePrincipal,
}

/// Describes a personal access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pat {
    /// The id: the SHA-256 of the token.
    pub id: String,
    /// The token.
    pub value: String,
    /// The name of the owner: an application id or a user name.
    pub owner: String,
    /// The numeric id of the owner.
    pub owner_id: u64,
    /// Name and numeric id of who made it, where it was made for the owner by somebody else.
    pub creator: Option<(String, u64)>,
    /// The comment.
    pub comment: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends; -1 if never.
    pub expiry_ms: i64,
    /// What it may be used for.
    pub rights: Rights,
    /// When it was last used to sign in.
    pub last_used_ms: Option<i64>,
}

impl Pat {
    /// Makes a token that may be used for everything.
    pub(crate) fn new(
        value: &str,
        owner: &str,
        owner_id: u64,
        comment: &str,
        created_ms: i64,
        expiry_ms: i64,
    ) -> Self {
        Self {
            id: token_id(value),
            value: value.to_owned(),
            owner: owner.to_owned(),
            owner_id,
            creator: None,
            comment: comment.to_owned(),
            created_ms,
            expiry_ms,
            rights: Rights::everything(),
            last_used_ms: None,
        }
    }

    /// Says whether it has not ended yet.
    #[must_use]
    pub fn is_live(&self, now_ms: i64) -> bool {
        self.expiry_ms < 0 || now_ms < self.expiry_ms
    }

    /// Says whether it is accepted: a token with 30 seconds or less left is refused.
    #[must_use]
    pub fn is_accepted(&self, now_ms: i64) -> bool {
        self.expiry_ms < 0 || now_ms < self.expiry_ms - 30_000
    }
}

/// Gives somebody a permission on tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who has it.
    pub who: Grantee,
    /// What it is: `CAN_USE` or `CAN_MANAGE`.
    pub level: String,
}

/// Names who has a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// A user, by name.
    User(String),
    /// A group, by name.
    Group(String),
    /// A service principal, by application id.
    ServicePrincipal(String),
}

/// Describes a secret scope.
#[derive(Debug, Clone, Default)]
pub struct SecretScope {
    /// The name.
    pub name: String,
    /// Who may do what: a member's or group's name, and `READ`, `WRITE` or `MANAGE`.
    pub acls: BTreeMap<String, String>,
    /// The secrets by key.
    pub secrets: BTreeMap<String, StoredSecret>,
}

/// Describes a notebook, or a folder of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Notebook {
    /// The numeric id.
    pub id: u64,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Who may do what, as it was asked for.
    pub acl: Vec<serde_json::Value>,
}

/// Describes a stored secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSecret {
    /// The value.
    pub value: Vec<u8>,
    /// When it was last written.
    pub updated_ms: i64,
}

/// Holds what the account knows.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The account id.
    pub id: String,
    /// The service principals.
    pub principals: Vec<AccountPrincipal>,
    /// Names of the members that may manage the account.
    pub admins: Vec<String>,
}

/// Describes a service principal in the account.
#[derive(Debug, Clone, Default)]
pub struct AccountPrincipal {
    /// The numeric id.
    pub id: u64,
    /// The application id.
    pub application_id: String,
    /// The OAuth secrets.
    pub secrets: Vec<OauthSecret>,
}

/// Describes a Databricks OAuth secret.
#[derive(Debug, Clone)]
pub struct OauthSecret {
    /// Its id.
    pub id: String,
    /// The secret itself, which is shown once.
    pub value: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// What it may be used for; everything if none.
    pub scopes: Option<Vec<String>>,
}

impl Account {
    /// Finds a service principal by its application id.
    #[must_use]
    pub fn principal(&self, application_id: &str) -> Option<&AccountPrincipal> {
        self.principals.iter().find(|principal| principal.application_id == application_id)
    }
}

impl Workspace {
    /// Finds a member by user name or application id.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
    }

    /// Lists the PATs that have not ended.
    pub fn live_tokens(&self, now_ms: i64) -> impl Iterator<Item = &Pat> {
        self.tokens.iter().filter(move |token| token.is_live(now_ms))
    }

    /// Finds the PAT that a value would sign in with now; whether it has propagated is left aside, and this
    /// does not count as a use.
    #[must_use]
    pub fn accepts(&self, value: &str, now_ms: i64) -> Option<&Pat> {
        let pat = self.tokens.iter().find(|pat| pat.value == value && pat.is_accepted(now_ms))?;
        let enabled = self.conf.get("enableTokensConfig").is_none_or(|value| value != "false");
        (enabled && self.member(&pat.owner).is_some_and(|member| member.active)).then_some(pat)
    }

    /// Says whether a member may use tokens: by itself, by one of its groups, or as an admin.
    #[must_use]
    pub fn may_use_tokens(&self, name: &str) -> bool {
        let Some(member) = self.member(name) else { return false };
        member.is_admin()
            || self.grants.iter().any(|grant| match &grant.who {
                Grantee::User(user) => {
                    member.kind == MemberKind::User && user.eq_ignore_ascii_case(&member.name)
                }
                Grantee::ServicePrincipal(id) => {
                    member.kind == MemberKind::ServicePrincipal && id.eq_ignore_ascii_case(&member.name)
                }
                Grantee::Group(group) => member.groups.contains(group) || group == "users",
            })
    }
}

impl Member {
    /// Says whether it is a workspace admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == "admins")
    }
}

/// The entitlements without one of which a member is refused everything.
const ADMITTING: [&str; 3] = ["databricks-sql-access", "workspace-access", "workspace-consume"];

impl Workspace {
    /// Lists what a member is entitled to, by itself or by a group.
    #[must_use]
    pub fn effective_entitlements(&self, member: &Member) -> Vec<String> {
        let by_group = member.groups.iter().filter_map(|group| self.group_entitlements.get(group)).flatten();
        let mut all: Vec<String> = member.entitlements.iter().chain(by_group).cloned().collect();
        if member.is_admin() {
            all.extend(ADMITTING[..2].iter().map(|name| (*name).to_owned()));
        }
        all.sort();
        all.dedup();
        all
    }

    /// Says whether a member may use the workspace at all: since 2026 nobody may by being there.
    pub(crate) fn admits(&self, member: &Member) -> bool {
        self.effective_entitlements(member).iter().any(|held| ADMITTING.contains(&held.as_str()))
    }
}

/// Returns the id of a token: its SHA-256.
pub(crate) fn token_id(value: &str) -> String {
    sha256(value.as_bytes())
}
