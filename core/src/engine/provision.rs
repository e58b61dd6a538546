//! `provision`: from nothing to a principal that can use PATs, and a first credential.
//!
//! Every step finds before it makes, adds what is missing and removes nothing, so that a second run writes
//! nothing.

use std::time::Duration;

use super::application::{Found, application};
use super::status::{self, step};
use super::{finish, on_credentials};
use crate::call::Identity;
use crate::config::{Auth, PrincipalKind, Target};
use crate::context::{Context, Session};
use crate::error::{Code, Error, Step};
use crate::event;
use crate::report::{Outcome, StepReport, TargetReport};
use crate::service::databricks::conf::{enable_tokens, token_settings};
use crate::service::databricks::permissions::{TokenPermission, grant_token_permission, token_permission};
use crate::service::databricks::scim::{self, ServicePrincipal};
use crate::service::databricks::tokens;
use crate::sign_in::sign_in_admin;

/// How long provisioning waits until what it has made works; federated credentials were seen to take two
/// minutes.
const SPREADING: Duration = Duration::from_secs(300);

/// Keeps account of what provisioning does, or would do.
pub(super) struct Progress<'a> {
    context: &'a Context<'a>,
    dry_run: bool,
    steps: Vec<StepReport>,
    changed: bool,
}

impl<'a> Progress<'a> {
    fn new(context: &'a Context<'a>, dry_run: bool) -> Self {
        Self { context, dry_run, steps: Vec::new(), changed: false }
    }

    /// Says that something stands as it shall.
    pub(super) fn stands(&self, step: Step, message: impl Into<String>) {
        self.context.event(step, event::Phase::Skipped, message);
    }

    /// Returns true where a change shall be made; in a dry run it is only noted.
    pub(super) fn shall(&mut self, at: Step, message: &str) -> bool {
        if self.dry_run {
            self.steps.push(step(at.as_str(), "would", message));
        }
        !self.dry_run
    }

    /// Says that a change was made.
    pub(super) fn made(&mut self, step: Step, message: impl Into<String>) {
        self.changed = true;
        self.context.event(step, event::Phase::Done, message);
    }
}

/// Provisions a target, or says what would be done.
pub(super) async fn provision(session: &Session<'_>, target: &Target, dry_run: bool) -> Vec<TargetReport> {
    let context = Context::new(session, target);
    let mut progress = Progress::new(&context, dry_run);
    let prepared = prepare(&context, &mut progress).await;
    let Progress { steps, changed, .. } = progress;
    let requests = context.requests();
    let principal_ready = match prepared {
        Ok(ready) => ready,
        Err(error) => {
            let mut report = TargetReport::new(&target.name, Outcome::Failed);
            report.steps = steps;
            finish(&context, &mut report, Err(error));
            return vec![report];
        }
    };
    let mut reports = Vec::with_capacity(target.credentials.len());
    // The secrets first: the principal signs in with them.
    for credentials in target.credentials.iter().filter(|c| !c.deliver.is_empty()) {
        let context = Context::new(session, &principal_ready);
        if dry_run && !steps.is_empty() {
            // What does not exist yet cannot be asked.
            let mut report = TargetReport::new(&target.name, Outcome::Ok);
            report.steps.push(step(
                "create-token",
                "would",
                format!("make and deliver a first {}", credentials.kind.as_str()),
            ));
            reports.push(report);
            continue;
        }
        let report = on_credentials(
            &context,
            credentials,
            Outcome::Ok,
            &async |job: &super::rotate::Job<'_>, report: &mut TargetReport| {
                if dry_run {
                    return status::would(job, false, report).await;
                }
                let started = context.now();
                let mut attempt = 1;
                loop {
                    match job.rotate(false, report).await {
                        Err(error) if changed && is_spreading(&error, target.principal.kind) => {
                            let wait = context.backoff(attempt);
                            let spent = context.now().as_millisecond() - started.as_millisecond();
                            if Duration::from_millis(u64::try_from(spent).unwrap_or(0)) + wait > SPREADING {
                                return Err(error.with_hint(
                                    "what was made stays; run `lakekey provision` again in a few minutes",
                                ));
                            }
                            context.event(
                                error.step(),
                                event::Phase::Waiting,
                                format!("what was made does not work everywhere yet: {error}"),
                            );
                            context.sleep(wait, error.step()).await?;
                            attempt += 1;
                        }
                        other => return other,
                    }
                }
            },
        )
        .await;
        reports.push(report);
    }
    if reports.is_empty() {
        reports.push(TargetReport::new(&target.name, Outcome::Ok));
    }
    for (index, report) in reports.iter_mut().enumerate() {
        if index == 0 {
            report.requests += requests;
            report.steps.splice(0..0, steps.clone());
        }
        report.outcome = match report.outcome {
            Outcome::Rotated => Outcome::Provisioned,
            Outcome::NotDue if changed => Outcome::Provisioned,
            Outcome::NotDue => Outcome::Ok,
            Outcome::Ok if changed => Outcome::Provisioned,
            other => other,
        };
    }
    reports
}

/// Returns true for a refusal that a change made moments ago explains.
fn is_spreading(error: &Error, kind: PrincipalKind) -> bool {
    // The federation policy of a Databricks-managed principal is nothing that provisioning makes: no wait
    // brings it.
    if kind == PrincipalKind::Databricks && error.code() == Code::FederatedCredentialMismatch {
        return false;
    }
    matches!(
        error.code(),
        Code::ClientSecretWrong
            | Code::ClientSecretExpired
            | Code::ApplicationNotFound
            | Code::ServicePrincipalMissing
            | Code::FederatedCredentialMismatch
            | Code::TokenPermissionMissing
            | Code::TokensDisabled
            | Code::PrincipalNotInWorkspace
            | Code::CredentialInvalid
    ) && matches!(error.step(), Step::SignIn | Step::ListTokens | Step::CreateToken)
}

/// Makes the principal able to use tokens, and returns the target with what was learnt of the principal.
async fn prepare(context: &Context<'_>, progress: &mut Progress<'_>) -> Result<Target, Error> {
    let mut target = context.target.clone();
    match application(context, progress).await? {
        Found::ClientId(id) => target.principal.client_id = Some(id),
        Found::ByName => {}
        Found::WouldMake => return Ok(target),
    }
    let known = Context::new(context.session, &target);
    let result = in_workspace(&known, progress).await;
    context.count(known.requests());
    let application_id = result?;
    if let Some(id) = application_id {
        target.principal.client_id = Some(id);
    }
    Ok(target)
}

/// Does what the workspace admin does, and returns the principal's application id, unless a dry run would
/// make it.
async fn in_workspace(context: &Context<'_>, progress: &mut Progress<'_>) -> Result<Option<String>, Error> {
    let admin = sign_in_admin(context).await?;
    settings(context, &admin, progress).await?;
    let Some(principal) = import(context, &admin, progress).await? else { return Ok(None) };
    grant(context, &admin, &principal.application_id, progress).await?;
    Ok(Some(principal.application_id))
}

/// Checks the workspace's settings for tokens, and switches tokens on where that was asked for.
async fn settings(context: &Context<'_>, admin: &Identity, progress: &mut Progress<'_>) -> Result<(), Error> {
    let settings = token_settings(context, admin).await.map_err(|error| admin_refused(context, error))?;
    for credentials in &context.target.credentials {
        let over =
            settings.max_lifetime_days.filter(|days| credentials.policy.lifetime.seconds() > days * 86_400);
        if let (crate::credential::CredentialKind::Pat, Some(days)) = (credentials.kind, over) {
            return Err(Error::config(
                Code::LifetimeOverMaximum,
                format!("{}.lifetime", credentials.path),
                format!(
                    "the workspace allows {days} days at the most, and {} were asked for",
                    credentials.policy.lifetime
                ),
            ));
        }
    }
    if settings.enabled != Some(false) {
        progress.stands(Step::WorkspaceSettings, "personal access tokens are not switched off");
        return Ok(());
    }
    if !context.target.allow_enable_tokens {
        return Err(Error::new(
            Code::TokensDisabled,
            Step::WorkspaceSettings,
            "personal access tokens are switched off for the whole workspace",
        ));
    }
    if progress.shall(Step::WorkspaceSettings, "switch personal access tokens on for the whole workspace") {
        enable_tokens(context, admin).await?;
        progress.made(Step::WorkspaceSettings, "switched personal access tokens on for the whole workspace");
    }
    Ok(())
}

/// Says at the admin's first request that it is the admin who was refused, and why that may be.
pub(super) fn admin_refused(context: &Context<'_>, error: Error) -> Error {
    let refused =
        matches!(error.code(), Code::CredentialInvalid | Code::AdminRequired | Code::PrincipalNotInWorkspace);
    let error = if refused { error.at(Step::SignInAdmin) } else { error };
    if error.code() == Code::CredentialInvalid && matches!(context.target.admin, Some(Auth::Pat { .. })) {
        return error.with_hint(
            "the admin's token is wrong, expired or revoked; or personal access tokens are switched off for \
             the whole workspace, which refuses the admin's too: then give `admin` another way to sign in, \
             such as azure-cli",
        );
    }
    error
}

/// Finds the principal in the workspace, by its application id or else by its name.
///
/// # Errors
/// `application-ambiguous` where several bear the name.
pub(super) async fn find_principal(
    context: &Context<'_>,
    admin: &Identity,
) -> Result<Option<ServicePrincipal>, Error> {
    let principal = &context.target.principal;
    let (attribute, value) = match (&principal.client_id, &principal.display_name) {
        (Some(id), _) => ("applicationId", id),
        (None, Some(name)) => ("displayName", name),
        (None, None) => {
            return Err(Error::config(
                Code::ConfigMissingKey,
                format!("{}.principal.client-id", context.target.path),
                "give `client-id` or `display-name` to say which principal is meant",
            ));
        }
    };
    let mut found = scim::find(context, admin, attribute, value).await?;
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|p| p.application_id.as_str()).collect();
        return Err(Error::new(
            Code::ApplicationAmbiguous,
            Step::ImportPrincipal,
            format!("several service principals are named \"{value}\": {}", ids.join(", ")),
        ));
    }
    Ok(found.pop())
}

/// Imports the principal with its entitlements; `None` where a dry run has nothing to go on with.
async fn import(
    context: &Context<'_>,
    admin: &Identity,
    progress: &mut Progress<'_>,
) -> Result<Option<ServicePrincipal>, Error> {
    let target = context.target;
    let wanted = &target.entitlements;
    if let Some(principal) = find_principal(context, admin).await? {
        if !principal.active {
            return Err(Error::new(
                Code::PrincipalInactive,
                Step::ImportPrincipal,
                "the service principal is switched off in the workspace",
            ));
        }
        progress.stands(
            Step::ImportPrincipal,
            format!("the workspace knows the service principal {}", principal.application_id),
        );
        let lacks = principal.lacks(wanted);
        if lacks.is_empty() {
            return Ok(Some(principal));
        }
        let names: Vec<&str> = lacks.iter().map(|e| e.as_str()).collect();
        let names = names.join(", ");
        if progress.shall(Step::AddEntitlements, &format!("add the entitlements {names}")) {
            scim::add_entitlements(context, admin, &principal.id, &lacks).await?;
            progress.made(Step::AddEntitlements, format!("added the entitlements {names}"));
        }
        return Ok(Some(principal));
    }
    let id = target.principal.client_id.as_deref();
    if target.principal.kind == PrincipalKind::Entra && id.is_none() {
        return Err(Error::new(
            Code::DirectoryNotConfigured,
            Step::MakeApplication,
            "the workspace knows no service principal of this name, and `directory` does not say who may \
             register its application",
        ));
    }
    if target.principal.kind == PrincipalKind::Databricks && id.is_some() {
        return Err(Error::new(
            Code::PrincipalNotInWorkspace,
            Step::ImportPrincipal,
            "the workspace has no service principal with this client-id",
        )
        .with_hint(
            "leave principal.client-id out to have a Databricks-managed principal made under its \
             display-name",
        ));
    }
    let name = target.principal.display_name.as_deref().unwrap_or(&target.name);
    if !progress.shall(Step::ImportPrincipal, &format!("add the service principal {name} to the workspace")) {
        return Ok(None);
    }
    let created = match scim::create(context, admin, id, name, wanted).await {
        Ok(created) => created,
        // It may exist: another run made it, or the reply to the first try was lost. A second one must not be
        // made.
        Err(error) => match find_principal(context, admin).await? {
            Some(principal) => principal,
            None => return Err(error),
        },
    };
    progress.made(
        Step::ImportPrincipal,
        format!("added the service principal {} to the workspace", created.application_id),
    );
    Ok(Some(created))
}

/// Grants the permission to use tokens.
async fn grant(
    context: &Context<'_>,
    admin: &Identity,
    application_id: &str,
    progress: &mut Progress<'_>,
) -> Result<(), Error> {
    let permission = token_permission(context, admin, application_id).await?;
    if permission == TokenPermission::Granted {
        progress.stands(Step::GrantTokenPermission, "the service principal may use tokens");
        return Ok(());
    }
    if !progress.shall(Step::GrantTokenPermission, "grant the service principal CAN_USE on tokens") {
        return Ok(());
    }
    if permission == TokenPermission::NoTokenYet {
        first_token(context, admin).await?;
    }
    grant_token_permission(context, admin, application_id).await?;
    progress.made(Step::GrantTokenPermission, "granted the service principal CAN_USE on tokens");
    Ok(())
}

/// Makes and removes a token of the admin's, since a workspace in which no token was ever made has nothing to
/// grant on.
async fn first_token(context: &Context<'_>, admin: &Identity) -> Result<(), Error> {
    const COMMENT: &str =
        "made by lakekey and removed at once: the workspace had no token to grant a permission on";
    let created = tokens::create(context, admin, COMMENT, 600, None).await;
    match &created {
        Ok((_, info)) => tokens::delete(context, admin, &info.token_id, Step::GrantTokenPermission).await,
        Err(error) if error.is_uncertain() => {
            let mine = tokens::list(context, admin, Step::GrantTokenPermission).await?;
            for info in mine.iter().filter(|info| info.comment.as_deref() == Some(COMMENT)) {
                tokens::delete(context, admin, &info.token_id, Step::GrantTokenPermission).await?;
            }
            Ok(())
        }
        Err(error) => Err(error.clone()),
    }
}
