//! Bad input: every refusal names the key, and comes before anything is sent.

use lakekey_core::{Config, MAX_DOCUMENT, RunRequest, select};
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::{Stage, Variables};
use serde_json::{Value, json};

/// Refuses the stage's document after a change, and returns the code and the key.
fn refused(change: impl FnOnce(&mut Value)) -> (String, String) {
    let mut stage = Stage::with_workspaces(2);
    change(&mut stage.document);
    let error = Config::from_value(stage.document, &stage.environment).expect_err("the document is refused");
    (error.code().as_str().to_owned(), error.key().unwrap_or_default().to_owned())
}

fn of_first(change: impl FnOnce(&mut Value)) -> (String, String) {
    refused(|document| change(&mut document["targets"][0]))
}

fn pair(code: &str, key: &str) -> (String, String) {
    (code.to_owned(), key.to_owned())
}

#[test]
fn an_unknown_key_is_refused_with_its_path_at_every_depth() {
    assert_eq!(refused(|d| d["tagrets"] = json!([])), pair("config-unknown-key", "tagrets"));
    assert_eq!(of_first(|t| t["tokn"] = json!({})), pair("config-unknown-key", "targets[0].tokn"));
    assert_eq!(
        of_first(|t| t["token"]["lifetme"] = json!("90d")),
        pair("config-unknown-key", "targets[0].token.lifetme")
    );
    assert_eq!(
        of_first(|t| t["auth"]["secret"] = json!({"env": "X"})),
        pair("config-unknown-key", "targets[0].auth.secret")
    );
    assert_eq!(
        of_first(|t| t["deliver"][0]["repo"] = json!("a/b")),
        pair("config-unknown-key", "targets[0].deliver[0].repo")
    );
    assert_eq!(
        refused(|d| d["defaults"] = json!({"token": {"lifetme": "1d"}})),
        pair("config-unknown-key", "defaults.token.lifetme")
    );
}

#[test]
fn a_missing_key_is_refused_with_its_path() {
    assert_eq!(
        of_first(|t| drop(t.as_object_mut().unwrap().remove("workspace"))),
        pair("config-missing-key", "targets[0].workspace")
    );
    assert_eq!(
        of_first(|t| drop(t["deliver"][0].as_object_mut().unwrap().remove("secret"))),
        pair("config-missing-key", "targets[0].deliver[0].secret")
    );
    assert_eq!(
        of_first(|t| drop(t["auth"].as_object_mut().unwrap().remove("type"))),
        pair("config-missing-key", "targets[0].auth.type")
    );
    assert_eq!(refused(|d| d["targets"] = json!([])), pair("config-missing-key", "targets"));
}

#[test]
fn durations_that_cannot_be_kept_are_refused() {
    for bad in ["90", "1.5d", "-3d", "3 months", "forever"] {
        assert_eq!(
            of_first(|t| t["token"]["lifetime"] = json!(bad)),
            pair("config-invalid-value", "targets[0].token.lifetime"),
            "{bad}"
        );
    }
    assert_eq!(
        of_first(|t| t["token"]["lifetime"] = json!(90)),
        pair("config-invalid-value", "targets[0].token.lifetime")
    );
    assert_eq!(
        of_first(|t| t["token"]["lifetime"] = json!("731d")),
        pair("config-invalid-value", "targets[0].token.lifetime")
    );
    assert_eq!(
        of_first(|t| t["token"]["renew-before"] = json!("90d")),
        pair("config-invalid-value", "targets[0].token.renew-before")
    );
    assert_eq!(
        of_first(|t| t["token"]["overlap"] = json!("30d")),
        pair("config-invalid-value", "targets[0].token.overlap")
    );
}

#[test]
fn a_url_that_could_take_a_credential_elsewhere_is_refused() {
    let workspace = |url: &'static str| of_first(move |t| t["workspace"] = json!(url));
    for bad in [
        "",
        "https://",
        "ftp://adb-1.2.azuredatabricks.net",
        "https://user@adb-1.2.azuredatabricks.net",
        "user@adb-1.2.azuredatabricks.net",
        "https://accounts.azuredatabricks.net",
        "https://westeurope.azuredatabricks.net/?o=1",
        "https://acme.azuredatabricks.net",
        "https://a b",
        "https://.azuredatabricks.net",
        "https://adb-1..azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net.",
        "https://[::1].azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net:99999",
    ] {
        assert_eq!(workspace(bad), pair("config-invalid-value", "targets[0].workspace"), "{bad}");
    }
    assert_eq!(
        workspace("http://adb-1.2.azuredatabricks.net"),
        pair("config-insecure-url", "targets[0].workspace")
    );
    for outside in [
        "https://adb-1.2.azuredatabricks.net.evil.example",
        "https://evilazuredatabricks.net",
        "https://adb-1.2.databricks.azure.us",
        "https://azuredatabricks.net",
        "https://adb-1.2.azuredatabricks.net:8443",
    ] {
        assert_eq!(
            workspace(outside),
            pair("config-host-outside-cloud", "targets[0].workspace"),
            "{outside}"
        );
    }
    let mut stage = Stage::new();
    stage.document["targets"][0]["deliver"] =
        json!([{"type": "key-vault", "vault": "https://acme.vault.usgovcloudapi.net", "secret": "s"}]);
    let error = Config::from_value(stage.document, &stage.environment).expect_err("another cloud's vault");
    assert_eq!(error.code().as_str(), "config-host-outside-cloud");
    assert!(error.hint().contains("https://NAME.vault.azure.net"), "{}", error.hint());
    assert!(!error.hint().contains("workspaces"), "{}", error.hint());
    assert_eq!(
        refused(|d| d["endpoints"] = json!({"graph": "http://graph.example"})),
        pair("config-insecure-url", "endpoints.graph")
    );
}

#[test]
fn an_address_and_an_id_are_taken_as_people_copy_them() {
    let mut stage = Stage::new();
    let target = &mut stage.document["targets"][0];
    target["workspace"] = json!("adb-1.2.azuredatabricks.net/browse/folders/7?o=1#job/1");
    target["principal"]["client-id"] = json!("{11111111-1111-1111-1111-11111111111A}");
    let config = Config::from_value(stage.document, &stage.environment).unwrap();
    let target = &config.targets()[0];
    assert_eq!(target.workspace().as_str(), "https://adb-1.2.azuredatabricks.net");
    assert_eq!(target.client_id(), Some("11111111-1111-1111-1111-11111111111a"));
}

#[test]
fn a_name_that_the_workspace_does_not_take_is_refused_before_anything_is_made() {
    let named = |length: usize| of_first(|t| t["principal"]["display-name"] = json!("n".repeat(length)));
    assert_eq!(named(101), pair("config-invalid-value", "targets[0].principal.display-name"));
    let mut stage = Stage::new();
    stage.document["targets"][0]["principal"]["display-name"] = json!("\u{fc}".repeat(100));
    assert!(Config::from_value(stage.document, &stage.environment).is_ok());
}

#[test]
fn the_address_of_githubs_pages_is_refused_where_its_apis_is_wanted() {
    for (host, write) in
        [("github.com", "https://api.github.com"), ("acme.ghe.com", "https://api.acme.ghe.com")]
    {
        let mut stage = Stage::new();
        stage.document["endpoints"] = json!({"github": format!("https://{host}")});
        let error = Config::from_value(stage.document, &stage.environment).unwrap_err();
        assert_eq!((error.code().as_str(), error.key()), ("config-invalid-value", Some("endpoints.github")));
        assert!(error.message().contains(write), "{error}");
    }
}

#[test]
fn a_host_outside_the_cloud_is_accepted_where_endpoints_name_it() {
    let mut stage = Stage::new();
    stage.document["targets"][0]["workspace"] = json!("https://dbx.acme.example");
    stage.document["endpoints"] = json!({"workspaces": ["https://dbx.acme.example"]});
    assert!(Config::from_value(stage.document, &stage.environment).is_ok());
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    let mut stage = Stage::new();
    stage.document["targets"][0]["auth"]["client-secret"] = json!("hunter2-hunter2");
    let error = Config::from_value(stage.document, &stage.environment).unwrap_err();
    assert_eq!(
        (error.code().as_str(), error.key()),
        ("config-literal-secret", Some("targets[0].auth.client-secret"))
    );
    assert!(!format!("{error} {error:?} {}", error.hint()).contains("hunter2"));
    // A secret pasted where an id belongs is not repeated either.
    let mut stage = Stage::new();
    stage.document["targets"][0]["principal"]["client-id"] = json!("hunter2-hunter2");
    let error = Config::from_value(stage.document, &stage.environment).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn the_same_target_or_place_twice_is_refused() {
    assert_eq!(
        refused(|d| d["targets"][1]["name"] = json!("catalog-prod")),
        pair("config-duplicate", "targets[1].name")
    );
    assert_eq!(
        refused(|d| d["targets"][1]["deliver"][0]["repository"] = json!("ACME/data")),
        pair("config-duplicate", "targets[1].deliver[0]")
    );
}

#[test]
fn a_name_that_a_place_would_refuse_is_refused_before_anything_is_sent() {
    for bad in ["", "1TOKEN", "GITHUB_TOKEN", "github_x", "DATA-TOKEN", "A B"] {
        assert_eq!(
            of_first(|t| t["deliver"][0]["secret"] = json!(bad)),
            pair("config-invalid-value", "targets[0].deliver[0].secret"),
            "{bad}"
        );
    }
    let vault = |name: &str| {
        let sink = json!([{"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": name}]);
        of_first(|t| t["deliver"] = sink)
    };
    assert_eq!(vault("under_score"), pair("config-invalid-value", "targets[0].deliver[0].secret"));
    assert_eq!(of_first(|t| t["name"] = json!("a b")), pair("config-invalid-value", "targets[0].name"));
}

#[test]
fn what_is_no_document_is_refused() {
    let code = |bytes: &[u8]| Config::read(bytes, &Variables::default()).unwrap_err().code().as_str();
    assert_eq!(code(b""), "config-unreadable");
    assert_eq!(code(b"# only a comment\n\n"), "config-unreadable");
    assert_eq!(code(&[0xff, 0xfe, 0x00]), "config-unreadable");
    assert_eq!(code(&vec![b'a'; 50 * 1024 * 1024]), "config-unreadable");
    assert_eq!(code(&vec![b' '; MAX_DOCUMENT + 1]), "config-unreadable");
    assert_eq!(code(b"targets: [unclosed"), "config-syntax");
    assert_eq!(code(b"- a\n- b\n"), "config-syntax");
    assert_eq!(code(b"version: 1\nversion: 1\ntargets: []\n"), "config-syntax");
}

#[test]
fn a_document_that_unfolds_without_end_is_refused() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (name, before) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "e"), ("g", "f"), ("h", "g")]
    {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(",")));
    }
    assert_eq!(
        Config::read(bomb.as_bytes(), &Variables::default()).unwrap_err().code().as_str(),
        "config-syntax"
    );
}

#[test]
fn a_target_that_is_not_configured_is_refused() {
    let config = Stage::new().config();
    let request =
        RunRequest { targets: vec!["nobody".to_owned()], ..RunRequest::new(lakekey_core::Command::Status) };
    let error = select(&config, &request.targets).unwrap_err();
    assert_eq!((error.code().as_str(), error.key()), ("config-unknown-target", Some("--target")));
}

#[test]
fn a_pattern_chooses_the_targets_that_it_matches_and_revokes_nothing() {
    let stage = Stage::with_workspaces(3);
    let config = stage.config();
    let chosen = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        select(&config, &names)
            .map(|targets| targets.iter().map(|target| target.name().to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(&["catalog-*"]).unwrap(), ["catalog-prod", "catalog-2", "catalog-3"]);
    assert_eq!(chosen(&["catalog-?"]).unwrap(), ["catalog-2", "catalog-3"]);
    assert_eq!(chosen(&["*-3", "catalog-prod"]).unwrap(), ["catalog-prod", "catalog-3"]);
    let error = chosen(&["catalog-*", "other-*"]).unwrap_err();
    assert!(error.message().contains("no target matches \"other-*\""), "{error}");
    assert_eq!(chosen(&["catalog_prod"]).unwrap_err().hint(), "did you mean `catalog-prod`?");

    let all = lakekey_core::Command::Revoke(lakekey_core::Revocation::All);
    let request = RunRequest { targets: vec!["catalog-*".to_owned()], ..RunRequest::new(all) };
    assert_eq!(Machine::new(&stage).refused_request(&request).code().as_str(), "usage-invalid");
}
