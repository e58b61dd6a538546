//! `azure-workload-identity`: an Entra application that trusts the issuer of a token in a file.
//!
//! <https://azure.github.io/azure-workload-identity/docs/>

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::entra::{check_ids, exchanged, identity};
use super::jwt;
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::{Code, Error, Secret};

/// Returns true for what may be the name of a variable.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The audience of what an AKS identity binding lays down.
///
/// <https://learn.microsoft.com/azure/aks/identity-bindings-concepts>
const BINDING: &str = "api://AKSIdentityBinding";

/// Refuses the token of an AKS identity binding: it works at the cluster's own proxy alone, which lakekey
/// does not speak to, and must go nowhere else.
fn check_binding(request: &Request<'_>, assertion: &Secret) -> Result<(), Error> {
    let claims = jwt::claims(assertion);
    let is_bound = claims.as_ref().and_then(|claims| claims.get("aud")).is_some_and(|audience| {
        let all = audience.as_array().map_or_else(|| std::slice::from_ref(audience), Vec::as_slice);
        all.iter().any(|audience| audience.as_str() == Some(BINDING))
    });
    if !is_bound {
        return Ok(());
    }
    let words = format!(
        "the token is that of an AKS identity binding (audience {BINDING}), which works at the cluster's own \
         proxy alone (AZURE_KUBERNETES_TOKEN_PROXY); it was not sent"
    );
    Err(request.unfit(words).with_hint(format!(
        "project a service account token with the audience {} into the pod, give its path as {}.path, and \
         add a federated credential for the cluster's issuer and the service account",
        request.context.endpoints.cloud.token_exchange_audience(),
        request.path
    )))
}

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
    /// The variable that holds the token, in place of a file, as GitLab, Jenkins and Bitbucket have it.
    variable: Option<String>,
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
            variable: None,
            azure_resource_id: view.resource_id(),
        })
    }

    fn reference(&self, path: &str, environment: &dyn Environment) -> Result<Reference, Error> {
        if let Some(name) = &self.variable {
            return Ok(Reference::new(&SecretRef::Env(name.clone()), format!("{path}.variable")));
        }
        let at = format!("{path}.path");
        let file = self.path.clone().or_else(|| environment.variable("AZURE_FEDERATED_TOKEN_FILE"));
        match file {
            Some(file) => Ok(Reference::new(&SecretRef::File(file), at)),
            None => Err(Error::config(
                Code::ConfigMissingSecret,
                at,
                "neither path nor variable is given, and AZURE_FEDERATED_TOKEN_FILE is not set",
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
        if self.path.is_some() && self.variable.is_some() {
            let words = "write either `path` or `variable`: the token stands in one of them";
            return Err(Error::invalid(&format!("{path}.variable"), words));
        }
        if self.variable.as_deref().is_some_and(|name| !is_variable(name)) {
            let words = "write the variable's name, without `$` and without its value";
            return Err(Error::invalid(&format!("{path}.variable"), words));
        }
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
            let reference = self.reference(request.path, environment)?;
            let assertion = request.context.secret(&reference.secret, &reference.path)?;
            check_binding(&request, &assertion)?;
            let source = Source::Held(reference);
            let (tenant, client) = (self.tenant_id.as_deref(), self.client_id.as_deref());
            let token = async |resource| exchanged(&request, tenant, client, &source, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
