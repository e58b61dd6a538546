//! How somebody signs in, as it is written, and how it refers to secrets.

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::decode::tagged_enum;

/// Refers to a secret that stands outside the configuration.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(with = "SecretRefShape")]
pub enum SecretRef {
    /// An environment variable's name.
    Env(String),
    /// A file's path; one line end at its end is not part of the secret.
    File(String),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecretRef")]
struct SecretRefShape {
    /// The environment variable that holds the secret.
    env: Option<String>,
    /// The file that holds the secret.
    file: Option<String>,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        if !value.is_object() {
            return Err(D::Error::custom(super::decode::LITERAL_SECRET));
        }
        // The value itself must not reach a message: it may be a secret at the wrong place.
        let shape: SecretRefShape = crate::typed::from_value(value)
            .map_err(|_| D::Error::custom("a secret is either {env: NAME} or {file: PATH}"))?;
        match (shape.env, shape.file) {
            (Some(name), None) if !name.is_empty() => Ok(Self::Env(name)),
            (None, Some(path)) if !path.is_empty() => Ok(Self::File(path)),
            _ => Err(D::Error::custom("a secret is either {env: NAME} or {file: PATH}")),
        }
    }
}

tagged_enum! {
    /// Says how somebody signs in; named as in Databricks unified authentication.
    ///
    /// <https://docs.databricks.com/dev-tools/auth/unified-auth>
    pub enum Auth {
        /// A personal access token, for an admin.
        Pat = "pat" {
            /// The token.
            token: SecretRef,
        },
        /// An access token that somebody else has got.
        AccessToken = "access-token" {
            /// The token.
            token: SecretRef,
        },
        /// An Entra application with a client secret.
        AzureClientSecret = "azure-client-secret" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The secret.
            client_secret: SecretRef,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// An Entra application with a certificate.
        AzureClientCertificate = "azure-client-certificate" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// PEM with certificate and RSA private key, or PKCS#12 (binary, or in base64 where it comes from the environment).
            certificate: SecretRef,
            /// The password of the PKCS#12.
            password: Option<SecretRef>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// An Entra application that trusts GitHub Actions.
        GithubOidcAzure = "github-oidc-azure" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The audience; `api://AzureADTokenExchange` by default.
            audience: Option<String>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// An Entra application that trusts an Azure DevOps service connection.
        AzureDevopsOidc = "azure-devops-oidc" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The id of the service connection.
            service_connection_id: Option<String>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// An Entra application that trusts the issuer of a token in a file, as Kubernetes workload identity lays it down.
        AzureWorkloadIdentity = "azure-workload-identity" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The path of the file; what AZURE_FEDERATED_TOKEN_FILE names by default.
            path: Option<String>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// A managed identity of the machine.
        AzureMsi = "azure-msi" {
            /// The client id of a user-assigned identity.
            client_id: Option<String>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// Whoever is signed in with the Azure CLI.
        AzureCli = "azure-cli" {
            /// The tenant, where it is not the principal's.
            tenant_id: Option<String>,
            /// The workspace's Azure resource id, for a caller with an Azure role on it and no place in the workspace.
            azure_resource_id: Option<String>,
        },
        /// A principal with a Databricks OAuth secret.
        OauthM2m = "oauth-m2m" {
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The OAuth secret.
            client_secret: SecretRef,
        },
        /// A principal that trusts GitHub Actions by a Databricks federation policy.
        GithubOidc = "github-oidc" {
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The audience; the workspace's token endpoint by default.
            audience: Option<String>,
        },
        /// A principal that trusts the issuer of a token in the environment.
        EnvOidc = "env-oidc" {
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The variable's name; what DATABRICKS_OIDC_TOKEN_ENV names, or DATABRICKS_OIDC_TOKEN, by default.
            variable: Option<String>,
        },
        /// A principal that trusts the issuer of a token in a file.
        FileOidc = "file-oidc" {
            /// The application id, where it is not the principal's.
            client_id: Option<String>,
            /// The file's path.
            path: String,
        },
    }
}
