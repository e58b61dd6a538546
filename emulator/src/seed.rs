//! What a fresh world holds.

use std::collections::BTreeMap;

use crate::databricks::{Grant, Grantee, Member, MemberKind, Pat, SecretScope, Workspace, token_id};
use crate::github::{GithubToken, Repository, TokenKind};
use crate::service::workspace_id;
use crate::world::World;

/// The tenant that everything seeded lives in.
pub(crate) const TENANT: &str = "7f3b8a52-1d4c-4e7a-9b60-2c5d8e9f0a13";
/// The user name of every workspace's admin.
pub(crate) const ADMIN: &str = "admin@acme.example";
/// The user name of an analyst, who may use tokens through a group and has one.
pub(crate) const ANALYST: &str = "ana@acme.example";
/// The organisation on GitHub.
pub(crate) const ORGANIZATION: &str = "acme";

const YEAR_MS: i64 = 365 * 86_400_000;

/// What of a fresh world its users need to know.
#[derive(Debug, Clone, Default)]
pub struct Seeded {
    /// The tenant.
    pub tenant: String,
    /// The application id of the principal that is to be cared for.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: String,
    /// The PAT of each workspace's admin.
    pub admin_tokens: Vec<String>,
    /// A fine-grained token of GitHub that may write secrets everywhere.
    pub github_token: String,
    /// A `GITHUB_TOKEN`, which may not write secrets.
    pub workflow_token: String,
    /// The application id of a caller that may write to Microsoft Graph.
    pub directory_client_id: String,
    /// Its client secret.
    pub directory_client_secret: String,
    /// The application id of an account admin of Databricks.
    pub account_client_id: String,
    /// Its client secret at Entra ID.
    pub account_client_secret: String,
    /// A personal access token of Azure DevOps that may change variable groups.
    pub devops_token: String,
    /// The number of the variable group `integration` in the project `data`.
    pub variable_group: u64,
}

impl World {
    /// Fills an empty world: a tenant, workspaces, a GitHub organisation.
    pub(crate) fn seed(&mut self, workspaces: usize) {
        self.directory.tenants.push(TENANT.to_owned());
        let client_id = self.register_application("catalog-prod");
        let client_secret = self.add_client_secret(&client_id, YEAR_MS);
        let directory_client_id = self.register_application("directory-writer");
        let directory_client_secret = self.add_client_secret(&directory_client_id, YEAR_MS);
        for principal in &mut self.directory.service_principals {
            if principal.app_id == directory_client_id {
                principal.graph_roles.push("Application.ReadWrite.All".to_owned());
            }
        }
        let account_client_id = self.register_application("account-admin");
        let account_client_secret = self.add_client_secret(&account_client_id, YEAR_MS);
        self.account.id = self.random.uuid();
        self.account.admins.push(account_client_id.clone());
        let (admin_id, analyst_id) = (self.random.number(), self.random.number());
        let mut admin_tokens = Vec::new();
        for index in 0..workspaces {
            let (workspace, token) = self.workspace(index, admin_id, analyst_id);
            self.workspaces.push(workspace);
            admin_tokens.push(token);
        }
        for name in (0..workspaces.max(1)).map(repository_name) {
            let id = 900_000_001 + self.github.repositories.len() as u64;
            self.github.repositories.push(Repository {
                id,
                full_name: name,
                environments: vec!["production".to_owned()],
            });
        }
        self.github.organizations.push(ORGANIZATION.to_owned());
        let every = [
            "secrets",
            "environments",
            "organization_secrets",
            "dependabot_secrets",
            "organization_dependabot_secrets",
            "actions_variables",
            "organization_actions_variables",
        ];
        let github_token =
            format!("github_pat_{}_{}", self.random.alphanumeric(22), self.random.alphanumeric(59));
        self.github_token(&github_token, TokenKind::FineGrained, "octocat", &every);
        let workflow_token = format!("ghs_{}", self.random.alphanumeric(36));
        self.github_token(&workflow_token, TokenKind::Workflow, "github-actions[bot]", &[]);
        let (devops_token, variable_group) = self.seed_azure(&client_id);
        let tenant = TENANT.to_owned();
        self.seeded = Seeded {
            tenant,
            client_id,
            client_secret,
            admin_tokens,
            github_token,
            workflow_token,
            directory_client_id,
            directory_client_secret,
            account_client_id,
            account_client_secret,
            devops_token,
            variable_group,
        };
    }

    /// Lets a token of GitHub in, with write access to these permissions in every repository.
    pub fn github_token(&mut self, value: &str, kind: TokenKind, owner: &str, permissions: &[&str]) {
        let permissions: BTreeMap<String, String> =
            permissions.iter().map(|name| ((*name).to_owned(), "write".to_owned())).collect();
        self.github.tokens.push(GithubToken {
            value: value.to_owned(),
            kind,
            owner: owner.to_owned(),
            permissions,
            repositories: None,
            expires_ms: -1,
        });
        self.note_issued(value);
    }

    /// Gives a workspace a PAT of one of its members, as if made long ago, and returns the token.
    pub fn seed_pat(&mut self, index: usize, owner: &str, comment: &str, expiry_ms: i64) -> String {
        let value = format!("dapi{}-3", self.random.hex(32));
        let now = self.now_ms();
        if let Some(workspace) = self.workspaces.get_mut(index) {
            let owner_id = workspace.member(owner).map_or(0, |member| member.id);
            workspace.tokens.push(pat(&value, owner, owner_id, comment, now, expiry_ms));
            workspace.tokens_ever_made = true;
        }
        self.note_issued(&value);
        value
    }

    fn workspace(&mut self, index: usize, admin_id: u64, analyst_id: u64) -> (Workspace, String) {
        let now = self.now_ms();
        let token = format!("dapi{}-3", self.random.hex(32));
        let others = format!("dapi{}-3", self.random.hex(32));
        let id = workspace_id(index);
        let person = |id, name: &str, groups: &[&str]| Member {
            id,
            name: name.to_owned(),
            kind: MemberKind::User,
            display_name: name.split('@').next().unwrap_or_default().to_owned(),
            active: true,
            entitlements: Vec::new(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            external_id: None,
        };
        let groups =
            ["admins", "users", "analysts"].map(|name| (self.random.number(), name.to_owned())).to_vec();
        let integrations = SecretScope {
            name: "integrations".to_owned(),
            acls: [(ADMIN.to_owned(), "MANAGE".to_owned()), ("users".to_owned(), "WRITE".to_owned())].into(),
            secrets: BTreeMap::new(),
        };
        let workspace = Workspace {
            id,
            tenant: TENANT.to_owned(),
            resource_id: format!(
                "/subscriptions/{}/resourceGroups/acme-data/providers/Microsoft.Databricks/workspaces/\
                 acme-{id}",
                self.random.uuid()
            ),
            members: vec![
                person(admin_id, ADMIN, &["admins", "users"]),
                person(analyst_id, ANALYST, &["users", "analysts"]),
            ],
            groups,
            tokens: vec![
                pat(&token, ADMIN, admin_id, "administration", now, -1),
                pat(&others, ANALYST, analyst_id, "notebook of an analyst", now, now + YEAR_MS),
            ],
            grants: vec![Grant { who: Grantee::Group("analysts".to_owned()), level: "CAN_USE".to_owned() }],
            tokens_ever_made: true,
            conf: BTreeMap::new(),
            scopes: vec![integrations],
            lacks_token_update: false,
        };
        self.note_issued(&token);
        self.note_issued(&others);
        (workspace, token)
    }
}

fn pat(value: &str, owner: &str, owner_id: u64, comment: &str, created_ms: i64, expiry_ms: i64) -> Pat {
    Pat {
        id: token_id(value),
        value: value.to_owned(),
        owner: owner.to_owned(),
        owner_id,
        comment: comment.to_owned(),
        created_ms,
        expiry_ms,
        scopes: None,
        last_used_ms: None,
    }
}

/// Names the repository that belongs to a workspace, as `owner/name`.
#[must_use]
pub(crate) fn repository_name(index: usize) -> String {
    if index == 0 { format!("{ORGANIZATION}/data") } else { format!("{ORGANIZATION}/data-{}", index + 1) }
}
