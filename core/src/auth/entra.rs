//! What the sign-ins of Entra ID have in common.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use super::assertion::{Source, claims};
use super::cache::Token;
use super::context::{Context, Request};
use super::resource::Resource;
use super::unlike;
use crate::config::{guid, tenant};
use crate::host::HeaderValue;
use crate::http::{Call, Identity, Patience};
use crate::model::{Code, Error, Secret, Step, Timestamp};
use crate::service::databricks;
use crate::service::entra::{grant, token_endpoint};
use crate::service::oauth::Granted;

/// How often an exchange is tried where no federated credential seems to match: on a stable one about two in
/// a hundred sign-ins were refused so for a moment.
const EXCHANGES: u32 = 3;

/// Checks the ids that a sign-in gives.
pub(super) fn check_ids(
    path: &str,
    tenant_id: Option<&str>,
    client_id: Option<&str>,
    azure_resource_id: Option<&str>,
) -> Result<(), Error> {
    if let Some(id) = client_id {
        guid(id, &format!("{path}.client-id"))?;
    }
    if let Some(id) = tenant_id {
        tenant(id, &format!("{path}.tenant-id"))?;
    }
    match azure_resource_id {
        Some(id) if !id.to_ascii_lowercase().starts_with("/subscriptions/") => Err(Error::invalid(
            &format!("{path}.azure-resource-id"),
            "write the resource id of the workspace: \
             /subscriptions/…/resourceGroups/…/providers/Microsoft.Databricks/workspaces/…",
        )),
        _ => Ok(()),
    }
}

/// Makes an identity of a token for what the request asks. A caller with an Azure role on the workspace and
/// no place in it gets in by two further headers, for which a token for Azure Resource Manager is got too.
///
/// <https://learn.microsoft.com/azure/databricks/dev-tools/auth/aad-token-manual>
pub(super) async fn identity(
    request: &Request<'_>,
    azure_resource_id: Option<&str>,
    token: impl AsyncFn(Resource) -> Result<Secret, Error>,
) -> Result<Identity, Error> {
    let identity = Identity::bearer(request.origin, &token(request.resource).await?);
    let (Some(id), Resource::Databricks, false) =
        (azure_resource_id, request.resource, request.is_at_account())
    else {
        return Ok(identity);
    };
    let management = token(Resource::Management).await?;
    Ok(identity
        .with_header("x-databricks-azure-workspace-resource-id", HeaderValue::Plain(id.to_owned()))
        .with_header("x-databricks-azure-sp-management-token", HeaderValue::Sensitive(management)))
}

/// Names an application in its tenant.
pub(super) struct App {
    pub(super) tenant: String,
    pub(super) client: String,
}

impl App {
    /// Finds out which tenant and which application sign in.
    pub(super) async fn of(
        request: &Request<'_>,
        tenant: Option<&str>,
        client: Option<&str>,
    ) -> Result<Self, Error> {
        let context = request.context;
        let client = request.client(client)?;
        let tenant = match tenant.or(context.subject.principal.tenant_id.as_deref()) {
            Some(tenant) => tenant.to_ascii_lowercase(),
            None => asked_tenant(context).await?,
        };
        Ok(Self { tenant, client })
    }

    /// Returns the name under which its tokens are kept.
    pub(super) fn name(&self, scope: &str, proof: &str) -> String {
        format!("entra {} {} {scope} {proof}", self.tenant, self.client)
    }

    /// Returns the audience of an assertion that its own key signs.
    pub(super) fn audience(&self, context: &Context<'_>) -> String {
        format!("{}{}", context.endpoints.login, token_endpoint(&self.tenant))
    }

    /// Builds the call that asks for a token.
    pub(super) fn grant(
        &self,
        context: &Context<'_>,
        step: Step,
        scope: &str,
        proof: &[(&str, &str)],
    ) -> Call {
        grant(&context.endpoints.login, step, &self.tenant, &self.client, scope, proof)
    }
}

/// Asks the workspace for its tenant, once a run.
pub(crate) async fn asked_tenant(context: &Context<'_>) -> Result<String, Error> {
    let workspace = &context.subject.workspace;
    let fetch = async {
        let tenant = databricks::tenant(context, workspace, &context.endpoints.login).await?;
        // It is no secret, and so not masked: people look for it in their logs.
        Ok(Token { secret: Secret::new(tenant), renew: Timestamp::MAX })
    };
    let tenant = context.session().tokens.get(context, format!("tenant {workspace}"), fetch).await?;
    Ok(tenant.expose("a tenant's id, which is no secret").to_owned())
}

/// Asks for a token.
pub(super) async fn granted(context: &Context<'_>, call: Call) -> Result<Token, Error> {
    let granted: Granted = context.json(call).await?;
    Ok(Token::living(context, Secret::new(granted.access_token), granted.expires_in.seconds()))
}

/// Returns what proves an application by an assertion.
pub(super) fn by_assertion(assertion: &Secret) -> [(&'static str, &str); 2] {
    [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.expose("the body of the token request to Entra ID")),
    ]
}

/// Gets a token in exchange for an assertion of somebody whom the application trusts.
pub(super) async fn exchanged(
    request: &Request<'_>,
    tenant: Option<&str>,
    client: Option<&str>,
    source: &Source,
    resource: Resource,
) -> Result<Secret, Error> {
    let context = request.context;
    let scope = resource.scope(context.endpoints);
    let app = App::of(request, tenant, client).await?;
    let name = app.name(&scope, &source.name());
    let fetch = async {
        let patience = Patience::attempts(EXCHANGES).for_propagation();
        let mut sent = None;
        // These alone: other refusals of what was made a moment ago take longer than a sign-in waits.
        let exchanged = context.retry(request.step, patience, async || {
            match exchange(request, &app, source, &scope, &mut sent).await {
                Err(error) if !passes_soon(&error) => Ok(Err(error)),
                other => other.map(Ok),
            }
        });
        match exchanged.await.flatten() {
            Err(error) => Err(unlike::explained(request, &app.client, error, sent.as_ref()).await),
            token => token,
        }
    };
    context.session().tokens.get(context, name, fetch).await
}

async fn exchange(
    request: &Request<'_>,
    app: &App,
    source: &Source,
    scope: &str,
    sent: &mut Option<Secret>,
) -> Result<Token, Error> {
    let context = request.context;
    let assertion = source.assertion(context, request.step).await?;
    *sent = Some(assertion.clone());
    let call = app.grant(context, request.step, scope, &by_assertion(&assertion));
    granted(context, call).await.map_err(|error| match error.code() {
        Code::FederatedCredentialMismatch
        | Code::FederatedCredentialCase
        | Code::FederatedCredentialAudience
        | Code::AssertionExpired
        | Code::SignInRefused => error.adding(&claims(&assertion)),
        _ => error,
    })
}

/// Returns true for a refusal that a fresh assertion was seen not to meet some seconds later.
fn passes_soon(error: &Error) -> bool {
    error.code() == Code::FederatedCredentialMismatch || error.reason() == Some("7002381")
}
