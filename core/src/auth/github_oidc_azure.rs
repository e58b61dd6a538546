//! `github-oidc-azure`: an Entra application that trusts GitHub Actions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::entra::{check_ids, exchanged, identity};
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::Error;

/// An Entra application that trusts GitHub Actions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GithubOidcAzure {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The audience; `api://AzureADTokenExchange` by default.
    audience: Option<String>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

impl GithubOidcAzure {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "ARM_CLIENT_ID in a GitHub Actions job with id-token: write";

    /// Reads what Terraform and the Databricks SDKs read.
    pub(super) fn of_arm(view: &View<'_>) -> Option<Self> {
        let meant = view.is_named() || view.variable("ARM_CLIENT_ID").is_some();
        (meant && view.azure() && view.in_github()).then(|| Self::new(view))
    }

    /// Takes what GitHub gives to every job.
    pub(super) fn of_job(view: &View<'_>) -> Option<Self> {
        (view.azure() && view.has_client(&["AZURE_CLIENT_ID"]) && view.in_github()).then(|| Self::new(view))
    }

    fn new(view: &View<'_>) -> Self {
        Self {
            tenant_id: view.tenant(&["ARM_TENANT_ID", "AZURE_TENANT_ID"]),
            client_id: view.client(&["ARM_CLIENT_ID", "AZURE_CLIENT_ID"]),
            audience: None,
            azure_resource_id: view.resource_id(),
        }
    }
}

impl Method for GithubOidcAzure {
    fn name(&self) -> &'static str {
        "github-oidc-azure"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let Self { tenant_id, client_id, azure_resource_id, .. } = self;
        check_ids(path, tenant_id.as_deref(), client_id.as_deref(), azure_resource_id.as_deref())
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Entra
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let audience = self
                .audience
                .as_deref()
                .unwrap_or_else(|| request.context.endpoints.cloud.token_exchange_audience());
            let source = Source::github(request.context, request.step, audience)?;
            let (tenant, client) = (self.tenant_id.as_deref(), self.client_id.as_deref());
            let token = async |resource| exchanged(&request, tenant, client, &source, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
