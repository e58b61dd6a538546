//! The federation policy of a Databricks principal: what the account has, and what is to be made.

use super::resolve::Target;
use super::trust;
use crate::auth::{Context, sign_in_account_admin};
use crate::model::{Code, Error, PrincipalKind, Step};
use crate::service::databricks::federation::{Holder, Policy, account_of, check_admin, ensure, find};

const STEP: Step = Step::MakeFederationPolicy;

/// Holds the policy that is wanted, and whether it is there.
#[derive(Debug, Clone)]
pub(super) struct PolicySeen {
    pub(super) policy: Policy,
    pub(super) is_there: bool,
}

/// Looks for the policy of the principal with that number; one that does not exist yet has none.
///
/// # Errors
/// `account-admin-required`; as GitHub and the account answer.
pub(super) async fn observe(
    context: &Context<'_>,
    target: &Target,
    principal: Option<&str>,
) -> Result<Option<PolicySeen>, Error> {
    if target.subject.principal.kind != PrincipalKind::Databricks {
        return Ok(None);
    }
    let Some(policy) = trust::wanted_policy(context, target).await? else { return Ok(None) };
    // Who may not make it is told before anything is made.
    let admin = sign_in_account_admin(context, STEP).await?;
    let account = account(context).await?;
    let is_there = match principal {
        Some(principal) => find(context, &admin, Holder { account: &account, principal }, &policy).await?,
        None => {
            check_admin(context, &admin, &account).await?;
            false
        }
    };
    Ok(Some(PolicySeen { policy, is_there }))
}

/// Makes the policy; returns whether this run made it.
///
/// # Errors
/// As the account answers.
pub(super) async fn make(context: &Context<'_>, principal: &str, policy: &Policy) -> Result<bool, Error> {
    let admin = sign_in_account_admin(context, STEP).await?;
    let account = account(context).await?;
    ensure(context, &admin, Holder { account: &account, principal }, policy).await
}

/// Returns the account's id: the configured one, or what the workspace says.
async fn account(context: &Context<'_>) -> Result<String, Error> {
    let subject = context.subject;
    let asked = match &subject.principal.account_id {
        Some(configured) => Some(configured.clone()),
        None => account_of(context, &subject.workspace).await?,
    };
    asked.ok_or_else(|| {
        Error::config(
            Code::ConfigMissingKey,
            format!("{}.principal.account-id", subject.path),
            "the workspace does not say which account it belongs to, and a federation policy hangs on the account",
        )
    })
}
