//! `pat`: a personal access token, for an admin, or for Azure DevOps.

use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Issuer, Method, Request};
use super::resource::Resource;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::Error;

/// A personal access token, for an admin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Pat {
    /// The token.
    token: SecretRef,
}

impl Method for Pat {
    fn name(&self) -> &'static str {
        "pat"
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![Reference::new(&self.token, format!("{path}.token"))])
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Somebody
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let at_account = request.is_at_account();
            if at_account || !matches!(request.resource, Resource::Databricks | Resource::AzureDevops) {
                let place = if at_account { "the Databricks account" } else { "this service" };
                let words = format!("a PAT signs in at a workspace alone, and {place} takes none");
                return Err(request.unfit(words));
            }
            let token = request.context.secret(&self.token, &format!("{}.token", request.path))?;
            Ok(match request.resource {
                Resource::AzureDevops => Identity::basic(request.origin, "", &token),
                _ => Identity::bearer(request.origin, &token),
            })
        })
    }
}
