//! `doctor` says what it looked at, what it found, and what it could not look at.

use std::time::Duration;

use lakekey_core::{Command, RunRequest, State, Step};
use lakekey_emulator::Seed;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Sent;
use serde_json::json;

const DAY: Duration = Duration::from_secs(86_400);

/// Runs `doctor` and returns its steps as state and message.
fn doctor(stage: &Stage) -> Vec<(State, String)> {
    let ran = Machine::new(stage).run(Command::Doctor);
    ran.first().steps.iter().map(|step| (step.state, step.message.clone())).collect()
}

fn says(steps: &[(State, String)], state: State, words: &str) -> bool {
    steps.iter().any(|(found, message)| *found == state && message.contains(words))
}

#[test]
fn every_part_of_the_procedure_is_told_and_what_cannot_be_asked_is_not_called_ok() {
    let stage = Stage::new().every_sink();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY);
    let steps = doctor(&stage);
    for (state, words) in [
        (State::Unknown, "by default it is 730 days"),
        (State::Ok, "has every entitlement asked for"),
        (State::Ok, "and is the configured one"),
        (State::Ok, "has 1 of 600"),
        (State::Ok, "clock agrees with the workspace's"),
        (State::Ok, "github-secret acme/data DATABRICKS_TOKEN holds the current credential"),
        (State::Ok, "github-secret: a workflow that reads it could sign in with GitHub's identity token"),
        (State::Ok, "azure-devops-variable: a pipeline that reads it"),
        (State::Ok, "key-vault: what reads it may have a managed identity"),
        (State::Ok, "databricks-secret: a job that reads it already runs as a principal"),
    ] {
        assert!(says(&steps, state, words), "{words}: {steps:#?}");
    }
    assert!(!says(&steps, State::NotChecked, "github-secret acme/data DATABRICKS_TOKEN may be written"));

    let fresh = Stage::new().from_nothing("lake-reader").federated();
    let steps = doctor(&fresh);
    assert!(
        says(&steps, State::Missing, "`directory` signs in, and finds no such application"),
        "{steps:#?}"
    );
    assert!(says(&steps, State::NotChecked, "may register and change applications"), "{steps:#?}");
    assert!(says(&steps, State::Ok, "github-secret: a workflow"), "{steps:#?}");
}

#[test]
fn a_maximum_lifetime_a_nearly_full_quota_and_an_unwritten_place_are_each_told() {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    let owner = stage.emulator.world(|world| {
        world.workspaces[0].conf.insert("maxTokenLifetimeDays".to_owned(), "100".to_owned());
        world.seeded.client_id.clone()
    });
    for _ in 0..591 {
        let (owner, comment, lifetime_seconds) = (owner.clone(), "by hand".to_owned(), Some(86_400 * 30));
        let seed = Seed::pat(owner, comment, lifetime_seconds);
        stage.emulator.seed(seed).unwrap();
    }
    let stage = stage.target(|target| target["deliver"][0]["secret"] = "ANOTHER".into());
    let steps = doctor(&stage);
    for (state, words) in [
        (State::Ok, "the lifetime of 90d is within the maximum of 100 days"),
        (State::Missing, "has 592 of 600"),
        (State::Missing, "github-secret acme/data ANOTHER holds nothing"),
        (State::NotChecked, "whether github-secret acme/data ANOTHER may be written"),
    ] {
        assert!(says(&steps, state, words), "{words}: {steps:#?}");
    }
}

/// Walks with the safe requests and returns what came of it.
fn fix(stage: &Stage, confirmed: bool) -> Ran {
    Machine::new(stage).ask(&RunRequest { confirmed, ..RunRequest::new(Command::Fix) })
}

/// Returns the requests that a walk offers.
fn offered(ran: &Ran) -> Vec<(Step, String)> {
    let offered = ran.first().steps.iter().filter(|step| step.state == State::Would);
    offered.map(|step| (step.step, step.message.clone())).collect()
}

#[test]
fn the_safe_requests_are_shown_word_for_word_then_sent_and_what_they_bring_is_seen() {
    for (missing, steps) in [
        ("everything", &[Step::ImportPrincipal, Step::GrantTokenPermission][..]),
        ("an entitlement", &[Step::AddEntitlements][..]),
        ("the permission", &[Step::GrantTokenPermission][..]),
    ] {
        let mut stage = Stage::new();
        if missing != "everything" {
            assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
        }
        match missing {
            "the permission" => stage.emulator.world(|world| world.workspaces[0].grants.clear()),
            "an entitlement" => {
                let wanted = json!(["workspace-access", "allow-cluster-create"]);
                stage = stage.target(|target| target["entitlements"] = wanted);
            }
            _ => {}
        }
        let ran = fix(&stage, false);
        let offers = offered(&ran);
        let at: Vec<Step> = offers.iter().map(|(step, _)| *step).collect();
        assert_eq!(at, steps, "{missing}: {}", ran.output);
        assert!(ran.first().confirmation_needed && ran.report.as_ref().unwrap().exit_status() == 1);
        assert_eq!(ran.writes(), Vec::<String>::new(), "{missing}: nothing is sent unasked");

        let ran = fix(&stage, true);
        let sent: Vec<&Sent> =
            ran.sent.iter().filter(|sent| ["POST", "PATCH"].contains(&&*sent.method)).collect();
        for (_, offer) in &offers {
            let (_, request) = offer.split_once(": ").unwrap();
            let line = request.split(" {").next().unwrap();
            let is_it = |sent: &&&Sent| format!("{} {}{}", sent.method, sent.origin, sent.path) == line;
            assert_eq!(sent.iter().filter(is_it).count(), 1, "{missing}: {line}");
        }
        assert_eq!((ran.outcome(), ran.code()), ("ok", None), "{missing}: {}", ran.output);
        let steps = &ran.first().steps;
        assert!(steps.iter().any(|step| step.state == State::Done), "{missing}: {steps:#?}");
        assert!(!ran.first().confirmation_needed);
        assert_eq!(offered(&fix(&stage, false)), [], "{missing}: nothing is left to offer");
    }
}

#[test]
fn what_concerns_more_than_this_principal_in_this_workspace_is_left_to_provisioning() {
    for stage in [Stage::new().from_nothing("lake-reader").federated(), Stage::new().without_tokens()] {
        for confirmed in [false, true] {
            let ran = fix(&stage, confirmed);
            assert_eq!(offered(&ran), [], "{}", ran.output);
            assert_eq!(ran.writes(), Vec::<String>::new(), "{}", ran.output);
        }
    }
}
