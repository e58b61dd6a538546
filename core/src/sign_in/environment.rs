//! The environment's names of Databricks unified authentication and of the Azure SDKs, in their documented order.
//!
//! <https://docs.databricks.com/dev-tools/auth/unified-auth>

use crate::config::{Auth, Principal, SecretRef};
use crate::platform::Environment;

/// Returns the first way to sign in that the environment holds.
pub(super) fn auth(environment: &dyn Environment, principal: &Principal) -> Option<Auth> {
    let _ = principal;
    environment.variable("ARM_CLIENT_SECRET").map(|_| Auth::AzureClientSecret {
        tenant_id: environment.variable("ARM_TENANT_ID"),
        client_id: environment.variable("ARM_CLIENT_ID"),
        client_secret: SecretRef::Env("ARM_CLIENT_SECRET".to_owned()),
        azure_resource_id: environment.variable("DATABRICKS_AZURE_RESOURCE_ID"),
    })
}
