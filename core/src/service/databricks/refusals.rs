//! What the refusals of a Databricks workspace, and of the account, mean.
//!
//! <https://docs.databricks.com/api/azure/workspace/introduction>

use crate::http::{Dialect, Rule, reason, said, status, statuses};
use crate::model::Code;

/// Databricks, as it says no.
pub(crate) static DATABRICKS: Dialect = Dialect::new("Databricks", TABLE);

const TABLE: &[Rule] = &[
    reason(&["private-link-validation-error"])
        .means(Code::PrivateLink)
        .tells("the workspace is behind Private Link and refuses this network"),
    // The official client repeats neither 500 nor 504 of a workspace; texts that name an overload it does.
    statuses(400, 599).saying(&["token bucket limit"]).passing(),
    status(500).lasting(),
    status(504).lasting(),
    said(&["invalid access token", "token is expired"]).means(Code::CredentialInvalid).propagating(),
    reason(&["invalid_client"]).means(Code::CredentialInvalid).propagating(),
    said(&["does not have permission to use tokens"]).means(Code::TokenPermissionMissing).propagating(),
    said(&["personal access tokens are disabled", "tokens are disabled"])
        .means(Code::TokensDisabled)
        .propagating(),
    reason(&["FEATURE_DISABLED"]).means(Code::TokensDisabled).propagating(),
    reason(&["QUOTA_EXCEEDED"]).means(Code::QuotaExceeded),
    said(&["ip acl", "ip access list"]).means(Code::IpAccessList),
    status(400).saying(&["lifetime"]).means(Code::LifetimeOverMaximum),
    reason(&["invalid_scope"]).means(Code::ScopeInvalid),
    status(401).means(Code::CredentialInvalid).propagating(),
    status(403).saying(&["admin"]).means(Code::AdminRequired),
    status(403)
        .saying(&[
            "unauthorized access to workspace",
            "not found",
            "not a member",
            "does not exist",
            "not part of",
        ])
        .means(Code::PrincipalNotInWorkspace)
        .propagating(),
    status(403).saying(&["inactive", "deactivated"]).means(Code::PrincipalInactive),
];
