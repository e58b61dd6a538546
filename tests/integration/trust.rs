//! Whom a principal is to trust is asked and not typed: of the job's own token, and else of GitHub.

use lakekey_core::{Command, State};
use lakekey_emulator::{Seed, SubjectForm};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use super::sign_in::{GITHUB, stage as signing_in};

const ROTATE: Command = Command::Rotate { force: true };
const JOB: [&str; 2] = ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];

/// A stage with nothing made yet, whose repository makes subjects in that form and whose workflow runs in the
/// environment `production`.
fn stage(form: SubjectForm, trusts: Value) -> Stage {
    let stage = Stage::new().from_nothing("lake-reader").federated();
    stage.emulator.world(|world| {
        world.github.templates.insert("acme".to_owned(), keys(&["repository_owner_id", "context"]));
        world.oidc.actions.environment = Some("production".to_owned());
        world.set_subject_form("acme/data", form);
    });
    stage.target(|target| target["federated-credential"] = trusts)
}

/// The same, as a person at a terminal finds it: in no job.
fn at_a_terminal(form: SubjectForm, trusts: Value) -> Stage {
    let mut stage = stage(form, trusts);
    JOB.iter().for_each(|name| drop(stage.environment.0.remove(*name)));
    stage
}

fn keys(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn production() -> Value {
    json!({"repository": "acme/data", "environment": "production"})
}

/// Returns what the application of the principal trusts: issuer, and subject or expression.
fn trusted(stage: &Stage) -> Vec<(String, String)> {
    stage.emulator.world(|world| {
        let made = world.directory.applications.iter().find(|it| it.display_name == "lake-reader");
        let all = made.map(|application| application.federated.clone()).unwrap_or_default();
        all.into_iter().map(|it| (it.issuer, it.expression.unwrap_or(it.subject))).collect()
    })
}

fn forms() -> Vec<(SubjectForm, &'static str)> {
    vec![
        (SubjectForm::Names, "repo:acme/data:environment:production"),
        (SubjectForm::Unsaid, "repo:acme/data:environment:production"),
        (SubjectForm::Ids, "repo:acme@1001/data@900000001:environment:production"),
        (
            SubjectForm::Template(keys(&["repository_owner_id", "repository_id", "context"])),
            "repository_owner_id:1001:repository_id:900000001:environment:production",
        ),
        (SubjectForm::Template(keys(&["context", "repo"])), "environment:production:repo:acme/data"),
        // The organisation's own.
        (SubjectForm::Template(Vec::new()), "repository_owner_id:1001:environment:production"),
    ]
}

#[test]
fn from_nothing_to_a_delivered_pat_for_a_repository_of_every_kind() {
    for (form, subject) in forms() {
        let stage = stage(form.clone(), production());
        let planned = Machine::new(&stage).dry_run(Command::Provision);
        assert!(planned.output.contains(&format!("make it trust {subject}")), "{form:?}: {}", planned.output);
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{form:?}: {}", ran.output);
        assert_eq!(trusted(&stage), [(GITHUB.to_owned(), subject.to_owned())], "{form:?}");
        assert!(!ran.output.contains("eyJ"), "an assertion or a token was shown");
        // A second run finds all of it.
        let again = Machine::new(&stage).run(Command::Provision);
        assert_eq!((again.outcome(), again.writes()), ("ok", Vec::new()), "{form:?}: {}", again.output);
    }
}

#[test]
fn at_a_terminal_github_is_asked_and_the_workflow_then_signs_in() {
    for (form, subject) in forms() {
        let mut stage = at_a_terminal(form.clone(), production());
        // Nobody signs in as the workflow here, so that the credential itself is left to the workflow.
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!(ran.code(), Some("oidc-permission-missing"), "{form:?}: {}", ran.output);
        assert_eq!(trusted(&stage), [(GITHUB.to_owned(), subject.to_owned())], "{form:?}");
        assert_eq!(stage.emulator.world(|world| world.oidc.actions.subject()), subject, "{form:?}");
        stage.environment.0.extend(stage.emulator.world(|world| world.actions_environment()));
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{form:?}: {}", ran.output);
    }
}

#[test]
fn branches_tags_and_pull_requests_are_asked_for_too() {
    for (key, value, context) in [
        ("branch", json!("main"), "ref:refs/heads/main"),
        ("tag", json!("v1"), "ref:refs/tags/v1"),
        ("pull-request", json!(true), "pull_request"),
        ("environment", json!("prod:eu"), "environment:prod%3Aeu"),
    ] {
        let trusts = json!({"repository": "acme/data", key: value});
        // The job of another environment tells how its repository's subjects begin.
        for stage in [at_a_terminal(SubjectForm::Ids, trusts.clone()), stage(SubjectForm::Ids, trusts)] {
            let _ = Machine::new(&stage).run(Command::Provision);
            let expected = format!("repo:acme@1001/data@900000001:{context}");
            assert_eq!(trusted(&stage), [(GITHUB.to_owned(), expected)]);
        }
    }
}

#[test]
fn where_github_does_not_say_the_subject_nothing_is_made() {
    let token = |stage: &mut Stage, permissions: &[&str]| {
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        let seed = Seed::GithubToken { permissions, lifetime_seconds: None };
        let token = stage.emulator.seed(seed).unwrap()["token"].as_str().unwrap().to_owned();
        stage.environment.0.insert("GITHUB_PAT".to_owned(), token);
    };
    let unforeseen = SubjectForm::Template(keys(&["repo", "job_workflow_ref"]));
    type Change<'c> = &'c dyn Fn(&mut Stage);
    let cases: [(SubjectForm, Value, Change<'_>, &str, &str); 4] = [
        (
            SubjectForm::Ids,
            production(),
            &|stage| token(stage, &["secrets"]),
            "github-permission-missing",
            "permission Actions: read",
        ),
        (
            SubjectForm::Ids,
            production(),
            &|stage| drop(stage.document.as_object_mut().unwrap().remove("github")),
            "config-missing-key",
            "provision in a workflow of the repository",
        ),
        (
            SubjectForm::Ids,
            json!({"repository": "acme/nowhere", "environment": "production"}),
            &|_| {},
            "github-not-found",
            "",
        ),
        (unforeseen, production(), &|_| {}, "refused", "whose token shows the subject"),
    ];
    for (form, trusts, change, code, hint) in cases {
        let mut stage = at_a_terminal(form, trusts);
        if code == "config-missing-key" {
            // No place of GitHub needs the sign-in either.
            stage.document["targets"][0]["deliver"] = json!([{"type": "databricks-secret",
                "scope": "integrations", "key": "token"}]);
        }
        change(&mut stage);
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!(ran.code(), Some(code), "{}", ran.output);
        assert!(ran.first().error.as_ref().unwrap().hint().contains(hint), "{code}: {}", ran.output);
        assert_eq!(ran.writes(), Vec::<String>::new(), "{code}: {}", ran.output);
    }
}

#[test]
fn the_issuer_of_an_enterprise_is_that_of_the_jobs_own_token() {
    let stage = stage(SubjectForm::Names, production());
    let own = format!("{GITHUB}/acme-enterprise");
    stage.emulator.world(|world| world.oidc.actions.issuer.clone_from(&own));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    assert_eq!(trusted(&stage), [(own, "repo:acme/data:environment:production".to_owned())]);
}

#[test]
fn an_expression_for_github_is_given_the_id_that_it_has_to_compare() {
    let text = "claims['sub'] matches 'repo:acme/data:environment:*'";
    let any = "claims['sub'] matches 'repo:acme/*'";
    let own = "claims['sub'] matches 'repo:*' and claims['repository_owner_id'] eq '1001'";
    for (trusts, in_job, expected) in [
        (
            json!({"claims-matching-expression": text}),
            true,
            format!("{text} and claims['repository_id'] eq '900000001'"),
        ),
        (
            json!({"claims-matching-expression": text}),
            false,
            format!("{text} and claims['repository_id'] eq '900000001'"),
        ),
        (
            json!({"claims-matching-expression": any}),
            false,
            format!("{any} and claims['repository_owner_id'] eq '1001'"),
        ),
        (json!({"claims-matching-expression": own}), false, own.to_owned()),
        (
            json!({"claims-matching-expression": "claims['sub'] matches '*:production'", "repository": "acme/data"}),
            false,
            "claims['sub'] matches '*:production' and claims['repository_id'] eq '900000001'".to_owned(),
        ),
    ] {
        let set = if in_job { stage } else { at_a_terminal };
        let mut stage = set(SubjectForm::Names, trusts.clone());
        let _ = Machine::new(&stage).run(Command::Provision);
        assert_eq!(trusted(&stage), [(GITHUB.to_owned(), expected)], "{trusts}");
        stage.environment.0.extend(stage.emulator.world(|world| world.actions_environment()));
        let ran = Machine::new(&stage).run(ROTATE);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{trusts}: {}", ran.output);
        let again = Machine::new(&stage).run(Command::Provision);
        assert_eq!((again.outcome(), again.writes()), ("ok", Vec::new()), "{}", again.output);
    }
    let unsaid = json!({"claims-matching-expression": "claims['sub'] matches '*:production'"});
    let ran = Machine::new(&at_a_terminal(SubjectForm::Names, unsaid)).run(Command::Provision);
    assert_eq!(ran.code(), Some("config-invalid-value"), "{}", ran.output);
    assert!(ran.writes().is_empty(), "{}", ran.output);
}

#[test]
fn what_another_run_has_registered_meanwhile_under_another_name_is_found() {
    // Looked for by name, it is not there; issuer and subject are: Graph refuses with 400, and with 409 for a
    // name.
    let stage = stage(
        SubjectForm::Names,
        json!({"repository": "acme/data", "environment": "production",
        "name": "by-lakekey"}),
    );
    let _ = Machine::new(&stage).run(Command::Provision);
    stage.emulator.world(|world| {
        for application in &mut world.directory.applications {
            application.federated.iter_mut().for_each(|it| it.name = "by-hand".to_owned());
        }
    });
    let again = Machine::new(&stage).run(Command::Provision);
    assert_eq!((again.outcome(), again.writes()), ("ok", Vec::new()), "{}", again.output);
}

/// A stage whose principal signs in as a workflow that its application does not trust: it trusts that
/// subject.
fn untrusted(ids: bool, registered: &str) -> Stage {
    let mut stage = signing_in(json!({"type": "github-oidc-azure"}), |world, client| {
        world.oidc.actions.ids_in_subject = ids;
        assert!(world.add_federated_credential(client, "by-hand", GITHUB, registered));
        let mut variables = world.actions_environment();
        variables.push(("DIRECTORY_SECRET".to_owned(), world.seeded.directory_client_secret.clone()));
        variables
    });
    let application_id = stage.emulator.world(|world| world.seeded.client_id.clone());
    stage.emulator.seed(Seed::principal(application_id)).unwrap();
    stage.document["targets"][0]["federated-credential"] =
        json!({"repository": "acme/data", "branch": "main"});
    stage
}

#[test]
fn a_subject_that_is_not_registered_is_told_with_the_one_that_is_and_the_ways_out() {
    for (ids, registered, words) in [
        (true, "repo:acme/data:ref:refs/heads/main", "without the ids that this repository sends"),
        (false, "repo:acme@1001/data@900000001:ref:refs/heads/main", "opt in: `gh api --method PUT"),
        (true, "repo:acme@1001/data@7:ref:refs/heads/main", "ids of another repository of that name"),
        (false, "repo:acme/data:environment:production", "run as environment:production"),
        (false, "repo:acme/other:ref:refs/heads/main", "register \"repo:acme/data:ref:refs/heads/main\" too"),
    ] {
        let stage = untrusted(ids, registered);
        // With nobody who may look, the hint is of what was sent.
        let alone = Machine::new(&stage).run(ROTATE);
        let hint = alone.first().error.as_ref().unwrap().hint().to_owned();
        assert_eq!(alone.code(), Some("federated-credential-mismatch"), "{}", alone.output);
        assert!(hint.contains(if ids { "with ids" } else { "without ids" }), "{hint}");
        let stage = stage.with_directory();
        let told = Machine::new(&stage).run(ROTATE);
        let hint = told.first().error.as_ref().unwrap().hint().to_owned();
        assert!(hint.contains(words), "{registered}: {hint}");
        let ran: Ran = Machine::new(&stage).run(Command::Doctor);
        let compared = ran.first().steps.iter().find(|step| step.message.contains("does not trust")).unwrap();
        assert_eq!(compared.state, State::Missing);
        let hint = compared.hint.clone().unwrap();
        let other = registered.contains("other");
        assert!(hint.contains(if other { "registers it" } else { words }), "{registered}: {hint}");
        // And provisioning puts it right.
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
        let ran = Machine::new(&stage).run(Command::Doctor);
        assert!(ran.output.contains("the application trusts what is sent"), "{}", ran.output);
    }
}

#[test]
fn an_application_that_trusts_nobody_is_told_so() {
    let stage = untrusted(false, "repo:acme/data:pull_request").with_directory();
    stage.emulator.world(|world| {
        world.directory.applications.iter_mut().for_each(|application| application.federated.clear());
    });
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.code(), Some("federated-credential-mismatch"), "{}", ran.output);
    let hint = ran.first().error.as_ref().unwrap().hint();
    assert!(hint.contains("trusts nobody yet"), "{hint}");
}
