//! `azure-msi`: a managed identity of the machine.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview>

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::Token;
use super::context::{Issuer, Method, Request};
use super::entra::{check_ids, identity};
use super::resource::Resource;
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Error, Secret};
use crate::service::metadata;

/// A managed identity of the machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureMsi {
    /// The client id of a user-assigned identity.
    client_id: Option<String>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

impl AzureMsi {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "ARM_USE_MSI";

    /// Reads what Terraform and the Databricks SDKs read.
    pub(super) fn of_arm(view: &View<'_>) -> Option<Self> {
        let wanted = view
            .variable("ARM_USE_MSI")
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1"));
        // The name of a user-assigned identity stands in ARM_CLIENT_ID, whatever the principal is: without it
        // the machine's own is meant.
        (view.is_named() || (wanted && view.azure())).then(|| Self {
            client_id: view.variable("ARM_CLIENT_ID"),
            azure_resource_id: view.resource_id(),
        })
    }

    async fn token(&self, request: &Request<'_>, resource: Resource) -> Result<Secret, Error> {
        let context = request.context;
        let (id, client) = (resource.id(context.endpoints), self.client_id.as_deref());
        let fetch = async {
            let granted =
                metadata::token(context, &context.endpoints.imds, &id, client, request.step).await?;
            Ok(Token::living(context, Secret::new(granted.access_token), granted.expires_in.seconds()))
        };
        let name = format!("metadata {} {id}", client.unwrap_or_default());
        context.session().tokens.get(context, name, fetch).await
    }
}

impl Method for AzureMsi {
    fn name(&self) -> &'static str {
        "azure-msi"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_ids(path, None, self.client_id.as_deref(), self.azure_resource_id.as_deref())
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Entra
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let token = async |resource| self.token(&request, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
