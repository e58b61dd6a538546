//! Permissions and values of the vaults: what seeds and tests ask of the world.

use crate::state::VaultVersion;
use crate::world::World;

impl World {
    /// Lets an application do something with the secrets of every vault: `get`, `list`, `set`, `delete`,
    /// `recover`, `purge`.
    pub fn allow_in_vaults(&mut self, app_id: &str, rights: &[&str]) {
        let granted = self.vaults.access.entry(app_id.to_ascii_lowercase()).or_default();
        granted.extend(rights.iter().map(|right| (*right).to_owned()));
    }

    /// Returns the versions of a vault's secret, oldest first; `vault` is an origin such as
    /// `https://acme.vault.azure.net`.
    #[must_use]
    pub fn vault_versions(&self, vault: &str, name: &str) -> &[VaultVersion] {
        let host = vault.split_once("://").map_or(vault, |(_, host)| host).trim_end_matches('/');
        self.vaults
            .secrets
            .get(&(host.to_ascii_lowercase(), name.to_ascii_lowercase()))
            .map_or(&[], |secret| &secret.versions)
    }

    /// Returns the newest value of a vault's secret, unless it is deleted.
    #[must_use]
    pub fn vault_value(&self, vault: &str, name: &str) -> Option<&str> {
        let host = vault.split_once("://").map_or(vault, |(_, host)| host).trim_end_matches('/');
        let secret = self.vaults.secrets.get(&(host.to_ascii_lowercase(), name.to_ascii_lowercase()))?;
        if secret.deleted_ms.is_some() {
            None
        } else {
            secret.versions.last().map(|version| version.value.as_str())
        }
    }
}
