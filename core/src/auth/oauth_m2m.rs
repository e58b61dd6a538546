//! `oauth-m2m`: a principal with a Databricks OAuth secret.
//!
//! <https://docs.databricks.com/dev-tools/auth/oauth-m2m>

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::context::{Context, Issuer, Method, Request};
use super::databricks::{TokenScopes, check_id, endpoint, granted, scope, unassigned};
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::{Call, Identity};
use crate::model::{Code, CredentialKind, Error, Secret, Step, Temporary};
use crate::service::databricks::oauth::{token_endpoint, with_secret};

/// A principal with a Databricks OAuth secret.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct OauthM2m {
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// The OAuth secret.
    client_secret: SecretRef,
    /// The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default.
    #[serde(default)]
    scopes: TokenScopes,
}

impl OauthM2m {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET";

    /// Reads what the Databricks SDKs read.
    pub(super) fn of_variables(view: &View<'_>) -> Option<Self> {
        view.variable("DATABRICKS_CLIENT_SECRET")?;
        view.has_client(&["DATABRICKS_CLIENT_ID"]).then(|| Self {
            client_id: view.client(&["DATABRICKS_CLIENT_ID"]),
            client_secret: SecretRef::Env("DATABRICKS_CLIENT_SECRET".to_owned()),
            scopes: TokenScopes::default(),
        })
    }

    async fn token(&self, request: &Request<'_>) -> Result<Secret, Error> {
        let context = request.context;
        let endpoint = endpoint(request)?;
        let client = request.client(self.client_id.as_deref())?;
        let path = format!("{}.client-secret", request.path);
        let secret = || context.credential(&self.client_secret, &path, CredentialKind::OauthSecret);
        let (held, scope) = (secret()?, self.scopes.text());
        let ask = async |secret: &Secret| {
            let name = format!("{}{endpoint} {client} m2m {} {scope}", request.origin, secret.fingerprint());
            let call = with_secret(request.origin, request.step, &endpoint, &client, secret, &scope);
            let fetch =
                async { granted(context, call).await.map_err(|error| unassigned(told(error), request.path)) };
            context.session().tokens.get(context, name, fetch).await
        };
        let refused = match ask(&held).await {
            Err(error) if error.code() == Code::CredentialInvalid => error,
            other => return other,
        };
        // Another target of this run may have renewed it between the look and the answer.
        match secret()? {
            renewed if renewed == held => Err(refused.with_hint(format!(
                "it is wrong, has expired, or was deleted elsewhere (by Terraform, in the account console): \
                 make a new one on the principal's page (Secrets, Generate secret), and put it into what \
                 {path} refers to; the next run goes on with it"
            ))),
            renewed => ask(&renewed).await,
        }
    }
}

/// A wrong secret, and one that was made a moment ago, has been answered with 400 and an empty body too.
fn told(error: Error) -> Error {
    match (error.code(), error.status()) {
        (Code::Refused, Some(400)) => {
            error.coded(Code::CredentialInvalid).with_temporary(Temporary::Propagation)
        }
        _ => error,
    }
}

/// Signs in with a new OAuth secret alone, for the scopes that it has, once and over a connection of its own.
///
/// # Errors
/// Every code of a refused sign-in.
pub(crate) async fn try_out(
    context: &Context<'_>,
    client: &str,
    secret: &Secret,
    scopes: Option<&[String]>,
) -> Result<(), Error> {
    let workspace = &context.subject.workspace;
    let endpoint = token_endpoint(None);
    let call: Call = with_secret(workspace, Step::VerifyToken, &endpoint, client, secret, &scope(scopes));
    context.json::<IgnoredAny>(call.fresh_connection().attempts(1)).await.map(drop).map_err(told)
}

impl Method for OauthM2m {
    fn name(&self) -> &'static str {
        "oauth-m2m"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_id(path, self.client_id.as_deref())?;
        self.scopes.check(path)
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        Ok(vec![Reference::new(&self.client_secret, format!("{path}.client-secret"))])
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

    fn secret_of(&self, kind: CredentialKind) -> Option<&SecretRef> {
        (kind == CredentialKind::OauthSecret).then_some(&self.client_secret)
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let token = self.token(&request).await?;
            Ok(Identity::bearer(request.origin, &token))
        })
    }
}
