//! What an Entra ID tenant holds: applications, their credentials and their service principals. Graph writes
//! it, the token endpoint reads it.

/// Holds the tenants with all that they contain.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// The ids of the tenants; the first is the one that everything seeded lives in.
    pub tenants: Vec<String>,
    /// The registered applications.
    pub applications: Vec<Application>,
    /// The service principals.
    pub service_principals: Vec<ServicePrincipal>,
    /// Resources (application ids or URIs) whose service principal is missing in the tenant, so that no
    /// token is issued for them.
    pub missing_resources: Vec<String>,
}

/// Describes a registered application.
///
/// <https://learn.microsoft.com/graph/api/resources/application>
#[derive(Debug, Clone, Default)]
pub struct Application {
    /// The object id, by which Graph's routes name it.
    pub object_id: String,
    /// The application (client) id.
    pub app_id: String,
    /// The tenant.
    pub tenant: String,
    /// The name.
    pub display_name: String,
    /// The unique name, where one was given.
    pub unique_name: Option<String>,
    /// Who may sign in, such as `AzureADMyOrg`.
    pub sign_in_audience: String,
    /// When it was made.
    pub created_ms: i64,
    /// The client secrets.
    pub secrets: Vec<ClientSecret>,
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// The federated credentials.
    pub federated: Vec<FederatedCredential>,
    /// Object ids of the owners.
    pub owners: Vec<String>,
    /// Texts by which people and programs sort applications.
    pub tags: Vec<String>,
}

/// Describes a client secret.
///
/// <https://learn.microsoft.com/graph/api/resources/passwordcredential>
#[derive(Debug, Clone, Default)]
pub struct ClientSecret {
    /// Its id.
    pub key_id: String,
    /// The secret itself, which Graph shows once.
    pub value: String,
    /// The description.
    pub display_name: Option<String>,
    /// From when it holds.
    pub start_ms: i64,
    /// Until when it holds.
    pub end_ms: i64,
}

/// Describes a certificate that an application may sign assertions with.
///
/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
#[derive(Debug, Clone, Default)]
pub struct Certificate {
    /// Its id.
    pub key_id: String,
    /// The SHA-256 of its DER, as `x5t#S256` carries it.
    pub thumbprint: Vec<u8>,
    /// The SHA-1 of its DER, as the older `x5t` carries it.
    pub thumbprint_sha1: Vec<u8>,
    /// The public key: a DER `SubjectPublicKeyInfo`.
    pub public_key: Vec<u8>,
    /// Until when it holds.
    pub end_ms: i64,
}

/// Describes a federated credential.
///
/// <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>
#[derive(Debug, Clone, Default)]
pub struct FederatedCredential {
    /// Its id.
    pub id: String,
    /// The name, which cannot be changed.
    pub name: String,
    /// Who signs the assertions.
    pub issuer: String,
    /// The subject, letter by letter; empty where an expression stands in its place.
    pub subject: String,
    /// The expression that a token's claims have to match.
    pub expression: Option<String>,
    /// The audience: exactly one.
    pub audiences: Vec<String>,
    /// A description.
    pub description: Option<String>,
}

/// Describes a service principal: an application's place in a tenant.
///
/// <https://learn.microsoft.com/graph/api/resources/serviceprincipal>
#[derive(Debug, Clone, Default)]
pub struct ServicePrincipal {
    /// The object id.
    pub object_id: String,
    /// The application id.
    pub app_id: String,
    /// The tenant.
    pub tenant: String,
    /// The name.
    pub display_name: String,
    /// The permissions in Graph, such as `Application.ReadWrite.OwnedBy`.
    pub graph_roles: Vec<String>,
    /// Azure roles, each as role name and the resource id that it holds on; such as `Contributor` on a
    /// workspace.
    pub azure_roles: Vec<(String, String)>,
    /// Object ids of the owners.
    pub owners: Vec<String>,
    /// When it was made.
    pub created_ms: i64,
}

impl Directory {
    /// Returns the tenant that everything seeded lives in.
    #[must_use]
    pub fn home(&self) -> &str {
        self.tenants.first().map_or("", String::as_str)
    }

    /// Finds an application by its application id.
    #[must_use]
    pub fn application(&self, app_id: &str) -> Option<&Application> {
        self.applications.iter().find(|app| app.app_id.eq_ignore_ascii_case(app_id))
    }

    /// Finds an application by its application id, to change it.
    pub fn application_mut(&mut self, app_id: &str) -> Option<&mut Application> {
        self.applications.iter_mut().find(|app| app.app_id.eq_ignore_ascii_case(app_id))
    }

    /// Finds the service principal of an application.
    #[must_use]
    pub fn service_principal(&self, app_id: &str) -> Option<&ServicePrincipal> {
        self.service_principals.iter().find(|principal| principal.app_id.eq_ignore_ascii_case(app_id))
    }
}
