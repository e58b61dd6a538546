//! The plan is the run: in every start state a plan and a dry run list, in number and kind, the writes that
//! the services then see.

use std::collections::BTreeMap;
use std::time::Duration;

use lakekey_core::{Command, Revocation, RunRequest, State};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };

type Count = BTreeMap<&'static str, usize>;

/// Counts the writing steps that a report lists in a state.
fn listed(ran: &Ran, state: State) -> Count {
    let mut count = Count::new();
    for step in ran.report.as_ref().unwrap().targets.iter().flat_map(|target| &target.steps) {
        if step.state == state && step.step.as_str() != "verify-token" {
            *count.entry(step.step.as_str()).or_default() += 1;
        }
    }
    count
}

/// Counts what the services saw, by the step that it belongs to.
fn seen(ran: &Ran) -> Count {
    let mut count = Count::new();
    for sent in &ran.sent {
        let step = match (sent.method.as_str(), sent.path.split('?').next().unwrap()) {
            ("GET", _) => continue,
            (_, path) if path.ends_with("/token") || path.ends_with("/access_tokens") => continue,
            ("POST", "/v1.0/applications") => "make-application",
            ("POST", "/v1.0/servicePrincipals") => "make-service-principal",
            ("POST", path) if path.ends_with("/federatedIdentityCredentials") => "make-federated-credential",
            ("POST", path) if path.ends_with("/ServicePrincipals") => "import-principal",
            ("PATCH", path) if path.contains("/ServicePrincipals/") => "add-entitlements",
            ("PATCH", "/api/2.0/workspace-conf") => "workspace-settings",
            ("PATCH", path) if path.contains("/permissions/") => "grant-token-permission",
            ("POST", "/api/2.0/token/create") => "create-token",
            ("POST", path) if path.ends_with("/addPassword") => "create-token",
            ("POST", path) if path.ends_with("/credentials/secrets") => "create-token",
            ("PATCH", path) if path.starts_with("/api/2.0/token/") => "mark-active",
            ("POST", "/api/2.0/token/delete") => "revoke-token",
            ("POST", path) if path.ends_with("/removePassword") => "revoke-token",
            ("DELETE", path) if path.contains("/credentials/secrets/") => "revoke-token",
            ("DELETE", path) if path.contains("/token-management/") => "revoke-token",
            ("PUT" | "POST", _) => "deliver",
            (method, path) => panic!("what is {method} {path}?"),
        };
        *count.entry(step).or_default() += 1;
    }
    count
}

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{}", ran.output);
    stage
}

/// Plans a command, runs it, and compares both with what the services saw.
fn agrees(what: &str, stage: &Stage, request: &RunRequest) {
    let planned = Machine::new(stage).ask(&RunRequest { dry_run: true, ..request.clone() });
    assert_eq!(planned.writes(), Vec::<String>::new(), "{what}");
    let ran = Machine::new(stage).seed(7).ask(request);
    assert!(ran.report.as_ref().unwrap().targets.iter().all(|t| t.error.is_none()), "{what}: {}", ran.output);
    let seen = seen(&ran);
    assert_eq!(listed(&planned, State::Would), seen, "{what}: the plan and the services");
    assert_eq!(listed(&ran, State::Done), seen, "{what}: the report and the services");
}

fn from_nothing() -> Stage {
    Stage::new().from_nothing("lake-reader")
}

#[test]
fn in_every_start_state_the_plan_lists_the_writes_that_the_run_then_makes() {
    let provision = RunRequest::new(Command::Provision);
    let rotate = RunRequest::new(ROTATE);
    let forced = RunRequest::new(Command::Rotate { force: true });
    agrees("nothing in the workspace", &Stage::new(), &provision);
    let federated = from_nothing().federated();
    agrees("nothing anywhere", &federated, &provision);
    let with_secret = from_nothing().target(|target| {
        target["auth"] = json!({"type": "azure-client-secret", "client-secret": {"env": "NOT_THERE_YET"}});
        let deliver = json!([{"type": "github-secret", "repository": "acme/data", "secret": "SECRET"}]);
        target["client-secret"] = json!({"lifetime": "180d", "deliver": deliver});
    });
    agrees("nothing anywhere, with a client secret", &with_secret, &provision);
    let first_token = Stage::new();
    first_token.emulator.world(|world| world.workspaces[0].tokens_ever_made = false);
    agrees("no token was ever made", &first_token, &provision);
    let imported = Stage::new();
    let application_id = imported.emulator.world(|world| world.seeded.client_id.clone());
    let seed = |seed| imported.emulator.seed(seed).unwrap();
    let (workspace, groups) = (0, Vec::new());
    let display_name = Some("catalog-prod".to_owned());
    let own = application_id.clone();
    seed(lakekey_emulator::Seed::Principal { workspace, application_id, display_name, groups });
    agrees("imported", &imported.fork(), &provision);
    let service_principal_name = own.clone();
    seed(lakekey_emulator::Seed::TokenPermission { workspace, service_principal_name });
    agrees("granted", &imported.fork(), &provision);
    agrees("granted, by rotate", &imported.fork(), &rotate);
    let comment = "by hand".to_owned();
    let (owner, lifetime_seconds, created_by) = (own, Some(86_400 * 90), None);
    seed(lakekey_emulator::Seed::Pat { workspace, owner, comment, lifetime_seconds, created_by });
    imported.emulator.advance(DAY);
    let adopted = imported.target(|target| target["token"]["adopt"] = json!("all"));
    agrees("adopted", &adopted, &rotate);
    let off = Stage::new().target(|target| target["allow-enable-tokens"] = json!(true));
    let off = off.without_tokens();
    agrees("switched off", &off, &provision);

    let there = provisioned(Stage::new());
    there.emulator.advance(DAY);
    agrees("nothing to do", &there, &rotate);
    agrees("nothing to provision", &there, &provision);
    agrees("forced", &there.fork(), &forced);
    let ungranted = there.fork();
    ungranted.emulator.world(|world| world.workspaces[0].grants.clear());
    agrees("the permission was taken away", &ungranted, &provision);
    there.emulator.advance(DAY * 61);
    agrees("due", &there.fork(), &rotate);
    let overlapping = provisioned(Stage::new().overlap("24h"));
    overlapping.emulator.advance(DAY * 61);
    agrees("due, with an overlap", &overlapping, &rotate);
    agrees("during the overlap", &overlapping, &rotate);
    let brake = |what| RunRequest {
        targets: vec!["catalog-prod".to_owned()],
        ..RunRequest::new(Command::Revoke(what))
    };
    agrees("the overlap cut short", &overlapping.fork(), &brake(Revocation::Superseded));
    overlapping.emulator.advance(DAY * 2);
    agrees("after the overlap", &overlapping.fork(), &rotate);
    for what in [Revocation::All, Revocation::Managed] {
        agrees("the brake", &overlapping.fork(), &brake(what));
    }
    let every = provisioned(Stage::new().every_sink());
    every.emulator.advance(DAY * 61);
    agrees("every kind of place", &every, &rotate);
    // A run that died after it had made a token.
    let alone = Machine::new(&there.fork()).run(ROTATE);
    let at = alone.sent.iter().position(|sent| sent.path.ends_with("/token/create")).unwrap();
    let aim = Aim { at, disturbance: Disturbance::KilledAfter, lasting: false };
    let _ = Machine::new(&there).disturbed(aim).run(ROTATE);
    there.emulator.advance(DAY);
    agrees("left over", &there, &rotate);
}
