//! Personal access tokens, made by the principal for itself.

use futures_util::future::join;

use super::ledger::Tag;
use super::rights::{Rights, Wanted};
use super::store::{Fresh, Listed, Marked, Order, Owner, Store};
use crate::auth::{Context, as_principal, known_principal, principal_id};
use crate::config::Policy;
use crate::host::LocalFuture;
use crate::http::{Bounds, Identity};
use crate::model::{Code, CredentialKind, Error, Origin, Secret, Step};
use crate::service::databricks::me::{may_not_ask, owner_of};
use crate::service::databricks::tokens::{self, TokenInfo};

/// Keeps the PATs of the target's principal.
pub(super) struct PatStore<'p> {
    policy: &'p Policy,
    /// The place of the policy in the document.
    path: &'p str,
}

impl<'p> PatStore<'p> {
    pub(super) fn new(policy: &'p Policy, path: &'p str) -> Self {
        Self { policy, path }
    }

    /// Signs in with the new token alone, asks whose it is, and tries it where the policy says.
    async fn ask_whose(&self, context: &Context<'_>, value: &Secret) -> Result<Owner, Error> {
        let bounds = Bounds::New(format!("{}.scopes", self.path));
        let identity = Identity::bearer(&context.subject.workspace, value).bounded_by(bounds);
        let whose = owner_of(context, &identity, Step::VerifyToken);
        let (whose, tried) = join(whose, async {
            match &self.policy.verify_path {
                Some(path) => {
                    let tried = tokens::try_out(context, &identity, Step::VerifyToken, path).await;
                    tried.map_err(|error| self.explained(error, path))
                }
                None => Ok(()),
            }
        })
        .await;
        let owner = match whose {
            Ok(me) if me.is(&principal_id(context).await?) => Owner::Principal,
            Ok(_) => {
                return Err(Error::new(
                    Code::WrongPrincipal,
                    Step::VerifyToken,
                    "the new PAT belongs to another principal than the configured one",
                ));
            }
            // The token was accepted and may not ask this: its scopes are narrower, or its owner may not.
            Err(error) if error.code() == Code::ScopeMissing || may_not_ask(&error) => Owner::Unsaid,
            Err(error) => return Err(error),
        };
        tried.map(|()| owner)
    }
}

impl PatStore<'_> {
    /// Says of a new token that is refused on the path of the policy what to write.
    fn explained(&self, error: Error, verify_path: &str) -> Error {
        if error.code() != Code::ScopeMissing {
            return error.with_key(format!("{}.verify-path", self.path));
        }
        match verify_path.contains("/iceberg") {
            true => error.adding("Iceberg REST wants all-apis, whatever else a PAT may do"),
            false => error,
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
            let ask = async |identity: &Identity| tokens::list(context, identity, step).await;
            Ok(as_principal(context, ask).await?.into_iter().map(listed).collect())
        })
    }

    fn issue<'a>(
        &'a self,
        context: &'a Context<'a>,
        order: Order<'a>,
    ) -> LocalFuture<'a, Result<Fresh, Error>> {
        Box::pin(async move {
            let identity = known_principal(context).await?;
            let comment = order.tag.comment(order.comment);
            let Wanted { scopes, watched, .. } = order.wanted;
            let (scopes, watched) = (scopes.as_deref(), *watched);
            let new = tokens::New { comment: &comment, lifetime: order.lifetime, scopes, watched };
            let (value, info, unknown) = tokens::create(context, &identity, new).await?;
            let note = unknown.then(|| {
                "the workspace refuses to be told whether it is to be watched (autoscope_enabled), so that \
                 this was left out"
                    .to_owned()
            });
            Ok(Fresh { value, listed: listed(info), note })
        })
    }

    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        _wanted: &'a Wanted,
    ) -> LocalFuture<'a, Result<Owner, Error>> {
        Box::pin(self.ask_whose(context, value))
    }

    /// The id of a token is the SHA-256 of its value.
    fn is_id_of(&self, id: &str, value: &Secret) -> bool {
        value.fingerprint().eq_ignore_ascii_case(id)
    }

    fn mark<'a>(
        &'a self,
        context: &'a Context<'a>,
        id: &'a str,
        tag: &'a Tag,
        comment: Option<&'a str>,
    ) -> LocalFuture<'a, Result<Marked, Error>> {
        Box::pin(async move {
            let identity = known_principal(context).await?;
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
            let identity = known_principal(context).await?;
            tokens::delete(context, &identity, id, Step::RevokeToken).await
        })
    }
}

/// Describes a token as the ledger reads it.
pub(crate) fn listed(info: TokenInfo) -> Listed {
    let TokenInfo { scopes, autoscope_state: state, inferred_scopes, backfill_scopes, .. } = &info;
    let rights = Rights::of_pat(scopes, state.as_deref(), inferred_scopes, backfill_scopes);
    Listed {
        rights,
        created: info.created(),
        expires: info.expires(),
        tag: info.comment.as_deref().and_then(Tag::find),
        comment: info.comment,
        id: info.token_id,
    }
}
