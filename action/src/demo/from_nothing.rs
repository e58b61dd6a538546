//! From an empty tenant and workspace to a delivered PAT, with no secret of a principal anywhere: for an
//! application of Entra ID, and for a principal that Databricks manages.

use std::rc::Rc;

use lakekey_core::{Command, Config, Error, Outcome, Report, Secret, StepReport};
use lakekey_emulator::Seed;
use serde_json::{Value, json};

use super::expectation::{Broken, expect, id_of};
use super::stage::Stage;
use crate::console::Console;
use crate::layout::wrapped;
use crate::report_text as text;

/// The name of the principal that is managed in Entra ID.
const REGISTERED: &str = "catalog-new";

/// The name of the principal that Databricks manages.
const MANAGED: &str = "reports-reader";

/// Tells both stories.
pub(super) async fn tell(console: &Rc<Console>) -> Result<(), Broken> {
    let mut stage = Stage::raise(console).await?;
    let job = cast(&mut stage)?;
    stage.tell(
        "lakekey in a GitHub Actions job, against an emulated Entra ID, Databricks workspace and GitHub, \
         all on this machine.",
    );
    stage.tell(&format!("The job proves who it is by its identity token, whose subject is {}.", job.subject));
    stage.tell(
        "The job that provisions holds no secret, nor will the principal; only GitHub wants a token to \
         write its secret with.",
    );

    let config = of_entra(&stage, &job, None)?;
    stage.chapter(1, "Entra ID: no application, no principal, no permission, no secret.", "plan");
    let report = stage.run(&config, Command::Plan).await?;
    stage.say(&would(&report));
    stage.chapter(2, "Provision all of it, and deliver a first PAT.", "provision");
    let report = stage.run(&config, Command::Provision).await?;
    expect(&report, Outcome::Provisioned)?;
    works(&stage, &report).await;
    stage.chapter(3, "Once more: everything stands, so nothing is written.", "provision");
    expect(&stage.run(&config, Command::Provision).await?, Outcome::Ok)?;

    let config = of_databricks(&stage, &job, None)?;
    stage.chapter(
        4,
        "The same for a principal that lives in Databricks alone: it trusts the job by a federation policy.",
        "provision",
    );
    let report = stage.run(&config, Command::Provision).await?;
    expect(&report, Outcome::Provisioned)?;
    works(&stage, &report).await;
    let managed = application_id(&stage, MANAGED);
    stage.chapter(5, "Once more: the policy stands too, so nothing is written.", "provision");
    expect(&stage.run(&config, Command::Provision).await?, Outcome::Ok)?;

    stage.chapter(
        6,
        "Two months later. Both principals have a client-id now, which stands in lakekey.yml.",
        "rotate",
    );
    stage.pass_days(62);
    let registered = application_id(&stage, REGISTERED);
    for config in [of_entra(&stage, &job, Some(&registered))?, of_databricks(&stage, &job, Some(&managed))?] {
        let report = stage.run(&config, Command::Rotate { force: false }).await?;
        expect(&report, Outcome::Rotated)?;
        works(&stage, &report).await;
    }
    Ok(())
}

/// Describes the job and who provisions in it.
struct Job {
    subject: String,
    operator: String,
    resource_id: String,
}

/// Puts in what must be there before: a job, and an operator that trusts it, may register applications,
/// administers the workspace's resource in Azure and is an admin of the Databricks account.
fn cast(stage: &mut Stage<'_>) -> Result<Job, Broken> {
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let emulator = stage.emulator().clone();
    let put = |seed: Seed| emulator.seed(seed).map_err(|reason| Broken::Stage(std::io::Error::other(reason)));
    let job = put(Seed::ActionsJob {
        event: None,
        environment: Some("production".to_owned()),
        ids_in_subject: false,
        without_permission: false,
    })?;
    let subject = text(&job, "subject");
    let operator =
        text(&put(Seed::Application { display_name: "operator".to_owned(), tags: Vec::new() })?, "client-id");
    put(Seed::FederatedCredential { client_id: operator.clone(), subject: subject.clone(), issuer: None })?;
    put(Seed::GraphRole { client_id: operator.clone(), role: "Application.ReadWrite.OwnedBy".to_owned() })?;
    let role =
        put(Seed::AzureRole { client_id: operator.clone(), workspace: 0, role: "Contributor".to_owned() })?;
    put(Seed::AccountAdmin { name: operator.clone() })?;
    put(Seed::NoTokenYet { workspace: 0 })?;
    for (name, value) in job.get("env").and_then(Value::as_object).into_iter().flatten() {
        stage.give(name, Secret::new(value.as_str().unwrap_or_default()));
    }
    Ok(Job { subject, operator, resource_id: text(&role, "resource-id") })
}

/// Makes the configuration of a target, with the emulator's addresses.
fn config(stage: &Stage<'_>, target: &Value) -> Result<Config, Error> {
    let ready = stage.ready();
    let other = |name: &str| ready.others.get(name).cloned().unwrap_or_default();
    let document = json!({
        "version": 1,
        "endpoints": {
            "login": ready.login,
            "graph": ready.graph,
            "github": ready.github,
            "management": other("management"),
            "accounts": other("accounts"),
        },
        "github": {"type": "token", "token": {"env": "LAKEKEY_GITHUB_TOKEN"}},
        "targets": [target],
    });
    Config::from_value(document, stage)
}

fn workspace(stage: &Stage<'_>) -> String {
    stage.ready().workspaces.first().cloned().unwrap_or_default()
}

fn of_entra(stage: &Stage<'_>, job: &Job, client_id: Option<&str>) -> Result<Config, Error> {
    let operator =
        json!({"type": "github-oidc-azure", "client-id": job.operator, "azure-resource-id": job.resource_id});
    let registrar = json!({"type": "github-oidc-azure", "client-id": job.operator});
    config(
        stage,
        &json!({
            "name": REGISTERED,
            "workspace": workspace(stage),
            "principal": {"display-name": REGISTERED, "client-id": client_id},
            "auth": {"type": "github-oidc-azure"},
            "federated-credential": {"repository": "acme/data", "environment": "production"},
            "admin": operator,
            "directory": registrar,
            "entitlements": ["workspace-access", "databricks-sql-access"],
            "deliver": [{"type": "github-secret", "repository": "acme/data", "environment": "production",
                "secret": "CATALOG_TOKEN"}],
        }),
    )
}

fn of_databricks(stage: &Stage<'_>, job: &Job, client_id: Option<&str>) -> Result<Config, Error> {
    let admin =
        json!({"type": "github-oidc-azure", "client-id": job.operator, "azure-resource-id": job.resource_id});
    config(
        stage,
        &json!({
            "name": MANAGED,
            "workspace": workspace(stage),
            "principal": {"kind": "databricks", "display-name": MANAGED, "client-id": client_id},
            "auth": {"type": "github-oidc"},
            "federated-credential": {"repository": "acme/data", "environment": "production"},
            "admin": admin,
            "deliver": [{"type": "github-secret", "repository": "acme/data", "environment": "production",
                "secret": "REPORTS_TOKEN"}],
        }),
    )
}

/// Returns the application id of the principal of that name.
fn application_id(stage: &Stage<'_>, name: &str) -> String {
    stage.emulator().world(|world| {
        let mut members = world.workspaces.iter().flat_map(|workspace| &workspace.members);
        members
            .find(|member| member.display_name == name)
            .map(|member| member.name.clone())
            .unwrap_or_default()
    })
}

/// Lists what a plan would do.
fn would(report: &Report) -> String {
    let steps = report.targets.iter().flat_map(|target| &target.steps);
    let line = |step: &StepReport| {
        let head = format!("     {} {:26} ", text::symbol(step).0, step.step.as_str());
        format!("{head}{}", wrapped(&step.message, head.chars().count(), 80))
    };
    steps.map(line).collect::<Vec<_>>().join("\n")
}

/// Tries the PAT in use and says whether it works.
async fn works(stage: &Stage<'_>, report: &Report) {
    let id = id_of(report);
    stage.say(&format!("   PAT {} {}", text::short(&id), stage.try_out(&workspace(stage), &id).await));
}
