//! GitHub secrets in every kind of place, through octocrab and the core.

use std::cell::Cell;
use std::rc::Rc;

use lakekey_core::Command;
use lakekey_emulator::{Emulator, Fault, FaultKind, GithubSecret, Place, Repository, Service};
use lakekey_tests::disturbance::{Disturbance, Done};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;
use serde_json::{Value, json};

const FORCED: Command = Command::Rotate { force: true };

/// The id of a repository that no 32 bits hold.
const OVER_32_BITS: u64 = 5_000_000_072;

/// A stage whose first target is delivered to one place, and provisioned.
fn stage(sink: Value) -> Stage {
    let stage = Stage::new().target(|target| target["deliver"] = json!([sink]));
    stage.emulator.world(|world| {
        for (id, name) in [(71, "acme/reports"), (OVER_32_BITS, "acme/billing")] {
            world.github.repositories.push(Repository {
                id,
                full_name: name.to_owned(),
                environments: vec!["prod/eu west".to_owned()],
                formerly: Vec::new(),
                subject: None,
            });
        }
    });
    stage
}

fn provisioned(sink: Value) -> Stage {
    let stage = stage(sink);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    stage
}

fn secret(emulator: &Emulator, place: &Place) -> GithubSecret {
    emulator.world(|world| world.github.stores[place].secrets["T"].clone())
}

/// Asserts that a place holds the PAT that the report names.
fn holds(emulator: &Emulator, place: &Place, ran: &Ran) {
    use lakekey_core::Secret;
    let id = &ran.first().credential.as_ref().unwrap().id;
    assert_eq!(&Secret::new(secret(emulator, place).value).fingerprint(), id);
}

#[test]
fn each_kind_of_place_is_written_and_written_again() {
    let repository = "acme/reports".to_owned();
    for (sink, place) in [
        (json!({"repository": "acme/reports"}), Place::Repository(repository.clone())),
        (
            json!({"repository": "acme/reports", "environment": "prod/eu west"}),
            Place::Environment(repository.clone(), "prod/eu west".to_owned()),
        ),
        (json!({"organization": "acme", "visibility": "all"}), Place::Organization("acme".to_owned())),
        (
            json!({"repository": "acme/reports", "app": "codespaces"}),
            Place::FurtherRepository("codespaces", repository.clone()),
        ),
        (
            json!({"repository": "acme/reports", "app": "agents"}),
            Place::FurtherRepository("agents", repository.clone()),
        ),
        (
            json!({"organization": "acme", "app": "codespaces"}),
            Place::FurtherOrganization("codespaces", "acme".to_owned()),
        ),
        (
            json!({"organization": "acme", "app": "agents"}),
            Place::FurtherOrganization("agents", "acme".to_owned()),
        ),
        (json!({"repository": "acme/reports", "app": "dependabot"}), Place::DependabotRepository(repository)),
        (
            json!({"organization": "acme", "app": "dependabot"}),
            Place::DependabotOrganization("acme".to_owned()),
        ),
    ] {
        let mut sink = sink;
        sink["type"] = json!("github-secret");
        sink["secret"] = json!("T");
        let stage = provisioned(sink);
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{place:?}: {}", ran.output);
        holds(&stage.emulator, &place, &ran);
    }
}

#[test]
fn the_named_repositories_of_an_organisation_see_its_secret() {
    let stage = provisioned(json!({
        "type": "github-secret", "organization": "acme", "secret": "T",
        "visibility": "selected", "repositories": ["reports", "billing"],
    }));
    let held = secret(&stage.emulator, &Place::Organization("acme".to_owned()));
    assert_eq!((held.visibility.as_deref(), held.selected), (Some("selected"), vec![71, OVER_32_BITS]));
}

#[test]
fn a_repository_that_the_organisation_lacks_is_refused_before_a_token_is_made() {
    let stage = stage(json!({
        "type": "github-secret", "organization": "acme", "secret": "T", "visibility": "selected",
            "repositories": ["nowhere"],
    }));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("github-not-found"));
    assert!(ran.first().error.as_ref().unwrap().message().contains("acme has no repository nowhere"));
    assert!(!ran.sent.iter().any(|sent| sent.path.contains("token/create")));
}

#[test]
fn who_sees_an_organisations_secret_stays_as_somebody_has_set_it() {
    let sink = json!({"type": "github-secret", "organization": "acme", "secret": "T"});
    let place = Place::Organization("acme".to_owned());
    let stage = provisioned(sink);
    assert_eq!(secret(&stage.emulator, &place).visibility.as_deref(), Some("private"));
    stage.emulator.world(|world| {
        let held = world.github.stores.get_mut(&place).unwrap().secrets.get_mut("T").unwrap();
        held.visibility = Some("selected".to_owned());
        held.selected = vec![OVER_32_BITS];
    });
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    holds(&stage.emulator, &place, &ran);
    let held = secret(&stage.emulator, &place);
    assert_eq!((held.visibility.as_deref(), held.selected), (Some("selected"), vec![OVER_32_BITS]));
}

#[test]
fn every_request_names_the_version_of_the_api_once() {
    let stage = provisioned(json!({"type": "github-secret", "organization": "acme", "secret": "T"}));
    let ran = Machine::new(&stage).run(FORCED);
    let to_github: Vec<_> = ran.sent.iter().filter(|sent| sent.origin == "https://api.github.com").collect();
    assert!(to_github.len() >= 4, "key, secret, write and date: {to_github:?}");
    for sent in to_github {
        for (header, value) in
            [("x-github-api-version", "2022-11-28"), ("accept", "application/vnd.github+json")]
        {
            let named: Vec<&str> = sent
                .headers
                .iter()
                .filter(|(name, _)| name == header)
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(named, [value], "{header} of {sent:?}");
        }
    }
}

#[test]
fn a_garbled_reply_is_asked_for_again_and_at_the_fourth_it_is_told() {
    let stage = provisioned(json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"}));
    let alone = Machine::new(&stage.fork()).run(FORCED).sent;
    let at = alone.iter().position(|sent| sent.path.ends_with("/actions/secrets/public-key")).unwrap();
    for (lasting, times, code) in [(false, 2, None), (true, 4, Some("reply-invalid"))] {
        let stage = stage.fork();
        let aim = Aim { at, disturbance: Disturbance::Garbage(Done::Yes), lasting };
        let ran = Machine::new(&stage).disturbed(aim).run(FORCED);
        assert_eq!(ran.code(), code, "{}", ran.output);
        let asked = ran.sent.iter().filter(|sent| sent.path == alone[at].path).count();
        assert_eq!(asked, times, "{}", ran.output);
        assert_eq!(ran.writes().iter().any(|write| write.contains("token/create")), code.is_none());
    }
}

#[test]
fn a_key_that_github_changes_meanwhile_is_read_again() {
    let place = Place::Repository("acme/reports".to_owned());
    let stage = provisioned(json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"}));
    let (changed, at) = (Rc::new(Cell::new(false)), place.clone());
    let watch = Rc::new(move |emulator: &Emulator| {
        // Once the token is made the sinks have been read and not yet written.
        let made = emulator.requests().iter().filter(|record| record.path.ends_with("token/create")).count();
        if made > 1 && !changed.replace(true) {
            emulator.world(|world| {
                let store = world.github.stores.get_mut(&at).unwrap();
                store.key_id = "another".to_owned();
                store.secret_key = [9; 32];
            });
        }
    });
    let ran = Machine::new(&stage).watched(watch).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    assert_eq!(
        ran.sent.iter().filter(|sent| sent.method == "PUT" && sent.path.contains("/secrets/T")).count(),
        2
    );
    holds(&stage.emulator, &place, &ran);
}

#[test]
fn the_workflows_own_token_is_explained() {
    let mut stage = stage(json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"}));
    let token = stage.emulator.world(|world| world.seeded.workflow_token.clone());
    stage.document["github"] = json!({"type": "token", "token": {"env": "GITHUB_TOKEN"}});
    stage.environment.0.insert("GITHUB_TOKEN".to_owned(), token);
    stage.environment.0.insert("GITHUB_ACTIONS".to_owned(), "true".to_owned());
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("github-token-cannot-write-secrets"), "{}", ran.output);
    let hint = ran.first().error.as_ref().unwrap().hint();
    assert!(hint.contains("GITHUB_TOKEN") && hint.contains("secrets: write"), "{hint}");
}

#[test]
fn a_missing_environment_is_named() {
    let stage = stage(json!({"type": "github-secret", "repository": "acme/reports", "secret": "T",
            "environment": "staging"}));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("github-not-found"));
    assert!(ran.first().error.as_ref().unwrap().hint().contains("staging"));
}

#[test]
fn a_write_by_somebody_else_right_after_is_noticed() {
    let place = Place::Repository("acme/reports".to_owned());
    let stage = provisioned(json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"}));
    let (meddled, at) = (Rc::new(Cell::new(0)), place.clone());
    let watch = Rc::new(move |emulator: &Emulator| {
        let written =
            emulator.requests().iter().filter(|r| r.method == "PUT" && r.path.contains("/secrets/T")).count();
        if written > 1 && meddled.replace(1) == 0 {
            emulator.world(|world| {
                let held = world.github.stores.get_mut(&at).unwrap().secrets.get_mut("T").unwrap();
                held.value = "of somebody else".to_owned();
                held.updated_ms += 60_000;
            });
        }
    });
    let ran = Machine::new(&stage).watched(watch).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("partial", Some("sink-mismatch")), "{}", ran.output);
}

/// Renames the repository that the secret is delivered to.
fn rename(stage: &Stage, to: &str) {
    stage.emulator.world(|world| {
        let repository =
            world.github.repositories.iter_mut().find(|r| r.full_name == "acme/reports").unwrap();
        repository.formerly.push(std::mem::replace(&mut repository.full_name, to.to_owned()));
    });
}

#[test]
fn a_repository_that_was_renamed_is_told_with_its_new_name_and_not_followed() {
    let place = json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"});
    for by_app in [false, true] {
        let mut stage = provisioned(place.clone());
        if by_app {
            let (id, key) = stage.emulator.world(|world| world.github_app());
            stage.environment.0.insert("APP_KEY".to_owned(), key);
            stage.document["github"] =
                json!({"type": "app", "app-id": id, "private-key": {"env": "APP_KEY"}});
        }
        rename(&stage, "acme/insights");
        for command in [FORCED, Command::Status, Command::Doctor] {
            let ran = Machine::new(&stage).run(command);
            assert!(ran.output.contains("github-repository-moved"), "{by_app}: {}", ran.output);
            assert!(ran.output.contains("acme/reports is called acme/insights now"), "{}", ran.output);
            assert!(ran.output.contains("write `repository: acme/insights`"), "{}", ran.output);
            let followed = |path: &str| path.starts_with("/repositories/") && path.contains("/secrets");
            assert!(!ran.sent.iter().any(|sent| followed(&sent.path)), "{}", ran.output);
            assert!(ran.writes().iter().all(|write| write.contains("/access_tokens")), "{:?}", ran.writes());
        }
    }
}

#[test]
fn pages_that_answer_in_the_apis_place_are_told_with_the_address_to_write() {
    let place = json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"});
    let page = FaultKind::Status {
        status: 404,
        body: json!("<!DOCTYPE html><title>Page not found</title>"),
        headers: [("content-type".to_owned(), "text/html; charset=utf-8".to_owned())].into(),
    };
    let login = FaultKind::Redirect { location: "https://github.example/login".to_owned() };
    for (kind, code) in [(page, "github-not-found"), (login, "redirected")] {
        let stage = provisioned(place.clone());
        let mut fault = Fault::every(kind);
        fault.service = Some(Service::Github);
        stage.emulator.set_faults(vec![fault]);
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.code(), ran.writes()), (Some(code), Vec::new()), "{}", ran.output);
        let hint = ran.first().error.as_ref().unwrap().hint();
        assert!(hint.contains("https://HOST/api/v3") && !hint.contains("workspace"), "{hint}");
    }
}

#[test]
fn a_repository_that_went_where_the_app_is_not_installed_is_told_by_its_number() {
    let place = json!({"type": "github-secret", "repository": "acme/reports", "secret": "T"});
    let mut stage = provisioned(place);
    let (id, key) = stage.emulator.world(|world| world.github_app());
    stage.environment.0.insert("APP_KEY".to_owned(), key);
    stage.document["github"] = json!({"type": "app", "app-id": id, "private-key": {"env": "APP_KEY"}});
    rename(&stage, "other/insights");
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("failed", Some("github-repository-moved")), "{}", ran.output);
    assert!(ran.first().error.as_ref().unwrap().hint().contains("repositories/71"), "{}", ran.output);
}
