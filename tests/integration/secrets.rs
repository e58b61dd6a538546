//! The secrets that somebody signs in with, renewed while they are in use: each goes to its own issuer alone,
//! and everybody who refers to it gets the renewed one.

use std::time::Duration;

use lakekey_core::{Command, State};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::{Aim, Sent};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

fn github(secret: &str) -> Value {
    json!([{"type": "github-secret", "repository": "acme/data", "secret": secret}])
}

fn outcomes(ran: &Ran) -> Vec<&'static str> {
    ran.report.as_ref().unwrap().targets.iter().map(|target| target.outcome.as_str()).collect()
}

/// Says who signs in as `directory`.
fn directory(stage: &Stage) -> Value {
    let id = stage.emulator.world(|world| world.seeded.directory_client_id.clone());
    json!({"type": "azure-client-secret", "client-id": id, "client-secret": {"env": "DIRECTORY_SECRET"}})
}

/// Has a target keep a client secret of its principal, which is an owner's to change.
fn with_client_secret(stage: Stage, target: usize, policy: Value) -> Stage {
    let directory = directory(&stage);
    let mut stage = stage;
    stage.document["targets"][target]["directory"] = directory;
    let mut credentials = policy;
    credentials["deliver"] = github("CATALOG_CLIENT_SECRET");
    stage.document["targets"][target]["client-secret"] = credentials;
    stage
}

#[test]
fn an_oauth_secret_beside_a_sign_in_at_entra_id_goes_to_databricks_alone() {
    let stage = Stage::new().target(|target| {
        target["oauth-secret"] =
            json!({"lifetime": "180d", "adopt": "all", "deliver": github("CATALOG_OAUTH_SECRET")});
    });
    let began = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(outcomes(&ran), ["provisioned", "provisioned"], "{}", ran.output);
    invariants::bound(&stage.emulator, &ran, "an OAuth secret");
    // The new secret was verified by its own issuer.
    let verified = |sent: &Sent| sent.path.starts_with("/oidc/v1/token");
    assert!(ran.sent.iter().any(verified), "{}", ran.output);
    assert!(stage.emulator.now_ms() - began < 60_000, "it waited");
    // When it is renewed while the principal signs in at Entra ID, neither takes the place of the other.
    stage.emulator.advance(DAY * 125);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(outcomes(&ran), ["rotated", "rotated"], "{}", ran.output);
    invariants::bound(&stage.emulator, &ran, "a renewed OAuth secret");
}

/// Sets a stage on which two targets sign in with one client secret, which the first of them renews.
fn shared(reference: &Value) -> Stage {
    let stage = Stage::with_workspaces(2);
    let mut stage =
        with_client_secret(stage, 0, json!({"lifetime": "90d", "renew-before": "30d", "adopt": "all"}));
    let file = stage.environment.0["CLIENT_SECRET"].clone().into_bytes();
    stage.environment.1.insert("/run/secret".to_owned(), file);
    for index in 0..2 {
        stage.document["targets"][index]["auth"]["client-secret"] = reference.clone();
    }
    stage
}

#[test]
fn targets_that_share_a_reference_share_the_renewed_secret() {
    for reference in [json!({"env": "CLIENT_SECRET"}), json!({"file": "/run/secret"})] {
        for concurrency in [1, 8] {
            let mut stage = shared(&reference);
            stage.document["concurrency"] = json!(concurrency);
            let ran = Machine::new(&stage).run(Command::Provision);
            assert_eq!(ran.report.as_ref().unwrap().exit_status(), 0, "{}", ran.output);
            stage.emulator.advance(DAY * 61);
            // The workflow's own secret is what was delivered; the run that renews it cannot see that.
            let delivered = stage.emulator.world(|world| {
                let all = invariants::sinks(world);
                all.into_iter().find(|(sink, _)| sink.ends_with("CATALOG_CLIENT_SECRET")).unwrap().1
            });
            stage.environment.0.insert("CLIENT_SECRET".to_owned(), delivered.clone());
            stage.environment.1.insert("/run/secret".to_owned(), delivered.into_bytes());
            let ran = Machine::new(&stage).run(Command::Rotate { force: true });
            assert!(outcomes(&ran).iter().all(|outcome| *outcome == "rotated"), "{}", ran.output);
            invariants::bound(&stage.emulator, &ran, "a shared secret");
        }
    }
}

#[test]
fn a_client_id_of_the_sign_in_names_the_principal_whose_secret_is_made() {
    let stage = Stage::new();
    let client = stage.emulator.world(|world| world.seeded.client_id.clone());
    let policy = json!({"lifetime": "180d", "adopt": "all"});
    let stage = with_client_secret(stage, 0, policy).target(|target| {
        drop(target["principal"].as_object_mut().unwrap().remove("client-id"));
        target["auth"]["client-id"] = json!(client);
    });
    let began = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.report.as_ref().unwrap().exit_status(), 0, "{}", ran.output);
    assert!(stage.emulator.now_ms() - began < 60_000, "it waited for what does not pass");
}

#[test]
fn a_sign_in_of_another_application_is_refused_before_a_secret_is_made() {
    let stage = Stage::new();
    let other = stage.emulator.world(|world| world.register_application("somebody-else"));
    let policy = json!({"lifetime": "180d"});
    let stage = with_client_secret(stage, 0, policy).target(|target| {
        target["principal"] =
            json!({"display-name": "catalog-prod", "tenant-id": target["principal"]["tenant-id"]});
        target["auth"]["client-id"] = json!(other);
    });
    let before = stage.emulator.snapshot();
    let began = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(Command::Provision);
    let error = ran.first().error.as_ref().unwrap();
    assert_eq!((ran.code(), error.key()), (Some("config-invalid-value"), Some("targets[0].auth.client-id")));
    assert_eq!(ran.writes(), Vec::<String>::new());
    let secrets = |world: &lakekey_emulator::World| -> usize {
        world.directory.applications.iter().map(|application| application.secrets.len()).sum()
    };
    assert_eq!(stage.emulator.world(|world| secrets(world)), secrets(&before), "{}", ran.output);
    assert!(stage.emulator.now_ms() - began < 60_000, "it waited for what does not pass");
}

#[test]
fn what_an_interrupted_run_has_left_over_is_revoked_as_the_dry_run_says_overlap_or_not() {
    for overlap in ["0s", "24h"] {
        let stage = Stage::new().overlap(overlap);
        let _ = Machine::new(&stage).run(Command::Provision);
        stage.emulator.advance(DAY * 61);
        // The machine dies after it has made a token, and before it has delivered it.
        let whole = Machine::new(&stage.fork()).run(ROTATE);
        let at = whole.sent.iter().position(|sent| sent.path.ends_with("/token/create")).unwrap();
        let aim = Aim { at, disturbance: Disturbance::KilledAfter, lasting: false };
        let died = Machine::new(&stage).disturbed(aim).run(ROTATE);
        let pending = |stage: &Stage| {
            stage.emulator.world(|world| {
                let tokens = &world.workspaces[0].tokens;
                tokens.iter().filter(|token| token.comment.contains("phase=pending")).count()
            })
        };
        assert_eq!(pending(&stage), 1, "{}", died.output);
        stage.emulator.advance(DAY);
        let planned = Machine::new(&stage).dry_run(ROTATE);
        let ran = Machine::new(&stage).run(ROTATE);
        let revoked = |ran: &Ran, state: State| -> Vec<String> {
            let steps = ran.first().steps.iter();
            let revocations =
                steps.filter(|step| step.step.as_str() == "revoke-token" && step.state == state);
            revocations
                .map(|step| step.message.split(' ').nth(1).unwrap().trim_matches(',').to_owned())
                .collect()
        };
        assert_eq!(
            revoked(&planned, State::Would),
            revoked(&ran, State::Done),
            "{overlap}: {}",
            planned.output
        );
        assert_eq!(planned.first().left_over, ran.first().left_over, "{overlap}");
        assert_eq!(pending(&stage), 0, "{overlap}");
    }
}

#[test]
fn the_workspaces_maximum_is_for_pats_alone_to_every_command() {
    let stage = with_client_secret(Stage::new(), 0, json!({}));
    let stage = stage.target(|target| {
        target["auth"] = json!({"type": "azure-client-secret", "client-secret": {"env": "CLIENT_SECRET"}});
    });
    stage
        .emulator
        .world(|world| world.workspaces[0].conf.insert("maxTokenLifetimeDays".to_owned(), "100".to_owned()));
    for command in [Command::Plan, Command::Provision, Command::Doctor, Command::Status, ROTATE] {
        let ran = Machine::new(&stage).run(command.clone());
        assert_eq!(ran.report.as_ref().unwrap().exit_status(), 0, "{}: {}", command.name(), ran.output);
    }
    // A PAT over the maximum is refused by all of them alike, and by the same key.
    let stage = stage.target(|target| target["token"]["lifetime"] = json!("101d"));
    for command in [Command::Doctor, Command::Plan, Command::Provision] {
        let ran = Machine::new(&stage).run(command.clone());
        assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{}: {}", command.name(), ran.output);
        let found =
            ran.output.contains("lifetime-over-maximum") && ran.output.contains("targets[0].token.lifetime");
        assert!(found, "{}: {}", command.name(), ran.output);
    }
}
