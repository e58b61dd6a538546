//! What `doctor` says of a target without a request of its own: the clock, how full a quota is, and whether
//! anybody needs a token there at all.

use super::quota;
use super::report::{State, StepReport};
use crate::auth::Context;
use crate::model::{Code, CredentialKind, Step};
use crate::sink::Place;

/// How far a clock may be wrong, in milliseconds, before a sign-in with an assertion is refused for it.
const CLOCK: i64 = 60_000;

/// How many of the last free places of a quota are worth a word.
const NEARLY: usize = 10;

/// Compares this machine's clock with the service's.
pub(super) fn clock(context: &Context<'_>) -> StepReport {
    let ahead = context.now().since(context.ledger_now());
    if ahead.abs() <= CLOCK {
        let words = "this machine's clock agrees with the workspace's";
        return StepReport::new(Step::SignIn, State::Ok, words);
    }
    let way = if ahead > 0 { "ahead of" } else { "behind" };
    let words = format!("this machine's clock is {} s {way} the workspace's", ahead.abs() / 1000);
    let mut step = StepReport::new(Step::SignIn, State::Missing, words);
    step.hint =
        Some("set the clock, by NTP for example: assertions signed by a wrong one are refused".to_owned());
    step
}

/// Says how many credentials there are, and how many there may be.
pub(super) fn tokens(count: usize) -> StepReport {
    let Some(limit) = quota::limit(CredentialKind::Pat) else {
        return StepReport::new(Step::ListTokens, State::Ok, format!("it may use tokens, and has {count}"));
    };
    let words = format!("it may use tokens, and has {count} of {limit}");
    if count + NEARLY < limit {
        return StepReport::new(Step::ListTokens, State::Ok, words);
    }
    let mut step = StepReport::new(Step::ListTokens, State::Missing, words);
    step.hint = Some(Code::QuotaExceeded.hint().to_owned());
    step
}

/// Says what the owners of places should know of how they are written.
pub(super) fn places<'p>(places: impl Iterator<Item = &'p dyn Place>) -> impl Iterator<Item = StepReport> {
    places.filter_map(|place| {
        let (words, hint) = place.advice()?;
        let mut step = StepReport::new(Step::SignInSink, State::Unknown, words);
        step.hint = Some(hint.to_owned());
        Some(step)
    })
}

/// Says of each kind of place whether who reads it could sign in without a token.
pub(super) fn federation<'p>(places: impl IntoIterator<Item = &'p dyn Place>) -> Vec<StepReport> {
    let mut kinds: Vec<String> = Vec::new();
    for place in places {
        let label = place.label();
        let kind = label.split(' ').next().unwrap_or_default().to_owned();
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let each = kinds.iter().map(|kind| StepReport::new(Step::Deliver, State::Ok, sentence(kind)));
    each.collect()
}

fn sentence(kind: &str) -> &'static str {
    match kind {
        "github-secret" => {
            "github-secret: a workflow that reads it could sign in with GitHub's identity token instead \
             (workload identity federation), if its client speaks OAuth; then it needs no token"
        }
        "azure-devops-variable" => {
            "azure-devops-variable: a pipeline that reads it could sign in through a service connection with \
             workload identity federation, if its client speaks OAuth; then it needs no token"
        }
        "key-vault" => {
            "key-vault: what reads it may have a managed identity, with which it could sign in to the \
             workspace itself, if its client speaks OAuth; then it needs no token"
        }
        "databricks-secret" => {
            "databricks-secret: a job that reads it already runs as a principal of its workspace; it needs a \
             token only for another workspace, or for a client that takes nothing else"
        }
        _ => {
            "whether what gets the token could sign in by workload identity federation instead depends on \
             where it runs: a vendor's service that takes one fixed string cannot"
        }
    }
}
