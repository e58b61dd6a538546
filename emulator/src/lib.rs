//! The remote services of lakekey in one process: Entra ID, Microsoft Graph, Databricks workspaces, GitHub,
//! Azure DevOps and Key Vault.
//!
//! It is a state machine first ([`Emulator`], synchronous, no sockets, its own clock and randomness) and a
//! thin HTTP host second. It is strict: a wrong scope, content type, header, body field or token gets the
//! service's own refusal in the service's own shape. It depends on no other crate of the workspace, so that a
//! misunderstanding is not shared by both sides.

// From the ground up: README.md says what each layer holds.
mod clock;
mod hex;
mod json;
mod random;

mod state;

mod signing;
mod world;

mod call;
mod reply;

mod services;

mod dispatch;
mod fault;
mod fresh_world;
mod record;

mod emulator;

mod control;

mod host;

#[cfg(test)]
mod testing;

pub use clock::Clock;
pub use control::{AzureSeed, Seed, SeedVariable};
pub use emulator::{Emulator, Options, Outcome};
pub use fault::{Fault, FaultKind};
pub use host::{HostOptions, Hosted, Ready, Rehearsal, host};
pub use random::Random;
pub use record::Record;
pub use state::{
    Account, AccountPrincipal, ActionsJob, App, Application, Autoscope, AzureDevops, Bearer, Certificate,
    ClientSecret, DevopsToken, Directory, FederatedCredential, FederationPolicy, Github, GithubSecret,
    GithubToken, Grant, Grantee, Graph, GraphLag, GroupRole, GroupType, GroupVariable, Imds, Installation,
    Issue, JobIdentity, KeyVaults, LagShape, Limits, Member, MemberKind, Notebook, OauthSecret, Oidc, Origin,
    Origins, Pat, PipelineJob, Place, Project, Propagation, Replicas, Repository, Rights, SecretScope,
    Seeded, Service, ServiceConnection, ServicePrincipal, Spread, SpreadKind, Store, StoredSecret, Subject,
    SubjectForm, TokenKind, Variable, VariableGroup, VaultSecret, VaultVersion, WebhookDelivery, Workspace,
};
pub use world::World;
