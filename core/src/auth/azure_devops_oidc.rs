//! `azure-devops-oidc`: an application that trusts an Azure DevOps service connection, or a
//! Databricks-managed principal that trusts a pipeline. Azure Pipelines can vouch for either, and only one of
//! them is known to Entra ID.

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::databricks::{self, TokenScopes};
use super::entra::{check_ids, exchanged, identity};
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Cloud, Error, Origin, PrincipalKind};

/// An Entra application that trusts an Azure DevOps service connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureDevopsOidc {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The id of the service connection.
    service_connection_id: Option<String>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
    /// The scopes that a Databricks-managed principal asks for, such as `[authentication, scim]`; `all-apis`
    /// by default.
    #[serde(default)]
    scopes: TokenScopes,
}

impl AzureDevopsOidc {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "SYSTEM_ACCESSTOKEN and a client id in Azure Pipelines";

    /// Reads what the Databricks SDKs read.
    pub(super) fn of_variables(view: &View<'_>) -> Option<Self> {
        let meant = view.is_named()
            || view.variable("DATABRICKS_CLIENT_ID").is_some()
            || view.variable("ARM_CLIENT_ID").is_some();
        (meant && view.in_azure_pipelines()).then(|| Self::new(view))
    }

    /// Takes what Azure Pipelines gives to every job.
    pub(super) fn of_job(view: &View<'_>) -> Option<Self> {
        (view.has_client(&["AZURE_CLIENT_ID"]) && view.in_azure_pipelines()).then(|| Self::new(view))
    }

    fn new(view: &View<'_>) -> Self {
        Self {
            tenant_id: view.tenant(&["ARM_TENANT_ID", "AZURE_TENANT_ID"]),
            client_id: view.client(&["ARM_CLIENT_ID", "DATABRICKS_CLIENT_ID", "AZURE_CLIENT_ID"]),
            // The tasks of Azure Pipelines that log in with a service connection name it so.
            service_connection_id: view.variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
            azure_resource_id: view.resource_id(),
            scopes: TokenScopes::default(),
        }
    }
}

impl Method for AzureDevopsOidc {
    fn name(&self) -> &'static str {
        "azure-devops-oidc"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let Self { tenant_id, client_id, azure_resource_id, .. } = self;
        check_ids(path, tenant_id.as_deref(), client_id.as_deref(), azure_resource_id.as_deref())?;
        self.scopes.check(path)
    }

    fn scopes(&self) -> Option<&[String]> {
        self.scopes.listed()
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// The audience of every identity token of Azure Pipelines.
    fn assertion_audience(&self, _workspace: &Origin) -> Option<String> {
        Some(Cloud::Public.token_exchange_audience().to_owned())
    }

    fn issuer(&self, principal: &Principal) -> Issuer {
        match principal.kind {
            PrincipalKind::Entra => Issuer::Entra,
            PrincipalKind::Databricks => Issuer::Databricks,
        }
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let source =
                Source::azure_devops(request.context, request.step, self.service_connection_id.as_deref())?;
            let (tenant, client) = (self.tenant_id.as_deref(), self.client_id.as_deref());
            if request.context.subject.principal.kind == PrincipalKind::Databricks {
                return databricks::exchanged(&request, self.name(), client, &self.scopes, &source).await;
            }
            if self.scopes.listed().is_some() {
                let words = "only a Databricks-managed principal asks for scopes; Entra ID gives them all";
                return Err(Error::invalid(&format!("{}.scopes", request.path), words));
            }
            let token = async |resource| exchanged(&request, tenant, client, &source, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
