//! Service principals of a workspace.
//!
//! <https://docs.databricks.com/api/azure/workspace/serviceprincipals>

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Entitlement, Error, Step};
use serde::Deserialize;
use serde_json::{Value, json};

const PATH: &str = "/api/2.0/preview/scim/v2/ServicePrincipals";

/// Describes a service principal as the workspace knows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServicePrincipal {
    /// The workspace's own id of it, a number, mostly written as text.
    #[serde(deserialize_with = "super::tokens::text_of_number_or_text")]
    pub(crate) id: String,
    /// The application id.
    #[serde(deserialize_with = "crate::model::id")]
    pub(crate) application_id: String,
    /// The name.
    #[serde(default)]
    pub(crate) display_name: String,
    /// Whether it may sign in.
    #[serde(default = "yes")]
    pub(crate) active: bool,
    #[serde(default)]
    entitlements: Vec<Named>,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    #[serde(default)]
    value: String,
}

impl ServicePrincipal {
    /// Returns the entitlements that it has itself; those of its groups do not show here.
    #[must_use]
    pub(crate) fn entitlements(&self) -> Vec<Entitlement> {
        self.entitlements.iter().filter_map(|has| Entitlement::find(&has.value)).collect()
    }
}

#[derive(Deserialize)]
struct Found {
    #[serde(default, rename = "Resources")]
    resources: Vec<ServicePrincipal>,
}

/// Says which service principal is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// The one with this application id.
    ApplicationId(&'a str),
    /// The one with exactly this name.
    Name(&'a str),
}

/// Finds service principals. What came back is compared with what was asked: the workspace compares names
/// without regard to letter case, and a service that ignores the filter answers with all.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn find(
    client: &Client<'_>,
    admin: &Identity,
    by: By<'_>,
) -> Result<Vec<ServicePrincipal>, Error> {
    let (attribute, value) = match by {
        By::ApplicationId(id) => ("applicationId", id),
        By::Name(name) => ("displayName", name),
    };
    let filter = format!("{attribute} eq \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let path = format!("{PATH}?filter={}&startIndex=1&count=100", encode(&filter));
    let call = Call::by(admin, Step::ImportPrincipal, &DATABRICKS, Method::GET, path);
    let mut found = client.json::<Found>(call).await?.resources;
    found.retain(|principal| match by {
        By::ApplicationId(id) => principal.application_id.eq_ignore_ascii_case(id),
        By::Name(name) => principal.display_name == name,
    });
    Ok(found)
}

/// Adds a service principal; without an application id the workspace makes a Databricks-managed one.
///
/// # Errors
/// As the workspace answers; uncertain where it may exist all the same.
pub(crate) async fn create(
    client: &Client<'_>,
    admin: &Identity,
    application_id: Option<&str>,
    display_name: &str,
    entitlements: &[Entitlement],
) -> Result<ServicePrincipal, Error> {
    client.json(creation(admin, application_id, display_name, entitlements)).await
}

/// Returns the request that adds a service principal.
pub(crate) fn creation(
    admin: &Identity,
    application_id: Option<&str>,
    display_name: &str,
    entitlements: &[Entitlement],
) -> Call {
    let mut body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"],
        "displayName": display_name,
        "active": true,
        "entitlements": values(entitlements),
    });
    if let Some(id) = application_id {
        body["applicationId"] = json!(id);
    }
    Call::by(admin, Step::ImportPrincipal, &DATABRICKS, Method::POST, PATH)
        // With an application id a second sending is refused as a duplicate; without one it would make
        // another principal.
        .repeatable(application_id.is_some())
        .json(&body)
}

/// Adds entitlements, removing none.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn add_entitlements(
    client: &Client<'_>,
    admin: &Identity,
    id: &str,
    entitlements: &[Entitlement],
) -> Result<(), Error> {
    client.execute(addition(admin, id, entitlements)).await.map(drop)
}

/// Returns the request that adds entitlements.
pub(crate) fn addition(admin: &Identity, id: &str, entitlements: &[Entitlement]) -> Call {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "entitlements", "value": values(entitlements)}],
    });
    let path = format!("{PATH}/{}", encode(id));
    Call::by(admin, Step::AddEntitlements, &DATABRICKS, Method::PATCH, path).repeatable(true).json(&body)
}

fn values(entitlements: &[Entitlement]) -> Vec<Value> {
    entitlements.iter().map(|e| json!({"value": e.as_str()})).collect()
}
