//! Microsoft Graph: the application, its service principal, its client secrets and its federated credentials.
//!
//! Graph is replicated, and right after a creation its replicas disagree. Every function here waits for the
//! effect, up to a bound, and never creates a second time without having looked again.
//!
//! The caller is `directory`: it needs `Application.ReadWrite.OwnedBy` and owns what it makes, or `.All`.
//!
//! <https://learn.microsoft.com/graph/api/resources/application>

mod applications;
mod federation;
mod passwords;
mod spreading;

use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use applications::{
    Application, ServicePrincipal, ensure_application, ensure_service_principal, find_application,
    find_service_principal,
};
pub use federation::{
    FederatedCredentialInfo, GITHUB_ISSUER, Trust, ensure_federated_credential, find_federated_credential,
    list_federated_credentials,
};
pub use passwords::{PasswordInfo, add_password, list_passwords, remove_password};

use crate::call::{Call, Identity, Service, encode};
use crate::context::Context;
use crate::error::{Code, Error, Step};

/// How many pages of a list are read; a page has a hundred entries or more.
const PAGES: usize = 50;

/// Holds one page of a list.
#[derive(Deserialize)]
struct Page<T> {
    #[serde(default = "Vec::new")]
    value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

/// Reads all pages of a list.
async fn list<T: DeserializeOwned>(
    context: &Context<'_>,
    identity: &Identity,
    step: Step,
    path: String,
) -> Result<Vec<T>, Error> {
    let graph = &context.session.config.graph;
    let mut all = Vec::new();
    let mut path = path;
    for _ in 0..PAGES {
        let call = Call::get(step, Service::Graph, graph, path).identity(identity);
        let page: Page<T> = context.json(call).await?;
        all.extend(page.value);
        let Some(next) = page.next else { return Ok(all) };
        // The link is absolute; the credential follows it to its own host alone.
        let Some(rest) = next.strip_prefix(graph.as_str()).filter(|rest| rest.starts_with('/')) else {
            return Err(Error::new(
                Code::ReplyInvalid,
                step,
                "Microsoft Graph names another host for the next page of a list",
            ));
        };
        path = rest.to_owned();
    }
    Err(Error::new(Code::ReplyInvalid, step, "Microsoft Graph answers with a list that does not end"))
}

/// Builds a `$filter` that compares one attribute with one text.
fn equals(attribute: &str, value: &str) -> String {
    format!("$filter={}", encode(&format!("{attribute} eq '{}'", value.replace('\'', "''"))))
}

#[cfg(test)]
mod tests;
