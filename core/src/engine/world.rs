//! What provisioning finds before it decides: in Entra ID, and in the workspace as its admin sees it. It
//! changes nothing.

use super::policy_seen::{self, PolicySeen};
use super::resolve::Target;
use super::trust;
use crate::auth::{Context, find_in_workspace, sign_in_admin, sign_in_directory};
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Entitlement, Error, PrincipalKind, Step};
use crate::service::databricks::assignments;
use crate::service::databricks::conf::{TokenSettings, token_settings};
use crate::service::databricks::permissions::{TokenPermission, token_permission};
use crate::service::databricks::scim::ServicePrincipal;
use crate::service::graph::{self, Application, By, Trust};

/// Holds what Entra ID knows of the principal's application.
#[derive(Debug)]
pub(super) struct DirectorySeen {
    pub(super) application: Option<Application>,
    pub(super) service_principal: bool,
    /// Whom the application is to trust, and whether it does.
    pub(super) federated: Option<(Trust, bool)>,
}

/// Holds what the workspace knows of the principal.
#[derive(Debug)]
pub(super) struct WorkspaceSeen {
    pub(super) settings: TokenSettings,
    pub(super) principal: Option<ServicePrincipal>,
    /// `None` where it could not be asked.
    pub(super) permission: Option<TokenPermission>,
    /// What it is entitled to, all its groups included; `None` where that was not asked, or not told.
    pub(super) effective: Option<Vec<Entitlement>>,
    /// The federation policy that it is to have.
    pub(super) policy: Option<PolicySeen>,
}

/// What a principal gets for which the configuration names nothing: since 2026 no entitlement comes by
/// itself, and without one that admits it to the workspace a principal is refused everything.
///
/// <https://learn.microsoft.com/azure/databricks/security/auth/entitlements>
const DEFAULT: [Entitlement; 1] = [Entitlement::WorkspaceAccess];

/// Returns the entitlements that a new principal of the target gets.
pub(super) fn entitlements_of_new(target: &Target) -> &[Entitlement] {
    target.entitlements.as_deref().unwrap_or(&DEFAULT)
}

impl WorkspaceSeen {
    /// Returns the entitlements that the workspace shows of the principal, by itself or by a group.
    pub(super) fn entitlements(&self) -> Vec<Entitlement> {
        let own = self.principal.iter().flat_map(ServicePrincipal::entitlements);
        own.chain(self.effective.iter().flatten().copied()).collect()
    }

    /// Returns the entitlements that the principal of the target lacks, as far as the workspace shows it.
    pub(super) fn lacks(&self, target: &Target) -> Vec<Entitlement> {
        let has = self.entitlements();
        match &target.entitlements {
            Some(wanted) => wanted.iter().copied().filter(|entitlement| !has.contains(entitlement)).collect(),
            None if has.iter().any(|entitlement| entitlement.admits()) => Vec::new(),
            None => DEFAULT.to_vec(),
        }
    }
}

/// Returns true where PATs are made for the target: else neither a permission nor a setting of tokens
/// concerns it.
pub(super) fn uses_tokens(target: &Target) -> bool {
    target.credential(CredentialKind::Pat).is_some()
}

/// Returns true where Graph has to be asked at all.
pub(super) fn needs_directory(target: &Target) -> bool {
    let principal = &target.subject.principal;
    principal.kind == PrincipalKind::Entra
        && target.subject.directory.is_some()
        && (principal.client_id.is_none() || target.federated_credential.is_some())
}

/// Returns which application is meant.
///
/// # Errors
/// `config-missing-key` where neither an id nor a name is given.
pub(super) fn wanted(target: &Target) -> Result<By<'_>, Error> {
    let principal = &target.subject.principal;
    match (&principal.client_id, &principal.display_name) {
        (Some(id), _) => Ok(By::ClientId(id)),
        (None, Some(name)) => Ok(By::Name(name)),
        (None, None) => Err(Error::config(
            Code::ConfigMissingKey,
            format!("{}.principal.display-name", target.subject.path),
            "give `client-id` or `display-name` to say which application is meant",
        )),
    }
}

/// Looks at the application, its service principal and its federated credential.
///
/// # Errors
/// As the sign-in of `directory` and Graph answer; `application-not-found` where a given id does not exist;
/// `federated-credential-mismatch` where another one stands in the way.
pub(super) async fn observe_directory(
    context: &Context<'_>,
    target: &Target,
) -> Result<DirectorySeen, Error> {
    let by = wanted(target)?;
    let trust = trust::wanted(context, target).await?;
    let directory = sign_in_directory(context, Step::MakeApplication).await?;
    let application = graph::find_application(context, &directory, by).await?;
    let Some(application) = application else {
        return match by {
            By::ClientId(id) => Err(graph::unknown(id)),
            By::Name(_) => Ok(DirectorySeen {
                application: None,
                service_principal: false,
                federated: trust.map(|trust| (trust, false)),
            }),
        };
    };
    // One that the sign-in names by its id is meant.
    let named = target.subject.auth.as_ref().is_some_and(|auth| auth.method.client_id().is_some());
    if matches!(by, By::Name(_)) && !named {
        graph::check_ours(context, &directory, &application).await?;
    }
    let id = &application.app_id;
    let service_principal = graph::find_service_principal(context, &directory, id).await?.is_some();
    let federated = match trust {
        Some(trust) => {
            let found = graph::find_federated_credential(context, &directory, &application, &trust).await?;
            Some((trust, found.is_some()))
        }
        None => None,
    };
    Ok(DirectorySeen { application: Some(application), service_principal, federated })
}

/// Looks at the workspace's settings for tokens, at the principal and at its permission; `directory` is what
/// Entra ID says of its application.
///
/// # Errors
/// As the sign-in of the admin and the workspace answer.
pub(super) async fn observe_workspace(
    context: &Context<'_>,
    target: &Target,
    admin: &Identity,
    directory: Option<&DirectorySeen>,
) -> Result<WorkspaceSeen, Error> {
    let uses_tokens = uses_tokens(target);
    let settings = match uses_tokens {
        true => token_settings(context, admin).await.map_err(|error| admin_refused(context, error))?,
        false => TokenSettings::default(),
    };
    let found = match directory.map(|seen| &seen.application) {
        // Who bears the name already is somebody else: the application is made yet.
        Some(None) => Ok(None),
        Some(Some(application)) => find_in_workspace(context, admin, Some(&application.app_id)).await,
        None => find_in_workspace(context, admin, None).await,
    };
    // It is the admin's first request where nobody asks for the settings of tokens.
    let principal = found.map_err(|error| if uses_tokens { error } else { admin_refused(context, error) })?;
    let id = principal.as_ref().map_or("", |principal| principal.application_id.as_str());
    let permission = match settings.enabled {
        // A workspace without tokens may not tell of them; it is asked once they are switched on.
        Some(false) => None,
        _ if !uses_tokens => None,
        _ => Some(token_permission(context, admin, id).await?),
    };
    let mut seen = WorkspaceSeen { settings, principal, permission, effective: None, policy: None };
    seen.effective = effective(context, target, admin, &seen).await?;
    let number = seen.principal.as_ref().map(|principal| principal.id.as_str());
    seen.policy = policy_seen::observe(context, target, number).await?;
    Ok(seen)
}

/// Asks what the principal is entitled to by its groups, where it does not have itself what it is to have.
///
/// # Errors
/// As [`assignments::effective`].
pub(super) async fn effective(
    context: &Context<'_>,
    target: &Target,
    admin: &Identity,
    seen: &WorkspaceSeen,
) -> Result<Option<Vec<Entitlement>>, Error> {
    match &seen.principal {
        Some(principal) if !seen.lacks(target).is_empty() => {
            assignments::effective(context, admin, &principal.id).await
        }
        _ => Ok(None),
    }
}

/// Signs the workspace admin in, so that it is said at the admin's step why that fails.
///
/// # Errors
/// `admin-not-configured`, and every code of a refused sign-in.
pub(super) async fn admin(context: &Context<'_>) -> Result<Identity, Error> {
    sign_in_admin(context).await
}

/// Says at the admin's first request that it is the admin who was refused, and why that may be.
pub(super) fn admin_refused(context: &Context<'_>, error: Error) -> Error {
    let codes = [Code::CredentialInvalid, Code::AdminRequired, Code::PrincipalNotInWorkspace];
    let error = if codes.contains(&error.code()) { error.at(Step::SignInAdmin) } else { error };
    let by_pat = context.subject.admin.as_ref().is_some_and(|admin| admin.method.name() == "pat");
    if error.code() == Code::CredentialInvalid && by_pat {
        return error.with_hint(
            "the admin's token is wrong, expired or revoked; or personal access tokens are switched off for \
             the whole workspace, which refuses the admin's too: then give `admin` another way to sign in, \
             such as azure-cli",
        );
    }
    error
}
