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

/// How many federated credentials an application may have.
const MOST: usize = 20;

const STEP: Step = Step::MakeFederatedCredential;

/// Says which assertions of an issuer are trusted.
///
/// Both subject formats of GitHub, `repo:OWNER/REPO:…` and `repo:OWNER@ID/REPO@ID:…`, are subjects like any
/// other.
///
/// <https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    /// Those with this subject, compared letter by letter.
    Subject(String),
    /// Those whose claims this expression matches.
    Expression(String),
}

impl Match {
    /// Returns the subject or the expression.
    pub(crate) fn as_str(&self) -> &str {
        let (Self::Subject(text) | Self::Expression(text)) = self;
        text
    }
}

/// Describes whom an application trusts, or is to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The name in Entra ID, which cannot be changed later.
    pub(crate) name: String,
    /// Who signs the assertion.
    pub(crate) issuer: String,
    /// Which of its assertions.
    pub(crate) matches: Match,
    /// The audience.
    pub(crate) audience: String,
}

impl Trust {
    /// Describes a trust, under a name that is made from the rest where none is given.
    #[must_use]
    pub(crate) fn new(name: Option<String>, issuer: String, matches: Match, audience: String) -> Self {
        let name = name.unwrap_or_else(|| name_of(&issuer, matches.as_str(), &audience));
        Self { name, issuer, matches, audience }
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
    #[serde(deserialize_with = "crate::model::id")]
    pub(crate) id: String,
    /// The name.
    #[serde(default)]
    pub(crate) name: String,
    /// Who signs the assertion.
    pub(crate) issuer: String,
    /// The subject; empty where an expression stands in its place.
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) subject: String,
    /// The expression that stands in the place of a subject.
    #[serde(default, rename = "claimsMatchingExpression")]
    expression: Option<Expression>,
    /// The audiences; Entra ID allows one.
    #[serde(default)]
    pub(crate) audiences: Vec<String>,
    /// Whether this run made it.
    #[serde(skip)]
    pub(crate) created: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Expression {
    #[serde(default)]
    value: String,
}

impl FederatedCredentialInfo {
    /// Returns true for one that has neither subject nor expression.
    fn is_cut(&self) -> bool {
        self.subject.is_empty() && self.expression.is_none()
    }

    /// Returns which assertions it matches.
    pub(crate) fn matches(&self) -> Match {
        match &self.expression {
            Some(expression) if self.subject.is_empty() => Match::Expression(expression.value.clone()),
            _ => Match::Subject(self.subject.clone()),
        }
    }

    /// Describes it for people.
    pub(crate) fn described(&self) -> String {
        let matches = match self.matches() {
            Match::Subject(subject) => format!("subject \"{subject}\""),
            Match::Expression(expression) => format!("the expression {expression}"),
        };
        let (issuer, audiences) = (&self.issuer, self.audiences.join("\", \""));
        format!("issuer \"{issuer}\", {matches} and audience \"{audiences}\"")
    }
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
    let from = async |version: &str| {
        settled(client, STEP, async || list(client, identity, STEP, path(version, object_id)).await).await
    };
    match from(STABLE).await {
        // It has been seen to break off where one of them has an expression, and it does not show that.
        Err(error) if matches!(error.code(), Code::ReplyInvalid | Code::ReplyLost) => from(BETA).await,
        Ok(listed) if listed.iter().any(FederatedCredentialInfo::is_cut) => from(BETA).await,
        listed => listed,
    }
}

/// The version of Graph that everything else is asked of.
const STABLE: &str = "v1.0";

/// The version of Graph that knows expressions.
const BETA: &str = "beta";

fn path(version: &str, object_id: &str) -> String {
    format!("/{version}/applications/{}/federatedIdentityCredentials", encode(object_id))
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
        let same_pair = known.issuer == trust.issuer && known.matches() == trust.matches;
        if same_pair && known.audiences.contains(&trust.audience) {
            return Ok(Some(known));
        }
        // Issuer and subject are unique, and so are names: Graph would refuse a second one.
        if same_pair || known.name == trust.name {
            return Err(Error::new(
                Code::FederatedCredentialMismatch,
                STEP,
                format!(
                    "the federated credential \"{}\" has {}, which are not those asked for",
                    known.name,
                    known.described()
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
    let mut body = json!({"name": trust.name, "issuer": trust.issuer, "audiences": [trust.audience]});
    let version = match &trust.matches {
        Match::Subject(subject) => {
            body["subject"] = json!(subject);
            STABLE
        }
        Match::Expression(text) => {
            body["claimsMatchingExpression"] = json!({"value": text, "languageVersion": 1});
            BETA
        }
    };
    let created = settled(client, STEP, async || {
        let call = Call::by(identity, STEP, &GRAPH, Method::POST, path(version, &application.object_id))
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
