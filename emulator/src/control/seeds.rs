//! Things that a test or a demonstration can put into the world.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::emulator::Emulator;
use crate::state::{
    ActionsJob, Autoscope, Grant, Grantee, Member, MemberKind, Repository, Rights, ServicePrincipal, Subject,
    SubjectForm, TokenKind,
};
use crate::world::World;

/// Names one thing to put into the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Seed {
    /// An application with its service principal; answers its client id.
    Application {
        /// The name.
        display_name: String,
        /// Its tags.
        #[serde(default)]
        tags: Vec<String>,
    },
    /// A client secret; answers it.
    ClientSecret {
        /// The application.
        client_id: String,
        /// How long it lives; a year by default.
        lifetime_seconds: Option<i64>,
    },
    /// An application permission in Microsoft Graph.
    GraphRole {
        /// The application.
        client_id: String,
        /// The permission, such as `Application.ReadWrite.OwnedBy`.
        role: String,
    },
    /// An Azure role on a workspace's resource.
    AzureRole {
        /// The application.
        client_id: String,
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The role, such as `Contributor`.
        role: String,
    },
    /// An access token of Entra ID; answers it.
    AccessToken {
        /// The application that it stands for.
        #[serde(default)]
        client_id: String,
        /// The person that it stands for, where it is no application.
        user: Option<String>,
        /// The resource.
        audience: String,
        /// The permissions in it.
        #[serde(default)]
        roles: Vec<String>,
        /// How long it lives; an hour by default.
        lifetime_seconds: Option<i64>,
    },
    /// A service principal in a workspace; answers its numeric id.
    Principal {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The application id.
        application_id: String,
        /// The name.
        display_name: Option<String>,
        /// Further groups, such as `admins`.
        #[serde(default)]
        groups: Vec<String>,
        /// Its entitlements; `workspace-access` by default.
        entitlements: Option<Vec<String>>,
    },
    /// What a group entitles its members to.
    GroupEntitlements {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The group's name.
        group: String,
        /// The entitlements.
        entitlements: Vec<String>,
    },
    /// A workspace that does not answer what a principal is entitled to, all groups included.
    LacksIamV2 {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
    },
    /// The permission to use tokens.
    TokenPermission {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The application id.
        service_principal_name: String,
    },
    /// A PAT; answers it.
    Pat {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The owner: an application id or a user name.
        owner: String,
        /// The comment.
        #[serde(default)]
        comment: String,
        /// How long it lives; for ever by default.
        lifetime_seconds: Option<i64>,
        /// Who made it, where it was not the owner.
        created_by: Option<String>,
        /// The scopes that it has, or has used where it is watched or says nothing of it.
        #[serde(default)]
        scopes: Vec<String>,
        /// How they came to be: chosen, where there are some, and else unwatched.
        autoscope: Option<Autoscope>,
    },
    /// An OAuth secret of a principal; answers it and its id.
    OauthSecret {
        /// The application id of the principal.
        application_id: String,
        /// How long it lives; two years by default.
        lifetime_seconds: Option<i64>,
        /// The scopes that it has; everything by default.
        #[serde(default)]
        scopes: Vec<String>,
    },
    /// A workspace in which unrestricted PATs are narrowed by their history, now.
    NarrowByHistory {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
    },
    /// A workspace that knows nothing of the watching of PATs, as before 2026.
    LacksAutoscope {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
    },
    /// A principal that may not ask who it is.
    MeRefused {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The application id.
        application_id: String,
    },
    /// An admin of the Databricks account.
    AccountAdmin {
        /// The application id, or the user name.
        name: String,
    },
    /// A workspace in which no token was ever made, so that its token permissions do not exist.
    NoTokenYet {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
    },
    /// A setting of `workspace-conf`.
    WorkspaceConf {
        /// The index of the workspace.
        #[serde(default)]
        workspace: usize,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A repository on GitHub.
    GithubRepository {
        /// Owner and name, as `owner/name`.
        name: String,
        /// The names of its environments.
        #[serde(default)]
        environments: Vec<String>,
        /// What it was called before; its requests are answered by a redirect.
        #[serde(default)]
        formerly: Vec<String>,
        /// How the subjects of its runs are made: `names`, `ids`, `unsaid` or `template` with a list of
        /// claims; that of the job, for the job's repository, by default.
        subject: Option<SubjectForm>,
    },
    /// A federated credential of an application, for tokens of GitHub Actions unless another issuer is named.
    FederatedCredential {
        /// The application.
        client_id: String,
        /// The subject, letter by letter.
        subject: String,
        /// The issuer.
        issuer: Option<String>,
    },
    /// The job of a GitHub Actions workflow that asks for identity tokens; answers its subject and the
    /// variables that it has.
    ActionsJob {
        /// The event, such as `schedule`.
        event: Option<String>,
        /// The environment.
        environment: Option<String>,
        /// Whether owner and repository stand in the subject with their ids.
        #[serde(default)]
        ids_in_subject: bool,
        /// Whether the job lacks `id-token: write`.
        #[serde(default)]
        without_permission: bool,
    },
    /// A GitHub App in the seeded organisation; answers its id and its private key.
    GithubApp {},
    /// Something of Azure.
    Azure(super::azure_seeds::AzureSeed),
    /// A fine-grained token of GitHub with write access to these permissions; answers it.
    GithubToken {
        /// The permissions, such as `secrets`.
        permissions: Vec<String>,
        /// How long it lives; for ever by default.
        lifetime_seconds: Option<i64>,
    },
}

impl Seed {
    /// Describes a service principal in the first workspace, with `workspace-access`.
    #[must_use]
    pub fn principal(application_id: impl Into<String>) -> Self {
        Self::Principal {
            workspace: 0,
            application_id: application_id.into(),
            display_name: None,
            groups: Vec::new(),
            entitlements: None,
        }
    }

    /// Describes a PAT in the first workspace, made by its owner and not watched; it lives for ever where no
    /// lifetime is given.
    #[must_use]
    pub fn pat(
        owner: impl Into<String>,
        comment: impl Into<String>,
        lifetime_seconds: impl Into<Option<i64>>,
    ) -> Self {
        Self::Pat {
            workspace: 0,
            owner: owner.into(),
            comment: comment.into(),
            lifetime_seconds: lifetime_seconds.into(),
            created_by: None,
            scopes: Vec::new(),
            autoscope: None,
        }
    }
}

const YEAR: i64 = 365 * 86_400;

impl Emulator {
    /// Puts something into the world, and returns what was made of it.
    ///
    /// # Errors
    /// It refers to something that there is not.
    pub fn seed(&self, seed: Seed) -> Result<Value, String> {
        self.world(|world| apply(world, seed))
    }
}

fn apply(world: &mut World, seed: Seed) -> Result<Value, String> {
    match seed {
        Seed::Application { display_name, tags } => {
            let client_id = world.register_application(&display_name);
            if let Some(application) = world.directory.application_mut(&client_id) {
                application.tags = tags;
            }
            Ok(json!({"client-id": client_id}))
        }
        Seed::ClientSecret { client_id, lifetime_seconds } => {
            world.directory.application(&client_id).ok_or("there is no such application")?;
            let value = world.add_client_secret(&client_id, lifetime_seconds.unwrap_or(YEAR) * 1000);
            Ok(json!({"client-secret": value}))
        }
        Seed::GraphRole { client_id, role } => {
            principal(world, &client_id)?.graph_roles.push(role);
            Ok(json!({}))
        }
        Seed::AzureRole { client_id, workspace, role } => {
            let resource =
                world.workspaces.get(workspace).ok_or("there is no such workspace")?.resource_id.clone();
            principal(world, &client_id)?.azure_roles.push((role, resource.clone()));
            Ok(json!({"resource-id": resource}))
        }
        Seed::AccessToken { client_id, user, audience, roles, lifetime_seconds } => {
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let lifetime = lifetime_seconds.unwrap_or(3599) * 1000;
            let subject = user.map_or(Subject::Application(client_id), Subject::User);
            Ok(json!({"access-token": world.issue_bearer(&audience, subject, &roles, lifetime)}))
        }
        Seed::Principal { workspace, application_id, display_name, groups, entitlements } => {
            let id = world.account_principal(&application_id);
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.members.push(Member {
                id,
                name: application_id.clone(),
                kind: MemberKind::ServicePrincipal,
                display_name: display_name.unwrap_or(application_id),
                active: true,
                entitlements: entitlements.unwrap_or_else(|| vec!["workspace-access".to_owned()]),
                groups: ["users".to_owned()].into_iter().chain(groups).collect(),
                external_id: None,
            });
            Ok(json!({"id": id.to_string()}))
        }
        Seed::TokenPermission { workspace, service_principal_name } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.grants.push(Grant {
                who: Grantee::ServicePrincipal(service_principal_name),
                level: "CAN_USE".to_owned(),
            });
            Ok(json!({}))
        }
        Seed::OauthSecret { application_id, lifetime_seconds, scopes } => {
            let end = world.now_ms() + lifetime_seconds.unwrap_or(63_072_000) * 1000;
            let scopes = (!scopes.is_empty()).then_some(scopes);
            let made = world.add_oauth_secret(&application_id, end, scopes);
            let (id, secret) = made.ok_or("there is no such principal")?;
            Ok(json!({"id": id, "secret": secret}))
        }
        Seed::NarrowByHistory { workspace } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.tokens.iter_mut().for_each(|pat| pat.rights.narrow_by_history());
            Ok(json!({}))
        }
        Seed::GroupEntitlements { workspace, group, entitlements } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.group_entitlements.insert(group, entitlements);
            Ok(json!({}))
        }
        Seed::LacksIamV2 { workspace } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.lacks_iam_v2 = true;
            Ok(json!({}))
        }
        Seed::LacksAutoscope { workspace } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.lacks_autoscope = true;
            Ok(json!({}))
        }
        Seed::Pat { workspace, owner, comment, lifetime_seconds, created_by, scopes, autoscope } => {
            let known =
                world.workspaces.get(workspace).is_some_and(|workspace| workspace.member(&owner).is_some());
            if !known {
                return Err("there is no such member".to_owned());
            }
            let expiry = lifetime_seconds.map_or(-1, |seconds| world.now_ms() + seconds * 1000);
            let value = world.seed_pat(workspace, &owner, &comment, expiry);
            if let (Some(name), Some(held)) = (created_by, world.workspaces.get_mut(workspace)) {
                let id = held.member(&name).map(|member| member.id).ok_or("there is no such maker")?;
                if let Some(pat) = held.tokens.iter_mut().find(|pat| pat.value == value) {
                    pat.creator = Some((name, id));
                }
            }
            let pats = world.workspaces.get_mut(workspace).map(|held| &mut held.tokens);
            if let Some(pat) = pats.into_iter().flatten().find(|pat| pat.value == value) {
                pat.rights = rights(scopes, autoscope);
            }
            Ok(json!({"token": value}))
        }
        Seed::MeRefused { workspace, application_id } => {
            let held = world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?;
            held.refuses_me.push(application_id);
            Ok(json!({}))
        }
        Seed::AccountAdmin { name } => {
            world.account.admins.push(name);
            Ok(json!({"account-id": world.account.id}))
        }
        Seed::NoTokenYet { workspace } => {
            world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?.tokens_ever_made = false;
            Ok(json!({}))
        }
        Seed::WorkspaceConf { workspace, key, value } => {
            world.workspaces.get_mut(workspace).ok_or("there is no such workspace")?.conf.insert(key, value);
            Ok(json!({}))
        }
        Seed::GithubRepository { name, environments, formerly, subject } => {
            let known = world.github.repositories.iter_mut().find(|it| it.full_name == name);
            let id = match known {
                Some(repository) => {
                    repository.environments.extend(environments);
                    repository.formerly.extend(formerly);
                    repository.id
                }
                None => {
                    let id = 900_000_001 + world.github.repositories.len() as u64;
                    let full_name = name.clone();
                    let made = Repository { id, full_name, environments, formerly, subject: None };
                    world.github.repositories.push(made);
                    id
                }
            };
            if let Some(form) = subject {
                world.set_subject_form(&name, form);
            }
            Ok(json!({"id": id}))
        }
        Seed::FederatedCredential { client_id, subject, issuer } => {
            let issuer = issuer.unwrap_or_else(|| world.oidc.actions.issuer.clone());
            let name = format!("seeded-{}", world.random.alphanumeric(8));
            world
                .add_federated_credential(&client_id, &name, &issuer, &subject)
                .then(|| json!({}))
                .ok_or("there is no such application".to_owned())
        }
        Seed::ActionsJob { event, environment, ids_in_subject, without_permission } => {
            let default = ActionsJob::default();
            let request_token =
                (!without_permission).then(|| format!("actions-request-{}", world.random.alphanumeric(32)));
            if let Some(token) = &request_token {
                world.note_issued(token);
            }
            let event = event.unwrap_or_else(|| default.event.clone());
            world.oidc.actions = ActionsJob { event, environment, ids_in_subject, request_token, ..default };
            let env: std::collections::BTreeMap<String, String> =
                world.actions_environment().into_iter().collect();
            Ok(json!({"subject": world.oidc.actions.subject(), "env": env}))
        }
        Seed::Azure(seed) => super::azure_seeds::apply(world, seed),
        Seed::GithubApp {} => {
            let (id, private_key) = world.github_app();
            Ok(json!({"app-id": id, "private-key": private_key}))
        }
        Seed::GithubToken { permissions, lifetime_seconds } => {
            let value =
                format!("github_pat_{}_{}", world.random.alphanumeric(22), world.random.alphanumeric(59));
            let permissions: Vec<&str> = permissions.iter().map(String::as_str).collect();
            world.github_token(&value, TokenKind::FineGrained, "octocat", &permissions);
            let end = lifetime_seconds.map(|seconds| world.now_ms() + seconds * 1000);
            if let (Some(end), Some(token)) = (end, world.github.tokens.last_mut()) {
                token.expires_ms = end;
            }
            Ok(json!({"token": value}))
        }
    }
}

fn principal<'a>(world: &'a mut World, client_id: &str) -> Result<&'a mut ServicePrincipal, String> {
    let principals = &mut world.directory.service_principals;
    principals
        .iter_mut()
        .find(|principal| principal.app_id == client_id)
        .ok_or_else(|| "there is no such application".to_owned())
}

/// Reads what a PAT may do.
fn rights(scopes: Vec<String>, autoscope: Option<Autoscope>) -> Rights {
    let chosen = if scopes.is_empty() { Rights::everything() } else { Rights::chosen(scopes.clone()) };
    let autoscope = autoscope.unwrap_or(chosen.autoscope);
    let used = scopes.into_iter().collect();
    match autoscope {
        // It may still do everything.
        Autoscope::Running | Autoscope::Disabled | Autoscope::ApiNotCovered => {
            Rights { scopes: None, autoscope, used }
        }
        Autoscope::Completed | Autoscope::Backfilled => Rights { autoscope, used, ..chosen },
        Autoscope::UserSelected | Autoscope::Unsaid => Rights { autoscope, ..chosen },
    }
}
