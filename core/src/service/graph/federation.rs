//! The federated credentials of an application: whose assertions it signs in with, so that no secret exists.
//!
//! <https://learn.microsoft.com/graph/api/resources/federatedidentitycredentials-overview>

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::spreading::{appeared, is_conflict, settled};
use super::{Application, list};
use crate::call::{Call, Identity, Service, encode};
use crate::config::FederatedCredential;
use crate::context::Context;
use crate::error::{Code, Error, Step};
use crate::secret::hex;

/// The issuer of GitHub Actions; a slash at its end would match nothing.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// How many federated credentials an application may have.
const MOST: usize = 20;

const STEP: Step = Step::MakeFederatedCredential;

/// Describes whom an application shall trust.
///
/// Both subject formats of GitHub, `repo:OWNER/REPO:…` and `repo:OWNER@ID/REPO@ID:…`, are subjects like any
/// other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// The name in Entra ID, which cannot be changed later.
    pub name: String,
    /// Who signs the assertion.
    pub issuer: String,
    /// The subject, compared letter by letter.
    pub subject: String,
    /// The audience.
    pub audience: String,
}

impl Trust {
    /// Makes it of the configuration: GitHub's issuer, the cloud's audience and a name made from the rest,
    /// where none is given.
    #[must_use]
    pub fn of(context: &Context<'_>, configured: &FederatedCredential) -> Self {
        let issuer = configured.issuer.clone().unwrap_or_else(|| GITHUB_ISSUER.to_owned());
        let audience = configured
            .audience
            .clone()
            .unwrap_or_else(|| context.session.config.cloud.token_exchange_audience().to_owned());
        let name =
            configured.name.clone().unwrap_or_else(|| name_of(&issuer, &configured.subject, &audience));
        Self { name, issuer, subject: configured.subject.clone(), audience }
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
pub struct FederatedCredentialInfo {
    /// The id.
    pub id: String,
    /// The name.
    #[serde(default)]
    pub name: String,
    /// Who signs the assertion.
    pub issuer: String,
    /// The subject.
    #[serde(default)]
    pub subject: String,
    /// The audiences; Entra ID allows one.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// Whether this run made it.
    #[serde(skip)]
    pub created: bool,
}

/// Lists the federated credentials of an application, named by its object id, writing nothing.
///
/// # Errors
/// As Graph answers.
pub async fn list_federated_credentials(
    context: &Context<'_>,
    identity: &Identity,
    object_id: &str,
) -> Result<Vec<FederatedCredentialInfo>, Error> {
    settled(context, STEP, || {
        list(
            context,
            identity,
            STEP,
            format!("/v1.0/applications/{}/federatedIdentityCredentials", encode(object_id)),
        )
    })
    .await
}

/// Finds the federated credential that trusts exactly this, writing nothing.
///
/// # Errors
/// `federated-credential-mismatch` where one with the same issuer and subject, or the same name, stands in
/// the way.
pub async fn find_federated_credential(
    context: &Context<'_>,
    identity: &Identity,
    application: &Application,
    trust: &Trust,
) -> Result<Option<FederatedCredentialInfo>, Error> {
    let all = list_federated_credentials(context, identity, &application.object_id).await?;
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
pub async fn ensure_federated_credential(
    context: &Context<'_>,
    identity: &Identity,
    application: &Application,
    trust: &Trust,
) -> Result<FederatedCredentialInfo, Error> {
    if let Some(found) = find_federated_credential(context, identity, application, trust).await? {
        return Ok(found);
    }
    let path = format!("/v1.0/applications/{}/federatedIdentityCredentials", encode(&application.object_id));
    let body = json!({"name": trust.name, "issuer": trust.issuer, "subject": trust.subject, "audiences": [trust.audience]});
    let created = settled(context, STEP, || {
        let call = Call::post(STEP, Service::Graph, &context.session.config.graph, path.clone())
            .identity(identity)
            // Issuer and subject are unique: a second sending is refused as a duplicate.
            .repeatable(true)
            .json(&body);
        context.json::<FederatedCredentialInfo>(call)
    })
    .await;
    match created {
        Ok(credential) => Ok(FederatedCredentialInfo { created: true, ..credential }),
        Err(error) if is_conflict(&error) || error.is_uncertain() => {
            appeared(context, STEP, || find_federated_credential(context, identity, application, trust))
                .await?
                .ok_or(error)
        }
        Err(error) => Err(error),
    }
}
