//! The emulated services: one module each, whose `handle` answers a request from the world and changes it.
//!
//! In each of them `mod.rs` says which route goes where, `access` (or `auth`) who may do what, `reply` how
//! the service refuses, and `world` what seeds and tests ask of the world besides.

pub(crate) mod azure_devops;
pub(crate) mod databricks;
pub(crate) mod entra;
pub(crate) mod github;
pub(crate) mod graph;
pub(crate) mod imds;
pub(crate) mod issuers;
pub(crate) mod key_vault;
pub(crate) mod management;
pub(crate) mod webhook;

#[cfg(test)]
mod official_tests;
