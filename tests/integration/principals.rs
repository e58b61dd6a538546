//! From nothing: both kinds of principal, with a secret and without, and the secrets' own rotation.

use std::time::Duration;

use lakekey_core::{Command, State};
use lakekey_emulator::{
    Fault, FaultKind, GraphLag, LagShape, Member, MemberKind, Service, Spread, SpreadKind,
};
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };
pub(crate) const NAME: &str = "lake-reader";

/// Sets a stage on which the principal does not exist anywhere.
fn nothing(change: impl FnOnce(&mut Value)) -> Stage {
    Stage::new().from_nothing(NAME).target(change)
}

/// Sets a stage on which an application is registered that trusts the job of a workflow.
pub(crate) fn federated() -> Stage {
    nothing(|_| ()).federated()
}

/// Sets a stage on which an application with a client secret is made, which is delivered like the PAT.
pub(crate) fn with_client_secret() -> Stage {
    nothing(|target| {
        target["auth"] = json!({"type": "azure-client-secret", "client-secret": {"env": "NOT_THERE_YET"}});
        target["client-secret"] = json!({
            "lifetime": "180d", "description": "data catalogue",
            "deliver": [{"type": "github-secret", "repository": "acme/data",
                "secret": "CATALOG_CLIENT_SECRET"}],
        });
    })
}

/// Sets a stage on which a Databricks-managed principal is made, with an OAuth secret.
pub(crate) fn databricks() -> Stage {
    Stage::new().target(|target| {
        target["principal"] = json!({"kind": "databricks", "display-name": NAME});
        target["auth"] = json!({"type": "oauth-m2m", "client-secret": {"env": "NOT_THERE_YET"}});
        target["oauth-secret"] = json!({
            "lifetime": "180d", "adopt": "all",
            "deliver": [{"type": "github-secret", "repository": "acme/data",
                "secret": "CATALOG_OAUTH_SECRET"}],
        });
    })
}

pub(crate) fn applications(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        world
            .directory
            .applications
            .iter()
            .filter(|a| a.display_name == NAME)
            .map(|a| a.app_id.clone())
            .collect()
    })
}

/// Returns the client secrets of the application.
pub(crate) fn client_secrets(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let own = world.directory.applications.iter().filter(|a| a.display_name == NAME);
        own.flat_map(|a| &a.secrets).map(|s| s.value.clone()).collect()
    })
}

pub(crate) fn oauth_secrets(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        world.account.principals.iter().flat_map(|p| &p.secrets).map(|s| s.value.clone()).collect()
    })
}

pub(crate) fn delivered(stage: &Stage, secret: &str) -> Option<String> {
    stage.emulator.world(|world| {
        invariants::sinks(world).into_iter().find(|(sink, _)| sink.ends_with(secret)).map(|(_, value)| value)
    })
}

/// What the delivery of the first run put into the environment of the next, as a workflow would find it.
pub(crate) fn with_delivered(mut stage: Stage, secret: &str) -> Stage {
    let value = delivered(&stage, secret).expect("the secret was delivered");
    stage.environment.0.insert("NOT_THERE_YET".to_owned(), value);
    let application = applications(&stage).pop();
    let principal = application.or_else(|| {
        stage.emulator.world(|world| {
            world.workspaces[0].members.iter().find(|m| m.display_name == NAME).map(|m| m.name.clone())
        })
    });
    stage.target(|target| target["principal"]["client-id"] = json!(principal))
}

pub(crate) fn own_pats(stage: &Stage) -> usize {
    stage
        .emulator
        .world(|world| world.workspaces[0].tokens.iter().filter(|t| t.comment.contains("[lakekey ")).count())
}

#[test]
fn an_entra_principal_is_made_from_nothing_with_no_secret_anywhere() {
    let stage = federated();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    assert_eq!(applications(&stage).len(), 1);
    assert_eq!(client_secrets(&stage), Vec::<String>::new());
    invariants::converged(&stage.emulator, 1, "federated");
    invariants::silent(&stage.emulator, &ran, "federated");
    let audience = stage.emulator.world(|world| {
        world
            .directory
            .applications
            .iter()
            .find(|a| a.display_name == NAME)
            .map(|a| a.sign_in_audience.clone())
    });
    assert_eq!(audience.as_deref(), Some("AzureADMyOrg"), "single tenant");
    // What to write into the configuration.
    assert_eq!(ran.first().client_id.as_deref(), applications(&stage).first().map(String::as_str));
    let mark = stage.emulator.world(|world| world.directory.applications.last().unwrap().tags.clone());
    assert_eq!(mark, ["lakekey"]);
    // By its name alone it is found again.
    stage.emulator.advance(DAY);
    let again = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!((again.outcome(), again.code()), ("rotated", None), "{}", again.output);
}

#[test]
fn provisioning_from_nothing_twice_makes_one_application_and_writes_nothing_the_second_time() {
    let stage = federated();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    let second = Machine::new(&stage).run(Command::Provision);
    assert_eq!(second.outcome(), "ok", "{}", second.output);
    assert_eq!(second.writes(), Vec::<String>::new());
    assert_eq!(applications(&stage).len(), 1);
}

#[test]
fn a_dry_run_from_nothing_says_every_step_and_makes_none() {
    let stage = federated();
    let ran = Machine::new(&stage).dry_run(Command::Provision);
    let steps: Vec<&str> = ran.first().steps.iter().map(|s| s.step.as_str()).collect();
    assert_eq!(
        steps,
        [
            "make-application",
            "make-service-principal",
            "make-federated-credential",
            "import-principal",
            "grant-token-permission",
            "create-token",
            "verify-token",
            "deliver",
            "mark-active"
        ]
    );
    assert!(ran.first().steps.iter().all(|step| step.state == State::Would));
    assert_eq!(ran.writes(), Vec::<String>::new());
    assert!(applications(&stage).is_empty());
}

#[test]
fn an_application_is_made_in_spite_of_every_shape_of_graphs_lag() {
    for shape in [
        LagShape::NotFound,
        LagShape::NoApplication,
        LagShape::MisleadingForbidden,
        LagShape::ConcurrencyViolation,
    ] {
        let stage = federated();
        stage.emulator.world(|world| {
            world.graph.replicas.set(GraphLag { reads: 3, shapes: vec![shape], ..GraphLag::default() })
        });
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{shape:?}: {}", ran.output);
        assert_eq!(applications(&stage).len(), 1, "{shape:?}");
    }
}

#[test]
fn what_was_made_moments_ago_is_waited_for_longer_than_one_request_is() {
    for kind in [SpreadKind::FederatedCredential, SpreadKind::Application, SpreadKind::ServicePrincipal] {
        let stage = federated();
        stage.emulator.world(|world| world.spread.set(kind, Spread { ms: 90_000, ..Spread::default() }));
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{kind:?}: {}", ran.output);
        invariants::converged(&stage.emulator, 1, "a minute and a half");
    }
}

#[test]
fn an_oauth_secret_that_is_refused_without_a_word_at_first_is_waited_for() {
    let stage = databricks();
    let mut fault =
        Fault::every(FaultKind::Status { status: 400, body: "".into(), headers: [].into() }).at(1);
    (fault.service, fault.path_contains) = (Some(Service::Databricks), Some("/oidc/v1/token".to_owned()));
    fault.hits = Some(5);
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(
        ran.report.as_ref().unwrap().targets.iter().all(|target| target.error.is_none()),
        "{}",
        ran.output
    );
}

#[test]
fn a_principal_of_the_workspace_that_bears_the_name_already_is_left_alone() {
    let stage = federated();
    let stale = stage.emulator.world(|world| {
        let stale = world.register_application("somebody else");
        world.workspaces[0].members.push(Member {
            id: 4711,
            name: stale.clone(),
            kind: MemberKind::ServicePrincipal,
            display_name: NAME.to_owned(),
            active: true,
            entitlements: Vec::new(),
            groups: Vec::new(),
            external_id: None,
        });
        stale
    });
    let before = stage.emulator.world(|world| format!("{:?}", world.workspaces[0].members));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    let (own, after) =
        (applications(&stage), stage.emulator.world(|world| format!("{:?}", world.workspaces[0].members)));
    assert!(own.len() == 1 && own[0] != stale);
    assert!(after.starts_with(before.trim_end_matches(']')), "the other one stays as it was");
}

#[test]
fn a_run_that_is_asked_to_stop_while_graph_is_waited_for_says_that_it_stopped() {
    for shape in [LagShape::NotFound, LagShape::MisleadingForbidden] {
        let stage = federated();
        stage.emulator.world(|world| {
            world.graph.replicas.set(GraphLag { reads: 9, shapes: vec![shape], ..GraphLag::default() })
        });
        let alone = Machine::new(&stage.fork()).run(Command::Provision).sent.len();
        for requests in 0..alone.min(30) {
            let stage = stage.fork();
            let ran = Machine::new(&stage).stopped_after(requests).run(Command::Provision);
            assert!(matches!(ran.code(), None | Some("cancelled")), "{shape:?} {requests}: {}", ran.output);
        }
    }
}

#[test]
fn a_dry_run_with_steps_to_do_does_not_fail_for_what_they_bring() {
    let stage = federated();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.outcome(), "provisioned");
    // The federated credential is gone, so that the principal cannot sign in until it is made again.
    stage.emulator.world(|world| {
        for application in &mut world.directory.applications {
            application.federated.clear();
        }
    });
    let ran = Machine::new(&stage).dry_run(Command::Provision);
    assert_eq!(ran.code(), None, "{}", ran.output);
    assert_eq!(ran.first().steps[0].step.as_str(), "make-federated-credential");
    assert_eq!(ran.writes(), Vec::<String>::new());
}

#[test]
fn a_directory_without_permission_in_graph_is_told_which_one_it_lacks() {
    let stage = federated();
    stage.emulator.world(|world| {
        let writer = world.seeded.directory_client_id.clone();
        let own = world
            .directory
            .service_principals
            .iter_mut()
            .find(|principal| principal.app_id == writer)
            .unwrap();
        own.graph_roles = vec!["Application.Read.All".to_owned()];
    });
    let ran = Machine::new(&stage).run(Command::Provision);
    let error = ran.first().error.clone().unwrap();
    assert_eq!(error.code().as_str(), "graph-permission-missing");
    assert!(error.hint().contains("Application.ReadWrite.OwnedBy"), "{}", error.hint());
    assert!(applications(&stage).is_empty());
}

#[test]
fn a_name_that_several_applications_bear_is_refused_with_their_ids() {
    let stage = federated();
    let ids =
        stage.emulator.world(|world| [world.register_application(NAME), world.register_application(NAME)]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("application-ambiguous"));
    let message = ran.first().error.as_ref().unwrap().message().to_owned();
    assert!(ids.iter().all(|id| message.contains(id.as_str())), "{message}");
}

#[test]
fn a_client_secret_is_made_delivered_and_used_to_mint_the_first_pat() {
    let stage = with_client_secret();
    let ran = Machine::new(&stage).run(Command::Provision);
    let report = ran.report.as_ref().unwrap();
    assert_eq!(
        report.targets.iter().map(|t| t.outcome.as_str()).collect::<Vec<_>>(),
        ["provisioned", "provisioned"],
        "{}",
        ran.output
    );
    assert_eq!(client_secrets(&stage), [delivered(&stage, "CATALOG_CLIENT_SECRET").unwrap()]);
    assert_eq!(own_pats(&stage), 1);
    invariants::silent(&stage.emulator, &ran, "client secret");
}

#[test]
fn a_client_secret_that_nobody_would_keep_is_not_made() {
    let stage =
        with_client_secret().target(|target| drop(target.as_object_mut().unwrap().remove("client-secret")));
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("client-secret-undelivered"));
    assert!(applications(&stage).is_empty());
}

#[test]
fn a_client_secret_that_is_due_is_rotated_as_the_pat_is() {
    let stage = with_client_secret();
    let _ = Machine::new(&stage).run(Command::Provision);
    let old = client_secrets(&stage);
    let stage = with_delivered(stage, "CATALOG_CLIENT_SECRET");
    stage.emulator.advance(DAY);
    let ran = Machine::new(&stage).run(ROTATE);
    let outcomes: Vec<&str> =
        ran.report.as_ref().unwrap().targets.iter().map(|t| t.outcome.as_str()).collect();
    assert_eq!(outcomes, ["not-due", "not-due"], "{}", ran.output);
    stage.emulator.advance(DAY * 130);
    let ran = Machine::new(&stage).watched(invariants::never_without("client secret")).run(ROTATE);
    let outcomes: Vec<&str> =
        ran.report.as_ref().unwrap().targets.iter().map(|t| t.outcome.as_str()).collect();
    assert_eq!(outcomes, ["rotated", "rotated"], "{}", ran.output);
    let new = client_secrets(&stage);
    assert_eq!(new, [delivered(&stage, "CATALOG_CLIENT_SECRET").unwrap()]);
    assert_ne!(new, old);
}

#[test]
fn a_databricks_managed_principal_is_made_from_nothing() {
    let stage = databricks();
    let ran = Machine::new(&stage).run(Command::Provision);
    let report = ran.report.as_ref().unwrap();
    assert_eq!(
        report.targets.iter().map(|t| t.outcome.as_str()).collect::<Vec<_>>(),
        ["provisioned", "provisioned"],
        "{}",
        ran.output
    );
    assert_eq!(oauth_secrets(&stage), [delivered(&stage, "CATALOG_OAUTH_SECRET").unwrap()]);
    assert_eq!(own_pats(&stage), 1);
    let stage = with_delivered(stage, "CATALOG_OAUTH_SECRET");
    stage.emulator.advance(DAY);
    let second = Machine::new(&stage).run(Command::Provision);
    assert_eq!(second.writes(), Vec::<String>::new(), "{}", second.output);
}

#[test]
fn an_oauth_secret_that_is_due_is_rotated_as_the_pat_is() {
    let stage = databricks();
    let _ = Machine::new(&stage).run(Command::Provision);
    let old = oauth_secrets(&stage);
    let stage = with_delivered(stage, "CATALOG_OAUTH_SECRET");
    stage.emulator.advance(DAY * 125);
    let ran = Machine::new(&stage).watched(invariants::never_without("oauth secret")).run(ROTATE);
    assert!(
        ran.report.as_ref().unwrap().targets.iter().all(|t| t.outcome.as_str() == "rotated"),
        "{}",
        ran.output
    );
    assert_eq!(oauth_secrets(&stage), [delivered(&stage, "CATALOG_OAUTH_SECRET").unwrap()]);
    assert_ne!(oauth_secrets(&stage), old);
}

#[test]
fn a_principal_with_an_azure_role_on_the_workspace_provisions_without_a_workspace_admin() {
    let stage = Stage::new().administered_by_azure_role();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "azure role");
}
