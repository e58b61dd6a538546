//! The scopes of OAuth secrets and of sign-ins, and refusals for a scope that is missing.

use lakekey_core::{Command, Config, Timestamp};
use lakekey_emulator::{Fault, FaultKind, OauthSecret, Seed};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use super::places::of_kind;
use super::sign_in::{GITHUB, stage as signing_in};

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);
const FORCED: Command = Command::Rotate { force: true };

/// Changes the OAuth secrets.
fn secrets<T>(stage: &Stage, change: impl FnOnce(&mut Vec<OauthSecret>) -> T) -> T {
    stage.emulator.world(|world| {
        let mut all = world.account.principals.iter_mut().filter(|principal| !principal.secrets.is_empty());
        change(&mut all.next().unwrap().secrets)
    })
}

fn texts(scopes: &[&str]) -> Option<Vec<String>> {
    (!scopes.is_empty()).then(|| scopes.iter().map(|scope| (*scope).to_owned()).collect())
}

/// Asks for a token of that scope with the OAuth secret that was made, and returns the status.
fn token(stage: &Stage, scope: &str) -> u16 {
    use base64::Engine as _;
    let value = secrets(stage, |all| all[0].value.clone());
    let (origin, client) = stage.emulator.world(|world| {
        let mut all = world.account.principals.iter().filter(|principal| !principal.secrets.is_empty());
        (world.origins.workspace(0).to_owned(), all.next().unwrap().application_id.clone())
    });
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client}:{value}"));
    let request = http::Request::post("/oidc/v1/token")
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!("grant_type=client_credentials&scope={scope}").into_bytes();
    stage.emulator.serve(&origin, request.body(body).unwrap()).status().as_u16()
}

#[test]
fn an_oauth_secret_gets_the_scopes_of_the_one_before_or_those_of_the_policy() {
    for (before, policy, after, [all, sql]) in [
        (&[][..], json!("inherit"), &[][..], [200, 200]),
        (&["sql"], json!("inherit"), &["sql"], [403, 200]),
        (&["sql"], json!("all"), &[], [200, 200]),
        (&[], json!("all"), &[], [200, 200]),
        (&[], json!(["sql"]), &["sql"], [403, 200]),
        (&["scim"], json!(["sql", "scim"]), &["sql", "scim"], [403, 200]),
    ] {
        let what = format!("{before:?} and {policy}");
        let stage = of_kind("oauth-secret").target(|target| {
            target["oauth-secret"]["scopes"] = policy.clone();
            target["auth"]["scopes"] = json!(["sql"]);
        });
        stage.emulator.advance(DAY);
        secrets(&stage, |all| all.iter_mut().for_each(|secret| secret.scopes = texts(before)));
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{what}: {}", ran.output);
        let held = secrets(&stage, |all| all.iter().map(|secret| secret.scopes.clone()).collect::<Vec<_>>());
        assert_eq!(held, [texts(after)], "{what}");
        assert_eq!([token(&stage, "all-apis"), token(&stage, "sql")], [all, sql], "{what}");
        let shown = serde_json::to_value(&ran.first().credential.as_ref().unwrap().scopes).unwrap();
        assert_eq!(shown, if after.is_empty() { json!("all") } else { json!(after) }, "{what}");
    }
}

#[test]
fn an_oauth_secret_that_would_lock_its_principal_out_is_not_made_and_the_plan_says_so() {
    let stage = of_kind("oauth-secret").target(|target| target["oauth-secret"]["scopes"] = json!(["sql"]));
    stage.emulator.advance(DAY);
    for ran in [Machine::new(&stage).dry_run(FORCED), Machine::new(&stage).run(FORCED)] {
        let error = ran.first().error.as_ref().unwrap();
        assert_eq!(error.code().as_str(), "config-invalid-value", "{}", ran.output);
        assert_eq!(error.key(), Some("targets[0].oauth-secret.scopes"));
        assert!(error.hint().contains("targets[0].auth.scopes"), "{}", error.hint());
        assert_eq!(ran.writes(), Vec::<String>::new());
    }
    assert_eq!(secrets(&stage, |all| all.len()), 1);
}

#[test]
fn an_oauth_secret_whose_scopes_cannot_be_read_is_not_replaced_unless_the_policy_names_them() {
    for (policy, code) in [(json!("inherit"), Some("reply-invalid")), (json!("all"), None)] {
        let stage = of_kind("oauth-secret").target(|target| target["oauth-secret"]["scopes"] = policy);
        stage.emulator.advance(DAY);
        let list = secrets(&stage, |all| {
            let second = |ms: i64| Timestamp::from_millisecond(ms).unwrap().to_string();
            let listed = all.iter().map(|secret| {
                json!({
                    "id": secret.id, "create_time": second(secret.created_ms),
                    "expire_time": second(secret.expires_ms), "scopes": {"sql": true},
                })
            });
            json!({"secrets": listed.collect::<Vec<_>>()})
        });
        let headers = [("content-type".to_owned(), "application/json".to_owned())].into();
        let mut fault = Fault::every(FaultKind::Status { status: 200, headers, body: list }).at(1);
        fault.path_contains = Some("/credentials/secrets".to_owned());
        stage.emulator.set_faults(vec![fault]);
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!(ran.code(), code, "{}", ran.output);
        let key = ran.first().error.as_ref().and_then(|error| error.key());
        assert_eq!(key, code.map(|_| "targets[0].oauth-secret.scopes"));
    }
}

#[test]
fn scopes_that_are_no_list_or_that_nothing_has_are_refused_before_anything_is_sent() {
    let wrong = |change: &dyn Fn(&mut Value), key: &str| {
        let stage = of_kind("oauth-secret").target(|target| change(target));
        let error = Config::from_value(stage.document, &stage.environment).expect_err("it is refused");
        assert_eq!(error.key(), Some(key), "{error:?}");
    };
    wrong(&|target| target["oauth-secret"]["scopes"] = json!("auto"), "targets[0].oauth-secret.scopes");
    wrong(&|target| target["oauth-secret"]["scopes"] = json!([]), "targets[0].oauth-secret.scopes");
    wrong(&|target| target["token"]["scopes"] = json!(["all", "sql"]), "targets[0].token.scopes");
    wrong(&|target| target["token"]["scopes"] = json!("sql"), "targets[0].token.scopes");
    wrong(&|target| target["auth"]["scopes"] = json!([]), "targets[0].auth.scopes");
    wrong(&|target| target["auth"]["scopes"] = json!("sql"), "targets[0].auth.scopes");
    wrong(&|target| target["auth"]["scopes"] = json!(["sql scim"]), "targets[0].auth.scopes");
    wrong(
        &|target| {
            target["principal"]["kind"] = json!("entra");
            let mut secret = target["oauth-secret"].take();
            secret.as_object_mut().unwrap().remove("adopt");
            secret["scopes"] = json!("all");
            target.as_object_mut().unwrap().remove("oauth-secret");
            target["client-secret"] = secret;
        },
        "targets[0].client-secret.scopes",
    );
}

fn refused(ran: &Ran, key: &str, words: [&str; 2]) {
    let error = ran.first().error.as_ref().unwrap_or_else(|| panic!("{}", ran.output));
    assert_eq!(error.code().as_str(), "scope-missing", "{}", ran.output);
    assert_eq!(error.key(), Some(key));
    let told = format!("{} {}", error.message(), error.hint());
    assert!(words.iter().all(|word| told.contains(word)), "{told}");
}

#[test]
fn a_sign_in_asks_for_the_scopes_that_are_configured_and_a_refusal_names_the_one_that_is_missing() {
    let stage = signing_in(json!({"type": "github-oidc"}), |world, client| {
        let audience = format!("{}/oidc/v1/token", world.origins.workspace(0));
        world.add_federation_policy(client, GITHUB, "repo:acme/data:ref:refs/heads/main", &[&audience]);
        world.actions_environment()
    });
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let with = |scopes: Value| stage.fork().target(|target| target["auth"]["scopes"] = scopes);
    let ran = Machine::new(&with(json!(["authentication", "scim"]))).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    let ran = Machine::new(&with(json!(["scim"]))).run(FORCED);
    refused(
        &ran,
        "targets[0].auth.scopes",
        ["authentication", "add authentication to targets[0].auth.scopes"],
    );
    assert_eq!(ran.writes(), Vec::<String>::new());
}

#[test]
fn a_secret_without_the_scopes_that_are_asked_for_is_told_with_the_key_to_write() {
    let stage = of_kind("oauth-secret").target(|target| {
        target["deliver"] =
            json!([{"type": "github-secret", "repository": "acme/data", "secret": "DATABRICKS_TOKEN"}]);
    });
    secrets(&stage, |all| {
        all.iter_mut().for_each(|secret| secret.scopes = texts(&["authentication", "scim"]))
    });
    // It was made for its secret alone, and is to have tokens now.
    let application = stage.emulator.world(|world| {
        let mut all = world.account.principals.iter().filter(|principal| !principal.secrets.is_empty());
        all.next().unwrap().application_id.clone()
    });
    let permission = Seed::TokenPermission { workspace: 0, service_principal_name: application };
    stage.emulator.seed(permission).unwrap();
    let ran = Machine::new(&stage).run(FORCED);
    refused(&ran, "targets[0].auth.scopes", ["'all-apis'", "write into targets[0].auth.scopes"]);
    let stage = stage.target(|target| target["auth"]["scopes"] = json!(["authentication", "scim"]));
    let ran = Machine::new(&stage).run(Command::Rotate { force: false });
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
}

#[test]
fn a_path_that_a_new_pat_does_not_reach_is_told_with_the_scope_and_iceberg_with_all_of_them() {
    let tried = |path: &str| {
        let stage = Stage::new().target(|target| {
            target["token"]["scopes"] = json!(["secrets"]);
            target["token"]["verify-path"] = json!(path);
        });
        Machine::new(&stage).run(Command::Provision)
    };
    let ran = tried("/api/2.0/sql/warehouses");
    refused(&ran, "targets[0].token.scopes", ["required scopes: sql", "add sql to targets[0].token.scopes"]);
    let ran = tried("/api/2.1/unity-catalog/iceberg-rest/v1/config");
    refused(&ran, "targets[0].token.scopes", ["all-apis", "write targets[0].token.scopes: all"]);
}

#[test]
fn an_admin_whose_pat_lacks_a_scope_is_told_whose_credential_it_is() {
    let mut stage = Stage::new();
    let narrow = Seed::Pat {
        workspace: 0,
        owner: stage.emulator.world(|world| world.workspaces[0].members[0].name.clone()),
        comment: String::new(),
        lifetime_seconds: None,
        created_by: None,
        scopes: vec!["settings".to_owned()],
        autoscope: None,
    };
    let made = stage.emulator.seed(narrow).unwrap();
    stage.environment.0.insert("ADMIN_TOKEN_0".to_owned(), made["token"].as_str().unwrap().to_owned());
    let ran = Machine::new(&stage).run(Command::Provision);
    refused(&ran, "targets[0].admin", ["scim", "give the credential at targets[0].admin the scope scim"]);
}
