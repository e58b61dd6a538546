//! Filling a fresh world.

use std::collections::BTreeMap;

use crate::state::{
    ADMIN, ANALYST, Grant, Grantee, GroupRole, Member, MemberKind, ORGANIZATION, Pat, Repository,
    SecretScope, Seeded, TENANT, TokenKind, Workspace, repository_name, workspace_id,
};
use crate::world::World;

const YEAR_MS: i64 = 365 * 86_400_000;

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
                formerly: Vec::new(),
                subject: None,
            });
        }
        self.github.organizations.push(ORGANIZATION.to_owned());
        let every = [
            "secrets",
            "environments",
            "organization_secrets",
            "dependabot_secrets",
            "organization_dependabot_secrets",
            "actions",
            "administration",
            "organization_administration",
            "codespaces_secrets",
            "organization_codespaces_secrets",
            "agent_secrets",
            "organization_agent_secrets",
            "actions_variables",
            "organization_actions_variables",
        ];
        let github_token =
            format!("github_pat_{}_{}", self.random.alphanumeric(22), self.random.alphanumeric(59));
        self.github_token(&github_token, TokenKind::FineGrained, "octocat", &every);
        let workflow_token = format!("ghs_{}", self.random.alphanumeric(36));
        self.github_token(&workflow_token, TokenKind::Workflow, "github-actions[bot]", &["issues"]);
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

    /// Lets the seeded principal write to vaults and variable groups, and makes a token and a group; returns
    /// both.
    fn seed_azure(&mut self, client_id: &str) -> (String, u64) {
        self.allow_in_vaults(client_id, &["get", "list", "set"]);
        self.azure_devops.principals.insert(client_id.to_owned(), GroupRole::Administrator);
        self.azure_devops.pipeline_role = GroupRole::Administrator;
        let token = self.add_devops_token("sam", GroupRole::Administrator, 365 * 86_400_000);
        let others = [
            ("CATALOG_URL", "https://catalog.example", false),
            ("CATALOG_PASSWORD", "kept-by-everybody", true),
        ];
        (token, self.add_variable_group("data", "integration", &others))
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
            entitlements: vec!["workspace-access".to_owned()],
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
                Pat::new(&token, ADMIN, admin_id, "administration", now, -1),
                Pat::new(&others, ANALYST, analyst_id, "notebook of an analyst", now, now + YEAR_MS),
            ],
            grants: vec![Grant { who: Grantee::Group("analysts".to_owned()), level: "CAN_USE".to_owned() }],
            tokens_ever_made: true,
            conf: BTreeMap::new(),
            scopes: vec![integrations],
            notebooks: BTreeMap::new(),
            lacks_token_update: false,
            lacks_autoscope: false,
            refuses_me: Vec::new(),
            group_entitlements: BTreeMap::new(),
            lacks_iam_v2: false,
        };
        self.note_issued(&token);
        self.note_issued(&others);
        (workspace, token)
    }
}
