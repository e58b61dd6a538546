//! Tokens of Entra ID: by a client secret, a signed assertion of our own, somebody else's assertion, or the
//! platform.
//!
//! <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

use serde::Deserialize;

use super::cache::Token;
use super::certificate::Certificate;
use super::identity_token::{Source, claims};
use super::{Resource, SignIn, azure_cli, metadata, secret};
use crate::call::{Call, Service, encode};
use crate::config::Auth;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::event::Phase;
use crate::secret::Secret;

/// How often an exchange is tried where no federated credential seems to match: on a stable one about two in
/// a hundred sign-ins were refused so for a moment.
const EXCHANGES: u32 = 3;

/// Gets a token for a resource.
pub(super) async fn token(
    context: &Context<'_>,
    request: &SignIn<'_>,
    resource: Resource,
) -> Result<Secret, Error> {
    let tokens = &context.session.tokens;
    let scope = resource.scope(context);
    // What is missing on this machine shows before anything is sent.
    let (tenant_id, client_id, source) = match request.auth {
        Auth::AzureClientSecret { tenant_id, client_id, client_secret, .. } => {
            let secret = secret(context, client_secret, &format!("{}.client-secret", request.path))?;
            let app = App::of(context, request, tenant_id.as_deref(), client_id.as_deref()).await?;
            let name = format!("{} {scope} {}", app.name(), secret.fingerprint());
            return tokens
                .get(context, name, async { with_secret(context, request.step, &app, &secret, &scope).await })
                .await;
        }
        Auth::AzureClientCertificate { tenant_id, client_id, certificate, password, .. } => {
            let certificate = Certificate::load(context, request, certificate, password.as_ref())?;
            let app = App::of(context, request, tenant_id.as_deref(), client_id.as_deref()).await?;
            let name = format!("{} {scope} {}", app.name(), certificate.thumbprint());
            return tokens
                .get(context, name, async {
                    with_certificate(context, request, &app, &certificate, &scope).await
                })
                .await;
        }
        Auth::AzureMsi { client_id, .. } => {
            let resource = resource.id(context);
            let name = format!("metadata {} {resource}", client_id.as_deref().unwrap_or_default());
            let fetch = async { metadata::token(context, request, &resource, client_id.as_deref()).await };
            return tokens.get(context, name, fetch).await;
        }
        Auth::AzureCli { tenant_id, .. } => {
            let resource = resource.id(context);
            let tenant = tenant_id.as_deref().or(request.principal.tenant_id.as_deref());
            let name = format!("az {} {resource}", tenant.unwrap_or_default());
            return tokens
                .get(context, name, async { azure_cli::token(context, request, &resource, tenant).await })
                .await;
        }
        Auth::GithubOidcAzure { tenant_id, client_id, audience, .. } => {
            let audience =
                audience.as_deref().unwrap_or(context.session.config.cloud.token_exchange_audience());
            (tenant_id, client_id, Source::github(context, request.step, audience)?)
        }
        Auth::AzureDevopsOidc { tenant_id, client_id, service_connection_id, .. } => (
            tenant_id,
            client_id,
            Source::azure_devops(context, request.step, service_connection_id.as_deref())?,
        ),
        Auth::AzureWorkloadIdentity { tenant_id, client_id, path, .. } => {
            (tenant_id, client_id, Source::federated_file(context, path.as_deref(), request.path)?)
        }
        other => {
            let message = format!("{} cannot be used to sign in at {resource}", other.type_name());
            return Err(Error::new(Code::SignInNotConfigured, request.step, message));
        }
    };
    let app = App::of(context, request, tenant_id.as_deref(), client_id.as_deref()).await?;
    let name = format!("{} {scope} {}", app.name(), source.name());
    tokens.get(context, name, async { exchange(context, request, &app, &source, &scope).await }).await
}

/// Asks the workspace for its tenant, once a run.
async fn asked_tenant(context: &Context<'_>) -> Result<String, Error> {
    let fetch = async {
        let tenant = crate::service::databricks::tenant(context).await?;
        // It is no secret, and so not masked: people look for it in their logs.
        Ok(Token { secret: Secret::new(tenant), renew: crate::timestamp::Timestamp::MAX })
    };
    let tenant =
        context.session.tokens.get(context, format!("tenant {}", context.target.workspace), fetch).await?;
    Ok(tenant.expose("a tenant's id, which is no secret").to_owned())
}

/// Names an application in its tenant.
struct App {
    tenant: String,
    client: String,
}

impl App {
    /// Finds out which tenant and which application sign in.
    async fn of(
        context: &Context<'_>,
        request: &SignIn<'_>,
        tenant: Option<&str>,
        client: Option<&str>,
    ) -> Result<Self, Error> {
        let client = client.or(request.principal.client_id.as_deref()).ok_or_else(|| {
            Error::config(
                Code::ConfigMissingKey,
                format!("{}.client-id", request.path),
                "the application id is needed to sign in",
            )
        })?;
        let tenant = match tenant.or(request.principal.tenant_id.as_deref()) {
            Some(tenant) => tenant.to_owned(),
            None => asked_tenant(context).await?,
        };
        Ok(Self { tenant, client: client.to_owned() })
    }

    fn name(&self) -> String {
        format!("entra {} {}", self.tenant, self.client)
    }

    /// Returns the path of the token endpoint.
    fn endpoint(&self) -> String {
        format!("/{}/oauth2/v2.0/token", encode(&self.tenant))
    }
}

/// Asks for a token with a client secret.
async fn with_secret(
    context: &Context<'_>,
    step: Step,
    app: &App,
    secret: &Secret,
    scope: &str,
) -> Result<Token, Error> {
    let proof = [("client_secret", secret.expose("the body of the token request to Entra ID"))];
    let call = grant(context, step, app, scope, &proof);
    granted(context, call).await
}

/// Asks for a token with an assertion that the certificate's key signs.
async fn with_certificate(
    context: &Context<'_>,
    request: &SignIn<'_>,
    app: &App,
    certificate: &Certificate,
    scope: &str,
) -> Result<Token, Error> {
    let audience = format!("{}{}", context.session.config.login, app.endpoint());
    let assertion = certificate.assertion(context, request.step, &app.client, &audience)?;
    granted(context, grant(context, request.step, app, scope, &by_assertion(&assertion))).await
}

/// Exchanges an assertion of somebody whom the application trusts.
async fn exchange(
    context: &Context<'_>,
    request: &SignIn<'_>,
    app: &App,
    source: &Source,
    scope: &str,
) -> Result<Token, Error> {
    let mut attempt = 1;
    loop {
        let assertion = source.assertion(context, request.step).await?;
        match granted(context, grant(context, request.step, app, scope, &by_assertion(&assertion))).await {
            Err(error) if error.code() == Code::FederatedCredentialMismatch && attempt < EXCHANGES => {
                let wait = context.backoff(attempt);
                context.event(
                    request.step,
                    Phase::Waiting,
                    format!("{error}; trying again in {} s", wait.as_secs_f32().ceil()),
                );
                context.sleep(wait, request.step).await?;
                attempt += 1;
            }
            Err(error)
                if matches!(
                    error.code(),
                    Code::FederatedCredentialMismatch
                        | Code::FederatedCredentialCase
                        | Code::FederatedCredentialAudience
                        | Code::AssertionExpired
                        | Code::SignInRefused
                ) =>
            {
                return Err(error.adding(&claims(&assertion)));
            }
            other => return other,
        }
    }
}

fn by_assertion(assertion: &Secret) -> [(&'static str, &str); 2] {
    [
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion.expose("the body of the token request to Entra ID")),
    ]
}

fn grant(context: &Context<'_>, step: Step, app: &App, scope: &str, proof: &[(&str, &str)]) -> Call {
    let mut form =
        vec![("client_id", app.client.as_str()), ("scope", scope), ("grant_type", "client_credentials")];
    form.extend_from_slice(proof);
    // Asking twice only brings two tokens.
    Call::post(step, Service::Entra, &context.session.config.login, app.endpoint())
        .form(&form)
        .repeatable(true)
}

async fn granted(context: &Context<'_>, call: Call) -> Result<Token, Error> {
    Ok(context.json::<Granted>(call).await?.token(context))
}

/// Holds what every token endpoint answers.
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    expires_in: Seconds,
}

impl Granted {
    pub(super) fn token(self, context: &Context<'_>) -> Token {
        Token::living(context, Secret::new(self.access_token), self.expires_in.seconds())
    }
}

/// Holds a number of seconds that some services write as a string.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    pub(super) fn seconds(&self) -> i64 {
        match self {
            Self::Number(seconds) => *seconds,
            // What is no number is a token that is used once.
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}
