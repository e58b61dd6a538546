//! What the emergency brake acts on: the principal's credentials as itself or as its workspace admin sees
//! them.

use std::fmt;

use super::job::Job;
use super::shared::a_few_at_once;
use super::world::admin;
use crate::auth::{Context, find_in_workspace};
use crate::credential::{Listed, Tag};
use crate::host::Phase;
use crate::http::{Identity, Patience};
use crate::model::{Code, CredentialKind, Error, PrincipalKind, Step, Temporary, Timestamp};
use crate::service::databricks::management;
use crate::service::databricks::scim::ServicePrincipal;
use crate::service::databricks::tokens::TokenInfo;

/// How often the list is read until it does not show what was revoked.
const READS: u32 = 3;

/// Describes a credential as a person judges it.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) tag: Option<Tag>,
    comment: Option<String>,
    created: Timestamp,
    last_used: Option<Timestamp>,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comment = self.comment.as_deref().unwrap_or("no comment");
        write!(f, "{} ({comment}; made on {}, ", self.id, self.created.day())?;
        match self.last_used {
            Some(day) => write!(f, "last used on {})", day.day()),
            None => f.write_str("nobody says when it was last used)"),
        }
    }
}

/// Holds what there is, and who revokes it.
pub(super) struct Brake<'j, 'a> {
    job: &'j Job<'a>,
    pub(super) items: Vec<Item>,
    /// The admin and the principal, where the principal itself cannot sign in.
    admin: Option<(Identity, ServicePrincipal)>,
}

impl<'j, 'a> Brake<'j, 'a> {
    /// Lists every credential of the principal.
    ///
    /// # Errors
    /// The refusal of the principal's sign-in, where no admin stands in; as the workspace answers the admin.
    pub(super) async fn ready(job: &'j Job<'a>) -> Result<Self, Error> {
        let context = job.context;
        let refused = match job.store.list(context, Step::ListTokens).await {
            Ok(listed) => {
                let mut items: Vec<Item> = listed.into_iter().map(item).collect();
                add_uses(job, &mut items).await;
                return Ok(Self { job, items, admin: None });
            }
            Err(error) => error,
        };
        if job.store.kind() != CredentialKind::Pat || context.subject.admin.is_none() {
            return Err(refused);
        }
        context.event(Step::SignIn, Phase::Warning, format!("{refused}; going on as the workspace admin"));
        let admin = admin(context).await?;
        let principal = principal(context, &admin).await?;
        let items = owned(context, &admin, &principal).await?;
        Ok(Self { job, items, admin: Some((admin, principal)) })
    }

    /// Says who revokes, where it is not the principal.
    pub(super) fn by(&self) -> &'static str {
        if self.admin.is_some() { " as the workspace admin" } else { "" }
    }

    /// Revokes, and returns what was refused.
    pub(super) async fn revoke<'i>(&self, ids: &[&'i str]) -> Vec<(&'i str, Error)> {
        let context = self.job.context;
        let results = a_few_at_once(ids.iter().map(|id| async move {
            match &self.admin {
                Some((admin, _)) => management::delete(context, admin, id).await,
                None => self.job.store.revoke(context, id).await,
            }
        }));
        let each = ids.iter().zip(results.await);
        each.filter_map(|(id, result)| result.err().map(|error| (*id, error))).collect()
    }

    /// Returns which of them are there still.
    ///
    /// # Errors
    /// As the list is answered.
    pub(super) async fn left(&self, ids: &[&str]) -> Result<Vec<String>, Error> {
        let context = self.job.context;
        let mut left = Vec::new();
        let looked = context.retry(Step::ListTokens, Patience::attempts(READS), async || {
            let all: Vec<String> = match &self.admin {
                Some((admin, principal)) => {
                    owned(context, admin, principal).await?.into_iter().map(|item| item.id).collect()
                }
                None => {
                    let listed = self.job.store.list(context, Step::ListTokens).await?;
                    listed.into_iter().map(|listed| listed.id).collect()
                }
            };
            left = all.into_iter().filter(|id| ids.contains(&id.as_str())).collect();
            match left.is_empty() {
                true => Ok(()),
                // The list may be one of before.
                false => {
                    Err(Error::new(Code::SpreadingTooSlow, Step::ListTokens, "the list shows them still")
                        .with_temporary(Temporary::Yes))
                }
            }
        });
        match looked.await {
            Err(error) if error.code() != Code::SpreadingTooSlow => Err(error),
            _ => Ok(left),
        }
    }
}

fn item(listed: Listed) -> Item {
    let Listed { id, created, tag, comment, .. } = listed;
    Item { id, tag, comment, created, last_used: None }
}

/// Adds when each was last used, which only an admin is told.
async fn add_uses(job: &Job<'_>, items: &mut [Item]) {
    let context = job.context;
    if job.store.kind() != CredentialKind::Pat || context.subject.admin.is_none() {
        return;
    }
    let seen = async {
        let admin = admin(context).await?;
        let principal = principal(context, &admin).await?;
        owned(context, &admin, &principal).await
    };
    // That it is not known is said of each.
    let Ok(seen) = seen.await else { return };
    for item in items {
        item.last_used = seen.iter().find(|other| other.id == item.id).and_then(|other| other.last_used);
    }
}

/// Lists the principal's tokens as the admin sees them.
async fn owned(
    context: &Context<'_>,
    admin: &Identity,
    principal: &ServicePrincipal,
) -> Result<Vec<Item>, Error> {
    let infos = management::list_of(context, admin, &principal.id, &principal.application_id).await?;
    let item = |info: TokenInfo| Item {
        created: info.created(),
        last_used: info.last_used_day.and_then(|day| Timestamp::from_millisecond(day).ok()),
        tag: info.comment.as_deref().and_then(Tag::find),
        comment: info.comment,
        id: info.token_id,
    };
    Ok(infos.into_iter().map(item).collect())
}

/// Finds the principal in the workspace, whose tokens are known by its number there.
async fn principal(context: &Context<'_>, admin: &Identity) -> Result<ServicePrincipal, Error> {
    let found = find_in_workspace(context, admin, None).await?;
    found.ok_or_else(|| {
        let entra = context.subject.principal.kind == PrincipalKind::Entra;
        let kind = if entra { "Entra" } else { "Databricks" };
        let words = format!("the {kind} service principal was not found in the workspace");
        Error::new(Code::PrincipalNotInWorkspace, Step::RevokeToken, words)
    })
}
