//! The principal that a target is about.

use super::document::PrincipalDocument;
use crate::model::{Error, PrincipalKind, is_host_name};

/// Holds a checked principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Where it is managed.
    pub kind: PrincipalKind,
    /// The tenant.
    pub tenant_id: Option<String>,
    /// The application id.
    pub client_id: Option<String>,
    /// The name.
    pub display_name: Option<String>,
    /// The Databricks account.
    pub account_id: Option<String>,
}

/// The longest name that a workspace takes of a principal, in characters.
const LONGEST_NAME: usize = 100;

impl Principal {
    /// Checks what stands at `path`, such as `targets[0].principal`.
    ///
    /// # Errors
    /// `config-invalid-value` with the path of the key.
    pub(crate) fn check(document: PrincipalDocument, path: &str) -> Result<Self, Error> {
        let PrincipalDocument { kind, tenant_id, client_id, display_name, account_id } = document;
        for (id, key) in [(&client_id, "client-id"), (&account_id, "account-id")] {
            if let Some(id) = id {
                guid(id, &format!("{path}.{key}"))?;
            }
        }
        if let Some(id) = &tenant_id {
            tenant(id, &format!("{path}.tenant-id"))?;
        }
        if let Some(name) = &display_name
            && (name.trim().is_empty()
                || name.chars().count() > LONGEST_NAME
                || name.chars().any(char::is_control))
        {
            return Err(Error::invalid(
                &format!("{path}.display-name"),
                "a display name has 1 to 100 characters",
            ));
        }
        // Services compare ids with and without regard to letter case; in lower case all of them agree.
        let lower = |id: Option<String>| id.map(|id| id.to_ascii_lowercase());
        let (tenant_id, client_id, account_id) = (lower(tenant_id), lower(client_id), lower(account_id));
        Ok(Self { kind, tenant_id, client_id, display_name, account_id })
    }
}

/// Checks an id of the form that Entra ID gives.
pub(crate) fn guid(text: &str, path: &str) -> Result<(), Error> {
    let groups: Vec<&str> = text.split('-').collect();
    let fine = groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()));
    if fine {
        return Ok(());
    }
    // The text is not repeated: people paste secrets into the field for the id.
    let error = Error::invalid(path, "this is not an id of the form 00000000-0000-0000-0000-000000000000");
    Err(match path.ends_with(".client-id") {
        true => error.with_hint(
            "copy the application (client) id from the application's page; a display name belongs to \
             `display-name`",
        ),
        false => error,
    })
}

/// Checks a tenant's id or domain.
pub(crate) fn tenant(text: &str, path: &str) -> Result<(), Error> {
    let domain = text.contains('.') && is_host_name(text);
    if domain { Ok(()) } else { guid(text, path) }
}
