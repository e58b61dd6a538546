//! The secrets of the vaults, with their versions, and who may use them.

use std::collections::{BTreeMap, BTreeSet};

/// Holds the vaults, each by its host (or host and port).
#[derive(Debug, Clone, Default)]
pub struct KeyVaults {
    /// The secrets, by vault and by name in lower case.
    pub secrets: BTreeMap<(String, String), VaultSecret>,
    /// What principals may do, by application id: `get`, `list`, `set`, `delete`, `recover`, `purge`. Holds
    /// for every vault.
    pub access: BTreeMap<String, BTreeSet<String>>,
    /// How many reads a deletion is still on its way for.
    pub deletion_reads: u32,
}

/// Describes a secret with all its versions.
#[derive(Debug, Clone)]
pub struct VaultSecret {
    /// The name, as it was first written.
    pub name: String,
    /// The versions, oldest first.
    pub versions: Vec<VaultVersion>,
    /// When it was deleted; it can then be recovered or purged.
    pub deleted_ms: Option<i64>,
    /// How many reads the deletion is still on its way for.
    pub deleting_reads: u32,
}

/// Describes one version of a secret.
#[derive(Debug, Clone)]
pub struct VaultVersion {
    /// The id: 32 hexadecimal digits.
    pub id: String,
    /// The value.
    pub value: String,
    /// The content type.
    pub content_type: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it can be read.
    pub enabled: bool,
    /// From when it is meant to be used, in seconds since 1970.
    pub not_before: Option<i64>,
    /// Until when it is meant to be used, in seconds since 1970.
    pub expires: Option<i64>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was last changed, in milliseconds since 1970.
    pub updated_ms: i64,
}
