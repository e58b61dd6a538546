//! A Databricks workspace, and the account.

pub(crate) mod assignments;
pub(crate) mod conf;
pub(crate) mod federation;
pub(crate) mod management;
pub(crate) mod me;
pub(crate) mod oauth;
pub(crate) mod oauth_secrets;
pub(crate) mod permissions;
mod refusals;
pub(crate) mod scim;
mod tenant;
pub(crate) mod tokens;

pub(crate) use refusals::DATABRICKS;
pub(crate) use tenant::tenant;
