//! What the world holds, without any secret value.

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::hex::sha256;
use crate::state::{Github, Grantee, Issue, OauthSecret, Pat, Place, Workspace};
use crate::world::World;

/// Shows the world; in place of a secret's value stands its SHA-256, which for a PAT is its token id.
pub(super) fn shown(world: &World) -> Value {
    let now = world.now_ms();
    let workspaces: Vec<Value> = world
        .workspaces
        .iter()
        .enumerate()
        .map(|(index, it)| workspace(world.origins.workspace(index), it, now))
        .collect();
    json!({
        "now": rfc3339(now),
        "workspaces": workspaces,
        "applications": applications(world),
        "oauth-secrets": oauth_secrets(world),
        "github": {"secrets": github(&world.github), "variables": variables(&world.github), "issues": issues(&world.github)},
        "azure": super::azure_state::shown(world),
    })
}

fn issues(github: &Github) -> Value {
    let shown = |issue: &Issue| {
        json!({
            "title": issue.title,
            "body": issue.body,
            "labels": issue.labels,
            "comments": issue.comments,
            "closed-as": issue.closed_as,
        })
    };
    let all = github.issues.iter();
    all.map(|(name, issues)| (name.clone(), issues.iter().map(shown).collect::<Vec<_>>())).collect()
}

fn workspace(url: &str, workspace: &Workspace, now: i64) -> Value {
    let tokens: Vec<Value> = workspace.tokens.iter().map(|pat| token(pat, now)).collect();
    let members: Vec<Value> = workspace
        .members
        .iter()
        .map(|member| {
            json!({
                "id": member.id.to_string(),
                "name": member.name,
                "display-name": member.display_name,
                "active": member.active,
                "groups": member.groups,
                "entitlements": member.entitlements,
            })
        })
        .collect();
    let permissions: Vec<Value> = workspace
        .grants
        .iter()
        .map(|grant| {
            let (kind, name) = match &grant.who {
                Grantee::User(name) => ("user", name),
                Grantee::Group(name) => ("group", name),
                Grantee::ServicePrincipal(name) => ("service-principal", name),
            };
            json!({"kind": kind, "name": name, "level": grant.level})
        })
        .collect();
    let secrets: Vec<Value> = workspace
        .scopes
        .iter()
        .flat_map(|scope| {
            scope.secrets.iter().map(|(key, secret)| {
                json!({
                    "scope": scope.name, "key": key, "updated": rfc3339(secret.updated_ms),
                    "sha256": sha256(&secret.value),
                })
            })
        })
        .collect();
    json!({
        "url": url,
        "id": workspace.id.to_string(),
        "tokens": tokens,
        "members": members,
        "permissions": permissions,
        "conf": workspace.conf,
        "secrets": secrets,
    })
}

fn token(pat: &Pat, now: i64) -> Value {
    let mut rights = pat.rights.clone();
    rights.settle(pat.created_ms, now);
    json!({
        "token-id": pat.id,
        "owner": pat.owner,
        "comment": pat.comment,
        "created": rfc3339(pat.created_ms),
        "expires": (pat.expiry_ms >= 0).then(|| rfc3339(pat.expiry_ms)),
        "live": pat.is_live(now),
        "scopes": rights.scopes,
        "autoscope": rights.autoscope,
        "used-scopes": rights.used,
        "last-used": pat.last_used_ms.map(rfc3339),
    })
}

fn applications(world: &World) -> Vec<Value> {
    world
        .directory
        .applications
        .iter()
        .map(|application| {
            let secrets: Vec<Value> = application
                .secrets
                .iter()
                .map(|secret| {
                    json!({
                        "key-id": secret.key_id,
                        "display-name": secret.display_name,
                        "created": rfc3339(secret.start_ms),
                        "expires": rfc3339(secret.end_ms),
                        "sha256": sha256(secret.value.as_bytes()),
                    })
                })
                .collect();
            let federated: Vec<Value> = application
                .federated
                .iter()
                .map(|credential| {
                    json!({
                        "name": credential.name, "issuer": credential.issuer, "subject": credential.subject,
                    })
                })
                .collect();
            json!({
                "client-id": application.app_id,
                "display-name": application.display_name,
                "service-principal": world.directory.service_principal(&application.app_id).is_some(),
                "secrets": secrets,
                "federated-credentials": federated,
            })
        })
        .collect()
}

fn oauth_secrets(world: &World) -> Vec<Value> {
    let shown = |application: &str, secret: &OauthSecret| {
        json!({
            "client-id": application,
            "id": secret.id,
            "created": rfc3339(secret.created_ms),
            "expires": rfc3339(secret.expires_ms),
            "sha256": sha256(secret.value.as_bytes()),
        })
    };
    let principals = world.account.principals.iter();
    principals
        .flat_map(|principal| principal.secrets.iter().map(|secret| shown(&principal.application_id, secret)))
        .collect()
}

fn place(place: &Place) -> Value {
    match place {
        Place::Repository(repository) => json!({"repository": repository}),
        Place::Environment(repository, environment) => {
            json!({"repository": repository, "environment": environment})
        }
        Place::Organization(organization) => json!({"organization": organization}),
        Place::DependabotRepository(repository) => json!({"repository": repository, "app": "dependabot"}),
        Place::FurtherRepository(app, repository) => json!({"repository": repository, "app": app}),
        Place::FurtherOrganization(app, organization) => json!({"organization": organization, "app": app}),
        Place::DependabotOrganization(organization) => {
            json!({"organization": organization, "app": "dependabot"})
        }
    }
}

fn github(github: &Github) -> Vec<Value> {
    github
        .secrets()
        .map(|(at, name, secret)| {
            json!({
                "place": place(at),
                "name": name,
                "created": rfc3339(secret.created_ms),
                "updated": rfc3339(secret.updated_ms),
                "sha256": sha256(secret.value.as_bytes()),
            })
        })
        .collect()
}

fn variables(github: &Github) -> Vec<Value> {
    github
        .variables
        .iter()
        .flat_map(|(at, variables)| {
            variables.iter().map(|(name, variable)| {
                json!({
                    "place": place(at), "name": name, "updated": rfc3339(variable.updated_ms),
                })
            })
        })
        .collect()
}
