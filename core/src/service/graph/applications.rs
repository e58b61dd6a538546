//! The application and its service principal.
//!
//! <https://learn.microsoft.com/graph/api/application-post-applications>

use serde::Deserialize;
use serde_json::json;

use super::pages::{equals, list};
use super::passwords::PasswordInfo;
use super::propagation::{appeared, is_conflict, settled};
use super::refusals::GRAPH;
use crate::host::Method;
use crate::http::{Call, Client, Identity};
use crate::model::{Code, Error, Step};

/// The tag of the applications that lakekey registers.
pub(super) const MARK: &str = "lakekey";

/// Describes an application's registration.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Application {
    /// The id of the object, by which Graph's paths name it.
    #[serde(rename = "id", deserialize_with = "crate::model::id")]
    pub(crate) object_id: String,
    /// The application id, with which it signs in (`client-id`).
    #[serde(deserialize_with = "crate::model::id")]
    pub(crate) app_id: String,
    /// The name.
    #[serde(default)]
    pub(crate) display_name: String,
    /// Texts by which programs know what they made.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Its client secrets, without their values.
    #[serde(default)]
    pub(crate) password_credentials: Vec<PasswordInfo>,
    /// Whether this run made it.
    #[serde(skip)]
    pub(crate) created: bool,
}

/// Describes an application's service principal in the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServicePrincipal {
    /// The id of the object.
    #[serde(rename = "id", deserialize_with = "crate::model::id")]
    pub(crate) object_id: String,
    /// The application id.
    #[serde(deserialize_with = "crate::model::id")]
    pub(crate) app_id: String,
    /// Whether this run made it.
    #[serde(skip)]
    pub(crate) created: bool,
}

/// Says which application is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By<'a> {
    /// The one with this application id.
    ClientId(&'a str),
    /// The one with exactly this name.
    Name(&'a str),
}

/// Finds an application, writing nothing.
///
/// # Errors
/// `application-ambiguous` with the application ids where several bear the name.
pub(crate) async fn find_application(
    client: &Client<'_>,
    identity: &Identity,
    by: By<'_>,
) -> Result<Option<Application>, Error> {
    let filter = match by {
        By::ClientId(id) => equals("appId", id),
        By::Name(name) => equals("displayName", name),
    };
    let mut found: Vec<Application> =
        list(client, identity, Step::MakeApplication, format!("/v1.0/applications?{filter}")).await?;
    // What came back is compared with what was asked: Graph compares names without regard to letter case, and
    // two that differ in it are two names.
    found.retain(|application| match by {
        By::ClientId(id) => application.app_id.eq_ignore_ascii_case(id),
        By::Name(name) => application.display_name == name,
    });
    if found.len() > 1 {
        let (By::ClientId(text) | By::Name(text)) = by;
        let ids: Vec<&str> = found.iter().map(|application| application.app_id.as_str()).collect();
        return Err(Error::new(
            Code::ApplicationAmbiguous,
            Step::MakeApplication,
            format!("several applications are named \"{text}\": {}", ids.join(", ")),
        ));
    }
    Ok(found.pop())
}

/// Finds the application, or registers it for this tenant alone; run twice, there is one.
///
/// # Errors
/// `application-ambiguous`; `application-not-found` where a given application id does not exist;
/// `graph-permission-missing`.
pub(crate) async fn ensure_application(
    client: &Client<'_>,
    identity: &Identity,
    by: By<'_>,
) -> Result<Application, Error> {
    if let Some(found) = find_application(client, identity, by).await? {
        return Ok(found);
    }
    let name = match by {
        By::ClientId(id) => return Err(unknown(id)),
        By::Name(name) => name,
    };
    match create(client, identity, name).await {
        // Graph knows no idempotency key, so that the name tells whether a creation without a reply took
        // place.
        Err(error) if error.is_uncertain() => {
            if let Some(found) = made_without_reply(client, identity, name).await? {
                return Ok(found);
            }
        }
        other => return other,
    }
    // A minute has shown nothing: the first one did not take place. Whatever becomes of the second, the next
    // run finds it.
    match create(client, identity, name).await {
        Err(error) if error.is_uncertain() => made_without_reply(client, identity, name).await?.ok_or(error),
        other => other,
    }
}

/// Says that the tenant has no application with that id.
pub(crate) fn unknown(id: &str) -> Error {
    Error::new(
        Code::ApplicationNotFound,
        Step::MakeApplication,
        format!("the tenant has no application with the client-id {id}"),
    )
    .with_hint(
        "correct principal.client-id, or leave it out to have an application made under \
         principal.display-name",
    )
}

/// Looks for a minute whether a creation without a reply took place.
async fn made_without_reply(
    client: &Client<'_>,
    identity: &Identity,
    name: &str,
) -> Result<Option<Application>, Error> {
    let look = async || find_application(client, identity, By::Name(name)).await;
    let found = appeared(client, Step::MakeApplication, look).await?;
    Ok(found.map(|found| Application { created: true, ..found }))
}

async fn create(client: &Client<'_>, identity: &Identity, name: &str) -> Result<Application, Error> {
    // Without the audience the application would be open to other tenants.
    let body = json!({"displayName": name, "signInAudience": "AzureADMyOrg", "tags": [MARK]});
    let call =
        Call::by(identity, Step::MakeApplication, &GRAPH, Method::POST, "/v1.0/applications").json(&body);
    let application: Application = client.json(call).await?;
    // The answer is believed only as far as it agrees with what Graph then shows under its id; a replica that
    // lags behind shows nothing yet.
    let shown = find_application(client, identity, By::ClientId(&application.app_id)).await?;
    match shown {
        Some(shown) if shown.display_name != name || !shown.tags.iter().any(|tag| tag == MARK) => {
            let words = format!("the creation was answered with {}, another application", application.app_id);
            Err(Error::new(Code::ReplyInvalid, Step::MakeApplication, words).with_uncertainty(true))
        }
        _ => Ok(Application { created: true, ..application }),
    }
}

/// Finds the service principal of an application in the tenant, writing nothing.
///
/// # Errors
/// As Graph answers.
pub(crate) async fn find_service_principal(
    client: &Client<'_>,
    identity: &Identity,
    app_id: &str,
) -> Result<Option<ServicePrincipal>, Error> {
    let path = format!("/v1.0/servicePrincipals?{}", equals("appId", app_id));
    let found: Vec<ServicePrincipal> = list(client, identity, Step::MakeServicePrincipal, path).await?;
    Ok(found.into_iter().find(|principal| principal.app_id.eq_ignore_ascii_case(app_id)))
}

/// Finds the service principal of an application, or makes it, waiting until Graph knows the application
/// everywhere.
///
/// # Errors
/// `graph-permission-missing`; `spreading-too-slow`.
pub(crate) async fn ensure_service_principal(
    client: &Client<'_>,
    identity: &Identity,
    app_id: &str,
) -> Result<ServicePrincipal, Error> {
    let step = Step::MakeServicePrincipal;
    if let Some(found) = find_service_principal(client, identity, app_id).await? {
        return Ok(found);
    }
    let created = settled(client, step, async || {
        let call = Call::by(identity, step, &GRAPH, Method::POST, "/v1.0/servicePrincipals")
            // A tenant has one service principal an application: a second sending is refused as a duplicate.
            .repeatable(true)
            .json(&json!({"appId": app_id}));
        client.json::<ServicePrincipal>(call).await
    })
    .await;
    match created {
        Ok(principal) if principal.app_id.eq_ignore_ascii_case(app_id) => {
            Ok(ServicePrincipal { created: true, ..principal })
        }
        Ok(principal) => {
            let words = format!("the creation was answered with that of {}", principal.app_id);
            Err(Error::new(Code::ReplyInvalid, step, words))
        }
        Err(error) if is_conflict(&error) || error.is_uncertain() => {
            appeared(client, step, async || find_service_principal(client, identity, app_id).await)
                .await?
                .ok_or(error)
        }
        Err(error) => Err(error),
    }
}
