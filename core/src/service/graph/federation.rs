//! The federated credentials of an application: whose assertions it signs in with, so that no secret exists.
//!
//! <https://learn.microsoft.com/graph/api/resources/federatedidentitycredentials-overview>

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::applications::Application;
use super::pages::list;
use super::propagation::{appeared, is_conflict, settled};
use super::refusals::GRAPH;
use crate::host::Method;
use crate::http::{Call, Client, Identity, encode};
use crate::model::{Code, Error, Step, hex};

/// The issuer of GitHub Actions; a slash at its end would match nothing.
pub(crate) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// How many federated credentials an application may have.
const MOST: usize = 20;

const STEP: Step = Step::MakeFederatedCredential;

/// Describes whom an application trusts, or is to trust.
///
/// Both subject formats of GitHub, `repo:OWNER/REPO:…` and `repo:OWNER@ID/REPO@ID:…`, are subjects like any
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The name in Entra ID, which cannot be changed later.
    pub(crate) name: String,
    /// Who signs the assertion.
    pub(crate) issuer: String,
    /// The subject, compared letter by letter.
    pub(crate) subject: String,
    /// The audience.
    pub(crate) audience: String,
}

impl Trust {
    /// Describes a trust, under a name that is made from the rest where none is given.
    #[must_use]
    pub(crate) fn new(name: Option<String>, issuer: String, subject: String, audience: String) -> Self {
        let name = name.unwrap_or_else(|| name_of(&issuer, &subject, &audience));
        Self { name, issuer, subject, audience }
    }
}

/// Makes a name that people recognise and that no other subject shares.
fn name_of(issuer: &str, subject: &str, audience: &str) -> String {
    let readable: String =
        subject.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(90).collect();
    let digest = Sha256::digest(format!("{issuer}\n{subject}\n{audience}"));
    format!("lakekey-{readable}-{}", hex(&digest[..4]))
}

/// Describes a federated credential as Graph lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct FederatedCredentialInfo {
    /// The id.
    pub(crate) id: String,
    /// The name.
    #[serde(default)]
    pub(crate) name: String,
    /// Who signs the assertion.
    pub(crate) issuer: String,
    /// The subject; empty where an expression stands in its place.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) subject: String,
    /// The audiences; Entra ID allows one.
    #[serde(default)]
    pub(crate) audiences: Vec<String>,
    /// Whether this run made it.
    #[serde(skip)]
    pub(crate) created: bool,
}

fn or_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// Lists the federated credentials of an application, named by its object id, writing nothing.
///
/// # Errors
/// As Graph answers.
pub(crate) async fn list_federated_credentials(
    client: &Client<'_>,
    identity: &Identity,
    object_id: &str,
) -> Result<Vec<FederatedCredentialInfo>, Error> {
    settled(client, STEP, async || {
        let path = format!("/v1.0/applications/{}/federatedIdentityCredentials", encode(object_id));
        list(client, identity, STEP, path).await
    })
    .await
}

/// Finds the federated credential that trusts exactly this, writing nothing.
///
/// # Errors
/// `federated-credential-mismatch` where one with the same issuer and subject, or the same name, stands in
/// the way.
pub(crate) async fn find_federated_credential(
    client: &Client<'_>,
    identity: &Identity,
    application: &Application,
    trust: &Trust,
) -> Result<Option<FederatedCredentialInfo>, Error> {
    let all = list_federated_credentials(client, identity, &application.object_id).await?;
    let count = all.len();
    for known in all {
        let same_pair = known.issuer == trust.issuer && known.subject == trust.subject;
        if same_pair && known.audiences.contains(&trust.audience) {
            return Ok(Some(known));
        }
        // Issuer and subject are unique, and so are names: Graph would refuse a second one.
        if same_pair || known.name == trust.name {
            return Err(Error::new(
                Code::FederatedCredentialMismatch,
                STEP,
                format!(
                    "the federated credential \"{}\" has issuer \"{}\", subject \"{}\" and audience \"{}\", \
                     which are not those asked for",
                    known.name,
                    known.issuer,
                    known.subject,
                    known.audiences.join("\", \"")
                ),
            )
            .with_hint(
                "remove it or correct it in Entra ID, or ask for what it says: lakekey changes nothing that \
                 others made",
            ));
        }
    }
    if count >= MOST {
        return Err(Error::new(
            Code::QuotaExceeded,
            STEP,
            format!("the application has {count} federated credentials, and {MOST} are allowed"),
        )
        .with_hint("remove federated credentials that nobody uses"));
    }
    Ok(None)
}

/// Finds the federated credential or makes it; run twice, there is one.
///
/// # Errors
/// As [`find_federated_credential`]; `graph-permission-missing`; `spreading-too-slow`.
pub(crate) async fn ensure_federated_credential(
    client: &Client<'_>,
    identity: &Identity,
    application: &Application,
    trust: &Trust,
) -> Result<FederatedCredentialInfo, Error> {
    if let Some(found) = find_federated_credential(client, identity, application, trust).await? {
        return Ok(found);
    }
    let path = format!("/v1.0/applications/{}/federatedIdentityCredentials", encode(&application.object_id));
    let body = json!({"name": trust.name, "issuer": trust.issuer, "subject": trust.subject,
        "audiences": [trust.audience]});
    let created = settled(client, STEP, async || {
        let call = Call::by(identity, STEP, &GRAPH, Method::POST, path.clone())
            // Issuer and subject are unique: a second sending is refused as a duplicate.
            .repeatable(true)
            .json(&body);
        client.json::<FederatedCredentialInfo>(call).await
    })
    .await;
    match created {
        Ok(credential) => Ok(FederatedCredentialInfo { created: true, ..credential }),
        Err(error) if is_conflict(&error) || error.is_uncertain() => appeared(client, STEP, async || {
            find_federated_credential(client, identity, application, trust).await
        })
        .await?
        .ok_or(error),
        Err(error) => Err(error),
    }
}
