//! `azure-client-certificate`: an Entra application with a certificate.

use schemars::JsonSchema;
use serde::Deserialize;

use super::certificate::Certificate;
use super::context::{Issuer, Method, Request};
use super::entra::{App, by_assertion, check_ids, granted, identity};
use super::resource::Resource;
use super::view::View;
use crate::config::{Principal, Reference, SecretRef};
use crate::host::{Environment, LocalFuture};
use crate::http::Identity;
use crate::model::{Code, Error, Secret};

/// An Entra application with a certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureClientCertificate {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The application id, where it is not the principal's.
    client_id: Option<String>,
    /// PEM with certificate and RSA private key, or PKCS#12 (binary; in base64 from the environment).
    certificate: SecretRef,
    /// The password of the PKCS#12.
    password: Option<SecretRef>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

impl AzureClientCertificate {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "AZURE_CLIENT_CERTIFICATE_PATH";

    /// Reads what the Azure SDKs read.
    pub(super) fn of_azure(view: &View<'_>) -> Option<Self> {
        let path = view.variable("AZURE_CLIENT_CERTIFICATE_PATH")?;
        (view.azure() && view.has_client(&["AZURE_CLIENT_ID"])).then(|| Self {
            tenant_id: view.tenant(&["AZURE_TENANT_ID"]),
            client_id: view.client(&["AZURE_CLIENT_ID"]),
            certificate: SecretRef::File(path),
            password: view
                .variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")
                .map(|_| SecretRef::Env("AZURE_CLIENT_CERTIFICATE_PASSWORD".to_owned())),
            azure_resource_id: view.resource_id(),
        })
    }

    async fn token(
        &self,
        request: &Request<'_>,
        certificate: &Certificate,
        resource: Resource,
    ) -> Result<Secret, Error> {
        let context = request.context;
        let scope = resource.scope(context.endpoints);
        let app = App::of(request, self.tenant_id.as_deref(), self.client_id.as_deref()).await?;
        let fetch = async {
            let audience = app.audience(context);
            let ask = async || {
                let assertion = certificate.assertion(context, request.step, &app.client, &audience)?;
                granted(context, app.grant(context, request.step, &scope, &by_assertion(&assertion))).await
            };
            match ask().await {
                // The refusal has told what time it is there.
                Err(error) if error.code() == Code::AssertionExpired => ask().await,
                other => other,
            }
        };
        context.session().tokens.get(context, app.name(&scope, &certificate.thumbprint()), fetch).await
    }
}

impl Method for AzureClientCertificate {
    fn name(&self) -> &'static str {
        "azure-client-certificate"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        let Self { tenant_id, client_id, azure_resource_id, .. } = self;
        check_ids(path, tenant_id.as_deref(), client_id.as_deref(), azure_resource_id.as_deref())
    }

    fn references(&self, path: &str, _environment: &dyn Environment) -> Result<Vec<Reference>, Error> {
        // A PKCS#12 is no text.
        let certificate = Reference::new(&self.certificate, format!("{path}.certificate")).binary();
        let password =
            self.password.as_ref().map(|given| Reference::new(given, format!("{path}.password")).anything());
        Ok([Some(certificate), password].into_iter().flatten().collect())
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

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let certificate = Certificate::load(&request, &self.certificate, self.password.as_ref())?;
            let token = async |resource| self.token(&request, &certificate, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
