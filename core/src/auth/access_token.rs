//! `access-token`: a token that somebody else has got.

use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Issuer, Method, Request};
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::Error;

/// An access token that somebody else has got.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AccessToken {
    /// The token.
    token: SecretRef,
}

impl Method for AccessToken {
    fn name(&self) -> &'static str {
        "access-token"
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![Reference::new(&self.token, format!("{path}.token"))])
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Somebody
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let token = request.context.secret(&self.token, &format!("{}.token", request.path))?;
            Ok(Identity::bearer(request.origin, &token))
        })
    }
}
