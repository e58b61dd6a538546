//! Microsoft Graph: the application, its service principal, its client secrets and its federated credentials.
//!
//! Graph is replicated, and right after a creation its replicas disagree. Every function here waits for the
//! effect, up to a bound, and never creates a second time without having looked again.
//!
//! The caller is `directory`: it needs `Application.ReadWrite.OwnedBy` and owns what it makes, or `.All`.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

mod applications;
mod federation;
mod ownership;
mod pages;
mod passwords;
mod propagation;
mod refusals;

pub(crate) use applications::{
    Application, By, ensure_application, ensure_service_principal, find_application, find_service_principal,
    unknown,
};
pub(crate) use federation::{
    FederatedCredentialInfo, Match, Trust, ensure_federated_credential, find_federated_credential,
    list_federated_credentials,
};
pub(crate) use ownership::check_ours;
pub(crate) use passwords::{PasswordInfo, add_password, list_passwords, remove_password};

#[cfg(test)]
mod tests;
