//! Each way to sign in against a scripted service: exactly what is sent, and how each refusal reads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::parties::sign_in_directory;
use super::principal::{sign_in_keeper, sign_in_principal};
use crate::engine::Config;
use crate::host::testing::{START, Sent, TestHost};
use crate::host::{Clock as _, HeaderValue, Method, Request};
use crate::http::{Call, Dialect, Identity};
use crate::model::{Code, Error, Step};

const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const CLIENT: &str = "22222222-2222-2222-2222-222222222222";
const LOGIN: &str =
    "POST https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token";
const DATABRICKS: &str = "POST https://adb-1.2.azuredatabricks.net/oidc/v1/token";
const GITHUB: &str = "GET https://pipelines.example/token/?api-version=2.0&audience=";
const RESOURCE_ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Databricks/workspaces/w";

fn granted(token: &str) -> Value {
    json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token})
}

fn form(sent: &Sent) -> Vec<(String, String)> {
    form_urlencoded::parse(sent.body.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

fn field(sent: &Sent, name: &str) -> Option<String> {
    form(sent).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// An assertion with those claims and a signature that nobody checks here.
fn jwt(subject: &str) -> String {
    let claims = json!({"iss": "https://token.actions.githubusercontent.com", "sub": subject,
        "aud": "api://AzureADTokenExchange"});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

fn in_github() -> TestHost {
    TestHost::new()
        .variable("ACTIONS_ID_TOKEN_REQUEST_URL", "https://pipelines.example/token/?api-version=2.0")
        .variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "job-token")
}

/// Signs the principal in, and returns what a request to the workspace would carry.
fn principal(host: &TestHost, target: Value) -> Result<Vec<(String, String)>, Error> {
    let config = host.config(json!({}), target);
    host.with(&config, async |context| sign_in_principal(context).await.map(|identity| carried(&identity)))
}

fn carried(identity: &Identity) -> Vec<(String, String)> {
    static ANY: Dialect = Dialect::plain("a service");
    let call = Call::by(identity, Step::SignIn, &ANY, Method::GET, "/");
    let request: Request = call.request().unwrap();
    let shown = |value: &HeaderValue| match value {
        HeaderValue::Plain(text) => text.clone(),
        HeaderValue::Sensitive(secret) => secret.expose("the test").to_owned(),
    };
    request
        .headers
        .iter()
        .filter(|(name, _)| !["accept", "user-agent"].contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), shown(v)))
        .collect()
}

fn bearer(token: &str) -> Vec<(String, String)> {
    vec![("authorization".to_owned(), format!("Bearer {token}"))]
}

#[test]
fn a_client_secret_goes_to_the_login_host_alone_and_brings_a_token_for_databricks() {
    let host = TestHost::new().variable("S", "s3cret");
    host.on(LOGIN, 200, granted("entra-token"));
    let auth = json!({"auth": {"type": "azure-client-secret", "client-secret": {"env": "S"}}});
    assert_eq!(principal(&host, auth), Ok(bearer("entra-token")));
    let sent = host.sent();
    assert_eq!(
        form(&sent[0]),
        [
            ("client_id", CLIENT),
            ("scope", "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default"),
            ("grant_type", "client_credentials"),
            ("client_secret", "s3cret"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(host.masked(), ["s3cret", "entra-token"]);
}

#[test]
fn the_tenant_is_asked_of_the_workspace_where_it_is_left_out() {
    let host = TestHost::new().variable("S", "s3cret");
    let location = format!("https://login.microsoftonline.com/{TENANT}/oauth2/authorize?client_id=x");
    host.on_text("GET https://adb-1.2.azuredatabricks.net/aad/auth", 302, &[("location", &location)], "");
    host.on(LOGIN, 200, granted("entra-token"));
    let target = json!({
        "principal": {"client-id": CLIENT},
        "auth": {"type": "azure-client-secret", "client-secret": {"env": "S"}},
    });
    assert_eq!(principal(&host, target), Ok(bearer("entra-token")));
    assert_eq!(host.sent()[0].header("authorization"), None);
}

#[test]
fn a_token_is_got_once_and_renewed_before_it_expires() {
    let host = TestHost::new().variable("S", "s3cret");
    let config = host
        .config(json!({}), json!({"auth": {"type": "azure-client-secret", "client-secret": {"env": "S"}}}));
    host.on(LOGIN, 200, granted("first")).on(LOGIN, 200, granted("second"));
    host.with(&config, async |context| {
        for expected in ["first", "first"] {
            assert_eq!(sign_in_principal(context).await.map(|i| carried(&i)), Ok(bearer(expected)));
        }
        host.sleep(Duration::from_secs(3599 - 299)).await;
        assert_eq!(sign_in_principal(context).await.map(|i| carried(&i)), Ok(bearer("second")));
    });
    assert_eq!(host.sent().len(), 2);
}

#[test]
fn an_azure_role_on_the_workspace_adds_the_two_management_headers() {
    let host = TestHost::new().variable("S", "s3cret");
    host.on(LOGIN, 200, granted("entra-token")).on(LOGIN, 200, granted("management-token"));
    let auth = json!({"auth": {"type": "azure-client-secret", "client-secret": {"env": "S"},
        "azure-resource-id": RESOURCE_ID}});
    let carried = principal(&host, auth).unwrap();
    assert_eq!(carried[1], ("x-databricks-azure-workspace-resource-id".to_owned(), RESOURCE_ID.to_owned()));
    assert_eq!(
        carried[2],
        ("x-databricks-azure-sp-management-token".to_owned(), "management-token".to_owned())
    );
    assert_eq!(
        field(&host.sent()[1], "scope").as_deref(),
        Some("https://management.core.windows.net//.default")
    );
}

#[test]
fn github_vouches_for_an_entra_application_without_any_secret() {
    let host = in_github();
    let assertion = jwt("repo:acme/data:ref:refs/heads/main");
    host.on(&format!("{GITHUB}api%3A%2F%2FAzureADTokenExchange"), 200, json!({"value": assertion}));
    host.on(LOGIN, 200, granted("entra-token"));
    assert_eq!(principal(&host, json!({"auth": {"type": "github-oidc-azure"}})), Ok(bearer("entra-token")));
    let sent = host.sent();
    assert_eq!(sent[0].header("authorization"), Some("Bearer job-token"));
    assert_eq!(sent[1].header("authorization"), None);
    assert_eq!(field(&sent[1], "client_assertion"), Some(assertion.clone()));
    assert_eq!(
        field(&sent[1], "client_assertion_type").as_deref(),
        Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    );
    assert!(host.masked().contains(&assertion));
}

#[test]
fn each_cloud_has_its_own_audience_and_login_host() {
    for (cloud, suffix, login, audience) in [
        ("usgov", "databricks.azure.us", "login.microsoftonline.us", "api%3A%2F%2FAzureADTokenExchangeUSGov"),
        ("china", "databricks.azure.cn", "login.chinacloudapi.cn", "api%3A%2F%2FAzureADTokenExchangeChina"),
    ] {
        let host = in_github();
        host.on(&format!("{GITHUB}{audience}"), 200, json!({"value": jwt("s")}));
        host.on(&format!("POST https://{login}/{TENANT}/oauth2/v2.0/token"), 200, granted("t"));
        let target =
            json!({"workspace": format!("https://adb-1.2.{suffix}"), "auth": {"type": "github-oidc-azure"}});
        let config = host.config(json!({"cloud": cloud}), target);
        assert!(host.with(&config, async |context| sign_in_principal(context).await.is_ok()));
        host.sent();
    }
}

#[test]
fn a_job_without_id_token_write_is_told_which_variables_are_missing() {
    let auth = json!({"auth": {"type": "github-oidc-azure"}});
    let job = TestHost::new().variable("GITHUB_ACTIONS", "true");
    let error = principal(&job, auth.clone()).unwrap_err();
    assert_eq!(error.code(), Code::OidcPermissionMissing);
    assert!(
        error.message().contains("ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        "{error}"
    );
    assert!(error.hint().contains("id-token: write"));
    let elsewhere = principal(&TestHost::new(), auth).unwrap_err();
    assert_eq!(elsewhere.code(), Code::OidcPermissionMissing);
    assert!(!elsewhere.hint().contains("id-token: write") && elsewhere.hint().contains("another `auth`"));
}

#[test]
fn a_mismatch_is_tried_again_with_fresh_assertions_and_then_shows_what_was_sent() {
    let host = in_github();
    let refusal = json!({"error": "invalid_client", "error_codes": [700_213],
        "error_description": "AADSTS700213: No matching record"});
    for subject in ["repo:Acme/data:1", "repo:Acme/data:2", "repo:Acme/data:3"] {
        host.on(&format!("{GITHUB}api%3A%2F%2FAzureADTokenExchange"), 200, json!({"value": jwt(subject)}));
        host.on(LOGIN, 401, refusal.clone());
    }
    let error = principal(&host, json!({"auth": {"type": "github-oidc-azure"}})).unwrap_err();
    assert_eq!(error.code(), Code::FederatedCredentialMismatch);
    assert!(error.message().contains("issuer \"https://token.actions.githubusercontent.com\""), "{error}");
    assert!(
        error.message().contains("subject \"repo:Acme/data:3\" and audience \"api://AzureADTokenExchange\""),
        "{error}"
    );
    assert!(!error.message().contains(&jwt("repo:Acme/data:3")), "an assertion was shown");
    assert_eq!(host.sent().len(), 6);
}

#[test]
fn a_mismatch_of_a_moment_does_not_fail_the_sign_in() {
    let host = in_github();
    let github = format!("{GITHUB}api%3A%2F%2FAzureADTokenExchange");
    host.on(&github, 200, json!({"value": jwt("one")}));
    host.on(
        LOGIN,
        400,
        json!({"error": "invalid_request", "error_codes": [700_213], "error_description": "AADSTS700213"}),
    );
    host.on(&github, 200, json!({"value": jwt("two")}));
    host.on(LOGIN, 200, granted("entra-token"));
    assert_eq!(principal(&host, json!({"auth": {"type": "github-oidc-azure"}})), Ok(bearer("entra-token")));
    assert_eq!(field(&host.sent()[3], "client_assertion"), Some(jwt("two")));
}

#[test]
fn azure_pipelines_vouches_for_an_entra_application() {
    let host = TestHost::new().variable("SYSTEM_ACCESSTOKEN", "system").variable(
        "SYSTEM_OIDCREQUESTURI",
        "https://dev.example/org/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken",
    );
    let line = "POST https://dev.example/org/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken?api-version=7.1&serviceConnectionId=c1";
    host.on(line, 200, json!({"oidcToken": jwt("sc://org/p/c")}));
    host.on(LOGIN, 200, granted("entra-token"));
    let auth = json!({"auth": {"type": "azure-devops-oidc", "service-connection-id": "c1"}});
    assert_eq!(principal(&host, auth), Ok(bearer("entra-token")));
    let sent = host.sent();
    assert_eq!((sent[0].header("authorization"), sent[0].body.as_str()), (Some("Bearer system"), ""));
    assert_eq!(field(&sent[1], "client_assertion"), Some(jwt("sc://org/p/c")));
}

#[test]
fn a_job_whose_identity_is_still_pending_is_asked_again() {
    let url = "https://dev.example/oidctoken";
    let host =
        TestHost::new().variable("SYSTEM_ACCESSTOKEN", "system").variable("SYSTEM_OIDCREQUESTURI", url);
    let line = format!("POST {url}?api-version=7.1");
    host.on(&line, 400, json!({"message": "The job is in state Pending."}));
    host.on(&line, 200, json!({"oidcToken": jwt("sc://org/p/c")}));
    host.on(LOGIN, 200, granted("entra-token"));
    assert_eq!(principal(&host, json!({"auth": {"type": "azure-devops-oidc"}})), Ok(bearer("entra-token")));
}

#[test]
fn azure_pipelines_without_its_own_token_says_how_to_map_it() {
    let auth = json!({"auth": {"type": "azure-devops-oidc"}});
    let error = principal(&TestHost::new(), auth.clone()).unwrap_err();
    assert_eq!(error.code(), Code::SystemAccessTokenMissing);
    let host = TestHost::new()
        .variable("SYSTEM_ACCESSTOKEN", "old")
        .variable("SYSTEM_OIDCREQUESTURI", "https://dev.example/oidctoken");
    host.on_text(
        "POST https://dev.example/oidctoken?api-version=7.1",
        302,
        &[("location", "https://dev.example/_signin")],
        "",
    );
    assert_eq!(principal(&host, auth).unwrap_err().code(), Code::SystemAccessTokenMissing);
}

#[test]
fn a_managed_identity_is_asked_of_the_machine_with_its_lag_waited_out() {
    let line = "GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
    let host = TestHost::new();
    host.on(line, 410, json!({})).on(line, 404, json!({}));
    host.on(line, 200, json!({"access_token": "msi-token", "expires_in": "3599"}));
    assert_eq!(principal(&host, json!({"auth": {"type": "azure-msi"}})), Ok(bearer("msi-token")));
    assert_eq!(host.sent()[0].header("metadata"), Some("true"));

    let host = TestHost::new();
    host.on(
        &format!("{line}&client_id={TENANT}"),
        400,
        json!({"error": "invalid_request", "error_description": "Identity not found"}),
    );
    let error = principal(&host, json!({"auth": {"type": "azure-msi", "client-id": TENANT}})).unwrap_err();
    assert_eq!(error.code(), Code::IdentityNotAssigned);
}

#[test]
fn the_azure_cli_gives_a_token_of_the_identity_that_is_signed_in() {
    let expires = START + 3600;
    let host = TestHost::new();
    let arguments = format!(
        "account get-access-token --resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d --output json --tenant \
         {TENANT}"
    );
    host.on_cli(&arguments, Ok(&json!({"accessToken": "cli-token", "expires_on": expires}).to_string()));
    assert_eq!(principal(&host, json!({"auth": {"type": "azure-cli"}})), Ok(bearer("cli-token")));

    let host = TestHost::new();
    host.on_cli(&arguments, Err("Please run 'az login' to setup account.\nmore"));
    let error = principal(&host, json!({"auth": {"type": "azure-cli"}})).unwrap_err();
    assert_eq!(error.code(), Code::AzureCliFailed);
    assert_eq!(error.message(), "the Azure CLI gave no token: Please run 'az login' to setup account.");
}

#[test]
fn of_all_that_the_azure_cli_says_the_line_with_the_reason_is_shown() {
    let arguments = format!(
        "account get-access-token --resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d --output json --tenant \
         {TENANT}"
    );
    for said in [
        "WARNING: a newer one is out\nERROR: the reason\nTo report it, go elsewhere",
        "ERROR: The command failed with an unexpected error. Here is the traceback:\nERROR: the \
         reason\nTraceback (most recent call last):",
        "\nthe reason\nmore",
    ] {
        let host = TestHost::new();
        host.on_cli(&arguments, Err(said));
        let error = principal(&host, json!({"auth": {"type": "azure-cli"}})).unwrap_err();
        assert_eq!(error.message(), "the Azure CLI gave no token: the reason", "{said}");
    }
}

#[test]
fn an_oauth_secret_goes_to_the_workspace_by_basic_authentication() {
    let host = TestHost::new().variable("S", "dose-secret");
    host.on(DATABRICKS, 200, json!({"access_token": "m2m-token", "expires_in": "3600"}));
    let auth = json!({"principal": {"kind": "databricks", "client-id": CLIENT}, "auth": {"type": "oauth-m2m",
        "client-secret": {"env": "S"}}});
    assert_eq!(principal(&host, auth), Ok(bearer("m2m-token")));
    let sent = host.sent();
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:dose-secret"));
    assert_eq!(sent[0].header("authorization"), Some(format!("Basic {pair}").as_str()));
    assert_eq!(sent[0].body, "grant_type=client_credentials&scope=all-apis");
}

#[test]
fn a_wrong_oauth_secret_is_named_even_where_the_body_is_empty() {
    for (status, body) in
        [(400, ""), (401, r#"{"error":"invalid_client","error_description":"Client authentication failed"}"#)]
    {
        let host = TestHost::new().variable("S", "dose-secret");
        host.on_text(DATABRICKS, status, &[], body);
        let error = principal(&host, json!({"auth": {"type": "oauth-m2m", "client-secret": {"env": "S"}}}))
            .unwrap_err();
        assert_eq!(error.code(), Code::CredentialInvalid);
        assert!(!error.message().contains("dose-secret"));
    }
}

#[test]
fn databricks_exchanges_an_assertion_of_github_for_its_own_audience() {
    let host = in_github();
    let audience = "https%3A%2F%2Fadb-1.2.azuredatabricks.net%2Foidc%2Fv1%2Ftoken";
    host.on(&format!("{GITHUB}{audience}"), 200, json!({"value": jwt("repo:acme/data")}));
    host.on(DATABRICKS, 200, granted("federated"));
    assert_eq!(principal(&host, json!({"auth": {"type": "github-oidc"}})), Ok(bearer("federated")));
    let sent = host.sent();
    assert_eq!(
        form(&sent[1]),
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", &jwt("repo:acme/data")),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
            ("client_id", CLIENT),
            ("scope", "all-apis"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(sent[1].header("authorization"), None);
}

#[test]
fn databricks_exchanges_a_token_of_a_variable_or_a_file_and_says_what_did_not_match() {
    let host = TestHost::new()
        .variable("DATABRICKS_OIDC_TOKEN", &jwt("a"))
        .with_file("/run/token", jwt("b").as_bytes());
    host.on(DATABRICKS, 200, granted("one"));
    assert_eq!(principal(&host, json!({"auth": {"type": "env-oidc"}})), Ok(bearer("one")));
    host.on(DATABRICKS, 400, json!({"error": "invalid_grant", "error_description": "no policy matches"}));
    let error = principal(&host, json!({"auth": {"type": "file-oidc", "path": "/run/token"}})).unwrap_err();
    assert_eq!(error.code(), Code::FederatedCredentialMismatch);
    assert!(error.message().contains("subject \"b\""), "{error}");
    assert_eq!(field(&host.sent()[0], "subject_token"), Some(jwt("a")));
}

#[test]
fn azure_pipelines_vouches_for_a_databricks_principal_at_the_workspace() {
    let host = TestHost::new()
        .variable("SYSTEM_ACCESSTOKEN", "system")
        .variable("SYSTEM_OIDCREQUESTURI", "https://dev.example/o");
    host.on("POST https://dev.example/o?api-version=7.1", 200, json!({"oidcToken": jwt("p://org/p/pipe")}));
    host.on(DATABRICKS, 200, granted("federated"));
    let target = json!({"principal": {"kind": "databricks", "client-id": CLIENT},
        "auth": {"type": "azure-devops-oidc"}});
    assert_eq!(principal(&host, target), Ok(bearer("federated")));
}

#[test]
fn the_account_has_its_own_token_endpoint() {
    let host = TestHost::new().variable("S", "dose-secret");
    let account = "33333333-3333-3333-3333-333333333333";
    host.on(
        &format!("POST https://accounts.azuredatabricks.net/oidc/accounts/{account}/v1/token"),
        200,
        granted("account-token"),
    );
    let target = json!({
        "principal": {"kind": "databricks", "client-id": CLIENT, "account-id": account},
        "admin": {"type": "oauth-m2m", "client-id": TENANT, "client-secret": {"env": "S"}},
    });
    let config = host.config(json!({}), target);
    let accounts = &config.endpoints().accounts;
    let identity = host
        .with(&config, async |context| sign_in_keeper(context, accounts, Step::ListTokens).await)
        .unwrap();
    assert_eq!(identity.origin(), accounts);
    host.sent();
}

#[test]
fn an_assertion_for_the_account_is_for_the_accounts_id() {
    let account = "33333333-3333-3333-3333-333333333333";
    let host = in_github();
    host.on(&format!("{GITHUB}{account}"), 200, json!({"value": jwt("s")}));
    let endpoint = format!("POST https://accounts.azuredatabricks.net/oidc/accounts/{account}/v1/token");
    host.on(&endpoint, 200, granted("account-token"));
    let target = json!({"principal": {"kind": "databricks", "client-id": CLIENT, "account-id": account},
        "admin": {"type": "github-oidc", "client-id": TENANT}});
    let config = host.config(json!({}), target);
    let accounts = &config.endpoints().accounts;
    let signed_in =
        host.with(&config, async |context| sign_in_keeper(context, accounts, Step::ListTokens).await);
    assert_eq!(signed_in.unwrap().origin(), accounts);
    host.sent();
}

#[test]
fn databricks_own_tokens_and_pats_are_refused_where_entra_id_is_asked() {
    let host = TestHost::new().variable("S", "x");
    for auth in [
        json!({"type": "oauth-m2m", "client-secret": {"env": "S"}}),
        json!({"type": "pat", "token": {"env": "S"}}),
    ] {
        let config = host.config(json!({}), json!({"directory": auth}));
        let error = host
            .with(&config, async |context| sign_in_directory(context, Step::MakeApplication).await)
            .unwrap_err();
        assert_eq!(
            (error.code(), error.key()),
            (Code::SignInNotConfigured, Some("targets[0].directory.type"))
        );
    }
    assert!(host.sent().is_empty());
}

fn references(config: &Config, host: &TestHost) -> Result<(), Error> {
    config.targets()[0].subject.auth.as_ref().unwrap().check_references(host)
}

#[test]
fn a_reference_that_leads_nowhere_is_found_before_anything_is_sent() {
    let host = TestHost::new().with_file("/empty", b"");
    for (auth, key) in [
        (json!({"type": "azure-client-secret", "client-secret": {"env": "MISSING"}}), "client-secret"),
        (json!({"type": "oauth-m2m", "client-secret": {"file": "/nowhere"}}), "client-secret"),
        (json!({"type": "azure-client-certificate", "certificate": {"file": "/empty"}}), "certificate"),
        (json!({"type": "env-oidc"}), "variable"),
        (json!({"type": "file-oidc", "path": "/nowhere"}), "path"),
        (json!({"type": "azure-workload-identity"}), "path"),
        (json!({"type": "access-token", "token": {"env": "MISSING"}}), "token"),
    ] {
        let config = host.config(json!({}), json!({"auth": auth}));
        let error = references(&config, &host).unwrap_err();
        assert_eq!(
            (error.code(), error.key()),
            (Code::ConfigMissingSecret, Some(format!("targets[0].auth.{key}").as_str()))
        );
    }
    let config = host.config(json!({}), json!({"auth": {"type": "github-oidc-azure"}}));
    assert_eq!(references(&config, &host), Ok(()));
}
