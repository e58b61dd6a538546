//! What lakekey signs in with ends too: it is told 30 days before, wherever the end is known.

use lakekey_core::{Command, State};
use lakekey_emulator::{GroupRole, Seed};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use super::sign_in::{certified, stage as signing_in};

const DAY: i64 = 86_400;

/// Returns what the first report says of an end: its key, its day and whether it warns.
fn ends(ran: &Ran) -> Vec<(String, String, bool)> {
    let all = ran.first().sign_in_ends.iter();
    all.map(|end| (end.key.clone(), end.ends.day(), end.warning.is_some())).collect()
}

fn day(stage: &Stage, days: i64) -> String {
    let now = stage.emulator.world(|world| world.now_ms());
    lakekey_core::Timestamp::from_millisecond(now + days * DAY * 1000).unwrap().day()
}

#[test]
fn a_token_of_github_that_ends_within_thirty_days_is_told_by_every_command_that_reaches_github() {
    for (days, warns) in [(20, true), (40, false)] {
        let mut stage = Stage::new();
        let seed =
            Seed::GithubToken { permissions: vec!["secrets".to_owned()], lifetime_seconds: Some(days * DAY) };
        let token = stage.emulator.seed(seed).unwrap()["token"].as_str().unwrap().to_owned();
        stage.environment.0.insert("GITHUB_PAT".to_owned(), token);
        let expected = [("github.token".to_owned(), day(&stage, days), warns)];
        for command in [
            Command::Provision,
            Command::Rotate { force: true },
            Command::Status,
            Command::Doctor,
            Command::Plan,
        ] {
            let ran = Machine::new(&stage).run(command.clone());
            assert_eq!(ends(&ran), expected, "{command:?}: {}", ran.output);
            let warned = ran.output.contains("what github.token refers to ends on");
            assert_eq!(warned, warns, "{command:?}: {}", ran.output);
        }
    }
}

#[test]
fn a_token_of_github_that_never_ends_is_not_told() {
    let stage = Stage::new();
    let _ = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ends(&Machine::new(&stage).run(Command::Status)), []);
}

#[test]
fn a_client_secret_is_found_by_its_first_characters_where_the_directory_may_look() {
    let mut stage = Stage::new().with_directory();
    let client_id = stage.emulator.world(|world| world.seeded.client_id.clone());
    let seed = Seed::ClientSecret { client_id, lifetime_seconds: Some(20 * DAY) };
    let secret = stage.emulator.seed(seed).unwrap()["client-secret"].as_str().unwrap().to_owned();
    stage.environment.0.insert("CLIENT_SECRET".to_owned(), secret);
    let _ = Machine::new(&stage).run(Command::Provision);
    let soon = ("targets[0].auth.client-secret".to_owned(), day(&stage, 20), true);
    let later = ("targets[0].directory.client-secret".to_owned(), day(&stage, 365), false);
    for command in [Command::Status, Command::Doctor] {
        assert_eq!(ends(&Machine::new(&stage).run(command)), [soon.clone(), later.clone()]);
    }
    // What is renewed by lakekey needs no word.
    let renewed = stage.target(|target| {
        target["client-secret"] = json!({"lifetime": "90d", "deliver": [{"type": "github-secret",
            "repository": "acme/data", "secret": "CLIENT_SECRET"}]});
    });
    assert_eq!(ends(&Machine::new(&renewed).run(Command::Doctor)), [later]);
}

#[test]
fn an_oauth_secret_is_told_by_its_end_and_a_certificate_by_its_own() {
    let mut stage =
        signing_in(json!({"type": "oauth-m2m", "client-secret": {"env": "OAUTH"}}), |_, _| Vec::new());
    let application_id = stage.emulator.world(|world| world.seeded.client_id.clone());
    stage.emulator.seed(Seed::principal(application_id.clone())).unwrap();
    let seed = Seed::OauthSecret { application_id, lifetime_seconds: Some(10 * DAY), scopes: Vec::new() };
    let made = stage.emulator.seed(seed).unwrap();
    stage.environment.0.insert("OAUTH".to_owned(), made["secret"].as_str().unwrap().to_owned());
    stage.document["targets"][0]["principal"]["kind"] = json!("databricks");
    stage.document["targets"][0]["principal"].as_object_mut().unwrap().remove("tenant-id");
    let _ = Machine::new(&stage).run(Command::Provision);
    let expected = [("targets[0].auth.client-secret".to_owned(), day(&stage, 10), true)];
    assert_eq!(ends(&Machine::new(&stage).run(Command::Status)), expected);

    let stage = certified(2020..2027, true, false);
    let end: lakekey_core::Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    let left = end.as_second() - stage.emulator.world(|world| world.now_ms()) / 1000;
    stage.emulator.advance(std::time::Duration::from_secs((left - 20 * DAY).unsigned_abs()));
    let _ = Machine::new(&stage).run(Command::Provision);
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!(ends(&ran), [("targets[0].auth.certificate".to_owned(), day(&stage, 20), true)]);
}

#[test]
fn a_pat_of_azure_devops_is_told_by_doctor_with_the_way_that_needs_none() {
    let group = |stage: &Stage, auth: Option<Value>| {
        let group = stage.emulator.world(|world| {
            let client_id = world.seeded.client_id.clone();
            world.azure_devops.principals.insert(client_id, GroupRole::Administrator);
            world.add_variable_group("data", "databricks", &[("REGION", "westeurope", false)])
        });
        let mut place = json!({"type": "azure-devops-variable", "organization": "acme", "project": "data",
            "group": group, "variable": "DATABRICKS_TOKEN"});
        place["auth"] = auth.unwrap_or_default();
        place.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        stage.fork().target(|target| target["deliver"] = json!([place]))
    };
    let advice = |stage: &Stage| {
        let ran = Machine::new(stage).run(Command::Doctor);
        let found = ran.first().steps.iter().find(|step| step.message.contains("1 December 2026"));
        found.map(|step| (step.state, step.hint.clone().unwrap_or_default()))
    };
    let mut stage = Stage::new();
    let token = stage.emulator.world(|world| world.seeded.devops_token.clone());
    stage.environment.0.insert("DEVOPS".to_owned(), token);
    assert_eq!(advice(&group(&stage, None)), None);
    let by_pat = group(&stage, Some(json!({"type": "pat", "token": {"env": "DEVOPS"}})));
    let (state, hint) = advice(&by_pat).unwrap();
    assert_eq!(state, State::Unknown);
    assert!(hint.contains("Organization settings > Users"), "{hint}");
    // One that is refused is told the same.
    let mut refused = by_pat.fork();
    refused.environment.0.insert("DEVOPS".to_owned(), "of-all-organisations".to_owned());
    let ran = Machine::new(&refused).run(Command::Provision);
    let error = ran.first().error.as_ref().unwrap();
    assert!(error.hint().contains("since 1 December 2026"), "{}", error.hint());
    assert!(error.hint().contains("sign-in of a service principal"), "{}", error.hint());
}
