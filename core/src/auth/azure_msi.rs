//! `azure-msi`: a managed identity of the machine, or of App Service, Container Apps or Functions.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview>,
//! <https://learn.microsoft.com/azure/app-service/overview-managed-identity>

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::cache::Token;
use super::context::{Context, Issuer, Method, Request};
use super::entra::{check_ids, identity};
use super::jwt;
use super::resource::Resource;
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Code, Error, Origin, Secret};
use crate::service::metadata::{self, HostEndpoint};

/// A managed identity of the machine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureMsi {
    /// The client id of a user-assigned identity; a machine that has several is asked for the principal's by
    /// default.
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

    /// Takes what App Service, Container Apps and Functions give to everything that runs there.
    pub(super) fn of_host(view: &View<'_>) -> Option<Self> {
        let given = HOST.iter().all(|name| view.variable(name).is_some());
        (given && view.azure()).then(|| Self { client_id: None, azure_resource_id: view.resource_id() })
    }

    /// Returns a token of the identity that is named, or of the machine's own; where that is ambiguous, or
    /// somebody else's than the principal's who signs in, the machine is asked for the principal's.
    async fn token(&self, request: &Request<'_>, resource: Resource) -> Result<Secret, Error> {
        let own = self.token_of(request, resource, self.client_id.as_deref()).await;
        let principal = request.context.client_id().filter(|_| self.client_id.is_none());
        let Some(principal) = principal.filter(|_| is_the_principals(request)) else { return own };
        let is_meant = match &own {
            Ok(token) => is_of(token, principal),
            Err(error) => error.code() != Code::IdentityAmbiguous,
        };
        if is_meant {
            return own;
        }
        match self.token_of(request, resource, Some(principal)).await {
            Err(error) if error.code() == Code::IdentityNotAssigned => own,
            asked => asked,
        }
    }

    async fn token_of(
        &self,
        request: &Request<'_>,
        resource: Resource,
        client: Option<&str>,
    ) -> Result<Secret, Error> {
        let context = request.context;
        let id = resource.id(context.endpoints);
        let fetch = async {
            let (token, seconds) = match endpoint(context)? {
                Some(host) => metadata::of_host(context, &host, &id, client, request.step).await?,
                None => {
                    let imds = &context.endpoints.imds;
                    let granted = metadata::token(context, imds, &id, client, request.step).await?;
                    (granted.access_token, granted.expires_in.seconds())
                }
            };
            Ok(Token::living(context, Secret::new(token), seconds))
        };
        let name = format!("metadata {} {id}", client.unwrap_or_default());
        context.session().tokens.get(context, name, fetch).await
    }
}

/// Returns true where it is the principal who signs in.
fn is_the_principals(request: &Request<'_>) -> bool {
    let own = request.context.subject.auth.as_ref();
    own.map_or(request.path == "environment", |own| own.path == request.path)
}

/// Returns true for a token of that application, and for one that does not say whose it is.
fn is_of(token: &Secret, client_id: &str) -> bool {
    let claims = jwt::claims(token);
    let said = claims.as_ref().and_then(|claims| claims.get("appid").or_else(|| claims.get("azp")));
    said.and_then(Value::as_str).is_none_or(|id| id.eq_ignore_ascii_case(client_id))
}

/// What a managed host gives to everything that runs there.
const HOST: [&str; 2] = ["IDENTITY_ENDPOINT", "IDENTITY_HEADER"];

/// Returns where a managed host gives tokens; nothing on a plain machine.
fn endpoint(context: &Context<'_>) -> Result<Option<HostEndpoint>, Error> {
    let [Some(url), Some(header)] = HOST.map(|name| context.host().environment.variable(name)) else {
        return Ok(None);
    };
    let whole = Origin::of_machine(&url, HOST[0])?;
    let origin = whole.without_path();
    let path = whole.as_str()[origin.as_str().len()..].to_owned();
    Ok(Some(HostEndpoint { origin, path, header: context.masked(Secret::new(header)) }))
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
