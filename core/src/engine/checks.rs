//! The rules that stand between a configuration and what it asks for. Each is one pure function in one list;
//! `doctor` tells all that are broken, and a run stops at the first.

use super::action::names;
use super::command::{Command, Revocation, RunRequest, is_pattern};
use super::resolve::{Target, lost};
use super::world::{DirectorySeen, WorkspaceSeen, needs_directory, uses_tokens};
use crate::auth::{SignIn, environment_sign_in};
use crate::host::Environment;
use crate::model::{Code, CredentialKind, Entitlement, Error, PrincipalKind, Step};

/// Holds what the rules look at; what is not known breaks none.
pub(super) struct Facts<'a> {
    pub(super) target: &'a Target,
    pub(super) environment: &'a dyn Environment,
    /// What the workspace says, where its admin was asked.
    pub(super) workspace: Option<&'a WorkspaceSeen>,
    /// What Entra ID says, where it was asked.
    pub(super) directory: Option<&'a DirectorySeen>,
}

impl Facts<'_> {
    /// Returns the application id of the principal that was found, in Entra ID or else in the workspace.
    fn found(&self) -> Option<&str> {
        let application = self.directory.and_then(|seen| seen.application.as_ref());
        let principal = || self.workspace?.principal.as_ref().map(|found| found.application_id.as_str());
        application.map(|application| application.app_id.as_str()).or_else(principal)
    }
}

type Rule = fn(&Facts<'_>) -> Option<Error>;

/// What the configuration and the environment tell by themselves.
const OFFLINE: &[Rule] = &[somebody_makes_the_federated_credential, a_new_secret_has_a_place];

/// What the workspace tells.
const ONLINE: &[Rule] = &[
    the_sign_in_is_the_principals,
    the_lifetime_is_within_the_maximum,
    tokens_are_switched_on,
    the_principal_can_be_imported,
    the_principal_is_active,
    the_entitlements_go_together,
];

/// Returns the rules that are broken, in the order of the procedure.
pub(super) fn broken(facts: &Facts<'_>) -> impl Iterator<Item = Error> {
    OFFLINE.iter().chain(ONLINE).filter_map(|rule| rule(facts))
}

/// Stops at the first rule that is broken.
///
/// # Errors
/// What the rule says.
pub(super) fn check(facts: &Facts<'_>) -> Result<(), Error> {
    broken(facts).next().map_or(Ok(()), Err)
}

fn somebody_makes_the_federated_credential(facts: &Facts<'_>) -> Option<Error> {
    let subject = &facts.target.subject;
    let needed =
        subject.principal.kind == PrincipalKind::Entra && facts.target.federated_credential.is_some();
    (needed && subject.directory.is_none()).then(|| {
        let words = "a federated credential is wanted, and `directory` does not say who may make it";
        Error::new(Code::DirectoryNotConfigured, Step::MakeFederatedCredential, words)
    })
}

/// Refuses to begin where the principal could sign in only with a secret that nobody would keep.
fn a_new_secret_has_a_place(facts: &Facts<'_>) -> Option<Error> {
    let target = facts.target;
    let own = target.subject.auth.as_ref().filter(|_| needs_directory(target))?;
    own.method.secret_of(CredentialKind::ClientSecret)?;
    let missing = own.check_references(facts.environment).is_err();
    (missing && target.credential(CredentialKind::ClientSecret).is_none()).then(|| {
        let words = format!(
            "{}.client-secret holds nothing yet, and `client-secret.deliver` does not say where a new one \
             would be kept",
            own.path
        );
        Error::new(Code::ClientSecretUndelivered, Step::MakeApplication, words)
    })
}

/// Refuses a sign-in of another application than the one that bears the principal's name: what is made for
/// the one would be tried with the other.
fn the_sign_in_is_the_principals(facts: &Facts<'_>) -> Option<Error> {
    let subject = &facts.target.subject;
    let (auth, name) = (subject.auth.as_ref()?, subject.principal.display_name.as_ref()?);
    let own = auth.method.client_id().filter(|_| subject.principal.client_id.is_none())?;
    let words = match facts.found() {
        Some(found) if found.eq_ignore_ascii_case(own) => return None,
        Some(found) => format!("this is not the principal {name}, whose application id is {found}"),
        None if facts.directory.is_some() => {
            format!("no application is named {name} yet, and a new one would have another application id")
        }
        None => return None,
    };
    let error = Error::invalid(&format!("{}.client-id", auth.path), words);
    Some(error.with_hint(
        "leave it out, so that the principal signs in itself; or name the application by principal.client-id",
    ))
}

/// The workspace limits PATs alone: a client secret lives in Entra ID.
fn the_lifetime_is_within_the_maximum(facts: &Facts<'_>) -> Option<Error> {
    let days = facts.workspace?.settings.max_lifetime_days?;
    let token = facts.target.credential(CredentialKind::Pat)?;
    let lifetime = token.policy.lifetime;
    (lifetime.seconds() > days * 86_400).then(|| {
        let words = format!("the workspace allows {days} days at the most, and {lifetime} were asked for");
        Error::new(Code::LifetimeOverMaximum, Step::WorkspaceSettings, words)
            .with_key(format!("{}.lifetime", token.path))
    })
}

/// Refuses to add what the workspace does not combine with what the principal has already.
fn the_entitlements_go_together(facts: &Facts<'_>) -> Option<Error> {
    let (target, seen) = (facts.target, facts.workspace?);
    let (has, lacks) = (seen.entitlements(), seen.lacks(target));
    let consumes = |all: &[Entitlement]| all.contains(&Entitlement::WorkspaceConsume);
    let more = |all: &[Entitlement]| all.iter().any(|e| e.admits() && *e != Entitlement::WorkspaceConsume);
    let clash = consumes(&lacks) && more(&has) || more(&lacks) && consumes(&has);
    clash.then(|| {
        let words = format!(
            "the principal has {}, and workspace-consume does not go together with another entitlement",
            names(&has)
        );
        Error::invalid(&format!("{}.entitlements", target.subject.path), words)
            .with_hint("write the entitlements that it has, or take those away first in the workspace")
    })
}

fn tokens_are_switched_on(facts: &Facts<'_>) -> Option<Error> {
    let off = facts.workspace?.settings.enabled == Some(false) && uses_tokens(facts.target);
    (off && !facts.target.allow_enable_tokens).then(|| {
        let words = "personal access tokens are switched off for the whole workspace";
        Error::new(Code::TokensDisabled, Step::WorkspaceSettings, words)
    })
}

fn the_principal_can_be_imported(facts: &Facts<'_>) -> Option<Error> {
    let principal = &facts.target.subject.principal;
    if facts.workspace?.principal.is_some() {
        return None;
    }
    let id = facts.found().or(principal.client_id.as_deref());
    match (principal.kind, id) {
        // With `directory` the application is made, and its id is known then.
        (PrincipalKind::Entra, None) if !needs_directory(facts.target) => Some(Error::new(
            Code::DirectoryNotConfigured,
            Step::MakeApplication,
            "the workspace knows no service principal of this name, and `directory` does not say who may \
             register its application",
        )),
        (PrincipalKind::Databricks, Some(_)) => Some(
            Error::new(
                Code::PrincipalNotInWorkspace,
                Step::ImportPrincipal,
                "the workspace has no service principal with this client-id",
            )
            .with_hint(
                "leave principal.client-id out to have a Databricks-managed principal made under its \
                 display-name",
            ),
        ),
        _ => None,
    }
}

fn the_principal_is_active(facts: &Facts<'_>) -> Option<Error> {
    let inactive = facts.workspace?.principal.as_ref().is_some_and(|principal| !principal.active);
    inactive.then(|| {
        let words = "the service principal is switched off in the workspace";
        Error::new(Code::PrincipalInactive, Step::ImportPrincipal, words)
    })
}

/// Checks, before anything is sent, that every secret is there which a command will need.
///
/// # Errors
/// A configuration error with the path of the key.
pub(super) fn references(
    targets: &[&Target],
    command: &Command,
    environment: &dyn Environment,
) -> Result<(), Error> {
    // The doctor is there to say what is missing.
    if matches!(command, Command::Doctor | Command::Fix) {
        return Ok(());
    }
    let first = targets.iter().find_map(|target| lacking(target, command, environment).into_iter().next());
    first.map_or(Ok(()), Err)
}

/// Returns what a command would lack of a target, in the order of the configuration.
pub(super) fn lacking(target: &Target, command: &Command, environment: &dyn Environment) -> Vec<Error> {
    let provisions = matches!(command, Command::Provision | Command::Plan);
    let subject = &target.subject;
    let mut found = Vec::new();
    if matches!(command, Command::Rotate { .. })
        && let Some(credentials) = target.credentials.iter().find(|c| c.deliver.is_empty())
    {
        found.push(lost(&credentials.deliver_path));
    }
    let makes_its_secret = provisions && target.credentials.iter().any(|c| c.kind != CredentialKind::Pat);
    let admin_stands_in = matches!(command, Command::Revoke(what) if *what != Revocation::Superseded)
        && subject.admin.is_some();
    if !makes_its_secret && !admin_stands_in {
        found.extend(of_principal(target, environment, provisions && needs_directory(target)).err());
    }
    let optional = |sign_in: &Option<SignIn>| sign_in.as_ref()?.check_references(environment).err();
    found.extend(somebody_is_meant(target, environment).err());
    found.extend(not_in_a_notebook(command, environment).err());
    if provisions {
        found.extend(optional(&subject.admin));
    }
    if provisions || target.credential(CredentialKind::ClientSecret).is_some() {
        found.extend(optional(&subject.directory));
    }
    for place in target.credentials.iter().flat_map(|credentials| &credentials.deliver) {
        found.extend(place.check_references(environment).err());
    }
    found
}

/// Refuses to revoke for several targets of which none was named.
///
/// # Errors
/// `usage-invalid`.
pub(super) fn revokes_by_name(targets: &[&Target], request: &RunRequest) -> Result<(), Error> {
    if !matches!(request.command, Command::Revoke(_)) {
        return Ok(());
    }
    if let Some(pattern) = request.targets.iter().find(|name| is_pattern(name)) {
        let words = format!("\"{pattern}\" stands for several targets; a revocation names each exactly");
        return Err(Error::new(Code::UsageInvalid, Step::Configure, words));
    }
    if !request.targets.is_empty() || targets.len() < 2 {
        return Ok(());
    }
    let words = "name the target: nothing is revoked for all targets at once";
    Err(Error::new(Code::UsageInvalid, Step::Configure, words))
}

/// Refuses to make tokens inside a notebook, where the workspace answers with the notebook's own.
fn not_in_a_notebook(command: &Command, environment: &dyn Environment) -> Result<(), Error> {
    let makes = matches!(command, Command::Provision | Command::Rotate { .. });
    if !makes || environment.variable("DATABRICKS_RUNTIME_VERSION").is_none() {
        return Ok(());
    }
    let words =
        "this runs inside a Databricks notebook or job, where a new token would be the notebook's own";
    Err(Error::new(Code::UsageInvalid, Step::Configure, words)
        .with_hint("run lakekey elsewhere, such as in a workflow of GitHub"))
}

/// Refuses a target of which nothing says whose credentials it is about.
fn somebody_is_meant(target: &Target, environment: &dyn Environment) -> Result<(), Error> {
    let subject = &target.subject;
    let own = environment_sign_in(subject, environment);
    // Where nobody signs in, that is what the target fails for.
    let names = own.map_or(true, |own| own.method.client_id().is_some());
    if names || subject.principal.client_id.is_some() || subject.principal.display_name.is_some() {
        return Ok(());
    }
    let words = "give `client-id` or `display-name`, to say whose credentials these are";
    Err(Error::config(Code::ConfigMissingKey, format!("{}.principal.client-id", subject.path), words))
}

/// Checks that every secret is there by which the target's principal signs in.
fn of_principal(target: &Target, environment: &dyn Environment, explained_later: bool) -> Result<(), Error> {
    let own = environment_sign_in(&target.subject, environment);
    match own.and_then(|own| own.check_references(environment)) {
        // Provisioning an application says what is missing in terms of what it would make.
        Err(error) if explained_later && error.code() == Code::ConfigMissingSecret => Ok(()),
        // What the environment does not hold is no mistake in the document; the target fails and others are
        // served.
        Err(error) if error.code() == Code::SignInNotConfigured => Ok(()),
        other => other,
    }
}
