//! What the refusals of a Databricks workspace, and of the account, mean.
//!
//! <https://docs.databricks.com/api/azure/workspace/introduction>

use crate::http::{Dialect, Rule, named, reason, said, status, statuses};
use crate::model::Code;

/// Databricks, as it says no.
pub(crate) static DATABRICKS: Dialect = Dialect::new("Databricks", TABLE)
    .redirected("check the URL: a workspace URL is https://adb-….azuredatabricks.net without a path");

const TABLE: &[Rule] = &[
    statuses(300, 399)
        .for_reason(&["private-link-validation-error"])
        .means(Code::PrivateLink)
        .tells("the workspace is behind Private Link and refuses this network"),
    // The official client repeats neither 500 nor 504 of a workspace; texts that name an overload it does.
    statuses(400, 599).saying(&["token bucket limit"]).passing(),
    reason(&["REQUEST_LIMIT_EXCEEDED"]).means(Code::RateLimited).passing(),
    reason(&["TEMPORARILY_UNAVAILABLE"]).passing(),
    statuses(400, 599)
        .naming(&["worker env"])
        .saying_also(&["not found", "no worker", "unknown worker", "does not have any associated worker"])
        .means(Code::ServiceUnavailable)
        .passing(),
    reason(&["DEADLINE_EXCEEDED"]).means(Code::ServiceUnavailable).passing(),
    // A name that holds one of these costs a second try, and no more.
    named(&["clusternotreadyexception", "timed out after ", "deadline exceeded"])
        .means(Code::ServiceUnavailable)
        .passing(),
    said(&["there is no worker environment with id", "please try again later or try a faster operation"])
        .means(Code::ServiceUnavailable)
        .passing(),
    // What SCIM says of an error of its own.
    status(500).saying_exactly("null").passing(),
    status(500).lasting(),
    status(504).lasting(),
    said(&["this api is disabled for users without account admin status"]).means(Code::AccountAdminRequired),
    status(403)
        .saying(&["this api is disabled for users without the"])
        .means(Code::EntitlementMissing)
        .propagating(),
    // The permissions hear of a new principal later than the rest.
    named(&["principal: serviceprincipalname("]).means(Code::PrincipalNotInWorkspace).propagating(),
    said(&["principal not found in account", " not in workspace "])
        .means(Code::PrincipalNotInWorkspace)
        .propagating(),
    said(&["does not have required scopes", "are not assigned to the client"]).means(Code::ScopeMissing),
    said(&[
        "unauthorized network access to workspace",
        "unauthorized access to org",
        "invalid access to org",
    ])
    .means(Code::NetworkRefused),
    named(&["incorrectclaimexception: expected iss"]).means(Code::WrongTenant),
    said(&["expected iss claim"]).means(Code::WrongTenant),
    named(&["incorrectclaimexception: expected aud"]).means(Code::WrongAudience),
    said(&["expected aud claim"]).means(Code::WrongAudience),
    named(&["expiredjwtexception"]).means(Code::CredentialInvalid),
    said(&["jwt expired at"]).means(Code::CredentialInvalid),
    said(&["invalid access token", "token is expired"]).means(Code::CredentialInvalid).propagating(),
    reason(&["invalid_client"]).means(Code::CredentialInvalid).propagating(),
    reason(&["invalid_grant"])
        .saying(&[
            "valid federation policy has",
            "valid federation policy for",
            "matches no federation policy",
        ])
        .means(Code::FederationPolicyMismatch)
        .propagating(),
    said(&["does not have permission to use tokens"]).means(Code::TokenPermissionMissing).propagating(),
    said(&["personal access tokens are disabled", "tokens are disabled for"])
        .means(Code::TokensDisabled)
        .propagating(),
    reason(&["FEATURE_DISABLED"])
        .saying(&["personal access token"])
        .means(Code::TokensDisabled)
        .propagating(),
    reason(&["QUOTA_EXCEEDED"]).means(Code::QuotaExceeded).lasting(),
    reason(&["RESOURCE_EXHAUSTED"]).saying(&["number of tokens"]).means(Code::QuotaExceeded).lasting(),
    said(&["blocked by databricks ip acl", "blocked by an ip access list", "blocked by ip access list"])
        .means(Code::IpAccessList),
    said(&["cannot write secrets to azure keyvault-backed scope"]).means(Code::SinkUnsupported),
    status(400)
        .saying(&[
            "the token lifetime of",
            "token lifetime exceeds",
            "lifetime exceeds the max",
            "exceeds the maximum lifetime",
            "exceeds the maximum token lifetime",
            "greater than the maximum lifetime",
            "lifetime_seconds must be less",
            "lifetime_seconds must not exceed",
        ])
        .means(Code::LifetimeOverMaximum),
    reason(&["invalid_scope"]).means(Code::ScopeInvalid),
    // A page that knows no such path: what answers is no workspace.
    status(404).page().means(Code::NotAWorkspace),
    said(&["unable to load openid configuration", "unable to load oidc"]).means(Code::NotAWorkspace),
    status(401).means(Code::CredentialInvalid).propagating(),
    status(403)
        .saying(&[
            // Whole phrases: the names of people and principals hold the word too.
            "only workspace admins",
            "only account admins",
            "only admins can",
            "only an admin can",
            "only administrators can",
            "is not an admin",
            "is not a workspace admin",
            "must be an admin",
            "must be a workspace admin",
            "admin privileges are required",
            "requires admin privileges",
            "admin permissions are required",
            "does not have manage permissions",
            "does not have can_manage permission",
        ])
        .means(Code::AdminRequired),
    status(403)
        .saying(&[
            "unauthorized access to workspace",
            "user not authorized",
            "is not a member of",
            "is not part of",
        ])
        .means(Code::PrincipalNotInWorkspace)
        .propagating(),
    status(403)
        .saying(&[
            "user is inactive",
            "user is deactivated",
            "principal is inactive",
            "principal is deactivated",
            "has been deactivated",
            "account is deactivated",
        ])
        .means(Code::PrincipalInactive),
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use serde_json::json;

    use crate::host::testing::TestHost;
    use crate::model::Code;

    #[test]
    fn a_redirect_of_private_link_is_told_from_any_other() {
        for (location, code) in [
            ("/login.html?error=private-link-validation-error:1234567890", Code::PrivateLink),
            (
                "https://adb-1.2.azuredatabricks.net/login.html?a=b&error=private-link-validation-error",
                Code::PrivateLink,
            ),
            ("/#login?error=private-link-validation-error%3A1234567890", Code::PrivateLink),
            // A reason that an answer of the API would give is none in a redirect.
            ("https://adb-1.2.azuredatabricks.net/login.html?error=invalid_client", Code::Redirected),
            ("https://login.microsoftonline.com/common/oauth2/authorize?error=x", Code::Redirected),
            ("", Code::Redirected),
        ] {
            let host = TestHost::new().variable("PRINCIPAL_TOKEN", "token");
            let config = host.config(json!({}), json!({}));
            let list = "GET https://adb-1.2.azuredatabricks.net/api/2.0/token/list";
            let headers: &[(&str, &str)] = if location.is_empty() { &[] } else { &[("location", location)] };
            host.on_text(list, 302, headers, "{\"message\": \"never shown\"}");
            let error = host
                .with(&config, async |context| {
                    let identity = crate::auth::sign_in_principal(context).await?;
                    super::super::tokens::list(context, &identity, crate::model::Step::ListTokens).await
                })
                .unwrap_err();
            assert_eq!(error.code(), code, "{location}");
            assert!(!error.message().contains("never shown"), "{error}");
        }
    }
}
