//! What stands around a target: an emulator with its seeded tenant and workspaces, and a configuration for
//! it.

use std::collections::BTreeMap;

use lakekey_core::{Config, Environment, LocalFuture, Secret};
use lakekey_emulator::{Emulator, GroupRole, Options, Seed};
use serde_json::{Value, json};

/// Holds an emulator, a configuration for it and the environment that the configuration refers to.
#[derive(Clone)]
pub struct Stage {
    /// The services.
    pub emulator: Emulator,
    /// The document.
    pub document: Value,
    /// The environment.
    pub environment: Variables,
}

/// Holds environment variables, and files by their path.
#[derive(Clone, Default)]
pub struct Variables(pub BTreeMap<String, String>, pub BTreeMap<String, Vec<u8>>);

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        // The services of tests that are nobody's own.
        let hosts = || (name == "LAKEKEY_ALLOW_HOSTS").then(|| "hooks.example,dbx.acme.example".to_owned());
        self.0.get(name).cloned().or_else(hosts).filter(|value| !value.is_empty())
    }

    fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        self.1.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn azure_cli<'a>(&'a self, _arguments: &'a [&'a str]) -> LocalFuture<'a, Result<Secret, String>> {
        Box::pin(async { Err("there is no Azure CLI here".to_owned()) })
    }
}

impl Stage {
    /// Sets the stage with one workspace: one target, delivered to a GitHub secret.
    #[must_use]
    pub fn new() -> Self {
        Self::with_workspaces(1)
    }

    /// Sets the stage with several workspaces and a target for each.
    #[must_use]
    pub fn with_workspaces(workspaces: usize) -> Self {
        let emulator = Emulator::in_process(&Options { workspaces, ..Options::default() });
        let (seeded, origins) = emulator.world(|world| (world.seeded.clone(), world.origins.clone()));
        let mut environment = BTreeMap::from([
            ("CLIENT_SECRET".to_owned(), seeded.client_secret.clone()),
            ("GITHUB_PAT".to_owned(), seeded.github_token.clone()),
            ("DIRECTORY_SECRET".to_owned(), seeded.directory_client_secret.clone()),
        ]);
        let targets: Vec<Value> = (0..workspaces)
            .map(|index| {
                environment.insert(format!("ADMIN_TOKEN_{index}"), seeded.admin_tokens[index].clone());
                let repository =
                    if index == 0 { "acme/data".to_owned() } else { format!("acme/data-{}", index + 1) };
                json!({
                    "name": if index == 0 { "catalog-prod".to_owned() }
                        else { format!("catalog-{}", index + 1) },
                    "workspace": origins.workspace(index),
                    "principal": {"tenant-id": seeded.tenant, "client-id": seeded.client_id,
                        "display-name": "catalog-prod"},
                    "auth": {"type": "azure-client-secret", "client-secret": {"env": "CLIENT_SECRET"}},
                    "admin": {"type": "pat", "token": {"env": format!("ADMIN_TOKEN_{index}")}},
                    "entitlements": ["workspace-access", "databricks-sql-access"],
                    "token": {"lifetime": "90d", "renew-before": "30d", "comment": "data catalogue"},
                    "deliver": [{"type": "github-secret", "repository": repository,
                        "secret": "DATABRICKS_TOKEN"}],
                })
            })
            .collect();
        let document = json!({"version": 1, "targets": targets,
            "github": {"type": "token", "token": {"env": "GITHUB_PAT"}}});
        Self { emulator, document, environment: Variables(environment, BTreeMap::new()) }
    }

    /// Changes the first target.
    #[must_use]
    pub fn target(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.document["targets"][0]);
        self
    }

    /// Gives the first target an overlap.
    #[must_use]
    pub fn overlap(self, overlap: &str) -> Self {
        self.target(|target| target["token"]["overlap"] = json!(overlap))
    }

    /// Leaves nothing of the first target's principal: it is to be made under this name, in Entra ID, by who
    /// registers applications there.
    #[must_use]
    pub fn from_nothing(self, name: &str) -> Self {
        let tenant = self.emulator.world(|world| world.seeded.tenant.clone());
        self.with_directory().target(|target| {
            target["principal"] = json!({"display-name": name, "tenant-id": tenant});
        })
    }

    /// Gives the first target who registers applications in Entra ID.
    #[must_use]
    pub fn with_directory(self) -> Self {
        let directory = self.emulator.world(|world| world.seeded.directory_client_id.clone());
        self.target(|target| {
            target["directory"] = json!({"type": "azure-client-secret", "client-id": directory,
                "client-secret": {"env": "DIRECTORY_SECRET"}});
        })
    }

    /// Has the first workspace know the target's principal, with the permission to use tokens.
    #[must_use]
    pub fn imported_and_granted(self) -> Self {
        let id = self.emulator.world(|world| world.seeded.client_id.clone());
        let principal = Seed::Principal {
            workspace: 0,
            application_id: id.clone(),
            display_name: Some("catalog-prod".to_owned()),
            groups: Vec::new(),
            entitlements: None,
        };
        self.seeded(principal).seeded(Seed::TokenPermission { workspace: 0, service_principal_name: id })
    }

    fn seeded(self, seed: Seed) -> Self {
        self.emulator.seed(seed).expect("the stage's seed is right");
        self
    }

    /// Has the first target's principal sign in as the job of a workflow, which its application is to trust.
    #[must_use]
    pub fn federated(mut self) -> Self {
        let (subject, variables) =
            self.emulator.world(|world| (world.oidc.actions.subject(), world.actions_environment()));
        self.environment.0.extend(variables);
        self.target(|target| {
            target["auth"] = json!({"type": "github-oidc-azure"});
            target["federated-credential"] = json!({"subject": subject});
        })
    }

    /// Has the first workspace administered by an application that has an Azure role on it, and is no member.
    #[must_use]
    pub fn administered_by_azure_role(mut self) -> Self {
        let (operator, secret, resource) = self.emulator.world(|world| {
            let operator = world.register_application("operator");
            let secret = world.add_client_secret(&operator, 86_400_000);
            let resource = world.workspaces[0].resource_id.clone();
            for known in world.directory.service_principals.iter_mut().filter(|p| p.app_id == operator) {
                known.azure_roles.push(("Contributor".to_owned(), resource.clone()));
            }
            (operator, secret, resource)
        });
        self.environment.0.insert("OPERATOR".to_owned(), secret);
        self.target(|target| {
            target["admin"] = json!({"type": "azure-client-secret", "client-id": operator,
                "client-secret": {"env": "OPERATOR"}, "azure-resource-id": resource});
        })
    }

    /// Switches PATs off for the first workspace, which leaves no admin who signs in with one.
    #[must_use]
    pub fn without_tokens(self) -> Self {
        self.emulator.world(|world| {
            world.workspaces[0].conf.insert("enableTokensConfig".to_owned(), "false".to_owned());
        });
        self.administered_by_azure_role()
    }

    /// Gives the first target one sink of every kind that keeps a value on the emulator.
    #[must_use]
    pub fn every_sink(self) -> Self {
        let group = self.emulator.world(|world| {
            let client_id = world.seeded.client_id.clone();
            world.allow_in_vaults(&client_id, &["get", "list", "set"]);
            world.azure_devops.principals.insert(client_id, GroupRole::Administrator);
            world.add_variable_group(
                "data",
                "databricks",
                &[("REGION", "westeurope", false), ("OTHER_SECRET", "of somebody else", true)],
            )
        });
        self.target(|target| {
            target["deliver"] = json!([
                {"type": "github-secret", "repository": "acme/data", "secret": "DATABRICKS_TOKEN"},
                {"type": "github-secret", "repository": "acme/data", "secret": "DATABRICKS_TOKEN",
                    "environment": "production"},
                {"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": "databricks-token"},
                {"type": "azure-devops-variable", "organization": "acme", "project": "data", "group": group,
                    "variable": "DATABRICKS_TOKEN"},
                {"type": "databricks-secret", "scope": "integrations", "key": "catalog-token"},
            ]);
        })
    }

    /// Reads the configuration.
    #[must_use]
    pub fn config(&self) -> Config {
        Config::from_value(self.document.clone(), &self.environment)
            .expect("the stage's configuration is right")
    }

    /// Copies the stage as it is now; the copy goes its own way.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { emulator: self.emulator.fork(), ..self.clone() }
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}
