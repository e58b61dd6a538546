//! The services that lakekey talks to. Each is one module: its client, and beside it the table of its
//! refusals.

pub(crate) mod azure_devops;
pub(crate) mod databricks;
pub(crate) mod entra;
pub(crate) mod github;
pub(crate) mod graph;
pub(crate) mod identity_token;
pub(crate) mod key_vault;
pub(crate) mod metadata;
pub(crate) mod oauth;
