//! `azure-client-secret`: an Entra application with a client secret.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::context::{Context, Issuer, Method, Request};
use super::entra::{App, asked_tenant, check_ids, granted, identity};
use super::resource::Resource;
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::{Call, Identity};
use crate::model::{Code, CredentialKind, Error, Secret, Step};

/// An Entra application with a client secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureClientSecret {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The secret.
    client_secret: SecretRef,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

impl AzureClientSecret {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "ARM_CLIENT_ID and ARM_CLIENT_SECRET";

    /// Reads what Terraform and the Databricks SDKs read.
    pub(super) fn of_arm(view: &View<'_>) -> Option<Self> {
        Self::of(view, "ARM_CLIENT_SECRET", "ARM_CLIENT_ID", "ARM_TENANT_ID")
    }

    /// Reads what the Azure SDKs read.
    pub(super) fn of_azure(view: &View<'_>) -> Option<Self> {
        Self::of(view, "AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_TENANT_ID")
    }

    fn of(view: &View<'_>, secret: &str, client: &str, tenant: &str) -> Option<Self> {
        view.variable(secret)?;
        (view.azure() && view.has_client(&[client])).then(|| Self {
            tenant_id: view.tenant(&[tenant]),
            client_id: view.client(&[client]),
            client_secret: SecretRef::Env(secret.to_owned()),
            azure_resource_id: view.resource_id(),
        })
    }

    async fn token(&self, request: &Request<'_>, resource: Resource) -> Result<Secret, Error> {
        let context = request.context;
        let path = format!("{}.client-secret", request.path);
        let secret = || context.credential(&self.client_secret, &path, CredentialKind::ClientSecret);
        // What is missing on this machine shows before anything is sent.
        let held = secret()?;
        let app = App::of(request, self.tenant_id.as_deref(), self.client_id.as_deref()).await?;
        let refused = match self.ask(request, &app, &held, resource).await {
            Err(error) if error.code() == Code::ClientSecretWrong => error,
            other => return other,
        };
        // Another target of this run may have renewed it between the look and the answer.
        match secret()? {
            renewed if renewed == held => Err(refused),
            renewed => self.ask(request, &app, &renewed, resource).await,
        }
    }

    async fn ask(
        &self,
        request: &Request<'_>,
        app: &App,
        secret: &Secret,
        resource: Resource,
    ) -> Result<Secret, Error> {
        let context = request.context;
        let scope = resource.scope(context.endpoints);
        let fetch = async { granted(context, ask(context, request.step, app, secret, &scope)).await };
        context.session().tokens.get(context, app.name(&scope, &secret.fingerprint()), fetch).await
    }
}

fn ask(context: &Context<'_>, step: Step, app: &App, secret: &Secret, scope: &str) -> Call {
    let proof = [("client_secret", secret.expose("the body of the token request to Entra ID"))];
    app.grant(context, step, scope, &proof)
}

/// Signs in with a new client secret alone, once and over a connection of its own.
///
/// # Errors
/// Every code of a refused sign-in.
pub(crate) async fn try_out(
    context: &Context<'_>,
    tenant: Option<String>,
    client: String,
    secret: &Secret,
) -> Result<(), Error> {
    let tenant = match tenant {
        Some(tenant) => tenant,
        None => asked_tenant(context).await?,
    };
    let scope = Resource::Databricks.scope(context.endpoints);
    let call = ask(context, Step::VerifyToken, &App { tenant, client }, secret, &scope);
    context.json::<IgnoredAny>(call.fresh_connection().attempts(1)).await.map(drop)
}

impl Method for AzureClientSecret {
    fn name(&self) -> &'static str {
        "azure-client-secret"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let Self { tenant_id, client_id, azure_resource_id, .. } = self;
        check_ids(path, tenant_id.as_deref(), client_id.as_deref(), azure_resource_id.as_deref())
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![Reference::new(&self.client_secret, format!("{path}.client-secret"))])
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

    fn secret_of(&self, kind: CredentialKind) -> Option<&SecretRef> {
        (kind == CredentialKind::ClientSecret).then_some(&self.client_secret)
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let token = async |resource| self.token(&request, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
