//! `file-oidc`: a principal that trusts the issuer of a token in a file.

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

/// A principal that trusts the issuer of a token in a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FileOidc {
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The file's path.
    path: String,
    /// The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default.
    #[serde(default)]
    scopes: TokenScopes,
}

impl FileOidc {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "DATABRICKS_OIDC_TOKEN_FILEPATH";

    /// Reads what the Databricks SDKs read.
    pub(super) fn of_variables(view: &View<'_>) -> Option<Self> {
        let path = view
            .variable("DATABRICKS_OIDC_TOKEN_FILEPATH")
            .or_else(|| view.variable("DATABRICKS_OIDC_TOKEN_FILE"))?;
        Some(Self { client_id: view.client(&["DATABRICKS_CLIENT_ID"]), path, scopes: TokenScopes::default() })
    }

    /// Returns the file, which its platform renews.
    fn reference(&self, path: &str) -> Reference {
        Reference::new(&SecretRef::File(self.path.clone()), format!("{path}.path"))
    }
}

impl Method for FileOidc {
    fn name(&self) -> &'static str {
        "file-oidc"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_id(path, self.client_id.as_deref())?;
        self.scopes.check(path)
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![self.reference(path)])
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
            let source = Source::Held(self.reference(request.path));
            exchanged(&request, self.name(), self.client_id.as_deref(), &self.scopes, &source).await
        })
    }
}
