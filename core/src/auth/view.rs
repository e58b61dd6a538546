//! What a way to sign in finds in the environment.

use super::assertion::devops_url;
use crate::config::Principal;
use crate::host::Environment;
use crate::model::PrincipalKind;

/// Holds what a way to sign in looks at.
pub(super) struct View<'a> {
    environment: &'a dyn Environment,
    principal: &'a Principal,
    /// Whether `DATABRICKS_AUTH_TYPE` names this very way, so that nothing needs to hint at it.
    named: bool,
}

impl<'a> View<'a> {
    pub(super) fn new(environment: &'a dyn Environment, principal: &'a Principal, named: bool) -> Self {
        Self { environment, principal, named }
    }

    pub(super) fn environment(&self) -> &'a dyn Environment {
        self.environment
    }

    /// Returns whether `DATABRICKS_AUTH_TYPE` names this very way.
    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// Returns whether the configuration names a principal of that kind.
    pub(super) fn is_configured(&self, kind: PrincipalKind) -> bool {
        self.principal.kind == kind && self.principal.client_id.is_some()
    }

    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    /// Returns the id that the environment gives, unless the configuration says whose sign-in this is.
    pub(super) fn client(&self, names: &[&str]) -> Option<String> {
        if self.principal.client_id.is_some() {
            None
        } else {
            names.iter().find_map(|name| self.variable(name))
        }
    }

    pub(super) fn has_client(&self, names: &[&str]) -> bool {
        self.principal.client_id.is_some() || names.iter().any(|name| self.variable(name).is_some())
    }

    pub(super) fn tenant(&self, names: &[&str]) -> Option<String> {
        if self.principal.tenant_id.is_some() {
            None
        } else {
            names.iter().find_map(|name| self.variable(name))
        }
    }

    pub(super) fn resource_id(&self) -> Option<String> {
        self.variable("DATABRICKS_AZURE_RESOURCE_ID")
    }

    /// Returns whether an Azure sign-in can be the principal's: one that Databricks manages has none.
    pub(super) fn azure(&self) -> bool {
        self.named || self.principal.kind == PrincipalKind::Entra
    }

    pub(super) fn in_github(&self) -> bool {
        self.named
            || (self.variable("ACTIONS_ID_TOKEN_REQUEST_URL").is_some()
                && self.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN").is_some())
    }

    pub(super) fn in_azure_pipelines(&self) -> bool {
        self.named
            || (self.variable("SYSTEM_ACCESSTOKEN").is_some() && devops_url(self.environment).is_some())
    }
}
