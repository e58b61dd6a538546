//! Tells others how a run has ended: `notify`, for people, and `heartbeat`, for a service that raises an
//! alarm when it is not called any more.
//!
//! A notice that is not taken is a warning and changes nothing else: the credential comes first.

use futures_util::future::join_all;

use super::command::{Command, RunRequest};
use super::notable::{Notable, notable};
use super::notice_form::Notice;
use super::notified::Address;
use super::report::{NoticeReport, Report};
use super::resolve::Config;
use crate::auth::Session;
use crate::config::{NotifyKind, Reference};
use crate::host::{Environment, Event, Host, Phase};
use crate::http::{Call, Client, Dialect, Rule, statuses};
use crate::model::{Code, Error, Secret, Step};

/// What the receivers of notices say no with.
const REFUSALS: &[Rule] = &[statuses(400, 599).means(Code::NoticeRefused)];
static SLACK: Dialect = Dialect::new("Slack", REFUSALS);
static TEAMS: Dialect = Dialect::new("Teams", REFUSALS);
static WEBHOOK: Dialect = Dialect::new("the receiver of notices", REFUSALS);
static HEARTBEAT: Dialect = Dialect::new("the heartbeat's service", REFUSALS);

/// How often a notice is sent at the most.
const ATTEMPTS: u32 = 3;

/// What a heartbeat is called in a report.
const BEAT: &str = "heartbeat";

const fn dialect(kind: NotifyKind) -> &'static Dialect {
    match kind {
        NotifyKind::Slack => &SLACK,
        NotifyKind::Teams => &TEAMS,
        NotifyKind::Webhook => &WEBHOOK,
    }
}

/// Tells what the configuration wants told, and enters into the report what was.
pub(super) async fn tell(
    host: Host<'_>,
    session: &Session,
    config: &Config,
    request: &RunRequest,
    report: &mut Report,
) {
    let tells = matches!(request.command, Command::Rotate { .. } | Command::Provision | Command::Status);
    if !tells || request.dry_run || !request.notify {
        return;
    }
    let notices = &config.notices;
    let told = join_all(notices.notify.iter().map(|notify| async {
        let all = notable(report, notify.within);
        let wanted: Vec<&Notable> = all.iter().filter(|one| notify.on.contains(&one.event)).collect();
        if wanted.is_empty() {
            return None;
        }
        let page = page(host.environment);
        let notice = Notice {
            command: request.command.name(),
            all: &wanted,
            page: page.as_deref(),
            started: report.started.to_string(),
            finished: report.finished.to_string(),
        };
        let body = notice.body(notify.kind);
        let call = |address: &Address| {
            Call::post(Step::Notify, dialect(notify.kind), &address.origin, address.path.as_str()).json(&body)
        };
        let sent = send(host, session, config, &notify.url, call).await;
        Some(NoticeReport::new(notify.name(), wanted.len(), sent.err()))
    }));
    let mut told: Vec<NoticeReport> = told.await.into_iter().flatten().collect();
    // Only a run that renews beats: a look from elsewhere says nothing of the schedule.
    let beats = request.writes() && report.exit_status() == 0;
    if let Some(url) = notices.heartbeat.as_ref().filter(|_| beats) {
        let call =
            |address: &Address| Call::get(Step::Notify, &HEARTBEAT, &address.origin, address.path.as_str());
        let sent = send(host, session, config, url, call).await;
        told.push(NoticeReport::new(BEAT, 0, sent.err()));
    }
    report.notices = told;
}

async fn send(
    host: Host<'_>,
    session: &Session,
    config: &Config,
    url: &Reference,
    call: impl FnOnce(&Address) -> Call,
) -> Result<(), Error> {
    let sent = async {
        let address = Address::read(url, &config.endpoints, host.environment)?;
        let client = Client::new(host, &session.pace, &url.path, &address.origin);
        // Who knows the path may post there.
        client.masked(address.secret.clone());
        if address.path.len() > 8 {
            client.masked(Secret::new(address.path.as_str()));
        }
        // The run is over, and its end is told although it was asked to stop.
        client.set_delivering(true);
        client.execute(call(&address).repeatable(true).attempts(ATTEMPTS)).await.map(drop)
    };
    let sent = sent.await.map_err(|error| error.at(Step::Notify));
    if let Err(error) = &sent {
        host.observer.event(&Event {
            target: url.path.clone(),
            step: Step::Notify,
            phase: Phase::Warning,
            message: error.to_string(),
            error: None,
        });
    }
    sent
}

/// Returns the page of the job that runs, in GitHub Actions and in Azure Pipelines.
///
/// <https://docs.github.com/actions/reference/workflows-and-actions/variables>,
/// <https://learn.microsoft.com/azure/devops/pipelines/build/variables>
fn page(environment: &dyn Environment) -> Option<String> {
    let of = |name: &str| environment.variable(name);
    let github = || {
        let (server, repository) = (of("GITHUB_SERVER_URL")?, of("GITHUB_REPOSITORY")?);
        Some(format!("{server}/{repository}/actions/runs/{}", of("GITHUB_RUN_ID")?))
    };
    let azure = || {
        let (collection, project) = (of("SYSTEM_COLLECTIONURI")?, of("SYSTEM_TEAMPROJECTID")?);
        let collection = collection.trim_end_matches('/').to_owned();
        Some(format!("{collection}/{project}/_build/results?buildId={}", of("BUILD_BUILDID")?))
    };
    github().or_else(azure).filter(|page| page.starts_with("https://") || page.starts_with("http://"))
}
