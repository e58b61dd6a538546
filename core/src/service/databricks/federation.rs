//! The federation policies of a service principal: whose tokens it signs in with, so that no secret exists.
//! They hang on the account's principal and hold in every workspace of it.
//!
//! <https://docs.databricks.com/api/azure/account/serviceprincipalfederationpolicy>

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::DATABRICKS;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Origin, Step, hex};

const STEP: Step = Step::MakeFederationPolicy;

/// How many policies a principal may have.
const MOST: usize = 20;

/// How many pages of the list are read.
const PAGES: usize = 20;

/// Describes a policy that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The id, which its maker chooses.
    pub(crate) id: String,
    /// Who signs the tokens.
    pub(crate) issuer: String,
    /// The subject, compared letter by letter.
    pub(crate) subject: String,
    /// The audience; `None` is the account's id.
    pub(crate) audience: Option<String>,
}

impl Policy {
    /// Describes a policy, under an id that is made from the rest where none is given.
    pub(crate) fn new(id: Option<String>, issuer: String, subject: String, audience: Option<String>) -> Self {
        let id = id.unwrap_or_else(|| {
            let rest = format!("{issuer}\n{subject}\n{}", audience.as_deref().unwrap_or_default());
            format!("lakekey-{}", hex(&Sha256::digest(rest)[..8]))
        });
        Self { id, issuer, subject, audience }
    }
}

/// Describes a policy as the account lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct PolicyInfo {
    /// The id.
    #[serde(default)]
    pub(crate) policy_id: Option<String>,
    #[serde(default)]
    uid: Option<String>,
    #[serde(default)]
    oidc_policy: Oidc,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Oidc {
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    subject_claim: Option<String>,
}

impl PolicyInfo {
    fn id(&self) -> &str {
        self.policy_id.as_deref().or(self.uid.as_deref()).unwrap_or_default()
    }

    fn is(&self, wanted: &Policy, account: &str) -> bool {
        let Oidc { issuer, subject, audiences, subject_claim } = &self.oidc_policy;
        let audience = wanted.audience.as_deref().unwrap_or(account);
        let is_for =
            audiences.iter().any(|known| known == audience) || audiences.is_empty() && audience == account;
        let by_subject = subject_claim.as_deref().is_none_or(|claim| claim.is_empty() || claim == "sub");
        *issuer == wanted.issuer && *subject == wanted.subject && is_for && by_subject
    }

    /// Describes it for people.
    pub(crate) fn described(&self) -> String {
        let Oidc { issuer, subject, audiences, .. } = &self.oidc_policy;
        let audiences = match audiences.is_empty() {
            true => "the account's id".to_owned(),
            false => format!("\"{}\"", audiences.join("\", \"")),
        };
        format!("issuer \"{issuer}\", subject \"{subject}\" and audience {audiences}")
    }
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    policies: Vec<PolicyInfo>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct HostMetadata {
    #[serde(default)]
    account_id: Option<String>,
}

/// Asks a workspace for the account that it belongs to; `None` where it does not say so.
///
/// # Errors
/// As the workspace answers; one that knows no such question says nothing.
pub(crate) async fn account_of(client: &Client<'_>, workspace: &Origin) -> Result<Option<String>, Error> {
    let call = Call::get(STEP, &DATABRICKS, workspace, "/.well-known/databricks-config");
    match client.json::<HostMetadata>(call).await {
        Ok(metadata) => Ok(metadata.account_id.filter(|id| !id.is_empty())),
        Err(error) if error.status().is_some_and(|status| (400..500).contains(&status)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Names a principal of an account by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'a> {
    pub(crate) account: &'a str,
    pub(crate) principal: &'a str,
}

impl Holder<'_> {
    fn path(self) -> String {
        let Self { account, principal } = self;
        format!(
            "/api/2.0/accounts/{}/servicePrincipals/{}/federationPolicies",
            encode(account),
            encode(principal)
        )
    }
}

/// Lists the policies of a principal.
///
/// # Errors
/// `account-admin-required`; as the account answers.
pub(crate) async fn list(
    client: &Client<'_>,
    admin: &Identity,
    holder: Holder<'_>,
) -> Result<Vec<PolicyInfo>, Error> {
    let base = holder.path();
    let mut path = base.clone();
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let page: Result<Listed, Error> =
            client.json(Call::by(admin, STEP, &DATABRICKS, Method::GET, path)).await;
        let page = page.map_err(refused)?;
        all.extend(page.policies);
        match page.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => path = format!("{base}?page_token={}", encode(&token)),
            None => return Ok(all),
        }
    }
    Err(Error::new(Code::ReplyInvalid, STEP, "Databricks answers with a list of policies that does not end"))
}

/// Finds the policy that trusts exactly this, writing nothing.
///
/// # Errors
/// As [`list`]; `federation-policy-mismatch` where the id is that of another policy; `quota-exceeded`.
pub(crate) async fn find(
    client: &Client<'_>,
    admin: &Identity,
    holder: Holder<'_>,
    wanted: &Policy,
) -> Result<bool, Error> {
    let all = list(client, admin, holder).await?;
    if all.iter().any(|known| known.is(wanted, holder.account)) {
        return Ok(true);
    }
    if let Some(other) = all.iter().find(|known| known.id() == wanted.id) {
        let words = format!("the policy \"{}\" has {}", wanted.id, other.described());
        return Err(Error::new(Code::FederationPolicyMismatch, STEP, words).with_hint(
            "remove it or correct it in the account console, or give federated-credential another `name`: \
             lakekey changes nothing that others made",
        ));
    }
    if all.len() >= MOST {
        let words = format!("the principal has {} federation policies, and {MOST} are allowed", all.len());
        let error = Error::new(Code::QuotaExceeded, STEP, words);
        return Err(error.with_hint("remove federation policies that nobody uses"));
    }
    Ok(false)
}

/// Checks that the admin is one of the account, where there is no principal yet whose policies could be asked
/// for.
///
/// <https://docs.databricks.com/api/azure/account/accountserviceprincipals/list>
///
/// # Errors
/// `account-admin-required`; as the account answers.
pub(crate) async fn check_admin(client: &Client<'_>, admin: &Identity, account: &str) -> Result<(), Error> {
    let path =
        format!("/api/2.0/accounts/{}/scim/v2/ServicePrincipals?startIndex=1&count=1", encode(account));
    let call = Call::by(admin, STEP, &DATABRICKS, Method::GET, path);
    client.execute(call).await.map(drop).map_err(refused)
}

/// Makes the policy, unless it is there; returns whether this run made it.
///
/// # Errors
/// As [`find`].
pub(crate) async fn ensure(
    client: &Client<'_>,
    admin: &Identity,
    holder: Holder<'_>,
    wanted: &Policy,
) -> Result<bool, Error> {
    if find(client, admin, holder, wanted).await? {
        return Ok(false);
    }
    let mut oidc = json!({"issuer": wanted.issuer, "subject": wanted.subject});
    if let Some(audience) = &wanted.audience {
        oidc["audiences"] = json!([audience]);
    }
    let path = format!("{}?policy_id={}", holder.path(), encode(&wanted.id));
    let call = Call::by(admin, STEP, &DATABRICKS, Method::POST, path)
        // The id is the caller's: a second sending is refused as a duplicate.
        .repeatable(true)
        .json(&json!({"oidc_policy": oidc, "description": "made by lakekey"}));
    match client.json::<PolicyInfo>(call).await {
        Ok(made) if made.is(wanted, holder.account) => Ok(true),
        Ok(made) => {
            let words = format!("the creation was answered with another policy: {}", made.described());
            Err(Error::new(Code::ReplyInvalid, STEP, words))
        }
        Err(error) if error.status() == Some(409) || error.is_uncertain() => {
            // Another run may have made it, or the answer to the first try was lost.
            match find(client, admin, holder, wanted).await? {
                true => Ok(false),
                false => Err(refused(error)),
            }
        }
        Err(error) => Err(refused(error)),
    }
}

/// At the account it takes an admin of the account.
fn refused(error: Error) -> Error {
    match error.code() {
        Code::AdminRequired | Code::Refused if error.status() == Some(403) => {
            error.coded(Code::AccountAdminRequired)
        }
        _ => error,
    }
}
