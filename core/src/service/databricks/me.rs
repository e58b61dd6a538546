//! Who somebody is to a workspace.
//!
//! Entitlements are left out of the question: the workspace works them out over all its grants, which takes
//! long in a large one.
//!
//! <https://docs.databricks.com/api/azure/workspace/currentuser/me>

use serde::Deserialize;

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity};
use crate::model::{Code, Error, Step};

const ME: &str = "/api/2.0/preview/scim/v2/Me?excludedAttributes=entitlements";

/// Holds the names of somebody who has signed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Me {
    application_id: Option<String>,
    user_name: Option<String>,
    /// The name that people see.
    pub(crate) display_name: Option<String>,
}

impl Me {
    /// Returns true for the service principal with that application id.
    pub(crate) fn is(&self, application_id: &str) -> bool {
        let names = [&self.application_id, &self.user_name];
        names.into_iter().flatten().any(|name| name.eq_ignore_ascii_case(application_id))
    }

    /// Returns a name; `None` where the workspace says none.
    pub(crate) fn name(&self) -> Option<&str> {
        self.application_id.as_deref().or(self.user_name.as_deref())
    }
}

/// Asks who has signed in.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn me(client: &Client<'_>, identity: &Identity, step: Step) -> Result<Me, Error> {
    client.json(Call::by(identity, step, &DATABRICKS, Method::GET, ME).proving()).await
}

/// Asks once, over a connection of its own, whose a new token is.
///
/// # Errors
/// As the workspace answers.
pub(crate) async fn owner_of(client: &Client<'_>, identity: &Identity, step: Step) -> Result<Me, Error> {
    let call = Call::by(identity, step, &DATABRICKS, Method::GET, ME).proving();
    client.json(call.fresh_connection().attempts(1)).await
}

/// Returns true for the refusal of somebody who may not ask this, and of nothing else about the caller.
///
/// Some service principals are refused the question although they may do all that they are there for.
pub(crate) fn may_not_ask(error: &Error) -> bool {
    let of_the_caller = matches!(
        error.code(),
        Code::CredentialInvalid
            | Code::EntitlementMissing
            | Code::ScopeMissing
            | Code::NetworkRefused
            | Code::IpAccessList
            | Code::PrivateLink
            | Code::PrincipalNotInWorkspace
            | Code::PrincipalInactive
    );
    error.status() == Some(403) && !of_the_caller
}
