//! The environment's names of Databricks unified authentication and of the Azure SDKs, in their documented
//! order.
//!
//! Of the documented ways those are left out that sign in as a person or as whoever happens to be at hand: a
//! PAT (the principal must be able to sign in when its PAT has expired), passwords, profiles and log-ins of
//! the machine. `azure-cli` is taken where `DATABRICKS_AUTH_TYPE` asks for it.
//!
//! <https://docs.databricks.com/dev-tools/auth/unified-auth>,
//! <https://learn.microsoft.com/python/api/azure-identity/azure.identity.environmentcredential>

use super::identity_token::devops_url;
use super::references::oidc_variable;
use crate::config::{Auth, Principal, PrincipalKind, SecretRef};
use crate::error::{Code, Error, Step};
use crate::platform::Environment;

/// Holds what a way to sign in looks at.
struct View<'a> {
    environment: &'a dyn Environment,
    principal: &'a Principal,
    /// Whether `DATABRICKS_AUTH_TYPE` names this very way, so that nothing needs to hint at it.
    named: bool,
}

/// Names a way to sign in, what it needs, and how it is read.
struct Way {
    name: &'static str,
    needs: &'static str,
    read: fn(&View<'_>) -> Option<Auth>,
}

/// The order is that of the Databricks SDKs, then that of the Azure SDKs; what a CI system offers to every
/// job comes last.
const WAYS: &[Way] = &[
    Way { name: "oauth-m2m", needs: "DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET", read: oauth_m2m },
    Way {
        name: "env-oidc",
        needs: "DATABRICKS_OIDC_TOKEN, or the variable that DATABRICKS_OIDC_TOKEN_ENV names",
        read: env_oidc,
    },
    Way { name: "file-oidc", needs: "DATABRICKS_OIDC_TOKEN_FILEPATH", read: file_oidc },
    Way {
        name: "github-oidc",
        needs: "DATABRICKS_CLIENT_ID in a GitHub Actions job with id-token: write",
        read: github_oidc,
    },
    Way { name: "azure-msi", needs: "ARM_USE_MSI", read: azure_msi },
    Way {
        name: "azure-client-secret",
        needs: "ARM_CLIENT_ID and ARM_CLIENT_SECRET",
        read: arm_client_secret,
    },
    Way {
        name: "github-oidc-azure",
        needs: "ARM_CLIENT_ID in a GitHub Actions job with id-token: write",
        read: github_oidc_azure,
    },
    Way { name: "azure-cli", needs: "", read: azure_cli },
    Way {
        name: "azure-devops-oidc",
        needs: "SYSTEM_ACCESSTOKEN and a client id in Azure Pipelines",
        read: azure_devops_oidc,
    },
    Way {
        name: "azure-client-secret",
        needs: "ARM_CLIENT_ID and ARM_CLIENT_SECRET",
        read: azure_client_secret,
    },
    Way {
        name: "azure-client-certificate",
        needs: "AZURE_CLIENT_CERTIFICATE_PATH",
        read: azure_client_certificate,
    },
    Way {
        name: "azure-workload-identity",
        needs: "AZURE_FEDERATED_TOKEN_FILE",
        read: azure_workload_identity,
    },
    Way { name: "github-oidc", needs: "", read: github_of_the_job },
    Way { name: "github-oidc-azure", needs: "", read: github_azure_of_the_job },
    Way { name: "azure-devops-oidc", needs: "", read: devops_of_the_job },
];

/// Returns the first way to sign in that the environment holds, or the one that `DATABRICKS_AUTH_TYPE` names.
///
/// # Errors
/// `sign-in-not-configured` where the named way is not known or lacks something.
pub(super) fn auth(environment: &dyn Environment, principal: &Principal) -> Result<Option<Auth>, Error> {
    let Some(wanted) = environment.variable("DATABRICKS_AUTH_TYPE") else {
        let view = View { environment, principal, named: false };
        return Ok(WAYS.iter().find_map(|way| (way.read)(&view)));
    };
    let refused = |words: String| Error::new(Code::SignInNotConfigured, Step::SignIn, words);
    if wanted == "pat" {
        return Err(refused(
            "DATABRICKS_AUTH_TYPE is pat, and the principal must be able to sign in when its PAT has expired"
                .to_owned(),
        ));
    }
    let Some(first) = WAYS.iter().find(|way| way.name == wanted) else {
        let mut known: Vec<&str> = WAYS.iter().map(|way| way.name).collect();
        known.sort_unstable();
        known.dedup();
        return Err(refused(format!(
            "DATABRICKS_AUTH_TYPE names no type that lakekey knows; known: {}",
            known.join(", ")
        )));
    };
    let view = View { environment, principal, named: true };
    let found = WAYS.iter().filter(|way| way.name == wanted).find_map(|way| (way.read)(&view));
    match found {
        Some(auth) => Ok(Some(auth)),
        None => Err(refused(format!("DATABRICKS_AUTH_TYPE is {wanted}, which needs {}", first.needs))),
    }
}

impl View<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.environment.variable(name)
    }

    /// Returns the id that the environment gives, unless the configuration says whose sign-in this is.
    fn client(&self, names: &[&str]) -> Option<String> {
        if self.principal.client_id.is_some() {
            None
        } else {
            names.iter().find_map(|name| self.variable(name))
        }
    }

    fn has_client(&self, names: &[&str]) -> bool {
        self.principal.client_id.is_some() || names.iter().any(|name| self.variable(name).is_some())
    }

    fn tenant(&self, names: &[&str]) -> Option<String> {
        if self.principal.tenant_id.is_some() {
            None
        } else {
            names.iter().find_map(|name| self.variable(name))
        }
    }

    fn resource_id(&self) -> Option<String> {
        self.variable("DATABRICKS_AZURE_RESOURCE_ID")
    }

    /// Returns whether an Azure sign-in can be the principal's: one that Databricks manages has none.
    fn azure(&self) -> bool {
        self.named || self.principal.kind == PrincipalKind::Entra
    }

    fn in_github(&self) -> bool {
        self.named
            || (self.variable("ACTIONS_ID_TOKEN_REQUEST_URL").is_some()
                && self.variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN").is_some())
    }

    fn in_azure_pipelines(&self) -> bool {
        self.named
            || (self.variable("SYSTEM_ACCESSTOKEN").is_some() && devops_url(self.environment).is_some())
    }
}

fn oauth_m2m(view: &View<'_>) -> Option<Auth> {
    view.variable("DATABRICKS_CLIENT_SECRET")?;
    view.has_client(&["DATABRICKS_CLIENT_ID"]).then(|| Auth::OauthM2m {
        client_id: view.client(&["DATABRICKS_CLIENT_ID"]),
        client_secret: SecretRef::Env("DATABRICKS_CLIENT_SECRET".to_owned()),
    })
}

fn env_oidc(view: &View<'_>) -> Option<Auth> {
    view.variable(&oidc_variable(None, view.environment))?;
    Some(Auth::EnvOidc { client_id: view.client(&["DATABRICKS_CLIENT_ID"]), variable: None })
}

fn file_oidc(view: &View<'_>) -> Option<Auth> {
    let path = view
        .variable("DATABRICKS_OIDC_TOKEN_FILEPATH")
        .or_else(|| view.variable("DATABRICKS_OIDC_TOKEN_FILE"))?;
    Some(Auth::FileOidc { client_id: view.client(&["DATABRICKS_CLIENT_ID"]), path })
}

fn github_oidc(view: &View<'_>) -> Option<Auth> {
    let meant = view.named || view.variable("DATABRICKS_CLIENT_ID").is_some();
    (meant && view.in_github()).then(|| github(view))
}

fn github(view: &View<'_>) -> Auth {
    Auth::GithubOidc {
        client_id: view.client(&["DATABRICKS_CLIENT_ID"]),
        audience: view.variable("DATABRICKS_TOKEN_AUDIENCE"),
    }
}

fn azure_msi(view: &View<'_>) -> Option<Auth> {
    let wanted = view
        .variable("ARM_USE_MSI")
        .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1"));
    // The name of a user-assigned identity stands in ARM_CLIENT_ID, whoever the principal is: without it the
    // machine's own is meant.
    (view.named || (wanted && view.azure())).then(|| Auth::AzureMsi {
        client_id: view.variable("ARM_CLIENT_ID"),
        azure_resource_id: view.resource_id(),
    })
}

fn arm_client_secret(view: &View<'_>) -> Option<Auth> {
    client_secret(view, "ARM_CLIENT_SECRET", "ARM_CLIENT_ID", "ARM_TENANT_ID")
}

fn azure_client_secret(view: &View<'_>) -> Option<Auth> {
    client_secret(view, "AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_TENANT_ID")
}

fn client_secret(view: &View<'_>, secret: &str, client: &str, tenant: &str) -> Option<Auth> {
    view.variable(secret)?;
    (view.azure() && view.has_client(&[client])).then(|| Auth::AzureClientSecret {
        tenant_id: view.tenant(&[tenant]),
        client_id: view.client(&[client]),
        client_secret: SecretRef::Env(secret.to_owned()),
        azure_resource_id: view.resource_id(),
    })
}

fn github_oidc_azure(view: &View<'_>) -> Option<Auth> {
    let meant = view.named || view.variable("ARM_CLIENT_ID").is_some();
    (meant && view.azure() && view.in_github()).then(|| github_azure(view))
}

fn github_azure(view: &View<'_>) -> Auth {
    Auth::GithubOidcAzure {
        tenant_id: view.tenant(&["ARM_TENANT_ID", "AZURE_TENANT_ID"]),
        client_id: view.client(&["ARM_CLIENT_ID", "AZURE_CLIENT_ID"]),
        audience: None,
        azure_resource_id: view.resource_id(),
    }
}

fn azure_cli(view: &View<'_>) -> Option<Auth> {
    view.named.then(|| Auth::AzureCli {
        tenant_id: view.tenant(&["ARM_TENANT_ID"]),
        azure_resource_id: view.resource_id(),
    })
}

fn azure_devops_oidc(view: &View<'_>) -> Option<Auth> {
    let meant = view.named
        || view.variable("DATABRICKS_CLIENT_ID").is_some()
        || view.variable("ARM_CLIENT_ID").is_some();
    (meant && view.in_azure_pipelines()).then(|| devops(view))
}

fn devops(view: &View<'_>) -> Auth {
    Auth::AzureDevopsOidc {
        tenant_id: view.tenant(&["ARM_TENANT_ID", "AZURE_TENANT_ID"]),
        client_id: view.client(&["ARM_CLIENT_ID", "DATABRICKS_CLIENT_ID", "AZURE_CLIENT_ID"]),
        // The tasks of Azure Pipelines that log in with a service connection name it so.
        service_connection_id: view.variable("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"),
        azure_resource_id: view.resource_id(),
    }
}

fn azure_client_certificate(view: &View<'_>) -> Option<Auth> {
    let path = view.variable("AZURE_CLIENT_CERTIFICATE_PATH")?;
    (view.azure() && view.has_client(&["AZURE_CLIENT_ID"])).then(|| Auth::AzureClientCertificate {
        tenant_id: view.tenant(&["AZURE_TENANT_ID"]),
        client_id: view.client(&["AZURE_CLIENT_ID"]),
        certificate: SecretRef::File(path),
        password: view
            .variable("AZURE_CLIENT_CERTIFICATE_PASSWORD")
            .map(|_| SecretRef::Env("AZURE_CLIENT_CERTIFICATE_PASSWORD".to_owned())),
        azure_resource_id: view.resource_id(),
    })
}

fn azure_workload_identity(view: &View<'_>) -> Option<Auth> {
    let path = view.variable("AZURE_FEDERATED_TOKEN_FILE")?;
    (view.azure() && view.has_client(&["AZURE_CLIENT_ID"])).then(|| Auth::AzureWorkloadIdentity {
        tenant_id: view.tenant(&["AZURE_TENANT_ID"]),
        client_id: view.client(&["AZURE_CLIENT_ID"]),
        path: Some(path),
        azure_resource_id: view.resource_id(),
    })
}

/// A job that may ask GitHub for a token, for a principal that the configuration names.
fn github_of_the_job(view: &View<'_>) -> Option<Auth> {
    let principal = view.principal;
    (principal.kind == PrincipalKind::Databricks && principal.client_id.is_some() && view.in_github())
        .then(|| github(view))
}

/// The same for a principal of Entra ID.
fn github_azure_of_the_job(view: &View<'_>) -> Option<Auth> {
    (view.azure() && view.has_client(&["AZURE_CLIENT_ID"]) && view.in_github()).then(|| github_azure(view))
}

/// A job that may ask Azure Pipelines for a token, for a principal that the configuration names.
fn devops_of_the_job(view: &View<'_>) -> Option<Auth> {
    (view.has_client(&["AZURE_CLIENT_ID"]) && view.in_azure_pipelines()).then(|| devops(view))
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
