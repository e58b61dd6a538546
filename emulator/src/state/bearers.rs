//! The access tokens that were issued, the resources that they are for, and what stands in them.

use serde_json::{Value, json};

/// The resource id of Databricks, the same in every cloud.
pub(crate) const DATABRICKS_RESOURCE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
/// The resource id of Azure DevOps.
pub(crate) const AZURE_DEVOPS_RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// The audience of tokens for Microsoft Graph.
pub(crate) const GRAPH_RESOURCE: &str = "https://graph.microsoft.com";
/// The audience of tokens for Key Vault.
pub(crate) const VAULT_RESOURCE: &str = "https://vault.azure.net";
/// The audience of tokens for Azure Resource Manager.
pub(crate) const MANAGEMENT_RESOURCE: &str = "https://management.core.windows.net/";

/// Describes an access token: a JWT, as the real ones are, which nobody but its resource verifies.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The token.
    pub value: String,
    /// The resource that it is for.
    pub audience: String,
    /// Whom it stands for.
    pub subject: Subject,
    /// The application permissions in it, such as Graph's `Application.ReadWrite.All`.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires_ms: i64,
}

/// Says whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An application, by its application id.
    Application(String),
    /// A person, by user name.
    User(String),
}

/// The application id of the Azure CLI, through which people sign in.
const AZURE_CLI: &str = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";

/// Says what stands in an access token.
pub(crate) struct Claims<'a> {
    pub(crate) audience: &'a str,
    pub(crate) subject: &'a Subject,
    pub(crate) roles: &'a [&'a str],
    /// The tenant of Entra ID, or the origin of the Databricks service that issues it.
    pub(crate) home: &'a str,
    /// The object id of whom it stands for.
    pub(crate) object_id: &'a str,
    /// An id that no other token has.
    pub(crate) unique: &'a str,
    /// When it begins and ends, in seconds since 1970.
    pub(crate) validity: (i64, i64),
}

impl Claims<'_> {
    /// Shows them as Entra ID does.
    ///
    /// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
    pub(crate) fn entra(&self) -> Value {
        let (begins, ends) = self.validity;
        let mut claims = json!({
            "aud": self.audience, "iss": format!("https://sts.windows.net/{}/", self.home),
            "iat": begins, "nbf": begins, "exp": ends, "idp": format!("https://sts.windows.net/{}/", self.home),
            "oid": self.object_id, "tid": self.home, "uti": self.unique, "ver": "1.0",
        });
        match self.subject {
            Subject::Application(app_id) => {
                claims["appid"] = json!(app_id);
                claims["appidacr"] = json!("1");
                claims["idtyp"] = json!("app");
                claims["sub"] = json!(self.object_id);
                if !self.roles.is_empty() {
                    claims["roles"] = json!(self.roles);
                }
            }
            // The application is then the one through which the person signs in.
            Subject::User(name) => {
                claims["appid"] = json!(AZURE_CLI);
                claims["appidacr"] = json!("0");
                claims["idtyp"] = json!("user");
                claims["scp"] = json!("user_impersonation");
                claims["sub"] = json!(format!("pairwise-{}", self.object_id));
                claims["upn"] = json!(name);
            }
        }
        claims
    }

    /// Shows them as the token endpoint of Databricks does.
    pub(crate) fn databricks(&self) -> Value {
        let (begins, ends) = self.validity;
        let (Subject::Application(name) | Subject::User(name)) = self.subject;
        json!({
            "iss": format!("{}/oidc", self.home), "aud": self.audience, "sub": name, "client_id": name,
            "scope": self.roles.join(" "), "iat": begins, "exp": ends, "jti": self.unique,
        })
    }
}
