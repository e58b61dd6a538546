//! The order in which the environment's names are read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use super::*;
use crate::config::SecretRef;
use crate::host::testing::TestHost;
use crate::model::{CredentialKind, PrincipalKind};

fn principal(kind: PrincipalKind, client: Option<&str>) -> Principal {
    Principal {
        kind,
        tenant_id: None,
        client_id: client.map(str::to_owned),
        display_name: None,
        account_id: None,
    }
}

fn host(variables: &[(&str, &str)]) -> TestHost {
    variables.iter().fold(TestHost::new(), |host, (name, value)| host.variable(name, value))
}

fn found(variables: &[(&str, &str)], principal: &Principal) -> Option<&'static str> {
    find(&host(variables), principal).unwrap().map(|method| method.name())
}

const GITHUB: [(&str, &str); 2] =
    [("ACTIONS_ID_TOKEN_REQUEST_URL", "https://x"), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t")];
const DEVOPS: [(&str, &str); 2] = [("SYSTEM_OIDCREQUESTURI", "https://x"), ("SYSTEM_ACCESSTOKEN", "t")];

#[test]
fn the_first_way_in_the_documented_order_is_taken() {
    let entra = principal(PrincipalKind::Entra, None);
    // Taking the variables of the first way out leads to the next.
    let mut variables = vec![
        ("DATABRICKS_CLIENT_SECRET", "x"),
        ("DATABRICKS_OIDC_TOKEN", "x"),
        ("DATABRICKS_OIDC_TOKEN_FILEPATH", "/x"),
        ("DATABRICKS_CLIENT_ID", "id"),
        ("ARM_USE_MSI", "true"),
        ("ARM_CLIENT_SECRET", "x"),
        ("ARM_CLIENT_ID", "id"),
        ("AZURE_CLIENT_SECRET", "x"),
        ("AZURE_CLIENT_CERTIFICATE_PATH", "/x"),
        ("AZURE_FEDERATED_TOKEN_FILE", "/x"),
        ("AZURE_CLIENT_ID", "id"),
    ];
    variables.extend(GITHUB);
    variables.extend(DEVOPS);
    for (expected, spent) in [
        ("oauth-m2m", vec!["DATABRICKS_CLIENT_SECRET"]),
        ("env-oidc", vec!["DATABRICKS_OIDC_TOKEN"]),
        ("file-oidc", vec!["DATABRICKS_OIDC_TOKEN_FILEPATH"]),
        ("github-oidc", vec!["DATABRICKS_CLIENT_ID"]),
        ("azure-msi", vec!["ARM_USE_MSI"]),
        ("azure-client-secret", vec!["ARM_CLIENT_SECRET"]),
        ("github-oidc-azure", vec!["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]),
        ("azure-devops-oidc", vec!["ARM_CLIENT_ID"]),
        ("azure-client-secret", vec!["AZURE_CLIENT_SECRET"]),
        ("azure-client-certificate", vec!["AZURE_CLIENT_CERTIFICATE_PATH"]),
        ("azure-workload-identity", vec!["AZURE_FEDERATED_TOKEN_FILE"]),
        ("azure-devops-oidc", vec!["SYSTEM_ACCESSTOKEN"]),
    ] {
        assert_eq!(found(&variables, &entra), Some(expected), "{variables:?}");
        variables.retain(|(name, _)| !spent.contains(name));
    }
    assert_eq!(found(&variables, &entra), None);
}

#[test]
fn databricks_auth_type_names_the_one_way_to_take() {
    let entra = principal(PrincipalKind::Entra, None);
    let both = [
        ("DATABRICKS_CLIENT_SECRET", "x"),
        ("DATABRICKS_CLIENT_ID", "i"),
        ("ARM_CLIENT_SECRET", "x"),
        ("ARM_CLIENT_ID", "i"),
    ];
    let named = |name| [both.as_slice(), &[("DATABRICKS_AUTH_TYPE", name)]].concat();
    assert_eq!(found(&named("azure-client-secret"), &entra), Some("azure-client-secret"));
    assert_eq!(found(&named("azure-cli"), &entra), Some("azure-cli"));
    for (name, words) in [
        ("file-oidc", "DATABRICKS_AUTH_TYPE is file-oidc, which needs DATABRICKS_OIDC_TOKEN_FILEPATH"),
        ("pat", "when its PAT has expired"),
        ("databricks-cli", "known: azure-cli, azure-client-certificate"),
    ] {
        let error = find(&host(&named(name)), &entra).unwrap_err();
        assert_eq!(error.code(), Code::SignInNotConfigured);
        assert!(error.message().contains(words), "{error}");
    }
}

#[test]
fn the_configured_principal_is_not_exchanged_for_the_one_that_the_environment_names() {
    let named = principal(PrincipalKind::Entra, Some("22222222-2222-2222-2222-222222222222"));
    let variables = [("ARM_CLIENT_SECRET", "x"), ("ARM_CLIENT_ID", "other"), ("ARM_TENANT_ID", "tenant")];
    let method = find(&host(&variables), &named).unwrap().unwrap();
    assert_eq!((method.client_id(), method.tenant_id()), (None, Some("tenant")));
    let secret = SecretRef::Env("ARM_CLIENT_SECRET".to_owned());
    assert_eq!(method.secret_of(CredentialKind::ClientSecret), Some(&secret));
    assert_eq!(method.secret_of(CredentialKind::OauthSecret), None);
}

#[test]
fn a_principal_that_databricks_manages_does_not_sign_in_with_azure_variables() {
    let managed = principal(PrincipalKind::Databricks, Some("22222222-2222-2222-2222-222222222222"));
    assert_eq!(found(&[("ARM_CLIENT_SECRET", "x"), ("ARM_CLIENT_ID", "i")], &managed), None);
    assert_eq!(found(&GITHUB, &managed), Some("github-oidc"));
    assert_eq!(
        found(&GITHUB, &principal(PrincipalKind::Entra, managed.client_id.as_deref())),
        Some("github-oidc-azure")
    );
}
