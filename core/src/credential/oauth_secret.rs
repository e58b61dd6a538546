//! OAuth secrets of a Databricks service principal.
//!
//! They bear no text, so that lakekey cannot tell its own from those of others: the configuration hands it
//! all secrets of the principal, and the dates of the sinks tell which was delivered.
//!
//! <https://docs.databricks.com/api/azure/account/serviceprincipalsecrets>

use std::cell::OnceCell;

use super::rights::{Rights, Scoping, Wanted};
use super::store::{Fresh, Listed, Order, Owner, Store};
use crate::auth::{Context, oauth_m2m, principal_id, sign_in_keeper};
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Error, Origin, Secret, Step, Temporary, Timestamp};
use crate::service::databricks::oauth_secrets::{self, Holder, OauthSecretInfo};
use crate::service::databricks::scim;

/// Keeps the OAuth secrets of the target's principal.
#[derive(Default)]
pub(super) struct OauthSecretStore {
    /// The number under which Databricks knows the principal.
    principal: OnceCell<String>,
}

impl OauthSecretStore {
    /// Signs in who manages the secrets, and finds the principal's number.
    async fn principal<'a>(
        &'a self,
        context: &'a Context<'_>,
        step: Step,
    ) -> Result<(Identity, Holder<'a>), Error> {
        let workspace = &context.subject.workspace;
        let keeper = sign_in_keeper(context, workspace, step).await?;
        if self.principal.get().is_none() {
            let id = principal_id(context).await?;
            let found = scim::find(context, &keeper, scim::By::ApplicationId(&id)).await?.pop();
            let found = found.ok_or_else(|| {
                Error::new(
                    Code::PrincipalNotInWorkspace,
                    step,
                    "the workspace does not know the service principal",
                )
                .with_temporary(Temporary::Propagation)
            })?;
            // Another look at the same time has found the same.
            let _ = self.principal.set(found.id);
        }
        let origin = home(context);
        let identity =
            if origin == workspace { keeper } else { sign_in_keeper(context, origin, step).await? };
        let principal = self.principal.get().map(String::as_str).unwrap_or_default();
        Ok((identity, Holder { principal, account: context.subject.principal.account_id.as_deref() }))
    }
}

/// Returns where the secrets are managed: at the account where `principal.account-id` is given, else in the
/// workspace.
fn home<'a>(context: &'a Context<'_>) -> &'a Origin {
    match context.subject.principal.account_id {
        Some(_) => &context.endpoints.accounts,
        None => &context.subject.workspace,
    }
}

impl Store for OauthSecretStore {
    fn kind(&self) -> CredentialKind {
        CredentialKind::OauthSecret
    }

    fn bears_tags(&self) -> bool {
        false
    }

    fn clock(&self, context: &Context<'_>) -> Origin {
        home(context).clone()
    }

    fn list<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
    ) -> LocalFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let (identity, holder) = self.principal(context, step).await?;
            let infos = oauth_secrets::list(context, &identity, holder, step).await?;
            let now = context.ledger_now();
            Ok(infos.into_iter().map(listed).filter(|l| l.expires.is_none_or(|end| end > now)).collect())
        })
    }

    fn issue<'a>(
        &'a self,
        context: &'a Context<'a>,
        order: Order<'a>,
    ) -> LocalFuture<'a, Result<Fresh, Error>> {
        Box::pin(async move {
            let (identity, holder) = self.principal(context, Step::CreateToken).await?;
            let scopes = order.wanted.scopes.as_deref();
            let (value, info) =
                oauth_secrets::create(context, &identity, holder, order.lifetime, scopes).await?;
            Ok(Fresh { value, listed: listed(info), note: None })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        wanted: &'a Wanted,
    ) -> LocalFuture<'a, Result<Owner, Error>> {
        // It signs in for the principal that is named to the token endpoint, and for no other.
        Box::pin(async move {
            let id = principal_id(context).await?;
            oauth_m2m::try_out(context, &id, value, wanted.scopes.as_deref()).await.map(|()| Owner::Principal)
        })
    }

    fn revoke<'a>(&'a self, context: &'a Context<'a>, id: &'a str) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (identity, holder) = self.principal(context, Step::RevokeToken).await?;
            oauth_secrets::delete(context, &identity, holder, id, Step::RevokeToken).await
        })
    }
}

fn listed(info: OauthSecretInfo) -> Listed {
    Listed {
        created: info.create_time.unwrap_or(Timestamp::UNIX_EPOCH),
        expires: info.expire_time,
        tag: None,
        comment: None,
        rights: Rights { reach: info.scopes, scoping: Scoping::Fixed },
        id: info.id,
    }
}
