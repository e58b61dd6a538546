//! The commands: sign in, observe, plan, carry out, report.

mod application;
mod doctor;
mod matrix;
mod observe;
mod plan;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on shall fail"
)]
mod plan_model;
mod preflight;
mod provision;
mod report;
mod revoke;
mod rotate;
mod status;

use futures_util::StreamExt;
use futures_util::stream::iter;

pub use matrix::matrix;
pub use observe::{Known, Observed, SinkSeen, Standing};
pub use plan::{LEASE, Plan, Reason, due, jitter, plan, superseded};

use crate::config::{Config, Credentials, Target};
use crate::context::{Context, Session};
use crate::credential::{ClientSecretStore, CredentialKind, OauthSecretStore, PatStore, Store};
use crate::error::{Code, Error};
use crate::platform::Host;
use crate::report::{Outcome, Report, TargetReport};
use crate::sink::Sink;

/// Names a command of the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes the principal able to use PATs, from nothing, and delivers a first credential.
    Provision,
    /// Renews what is due.
    Rotate {
        /// Renews what is not due too.
        force: bool,
    },
    /// Shows every managed credential.
    Status,
    /// Walks the procedure read-only.
    Doctor,
    /// Shows what `provision` and `rotate` would do.
    Plan,
    /// Takes credentials back.
    Revoke(Revocation),
}

impl Command {
    /// Returns the command's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Rotate { .. } => "rotate",
            Self::Status => "status",
            Self::Doctor => "doctor",
            Self::Plan => "plan",
            Self::Revoke(_) => "revoke",
        }
    }
}

/// Says which credentials are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Those that a newer, delivered one has superseded.
    Superseded,
    /// Every managed one, the one in use included, and those of this principal that bear no mark of another
    /// target.
    All,
    /// The one with this id, whoever made it.
    Id(String),
}

/// Describes a run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The command.
    pub command: Command,
    /// The names of the targets to serve; all if empty.
    pub targets: Vec<String>,
    /// Whether nothing is changed and the report says what would be done.
    pub dry_run: bool,
}

impl RunRequest {
    /// Returns whether the run may deliver a credential.
    #[must_use]
    pub const fn writes(&self) -> bool {
        matches!(self.command, Command::Provision | Command::Rotate { .. }) && !self.dry_run
    }
}

/// Chooses the targets of those names, all if none is named.
///
/// # Errors
/// `config-unknown-target` for a name that is not configured.
pub fn select<'a>(config: &'a Config, names: &[String]) -> Result<Vec<&'a Target>, Error> {
    if let Some(unknown) = names.iter().find(|name| !config.targets.iter().any(|t| t.name == **name)) {
        let known: Vec<&str> = config.targets.iter().map(|t| t.name.as_str()).collect();
        return Err(Error::config(
            Code::ConfigUnknownTarget,
            "--target",
            format!("no target is named \"{unknown}\"; the configured ones are {}", known.join(", ")),
        ));
    }
    Ok(config.targets.iter().filter(|t| names.is_empty() || names.contains(&t.name)).collect())
}

/// Runs a command over the targets and reports on each.
///
/// A target that fails is in the report, and the others are served.
///
/// # Errors
/// A configuration error that was found before anything was sent.
pub async fn run(host: Host<'_>, config: &Config, request: &RunRequest) -> Result<Report, Error> {
    let targets = select(config, &request.targets)?;
    preflight::preflight(config, &targets, &request.command, host.environment)?;
    let session = Session::new(host, config);
    let started = host.clock.now();
    let served = targets.into_iter().map(|target| serve(&session, target, request));
    let reports: Vec<Vec<TargetReport>> = iter(served).buffered(config.concurrency).collect().await;
    Ok(Report {
        version: 1,
        command: request.command.name(),
        started,
        finished: host.clock.now(),
        targets: reports.into_iter().flatten().collect(),
    })
}

/// Serves one target: every kind of credential that it cares for, in turn.
async fn serve(session: &Session<'_>, target: &Target, request: &RunRequest) -> Vec<TargetReport> {
    match &request.command {
        Command::Provision => provision::provision(session, target, request.dry_run).await,
        Command::Doctor => vec![doctor::doctor(session, target).await],
        Command::Rotate { force } if !request.dry_run => {
            each(session, target, Outcome::Rotated, async |job, report| job.rotate(*force, report).await)
                .await
        }
        Command::Rotate { force } => {
            each(session, target, Outcome::Ok, async |job, report| status::would(job, *force, report).await)
                .await
        }
        Command::Plan => {
            if target.admin.is_some() {
                let mut reports = provision::provision(session, target, true).await;
                for report in &mut reports {
                    status::as_plan(report);
                }
                return reports;
            }
            each(session, target, Outcome::Ok, async |job, report| status::would(job, false, report).await)
                .await
        }
        Command::Status => {
            each(session, target, Outcome::Ok, async |job, report| status::status(job, report).await).await
        }
        Command::Revoke(what) => {
            each(session, target, Outcome::Revoked, async |job, report| {
                revoke::revoke(job, what, request.dry_run, report).await
            })
            .await
        }
    }
}

/// Does the same for every kind of credential of a target.
async fn each<F>(session: &Session<'_>, target: &Target, outcome: Outcome, act: F) -> Vec<TargetReport>
where
    F: AsyncFn(&rotate::Job<'_>, &mut TargetReport) -> Result<(), Error>,
{
    let mut reports = Vec::with_capacity(target.credentials.len());
    // The PAT first: it is made with the secret that is then renewed.
    for credentials in target.credentials.iter().rev() {
        let context = Context::new(session, target);
        reports.push(on_credentials(&context, credentials, outcome, &act).await);
    }
    reports
}

/// Does something for one kind of credential and turns its end into a report.
async fn on_credentials<F>(
    context: &Context<'_>,
    credentials: &Credentials,
    outcome: Outcome,
    act: &F,
) -> TargetReport
where
    F: AsyncFn(&rotate::Job<'_>, &mut TargetReport) -> Result<(), Error>,
{
    let mut report = TargetReport::new(&context.target.name, outcome);
    let result = async {
        let store = store(credentials.kind);
        context.set_ledger(store.clock(context));
        let sinks = sinks(context, credentials)?;
        let job = rotate::Job {
            context,
            store: &*store,
            credentials,
            sinks: &sinks,
            jitter: plan::jitter(&context.target.name, context.target.workspace.as_str()),
        };
        act(&job, &mut report).await
    }
    .await;
    finish(context, &mut report, result);
    report
}

/// Enters how it ended.
fn finish(context: &Context<'_>, report: &mut TargetReport, result: Result<(), Error>) {
    report.requests = context.requests();
    if let Err(error) = result {
        context.failed(&error);
        if report.outcome != Outcome::Partial {
            report.outcome = Outcome::Failed;
        }
        report.error = Some(error);
    }
}

fn store(kind: CredentialKind) -> Box<dyn Store> {
    match kind {
        CredentialKind::Pat => Box::new(PatStore),
        CredentialKind::ClientSecret => Box::new(ClientSecretStore::default()),
        CredentialKind::OauthSecret => Box::new(OauthSecretStore::default()),
    }
}

fn sinks(context: &Context<'_>, credentials: &Credentials) -> Result<Vec<Box<dyn Sink>>, Error> {
    credentials
        .deliver
        .iter()
        .enumerate()
        .map(|(index, sink)| {
            crate::sink::build(context, sink, &format!("{}[{index}]", credentials.deliver_path))
        })
        .collect()
}
