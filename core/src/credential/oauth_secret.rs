//! OAuth secrets of a Databricks service principal.
//!
//! They bear no text, so that lakekey cannot tell its own from those of others: the configuration hands it
//! all secrets of the principal, and the dates of the sinks tell which was delivered.
//!
//! <https://docs.databricks.com/api/azure/account/serviceprincipalsecrets>

use std::cell::OnceCell;

use super::{CredentialKind, Fresh, Listed, Order, Store};
use crate::call::Identity;
use crate::config::Origin;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::LocalFuture;
use crate::secret::Secret;
use crate::service::databricks::oauth_secrets::{self, OauthSecretInfo};
use crate::service::databricks::scim;
use crate::sign_in::{sign_in_keeper, try_oauth_secret};
use crate::timestamp::Timestamp;

/// Keeps the OAuth secrets of the target's principal.
#[derive(Default)]
pub(crate) struct OauthSecretStore {
    /// The number under which Databricks knows the principal.
    principal: OnceCell<String>,
}

impl OauthSecretStore {
    async fn principal<'a>(
        &'a self,
        context: &Context<'_>,
        step: Step,
    ) -> Result<(Identity, &'a str), Error> {
        let keeper = sign_in_keeper(context, &context.target.workspace, step).await?;
        if self.principal.get().is_none() {
            let client_id = context.target.principal.client_id.as_deref().ok_or_else(|| {
                Error::config(
                    Code::ConfigMissingKey,
                    format!("{}.principal.client-id", context.target.path),
                    "the application id is needed",
                )
            })?;
            let found = scim::find(context, &keeper, "applicationId", client_id).await?.pop();
            let found = found.ok_or_else(|| {
                Error::new(
                    Code::PrincipalNotInWorkspace,
                    step,
                    "the workspace does not know the service principal",
                )
            })?;
            // Whoever was first has found the same.
            let _ = self.principal.set(found.id);
        }
        let origin = oauth_secrets::origin(context);
        let identity = if *origin == context.target.workspace {
            keeper
        } else {
            sign_in_keeper(context, origin, step).await?
        };
        let id = self.principal.get().map(String::as_str).unwrap_or_default();
        Ok((identity, id))
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
        oauth_secrets::origin(context).clone()
    }

    fn list<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
    ) -> LocalFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let (identity, principal) = self.principal(context, step).await?;
            let infos = oauth_secrets::list(context, &identity, principal, step).await?;
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
            let (identity, principal) = self.principal(context, Step::CreateToken).await?;
            let (value, info) =
                oauth_secrets::create(context, &identity, principal, order.lifetime, Step::CreateToken)
                    .await?;
            Ok(Fresh { value, listed: listed(info) })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(try_oauth_secret(context, value))
    }

    fn revoke<'a>(&'a self, context: &'a Context<'a>, id: &'a str) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (identity, principal) = self.principal(context, Step::RevokeToken).await?;
            oauth_secrets::delete(context, &identity, principal, id, Step::RevokeToken).await
        })
    }
}

fn listed(info: OauthSecretInfo) -> Listed {
    Listed {
        created: info.create_time.unwrap_or(Timestamp::UNIX_EPOCH),
        expires: info.expire_time,
        tag: None,
        scopes: None,
        id: info.id,
    }
}
