//! What each place holds, no matter who wrote it; and that no place keeps credentials piling up.

use std::time::Duration;

use lakekey_core::{Command, Holds, Revocation};
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

/// A target with a GitHub secret and a vault.
pub(crate) fn two_places() -> Stage {
    let stage = Stage::new();
    stage.emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        world.allow_in_vaults(&client, &["get", "list", "set"]);
    });
    stage.target(|target| target["deliver"] = places("DATABRICKS_TOKEN", "databricks-token"))
}

fn places(github: &str, vault: &str) -> Value {
    json!([
        {"type": "github-secret", "repository": "acme/data", "secret": github},
        {"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": vault},
    ])
}

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{}", ran.output);
    stage
}

/// Has the vault refuse every write.
fn vault_refuses(stage: &Stage) {
    let body = json!({"error": {"code": "Forbidden", "message": "no",
        "innererror": {"code": "ForbiddenByPolicy"}}});
    let mut fault = Fault::every(FaultKind::Status { status: 403, body, headers: [].into() });
    (fault.method, fault.path_contains) = (Some("PUT".to_owned()), Some("/secrets/".to_owned()));
    fault.service = Some(Service::KeyVault);
    stage.emulator.set_faults(vec![fault]);
}

/// Counts the credentials of a kind that are alive.
pub(crate) fn alive(stage: &Stage, kind: &str) -> usize {
    stage.emulator.world(|world| {
        let now = world.now_ms();
        match kind {
            "pat" => {
                let own = &world.seeded.client_id;
                world.workspaces[0].live_tokens(now).filter(|token| token.owner == *own).count()
            }
            "client-secret" => {
                let own = |a: &&lakekey_emulator::Application| a.display_name == "lake-reader";
                let all = world.directory.applications.iter().filter(own).flat_map(|a| &a.secrets);
                all.filter(|secret| secret.end_ms > now).count()
            }
            _ => {
                let all = world.account.principals.iter().flat_map(|p| &p.secrets);
                all.filter(|secret| secret.expires_ms > now).count()
            }
        }
    })
}

/// Sets the stage for one kind of credential with two places, and has the first one delivered.
pub(crate) fn of_kind(kind: &str) -> Stage {
    let stage = provisioned(unprovisioned(kind));
    if kind == "pat" { stage } else { with_delivered(stage, secret_of(kind)) }
}

/// Sets the stage for one kind of credential with two places.
fn unprovisioned(kind: &str) -> Stage {
    let stage = two_places();
    match kind {
        "pat" => stage,
        "client-secret" => {
            let stage = stage.from_nothing("lake-reader").target(|target| {
                target["auth"] =
                    json!({"type": "azure-client-secret", "client-secret": {"env": "NOT_THERE_YET"}});
                let deliver = writing(places("CATALOG_CLIENT_SECRET", "client-secret"));
                target["client-secret"] = json!({"lifetime": "180d", "deliver": deliver});
                target["deliver"] = json!([]);
            });
            with_writer(stage)
        }
        _ => {
            let stage = stage.target(|target| {
                target["principal"] = json!({"kind": "databricks", "display-name": "lake-reader"});
                target["auth"] = json!({"type": "oauth-m2m", "client-secret": {"env": "NOT_THERE_YET"}});
                let deliver = writing(places("CATALOG_OAUTH_SECRET", "oauth-secret"));
                target["oauth-secret"] = json!({"lifetime": "180d", "adopt": "all", "deliver": deliver});
                target["deliver"] = json!([]);
            });
            with_writer(stage)
        }
    }
}

/// Has the vault written by an application that may.
fn writing(mut places: Value) -> Value {
    places[1]["auth"] = json!({"type": "azure-client-secret", "client-id": "WRITER",
        "client-secret": {"env": "WRITER_SECRET"}});
    places
}

/// Registers the application that may write to the vault.
fn with_writer(mut stage: Stage) -> Stage {
    let (writer, value) = stage.emulator.world(|world| {
        let writer = world.register_application("vault writer");
        let value = world.add_client_secret(&writer, 10 * 365 * 86_400_000);
        world.allow_in_vaults(&writer, &["get", "list", "set"]);
        (writer, value)
    });
    stage.environment.0.insert("WRITER_SECRET".to_owned(), value);
    let text = stage.document.to_string().replace("WRITER\"", &format!("{writer}\""));
    stage.document =
        serde_json::from_str(&text.replace(&format!("{writer}\"_SECRET"), "WRITER_SECRET")).unwrap();
    stage
}

/// What the workflow would find in its environment: what was delivered last.
pub(crate) fn with_delivered(mut stage: Stage, secret: &str) -> Stage {
    let value = stage.emulator.world(|world| {
        invariants::sinks(world).into_iter().find(|(sink, _)| sink.ends_with(secret)).map(|(_, value)| value)
    });
    stage.environment.0.insert("NOT_THERE_YET".to_owned(), value.unwrap());
    let known = stage.emulator.world(|world| {
        let member = world.workspaces[0].members.iter().find(|m| m.display_name == "lake-reader");
        member.map(|member| member.name.clone())
    });
    stage.target(|target| target["principal"]["client-id"] = json!(known))
}

pub(crate) fn secret_of(kind: &str) -> &'static str {
    if kind == "client-secret" { "CATALOG_CLIENT_SECRET" } else { "CATALOG_OAUTH_SECRET" }
}

#[test]
fn a_place_that_refuses_for_fifty_runs_costs_one_credential_and_then_heals() {
    for kind in ["pat", "client-secret", "oauth-secret"] {
        let mut stage = of_kind(kind);
        stage.emulator.advance(DAY * if kind == "pat" { 61 } else { 121 });
        vault_refuses(&stage);
        let mut made = 0;
        for run in 0..50 {
            let what = format!("{kind}, run {run}");
            let watched = Machine::new(&stage).seed(run + 1).watched(invariants::never_without(&what));
            let ran = watched.run(ROTATE);
            let target = ran.report.as_ref().unwrap().targets.last().unwrap();
            assert_eq!(target.outcome.as_str(), "partial", "{what}: {}", ran.output);
            assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{what}");
            made += usize::from(ran.writes().iter().any(|write| write.contains("/secrets/")));
            assert!(alive(&stage, kind) <= 2, "I8: {what}: {} are alive", alive(&stage, kind));
            if kind != "pat" {
                stage = with_delivered(stage, secret_of(kind));
            }
            stage.emulator.advance(HOUR);
        }
        assert!((3..50).contains(&made), "{kind}: it tried {made} times in fifty hours");
        stage.emulator.set_faults(Vec::new());
        stage.emulator.advance(DAY);
        let healed = Machine::new(&stage).seed(99).watched(invariants::never_without(kind)).run(ROTATE);
        let target = healed.report.as_ref().unwrap().targets.last().unwrap();
        assert_eq!(target.outcome.as_str(), "rotated", "{kind}: {}", healed.output);
        assert_eq!(alive(&stage, kind), 1, "{kind}");
        let held = stage.emulator.world(|world| invariants::sinks(world));
        let values: std::collections::BTreeSet<&String> = held.values().collect();
        assert_eq!(values.len(), 1, "{kind}: every place holds the same");
    }
}

#[test]
fn a_place_that_was_out_of_order_from_the_first_day_on_costs_one_credential_and_then_heals() {
    for kind in ["pat", "client-secret", "oauth-secret"] {
        let mut stage = unprovisioned(kind);
        let body = json!({"error": {"code": "InternalServerError", "message": "no"}});
        let mut fault = Fault::every(FaultKind::Status { status: 500, body, headers: [].into() });
        (fault.method, fault.path_contains) = (Some("PUT".to_owned()), Some("/secrets/".to_owned()));
        fault.service = Some(Service::KeyVault);
        stage.emulator.set_faults(vec![fault]);
        let first = Machine::new(&stage).run(Command::Provision);
        let target = first.report.as_ref().unwrap().targets.first().unwrap();
        assert_eq!(target.outcome.as_str(), "partial", "{kind}: {}", first.output);
        for run in 0..50 {
            if kind != "pat" {
                stage = with_delivered(stage, secret_of(kind));
            }
            stage.emulator.advance(HOUR * 2);
            let ran = Machine::new(&stage).seed(run + 2).run(ROTATE);
            assert!(alive(&stage, kind) <= 3, "{kind}, run {run}: {}: {}", alive(&stage, kind), ran.output);
            let target = ran.report.as_ref().unwrap().targets.last().unwrap();
            assert_eq!(target.outcome.as_str(), "partial", "{kind}, run {run}: {}", ran.output);
        }
        if kind != "pat" {
            stage = with_delivered(stage, secret_of(kind));
        }
        stage.emulator.set_faults(Vec::new());
        stage.emulator.advance(DAY);
        let healed = Machine::new(&stage).seed(99).run(ROTATE);
        let target = healed.report.as_ref().unwrap().targets.last().unwrap();
        assert_eq!(
            (target.outcome.as_str(), alive(&stage, kind)),
            ("rotated", 1),
            "{kind}: {}",
            healed.output
        );
        let held = stage.emulator.world(|world| invariants::sinks(world));
        let values: std::collections::BTreeSet<&String> = held.values().collect();
        assert_eq!((held.len(), values.len()), (2, 1), "{kind}: every place holds the same");
    }
}

#[test]
fn a_run_within_the_back_off_writes_nothing_and_a_person_may_ask_all_the_same() {
    let stage = of_kind("pat");
    stage.emulator.advance(DAY * 61);
    vault_refuses(&stage);
    let first = Machine::new(&stage).run(ROTATE);
    assert_eq!((first.outcome(), first.code()), ("partial", Some("partial-delivery")));
    stage.emulator.advance(Duration::from_secs(1_800));
    let second = Machine::new(&stage).seed(2).run(ROTATE);
    assert_eq!((second.outcome(), second.writes()), ("partial", Vec::new()), "{}", second.output);
    assert!(second.first().error.as_ref().unwrap().message().contains("tries again at"));
    let holds: Vec<Holds> = second.first().delivered.iter().map(|place| place.holds).collect();
    assert_eq!(holds, [Holds::Current, Holds::Older]);
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!((status.outcome(), status.code()), ("partial", Some("partial-delivery")));
    stage.emulator.set_faults(Vec::new());
    let forced = Machine::new(&stage).seed(3).run(Command::Rotate { force: true });
    assert_eq!((forced.outcome(), forced.code()), ("rotated", None), "{}", forced.output);
    assert_eq!(alive(&stage, "pat"), 1);
}

#[test]
fn a_full_quota_is_made_room_in_where_that_is_safe_and_explained_where_it_is_not() {
    // What earlier versions have piled up: the places hold the oldest and the newest.
    let stage = of_kind("oauth-secret");
    let pile = |stage: &Stage, count: usize| {
        stage.emulator.world(|world| {
            let now = world.now_ms();
            let principal = world.account.principals.iter_mut().find(|p| !p.secrets.is_empty()).unwrap();
            for number in 0..count {
                let mut secret = principal.secrets[0].clone();
                secret.id = format!("piled-{number}");
                secret.created_ms = now - 3_600_000 * (number as i64 + 2);
                principal.secrets.push(secret);
            }
        });
    };
    stage.emulator.advance(DAY * 121);
    pile(&stage, 4);
    let ran = Machine::new(&stage).run(ROTATE);
    let target = ran.report.as_ref().unwrap().targets.last().unwrap();
    assert_eq!((target.outcome.as_str(), alive(&stage, "oauth-secret")), ("rotated", 1), "{}", ran.output);
}

#[test]
fn revoking_what_is_superseded_works_while_a_place_is_broken() {
    let stage = of_kind("pat");
    stage.emulator.advance(DAY * 61);
    vault_refuses(&stage);
    let _ = Machine::new(&stage).run(ROTATE);
    let ran = Machine::new(&stage).run(Command::Revoke(Revocation::Superseded));
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 0, "{}", ran.output);
    assert_eq!(ran.first().left_over.len(), 1, "what a place may hold is kept on purpose");
    assert_eq!(alive(&stage, "pat"), 2);
}

/// Another hand writes the GitHub secret.
fn overwrite(stage: &Stage) {
    stage.emulator.world(write_a_placeholder);
}

pub(crate) fn write_a_placeholder(world: &mut lakekey_emulator::World) {
    let now = world.now_ms();
    for store in world.github.stores.values_mut() {
        for secret in store.secrets.values_mut() {
            secret.value = "a placeholder of Terraform's".to_owned();
            secret.updated_ms = now;
        }
    }
}

fn holds(ran: &Ran) -> Vec<&'static str> {
    ran.first().delivered.iter().map(|place| place.holds.as_str()).collect()
}

#[test]
fn an_overwritten_place_is_told_repaired_once_and_then_left_to_a_person() {
    let stage = provisioned(Stage::new().overlap("24h"));
    stage.emulator.advance(DAY * 2);
    overwrite(&stage);
    stage.emulator.advance(HOUR);
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!((status.outcome(), holds(&status)), ("overdue", vec!["overwritten"]), "{}", status.output);
    let doctor = Machine::new(&stage).run(Command::Doctor);
    assert!(doctor.output.contains("another hand has overwritten github-secret"), "{}", doctor.output);
    let planned = Machine::new(&stage).dry_run(ROTATE);
    assert!(planned.first().steps[0].message.contains("another hand has overwritten"), "{}", planned.output);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    assert_eq!(ran.first().left_over.len(), 1, "the old one lives through the overlap");
    // Again.
    stage.emulator.advance(DAY * 2);
    overwrite(&stage);
    stage.emulator.advance(HOUR);
    for command in [ROTATE, Command::Status] {
        let ran = Machine::new(&stage).seed(2).run(command);
        assert_eq!((ran.outcome(), ran.code()), ("failed", Some("sink-overwritten")), "{}", ran.output);
        assert!(ran.first().error.as_ref().unwrap().message().contains("two writers"));
        assert_eq!(ran.writes(), Vec::<String>::new());
        assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1);
    }
    let forced = Machine::new(&stage).seed(3).run(Command::Rotate { force: true });
    assert_eq!(forced.outcome(), "rotated", "{}", forced.output);
    // A place that is overwritten later than that is repaired again.
    stage.emulator.advance(DAY * 9);
    overwrite(&stage);
    stage.emulator.advance(HOUR);
    assert_eq!(Machine::new(&stage).seed(4).run(ROTATE).outcome(), "rotated");
}

#[test]
fn an_edit_of_something_else_in_a_variable_group_is_told_and_causes_no_rotation() {
    let stage = provisioned(Stage::new().every_sink());
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| {
        let now = world.now_ms();
        for group in &mut world.azure_devops.groups {
            group.modified_ms = now;
        }
    });
    stage.emulator.advance(HOUR);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!((ran.outcome(), ran.writes()), ("not-due", Vec::new()), "{}", ran.output);
    let group = &ran.first().delivered[3];
    assert_eq!((group.holds, group.edited_by.is_some()), (Holds::Unknown, true));
    assert_eq!(ran.first().delivered.iter().filter(|place| place.holds == Holds::Current).count(), 4);
}

#[test]
fn a_credential_that_was_deleted_elsewhere_is_told_as_an_outage_and_renewed_at_once() {
    let stage = provisioned(Stage::new());
    stage.emulator.advance(DAY);
    stage.emulator.world(|world| {
        let own = world.seeded.client_id.clone();
        world.workspaces[0].tokens.retain(|token| token.owner != own);
    });
    let status = Machine::new(&stage).run(Command::Status);
    assert_eq!(status.outcome(), "overdue");
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    for ran in [status, ran] {
        assert!(!ran.output.contains("there is no credential yet"), "{}", ran.output);
        assert!(ran.output.contains("was revoked elsewhere"), "{}", ran.output);
    }
}

#[test]
fn the_first_write_over_what_is_not_ours_is_announced() {
    // Another configuration has written the place.
    let theirs = provisioned(Stage::new());
    theirs.emulator.advance(DAY);
    let stage = theirs.target(|target| target["name"] = json!("another"));
    let planned = Machine::new(&stage).run(Command::Plan);
    let words = planned.first().steps.iter().find(|step| step.step.as_str() == "deliver").unwrap();
    assert!(words.message.contains("this replaces what was written there on 20"), "{}", words.message);
    // Once it is ours there is nothing to announce.
    let stage = provisioned(stage);
    stage.emulator.advance(DAY * 61);
    let planned = Machine::new(&stage).dry_run(ROTATE);
    assert!(!planned.output.contains("replaces"), "{}", planned.output);
}

#[test]
fn a_vault_that_holds_another_targets_credential_is_refused() {
    let stage = provisioned(two_places());
    let renamed = stage.clone().target(|target| target["name"] = json!("another"));
    for command in [ROTATE, Command::Rotate { force: true }, Command::Status] {
        let ran = Machine::new(&renamed).run(command);
        assert_eq!((ran.code(), ran.writes()), (Some("sink-changed"), Vec::new()), "{}", ran.output);
        assert!(ran.first().error.as_ref().unwrap().message().contains("catalog-prod"));
    }
    let renamed = renamed.target(|target| target["formerly"] = json!(["catalog-prod"]));
    stage.emulator.advance(HOUR);
    let ran = Machine::new(&renamed).run(ROTATE);
    assert_eq!((ran.outcome(), ran.writes()), ("not-due", Vec::new()), "{}", ran.output);
}

#[test]
fn versions_of_revoked_credentials_are_switched_off_in_a_vault_where_asked() {
    let stage = provisioned(two_places().target(|t| t["deliver"][1]["disable-superseded"] = json!(true)));
    stage.emulator.advance(DAY * 61);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    let enabled = stage.emulator.world(|world| {
        let versions = world.vault_versions("https://acme.vault.azure.net", "databricks-token");
        versions.iter().map(|version| version.enabled).collect::<Vec<_>>()
    });
    assert_eq!(enabled, [false, true]);
}

#[test]
fn a_place_that_was_not_tried_is_told_with_what_it_still_holds() {
    let stage = provisioned(Stage::new().every_sink());
    stage.emulator.advance(DAY * 61);
    // The group is written first, since it cannot tell exactly when it was written.
    let mut fault = Fault::every(FaultKind::DropAfter);
    (fault.method, fault.path_contains) = (Some("PUT".to_owned()), Some("/variablegroups/".to_owned()));
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "partial", "{}", ran.output);
    let tried: Vec<bool> = ran.first().delivered.iter().map(|place| place.tried).collect();
    assert_eq!(tried, [false, false, false, true, false]);
    assert_eq!(holds(&ran), ["older", "older", "older", "unknown", "older"]);
    assert_eq!(ran.first().delivered.iter().filter(|place| place.error.is_some()).count(), 1);
}

#[test]
fn another_hand_between_any_two_requests_of_a_rotation_is_made_good_by_the_next() {
    let stage = provisioned(Stage::new());
    stage.emulator.advance(DAY * 61);
    let sent = Machine::new(&stage.fork()).run(ROTATE).sent;
    // Between a write and the look that follows it GitHub, which shows no value, tells one hand from another
    // by nothing.
    let blind = sent.iter().position(|sent| sent.method == "PUT").unwrap();
    for at in (0..sent.len()).filter(|at| *at != blind) {
        let stage = stage.fork();
        let count = std::cell::Cell::new(0);
        let watch: lakekey_tests::wire::Watch = std::rc::Rc::new(move |emulator| {
            if count.replace(count.get() + 1) == at {
                emulator.advance(Duration::from_secs(3));
                emulator.world(write_a_placeholder);
            }
        });
        let ran = Machine::new(&stage).watched(watch).run(ROTATE);
        assert!(!matches!(ran.outcome(), "ok"), "{at}: {}", ran.output);
        // An hour later, and once more a day later, as the schedule would have it.
        stage.emulator.advance(HOUR);
        let _ = Machine::new(&stage).seed(2).run(ROTATE);
        stage.emulator.advance(DAY);
        let ran = Machine::new(&stage).seed(3).run(ROTATE);
        assert_eq!(ran.code(), None, "{at}: {}", ran.output);
        invariants::converged(&stage.emulator, 1, &format!("another hand after request {at}"));
    }
}

/// Returns the ids of the principal's PATs that are alive, the oldest first.
pub(crate) fn pats(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let own = world.workspaces[0].live_tokens(world.now_ms());
        own.filter(|token| token.owner == world.seeded.client_id).map(|token| token.id.clone()).collect()
    })
}

#[test]
fn a_place_that_refuses_ends_neither_the_overlap_nor_what_somebody_else_has_made() {
    let stage = provisioned(two_places().overlap("20d"));
    stage.emulator.advance(DAY);
    assert_eq!(Machine::new(&stage).run(Command::Rotate { force: true }).outcome(), "rotated");
    let before = pats(&stage);
    assert_eq!(before.len(), 2);
    stage.emulator.advance(DAY);
    vault_refuses(&stage);
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!(ran.outcome(), "partial", "{}", ran.output);
    assert!(before.iter().all(|id| pats(&stage).contains(id)), "{}", ran.output);

    let stage = two_places();
    let owner = stage.emulator.world(|world| world.seeded.client_id.clone());
    let stage = provisioned(stage);
    let (comment, lifetime_seconds) = ("by hand".to_owned(), Some(86_400 * 80));
    let seed = lakekey_emulator::Seed::pat(owner, comment, lifetime_seconds);
    stage.emulator.seed(seed).unwrap();
    let stage = stage.target(|target| target["token"]["adopt"] = json!("all"));
    let before = pats(&stage);
    stage.emulator.advance(DAY);
    vault_refuses(&stage);
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!(ran.outcome(), "partial", "{}", ran.output);
    assert!(before.iter().all(|id| pats(&stage).contains(id)), "{}", ran.output);
}
