//! A run: every target that was asked for, served at once with others, and a report on each.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::iter;

use super::command::{Command, Revocation, RunRequest, select};
use super::job::Job;
use super::report::{Outcome, Report, TargetReport};
use super::resolve::{Config, Target};
use super::revoke::Mode;
use super::shared::{Run, finish};
use super::{checks, doctor, fix, notices, provision, revoke, show, sign_in_ends};
use crate::auth::{Access, Session};
use crate::host::{Event, Host, Phase};
use crate::model::{Error, Origin, Step};
use crate::sink::Adapters;

/// Runs a command over the targets and reports on each.
///
/// `adapters` gives what only this host has; a host that has nothing of its own passes [`crate::NoAdapters`].
/// A target that fails is in the report, and the others are served.
///
/// # Errors
/// A configuration error that was found before anything was sent.
pub async fn run(
    host: Host<'_>,
    adapters: &dyn Adapters,
    config: &Config,
    request: &RunRequest,
) -> Result<Report, Error> {
    let targets = select(config, &request.targets)?;
    checks::revokes_by_name(&targets, request)?;
    checks::references(&targets, &request.command, host.environment)?;
    let run = Run { host, session: Session::default(), config, adapters };
    run.session.access.set(match request.command {
        _ if request.writes() => Access::Write,
        Command::Status | Command::Revoke(_) => Access::Read,
        _ => Access::Foresee,
    });
    if request.writes() {
        run.session.pace.take_time();
    }
    let started = host.clock.now();
    if let Some(first) = targets.first() {
        announce(host, config, &first.subject.name);
    }
    let run = &run;
    // How many are left to serve in each workspace.
    let mut left: BTreeMap<Origin, usize> = BTreeMap::new();
    for target in &targets {
        *left.entry(target.subject.workspace.without_path()).or_default() += 1;
    }
    let left = &RefCell::new(left);
    let served = targets.into_iter().enumerate().map(|(index, target)| async move {
        let mut reports = serve(run, target, request).await;
        run.host.observer.ended(&target.subject.name);
        // Its connections are of no use to others: in a fleet they would be most of the memory.
        let workspace = target.subject.workspace.without_path();
        if let Some(count) = left.borrow_mut().get_mut(&workspace) {
            *count -= 1;
            if *count == 0 {
                run.host.transport.release(&workspace);
            }
        }
        reports.shrink_to_fit();
        (index, reports)
    });
    // The next one begins as soon as any has ended; the report stands in the order of the configuration.
    let mut reports: Vec<(usize, Vec<TargetReport>)> =
        iter(served).buffer_unordered(config.concurrency).collect().await;
    reports.sort_by_key(|(index, _)| *index);
    let reports = reports.into_iter().flat_map(|(_, reports)| reports).collect();
    let mut report = Report::new(request.command.name(), started, host.clock.now(), reports);
    notices::tell(host, &run.session, config, request, &mut report).await;
    Ok(report)
}

/// Says which hosts the configuration has chosen in place of the vendors' own, before a secret goes there.
fn announce(host: Host<'_>, config: &Config, target: &str) {
    for (key, chosen) in config.endpoints().chosen() {
        host.observer.event(&Event {
            target: target.to_owned(),
            step: Step::Configure,
            phase: Phase::Done,
            message: format!("{key} has secrets sent to {chosen}"),
            error: None,
        });
    }
}

/// Serves one target: every kind of credential that it cares for, in turn.
async fn serve(run: &Run<'_>, target: &Target, request: &RunRequest) -> Vec<TargetReport> {
    let dry_run = request.dry_run;
    match &request.command {
        Command::Provision => provision::provision(run, target, dry_run).await,
        Command::Doctor => vec![doctor::doctor(run, target).await],
        Command::Fix => vec![fix::fix(run, target, request.confirmed && !dry_run).await],
        Command::Plan if target.subject.admin.is_some() => {
            let mut reports = provision::provision(run, target, true).await;
            for report in &mut reports {
                if report.outcome == Outcome::Ok && report.steps.is_empty() {
                    report.outcome = Outcome::NotDue;
                }
            }
            reports
        }
        command => {
            let mut reports = Vec::with_capacity(target.credentials.len());
            // The PAT first: it is made with the secret that is then renewed.
            for credentials in target.credentials.iter().rev() {
                let context = run.context(target);
                let mut report = TargetReport::new(&target.subject.name, outcome(command, dry_run));
                let result = match Job::open(&context, credentials, run.adapters) {
                    Ok(job) => act(&job, request, &mut report).await,
                    Err(error) => Err(error),
                };
                if let Command::Status = command {
                    sign_in_ends::learn(&context, target).await;
                }
                finish(&context, &mut report, result);
                reports.push(report);
            }
            if let Command::Revoke(Revocation::Id(_)) = command {
                revoke::keep_found(&mut reports);
            }
            reports
        }
    }
}

/// Says how a target ends where nothing else is said.
const fn outcome(command: &Command, dry_run: bool) -> Outcome {
    match command {
        Command::Rotate { .. } if !dry_run => Outcome::Rotated,
        Command::Revoke(_) => Outcome::Revoked,
        _ => Outcome::Ok,
    }
}

/// Does what the command asks for one kind of credential.
async fn act(job: &Job<'_>, request: &RunRequest, report: &mut TargetReport) -> Result<(), Error> {
    let dry_run = request.dry_run;
    match &request.command {
        Command::Rotate { force } if !dry_run => job.rotate(*force, report).await,
        Command::Rotate { force } => show::dry_run(job, *force, report).await,
        Command::Revoke(what) => {
            let mode = match (dry_run, request.confirmed) {
                (true, _) => Mode::DryRun,
                (false, true) => Mode::Confirmed,
                (false, false) => Mode::Unconfirmed,
            };
            revoke::revoke(job, what, mode, report).await
        }
        Command::Status => show::status(job, report).await,
        Command::Plan | Command::Provision | Command::Doctor | Command::Fix => {
            show::dry_run(job, false, report).await
        }
    }
}
