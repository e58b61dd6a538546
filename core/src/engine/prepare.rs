//! From nothing to a principal that can use PATs: what is missing follows from what was found, and a run
//! makes it, one thing after the other. A second run finds all of it and writes nothing.

use std::time::Duration;

use super::action::{Action, names};
use super::checks::{self, Facts};
use super::fill;
use super::policy_seen::{self, PolicySeen};
use super::report::{State, StepReport, TargetReport};
use super::resolve::Target;
use super::world::{DirectorySeen, WorkspaceSeen, admin, observe_directory, observe_workspace};
use super::world::{entitlements_of_new, needs_directory, uses_tokens, wanted};
use crate::auth::{Context, find_in_workspace, sign_in_admin, sign_in_directory};
use crate::host::Phase;
use crate::http::{Identity, Patience};
use crate::model::{Code, Error, Step, Temporary};
use crate::service::databricks::conf::enable_tokens;
use crate::service::databricks::permissions::{
    TokenPermission, grant_token_permission, granting, token_permission,
};
use crate::service::databricks::{scim, tokens};
use crate::service::graph::{self, Application, By};

/// Holds what was found of a target, and what is to be made.
pub(super) struct Prepared {
    pub(super) actions: Vec<Action>,
    directory: Option<DirectorySeen>,
    pub(super) workspace: WorkspaceSeen,
    pub(super) admin: Identity,
}

impl Prepared {
    /// Looks at everything and lists what is missing.
    ///
    /// # Errors
    /// The first rule that is broken; as the services answer.
    pub(super) async fn observe(context: &Context<'_>, target: &Target) -> Result<Self, Error> {
        let environment = context.host().environment;
        checks::check(&Facts { target, environment, workspace: None, directory: None })?;
        let directory = match needs_directory(target) {
            true => Some(observe_directory(context, target).await?),
            false => None,
        };
        let seen = directory.as_ref();
        let admin = admin(context).await?;
        let workspace = observe_workspace(context, target, &admin, seen).await?;
        checks::check(&Facts { target, environment, workspace: Some(&workspace), directory: seen })?;
        let actions = missing(target, directory.as_ref(), &workspace);
        Ok(Self { actions, directory, workspace, admin })
    }

    /// Returns true where the principal is not in the workspace yet, so that it cannot be asked anything.
    pub(super) fn is_new(&self) -> bool {
        self.workspace.principal.is_none()
    }

    /// Returns the principal's application id, as far as it is known.
    pub(super) fn client_id(&self) -> Option<String> {
        let application = self.directory.as_ref().and_then(|seen| seen.application.as_ref());
        let found = self.workspace.principal.as_ref().map(|principal| principal.application_id.clone());
        application.map(|application| application.app_id.clone()).or(found).map(|id| id.to_ascii_lowercase())
    }

    /// Leaves only the actions that touch this principal in this workspace; returns false where something
    /// else is to be made before, which they cannot do without.
    pub(super) fn keep_safe(&mut self) -> bool {
        let is_safe = |action: &Action| {
            matches!(
                action,
                Action::ImportPrincipal { .. }
                    | Action::AddEntitlements(_)
                    | Action::MakeFirstToken
                    | Action::RemoveFirstToken
                    | Action::GrantTokenPermission
            )
        };
        let all = self.actions.len();
        self.actions.retain(is_safe);
        self.actions.len() == all
    }

    /// Shows the request of an action.
    pub(super) fn request(&self, target: &Target, action: &Action) -> Option<String> {
        const LEARNT: &str = "(the id that the answer before gives)";
        let (admin, known) = (&self.admin, self.client_id());
        let id = known.as_deref().or(target.subject.principal.client_id.as_deref());
        let call = match action {
            Action::ImportPrincipal { name } => scim::creation(admin, id, name, entitlements_of_new(target)),
            Action::AddEntitlements(lacks) => {
                scim::addition(admin, &self.workspace.principal.as_ref()?.id, lacks)
            }
            Action::MakeFirstToken => tokens::creation(admin, FIRST, true),
            Action::RemoveFirstToken => tokens::deletion(admin, LEARNT, Step::GrantTokenPermission),
            Action::GrantTokenPermission => granting(admin, id.unwrap_or(LEARNT)),
            _ => return None,
        };
        Some(call.shown())
    }

    /// Lists the steps at which a run makes something that takes a while to be known everywhere.
    pub(super) fn made(&self) -> Vec<Step> {
        let lasting = |action: &&Action| !matches!(action, Action::MakeFirstToken | Action::RemoveFirstToken);
        self.actions.iter().filter(lasting).map(Action::step).collect()
    }

    /// Makes what is missing, and returns the principal's application id.
    ///
    /// # Errors
    /// As the services answer; what was made stays, and the next run finds it.
    pub(super) async fn carry_out(
        &self,
        context: &Context<'_>,
        target: &Target,
        report: &mut TargetReport,
    ) -> Result<Option<String>, Error> {
        self.tell_what_stands(context, target);
        let mut making =
            Making { context, target, prepared: self, application: None, client_id: self.client_id() };
        for action in &self.actions {
            match making.make(action).await? {
                Made::Now(words) => {
                    context.event(action.step(), Phase::Done, words.clone());
                    fill::done(report, action.step(), words);
                }
                Made::Meanwhile(words) => {
                    context.event(action.step(), Phase::Skipped, words.clone());
                    report.steps.push(StepReport::new(action.step(), State::Ok, words));
                }
            }
        }
        Ok(making.client_id)
    }

    fn tell_what_stands(&self, context: &Context<'_>, target: &Target) {
        let planned = |step: Step| self.actions.iter().any(|action| action.step() == step);
        let stands = |step: Step, words: String| {
            if !planned(step) {
                context.event(step, Phase::Skipped, words);
            }
        };
        if let Some(DirectorySeen { application: Some(application), federated, .. }) = &self.directory {
            let id = &application.app_id;
            stands(Step::MakeApplication, format!("the application {id} is registered"));
            let words = "the application has its service principal in the tenant";
            stands(Step::MakeServicePrincipal, words.to_owned());
            if let Some((trust, true)) = federated {
                stands(
                    Step::MakeFederatedCredential,
                    format!("the application trusts {}", trust.matches.as_str()),
                );
            }
        }
        if let Some(PolicySeen { policy, is_there: true }) = &self.workspace.policy {
            let words = format!("the service principal trusts {}", policy.subject);
            stands(Step::MakeFederationPolicy, words);
        }
        if let Some(principal) = &self.workspace.principal {
            let id = &principal.application_id;
            stands(Step::ImportPrincipal, format!("the workspace knows the service principal {id}"));
        }
        if !uses_tokens(target) {
            return;
        }
        stands(Step::WorkspaceSettings, "personal access tokens are not switched off".to_owned());
        stands(Step::GrantTokenPermission, "the service principal may use tokens".to_owned());
    }
}

/// Lists what is missing.
fn missing(target: &Target, directory: Option<&DirectorySeen>, workspace: &WorkspaceSeen) -> Vec<Action> {
    let principal = &target.subject.principal;
    let name = principal.display_name.as_deref().unwrap_or(&target.subject.name);
    let mut actions = Vec::new();
    if let Some(seen) = directory {
        if seen.application.is_none() {
            actions.push(Action::MakeApplication { name: name.to_owned() });
        }
        if !seen.service_principal {
            actions.push(Action::MakeServicePrincipal);
        }
        if let Some((trust, false)) = &seen.federated {
            actions.push(Action::MakeFederatedCredential(trust.clone()));
        }
    }
    actions.extend(missing_in_workspace(target, workspace));
    if let Some(PolicySeen { policy, is_there: false }) = &workspace.policy {
        actions.push(Action::MakeFederationPolicy(policy.clone()));
    }
    actions
}

/// Lists what is missing in the workspace.
pub(super) fn missing_in_workspace(target: &Target, workspace: &WorkspaceSeen) -> Vec<Action> {
    let principal = &target.subject.principal;
    let mut actions = Vec::new();
    let uses_tokens = uses_tokens(target);
    if uses_tokens && workspace.settings.enabled == Some(false) && target.allow_enable_tokens {
        actions.push(Action::EnableTokens);
    }
    match &workspace.principal {
        None => {
            let name = principal.display_name.as_deref().unwrap_or(&target.subject.name).to_owned();
            actions.push(Action::ImportPrincipal { name });
        }
        Some(_) => {
            let lacks = workspace.lacks(target);
            if !lacks.is_empty() {
                actions.push(Action::AddEntitlements(lacks));
            }
        }
    }
    match workspace.permission {
        _ if !uses_tokens => {}
        Some(TokenPermission::Granted) => {}
        // Adding it to what has it changes nothing.
        None | Some(TokenPermission::NotGranted) => actions.push(Action::GrantTokenPermission),
        Some(TokenPermission::NoTokenYet) => {
            actions.extend([Action::MakeFirstToken, Action::RemoveFirstToken, Action::GrantTokenPermission]);
        }
    }
    actions
}

/// The admin's first token, which lives for ten minutes at the most.
const FIRST: tokens::New<'static> = tokens::New {
    comment: "made by lakekey and removed at once: the workspace had no token to grant a permission on",
    lifetime: 600,
    scopes: None,
    watched: false,
};

/// How long provisioning waits until what it has made works; federated credentials were seen to take two
/// minutes.
pub(super) const PROPAGATION: Duration = Duration::from_secs(300);

/// How often the workspace is asked for a principal that it has just made.
const SHOWN: u32 = 4;

/// Says what came of an action.
enum Made {
    /// This run has done it.
    Now(String),
    /// It was there when this run came to it, or the answer was lost: who has made it nobody knows.
    Meanwhile(String),
}

/// Makes one thing after the other, and keeps what the next one needs.
struct Making<'a> {
    context: &'a Context<'a>,
    target: &'a Target,
    prepared: &'a Prepared,
    application: Option<Application>,
    client_id: Option<String>,
}

impl Making<'_> {
    /// Does what an action says, and tells what was done.
    async fn make(&mut self, action: &Action) -> Result<Made, Error> {
        // A token of a federated sign-in may live for minutes, and what came before may have taken longer.
        let (context, admin) = (self.context, &admin(self.context).await?);
        let words = match action {
            Action::MakeApplication { .. } => {
                let directory = sign_in_directory(context, Step::MakeApplication).await?;
                let by = wanted(self.target)?;
                let made = graph::ensure_application(context, &directory, by).await?;
                if let (By::Name(_), false) = (by, made.created) {
                    // Somebody has registered it since it was looked for.
                    graph::check_ours(context, &directory, &made).await?;
                }
                let (id, created) = (made.app_id.clone(), made.created);
                self.client_id = Some(id.clone());
                self.application = Some(made);
                if !created {
                    return Ok(Made::Meanwhile(format!("the application {id} is registered by now")));
                }
                format!("registered the application {id}, single tenant")
            }
            Action::MakeServicePrincipal => {
                let directory = sign_in_directory(context, Step::MakeServicePrincipal).await?;
                let id = &self.application()?.app_id;
                if !graph::ensure_service_principal(context, &directory, id).await?.created {
                    let words = "the application has its service principal in the tenant by now";
                    return Ok(Made::Meanwhile(words.to_owned()));
                }
                "made its service principal in the tenant".to_owned()
            }
            Action::MakeFederatedCredential(trust) => {
                let directory = sign_in_directory(context, Step::MakeFederatedCredential).await?;
                let application = self.application()?;
                if !graph::ensure_federated_credential(context, &directory, application, trust).await?.created
                {
                    return Ok(Made::Meanwhile(format!("it trusts {} by now", trust.matches.as_str())));
                }
                format!("made it trust {}, so that no secret is needed", trust.matches.as_str())
            }
            Action::MakeFederationPolicy(policy) => {
                let id = self.client_id.as_deref();
                let found = find_in_workspace(context, admin, id).await?;
                let found = found.ok_or_else(|| {
                    let words = "the workspace does not show the service principal that it has";
                    Error::new(Code::SpreadingTooSlow, Step::MakeFederationPolicy, words)
                })?;
                let subject = &policy.subject;
                if !policy_seen::make(context, &found.id, policy).await? {
                    return Ok(Made::Meanwhile(format!("it trusts {subject} by now")));
                }
                format!("made it trust {subject} by a federation policy, so that no secret is needed")
            }
            Action::EnableTokens => {
                enable_tokens(context, admin).await?;
                "switched personal access tokens on for the whole workspace".to_owned()
            }
            Action::ImportPrincipal { name } => return self.import(name, admin).await,
            Action::AddEntitlements(lacks) => {
                let found = self.prepared.workspace.principal.as_ref();
                let id = found.map_or("", |principal| principal.id.as_str());
                scim::add_entitlements(context, admin, id, lacks).await?;
                format!("added the entitlements {}", names(lacks))
            }
            Action::MakeFirstToken => {
                self.first_token(admin).await?;
                "made a token of the admin's, since the workspace had none".to_owned()
            }
            Action::RemoveFirstToken => {
                self.remove_first_token(admin).await?;
                "removed the admin's token again".to_owned()
            }
            Action::GrantTokenPermission => {
                let id = self.client_id.as_deref().unwrap_or_default();
                if self.prepared.workspace.permission.is_none()
                    && token_permission(context, admin, id).await? == TokenPermission::NoTokenYet
                {
                    self.first_token(admin).await?;
                    self.remove_first_token(admin).await?;
                }
                let imports = self.prepared.workspace.principal.is_none();
                let patience = Patience::within(PROPAGATION).for_propagation_alone();
                let grant =
                    async || grant_token_permission(context, &sign_in_admin(context).await?, id).await;
                match imports {
                    true => context.retry(Step::GrantTokenPermission, patience, grant).await?,
                    false => grant_token_permission(context, admin, id).await?,
                }
                "granted the service principal CAN_USE on tokens".to_owned()
            }
            Action::Create { .. }
            | Action::Verify { .. }
            | Action::Prepare(_)
            | Action::Retire { .. }
            | Action::Deliver { .. }
            | Action::Mark(_)
            | Action::Supersede(_)
            | Action::Revoke { .. } => {
                let words = format!("provisioning was asked to {action}");
                return Err(Error::new(Code::Internal, action.step(), words));
            }
        };
        Ok(Made::Now(words))
    }

    fn application(&self) -> Result<&Application, Error> {
        let found = self.prepared.directory.as_ref().and_then(|seen| seen.application.as_ref());
        self.application.as_ref().or(found).ok_or_else(|| {
            Error::new(Code::Internal, Step::MakeApplication, "no application was found or made")
        })
    }

    /// Adds the principal to the workspace with its entitlements.
    async fn import(&mut self, name: &str, admin: &Identity) -> Result<Made, Error> {
        let context = self.context;
        let configured = self.target.subject.principal.client_id.as_deref();
        let id = self.client_id.as_deref().or(configured);
        let created = scim::create(context, admin, id, name, entitlements_of_new(self.target)).await;
        let principal = match created {
            Ok(created) if self.is_as_asked(&created, (id, name), admin).await? => created,
            Ok(created) => {
                let words = format!("the creation was answered with {}, another one", created.application_id);
                return Err(Error::new(Code::ReplyInvalid, Step::ImportPrincipal, words));
            }
            // It may exist: another run made it, or the reply to the first try was lost. A second one must
            // not be made.
            Err(error) => {
                let found = find_in_workspace(context, admin, id).await?.ok_or(error)?;
                let words =
                    format!("the service principal {} is in the workspace by now", found.application_id);
                self.client_id = Some(found.application_id);
                return Ok(Made::Meanwhile(words));
            }
        };
        let words = format!("added the service principal {} to the workspace", principal.application_id);
        self.client_id = Some(principal.application_id);
        Ok(Made::Now(words))
    }

    /// Compares the answer to a creation with what was asked: the id, or else what the workspace then shows
    /// under the id that it has given.
    async fn is_as_asked(
        &self,
        created: &scim::ServicePrincipal,
        (id, name): (Option<&str>, &str),
        admin: &Identity,
    ) -> Result<bool, Error> {
        if let Some(id) = id {
            return Ok(created.application_id.eq_ignore_ascii_case(id));
        }
        let context = self.context;
        let patience = Patience::attempts(SHOWN);
        let shown = context.retry(Step::ImportPrincipal, patience, async || {
            let by = scim::By::ApplicationId(&created.application_id);
            let words = format!("the workspace does not show {} yet", created.application_id);
            let slow = || Error::new(Code::SpreadingTooSlow, Step::ImportPrincipal, words);
            let found = scim::find(context, admin, by).await?.pop();
            found.ok_or_else(|| slow().with_temporary(Temporary::Yes))
        });
        Ok(shown.await?.display_name == name)
    }

    async fn first_token(&self, admin: &Identity) -> Result<(), Error> {
        match tokens::create(self.context, admin, FIRST).await {
            Err(error) if !error.is_uncertain() => Err(error),
            // What may have been made is found by its comment and removed.
            _ => Ok(()),
        }
    }

    async fn remove_first_token(&self, admin: &Identity) -> Result<(), Error> {
        let (context, step) = (self.context, Step::GrantTokenPermission);
        let mine = tokens::list(context, admin, step).await?;
        for info in mine.iter().filter(|info| info.comment.as_deref() == Some(FIRST.comment)) {
            tokens::delete(context, admin, &info.token_id, step).await?;
        }
        Ok(())
    }
}
