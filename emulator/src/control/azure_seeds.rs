//! What a test or a demonstration wants of Entra ID's federation, Key Vault, Azure DevOps, Graph's lag and
//! the metadata service.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::state::{GraphLag, GroupRole, JobIdentity};
use crate::world::World;

/// Names one thing to put into the world.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum AzureSeed {
    /// A certificate that an application may sign in with.
    Certificate {
        /// The application.
        client_id: String,
        /// The certificate in PEM.
        pem: String,
    },
    /// A federated credential for Entra ID's audience.
    FederatedCredential {
        /// The application.
        client_id: String,
        /// The name.
        name: String,
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
    },
    /// A federation policy of a Databricks service principal.
    FederationPolicy {
        /// The application id.
        application_id: String,
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
        /// The audiences.
        audiences: Vec<String>,
    },
    /// The job of a GitHub Actions workflow; what is left out stays. Answers its subject and its environment.
    ActionsJob {
        /// The owner of the repository.
        owner: Option<String>,
        /// The repository's name.
        repository: Option<String>,
        /// The ref.
        reference: Option<String>,
        /// The environment; empty for none.
        environment: Option<String>,
        /// The event.
        event: Option<String>,
        /// Whether the subject carries the ids of owner and repository.
        ids_in_subject: Option<bool>,
        /// Whether the job has `id-token: write`.
        id_token: Option<bool>,
    },
    /// The job of an Azure Pipelines run; answers its environment, its service connections by name and id,
    /// and what their tokens say.
    PipelineJob {
        /// Whether the pipeline maps `SYSTEM_ACCESSTOKEN`.
        access_token: Option<bool>,
        /// The names of the service connections that a task of the job names; all of them by default.
        references: Option<Vec<String>>,
        /// Whether Entra ID issues the tokens of its service connections, as for those that are new.
        #[serde(default)]
        issued_by_entra: bool,
    },
    /// An identity of the machine that the metadata service speaks for.
    ManagedIdentity {
        /// The application id.
        client_id: String,
        /// Whether it is the machine's own.
        #[serde(default)]
        system_assigned: bool,
    },
    /// A machine of App Service, Container Apps or Functions; answers its environment.
    AppService {},
    /// What an application may do in every vault.
    VaultAccess {
        /// The application.
        client_id: String,
        /// `get`, `list`, `set`, `delete`, `recover`, `purge`.
        rights: Vec<String>,
    },
    /// A personal access token of Azure DevOps; answers it.
    DevopsToken {
        /// What it may do with variable groups.
        role: GroupRole,
        /// How long it lives; a day by default.
        lifetime_seconds: Option<i64>,
    },
    /// What an application may do with variable groups.
    DevopsPrincipal {
        /// The application.
        client_id: String,
        /// The role.
        role: GroupRole,
    },
    /// A variable group; answers its number.
    VariableGroup {
        /// The project.
        project: String,
        /// The name.
        name: String,
        /// The variables.
        variables: Vec<SeedVariable>,
    },
    /// How slowly Graph's replicas learn of what is made from now on.
    GraphLag(GraphLag),
}

/// Describes a variable of a group.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SeedVariable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// Whether it is secret.
    #[serde(default)]
    pub secret: bool,
}

pub(super) fn apply(world: &mut World, seed: AzureSeed) -> Result<Value, String> {
    let no_application = || "there is no such application".to_owned();
    match seed {
        AzureSeed::Certificate { client_id, pem } => {
            let added = world.add_certificate(&client_id, &pem);
            added.then(|| json!({})).ok_or_else(|| {
                "there is no such application, or that is no certificate of an RSA key".to_owned()
            })
        }
        AzureSeed::FederatedCredential { client_id, name, issuer, subject } => world
            .add_federated_credential(&client_id, &name, &issuer, &subject)
            .then(|| json!({}))
            .ok_or_else(no_application),
        AzureSeed::FederationPolicy { application_id, issuer, subject, audiences } => {
            let audiences: Vec<&str> = audiences.iter().map(String::as_str).collect();
            world.add_federation_policy(&application_id, &issuer, &subject, &audiences);
            Ok(json!({}))
        }
        AzureSeed::ActionsJob {
            owner,
            repository,
            reference,
            environment,
            event,
            ids_in_subject,
            id_token,
        } => {
            let job = &mut world.oidc.actions;
            job.owner = owner.unwrap_or_else(|| job.owner.clone());
            job.repository = repository.unwrap_or_else(|| job.repository.clone());
            job.reference = reference.unwrap_or_else(|| job.reference.clone());
            job.event = event.unwrap_or_else(|| job.event.clone());
            job.ids_in_subject = ids_in_subject.unwrap_or(job.ids_in_subject);
            let named = format!("{}/{}", job.owner, job.repository);
            job.owner_id = world.github.account_id(&job.owner);
            job.repository_id = world.github.repository(&named).map_or(job.repository_id, |it| it.id);
            if let Some(environment) = environment {
                job.environment = (!environment.is_empty()).then_some(environment);
            }
            if let Some(wanted) = id_token {
                job.request_token = wanted.then(|| "actions-request-token".to_owned());
            }
            let subject = job.subject();
            Ok(json!({
                "subject": subject, "issuer": job.issuer.clone(),
                "env": environment_json(world.actions_environment()),
            }))
        }
        AzureSeed::PipelineJob { access_token, references, issued_by_entra } => {
            if issued_by_entra {
                let tenant = world.seeded.tenant.clone();
                world.oidc.pipeline.issue_by_entra(&tenant);
            }
            if let Some(names) = references {
                for connection in &mut world.oidc.pipeline.connections {
                    connection.referenced = names.contains(&connection.name);
                }
            }
            if let Some(wanted) = access_token {
                world.oidc.pipeline.access_token = wanted.then(|| "pipeline-job-access-token".to_owned());
            }
            let connections: serde_json::Map<String, Value> = world
                .oidc
                .pipeline
                .connections
                .iter()
                .map(|connection| (connection.name.clone(), json!(connection.id)))
                .collect();
            let job = &world.oidc.pipeline;
            let issuer = job.issuer();
            let tokens: serde_json::Map<String, Value> = job
                .connections
                .iter()
                .map(|connection| {
                    let JobIdentity { issuer, subject, audience } = job.identity(Some(connection));
                    let says = json!({"issuer": issuer, "subject": subject, "audience": audience});
                    (connection.name.clone(), says)
                })
                .collect();
            Ok(json!({
                "issuer": issuer, "service-connections": connections, "tokens": tokens,
                "env": environment_json(world.pipeline_environment()),
            }))
        }
        AzureSeed::ManagedIdentity { client_id, system_assigned } => {
            if system_assigned {
                world.imds.system_assigned = Some(client_id);
            } else {
                world.imds.user_assigned.push(client_id);
            }
            Ok(json!({}))
        }
        AzureSeed::AppService {} => Ok(json!({"env": environment_json(world.app_service_environment())})),
        AzureSeed::VaultAccess { client_id, rights } => {
            let rights: Vec<&str> = rights.iter().map(String::as_str).collect();
            world.allow_in_vaults(&client_id, &rights);
            Ok(json!({}))
        }
        AzureSeed::DevopsToken { role, lifetime_seconds } => Ok(
            json!({"token": world.add_devops_token("sam", role, lifetime_seconds.unwrap_or(86_400) * 1000)}),
        ),
        AzureSeed::DevopsPrincipal { client_id, role } => {
            world.azure_devops.principals.insert(client_id.to_ascii_lowercase(), role);
            Ok(json!({}))
        }
        AzureSeed::VariableGroup { project, name, variables } => {
            let variables: Vec<(&str, &str, bool)> =
                variables.iter().map(|it| (it.name.as_str(), it.value.as_str(), it.secret)).collect();
            Ok(json!({"id": world.add_variable_group(&project, &name, &variables)}))
        }
        AzureSeed::GraphLag(lag) => {
            world.graph.replicas.set(lag);
            Ok(json!({}))
        }
    }
}

fn environment_json(variables: Vec<(String, String)>) -> Value {
    variables
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect::<serde_json::Map<String, Value>>()
        .into()
}
