//! What `doctor` says of whom an application trusts: what is registered, beside what is sent.

use super::policy_seen::PolicySeen;
use super::report::{State, StepReport};
use super::resolve::Target;
use super::trust;
use crate::auth::Context;
use crate::http::Identity;
use crate::model::{Error, Step};
use crate::service::github::unlike;
use crate::service::graph::{self, Application, FederatedCredentialInfo, Match, Trust};

const STEP: Step = Step::MakeFederatedCredential;

/// Compares whom the application trusts with whom it is to trust; `unmatched` says that an assertion was
/// refused, so that all that is registered is shown.
pub(super) async fn compare(
    context: &Context<'_>,
    target: &Target,
    directory: &Identity,
    application: &Application,
    unmatched: bool,
) -> (Vec<StepReport>, Vec<Error>) {
    let (mut steps, mut refused) = (Vec::new(), Vec::new());
    if target.federated_credential.is_none() && !unmatched {
        return (steps, refused);
    }
    let listed = graph::list_federated_credentials(context, directory, &application.object_id).await;
    let registered = match listed {
        Ok(registered) => registered,
        Err(error) => return (steps, vec![error]),
    };
    match trust::wanted(context, target).await {
        Ok(Some(trust)) => steps.push(compared(&trust, &registered)),
        Ok(None) => {}
        Err(error) => refused.push(error),
    }
    if unmatched && registered.is_empty() {
        steps.push(StepReport::new(STEP, State::Missing, "the application trusts nobody yet"));
    }
    for known in registered.iter().filter(|_| unmatched) {
        let words = format!("registered is \"{}\": {}", known.name, known.described());
        steps.push(StepReport::new(STEP, State::Ok, words));
    }
    (steps, refused)
}

fn compared(trust: &Trust, registered: &[FederatedCredentialInfo]) -> StepReport {
    let Trust { issuer, matches, audience, .. } = trust;
    let is_meant = |known: &&FederatedCredentialInfo| {
        known.issuer == *issuer && known.matches() == *matches && known.audiences.contains(audience)
    };
    if registered.iter().any(|known| is_meant(&known)) {
        let words = format!("the application trusts what is sent: {}", matches.as_str());
        return StepReport::new(STEP, State::Ok, words);
    }
    let words = format!("the application does not trust {}, as {issuer} sends it", matches.as_str());
    let mut step = StepReport::new(STEP, State::Missing, words);
    let differs = registered.iter().find_map(|known| match (matches, known.matches()) {
        (Match::Subject(sent), Match::Subject(subject)) => unlike(sent, &subject),
        _ => None,
    });
    step.hint = Some(differs.unwrap_or_else(|| "`lakekey provision` registers it".to_owned()));
    step
}

/// Says whether a Databricks principal has the federation policy that it is to have.
pub(super) fn policy(seen: &PolicySeen) -> StepReport {
    let subject = &seen.policy.subject;
    if seen.is_there {
        let words = format!("the service principal trusts what is sent: {subject}");
        return StepReport::new(Step::MakeFederationPolicy, State::Ok, words);
    }
    let words = format!("no federation policy of the service principal trusts {subject}");
    let mut step = StepReport::new(Step::MakeFederationPolicy, State::Missing, words);
    step.hint = Some("`lakekey provision` makes it, with an account admin as `admin`".to_owned());
    step
}
