//! Several sinks: each is written, read back and used; one that fails leaves `partial`, and the next run
//! heals.

use std::time::Duration;

use lakekey_core::{Command, Revocation};
use lakekey_emulator::{Fault, FaultKind, Service};
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

fn due() -> Stage {
    let stage = Stage::new().every_sink();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    stage.emulator.advance(DAY * 61);
    stage
}

/// Has every write to Key Vault refused, or fail after it was carried out.
fn vault_fails(stage: &Stage, kind: FaultKind) {
    let mut fault = Fault::every(kind);
    fault.method = Some("PUT".to_owned());
    fault.path_contains = Some("/secrets/databricks-token".to_owned());
    stage.emulator.set_faults(vec![fault]);
}

fn refusal() -> FaultKind {
    FaultKind::Status {
        status: 403,
        body: json!({"error": {"code": "Forbidden",
            "message": "The user does not have secrets set permission"}}),
        headers: std::collections::BTreeMap::new(),
    }
}

fn live(stage: &Stage) -> usize {
    stage.emulator.world(|world| {
        let now = world.now_ms();
        world.workspaces[0].live_tokens(now).filter(|token| token.comment.contains("[lakekey ")).count()
    })
}

#[test]
fn a_rotation_writes_every_sink_and_a_consumer_of_each_signs_in_with_it() {
    let stage = due();
    let ran = Machine::new(&stage).watched(invariants::never_without("every sink")).run(ROTATE);
    assert_eq!(ran.outcome(), "rotated", "{}", ran.output);
    assert_eq!(ran.first().delivered.len(), 5);
    assert!(
        ran.first()
            .delivered
            .iter()
            .all(|delivered| delivered.written.is_some() && delivered.error.is_none())
    );
    // The value in each is one that the workspace accepts.
    invariants::converged(&stage.emulator, 5, "every sink");
}

#[test]
fn a_sink_that_refuses_leaves_a_partial_delivery_in_which_nothing_is_revoked() {
    let stage = due();
    vault_fails(&stage, refusal());
    let ran = Machine::new(&stage).watched(invariants::never_without("partial")).run(ROTATE);
    assert_eq!((ran.outcome(), ran.code()), ("partial", Some("partial-delivery")));
    assert!(ran.first().revoked.is_empty());
    assert_eq!(live(&stage), 2, "both the old and the new one live");
    let failed: Vec<&str> =
        ran.first().delivered.iter().filter(|d| d.error.is_some()).map(|d| d.sink.as_str()).collect();
    assert_eq!(failed, ["key-vault https://acme.vault.azure.net databricks-token"]);
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1);
}

#[test]
fn the_run_after_a_partial_delivery_gives_every_sink_the_same_fresh_credential() {
    let stage = due();
    vault_fails(&stage, refusal());
    let _ = Machine::new(&stage).run(ROTATE);
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    let healed = Machine::new(&stage).seed(2).watched(invariants::never_without("healed")).run(ROTATE);
    assert_eq!(healed.outcome(), "rotated", "{}", healed.output);
    invariants::converged(&stage.emulator, 5, "healed");
}

#[test]
fn a_single_sink_that_refuses_has_the_new_credential_rolled_back() {
    let stage = Stage::new();
    let _ = Machine::new(&stage).run(Command::Provision);
    stage.emulator.advance(DAY * 61);
    let mut fault = Fault::every(FaultKind::Status {
        status: 422,
        body: json!({"message": "no"}),
        headers: std::collections::BTreeMap::new(),
    });
    fault.method = Some("PUT".to_owned());
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).watched(invariants::never_without("refused")).run(ROTATE);
    assert_eq!(ran.outcome(), "failed");
    assert_eq!(live(&stage), 1, "only the old one is left");
}

#[test]
fn a_sink_whose_answer_is_lost_may_hold_the_new_credential_which_therefore_lives_on() {
    let stage = due();
    vault_fails(&stage, FaultKind::DropAfter);
    let ran = Machine::new(&stage).watched(invariants::never_without("uncertain")).run(ROTATE);
    assert_eq!(ran.outcome(), "partial", "{}", ran.output);
    assert_eq!(live(&stage), 2);
}

#[test]
fn revoking_all_works_although_the_ledger_is_lost() {
    let stage = due();
    stage.emulator.world(|world| {
        let own = world.seeded.client_id.clone();
        world.workspaces[0]
            .tokens
            .iter_mut()
            .filter(|t| t.owner == own)
            .for_each(|t| t.comment = "somebody has edited this".to_owned());
    });
    let ran = Machine::new(&stage).run(Command::Revoke(Revocation::All));
    assert_eq!(ran.outcome(), "revoked", "{}", ran.output);
    let left = stage.emulator.world(|world| {
        world.workspaces[0].tokens.iter().filter(|t| t.owner == world.seeded.client_id).count()
    });
    assert_eq!(left, 0);
}

#[test]
fn the_admin_revokes_for_a_principal_whose_own_sign_in_is_gone() {
    let mut stage = due();
    stage.environment.0.insert("CLIENT_SECRET".to_owned(), "a-secret-that-was-removed".to_owned());
    let ran = Machine::new(&stage).run(Command::Revoke(Revocation::All));
    assert_eq!(ran.outcome(), "revoked", "{}", ran.output);
    assert_eq!(live(&stage), 0);
    let analyst = stage
        .emulator
        .world(|world| world.workspaces[0].tokens.iter().filter(|t| t.owner.starts_with("ana@")).count());
    assert_eq!(analyst, 1, "nobody else's token was touched");
}

#[test]
fn a_dry_run_of_a_revocation_says_what_would_stop_working_and_revokes_nothing() {
    let stage = due();
    let ran = Machine::new(&stage).dry_run(Command::Revoke(Revocation::All));
    assert_eq!(ran.first().steps.len(), 1);
    let message = &ran.first().steps[0].message;
    assert!(message.contains("what signs in with it is refused from then on"), "{message}");
    assert_eq!(live(&stage), 1);
}

#[test]
fn two_places_of_one_name_are_not_taken_for_each_other() {
    let mut stage = Stage::new().target(|target| {
        for path in ["a", "b"] {
            let url = format!("https://hooks.example/{path}");
            let place = json!({"type": "webhook", "url": url, "key": {"env": "HOOK"}});
            target["deliver"].as_array_mut().unwrap().push(place);
        }
    });
    stage.environment.0.insert("HOOK".to_owned(), "key".to_owned());
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY * 61);
    let refusing = |service, path: &str| {
        let body = json!({"error_code": "PERMISSION_DENIED", "message": "no"});
        let mut fault = Fault::every(FaultKind::Status { status: 403, body, headers: [].into() });
        (fault.service, fault.path_contains) = (Some(service), Some(path.to_owned()));
        fault
    };
    let hook = refusing(Service::Webhook, "/a");
    stage.emulator.set_faults(vec![hook.clone()]);
    let held = |stage: &Stage| {
        stage.emulator.world(|world| {
            let taken = world.webhooks.iter().rev().find(|post| post.path.ends_with("/b")).unwrap();
            let value: Value = serde_json::from_slice(&taken.body).unwrap();
            invariants::working(world).contains(value["value"].as_str().unwrap())
        })
    };
    let ran = Machine::new(&stage).seed(2).run(ROTATE);
    assert_eq!((ran.outcome(), held(&stage)), ("partial", true), "{}", ran.output);
    stage.emulator.advance(HOUR * 2);
    stage.emulator.set_faults(vec![hook, refusing(Service::Databricks, "/token/create")]);
    let braked = stage.fork();
    let revoked = Machine::new(&braked).run(Command::Revoke(Revocation::Superseded));
    assert!(held(&braked), "{}", revoked.output);
    let ran = Machine::new(&stage).seed(3).run(ROTATE);
    assert!(held(&stage), "what b holds was revoked: {}", ran.output);
    assert!(ran.first().delivered.iter().all(|place| !place.tried), "nothing was made: {}", ran.output);
}
