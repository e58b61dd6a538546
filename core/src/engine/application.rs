//! The part of provisioning that happens in Entra ID: the application, its service principal, a federated
//! credential.

use super::provision::Progress;
use crate::config::{Auth, PrincipalKind};
use crate::context::Context;
use crate::credential::CredentialKind;
use crate::error::{Code, Error, Step};
use crate::service::graph::{self, Trust};
use crate::sign_in::sign_in_directory;

/// Says what is known of the principal's application.
pub(super) enum Found {
    /// This is its id.
    ClientId(String),
    /// It is left to the workspace to know the principal by its name.
    ByName,
    /// A dry run would make it, so that nothing more can be asked.
    WouldMake,
}

/// Finds or makes the application, where Graph has to be asked at all.
pub(super) async fn application(context: &Context<'_>, progress: &mut Progress<'_>) -> Result<Found, Error> {
    let target = context.target;
    let principal = &target.principal;
    let known = || principal.client_id.clone().map_or(Found::ByName, Found::ClientId);
    if principal.kind == PrincipalKind::Databricks {
        return Ok(known());
    }
    let needed = principal.client_id.is_none() || target.federated_credential.is_some();
    if !needed {
        return Ok(known());
    }
    if target.directory.is_none() {
        if target.federated_credential.is_some() {
            let words = "a federated credential is wanted, and `directory` does not say who may make it";
            return Err(Error::new(Code::DirectoryNotConfigured, Step::MakeFederatedCredential, words));
        }
        return Ok(Found::ByName);
    }
    undelivered_secret(context)?;
    let directory = sign_in_directory(context, Step::MakeApplication).await?;
    let (id, name) = (principal.client_id.as_deref(), principal.display_name.as_deref());
    let found = graph::find_application(context, &directory, id, name).await?;
    let application = match found {
        Some(found) => {
            progress.stands(Step::MakeApplication, format!("the application {} is registered", found.app_id));
            found
        }
        None => {
            let shown = name.or(id).unwrap_or_default();
            if !progress
                .shall(Step::MakeApplication, &format!("register the application {shown}, single tenant"))
            {
                progress.shall(Step::MakeServicePrincipal, "make its service principal in the tenant");
                if let Some(federated) = &target.federated_credential {
                    progress.shall(
                        Step::MakeFederatedCredential,
                        &format!("make it trust {}", federated.subject),
                    );
                }
                return Ok(Found::WouldMake);
            }
            let made = graph::ensure_application(context, &directory, id, name).await?;
            progress.made(
                Step::MakeApplication,
                format!("registered the application {}, single tenant", made.app_id),
            );
            made
        }
    };
    if graph::find_service_principal(context, &directory, &application.app_id).await?.is_some() {
        progress
            .stands(Step::MakeServicePrincipal, "the application has its service principal in the tenant");
    } else if progress.shall(Step::MakeServicePrincipal, "make its service principal in the tenant") {
        graph::ensure_service_principal(context, &directory, &application.app_id).await?;
        progress.made(Step::MakeServicePrincipal, "made its service principal in the tenant");
    }
    if let Some(configured) = &target.federated_credential {
        let trust = Trust::of(context, configured);
        if graph::find_federated_credential(context, &directory, &application, &trust).await?.is_some() {
            progress
                .stands(Step::MakeFederatedCredential, format!("the application trusts {}", trust.subject));
        } else if progress.shall(Step::MakeFederatedCredential, &format!("make it trust {}", trust.subject)) {
            graph::ensure_federated_credential(context, &directory, &application, &trust).await?;
            progress.made(
                Step::MakeFederatedCredential,
                format!("made it trust {}, so that no secret is needed", trust.subject),
            );
        }
    }
    Ok(Found::ClientId(application.app_id))
}

/// Refuses to begin where the principal could sign in with a secret only that nobody would keep.
fn undelivered_secret(context: &Context<'_>) -> Result<(), Error> {
    let target = context.target;
    let Some(Auth::AzureClientSecret { client_secret, .. }) = &target.auth else { return Ok(()) };
    let path = format!("{}.auth.client-secret", target.path);
    let missing =
        crate::sign_in::resolve_secret(client_secret, &path, context.session.host.environment).is_err();
    if missing && target.credential(CredentialKind::ClientSecret).is_none() {
        return Err(Error::new(
            Code::ClientSecretUndelivered,
            Step::MakeApplication,
            format!(
                "{path} holds nothing yet, and `client-secret.deliver` does not say where a new one would \
                 be kept"
            ),
        ));
    }
    Ok(())
}
