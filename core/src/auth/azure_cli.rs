//! `azure-cli`: the account that is signed in with the Azure CLI.
//!
//! <https://learn.microsoft.com/cli/azure/account#az-account-get-access-token>

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::Token;
use super::context::{Issuer, Method, Request};
use super::entra::{check_ids, identity};
use super::resource::Resource;
use super::view::View;
use crate::config::Principal;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::typed::from_value;
use crate::model::{Code, Error, Secret};
use crate::service::oauth::Seconds;

/// How long a token lives for certain where an old CLI gives its end in local time alone, in seconds.
const SHORTEST_LIFE: i64 = 300;

/// The account that is signed in with the Azure CLI.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AzureCli {
    /// The tenant, where it is not the principal's.
    tenant_id: Option<String>,
    /// The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it.
    azure_resource_id: Option<String>,
}

#[derive(Deserialize)]
struct CliToken {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// In seconds since 1970; `expiresOn` beside it is in the machine's local time.
    expires_on: Option<Seconds>,
}

impl AzureCli {
    /// What the environment must hold.
    pub(super) const NEEDS: &str = "";

    /// Takes the CLI only where the environment asks for it.
    pub(super) fn where_named(view: &View<'_>) -> Option<Self> {
        view.is_named().then(|| Self {
            tenant_id: view.tenant(&["ARM_TENANT_ID"]),
            azure_resource_id: view.resource_id(),
        })
    }

    async fn token(&self, request: &Request<'_>, resource: Resource) -> Result<Secret, Error> {
        let context = request.context;
        let id = resource.id(context.endpoints);
        let tenant = self.tenant_id.as_deref().or(context.subject.principal.tenant_id.as_deref());
        let name = format!("az {} {id}", tenant.unwrap_or_default());
        context.session().tokens.get(context, name, async { ask(request, &id, tenant).await }).await
    }
}

/// Asks `az` for a token for a resource.
async fn ask(request: &Request<'_>, resource: &str, tenant: Option<&str>) -> Result<Token, Error> {
    let context = request.context;
    let mut arguments = vec!["account", "get-access-token", "--resource", resource, "--output", "json"];
    if let Some(tenant) = tenant {
        arguments.extend(["--tenant", tenant]);
    }
    let failed = |reason: &str| {
        let line: String = complaint(reason).chars().filter(|c| !c.is_control()).take(300).collect();
        Error::new(Code::AzureCliFailed, request.step, format!("the Azure CLI gave no token: {line}"))
    };
    let environment = context.host().environment;
    let output = match environment.azure_cli(&arguments).await {
        // Signed in as a managed identity, or in the Cloud Shell, `az` knows one tenant and takes no other.
        Err(reason) if tenant.is_some() && takes_no_tenant(&reason) => {
            arguments.truncate(6);
            environment.azure_cli(&arguments).await.map_err(|reason| failed(&reason))?
        }
        other => other.map_err(|reason| failed(&reason))?,
    };
    let token: CliToken = serde_json::from_str(output.expose("the token is taken out of it"))
        .ok()
        .and_then(|value| from_value(value).ok())
        .ok_or_else(|| failed("its output is not the JSON that was expected"))?;
    let left = token.expires_on.map_or(SHORTEST_LIFE, |end| end.seconds() - context.now().as_second());
    Ok(Token::living(context, Secret::new(token.access_token), left))
}

fn takes_no_tenant(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    reason.contains("managed identity") || reason.contains("tenant shouldn't be specified")
}

/// Finds the line that says why, in all that `az` says: a warning may stand before it, and before what it did
/// not expect stands a line that says just that.
fn complaint(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let errors = lines.clone().filter_map(|line| line.strip_prefix("ERROR:")).map(str::trim);
    let telling =
        errors.clone().find(|line| !line.starts_with("The command failed with an unexpected error"));
    telling.or_else(|| errors.clone().next()).or_else(|| lines.next()).unwrap_or("without a reason")
}

impl Method for AzureCli {
    fn name(&self) -> &'static str {
        "azure-cli"
    }

    fn check(&self, path: &str) -> Result<(), Error> {
        check_ids(path, self.tenant_id.as_deref(), None, self.azure_resource_id.as_deref())
    }

    fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    fn issuer(&self, _principal: &Principal) -> Issuer {
        Issuer::Entra
    }

    fn sign_in<'a>(&'a self, request: Request<'a>) -> LocalFuture<'a, Result<Identity, Error>> {
        Box::pin(async move {
            let token = async |resource| self.token(&request, resource).await;
            identity(&request, self.azure_resource_id.as_deref(), token).await
        })
    }
}
