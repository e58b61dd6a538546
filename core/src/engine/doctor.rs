//! `doctor`: walks the procedure read-only and says which step is refused, why, and what to do.

use super::action::{Action, names};
use super::checks::{Facts, broken};
use super::job::Job;
use super::observe::Observed;
use super::places::{Held, held};
use super::plan::Plan;
use super::prepare::missing_in_workspace;
use super::report::{Outcome, State, StepReport, TargetReport};
use super::resolve::Target;
use super::shared::{Run, finish};
use super::world::{WorkspaceSeen, admin, admin_refused, effective, uses_tokens};
use super::{doctor_advice, doctor_trust, fill, policy_seen, scopes, sign_in_ends};
use crate::auth::{Context, as_principal, find_in_workspace, sign_in_directory};
use crate::config::Scopes;
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Error, PrincipalKind, Reach, Step};
use crate::service::databricks::conf::{TokenSettings, token_settings};
use crate::service::databricks::permissions::{TokenPermission, token_permission};
use crate::service::databricks::tokens;
use crate::service::graph::{self, By};
use crate::sink::Adapters;

/// Looks at every step of one target.
pub(super) async fn doctor(run: &Run<'_>, target: &Target) -> TargetReport {
    let context = run.context(target);
    let mut report = TargetReport::new(&target.subject.name, Outcome::Ok);
    let mut visit =
        Visit { context: &context, target, steps: Vec::new(), first: None, unmatched: false, lacking: None };
    visit.kind();
    visit.workspace().await;
    visit.principal().await;
    visit.directory().await;
    visit.sinks(run.adapters).await;
    let places =
        || target.credentials.iter().flat_map(|credentials| &credentials.deliver).map(|place| &**place);
    visit.steps.extend(doctor_advice::places(places()));
    visit.steps.extend(doctor_advice::federation(places()));
    sign_in_ends::learn(&context, target).await;
    report.steps = visit.steps;
    report.as_of = Some(context.ledger_now());
    finish(&context, &mut report, visit.first.or(visit.lacking).map_or(Ok(()), Err));
    report
}

struct Visit<'a> {
    context: &'a Context<'a>,
    target: &'a Target,
    steps: Vec<StepReport>,
    /// The first refusal, which is what to fix first.
    first: Option<Error>,
    /// Whether the assertion of the principal matches nothing that is registered.
    unmatched: bool,
    /// What is missing without which the principal cannot work, where nothing is refused.
    lacking: Option<Error>,
}

impl Visit<'_> {
    fn found(&mut self, step: Step, state: State, message: impl Into<String>, hint: Option<&str>) {
        let mut found = StepReport::new(step, state, message);
        found.hint = hint.map(str::to_owned);
        self.steps.push(found);
    }

    fn fine(&mut self, step: Step, message: impl Into<String>) {
        self.found(step, State::Ok, message, None);
    }

    fn refused(&mut self, error: Error) {
        let state = match error.code() {
            Code::AdminNotConfigured | Code::AccountAdminRequired => State::Unknown,
            // It is needed only where something has to be made.
            Code::DirectoryNotConfigured => State::NotChecked,
            _ => State::Refused,
        };
        self.found(error.step(), state, error.to_string(), Some(error.hint()));
        if state == State::Refused && self.first.is_none() {
            self.first = Some(error);
        }
    }

    /// Explains the choice between the two kinds of principal.
    fn kind(&mut self) {
        let message = match self.target.subject.principal.kind {
            PrincipalKind::Entra => {
                "the principal is managed in Entra ID, which reaches other Azure resources too; it cannot \
                 open the workspace's pages, so that its PATs come from the API alone"
            }
            PrincipalKind::Databricks => {
                "the principal is managed in Databricks and lives there alone; choose kind: entra where it \
                 must reach other Azure resources"
            }
        };
        self.fine(Step::Configure, message);
    }

    /// Looks at what only a workspace admin sees.
    async fn workspace(&mut self) {
        let admin = match admin(self.context).await {
            Ok(admin) => admin,
            Err(error) => return self.refused(error),
        };
        let uses_tokens = uses_tokens(self.target);
        let settings = match uses_tokens {
            true => token_settings(self.context, &admin).await,
            false => Ok(TokenSettings::default()),
        };
        let settings = match settings {
            Ok(settings) => settings,
            Err(error) => return self.refused(admin_refused(self.context, error)),
        };
        let principal = match find_in_workspace(self.context, &admin, None).await {
            Ok(principal) => principal,
            Err(error) if uses_tokens => return self.refused(error),
            Err(error) => return self.refused(admin_refused(self.context, error)),
        };
        self.fine(Step::SignInAdmin, "the admin signs in");
        let permission = match &principal {
            Some(known) if uses_tokens => self.permission(&admin, &known.application_id).await,
            _ => None,
        };
        let mut seen = WorkspaceSeen { settings, principal, permission, effective: None, policy: None };
        match effective(self.context, self.target, &admin, &seen).await {
            Ok(effective) => seen.effective = effective,
            Err(error) => return self.refused(error),
        }
        self.tell(&seen);
        let number = seen.principal.as_ref().map(|principal| principal.id.as_str());
        match policy_seen::observe(self.context, self.target, number).await {
            Ok(Some(seen)) => self.steps.push(doctor_trust::policy(&seen)),
            Ok(None) => {}
            Err(error) => self.refused(error),
        }
    }

    /// Returns the principal's permission; one that cannot be read is told and not looked at further.
    async fn permission(&mut self, admin: &Identity, application_id: &str) -> Option<TokenPermission> {
        match token_permission(self.context, admin, application_id).await {
            Ok(permission) => Some(permission),
            Err(error) => {
                self.refused(error);
                None
            }
        }
    }

    /// Tells which rules are broken, what a provisioning would add, and what stands.
    fn tell(&mut self, seen: &WorkspaceSeen) {
        let environment = self.context.host().environment;
        let facts = Facts { target: self.target, environment, workspace: Some(seen), directory: None };
        for error in broken(&facts) {
            // That it is not there at all is told below.
            let of_import = matches!(error.step(), Step::ImportPrincipal | Step::MakeApplication);
            if seen.principal.is_some() || !of_import {
                self.refused(error);
            }
        }
        match seen.settings.enabled {
            _ if !uses_tokens(self.target) => {}
            Some(true) => self.fine(Step::WorkspaceSettings, "personal access tokens are switched on"),
            Some(false) => {}
            None => self.found(
                Step::WorkspaceSettings,
                State::Unknown,
                "the workspace does not say whether personal access tokens are switched on; by default they \
                 are",
                None,
            ),
        }
        let token =
            self.target.credentials.iter().find(|credentials| credentials.kind == CredentialKind::Pat);
        if let Some(lifetime) = token.map(|token| token.policy.lifetime) {
            let step = Step::WorkspaceSettings;
            match seen.settings.max_lifetime_days {
                Some(days) if lifetime.seconds() <= days * 86_400 => {
                    self.fine(
                        step,
                        format!("the lifetime of {lifetime} is within the maximum of {days} days"),
                    );
                }
                // It is told above.
                Some(_) => {}
                None => self.found(
                    step,
                    State::Unknown,
                    "the workspace names no maximum lifetime; by default it is 730 days",
                    None,
                ),
            }
        }
        let Some(principal) = &seen.principal else {
            let words = "the workspace does not know the service principal";
            return self.refused(Error::new(Code::PrincipalNotInWorkspace, Step::ImportPrincipal, words));
        };
        let missing = missing_in_workspace(self.target, seen);
        if principal.active {
            let words = format!("the workspace knows the service principal {}", principal.application_id);
            self.fine(Step::ImportPrincipal, words);
        }
        if !missing.iter().any(|action| matches!(action, Action::AddEntitlements(_))) {
            let words = match &self.target.entitlements {
                Some(_) => "the service principal has every entitlement asked for".to_owned(),
                None => format!("the service principal has {}", names(&seen.entitlements())),
            };
            self.fine(Step::AddEntitlements, words);
        }
        for action in &missing {
            // Of a permission that could not be read nothing is said but why.
            if seen.permission.is_some() || !matches!(action, Action::GrantTokenPermission) {
                self.missing(action);
            }
        }
        if seen.permission == Some(TokenPermission::Granted) {
            self.fine(Step::GrantTokenPermission, "the service principal has CAN_USE on tokens");
        }
    }

    /// Tells what a provisioning would add.
    fn missing(&mut self, action: &Action) {
        let (message, hint) = match action {
            Action::AddEntitlements(lacks) => {
                (format!("it lacks {}", names(lacks)), "`lakekey provision` adds them")
            }
            Action::GrantTokenPermission => (
                "the service principal has no CAN_USE itself; it may have it through a group".to_owned(),
                "`lakekey provision` grants it",
            ),
            Action::MakeFirstToken => (
                "no token was ever made in this workspace, so that nothing is granted yet".to_owned(),
                "`lakekey provision` makes the first one and grants the permission",
            ),
            Action::EnableTokens => (
                "personal access tokens are switched off for the whole workspace".to_owned(),
                "`lakekey provision` switches them on",
            ),
            // It belongs to the one before.
            Action::RemoveFirstToken => return,
            other => (other.to_string(), "`lakekey provision` does it"),
        };
        if let (Action::AddEntitlements(_), None) = (action, &self.target.entitlements) {
            // Its own calls tell, which are tried below.
            let words = "no entitlement of the service principal is seen; it may have one by a group, which \
                         does not show here";
            let hint = "if it is refused, `lakekey provision` gives it workspace-access";
            return self.found(action.step(), State::Unknown, words, Some(hint));
        }
        if let Action::AddEntitlements(_) = action {
            let error = Error::new(Code::EntitlementMissing, action.step(), message.clone());
            self.lacking = Some(error.with_hint(hint));
        }
        self.found(action.step(), State::Missing, message, Some(hint));
    }

    /// Looks at what the principal itself may do.
    async fn principal(&mut self) {
        let context = self.context;
        let uses_tokens = uses_tokens(self.target);
        let ask = async |identity: &Identity| match uses_tokens {
            true => Ok(tokens::list(context, identity, Step::ListTokens).await),
            false => Ok(Ok(Vec::new())),
        };
        let listed = match as_principal(context, ask).await {
            Ok(listed) => listed,
            Err(error) => {
                self.unmatched = matches!(
                    error.code(),
                    Code::FederatedCredentialMismatch
                        | Code::FederatedCredentialCase
                        | Code::FederatedCredentialAudience
                );
                return self.refused(error);
            }
        };
        self.fine(Step::SignIn, "the service principal signs in, and is the configured one");
        match listed {
            Ok(listed) => {
                self.steps.extend(uses_tokens.then(|| doctor_advice::tokens(listed.len())));
                self.steps.push(doctor_advice::clock(context));
            }
            Err(error) => self.refused(error),
        }
    }

    /// Looks at who registers applications, as far as that can be asked without registering one.
    async fn directory(&mut self) {
        let subject = &self.target.subject;
        let step = Step::MakeApplication;
        if subject.principal.kind != PrincipalKind::Entra || subject.directory.is_none() {
            return;
        }
        let known = self.context.client_id().map(str::to_owned);
        let by = match (&known, &subject.principal.display_name) {
            (Some(id), _) => By::ClientId(id),
            (None, Some(name)) => By::Name(name),
            (None, None) => return,
        };
        let found = async {
            let directory = sign_in_directory(self.context, step).await?;
            let found = graph::find_application(self.context, &directory, by).await?;
            Ok((directory, found))
        };
        let found: Result<_, Error> = found.await;
        match found {
            Ok((directory, Some(found))) => {
                self.fine(step, format!("`directory` signs in, and finds the application {}", found.app_id));
                let (all, refused) =
                    doctor_trust::compare(self.context, self.target, &directory, &found, self.unmatched)
                        .await;
                self.steps.extend(all);
                refused.into_iter().for_each(|error| self.refused(error));
            }
            Ok((_, None)) => {
                let words = "`directory` signs in, and finds no such application";
                self.found(step, State::Missing, words, Some("`lakekey provision` registers it"));
            }
            Err(error) => return self.refused(error),
        }
        let words = "whether `directory` may register and change applications shows only when it does";
        self.found(step, State::NotChecked, words, None);
    }

    /// Looks at every place of delivery.
    async fn sinks(&mut self, adapters: &dyn Adapters) {
        for credentials in &self.target.credentials {
            let job = match Job::open(self.context, credentials, adapters) {
                Ok(job) => job,
                Err(error) => return self.refused(error),
            };
            // What a place holds follows from the credentials; without them it is said whether it can be
            // read.
            if let Ok((observed, plan)) = job.decide(false).await {
                self.places(&observed, &plan);
                self.rights(&job, &observed, &plan).await;
                continue;
            }
            self.recommend(&job, None, false);
            for sink in &job.sinks {
                match sink.observe(self.context).await {
                    Ok(state) => {
                        let when = match state.written.timestamp() {
                            Some(time) => format!(", last written {time:.0}"),
                            None => String::new(),
                        };
                        self.fine(Step::ReadSinks, format!("{} can be read{when}", sink.label()));
                    }
                    Err(error) => self.refused(error),
                }
            }
        }
    }

    /// Tells what the credential in use may do, and recommends to say what it needs.
    async fn rights(&mut self, job: &Job<'_>, observed: &Observed, plan: &Plan) {
        let mut told = plan.shown().and_then(|shown| job.told(shown, observed));
        if let (Some(step), Some(shown)) = (&mut told, plan.shown()) {
            let mut report = TargetReport::new("", Outcome::Ok);
            fill::credential(&mut report, job, shown);
            scopes::enter_last_use(job, &mut report).await;
            if let Some(may) = report.credential.and_then(|entry| entry.may) {
                step.message = format!("{}: {may}", shown.id);
            }
            if shown.rights.narrows(shown.created).is_some() {
                step.state = State::Missing;
            }
            self.steps.extend(report.steps);
        }
        let is_limited = plan.shown().is_some_and(|shown| shown.rights.reach != Reach::All);
        self.recommend(job, told, is_limited);
    }

    /// Recommends to say what a PAT needs, where nothing limits it, beside what was told of it.
    fn recommend(&mut self, job: &Job<'_>, mut told: Option<StepReport>, is_limited: bool) {
        let lists = matches!(job.credentials.policy.scopes, Scopes::List(_) | Scopes::Auto);
        if job.store.kind() == CredentialKind::Pat && !lists && !is_limited {
            let key = format!("{}.scopes", job.credentials.path);
            let advice = format!(
                "write {key} with a list such as [sql, unity-catalog]: who gets hold of the PAT can then do \
                 no more than that (docs/scopes.md)"
            );
            let step = told.get_or_insert_with(|| {
                let words = "the first PAT may do everything that its principal may";
                StepReport::new(Step::CreateToken, State::Ok, words)
            });
            step.hint.get_or_insert(advice);
        }
        self.steps.extend(told);
    }

    /// Tells what each place holds.
    fn places(&mut self, observed: &Observed, plan: &Plan) {
        for seen in &observed.sinks {
            if let Some(error) = &seen.error {
                self.refused(error.clone());
                continue;
            }
            let label = &seen.label;
            let written = seen.state.written.timestamp();
            let when = written.map(|at| format!(", last written {at:.0}")).unwrap_or_default();
            let step = Step::ReadSinks;
            let rotate = Some("the next `lakekey rotate` delivers to it");
            match held(seen, plan.shown(), &observed.known) {
                Held::Current => {
                    self.fine(step, format!("{label} holds the current credential{when}"));
                    continue;
                }
                Held::Unknown => {
                    self.fine(step, format!("{label} can be read{when}; it cannot tell what it holds"))
                }
                Held::Nothing => self.found(step, State::Missing, format!("{label} holds nothing"), rotate),
                Held::Older => {
                    self.found(
                        step,
                        State::Missing,
                        format!("{label} holds an older credential{when}"),
                        rotate,
                    );
                }
                Held::Overwritten(at) => {
                    let what = if at.is_some() { "overwritten" } else { "emptied" };
                    let words = format!("another hand has {what} {label}{when}");
                    self.found(step, State::Missing, words, Some(Code::SinkOverwritten.hint()));
                }
            }
            let words = format!("whether {label} may be written shows the next delivery");
            self.found(Step::Deliver, State::NotChecked, words, None);
        }
        for (id, name) in &observed.strays {
            let words =
                format!("{id} is alive and bears the name of the target {name}, which is not configured");
            let hint = format!("if the target was renamed, write `formerly: [{name}]`");
            self.found(Step::ListTokens, State::Unknown, words, Some(&hint));
        }
    }
}
