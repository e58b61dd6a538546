//! The commands of the core at a terminal, in a script or under cron.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::rc::Rc;

use futures_util::future::{Either, select as select_of};
use lakekey_core::{
    CheckRequest, Class, Code, Command, Config, Error, Report, Revocation, RunRequest, Step, Target,
    harmless, located, matrix, select, with_client_id,
};

use crate::arguments::{Changing, Revoke, Shared, Source};
use crate::console::{Console, Level};
use crate::exit_status::{self, DONE, FailOn};
use crate::platform::{ProcessEnvironment, Signals, SystemClock, WithHosts};
use crate::progress::SILENCE;
use crate::report_text::Telling;
use crate::run::Runner;
use crate::style::Tone;
use crate::workflow::summary;
use crate::{configuration, metrics, mistakes, page, report_text};

/// Names a form of the result for people and programs; `--json` stands above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// Tables and lines.
    #[default]
    Text,
    /// As in a job's summary.
    Markdown,
    /// For a collector of numbers.
    Openmetrics,
}

/// Says what a command that changes nothing ends with, and how much it tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looking {
    /// What makes it end with status 3.
    pub(crate) fail_on: Option<FailOn>,
    /// Whether the details of every target are told.
    pub(crate) all: bool,
    /// Whether it ends with status 3 where something would be done.
    pub(crate) exit_code: bool,
    /// The form of the result.
    pub(crate) form: Form,
    /// Where a page of the result is written too.
    pub(crate) page: Option<PathBuf>,
    /// Whether those are told whom the configuration wants told.
    pub(crate) notify: bool,
}

/// Runs a command that changes nothing and returns the exit status.
pub(crate) async fn look(console: &Rc<Console>, shared: &Shared, command: Command, looking: Looking) -> u8 {
    let Looking { fail_on, all, exit_code, form, page, notify } = looking;
    let order = Order { fail_on, all, exit_code, form, page, notify, ..Order::default() };
    serve(console, shared, command, order, None).await.status
}

/// Runs a command that changes something and returns the exit status; `write` puts into the configuration
/// what provisioning has learnt.
pub(crate) async fn change(
    console: &Rc<Console>,
    changing: &Changing,
    command: Command,
    write: bool,
    notify: bool,
) -> u8 {
    let order = Order { dry_run: changing.dry_run, write, notify, ..Order::default() };
    if write && changing.shared.source.config == "-" {
        let words = "--write takes a file: name the configuration with --config FILE";
        let error = Error::new(Code::UsageInvalid, Step::Configure, words);
        return refused(console, changing.shared.source.json, command.name(), &error);
    }
    serve(console, &changing.shared, command, order, None).await.status
}

/// Says how a command is carried out.
#[derive(Clone)]
struct Order {
    dry_run: bool,
    confirmed: bool,
    fail_on: Option<FailOn>,
    write: bool,
    /// Whether the details of every target are told.
    all: bool,
    /// Whether something to do ends with a status of its own.
    exit_code: bool,
    /// The form of the result.
    form: Form,
    /// Where a page of the result is written too.
    page: Option<PathBuf>,
    /// Whether those are told whom the configuration wants told.
    notify: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            dry_run: false,
            confirmed: true,
            fail_on: None,
            write: false,
            all: false,
            exit_code: false,
            form: Form::Text,
            page: None,
            notify: true,
        }
    }
}

/// Revokes credentials, if that is meant, and returns the exit status.
pub(crate) async fn revoke(console: &Rc<Console>, revoke: Revoke) -> u8 {
    let Changing { shared, dry_run } = &revoke.changing;
    if shared.targets.is_empty() {
        let words = "name the target with --target NAME: nothing is revoked for all targets at once";
        let error = Error::new(Code::UsageInvalid, Step::Configure, words);
        return refused(console, shared.source.json, "revoke", &error);
    }
    let what = match (&revoke.token_id, revoke.all, revoke.managed) {
        (Some(id), ..) => Revocation::Id(id.clone()),
        (None, true, _) => Revocation::All,
        (None, _, true) => Revocation::Managed,
        (None, false, false) => Revocation::Superseded,
    };
    let asked = what != Revocation::Superseded && !revoke.yes && !dry_run;
    let order = Order { dry_run: *dry_run, confirmed: !asked, ..Order::default() };
    let command = Command::Revoke(what);
    let Served { status, to_confirm, failed, config, .. } =
        serve(console, shared, command.clone(), order.clone(), None).await;
    if to_confirm.is_empty()
        || shared.source.json
        || !console.is_terminal()
        || !confirmed(console, &to_confirm)
    {
        return status;
    }
    let shared = Shared { targets: to_confirm, ..shared.clone() };
    let done = serve(console, &shared, command, Order { confirmed: true, ..order }, config).await.status;
    if failed { done.max(exit_status::FAILED) } else { done }
}

/// Offers the doctor's safe requests, sends them if that is meant, and returns the exit status.
pub(crate) async fn fix(console: &Rc<Console>, shared: &Shared, yes: bool) -> u8 {
    let order = Order { confirmed: yes, ..Order::default() };
    let Served { status, offers, config, .. } =
        serve(console, shared, Command::Fix, order.clone(), None).await;
    if offers.is_empty() || shared.source.json || !console.is_terminal() {
        return status;
    }
    console.note(&format!("send the requests listed above for {}? [y/N]", offers.join(", ")));
    let mut line = String::new();
    let meant = std::io::stdin().read_line(&mut line).is_ok()
        && matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !meant {
        return status;
    }
    let all = Shared { targets: offers, ..shared.clone() };
    serve(console, &all, Command::Fix, Order { confirmed: true, ..order }, config).await.status
}

/// Has a person confirm each target by its name.
fn confirmed(console: &Console, targets: &[String]) -> bool {
    targets.iter().all(|target| {
        console.note(&format!("what is listed above stops working; type {target} to revoke it:"));
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).is_ok() && line.trim() == target
    })
}

/// Prints the targets divided among jobs and returns the exit status.
pub(crate) fn plan_matrix(console: &Console, shared: &Shared, shards: u16) -> u8 {
    let text = match configuration::load(&shared.source.config) {
        Ok(text) => text,
        Err(error) => return refused(console, shared.source.json, "plan", &error),
    };
    let made = Config::read(&text, &WithHosts(&shared.source.allow_hosts))
        .and_then(|config| Ok(matrix(&select(&config, &shared.targets)?, usize::from(shards))));
    match made {
        Ok(matrix) => {
            console.result(&matrix.to_string());
            DONE
        }
        Err(error) => mistaken(console, &shared.source, "plan", &text, &error),
    }
}

/// Checks the configuration and returns the exit status.
pub(crate) fn check(console: &Console, source: &Source, secrets: bool) -> u8 {
    let text = match configuration::load(&source.config) {
        Ok(text) => text,
        Err(error) => return refused(console, source.json, "check", &error),
    };
    let request = CheckRequest { secrets, signs_in_to_github: false };
    let found = lakekey_core::check(&text, &WithHosts(&source.allow_hosts), request);
    let shown = mistakes::Source::new(&source.config, &text, &found);
    if source.json {
        console.result(&format!("{:#}", found.report()));
    }
    for (key, words) in &found.notes {
        if !console.is_quiet() {
            console.note(&format!("note: {}: {}", harmless(key), harmless(words)));
        }
    }
    for error in &found.mistakes {
        console.tell(error, None, &format!("{}\n", mistakes::mistake(&shown, error, console.err())));
    }
    for error in &found.warnings {
        let text = mistakes::warning(&shown, error, console.err());
        console.note(&if console.logs_json() { error.to_string() } else { format!("{text}\n") });
    }
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let warned = match found.warnings.len() {
        0 => String::new(),
        number => format!(", {}", count(number, "warning")),
    };
    if !found.mistakes.is_empty() {
        let words =
            format!("{}: {}{warned}", harmless(&source.config), count(found.mistakes.len(), "mistake"));
        console.note(&console.err().paint(Tone::Bad, &words));
        return exit_status::WRONG;
    }
    if !source.json && !console.is_quiet() {
        let words = format!("{}: no mistakes{warned}", harmless(&source.config));
        console.result(&console.out().paint(Tone::Good, &words));
    }
    DONE
}

/// Tells how a command ended.
struct Served {
    status: u8,
    /// The targets of which a person is to say whether it is meant.
    to_confirm: Vec<String>,
    /// The targets that have listed what they would do.
    offers: Vec<String>,
    /// Whether a target failed, or nothing could be done.
    failed: bool,
    /// The configuration, for a command that goes on: a pipe is read once.
    config: Option<Config>,
}

/// Returns the targets of which a person is to say whether it is meant. Nobody can confirm what was not
/// listed.
fn to_confirm(report: &Report) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in report.targets.iter().filter(|target| target.confirmation_needed).map(|target| &target.name) {
        let mut own = report.targets.iter().filter(|target| target.name == *name);
        if own.all(|target| target.error.is_none()) && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Runs a command; `known` is the configuration, where it was read before.
async fn serve(
    console: &Rc<Console>,
    shared: &Shared,
    command: Command,
    order: Order,
    known: Option<Config>,
) -> Served {
    let name = command.name();
    let provisions = command == Command::Provision && !order.dry_run;
    let signals = Signals::listen();
    let runner = Runner {
        console,
        observer: &**console,
        environment: &ProcessEnvironment,
        clock: &SystemClock,
        cancellation: &signals,
    };
    let Order { dry_run, confirmed, fail_on, write, all, exit_code, form, page, notify } = order;
    let changes = matches!(command, Command::Provision | Command::Rotate { .. } | Command::Status);
    let all = all || shared.source.telling.verbose > 0;
    let telling = Telling { all, steps: dry_run || !changes };
    let targets = shared.targets.clone();
    let request = RunRequest { targets, dry_run, confirmed, notify, ..RunRequest::new(command) };
    let mut text = Vec::new();
    let done = async {
        let config = match known {
            Some(config) => config,
            None => {
                text = configuration::load(&shared.source.config)?;
                Config::read(&text, &WithHosts(&shared.source.allow_hosts))?
            }
        };
        console.begin(select(&config, &request.targets).map_or(0, |targets| targets.len()));
        let report = watched(console, runner.run(&config, &request)).await?;
        Ok((config, report))
    };
    match done.await {
        Ok((config, report)) => {
            show(console, shared.source.json, form, &report, telling);
            let learnt = if provisions { learnt(&config, &report) } else { Vec::new() };
            let kept = keep(console, &shared.source.config, &learnt, write)
                .and_then(|()| page.map_or(Ok(()), |path| page::write(&path, &report)));
            let status = match kept {
                Ok(()) => match exit_status::of(&report, fail_on) {
                    DONE if exit_code && report_text::to_do(&report).is_some() => exit_status::FOUND,
                    status => status,
                },
                Err(error) => {
                    console.tell(&error, None, &report_text::error(&error, None, console.err()));
                    exit_status::FAILED
                }
            };
            let failed = report.targets.iter().any(|target| target.error.is_some());
            let waiting = report.targets.iter().filter(|target| target.confirmation_needed);
            let offers = waiting.map(|target| target.name.clone()).collect();
            Served { status, to_confirm: to_confirm(&report), offers, failed, config: Some(config) }
        }
        Err(error) => {
            let status = mistaken(console, &shared.source, name, &text, &error);
            Served { status, to_confirm: Vec::new(), offers: Vec::new(), failed: true, config: None }
        }
    }
}

/// Waits for a run, and says every minute that it goes on where nothing else was said.
async fn watched<T>(console: &Console, run: impl Future<Output = T>) -> T {
    let told = async {
        loop {
            tokio::time::sleep(SILENCE).await;
            console.still();
        }
    };
    let ended = match select_of(pin!(run), pin!(told)).await {
        Either::Left((ended, _)) => ended,
        Either::Right((never, _)) => never,
    };
    console.end();
    ended
}

fn show(console: &Console, json: bool, form: Form, report: &Report, telling: Telling) {
    if json {
        // A report holds texts, numbers and times: there is nothing in it that could not be written.
        console.result(&serde_json::to_string_pretty(report).unwrap_or_default());
    } else if form == Form::Markdown {
        console.result(&summary::render(report, false));
    } else if form == Form::Openmetrics {
        console.result(&metrics::render(report));
    } else if !(console.is_quiet() && report_text::is_calm(report)) {
        console.result(&report_text::report(report, console.out(), telling));
    }
    if console.logs_json() {
        for target in &report.targets {
            let level = if target.error.is_some() { Level::Error } else { Level::Info };
            if console.level() >= level {
                console.log(level, report_text::log_fields(report, target));
            }
        }
        return;
    }
    for target in report_text::by_urgency(report) {
        for (error, place) in report_text::errors(target) {
            let whose =
                place.map_or_else(|| target.name.clone(), |place| format!("{}: {place}", target.name));
            console.note(&report_text::error(error, Some(&whose), console.err()));
        }
    }
}

/// Returns the application ids that a provisioning has found or made and that are not configured.
fn learnt(config: &Config, report: &Report) -> Vec<(String, String)> {
    let unnamed = config.targets().iter().filter(|target| target.client_id().is_none());
    let id = |target: &Target| {
        let mut reports = report.targets.iter().filter(|report| report.name == target.name());
        Some((target.name().to_owned(), reports.find_map(|report| report.client_id.clone())?))
    };
    unnamed.filter_map(id).collect()
}

/// Says what to write into the configuration, or writes it there.
fn keep(console: &Console, path: &str, learnt: &[(String, String)], write: bool) -> Result<(), Error> {
    if learnt.is_empty() {
        return Ok(());
    }
    if !write {
        for (target, id) in learnt {
            console.note(&format!(
                "write into the target {target}, below `principal`: client-id: {id} (`--write` does it)"
            ));
        }
        return Ok(());
    }
    let unwritable = |error: &std::io::Error| {
        let words = format!("{path} could not be written: {error}");
        Error::new(Code::ConfigUnreadable, Step::Configure, words)
            .with_hint("write client-id below the target's `principal` by hand")
    };
    let mut text = std::fs::read_to_string(path).map_err(|error| unwritable(&error))?;
    for (target, id) in learnt {
        text = with_client_id(&text, target, id)?;
    }
    page::replaced(Path::new(path), &text).map_err(|error| unwritable(&error))?;
    for (target, id) in learnt {
        console.note(&format!("wrote client-id: {id} into the target {target} of {path}"));
    }
    Ok(())
}

/// Says why nothing was done where the configuration is wrong: every mistake of it, in the form of `check`.
fn mistaken(console: &Console, source: &Source, command: &str, text: &[u8], error: &Error) -> u8 {
    let error = located(error.clone(), text);
    let of_text = error.class() == Class::Configuration && !text.is_empty();
    if !of_text || error.code() == Code::ConfigUnknownTarget {
        return refused(console, source.json, command, &error);
    }
    if source.json {
        console.result(&format!("{:#}", report_text::refusal(Some(command), &error)));
    }
    let request = CheckRequest { secrets: false, signs_in_to_github: true };
    let found = lakekey_core::check(text, &WithHosts(&source.allow_hosts), request);
    let shown = mistakes::Source::new(&source.config, text, &found);
    // Where the document itself is as it should be, what it refers to is not there.
    let all = if found.mistakes.is_empty() { vec![error.clone()] } else { found.mistakes };
    let last = all.len() - 1;
    for (number, error) in all.iter().enumerate() {
        let end = if number < last { "\n" } else { "" };
        console.tell(error, None, &format!("{}{end}", mistakes::mistake(&shown, error, console.err())));
    }
    exit_status::of_error(&error)
}

/// Says why nothing was done; with `--json` in the form of a report without targets.
fn refused(console: &Console, json: bool, command: &str, error: &Error) -> u8 {
    if json {
        console.result(&format!("{:#}", report_text::refusal(Some(command), error)));
    }
    console.tell(error, None, &report_text::error(error, None, console.err()));
    exit_status::of_error(error)
}
