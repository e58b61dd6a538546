//! Managed identities of machines and of App Service, and assertions that a platform hands over.

use lakekey_core::Command;
use lakekey_emulator::World;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use super::sign_in::{GITHUB, stage};

const ROTATE: Command = Command::Rotate { force: true };

fn delivered(stage: &Stage) -> lakekey_tests::machine::Ran {
    let ran = Machine::new(stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let ran = Machine::new(stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    ran
}

#[test]
fn from_nothing_to_a_delivered_pat_on_app_service() {
    // By its type, and by what App Service gives to everything that runs there.
    for auth in [json!({"type": "azure-msi"}), Value::Null] {
        let stage = stage(auth, |world, client| {
            world.imds.system_assigned = Some(client.to_owned());
            world.app_service_environment()
        });
        let ran = delivered(&stage);
        let header = &stage.environment.0["IDENTITY_HEADER"];
        assert!(!ran.output.contains(header), "the secret of the host was shown");
        assert!(ran.sent.iter().any(|sent| sent.path.starts_with("/msi/token?api-version=2019-08-01")));
        assert!(!ran.sent.iter().any(|sent| sent.path.contains("/metadata/identity")));
    }
}

#[test]
fn the_secret_of_the_host_goes_to_no_host_of_another_machine() {
    for (address, code) in [
        ("http://10.1.2.3:41741/msi/token", "config-insecure-url"),
        ("http://msi.example/msi/token", "config-insecure-url"),
        ("nowhere", "config-invalid-value"),
    ] {
        let mut stage = stage(json!({"type": "azure-msi"}), |world, _| world.app_service_environment());
        stage.environment.0.insert("IDENTITY_ENDPOINT".to_owned(), address.to_owned());
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!(ran.code(), Some(code), "{address}: {}", ran.output);
        assert!(ran.sent.iter().all(|sent| sent.method == "GET" && !sent.path.contains("msi")), "{address}");
    }
}

#[test]
fn a_machine_with_several_identities_is_asked_for_the_principals() {
    for on_app_service in [false, true] {
        for has_own in [false, true] {
            let stage = stage(json!({"type": "azure-msi"}), |world: &mut World, client| {
                let other = world.register_application("other");
                let own = world.register_application("machine");
                world.imds.user_assigned = vec![other, client.to_owned()];
                world.imds.system_assigned = has_own.then_some(own);
                if on_app_service { world.app_service_environment() } else { Vec::new() }
            });
            delivered(&stage);
        }
    }
}

#[test]
fn an_identity_that_is_not_the_principals_is_refused_where_the_machine_has_no_other() {
    let stage = stage(json!({"type": "azure-msi"}), |world, _| {
        let own = world.register_application("machine");
        world.imds.system_assigned = Some(own.clone());
        vec![("OWN".to_owned(), own)]
    });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_ne!(ran.outcome(), "provisioned", "{}", ran.output);
}

fn assertion(world: &mut World, audience: &str) -> String {
    let now = world.now_ms().div_euclid(1000);
    world.sign_identity_token(&json!({
        "iss": GITHUB, "sub": "project:7:branch:main", "aud": audience, "iat": now, "nbf": now,
        "exp": now + 3_600, "jti": "1",
    }))
}

#[test]
fn an_entra_principal_signs_in_by_the_assertion_that_another_ci_puts_into_a_variable() {
    let auth = json!({"type": "azure-workload-identity", "variable": "GITLAB_OIDC_TOKEN"});
    let mut token = String::new();
    let stage = stage(auth, |world, client| {
        assert!(world.add_federated_credential(client, "gitlab", GITHUB, "project:7:branch:main"));
        token = assertion(world, "api://AzureADTokenExchange");
        vec![("GITLAB_OIDC_TOKEN".to_owned(), token.clone())]
    });
    assert!(!delivered(&stage).output.contains(&token), "the assertion was shown");
    let both = stage.target(|target| target["auth"]["path"] = json!("/run/token"));
    let error = lakekey_core::Config::from_value(both.document, &both.environment).unwrap_err();
    assert_eq!(error.key(), Some("targets[0].auth.variable"));
}

#[test]
fn the_token_of_an_aks_identity_binding_is_named_and_sent_nowhere() {
    for audience in [json!("api://AKSIdentityBinding"), json!(["api://AKSIdentityBinding"])] {
        let auth = json!({"type": "azure-workload-identity"});
        let mut token = String::new();
        let mut stage = stage(auth, |world, _| {
            let now = world.now_ms().div_euclid(1000);
            token = world
                .sign_identity_token(&json!({"iss": GITHUB, "sub": "s", "aud": audience, "iat": now,
                "nbf": now, "exp": now + 3_600, "jti": "1"}));
            vec![
                ("AZURE_FEDERATED_TOKEN_FILE".to_owned(), "/var/run/token".to_owned()),
                ("AZURE_KUBERNETES_TOKEN_PROXY".to_owned(), "https://proxy.example".to_owned()),
            ]
        });
        stage.environment.1.insert("/var/run/token".to_owned(), token.into_bytes());
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!(ran.code(), Some("sign-in-not-configured"), "{}", ran.output);
        let error = ran.first().error.as_ref().unwrap();
        assert!(error.message().contains("AKS identity binding"), "{}", ran.output);
        assert!(error.hint().contains("targets[0].auth.path"), "{}", ran.output);
        assert!(!ran.sent.iter().any(|sent| sent.path.contains("/oauth2/")), "the token was sent somewhere");
    }
}
