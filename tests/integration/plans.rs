//! The plan is the run: in every start state a plan and a dry run list, in number and kind, the writes that
//! the services then see.

use std::collections::BTreeMap;
use std::time::Duration;

use lakekey_core::{Command, Revocation, RunRequest, State};
use lakekey_emulator::{Fault, FaultKind, Seed};
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;
use serde_json::json;

use crate::places::two_places;

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
            ("POST", path) if path.contains("/federationPolicies?") => "make-federation-policy",
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
            ("PATCH", path) if path.starts_with("/secrets/") => "revoke-token",
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
    let imported = Stage::new().imported_and_granted();
    let own = imported.emulator.world(|world| world.seeded.client_id.clone());
    let ungranted = imported.fork();
    ungranted.emulator.world(|world| world.workspaces[0].grants.clear());
    agrees("imported", &ungranted, &provision);
    agrees("granted", &imported.fork(), &provision);
    agrees("granted, by rotate", &imported.fork(), &rotate);
    let comment = "by hand".to_owned();
    let (owner, lifetime_seconds, created_by) = (own, Some(86_400 * 90), None);
    let by_hand = Seed::Pat {
        workspace: 0,
        owner,
        comment,
        lifetime_seconds,
        created_by,
        scopes: Vec::new(),
        autoscope: None,
    };
    imported.emulator.seed(by_hand).unwrap();
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

/// Has the run make the client secret that the principal signs in with.
fn with_its_secret(stage: Stage, variable: &str) -> Stage {
    stage.with_directory().target(|target| {
        target["auth"] = json!({"type": "azure-client-secret", "client-secret": {"env": variable}});
        let deliver = json!([{"type": "github-secret", "repository": "acme/data", "secret": "SECRET"}]);
        target["client-secret"] = json!({"lifetime": "180d", "deliver": deliver});
    })
}

#[test]
fn a_plan_counts_on_the_client_secret_that_the_run_makes_before_it_signs_in() {
    let provision = RunRequest::new(Command::Provision);
    let imported = Stage::new().imported_and_granted();
    agrees("it has no secret", &with_its_secret(imported.fork(), "NOT_THERE_YET"), &provision);
    let gone = with_its_secret(imported, "CLIENT_SECRET");
    gone.emulator.world(|world| {
        let id = world.seeded.client_id.clone();
        world.directory.application_mut(&id).unwrap().secrets.clear();
    });
    agrees("its secret is gone", &gone, &provision);
}

#[test]
fn a_plan_does_not_count_on_a_client_secret_that_the_run_does_not_make() {
    let stage = with_its_secret(Stage::new().imported_and_granted(), "NOT_THERE_YET");
    let first = Machine::new(&stage).run(Command::Provision);
    assert_eq!(first.outcome(), "provisioned", "{}", first.output);
    for dry_run in [true, false] {
        let ran =
            Machine::new(&stage).seed(7).ask(&RunRequest { dry_run, ..RunRequest::new(Command::Provision) });
        let codes: Vec<_> = ran.report.as_ref().unwrap().targets.iter().map(|t| t.error.as_ref()).collect();
        assert!(codes[0].is_none(), "the secret is not due: {}", ran.output);
        assert_eq!(codes[1].unwrap().code().as_str(), "config-missing-secret", "{}", ran.output);
        assert_eq!(ran.writes(), Vec::<String>::new());
    }
}

#[test]
fn a_plan_counts_on_the_federated_credential_that_the_run_makes_beside_one_of_another_letter_case() {
    let stage = Stage::new().imported_and_granted().with_directory().federated();
    stage.emulator.world(|world| {
        let (id, issuer) = (world.seeded.client_id.clone(), world.oidc.actions.issuer.clone());
        let subject = world.oidc.actions.subject().to_uppercase();
        assert!(world.add_federated_credential(&id, "typed", &issuer, &subject));
    });
    agrees("another letter case", &stage, &RunRequest::new(Command::Provision));
}

#[test]
fn a_plan_serves_a_workspace_that_lists_no_tokens_before_it_has_them_switched_on() {
    let stage = Stage::new().imported_and_granted().target(|t| t["allow-enable-tokens"] = json!(true));
    let stage = stage.without_tokens();
    let provision = RunRequest::new(Command::Provision);
    agrees("the admin is shown them", &stage.fork(), &provision);
    let off = Fault {
        path_contains: Some("/token-management/".to_owned()),
        ..Fault::every(FaultKind::Status {
            status: 403,
            body: json!({"error_code": "FEATURE_DISABLED",
                "message": "Personal access tokens are disabled for this workspace."}),
            headers: BTreeMap::new(),
        })
    };
    stage.emulator.set_faults(vec![off]);
    agrees("nobody is shown them", &stage, &provision);
}

#[test]
fn a_scope_that_is_to_be_made_is_in_the_plan() {
    let stage = Stage::new().imported_and_granted().target(|target| {
        target["deliver"] =
            json!([{"type": "databricks-secret", "scope": "new", "key": "k", "create-scope": true}]);
    });
    agrees("a missing scope", &stage.fork(), &RunRequest::new(ROTATE));
    let planned = Machine::new(&stage).dry_run(ROTATE);
    assert!(planned.output.contains("make the secret scope new"), "{}", planned.output);
}

#[test]
fn versions_that_are_switched_off_are_in_the_plan_and_one_that_could_not_be_is_again() {
    let vault = |stage: Stage| {
        provisioned(stage.target(|target| target["deliver"][1]["disable-superseded"] = json!(true)))
    };
    let enabled = |stage: &Stage| {
        stage.emulator.world(|world| {
            let all = world.vault_versions("https://acme.vault.azure.net", "databricks-token");
            all.iter().map(|version| version.enabled).collect::<Vec<_>>()
        })
    };
    let brake = |what| RunRequest {
        targets: vec!["catalog-prod".to_owned()],
        ..RunRequest::new(Command::Revoke(what))
    };
    let rotate = RunRequest::new(ROTATE);
    let stage = vault(two_places());
    stage.emulator.advance(DAY * 61);
    let due = stage.fork();
    agrees("due", &due, &rotate);
    assert_eq!(enabled(&due), [false, true]);
    agrees("the brake", &stage.fork(), &brake(Revocation::All));
    let overlapping = vault(two_places().overlap("24h"));
    overlapping.emulator.advance(DAY * 61);
    agrees("due, with an overlap", &overlapping, &rotate);
    assert_eq!(enabled(&overlapping), [true, true]);
    agrees("the overlap cut short", &overlapping.fork(), &brake(Revocation::Superseded));
    overlapping.emulator.advance(DAY * 2);
    agrees("after the overlap", &overlapping, &rotate);
    assert_eq!(enabled(&overlapping), [false, true]);
    // The vault refuses once.
    let mut fault = Fault::every(FaultKind::Status { status: 403, body: json!({}), headers: [].into() });
    (fault.method, fault.path_contains) = (Some("PATCH".to_owned()), Some("/secrets/".to_owned()));
    stage.emulator.set_faults(vec![fault]);
    assert_eq!(Machine::new(&stage).run(ROTATE).outcome(), "rotated");
    assert_eq!(enabled(&stage), [true, true]);
    stage.emulator.set_faults(Vec::new());
    stage.emulator.advance(DAY);
    agrees("what was refused before", &stage, &rotate);
    assert_eq!(enabled(&stage), [false, true]);
    agrees("nothing to do", &stage, &rotate);
}

#[test]
fn where_nothing_fits_any_more_the_plan_and_the_status_say_so_as_the_run_does() {
    let stage = provisioned(Stage::new());
    let owner = stage.emulator.world(|world| world.seeded.client_id.clone());
    for number in 0..599 {
        let (owner, comment) = (owner.clone(), format!("other {number}"));
        let lifetime_seconds = Some(86_400 * 200);
        let pat = Seed::pat(owner, comment, lifetime_seconds);
        stage.emulator.seed(pat).unwrap();
    }
    stage.emulator.advance(DAY * 61);
    let planned = Machine::new(&stage).dry_run(ROTATE);
    for ran in [planned, Machine::new(&stage).run(Command::Status), Machine::new(&stage).run(ROTATE)] {
        assert_eq!((ran.outcome(), ran.code()), ("failed", Some("quota-exceeded")), "{}", ran.output);
        assert_eq!(ran.writes(), Vec::<String>::new());
        assert!(ran.first().steps.iter().all(|step| step.state != State::Would), "{}", ran.output);
    }
}

#[test]
fn a_plan_says_how_long_github_takes_for_a_fleet() {
    let small = Stage::with_workspaces(3);
    assert_eq!(Machine::new(&small).run(Command::Plan).report.unwrap().github_minutes, None);
    // Twenty-seven targets, each into four secrets of a repository.
    let mut stage = Stage::with_workspaces(27);
    for target in stage.document["targets"].as_array_mut().unwrap() {
        let place = target["deliver"][0].clone();
        let name = |number: usize| format!("TOKEN_{number}");
        let places = (0..4).map(|number| {
            let mut place = place.clone();
            place["secret"] = serde_json::json!(name(number));
            place
        });
        target["deliver"] = places.collect();
    }
    let report = Machine::new(&stage).run(Command::Plan).report.unwrap();
    assert_eq!((report.github_writes(), report.github_minutes), (108, Some(1)));
}
