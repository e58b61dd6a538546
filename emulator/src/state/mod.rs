//! What each service holds, as plain data: nothing here knows a request, another service or the world.

mod azure_devops;
mod bearers;
mod databricks;
mod directory;
pub(crate) mod expression;
mod github;
mod graph;
mod imds;
mod key_vault;
mod oidc;
mod origins;
mod propagation;
mod rights;
mod seeded;
mod webhooks;

pub use azure_devops::{
    AzureDevops, DevopsToken, GroupRole, GroupType, Project, Variable as GroupVariable, VariableGroup,
};
pub(crate) use bearers::{
    AZURE_DEVOPS_RESOURCE, Claims, DATABRICKS_RESOURCE, GRAPH_RESOURCE, MANAGEMENT_RESOURCE, VAULT_RESOURCE,
};
pub use bearers::{Bearer, Subject};
pub use databricks::{
    Account, AccountPrincipal, Grant, Grantee, Member, MemberKind, Notebook, OauthSecret, Pat, SecretScope,
    StoredSecret, Workspace,
};
pub(crate) use databricks::{ENTITLEMENTS, token_id};
pub use directory::{
    Application, Certificate, ClientSecret, Directory, FederatedCredential, ServicePrincipal,
};
pub(crate) use github::Usage;
pub use github::{
    App, Github, GithubSecret, GithubToken, Installation, Issue, Limits, Place, Repository, Store,
    SubjectForm, TokenKind, Variable,
};
pub use graph::{Graph, GraphLag, LagShape, Replicas};
pub use imds::Imds;
pub use key_vault::{KeyVaults, VaultSecret, VaultVersion};
pub use oidc::{ActionsJob, FederationPolicy, JobIdentity, Oidc, PipelineJob, ServiceConnection};
pub(crate) use oidc::{ENTRA_ISSUED_AUDIENCE, EXCHANGE_AUDIENCE};
pub(crate) use origins::workspace_host;
pub(crate) use origins::workspace_id;
pub use origins::{Origin, Origins, Service};
pub use propagation::{Propagation, Spread, SpreadKind};
pub(crate) use rights::covers;
pub use rights::{Autoscope, Rights};
pub use seeded::Seeded;
pub(crate) use seeded::{ADMIN, ANALYST, ORGANIZATION, TENANT, repository_name};
pub use webhooks::WebhookDelivery;
