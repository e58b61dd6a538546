//! `doctor`: walks the procedure read-only and says which step is refused, why, and what to do.

use super::provision::{admin_refused, find_principal};
use crate::call::Identity;
use crate::config::{PrincipalKind, Target};
use crate::context::{Context, Session};
use crate::error::{Code, Error, Step};
use crate::report::{Outcome, StepReport, TargetReport};
use crate::service::databricks::conf::token_settings;
use crate::service::databricks::permissions::{TokenPermission, token_permission};
use crate::service::databricks::tokens;
use crate::service::graph;
use crate::sign_in::{sign_in_admin, sign_in_directory, sign_in_principal};

/// Looks at every step of one target.
pub(super) async fn doctor(session: &Session<'_>, target: &Target) -> TargetReport {
    let context = Context::new(session, target);
    let mut report = TargetReport::new(&target.name, Outcome::Ok);
    let mut visit = Visit { context: &context, steps: Vec::new(), first: None };
    visit.kind();
    visit.workspace().await;
    visit.principal().await;
    visit.sinks().await;
    report.steps = visit.steps;
    report.error = visit.first;
    report.outcome = if report.error.is_some() { Outcome::Failed } else { Outcome::Ok };
    report.requests = context.requests();
    report
}

struct Visit<'a> {
    context: &'a Context<'a>,
    steps: Vec<StepReport>,
    /// The first refusal, which is what to mend first.
    first: Option<Error>,
}

impl Visit<'_> {
    fn found(&mut self, step: Step, state: &'static str, message: impl Into<String>, hint: Option<&str>) {
        let message = message.into();
        self.steps.push(StepReport { step: step.as_str(), state, message, hint: hint.map(str::to_owned) });
    }

    fn fine(&mut self, step: Step, message: impl Into<String>) {
        self.found(step, "ok", message, None);
    }

    fn refused(&mut self, error: Error) {
        let state = if matches!(error.code(), Code::AdminNotConfigured) { "unknown" } else { "refused" };
        self.steps.push(StepReport {
            step: error.step().as_str(),
            state,
            message: error.to_string(),
            hint: Some(error.hint().to_owned()),
        });
        if state == "refused" && self.first.is_none() {
            self.first = Some(error);
        }
    }

    /// Explains the choice between the two kinds of principal.
    fn kind(&mut self) {
        let message = match self.context.target.principal.kind {
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
        let admin = match sign_in_admin(self.context).await {
            Ok(admin) => admin,
            Err(error) => return self.refused(error),
        };
        match token_settings(self.context, &admin).await {
            Ok(settings) => {
                self.fine(Step::SignInAdmin, "the admin signs in");
                match settings.enabled {
                    Some(false) => self.refused(Error::new(
                        Code::TokensDisabled,
                        Step::WorkspaceSettings,
                        "personal access tokens are switched off for the whole workspace",
                    )),
                    Some(true) => {
                        self.fine(Step::WorkspaceSettings, "personal access tokens are switched on")
                    }
                    None => self.found(
                        Step::WorkspaceSettings,
                        "unknown",
                        "the workspace does not say whether personal access tokens are switched on; by \
                         default they are",
                        None,
                    ),
                }
                self.lifetime(settings.max_lifetime_days);
            }
            Err(error) => return self.refused(admin_refused(self.context, error)),
        }
        match find_principal(self.context, &admin).await {
            Ok(Some(principal)) => {
                if principal.active {
                    self.fine(
                        Step::ImportPrincipal,
                        format!("the workspace knows the service principal {}", principal.application_id),
                    );
                } else {
                    self.refused(Error::new(
                        Code::PrincipalInactive,
                        Step::ImportPrincipal,
                        "the service principal is switched off",
                    ));
                }
                let lacks = principal.lacks(&self.context.target.entitlements);
                if lacks.is_empty() {
                    self.fine(Step::AddEntitlements, "the service principal has every entitlement asked for");
                } else {
                    let names: Vec<&str> = lacks.iter().map(|e| e.as_str()).collect();
                    let hint = "`lakekey provision` adds them";
                    self.found(
                        Step::AddEntitlements,
                        "missing",
                        format!("it lacks {}", names.join(", ")),
                        Some(hint),
                    );
                }
                self.permission(&admin, &principal.application_id).await;
            }
            Ok(None) => self.refused(Error::new(
                Code::PrincipalNotInWorkspace,
                Step::ImportPrincipal,
                "the workspace does not know the service principal",
            )),
            Err(error) => self.refused(error),
        }
    }

    fn lifetime(&mut self, maximum: Option<u64>) {
        let Some(days) = maximum else { return };
        for credentials in &self.context.target.credentials {
            if credentials.policy.lifetime.seconds() > days * 86_400 {
                self.refused(
                    Error::new(
                        Code::LifetimeOverMaximum,
                        Step::WorkspaceSettings,
                        format!(
                            "the workspace allows {days} days at the most, and {} were asked for",
                            credentials.policy.lifetime
                        ),
                    )
                    .with_key(format!("{}.lifetime", credentials.path)),
                );
            }
        }
    }

    async fn permission(&mut self, admin: &Identity, application_id: &str) {
        match token_permission(self.context, admin, application_id).await {
            Ok(TokenPermission::Granted) => {
                self.fine(Step::GrantTokenPermission, "the service principal has CAN_USE on tokens")
            }
            Ok(TokenPermission::NotGranted) => self.found(
                Step::GrantTokenPermission,
                "missing",
                "the service principal has no CAN_USE of its own; it may have it through a group",
                Some("`lakekey provision` grants it"),
            ),
            Ok(TokenPermission::NoTokenYet) => self.found(
                Step::GrantTokenPermission,
                "missing",
                "no token was ever made in this workspace, so that nothing is granted yet",
                Some("`lakekey provision` makes the first one and grants the permission"),
            ),
            Err(error) => self.refused(error),
        }
    }

    /// Looks at what the principal itself may do.
    async fn principal(&mut self) {
        let identity = match sign_in_principal(self.context).await {
            Ok(identity) => identity,
            Err(error) => {
                let trusted = matches!(
                    error.code(),
                    Code::FederatedCredentialMismatch
                        | Code::FederatedCredentialCase
                        | Code::FederatedCredentialAudience
                );
                self.refused(error);
                if trusted {
                    self.trust().await;
                }
                return;
            }
        };
        match tokens::list(self.context, &identity, Step::ListTokens).await {
            Ok(listed) => {
                self.fine(Step::SignIn, "the service principal signs in");
                self.fine(Step::ListTokens, format!("it may use tokens, and has {}", listed.len()));
            }
            Err(error) => self.refused(error),
        }
    }

    /// Shows whom the application trusts, where `directory` may look, for what was sent to be compared with.
    async fn trust(&mut self) {
        let step = Step::MakeFederatedCredential;
        let principal = &self.context.target.principal;
        let (PrincipalKind::Entra, Some(id), Some(_)) =
            (principal.kind, &principal.client_id, &self.context.target.directory)
        else {
            return;
        };
        let registered = async {
            let directory = sign_in_directory(self.context, step).await?;
            let Some(application) = graph::find_application(self.context, &directory, Some(id), None).await?
            else {
                return Ok(Vec::new());
            };
            graph::list_federated_credentials(self.context, &directory, &application.object_id).await
        };
        let registered: Result<_, Error> = registered.await;
        match registered {
            Ok(registered) if registered.is_empty() => {
                self.found(step, "missing", "the application trusts nobody yet", None)
            }
            Ok(registered) => {
                for known in registered {
                    let audiences = known.audiences.join("\", \"");
                    let message = format!(
                        "registered is \"{}\": issuer \"{}\", subject \"{}\" and audience \"{audiences}\"",
                        known.name, known.issuer, known.subject
                    );
                    self.found(step, "ok", message, None);
                }
            }
            Err(error) => self.refused(error),
        }
    }

    /// Looks at every place of delivery.
    async fn sinks(&mut self) {
        for credentials in &self.context.target.credentials {
            let sinks = match super::sinks(self.context, credentials) {
                Ok(sinks) => sinks,
                Err(error) => return self.refused(error),
            };
            for sink in &sinks {
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
}
