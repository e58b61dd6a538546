//! Personal access tokens, made by the principal for itself.

use super::{CredentialKind, Fresh, Listed, Marked, Order, Store, Tag};
use crate::call::{Call, Identity, Service};
use crate::config::Origin;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::platform::LocalFuture;
use crate::secret::Secret;
use crate::service::databricks::tokens::{self, TokenInfo};
use crate::sign_in::sign_in_principal;

/// The path that tells who a token belongs to.
const ME: &str = "/api/2.0/preview/scim/v2/Me";

/// Keeps the PATs of the target's principal.
pub(crate) struct PatStore;

impl Store for PatStore {
    fn kind(&self) -> CredentialKind {
        CredentialKind::Pat
    }

    fn bears_tags(&self) -> bool {
        true
    }

    fn clock(&self, context: &Context<'_>) -> Origin {
        context.target.workspace.clone()
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
        Box::pin(try_out(context, value))
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

/// Signs in with the new token alone and asks whose it is.
async fn try_out(context: &Context<'_>, value: &Secret) -> Result<(), Error> {
    let target = context.target;
    let identity = Identity::bearer(&target.workspace, value);
    let policy = target.credential(CredentialKind::Pat).map(|c| &c.policy);
    let own_path = policy.and_then(|p| p.verify_path.as_deref());
    let call = Call::get(Step::VerifyToken, Service::Databricks, &target.workspace, own_path.unwrap_or(ME))
        .identity(&identity)
        .fresh_connection()
        // The rotation repeats the whole round by itself.
        .attempts(1);
    if own_path.is_some() {
        return context.execute(call).await.map(drop);
    }
    let me: serde_json::Value = match context.json(call).await {
        Ok(me) => me,
        // The token was accepted and may not ask this: its scopes are narrower. That it is the principal's
        // own is known from the list, which shows the principal's tokens alone.
        Err(error) if error.status() == Some(403) && names_scopes(&error) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Some(expected) = target.principal.client_id.as_deref() else { return Ok(()) };
    let names = ["applicationId", "userName"].map(|key| me.get(key).and_then(serde_json::Value::as_str));
    if names.iter().flatten().any(|name| name.eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    Err(Error::new(
        Code::WrongPrincipal,
        Step::VerifyToken,
        "the new PAT belongs to another principal than the configured one",
    ))
}

fn names_scopes(error: &Error) -> bool {
    error.code() == Code::Refused && error.message().to_ascii_lowercase().contains("scope")
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
