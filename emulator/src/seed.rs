//! What a fresh world holds.

use crate::databricks::Workspace;
use crate::world::World;

/// The tenant that everything seeded lives in.
pub(crate) const TENANT: &str = "7f3b8a52-1d4c-4e7a-9b60-2c5d8e9f0a13";

impl World {
    /// Fills an empty world: a tenant, workspaces, a GitHub organisation.
    pub(crate) fn seed(&mut self, workspaces: usize) {
        self.directory.tenants.push(TENANT.to_owned());
        self.workspaces = (0..workspaces).map(|_| Workspace::default()).collect();
    }
}
