//! `env-oidc`: a principal that trusts the issuer of a token in the environment.

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::databricks::{TokenScopes, check_id, exchanged};
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::Error;

/// A principal that trusts the issuer of a token in the environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EnvOidc {
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The variable's name; what DATABRICKS_OIDC_TOKEN_ENV names, or DATABRICKS_OIDC_TOKEN, by default.
    variable: Option<String>,
    /// The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default.
    #[serde(default)]
    scopes: TokenScopes,
}

impl EnvOidc {
    /// What the environment must hold.
    pub(super) const NEEDS: &str =
        "DATABRICKS_OIDC_TOKEN, or the variable that DATABRICKS_OIDC_TOKEN_ENV names";

    /// Reads what the Databricks SDKs read.
    pub(super) fn of_variables(view: &View<'_>) -> Option<Self> {
        view.variable(&variable(None, view.environment()))?;
        Some(Self {
            client_id: view.client(&["DATABRICKS_CLIENT_ID"]),
            variable: None,
            scopes: TokenScopes::default(),
        })
    }

    fn reference(&self, path: &str, environment: &dyn Environment) -> Reference {
        let name = variable(self.variable.as_deref(), environment);
        Reference::new(&SecretRef::Env(name), format!("{path}.variable"))
    }
}

/// Returns the variable that holds the token.
fn variable(configured: Option<&str>, environment: &dyn Environment) -> String {
    configured
        .map(str::to_owned)
        .or_else(|| environment.variable("DATABRICKS_OIDC_TOKEN_ENV"))
        .unwrap_or_else(|| "DATABRICKS_OIDC_TOKEN".to_owned())
}

impl Method for EnvOidc {
    fn name(&self) -> &'static str {
        "env-oidc"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_id(path, self.client_id.as_deref())?;
        self.scopes.check(path)
    }

    fn references(&self, path: &str, environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![self.reference(path, environment)])
    }

    fn scopes(&self) -> Option<&[String]> {
        self.scopes.listed()
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Databricks
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let source = Source::Held(self.reference(request.path, request.context.host().environment));
            exchanged(&request, self.name(), self.client_id.as_deref(), &self.scopes, &source).await
        })
    }
}
