//! What a principal is entitled to in a workspace, all its groups included.
//!
//! <https://docs.databricks.com/api/azure/workspace/workspaceiamv2>

use serde::Deserialize;

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Entitlement, Error, Step};

#[derive(Deserialize)]
struct Assignment {
    #[serde(default)]
    entitlements: Vec<String>,
    #[serde(default)]
    effective_entitlements: Vec<String>,
}

/// Returns the entitlements of the principal with that number, by itself or by a group; `None` where the
/// workspace does not say it: it may not have the route yet, or not know of a direct assignment.
///
/// # Errors
/// `cancelled`; whatever is no answer of the workspace.
pub(crate) async fn effective(
    client: &Client<'_>,
    admin: &Identity,
    number: &str,
) -> Result<Option<Vec<Entitlement>>, Error> {
    let path = format!("/api/2.0/identity/workspace-assignments/{}", encode(number));
    let call = Call::by(admin, Step::AddEntitlements, &DATABRICKS, Method::GET, path).attempts(1);
    match client.json::<Assignment>(call).await {
        Ok(found) => {
            let all = found.entitlements.iter().chain(&found.effective_entitlements);
            Ok(Some(all.filter_map(|name| Entitlement::find(name)).collect()))
        }
        // A page of which the paths still move: nothing is concluded from a refusal, or from another form.
        Err(error) if error.status().is_some() || error.code() == crate::model::Code::ReplyInvalid => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
