//! `azure-workload-identity`: an Entra application that trusts the issuer of a token in a file.
//!
//! <https://azure.github.io/azure-workload-identity/docs/>

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::entra::{check_ids, exchanged, identity};
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::{Code, Error};

/// An Entra application that trusts the issuer of a token in a file, as Kubernetes workload identity lays it
/// down.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureWorkloadIdentity {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The path of the file; what AZURE_FEDERATED_TOKEN_FILE names by default.
    path: Option<String>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

impl AzureWorkloadIdentity {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "AZURE_FEDERATED_TOKEN_FILE";

    /// Reads what the Azure SDKs read.
    pub(super) fn of_azure(view: &View<'_>) -> Option<Self> {
        view.variable("AZURE_FEDERATED_TOKEN_FILE")?;
        (view.azure() && view.has_client(&["AZURE_CLIENT_ID"])).then(|| Self {
            tenant_id: view.tenant(&["AZURE_TENANT_ID"]),
            client_id: view.client(&["AZURE_CLIENT_ID"]),
            path: None,
            azure_resource_id: view.resource_id(),
        })
    }

    fn reference(&self, path: &str, environment: &dyn Environment) -> Result<Reference, Error> {
        let at = format!("{path}.path");
        let file = self.path.clone().or_else(|| environment.variable("AZURE_FEDERATED_TOKEN_FILE"));
        match file {
            Some(file) => Ok(Reference::new(&SecretRef::File(file), at)),
            None => Err(Error::config(
                Code::ConfigMissingSecret,
                at,
                "no path is given, and AZURE_FEDERATED_TOKEN_FILE is not set",
            )),
        }
    }
}

impl Method for AzureWorkloadIdentity {
    fn name(&self) -> &'static str {
        "azure-workload-identity"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let Self { tenant_id, client_id, azure_resource_id, .. } = self;
        check_ids(path, tenant_id.as_deref(), client_id.as_deref(), azure_resource_id.as_deref())
    }

    fn references(&self, path: &str, environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![self.reference(path, environment)?])
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
            let environment = request.context.host().environment;
            let source = Source::Held(self.reference(request.path, environment)?);
            let (tenant, client) = (self.tenant_id.as_deref(), self.client_id.as_deref());
            let token = async |resource| exchanged(&request, tenant, client, &source, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
