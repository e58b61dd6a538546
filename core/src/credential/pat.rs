//! Personal access tokens, made by the principal for itself.

use super::ledger::Tag;
use super::store::{Fresh, Listed, Marked, Order, Store};
use crate::auth::{Context, client_id, sign_in_principal};
use crate::config::Policy;
use crate::host::LocalFuture;
use crate::http::Identity;
use crate::model::{Code, CredentialKind, Error, Origin, Secret, Step};
use crate::service::databricks::tokens::{self, TokenInfo};

/// Keeps the PATs of the target's principal.
pub(super) struct PatStore<'p> {
    policy: &'p Policy,
}

impl<'p> PatStore<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self { policy }
    }

    /// Signs in with the new token alone and asks whose it is.
    async fn ask_whose(&self, context: &Context<'_>, value: &Secret) -> Result<(), Error> {
        let identity = Identity::bearer(&context.subject.workspace, value);
        if let Some(path) = &self.policy.verify_path {
            return tokens::try_out(context, &identity, Step::VerifyToken, path).await;
        }
        let me = match tokens::me(context, &identity, Step::VerifyToken).await {
            Ok(me) => me,
            // The token was accepted and may not ask this: its scopes are narrower. That it is the
            // principal's own is known from the list, which shows the principal's tokens alone.
            Err(error) if tokens::lacks_scope(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        match client_id(context) {
            Ok(expected) if !me.is(&expected) => Err(Error::new(
                Code::WrongPrincipal,
                Step::VerifyToken,
                "the new PAT belongs to another principal than the configured one",
            )),
            _ => Ok(()),
        }
    }
}

impl Store for PatStore<'_> {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Pat
    }

    fn bears_tags(&self) -> bool {
        true
    }

    fn marks(&self) -> bool {
        true
    }

    fn clock(&self, context: &Context<'_>) -> Origin {
        context.subject.workspace.clone()
    }

    fn list<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
    ) -> LocalFuture<'a, Result<Vec<Listed>, Error>> {
        Box::pin(async move {
            let identity = sign_in_principal(context).await?;
            let infos = tokens::list(context, &identity, step).await?;
            Ok(infos.into_iter().map(listed).collect())
        })
    }

    fn issue<'a>(
        &'a self,
        context: &'a Context<'a>,
        order: Order<'a>,
    ) -> LocalFuture<'a, Result<Fresh, Error>> {
        Box::pin(async move {
            let identity = sign_in_principal(context).await?;
            let comment = order.tag.comment(order.comment);
            let (value, info) =
                tokens::create(context, &identity, &comment, order.lifetime, order.scopes).await?;
            Ok(Fresh { value, listed: listed(info) })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
    ) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(self.ask_whose(context, value))
    }

    fn mark<'a>(
        &'a self,
        context: &'a Context<'a>,
        id: &'a str,
        tag: &'a Tag,
        comment: Option<&'a str>,
    ) -> LocalFuture<'a, Result<Marked, Error>> {
        Box::pin(async move {
            let identity = sign_in_principal(context).await?;
            match tokens::comment(context, &identity, id, &tag.comment(comment), Step::MarkActive).await {
                Ok(()) => Ok(Marked::Yes),
                // A workspace without the route; an unknown token would be NOT_FOUND too, but this one was
                // listed just now.
                Err(error) if matches!(error.status(), Some(404 | 405 | 501)) => Ok(Marked::Unsupported),
                Err(error) => Err(error),
            }
        })
    }

    fn revoke<'a>(&'a self, context: &'a Context<'a>, id: &'a str) -> LocalFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let identity = sign_in_principal(context).await?;
            tokens::delete(context, &identity, id, Step::RevokeToken).await
        })
    }
}

fn listed(info: TokenInfo) -> Listed {
    Listed {
        created: info.created(),
        expires: info.expires(),
        tag: info.comment.as_deref().and_then(Tag::find),
        scopes: info.scopes.filter(|scopes| !scopes.is_empty()),
        id: info.token_id,
    }
}
