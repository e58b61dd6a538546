//! OAuth secrets of a service principal, by the workspace's proxy or by the account.
//!
//! The principal is named by its numeric id, which SCIM gives as text. A secret bears no text of its own, so
//! that only its id and its dates tell one from another.
//!
//! <https://docs.databricks.com/api/azure/workspace/servicePrincipalsecretsProxy>

use serde::Deserialize;
use serde_json::json;

use super::DATABRICKS;
use super::tokens::gone_is_done;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Reach, Secret, Step, Timestamp};

/// How many pages of the list are read; a principal may have five secrets.
const PAGES: usize = 20;

/// Describes an OAuth secret, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct OauthSecretInfo {
    /// The id.
    #[serde(deserialize_with = "super::tokens::text_of_number_or_text")]
    pub(crate) id: String,
    /// Whether it may be used, such as `ACTIVE`.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// When it was made, by the service's clock.
    #[serde(default)]
    pub(crate) create_time: Option<Timestamp>,
    /// When it ends; `None` where the service does not say.
    #[serde(default)]
    pub(crate) expire_time: Option<Timestamp>,
    /// The scopes; absent or empty where it is not restricted.
    #[serde(default)]
    pub(crate) scopes: Reach,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    secrets: Vec<OauthSecretInfo>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    secret: String,
    #[serde(flatten)]
    info: OauthSecretInfo,
}

/// Says whose secrets are meant: the principal's numeric id, and the account's where they are managed there
/// instead of in the workspace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'a> {
    pub(crate) principal: &'a str,
    pub(crate) account: Option<&'a str>,
}

impl Holder<'_> {
    fn path(self) -> String {
        let account = self.account.map(|id| format!("/{}", encode(id))).unwrap_or_default();
        let principal = encode(self.principal);
        format!("/api/2.0/accounts{account}/servicePrincipals/{principal}/credentials/secrets")
    }
}

/// Lists the OAuth secrets of the principal with that numeric id.
///
/// # Errors
/// As the service answers.
pub(crate) async fn list(
    client: &Client<'_>,
    identity: &Identity,
    holder: Holder<'_>,
    step: Step,
) -> Result<Vec<OauthSecretInfo>, Error> {
    let base = holder.path();
    let mut path = base.clone();
    let mut all = Vec::new();
    for _ in 0..PAGES {
        let page: Listed = client.json(Call::by(identity, step, &DATABRICKS, Method::GET, path)).await?;
        all.extend(page.secrets);
        match page.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => path = format!("{base}?page_token={}", encode(&token)),
            None => return Ok(all),
        }
    }
    Err(Error::new(Code::ReplyInvalid, step, "Databricks answers with a list of secrets that does not end"))
}

/// Creates an OAuth secret that lives that many seconds and has those scopes, or all, and returns its value,
/// which is to be had here alone.
///
/// It is never repeated after a lost reply: an uncertain error says that a secret may exist.
///
/// # Errors
/// As the service answers.
pub(crate) async fn create(
    client: &Client<'_>,
    identity: &Identity,
    holder: Holder<'_>,
    lifetime_seconds: u64,
    scopes: Option<&[String]>,
) -> Result<(Secret, OauthSecretInfo), Error> {
    let mut body = json!({"lifetime": format!("{lifetime_seconds}s")});
    if let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) {
        body["scopes"] = json!(scopes);
    }
    let step = Step::CreateToken;
    let call = Call::by(identity, step, &DATABRICKS, Method::POST, holder.path()).json(&body);
    let created: Created = client.json(call).await?;
    let value = client.masked(Secret::new(created.secret));
    Ok((value, created.info))
}

/// Deletes an OAuth secret; one that is gone already is deleted.
///
/// # Errors
/// As the service answers.
pub(crate) async fn delete(
    client: &Client<'_>,
    identity: &Identity,
    holder: Holder<'_>,
    id: &str,
    step: Step,
) -> Result<(), Error> {
    let path = format!("{}/{}", holder.path(), encode(id));
    let call = Call::by(identity, step, &DATABRICKS, Method::DELETE, path);
    gone_is_done(client.execute(call).await.map(drop))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::auth::Context;
    use crate::host::testing::TestHost;

    const WORKSPACE: &str =
        "https://adb-1.2.azuredatabricks.net/api/2.0/accounts/servicePrincipals/42/credentials/secrets";
    const ACCOUNT: &str = "33333333-3333-3333-3333-333333333333";

    fn with<T>(
        host: &TestHost,
        account: Option<&str>,
        act: impl AsyncFnOnce(&Context<'_>, &Identity, Holder<'_>) -> T,
    ) -> T {
        let config = host.config(json!({}), json!({}));
        host.with(&config, async |context| {
            let accounts = &config.endpoints().accounts;
            let origin = if account.is_some() { accounts } else { &context.subject.workspace };
            let identity = Identity::bearer(origin, &Secret::new("admin"));
            act(context, &identity, Holder { principal: "42", account }).await
        })
    }

    #[test]
    fn a_secret_is_made_with_a_lifetime_and_masked() {
        let host = TestHost::new();
        let answer = json!({"id": 7, "secret": "dose1", "status": "ACTIVE",
            "create_time": "2026-11-24T10:00:00Z",
            "expire_time": "2026-11-24T11:00:00Z", "scopes": ["sql"]});
        host.on(&format!("POST {WORKSPACE}"), 200, answer);
        let (value, info) = with(&host, None, async |context, identity, holder| {
            create(context, identity, holder, 3600, Some(&["sql".to_owned()])).await
        })
        .unwrap();
        assert_eq!((value, info.id.as_str()), (Secret::new("dose1"), "7"));
        assert_eq!(info.expire_time.map(|end| end.to_string()).as_deref(), Some("2026-11-24T11:00:00Z"));
        assert_eq!(host.sent()[0].json(), json!({"lifetime": "3600s", "scopes": ["sql"]}));
        assert_eq!(host.masked(), ["dose1"]);
    }

    #[test]
    fn every_page_is_listed_at_the_account_where_one_is_given() {
        let account = format!(
            "GET https://accounts.azuredatabricks.net/api/2.0/accounts/{ACCOUNT}/servicePrincipals/42/credentials/secrets"
        );
        let host = TestHost::new();
        host.on(&account, 200, json!({"secrets": [{"id": "1"}], "next_page_token": "p/2"}));
        host.on(
            &format!("{account}?page_token=p%2F2"),
            200,
            json!({"secrets": [{"id": "2"}], "next_page_token": ""}),
        );
        let listed = with(&host, Some(ACCOUNT), async |context, identity, holder| {
            list(context, identity, holder, Step::ListTokens).await
        })
        .unwrap();
        assert_eq!(listed.iter().map(|secret| secret.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        host.sent();
    }

    #[test]
    fn a_secret_that_is_gone_is_deleted_and_a_page_that_is_not_there_is_a_refusal() {
        let host = TestHost::new();
        let line = format!("DELETE {WORKSPACE}/7");
        let deleted = || {
            with(&host, None, async |context, identity, holder| {
                delete(context, identity, holder, "7", Step::RevokeToken).await
            })
        };
        host.on(&line, 404, json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such secret"}));
        assert_eq!(deleted(), Ok(()));
        host.on_text(&line, 404, &[("content-type", "text/html")], "<html></html>");
        assert_eq!(deleted().unwrap_err().status(), Some(404));
    }
}
