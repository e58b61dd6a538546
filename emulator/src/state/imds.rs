//! The identities of the machine that the metadata service speaks for.

/// Holds what is assigned to the machine.
#[derive(Debug, Clone, Default)]
pub struct Imds {
    /// The application id of the identity that the machine itself has.
    pub system_assigned: Option<String>,
    /// The application ids of the identities that are assigned besides.
    pub user_assigned: Vec<String>,
    /// The secret that App Service gives to what runs there; `None` on a plain machine.
    pub header: Option<String>,
}
