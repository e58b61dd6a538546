//! The user's own `lakekey.yml` on the emulator, as it stands: what it names is made there, and each of its
//! variables gets a value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lakekey_core::Error;
use lakekey_emulator::{
    Application, Emulator, Grant, Grantee, GroupRole, Installation, Member, MemberKind, Origin, Rehearsal,
    SecretScope, Seed, Service, ServicePrincipal, World,
};
use serde_json::{Map, Value};

/// How long what is made lives, in milliseconds.
const YEAR: i64 = 365 * 86_400_000;

/// Every permission that a place on GitHub takes.
const PERMISSIONS: [&str; 12] = [
    "secrets",
    "environments",
    "organization_secrets",
    "dependabot_secrets",
    "organization_dependabot_secrets",
    "codespaces_secrets",
    "organization_codespaces_secrets",
    "agent_secrets",
    "organization_agent_secrets",
    "actions",
    "administration",
    "organization_administration",
];

/// Reads what a configuration names.
///
/// # Errors
/// `config-unreadable`, `config-syntax`.
pub(crate) fn of(bytes: &[u8]) -> Result<Rehearsal, Error> {
    let document = lakekey_core::document(bytes)?;
    let targets = document["targets"].as_array().cloned().unwrap_or_default();
    let workspaces = targets.iter().map(workspace).collect();
    let hosts = hosts(&document, &targets);
    let prepare = Arc::new(move |emulator: &Emulator| Stage { emulator, document: &document }.set(&targets));
    Ok(Rehearsal { workspaces, hosts, prepare })
}

/// Returns the address of a target's workspace, as it is copied from a browser too.
fn workspace(target: &Value) -> String {
    let text = text(&target["workspace"]);
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    format!("https://{}", bare.split(['/', '?', '#']).next().unwrap_or_default())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Returns what a configuration names beside the public cloud's own hosts.
fn hosts(document: &Value, targets: &[Value]) -> Vec<(Service, String)> {
    let named = [
        ("login", Service::Entra),
        ("graph", Service::Graph),
        ("github", Service::Github),
        ("azure-devops", Service::AzureDevops),
        ("management", Service::Management),
        ("accounts", Service::DatabricksAccount),
        ("imds", Service::Imds),
    ];
    let origin = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split(['/', '?']).next().unwrap_or_default()))
    };
    let endpoints = &document["endpoints"];
    let mut hosts: Vec<(Service, String)> = named
        .into_iter()
        .filter_map(|(name, service)| Some((service, origin(text(&endpoints[name]))?)))
        .collect();
    for place in targets.iter().flat_map(places) {
        match text(&place["type"]) {
            "webhook" => hosts.extend(origin(text(&place["url"])).map(|url| (Service::Webhook, url))),
            "key-vault" => hosts.extend(origin(text(&place["vault"])).map(|url| (Service::KeyVault, url))),
            _ => {}
        }
    }
    hosts
}

/// Lists the places of delivery of all kinds of credentials.
fn places(target: &Value) -> Vec<Value> {
    let of = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let kinds = ["client-secret", "oauth-secret"].map(|kind| of(&target[kind]["deliver"]));
    of(&target["deliver"]).into_iter().chain(kinds.into_iter().flatten()).collect()
}

struct Stage<'a> {
    emulator: &'a Emulator,
    document: &'a Value,
}

impl Stage<'_> {
    fn set(&self, targets: &[Value]) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        self.job(targets, &mut env);
        for (index, target) in targets.iter().enumerate() {
            self.target(index, target, &mut env);
        }
        self.github(targets, &mut env);
        // A host that the configuration alone names gets no secret, here as elsewhere.
        let bare =
            |url: String| url.rsplit('/').next().and_then(|host| Some(host.split(':').next()?.to_owned()));
        let named = hosts(self.document, targets).into_iter().filter_map(|(_, url)| bare(url));
        let named: BTreeSet<String> = named.filter(|host| !host.is_empty()).collect();
        if !named.is_empty() {
            let list = named.into_iter().collect::<Vec<_>>().join(",");
            env.insert("LAKEKEY_ALLOW_HOSTS".to_owned(), list);
        }
        let azure = &self.document["azure"];
        if azure.is_object() {
            self.sign_in(azure, 0, &Map::new(), &mut env);
        }
        env
    }

    /// Puts the job of a workflow in place: in the first repository that is named.
    fn job(&self, targets: &[Value], env: &mut BTreeMap<String, String>) {
        let trusts = targets.iter().map(|target| &target["federated-credential"]);
        let named = trusts.clone().map(|trust| text(&trust["repository"]).to_owned());
        let written = targets.iter().flat_map(places).map(|place| text(&place["repository"]).to_owned());
        let first = named.chain(written).find(|name| name.contains('/'));
        let environment = trusts.clone().find_map(|trust| trust["environment"].as_str().map(str::to_owned));
        let variables = self.emulator.world(|world| {
            if let Some((owner, name)) = first.as_deref().and_then(|name| name.split_once('/')) {
                world.oidc.actions.owner = owner.to_owned();
                world.oidc.actions.repository = name.to_owned();
            }
            world.oidc.actions.environment = environment;
            let mut variables = world.actions_environment();
            variables.extend(world.pipeline_environment().into_iter().filter(|(name, _)| name != "TF_BUILD"));
            variables
        });
        env.extend(variables);
    }

    fn target(&self, index: usize, target: &Value, env: &mut BTreeMap<String, String>) {
        let empty = Map::new();
        let principal = target["principal"].as_object().unwrap_or(&empty);
        let id = |key: &str| principal.get(key).map(text).unwrap_or_default().to_ascii_lowercase();
        let (tenant, account, client) = (id("tenant-id"), id("account-id"), id("client-id"));
        self.emulator.world(|world| {
            if !tenant.is_empty() && !world.directory.tenants.contains(&tenant) {
                world.directory.tenants.push(tenant.clone());
            }
            if let (Some(held), false) = (world.workspaces.get_mut(index), tenant.is_empty()) {
                held.tenant.clone_from(&tenant);
            }
            if !account.is_empty() {
                world.account.id.clone_from(&account);
            }
        });
        if !client.is_empty() {
            let name = principal.get("display-name").map_or_else(|| text(&target["name"]), text);
            self.ensure_application(&client, &tenant, name);
            self.ensure_member(index, &client, name, false);
        }
        for key in ["auth", "admin", "directory"] {
            if target[key].is_object() {
                let who = self.sign_in(&target[key], index, principal, env);
                self.empower(key, index, &target[key], &who);
            }
        }
        for place in places(target) {
            self.place(index, &place, principal, env);
        }
    }

    /// Gives who signs in for a purpose what that takes.
    fn empower(&self, key: &str, index: usize, sign_in: &Value, who: &str) {
        if who.is_empty() {
            return;
        }
        self.emulator.world(|world| match key {
            "directory" => {
                for known in world.directory.service_principals.iter_mut().filter(|it| it.app_id == who) {
                    known.graph_roles.push("Application.ReadWrite.All".to_owned());
                }
            }
            "admin" => world.account.admins.push(who.to_owned()),
            _ => {}
        });
        let resource = text(&sign_in["azure-resource-id"]).to_owned();
        if key == "admin" && resource.is_empty() {
            self.ensure_member(index, who, who, true);
        }
        if !resource.is_empty() {
            self.emulator.world(|world| {
                if let Some(held) = world.workspaces.get_mut(index) {
                    held.resource_id.clone_from(&resource);
                }
                for known in world.directory.service_principals.iter_mut().filter(|it| it.app_id == who) {
                    known.azure_roles.push(("Contributor".to_owned(), resource.clone()));
                }
            });
        }
    }

    /// Makes somebody able to sign in, gives the variables their values, and returns the application id.
    fn sign_in(
        &self,
        sign_in: &Value,
        index: usize,
        principal: &Map<String, Value>,
        env: &mut BTreeMap<String, String>,
    ) -> String {
        let of = |key: &str| {
            let own = text(&sign_in[key]);
            let own = if own.is_empty() { principal.get(key).map(text).unwrap_or_default() } else { own };
            own.to_ascii_lowercase()
        };
        let (client, tenant) = (of("client-id"), of("tenant-id"));
        if !client.is_empty() {
            self.ensure_application(&client, &tenant, &client);
        }
        let variable = |key: &str| sign_in[key]["env"].as_str().map(str::to_owned);
        let mut give = |name: Option<String>, value: String| {
            if let Some(name) = name {
                env.entry(name).or_insert(value);
            }
        };
        match text(&sign_in["type"]) {
            "azure-client-secret" => {
                let value = self.emulator.world(|world| world.add_client_secret(&client, YEAR));
                give(variable("client-secret"), value);
            }
            "oauth-m2m" => {
                let made = self.emulator.world(|world| {
                    let end = world.now_ms() + YEAR;
                    world.add_oauth_secret(&client, end, None)
                });
                give(variable("client-secret"), made.map(|(_, value)| value).unwrap_or_default());
            }
            "pat" => {
                let token = self.emulator.world(|world| world.seeded.admin_tokens.get(index).cloned());
                give(variable("token"), token.unwrap_or_default());
            }
            "access-token" => {
                let seed = Seed::AccessToken {
                    client_id: self.emulator.world(|world| world.seeded.directory_client_id.clone()),
                    user: None,
                    audience: "https://graph.microsoft.com".to_owned(),
                    roles: vec!["Application.ReadWrite.All".to_owned()],
                    lifetime_seconds: Some(YEAR / 1000),
                };
                let made = self.emulator.seed(seed).unwrap_or_default();
                give(variable("token"), text(&made["access-token"]).to_owned());
            }
            "github-oidc-azure" | "github-oidc" => {
                self.emulator.world(|world| {
                    let (subject, issuer) = (world.oidc.actions.subject(), world.oidc.actions.issuer.clone());
                    let audience = format!("{}/oidc/v1/token", world.origins.workspace(index));
                    world.add_federated_credential(&client, "rehearsal", &issuer, &subject);
                    world.add_federation_policy(&client, &issuer, &subject, &[&audience]);
                });
            }
            "azure-devops-oidc" => self.emulator.world(|world| {
                let id = text(&sign_in["service-connection-id"]).to_owned();
                if let (Some(connection), false) =
                    (world.oidc.pipeline.connections.first_mut(), id.is_empty())
                {
                    connection.id = id;
                }
                let job = &world.oidc.pipeline;
                let says = job.identity(
                    job.connections.first().filter(|it| it.id == text(&sign_in["service-connection-id"])),
                );
                world.add_federated_credential(&client, "rehearsal-pipeline", &says.issuer, &says.subject);
                world.add_federation_policy(&client, &says.issuer, &says.subject, &[says.audience]);
            }),
            "azure-msi" => {
                let variables = self.emulator.world(|world| {
                    world.imds.user_assigned.push(client.clone());
                    on_loopback(world)
                });
                env.extend(variables);
            }
            _ => {}
        }
        client
    }

    fn ensure_application(&self, client: &str, tenant: &str, name: &str) {
        self.emulator.world(|world| {
            if world.directory.application(client).is_some() {
                return;
            }
            let home = world.directory.home().to_owned();
            let tenant = if tenant.is_empty() { home } else { tenant.to_owned() };
            let (object_id, principal_id) = (world.random.uuid(), world.random.uuid());
            let created_ms = world.now_ms();
            world.directory.applications.push(Application {
                object_id,
                app_id: client.to_owned(),
                tenant: tenant.clone(),
                display_name: name.to_owned(),
                sign_in_audience: "AzureADMyOrg".to_owned(),
                created_ms,
                ..Application::default()
            });
            world.directory.service_principals.push(ServicePrincipal {
                object_id: principal_id,
                app_id: client.to_owned(),
                tenant,
                display_name: name.to_owned(),
                created_ms,
                ..ServicePrincipal::default()
            });
        });
    }

    fn ensure_member(&self, index: usize, client: &str, name: &str, admin: bool) {
        self.emulator.world(|world: &mut World| {
            let id = world.account_principal(client);
            let Some(held) = world.workspaces.get_mut(index) else { return };
            if let Some(known) = held.members.iter_mut().find(|member| member.name == client) {
                known.groups.extend(admin.then(|| "admins".to_owned()));
                return;
            }
            let groups = ["users".to_owned()].into_iter().chain(admin.then(|| "admins".to_owned())).collect();
            held.members.push(Member {
                id,
                name: client.to_owned(),
                kind: MemberKind::ServicePrincipal,
                display_name: name.to_owned(),
                active: true,
                entitlements: vec!["workspace-access".to_owned()],
                groups,
                external_id: None,
            });
            held.grants.push(Grant {
                who: Grantee::ServicePrincipal(client.to_owned()),
                level: "CAN_USE".to_owned(),
            });
        });
    }

    fn place(
        &self,
        index: usize,
        place: &Value,
        principal: &Map<String, Value>,
        env: &mut BTreeMap<String, String>,
    ) {
        let own = principal.get("client-id").map(text).unwrap_or_default().to_ascii_lowercase();
        let azure = &self.document["azure"];
        let writer = match [&place["auth"], azure].into_iter().find(|value| value.is_object()) {
            Some(sign_in) => self.sign_in(sign_in, index, principal, env),
            None => own,
        };
        match text(&place["type"]) {
            "key-vault" => {
                self.emulator.world(|world| world.allow_in_vaults(&writer, &["get", "list", "set"]))
            }
            "databricks-secret" => self.emulator.world(|world| {
                let Some(held) = world.workspaces.get_mut(index) else { return };
                let name = text(&place["scope"]);
                if !held.scopes.iter().any(|scope| scope.name == name) {
                    let acls = [("users".to_owned(), "WRITE".to_owned())].into();
                    held.scopes.push(SecretScope { name: name.to_owned(), acls, ..SecretScope::default() });
                }
            }),
            "azure-devops-variable" => {
                self.emulator.world(|world| variable_group(world, place, &writer));
                if let Some(name) = place["auth"]["token"]["env"].as_str() {
                    let token = self.emulator.world(|world| world.seeded.devops_token.clone());
                    env.insert(name.to_owned(), token);
                }
            }
            "webhook" => {
                if let Some(name) = place["key"]["env"].as_str() {
                    env.entry(name.to_owned()).or_insert_with(|| "a-key-of-the-rehearsal".to_owned());
                }
            }
            _ => {}
        }
    }

    /// Makes the repositories, and gives the sign-in of GitHub a value.
    fn github(&self, targets: &[Value], env: &mut BTreeMap<String, String>) {
        let mut owners = Vec::new();
        for place in targets.iter().flat_map(places).filter(|place| text(&place["type"]) == "github-secret") {
            let (repository, organization) = (text(&place["repository"]), text(&place["organization"]));
            if !organization.is_empty() {
                owners.push(organization.to_owned());
            }
            let named = place["repositories"].as_array().into_iter().flatten().map(text);
            let of_organization = named.map(|name| format!("{organization}/{name}"));
            let all = of_organization.chain((!repository.is_empty()).then(|| repository.to_owned()));
            for name in all.collect::<Vec<_>>() {
                owners.extend(name.split('/').next().map(str::to_owned));
                let environments = place["environment"].as_str().map(str::to_owned).into_iter().collect();
                let seed = Seed::GithubRepository { name, environments, formerly: Vec::new(), subject: None };
                let _ = self.emulator.seed(seed);
            }
        }
        let sign_in = &self.document["github"];
        if let Some(name) = sign_in["token"]["env"].as_str() {
            let permissions = PERMISSIONS.map(str::to_owned).to_vec();
            let made = self.emulator.seed(Seed::GithubToken { permissions, lifetime_seconds: None });
            env.insert(name.to_owned(), text(&made.unwrap_or_default()["token"]).to_owned());
        }
        let key = self.emulator.world(|world| {
            world.github.organizations.extend(owners.iter().cloned());
            world.github.organizations.sort();
            world.github.organizations.dedup();
            sign_in["private-key"].is_object().then(|| {
                let (_, key) = world.github_app();
                if let Some(app) = &mut world.github.app {
                    app.id = sign_in["app-id"].as_u64().unwrap_or(app.id);
                    app.permissions.extend(PERMISSIONS.map(|name| (name.to_owned(), "write".to_owned())));
                    app.installations = world
                        .github
                        .organizations
                        .iter()
                        .zip(4_567_890..)
                        .map(|(account, id)| Installation {
                            id,
                            account: account.clone(),
                            ..Installation::default()
                        })
                        .collect();
                }
                key
            })
        });
        if let (Some(name), Some(key)) = (sign_in["private-key"]["env"].as_str(), key) {
            env.insert(name.to_owned(), key);
        }
    }
}

/// Returns the environment of App Service, whose endpoint is one on loopback: lakekey sends what goes by
/// plain HTTP through no proxy.
fn on_loopback(world: &mut World) -> Vec<(String, String)> {
    let is_local = |origin: &&Origin| origin.service == Service::Imds && origin.url.contains("127.0.0.1");
    let local = world.origins.all().iter().find(is_local).map(|origin| origin.url.clone());
    let real = world.origins.of(Service::Imds).to_owned();
    let local = local.unwrap_or_else(|| real.clone());
    let variables = world.app_service_environment().into_iter();
    variables.map(|(name, value)| (name, value.replacen(&real, &local, 1))).collect()
}

/// Makes an organisation, a project and a variable group of Azure DevOps.
fn variable_group(world: &mut World, place: &Value, writer: &str) {
    let organization = text(&place["organization"]);
    if !organization.is_empty() {
        world.oidc.pipeline.organization = organization.to_owned();
    }
    let project = text(&place["project"]);
    if !world.azure_devops.projects.iter().any(|it| it.name.eq_ignore_ascii_case(project) || it.id == project)
    {
        world.add_devops_project(project);
    }
    let name = place["group"].as_str().unwrap_or("rehearsal");
    let number = place["group"].as_u64();
    let is_meant = |id: u64, held: &str| number.map_or(held == name, |number| number == id);
    if !world.azure_devops.groups.iter().any(|it| is_meant(it.id, &it.name)) {
        let id = world.add_variable_group(project, name, &[("REHEARSAL", "yes", false)]);
        let made = world.azure_devops.groups.iter_mut().find(|it| it.id == id);
        if let (Some(made), Some(number)) = (made, number) {
            made.id = number;
        }
    }
    world.azure_devops.principals.insert(writer.to_ascii_lowercase(), GroupRole::Administrator);
}
