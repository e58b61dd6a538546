//! A `lakekey.yml` that is ready to use against the emulator, and the environment that it needs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ready::Ready;
use crate::state::{GRAPH_RESOURCE, Subject, repository_name};
use crate::world::World;

const CLIENT_SECRET: &str = "CATALOG_CLIENT_SECRET";
const GRAPH_TOKEN: &str = "GRAPH_TOKEN";
const GITHUB_TOKEN: &str = "LAKEKEY_GITHUB_TOKEN";

/// Names the variable that holds the PAT of a workspace's admin.
fn admin_token(index: usize) -> String {
    if index == 0 {
        "DATABRICKS_ADMIN_TOKEN".to_owned()
    } else {
        format!("DATABRICKS_ADMIN_TOKEN_{}", index + 1)
    }
}

/// Returns the environment: the values are secrets.
pub(super) fn environment(world: &mut World) -> BTreeMap<String, String> {
    let seeded = world.seeded.clone();
    // Somebody else has got this token, and it must outlive every demonstration.
    let day = 86_400_000;
    let writer = Subject::Application(seeded.directory_client_id.clone());
    let graph = world.issue_bearer(GRAPH_RESOURCE, writer, &["Application.ReadWrite.All"], 365 * day);
    let mut env: BTreeMap<String, String> = [
        (CLIENT_SECRET.to_owned(), seeded.client_secret),
        (GRAPH_TOKEN.to_owned(), graph),
        (GITHUB_TOKEN.to_owned(), seeded.github_token),
    ]
    .into();
    env.extend(seeded.admin_tokens.into_iter().enumerate().map(|(index, token)| (admin_token(index), token)));
    env
}

/// Writes the configuration: one target for each workspace, and no secret.
pub(super) fn write(world: &World, ready: &Ready) -> String {
    let of = |name: &str| ready.others.get(name).map_or("", String::as_str);
    let mut text = "version: 1\n".to_owned();
    // At the real names nothing has to be said of where they are.
    if ready.proxy.is_none() {
        let _ = write!(
            text,
            "endpoints:
  login: {}
  graph: {}
  github: {}
  azure-devops: {}
  management: {}
  accounts: {}
  imds: {}
",
            ready.login,
            ready.graph,
            ready.github,
            ready.azure_devops,
            of("management"),
            of("accounts"),
            of("imds"),
        );
    }
    let _ = write!(
        text,
        "defaults:
  token: {{lifetime: 90d, renew-before: 30d}}
github:
  type: token
  token: {{env: {GITHUB_TOKEN}}}
targets:
"
    );
    for (index, workspace) in ready.workspaces.iter().enumerate() {
        let name = if index == 0 { "catalog-prod".to_owned() } else { format!("catalog-prod-{}", index + 1) };
        let _ = write!(
            text,
            "  - name: {name}
    workspace: {workspace}
    principal:
      kind: entra
      tenant-id: {}
      client-id: {}
      display-name: catalog-prod
    auth:
      type: azure-client-secret
      client-secret: {{env: {CLIENT_SECRET}}}
    admin:
      type: pat
      token: {{env: {}}}
    directory:
      type: access-token
      token: {{env: {GRAPH_TOKEN}}}
    entitlements: [workspace-access, databricks-sql-access]
    token:
      comment: data catalogue
    deliver:
      - type: github-secret
        repository: {}
        secret: DATABRICKS_TOKEN
",
            world.seeded.tenant,
            world.seeded.client_id,
            admin_token(index),
            repository_name(index),
        );
    }
    text
}
