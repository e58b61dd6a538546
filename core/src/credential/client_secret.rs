//! Client secrets of the principal's Entra application.
//!
//! Graph lets nobody change a secret's description, so that one is never marked: the dates of the sinks tell
//! which was delivered.
//!
//! <https://learn.microsoft.com/graph/api/resources/passwordcredential>

use std::cell::OnceCell;

use super::{CredentialKind, Fresh, Listed, Order, Store, Tag};
use crate::call::Identity;
use crate::config::Origin;
use crate::context::{Context, shifted};
use crate::error::{Code, Error, Step};
use crate::platform::LocalFuture;
use crate::secret::Secret;
use crate::service::graph::{self, PasswordInfo};
use crate::sign_in::{sign_in_directory, try_client_secret};
use crate::timestamp::Timestamp;

/// Keeps the client secrets of the target's application.
#[derive(Default)]
pub(crate) struct ClientSecretStore {
    /// Graph's own id of the application.
    object_id: OnceCell<String>,
}

impl ClientSecretStore {
    async fn application<'a>(
        &'a self,
        context: &Context<'_>,
        step: Step,
    ) -> Result<(Identity, &'a str), Error> {
        let identity = sign_in_directory(context, step).await?;
        if let Some(id) = self.object_id.get() {
            return Ok((identity, id));
        }
        let principal = &context.target.principal;
        let found = graph::find_application(
            context,
            &identity,
            principal.client_id.as_deref(),
            principal.display_name.as_deref(),
        )
        .await?;
        let application = found.ok_or_else(|| {
            Error::new(
                Code::ApplicationNotFound,
                step,
                "the principal's application was not found in Entra ID",
            )
        })?;
        Ok((identity, self.object_id.get_or_init(|| application.object_id)))
    }
}

impl Store for ClientSecretStore {
    fn kind(&self) -> CredentialKind {
        CredentialKind::ClientSecret
    }

    fn bears_tags(&self) -> bool {
        true
    }

    fn clock(&self, context: &Context<'_>) -> Origin {
        context.session.config.graph.clone()
    }

    fn list<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
    ) -> LocalFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let (identity, object_id) = self.application(context, step).await?;
            let infos = graph::list_passwords(context, &identity, object_id, step).await?;
            let now = context.ledger_now();
            // Graph lists expired secrets for ever; they open nothing, and are not lakekey's to tidy up.
            Ok(infos.into_iter().map(listed).filter(|l| l.expires.is_none_or(|end| end > now)).collect())
        })
    }

    fn issue<'a>(
        &'a self,
        context: &'a Context<'a>,
        order: Order<'a>,
    ) -> LocalFuture<'a, Result<Fresh, Error>> {
        Box::pin(async move {
            let (identity, object_id) = self.application(context, Step::CreateToken).await?;
            let end = shifted(
                context.ledger_now(),
                i64::try_from(order.lifetime.saturating_mul(1000)).unwrap_or(i64::MAX),
            );
            let name = order.tag.comment(order.comment);
            let (value, info) =
                graph::add_password(context, &identity, object_id, &name, end, Step::CreateToken).await?;
            Ok(Fresh { value, listed: listed(info) })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(try_client_secret(context, value))
    }

    fn revoke<'a>(&'a self, context: &'a Context<'a>, id: &'a str) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (identity, object_id) = self.application(context, Step::RevokeToken).await?;
            graph::remove_password(context, &identity, object_id, id, Step::RevokeToken).await
        })
    }
}

fn listed(info: PasswordInfo) -> Listed {
    Listed {
        created: info.start_date_time.unwrap_or(Timestamp::UNIX_EPOCH),
        expires: info.end_date_time,
        tag: info.display_name.as_deref().and_then(Tag::find),
        scopes: None,
        id: info.key_id,
    }
}
