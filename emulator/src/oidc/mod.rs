//! The issuers of identity tokens: GitHub Actions and Azure DevOps, with their discovery documents and keys,
//! and the verification that Entra ID and Databricks do of what they sign.

mod azure_devops;
mod exchange;
mod github;
mod jwt;
mod policies;
mod verify;

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::service::Service;
use crate::world::World;

pub(crate) use azure_devops::token as azure_devops_token;
pub use azure_devops::{PipelineJob, ServiceConnection};
pub use exchange::FederationPolicy;
pub(crate) use exchange::exchange_token;
pub use github::ActionsJob;
pub(crate) use jwt::{IssuerKey, Jwt, is_signed_by_spki, read_certificate};
pub(crate) use policies::handle as federation_policies;
pub(crate) use verify::verify_assertion;

/// The audience that Entra ID wants in an assertion.
pub(crate) const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Holds the jobs that ask for identity tokens.
#[derive(Debug, Clone, Default)]
pub struct Oidc {
    /// The job of a GitHub Actions workflow.
    pub actions: ActionsJob,
    /// The job of an Azure Pipelines run.
    pub pipeline: PipelineJob,
    /// The federation policies of Databricks service principals.
    pub policies: Vec<FederationPolicy>,
}

/// Answers for an issuer (discovery document and keys), or gives a GitHub Actions job its token.
pub(crate) fn handle(world: &mut World, call: &Call) -> Reply {
    match (call.service, call.method.as_str()) {
        (Service::GithubIssuer, "GET") => issuer(call, &world.oidc.actions.issuer),
        (Service::AzureDevopsIssuer, "GET") => issuer(call, &world.oidc.pipeline.issuer()),
        (Service::GithubOidc, _) => github::token(world, call),
        _ => Reply::unknown_route(call),
    }
}

fn issuer(call: &Call, name: &str) -> Reply {
    if call.path.ends_with("/.well-known/openid-configuration") {
        Reply::json(200, &discovery(name, &format!("{}/.well-known/jwks", call.origin)))
    } else if call.path.ends_with("/.well-known/jwks") {
        Reply::json(200, &IssuerKey::shared().jwks())
    } else {
        Reply::unknown_route(call)
    }
}

fn discovery(issuer: &str, jwks: &str) -> Value {
    json!({
        "issuer": issuer,
        "jwks_uri": jwks,
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti", "nbf"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid"],
    })
}

/// Returns the keys that an issuer publishes; `None` for an issuer that nobody can reach.
fn published_keys(world: &World, issuer: &str) -> Option<Value> {
    let known = issuer == world.oidc.actions.issuer || world.oidc.pipeline.issues_as(issuer);
    known.then(|| IssuerKey::shared().jwks())
}

impl World {
    /// Signs claims with the issuers' key, as an issuer would, and notes the token as issued; for tests that
    /// need a token with a flaw.
    pub fn sign_identity_token(&mut self, claims: &Value) -> String {
        let token = IssuerKey::shared().sign(claims);
        self.note_issued(&token);
        token
    }

    /// Registers a certificate (PEM) with an application, so that it may sign in with it; `false` if either
    /// is not known as such.
    pub fn add_certificate(&mut self, app_id: &str, pem: &str) -> bool {
        let key_id = self.random.uuid();
        let (Some(mut certificate), Some(application)) =
            (read_certificate(pem), self.directory.application_mut(app_id))
        else {
            return false;
        };
        certificate.key_id = key_id;
        application.certificates.push(certificate);
        true
    }

    /// Gives an application a federated credential that works at once, for Entra ID's audience; `false` if
    /// there is no such application.
    pub fn add_federated_credential(
        &mut self,
        app_id: &str,
        name: &str,
        issuer: &str,
        subject: &str,
    ) -> bool {
        let id = self.random.uuid();
        let Some(application) = self.directory.application_mut(app_id) else { return false };
        application.federated.push(crate::directory::FederatedCredential {
            id,
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audiences: vec![EXCHANGE_AUDIENCE.to_owned()],
            description: None,
        });
        true
    }
}

#[cfg(test)]
mod tests;
