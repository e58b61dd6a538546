//! The remote services of lakekey in one process: Entra ID, Microsoft Graph, Databricks workspaces, GitHub,
//! Azure DevOps and Key Vault.
//!
//! It is a state machine first ([`Emulator`], synchronous, no sockets, its own clock and randomness) and a
//! thin HTTP host second. It is strict: a wrong scope, content type, header, body field or token gets the
//! service's own refusal in the service's own shape. It depends on no other crate of the workspace, so that a
//! misunderstanding is not shared by both sides.

mod call;
mod clock;
mod control;
mod directory;
mod emulator;
mod fault;
mod host;
mod random;
mod record;
mod seed;
mod service;
mod spread;
#[cfg(test)]
mod testing;
mod world;

mod azure_devops;
mod databricks;
mod entra;
mod github;
mod graph;
mod imds;
mod key_vault;
mod management;
mod oidc;
mod webhook;

pub use azure_devops::{
    AzureDevops, DevopsToken, GroupRole, GroupType, Project, Variable as GroupVariable, VariableGroup,
};
pub use clock::Clock;
pub use control::{AzureSeed, Seed, SeedVariable};
pub use databricks::{
    Account, AccountPrincipal, Grant, Grantee, Member, MemberKind, OauthSecret, Pat, SecretScope,
    StoredSecret, Workspace,
};
pub use directory::{
    Application, Certificate, ClientSecret, Directory, FederatedCredential, ServicePrincipal,
};
pub use emulator::{Emulator, Options, Outcome};
pub use fault::{Fault, FaultKind};
pub use github::{
    App, Github, GithubSecret, GithubToken, Installation, Limits, Place, Repository, Store, TokenKind,
    Variable,
};
pub use graph::{Graph, GraphLag, LagShape, Replicas};
pub use host::{HostOptions, Hosted, Ready, host};
pub use imds::Imds;
pub use key_vault::{KeyVaults, VaultSecret, VaultVersion};
pub use oidc::{ActionsJob, FederationPolicy, Oidc, PipelineJob, ServiceConnection};
pub use random::Random;
pub use record::Record;
pub use seed::Seeded;
pub use service::{Origin, Origins, Service};
pub use spread::{Spread, SpreadKind, Spreading};
pub use webhook::WebhookDelivery;
pub use world::{Bearer, Subject, World};
