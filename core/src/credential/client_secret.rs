//! Client secrets of the principal's Entra application.
//!
//! Graph lets nobody change a secret's description, so that one is never marked: the dates of the sinks tell
//! which was delivered.
//!
//! <https://learn.microsoft.com/graph/api/resources/passwordcredential>

use std::cell::OnceCell;
use std::time::Duration;

use super::ledger::Tag;
use super::rights::{Rights, Wanted};
use super::store::{Fresh, Listed, Order, Owner, Store};
use crate::auth::{Context, azure_client_secret, principal_id, sign_in_directory, tenant_id};
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Error, Origin, Secret, Step, Temporary, Timestamp};
use crate::service::graph::{self, Application, By, PasswordInfo};

/// Keeps the client secrets of the target's application.
#[derive(Default)]
pub(super) struct ClientSecretStore {
    application: OnceCell<Application>,
}

impl ClientSecretStore {
    async fn application<'a>(
        &'a self,
        context: &Context<'_>,
        step: Step,
    ) -> Result<(Identity, &'a str), Error> {
        let identity = sign_in_directory(context, step).await?;
        if let Some(known) = self.application.get() {
            return Ok((identity, &known.object_id));
        }
        let id = principal_id(context).await?;
        let found = graph::find_application(context, &identity, By::ClientId(&id)).await?;
        let application = found.ok_or_else(|| {
            Error::new(
                Code::ApplicationNotFound,
                step,
                "the principal's application was not found in Entra ID",
            )
            .with_temporary(Temporary::Propagation)
        })?;
        Ok((identity, &self.application.get_or_init(|| application).object_id))
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
        context.endpoints.graph.clone()
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
            let end = context.ledger_now() + Duration::from_secs(order.lifetime);
            let name = order.tag.comment(order.comment);
            let (value, info) =
                graph::add_password(context, &identity, object_id, &name, end, Step::CreateToken).await?;
            Ok(Fresh { value, listed: listed(info), note: None })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _wanted: &'a Wanted,
    ) -> LocalFuture<'a, Result<Owner, Error>> {
        Box::pin(async move {
            // It signs in for the application that is named to the token endpoint, and for no other.
            let client = principal_id(context).await?;
            let tried = azure_client_secret::try_out(context, tenant_id(context), client, value).await;
            tried.map(|()| Owner::Principal)
        })
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
        comment: info.display_name,
        rights: Rights::default(),
        id: info.key_id,
    }
}
