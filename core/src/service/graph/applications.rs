//! The application and its service principal.
//!
//! <https://learn.microsoft.com/graph/api/application-post-applications>

use serde::Deserialize;
use serde_json::json;

use super::spreading::{appeared, is_conflict, settled};
use super::{equals, list};
use crate::call::{Call, Identity, Service};
use crate::context::Context;
use crate::error::{Code, Error, Step};

/// Describes an application's registration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The id of the object, by which Graph's paths name it.
    #[serde(rename = "id")]
    pub object_id: String,
    /// The application id, with which it signs in (`client-id`).
    pub app_id: String,
    /// The name.
    #[serde(default)]
    pub display_name: String,
    /// Who may sign in with it; `AzureADMyOrg` is this tenant alone.
    #[serde(default)]
    pub sign_in_audience: Option<String>,
    /// Whether this run made it.
    #[serde(skip)]
    pub created: bool,
}

/// Describes an application's service principal in the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePrincipal {
    /// The id of the object.
    #[serde(rename = "id")]
    pub object_id: String,
    /// The application id.
    pub app_id: String,
    /// Whether this run made it.
    #[serde(skip)]
    pub created: bool,
}

/// Finds an application by its application id or else by its exact name, writing nothing.
///
/// # Errors
/// `application-ambiguous` with the application ids where several bear the name; `config-missing-key` where
/// neither is given.
pub async fn find_application(
    context: &Context<'_>,
    identity: &Identity,
    client_id: Option<&str>,
    display_name: Option<&str>,
) -> Result<Option<Application>, Error> {
    let (filter, name) = match (client_id, display_name) {
        (Some(id), _) => (equals("appId", id), None),
        (None, Some(name)) => (equals("displayName", name), Some(name)),
        (None, None) => {
            return Err(Error::config(
                Code::ConfigMissingKey,
                format!("{}.principal.display-name", context.target.path),
                "give `client-id` or `display-name` to say which application is meant",
            ));
        }
    };
    let mut found: Vec<Application> =
        list(context, identity, Step::MakeApplication, format!("/v1.0/applications?{filter}")).await?;
    if let Some(name) = name {
        // Graph compares without regard to letter case; two names that differ in it are two names.
        found.retain(|application| application.display_name == name);
    }
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|application| application.app_id.as_str()).collect();
        return Err(Error::new(
            Code::ApplicationAmbiguous,
            Step::MakeApplication,
            format!("several applications are named \"{}\": {}", name.unwrap_or_default(), ids.join(", ")),
        ));
    }
    Ok(found.pop())
}

/// Finds the application, or registers it for this tenant alone; run twice, there is one.
///
/// # Errors
/// `application-ambiguous`; `application-not-found` where a given `client_id` does not exist;
/// `graph-permission-missing`.
pub async fn ensure_application(
    context: &Context<'_>,
    identity: &Identity,
    client_id: Option<&str>,
    display_name: Option<&str>,
) -> Result<Application, Error> {
    let step = Step::MakeApplication;
    if let Some(found) = find_application(context, identity, client_id, display_name).await? {
        return Ok(found);
    }
    let Some(name) = display_name.filter(|_| client_id.is_none()) else {
        return Err(Error::new(
            Code::ApplicationNotFound,
            step,
            format!("the tenant has no application with the client-id {}", client_id.unwrap_or_default()),
        )
        .with_hint(
            "correct principal.client-id, or leave it out to have an application made under \
             principal.display-name",
        ));
    };
    match create(context, identity, name).await {
        // Graph knows no idempotency key, so that the name tells whether a creation without a reply took
        // place.
        Err(error) if error.is_uncertain() => {
            if let Some(found) =
                appeared(context, step, || find_application(context, identity, None, Some(name))).await?
            {
                return Ok(Application { created: true, ..found });
            }
        }
        other => return other,
    }
    // A minute has shown nothing: the first one did not take place. Whatever becomes of the second, the next
    // run finds it.
    match create(context, identity, name).await {
        Err(error) if error.is_uncertain() => {
            appeared(context, step, || find_application(context, identity, None, Some(name)))
                .await?
                .map(|found| Application { created: true, ..found })
                .ok_or(error)
        }
        other => other,
    }
}

async fn create(context: &Context<'_>, identity: &Identity, name: &str) -> Result<Application, Error> {
    // Without the audience the application would be open to other tenants.
    let body = json!({"displayName": name, "signInAudience": "AzureADMyOrg"});
    let call = Call::post(
        Step::MakeApplication,
        Service::Graph,
        &context.session.config.graph,
        "/v1.0/applications",
    )
    .identity(identity)
    .json(&body);
    let application: Application = context.json(call).await?;
    Ok(Application { created: true, ..application })
}

/// Finds the service principal of an application in the tenant, writing nothing.
///
/// # Errors
/// As Graph answers.
pub async fn find_service_principal(
    context: &Context<'_>,
    identity: &Identity,
    app_id: &str,
) -> Result<Option<ServicePrincipal>, Error> {
    let path = format!("/v1.0/servicePrincipals?{}", equals("appId", app_id));
    let mut found: Vec<ServicePrincipal> = list(context, identity, Step::MakeServicePrincipal, path).await?;
    Ok(found.pop())
}

/// Finds the service principal of an application, or makes it, waiting until Graph knows the application
/// everywhere.
///
/// # Errors
/// `graph-permission-missing`; `spreading-too-slow`.
pub async fn ensure_service_principal(
    context: &Context<'_>,
    identity: &Identity,
    app_id: &str,
) -> Result<ServicePrincipal, Error> {
    let step = Step::MakeServicePrincipal;
    if let Some(found) = find_service_principal(context, identity, app_id).await? {
        return Ok(found);
    }
    let created = settled(context, step, || {
        let call = Call::post(step, Service::Graph, &context.session.config.graph, "/v1.0/servicePrincipals")
            .identity(identity)
            // A tenant has one service principal an application: a second sending is refused as a duplicate.
            .repeatable(true)
            .json(&json!({"appId": app_id}));
        context.json::<ServicePrincipal>(call)
    })
    .await;
    match created {
        Ok(principal) => Ok(ServicePrincipal { created: true, ..principal }),
        Err(error) if is_conflict(&error) || error.is_uncertain() => {
            appeared(context, step, || find_service_principal(context, identity, app_id)).await?.ok_or(error)
        }
        Err(error) => Err(error),
    }
}
