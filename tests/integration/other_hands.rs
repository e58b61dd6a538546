//! What another hand does beside lakekey never costs a credential that is in use.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use lakekey_core::{Command, Holds, Revocation, RunRequest};
use lakekey_emulator::{Emulator, Fault, FaultKind, Seed, Service};
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::json;

use crate::places::{pats, two_places};
use crate::principals::{client_secrets, databricks, oauth_secrets, with_client_secret, with_delivered};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{}", ran.output);
    stage
}

/// Another hand writes every GitHub secret once more, with the value that it has.
fn written_back(stage: &Stage) {
    stage.emulator.world(|world| {
        let now = world.now_ms();
        let secrets = world.github.stores.values_mut().flat_map(|store| store.secrets.values_mut());
        secrets.for_each(|secret| secret.updated_ms = now);
    });
}

/// Refuses writes of a service.
fn refuses(stage: &Stage, service: Service, method: &str, path: &str, status: u16) {
    let body = json!({"message": "no"});
    let mut fault = Fault::every(FaultKind::Status { status, body, headers: [].into() });
    (fault.service, fault.method) = (Some(service), Some(method.to_owned()));
    fault.path_contains = Some(path.to_owned());
    stage.emulator.set_faults(vec![fault]);
}

#[test]
fn a_secret_that_cannot_be_marked_lives_until_its_successor_was_delivered_whoever_wrote_its_place() {
    for kind in ["client-secret", "oauth-secret"] {
        let stage = if kind == "client-secret" { with_client_secret() } else { databricks() };
        let name = if kind == "client-secret" { "CATALOG_CLIENT_SECRET" } else { "CATALOG_OAUTH_SECRET" };
        let all = |stage: &Stage| match kind {
            "client-secret" => client_secrets(stage),
            _ => oauth_secrets(stage),
        };
        let stage = with_delivered(provisioned(stage), name);
        let before = all(&stage);
        stage.emulator.advance(DAY);
        written_back(&stage);
        stage.emulator.advance(HOUR);
        let status = Machine::new(&stage).run(Command::Status);
        let shown = status.report.as_ref().unwrap().targets.iter();
        let shown =
            shown.flat_map(|target| &target.delivered).find(|place| place.sink.ends_with(name)).unwrap();
        assert_eq!(shown.holds.as_str(), "overwritten", "{kind}: {}", status.output);

        let refused = stage.fork();
        let part = if kind == "client-secret" { "/addPassword" } else { "/credentials/secrets" };
        let service = if kind == "client-secret" { Service::Graph } else { Service::Databricks };
        refuses(&refused, service, "POST", part, 403);
        let ran = Machine::new(&refused).run(ROTATE);
        assert_eq!(all(&refused), before, "{kind}: nothing was made, so that nothing goes: {}", ran.output);

        let ran = Machine::new(&stage).watched(invariants::never_without(kind)).run(ROTATE);
        assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{}", ran.output);
        assert_eq!(all(&stage).len(), 1, "{kind}: {}", ran.output);
        assert_ne!(all(&stage), before, "{kind}");
    }
}

#[test]
fn of_tokens_that_others_have_made_none_is_revoked_before_lakekey_has_delivered_one() {
    let stage = provisioned(Stage::new());
    let owner = stage.emulator.world(|world| {
        let owner = world.seeded.client_id.clone();
        world.workspaces[0].tokens.iter_mut().filter(|t| t.owner == owner).for_each(|token| {
            token.comment = "by hand".to_owned();
        });
        owner
    });
    stage.emulator.advance(HOUR);
    let (comment, lifetime_seconds) = ("for something else".to_owned(), Some(86_400 * 90));
    stage.emulator.seed(Seed::pat(owner, comment, lifetime_seconds)).unwrap();
    stage.emulator.advance(HOUR);
    written_back(&stage);
    let stage = stage.overlap("24h").target(|target| target["token"]["adopt"] = json!("all"));
    let before = pats(&stage);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), pats(&stage)), ("not-due", before.clone()), "{}", ran.output);
    // Once it has delivered one, they live through the overlap: nobody knows which of them was in use.
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!((ran.outcome(), pats(&stage).len()), ("rotated", 3), "{}", ran.output);
    stage.emulator.advance(DAY * 2);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), pats(&stage).len()), ("not-due", 1), "{}", ran.output);
}

#[test]
fn a_place_that_another_hand_wrote_right_after_lakekey_is_not_said_to_hold_ours() {
    for later in [10_000, 60_000, 300_000] {
        let stage = provisioned(Stage::new());
        stage.emulator.advance(DAY * 61);
        let done = Rc::new(Cell::new(false));
        let watch = Rc::new(move |emulator: &Emulator| {
            let written =
                emulator.requests().into_iter().filter(|r| r.method == "PUT" && r.path.contains("/secrets/"));
            if written.count() == 2 && !done.replace(true) {
                emulator.world(|world| {
                    let stores = world.github.stores.values_mut();
                    for secret in stores.flat_map(|store| store.secrets.values_mut()) {
                        secret.value = "of another hand".to_owned();
                        secret.updated_ms += later;
                    }
                });
            }
        });
        let ran = Machine::new(&stage).watched(watch).run(ROTATE);
        assert_eq!(ran.outcome(), "partial", "{later}: {}", ran.output);
        stage.emulator.advance(HOUR);
        let status = Machine::new(&stage).run(Command::Status);
        assert_eq!(status.first().delivered[0].holds.as_str(), "overwritten", "{later}: {}", status.output);
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{later}: {}", ran.output);
        invariants::converged(&stage.emulator, 1, "another hand");
    }
}

#[test]
fn a_place_that_is_out_of_order_for_days_costs_one_credential_and_then_heals() {
    let stage = provisioned(Stage::new());
    stage.emulator.advance(DAY * 61);
    refuses(&stage, Service::Github, "PUT", "/secrets/", 503);
    for hour in 0..120 {
        let ran = Machine::new(&stage).seed(hour).run(ROTATE);
        assert!(pats(&stage).len() <= 2, "after {hour} h there are {}: {}", pats(&stage).len(), ran.output);
        stage.emulator.advance(HOUR);
    }
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "out of order");
}

#[test]
fn a_rotation_that_every_place_refuses_reports_what_is_still_in_use() {
    let stage = provisioned(Stage::new());
    let before = pats(&stage);
    stage.emulator.advance(DAY * 61);
    refuses(&stage, Service::Github, "PUT", "/secrets/", 403);
    let ran = Machine::new(&stage).run(ROTATE);
    let report = ran.first();
    assert_eq!((ran.outcome(), pats(&stage)), ("failed", before.clone()), "{}", ran.output);
    assert_eq!(report.credential.as_ref().map(|credential| &credential.id), before.first());
    assert_eq!(report.delivered[0].holds.as_str(), "current", "{}", ran.output);
}

#[test]
fn the_plan_of_a_principal_that_may_not_be_asked_shows_what_it_has() {
    let stage = provisioned(Stage::new());
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| world.workspaces[0].grants.clear());
    let plan = Machine::new(&stage).run(Command::Plan);
    let steps: Vec<&str> = plan.first().steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(steps, ["grant-token-permission"], "{}", plan.output);
    assert_eq!(plan.first().delivered[0].holds.as_str(), "current", "{}", plan.output);
}

#[test]
fn an_id_is_revoked_among_all_kinds_and_all_spares_the_secrets_that_others_have_made() {
    let stage = with_delivered(provisioned(with_client_secret()), "CATALOG_CLIENT_SECRET");
    let id = stage.emulator.world(|world| {
        let own = world.workspaces[0].tokens.iter().find(|token| token.comment.contains("[lakekey "));
        own.unwrap().id.clone()
    });
    let ask = |what| {
        let targets = vec!["catalog-prod".to_owned()];
        Machine::new(&stage).ask(&RunRequest { targets, ..RunRequest::new(Command::Revoke(what)) })
    };
    let ran = ask(Revocation::Id(id.clone()));
    let report = ran.report.as_ref().unwrap();
    assert_eq!((report.exit_status(), report.targets.len()), (0, 1), "{}", ran.output);
    assert_eq!(report.targets[0].revoked, [id]);
    assert_eq!(client_secrets(&stage).len(), 1);
    let ran = ask(Revocation::Id("nowhere".to_owned()));
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{}", ran.output);
    stage.emulator.world(|world| {
        let own = world.directory.applications.iter().find(|a| a.display_name == "lake-reader").unwrap();
        let id = own.app_id.clone();
        world.add_client_secret(&id, 86_400_000)
    });
    let ran = ask(Revocation::All);
    assert_eq!(client_secrets(&stage).len(), 1, "what was made by hand stays: {}", ran.output);
}

#[test]
fn a_token_deleted_during_the_overlap_is_told_as_gone_and_renewed_however_young_the_last_repair() {
    let stage = provisioned(Stage::new().overlap("20d"));
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| {
        let now = world.now_ms();
        let secrets = world.github.stores.values_mut().flat_map(|store| store.secrets.values_mut());
        secrets.for_each(|secret| {
            secret.value = "of another hand".to_owned();
            secret.updated_ms = now;
        });
    });
    stage.emulator.advance(HOUR);
    assert_eq!(Machine::new(&stage).seed(1).run(ROTATE).outcome(), "rotated", "a repair");
    stage.emulator.advance(DAY);
    let forced = Machine::new(&stage).seed(2).run(Command::Rotate { force: true });
    assert_eq!(forced.outcome(), "rotated", "{}", forced.output);
    let before = pats(&stage);
    let newest = forced.first().credential.as_ref().unwrap().id.clone();
    stage.emulator.world(|world| world.workspaces[0].tokens.retain(|token| token.id != newest));
    stage.emulator.advance(HOUR);
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!(status.outcome(), "overdue", "{}", status.output);
    assert!(status.output.contains("was revoked elsewhere"), "{}", status.output);
    assert!(!status.output.contains("another hand"), "{}", status.output);
    let ran = Machine::new(&stage).seed(3).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    // What was in use before it lives on through the overlap.
    let still: Vec<&String> = before.iter().filter(|id| pats(&stage).contains(id)).collect();
    assert_eq!(still.len(), 1, "{}", ran.output);
}

#[test]
fn a_token_that_a_person_put_in_place_of_a_killed_run_is_taken_over_and_kept_until_it_is_due() {
    let stage = provisioned(Stage::new());
    // Its run was killed before it had marked it, and a person has helped themselves since.
    let owner = stage.emulator.world(|world| {
        let owner = world.seeded.client_id.clone();
        world.workspaces[0].tokens.iter_mut().filter(|t| t.owner == owner).for_each(|token| {
            token.comment = token.comment.replace("phase=active", "phase=pending");
        });
        owner
    });
    stage.emulator.advance(DAY);
    let (comment, lifetime_seconds) = ("by hand".to_owned(), Some(86_400 * 90));
    let seed = Seed::pat(owner, comment, lifetime_seconds);
    stage.emulator.seed(seed).unwrap();
    stage.emulator.advance(HOUR);
    written_back(&stage);
    let stage = stage.target(|target| target["token"]["adopt"] = json!("all"));
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("not-due", None), "{}", ran.output);
}

#[test]
fn a_secret_that_cannot_be_marked_does_not_pile_up_while_its_place_is_out_of_order() {
    let stage = with_delivered(provisioned(with_client_secret()), "CATALOG_CLIENT_SECRET");
    stage.emulator.advance(DAY * 121);
    refuses(&stage, Service::Github, "PUT", "/secrets/", 503);
    for hour in 0..48 {
        let ran = Machine::new(&stage).seed(hour).run(ROTATE);
        let alive = client_secrets(&stage).len();
        assert!(alive <= 3, "after {hour} h there are {alive}: {}", ran.output);
        stage.emulator.advance(HOUR);
    }
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(client_secrets(&stage).len(), 1, "{}", ran.output);
}

#[test]
fn a_service_that_ran_out_of_time_is_asked_again() {
    for (code, words) in [
        ("DEADLINE_EXCEEDED", "no answer"),
        ("INTERNAL_ERROR", "deadline exceeded after 59.9s"),
        ("INTERNAL_ERROR", "Timed out after 15 seconds"),
    ] {
        let stage = provisioned(Stage::new());
        let body = json!({"error_code": code, "message": words});
        let mut fault = Fault::every(FaultKind::Status { status: 400, body, headers: [].into() });
        (fault.service, fault.path_contains) = (Some(Service::Databricks), Some("/token/list".to_owned()));
        stage.emulator.set_faults(vec![fault.at(1)]);
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!((ran.outcome(), ran.code()), ("not-due", None), "{code} {words}: {}", ran.output);
    }
}

#[test]
fn a_write_that_could_not_be_read_back_is_not_said_to_be_another_hands_however_slow_the_workspace() {
    for slow in (0..2_000).step_by(95) {
        let stage = provisioned(Stage::new().target(|target| {
            target["deliver"] =
                json!([{"type": "databricks-secret", "scope": "integrations", "key": "catalog-token"}]);
        }));
        stage.emulator.advance(DAY * 61 + Duration::from_millis(slow * 7));
        let body = json!({"message": "no"});
        let fails = |path: &str| {
            let body = body.clone();
            let mut fault = Fault::every(FaultKind::Status { status: 503, body, headers: [].into() });
            fault.path_contains = Some(path.to_owned());
            fault
        };
        let mut later = fails("/secrets/list").at(2);
        later.hits = Some(100);
        stage.emulator.set_faults(vec![later, fails("/secrets/get")]);
        let done = Rc::new(Cell::new(false));
        let watch = Rc::new(move |emulator: &Emulator| {
            let is_made =
                emulator.requests().iter().filter(|r| r.path.ends_with("/token/create")).count() == 2;
            if is_made && !done.replace(true) {
                emulator.advance(Duration::from_millis(slow));
            }
        });
        let ran = Machine::new(&stage).watched(watch).run(ROTATE);
        assert_eq!(ran.outcome(), "partial", "{slow}: {}", ran.output);
        stage.emulator.set_faults(Vec::new());
        stage.emulator.advance(HOUR);
        let status = Machine::new(&stage).run(Command::Status);
        let holds = status.first().delivered[0].holds.as_str();
        assert!(["current", "unknown"].contains(&holds), "{slow}: {holds}: {}", status.output);
    }
}

#[test]
fn a_place_with_two_writers_is_left_to_a_person_for_good() {
    let stage = provisioned(Stage::new());
    let overwrite = || {
        stage.emulator.advance(DAY * 2);
        written_back(&stage);
        stage.emulator.advance(HOUR);
    };
    overwrite();
    assert_eq!(Machine::new(&stage).seed(1).run(ROTATE).outcome(), "rotated");
    overwrite();
    for day in 0..40 {
        let ran = Machine::new(&stage).seed(day + 2).run(ROTATE);
        assert_eq!(
            (ran.outcome(), ran.code()),
            ("failed", Some("sink-overwritten")),
            "{day}: {}",
            ran.output
        );
        stage.emulator.advance(DAY);
    }
    let forced = Machine::new(&stage).seed(99).run(Command::Rotate { force: true });
    assert_eq!(forced.outcome(), "rotated", "{}", forced.output);
}

#[test]
fn another_value_in_a_vault_is_overwritten_although_it_bears_the_tags_of_ours() {
    let stage = provisioned(two_places());
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| {
        let now = world.now_ms();
        for secret in world.vaults.secrets.values_mut() {
            let mut version = secret.versions.last().unwrap().clone();
            (version.id, version.value) = ("f".repeat(32), "a placeholder".to_owned());
            (version.created_ms, version.updated_ms) = (now, now);
            secret.versions.push(version);
        }
    });
    stage.emulator.advance(HOUR);
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!(status.first().delivered[1].holds, Holds::Overwritten, "{}", status.output);
    assert_eq!(Machine::new(&stage).seed(4).run(ROTATE).outcome(), "rotated");
}

#[test]
fn two_writers_of_an_oauth_secret_are_left_to_a_person_too() {
    for kind in ["client-secret", "oauth-secret"] {
        let stage = if kind == "client-secret" { with_client_secret() } else { databricks() };
        let name = if kind == "client-secret" { "CATALOG_CLIENT_SECRET" } else { "CATALOG_OAUTH_SECRET" };
        let stage = with_delivered(provisioned(stage), name).target(|target| target["deliver"] = json!([]));
        stage.emulator.advance(HOUR * 3);
        written_back(&stage);
        stage.emulator.advance(HOUR);
        let repaired = Machine::new(&stage).run(ROTATE);
        let last = |ran: &Ran| ran.report.as_ref().unwrap().targets.last().unwrap().clone();
        assert_eq!(last(&repaired).outcome.as_str(), "rotated", "{kind}: {}", repaired.output);
        let stage = with_delivered(stage, name);
        stage.emulator.advance(HOUR * 3);
        written_back(&stage);
        stage.emulator.advance(HOUR);
        let again = Machine::new(&stage).seed(2).run(ROTATE);
        let code = last(&again).error.map(|error| error.code().as_str());
        assert_eq!((code, again.writes().len()), (Some("sink-overwritten"), 0), "{kind}: {}", again.output);
    }
}

#[test]
fn a_place_that_is_emptied_again_and_again_has_two_writers() {
    let stage = provisioned(Stage::new().every_sink());
    let empty = |stage: &Stage, what: &str| {
        stage.emulator.advance(HOUR * 3);
        stage.emulator.world(|world| match what {
            "github" => world.github.stores.values_mut().for_each(|store| store.secrets.clear()),
            // A placeholder that everybody can read.
            _ => {
                let all = world.azure_devops.groups.iter_mut().flat_map(|group| &mut group.variables);
                all.for_each(|(_, variable)| variable.secret = false);
            }
        });
    };
    for what in ["github", "group"] {
        let stage = stage.fork();
        empty(&stage, what);
        let status = Machine::new(&stage).run(Command::Status);
        let emptied = status.first().delivered.iter().filter(|place| place.holds == Holds::Overwritten);
        assert!(emptied.count() > 0, "{what}: {}", status.output);
        assert!(status.output.contains("another hand has emptied"), "{what}: {}", status.output);
        let repaired = Machine::new(&stage).run(ROTATE);
        assert_eq!(repaired.outcome(), "rotated", "{what}: {}", repaired.output);
        empty(&stage, what);
        let again = Machine::new(&stage).seed(2).run(ROTATE);
        assert_eq!((again.code(), again.writes().len()), (Some("sink-overwritten"), 0), "{}", again.output);
        // A place that was added is no second writer.
        let added = stage.fork().target(|target| {
            target["deliver"] =
                json!([{"type": "github-secret", "repository": "acme/data", "secret": "NEW"}]);
        });
        let ran = Machine::new(&added).seed(3).run(ROTATE);
        assert_eq!(ran.outcome(), "rotated", "{what}: {}", ran.output);
    }
}

#[test]
fn a_workspace_that_cannot_mark_is_tried_again_more_and_more_rarely_too() {
    let stage = provisioned(two_places());
    stage.emulator.advance(DAY * 61);
    let body = json!({"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found"});
    let mut no_patch = Fault::every(FaultKind::Status { status: 404, body, headers: [].into() });
    no_patch.method = Some("PATCH".to_owned());
    no_patch.path_contains = Some("/api/2.0/token/".to_owned());
    let mut no_write = Fault::every(FaultKind::Status { status: 403, body: json!({}), headers: [].into() });
    (no_write.service, no_write.method) = (Some(Service::KeyVault), Some("PUT".to_owned()));
    stage.emulator.set_faults(vec![no_patch, no_write]);
    let made = (0..24).filter(|run| {
        stage.emulator.advance(HOUR);
        let ran = Machine::new(&stage).seed(run + 1).run(ROTATE);
        ran.writes().iter().any(|write| write.contains("/token/create"))
    });
    let made = made.count();
    assert!((3..=6).contains(&made), "it tried {made} times in a day");
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    let healed = Machine::new(&stage).seed(99).run(ROTATE);
    assert_eq!((healed.outcome(), pats(&stage).len()), ("rotated", 1), "{}", healed.output);
}

#[test]
fn an_application_that_is_full_names_its_secrets_and_whose_they_are() {
    let stage = with_delivered(provisioned(with_client_secret()), "CATALOG_CLIENT_SECRET");
    let stage = stage.target(|target| target["deliver"] = json!([]));
    stage.emulator.advance(HOUR);
    let own = Machine::new(&stage).run(Command::Status);
    let own = own.report.unwrap().targets.last().unwrap().credential.clone().unwrap().id;
    stage.emulator.advance(DAY * 121);
    let body = json!({"error": {"code": "Directory_QuotaExceeded",
        "message": "The size of the object exceeds its limit"}});
    let mut fault = Fault::every(FaultKind::Status { status: 400, body, headers: [].into() });
    fault.path_contains = Some("/addPassword".to_owned());
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(ROTATE);
    let error = ran.report.as_ref().unwrap().targets.last().unwrap().error.clone().unwrap();
    assert_eq!(error.code().as_str(), "quota-exceeded", "{}", ran.output);
    assert!(error.message().contains(&format!("{own} (in use)")), "{}", error.message());
}

#[test]
fn a_deleted_oauth_secret_that_lakekey_signs_in_with_fails_at_once_with_the_way_back_in() {
    let stage = with_delivered(provisioned(databricks()), "CATALOG_OAUTH_SECRET");
    let stage = stage.target(|target| drop(target.as_object_mut().unwrap().remove("admin")));
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| world.account.principals.iter_mut().for_each(|p| p.secrets.clear()));
    for command in [Command::Status, ROTATE] {
        let before = stage.emulator.now_ms();
        let ran = Machine::new(&stage).run(command);
        assert!(stage.emulator.now_ms() - before < 5_000, "nothing of this run is waited for");
        for target in &ran.report.as_ref().unwrap().targets {
            let error = target.error.as_ref().unwrap();
            assert_eq!(error.code().as_str(), "credential-invalid", "{}", ran.output);
            assert!(error.hint().contains("was deleted elsewhere"), "{}", error.hint());
            assert!(error.hint().contains("Generate secret"), "{}", error.hint());
        }
        assert_eq!(ran.writes(), Vec::<String>::new());
    }
}
