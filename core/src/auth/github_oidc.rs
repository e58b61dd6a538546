//! `github-oidc`: a principal that trusts GitHub Actions by a Databricks federation policy.

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::Source;
use super::context::{Issuer, Method, Request};
use super::databricks::{TokenScopes, check_id, endpoint, exchanged};
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Error, Origin, PrincipalKind};
use crate::service::databricks::oauth::token_endpoint;

/// A principal that trusts GitHub Actions by a Databricks federation policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct GithubOidc {
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The audience; the workspace's token endpoint by default, and the account's id at the account.
    audience: Option<String>,
    /// The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default.
    #[serde(default)]
    scopes: TokenScopes,
}

impl GithubOidc {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "DATABRICKS_CLIENT_ID in a GitHub Actions job with id-token: write";

    /// Reads what the Databricks SDKs read.
    pub(super) fn of_variables(view: &View<'_>) -> Option<Self> {
        let meant = view.is_named() || view.variable("DATABRICKS_CLIENT_ID").is_some();
        (meant && view.in_github()).then(|| Self::new(view))
    }

    /// Takes what GitHub gives to every job, for a principal that the configuration names.
    pub(super) fn of_job(view: &View<'_>) -> Option<Self> {
        (view.is_configured(PrincipalKind::Databricks) && view.in_github()).then(|| Self::new(view))
    }

    fn new(view: &View<'_>) -> Self {
        Self {
            client_id: view.client(&["DATABRICKS_CLIENT_ID"]),
            audience: view.variable("DATABRICKS_TOKEN_AUDIENCE"),
            scopes: TokenScopes::default(),
        }
    }
}

impl Method for GithubOidc {
    fn name(&self) -> &'static str {
        "github-oidc"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_id(path, self.client_id.as_deref())?;
        self.scopes.check(path)
    }

    fn scopes(&self) -> Option<&[String]> {
        self.scopes.listed()
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    fn assertion_audience(&self, workspace: &Origin) -> Option<String> {
        Some(self.audience.clone().unwrap_or_else(|| format!("{workspace}{}", token_endpoint(None))))
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Databricks
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let address = format!("{}{}", request.origin, endpoint(&request)?);
            let account = request.context.subject.principal.account_id.as_deref();
            let by_default = account.filter(|_| request.is_at_account()).unwrap_or(&address);
            let audience = self.audience.as_deref().unwrap_or(by_default);
            let source = Source::github(request.context, request.step, audience)?;
            exchanged(&request, self.name(), self.client_id.as_deref(), &self.scopes, &source).await
        })
    }
}
