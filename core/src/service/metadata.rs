//! The instance metadata service of an Azure machine, which gives tokens of managed identities.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::time::Duration;

use serde::Deserialize;

use super::oauth::{Granted, Seconds};
use crate::host::Method;
use crate::http::{Call, Client, Dialect, Identity, Rule, encode, status, statuses};
use crate::model::{Code, Error, Origin, Secret, Step};

/// The service, as it says no.
static METADATA: Dialect = Dialect::new("the instance metadata service", TABLE);

const TABLE: &[Rule] = &[
    status(400).saying(&["multiple user assigned identities"]).means(Code::IdentityAmbiguous),
    status(400).for_reason(&["invalid_resource"]).means(Code::ResourceMissing),
    status(400).means(Code::IdentityNotAssigned),
    // A proxy answers in the place of a service that only the machine itself reaches.
    status(403).page().means(Code::NotReachable),
    // It lags behind right after an identity was assigned, and while it is updated.
    status(404).means(Code::SignInRefused).passing(),
    status(410)
        .means(Code::ServiceUnavailable)
        .tells("the machine's metadata service is being updated")
        .passing(),
    statuses(400, 599).means(Code::SignInRefused),
];

/// How long the service on the machine itself may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Holds where a managed host, such as App Service, gives tokens, and the secret that it wants to be shown.
///
/// <https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference>
pub(crate) struct HostEndpoint {
    pub(crate) origin: Origin,
    pub(crate) path: String,
    pub(crate) header: Secret,
}

/// Names who it is that refuses.
static APP_SERVICE: Dialect = Dialect::new("the managed-identity endpoint of this host", TABLE);

#[derive(Deserialize)]
struct Hosted {
    access_token: String,
    expires_on: Seconds,
}

/// Asks a managed host for a token for a resource, and returns it with its life in seconds; without a client
/// id the host's own identity is meant.
pub(crate) async fn of_host(
    client: &Client<'_>,
    endpoint: &HostEndpoint,
    resource: &str,
    client_id: Option<&str>,
    step: Step,
) -> Result<(String, i64), Error> {
    let HostEndpoint { origin, path, header } = endpoint;
    let whose = client_id.map(|id| format!("&client_id={}", encode(id))).unwrap_or_default();
    let path = format!("{path}?api-version=2019-08-01&resource={}{whose}", encode(resource));
    let shown = Identity::of_header(origin, "x-identity-header", header);
    let mut call = Call::by(&shown, step, &APP_SERVICE, Method::GET, path);
    call.timeout = TIMEOUT;
    let granted: Hosted = client.json(call).await?;
    Ok((granted.access_token, granted.expires_on.seconds() - client.now().as_second()))
}

/// Asks for a token for a resource; without a client id the machine's own identity is meant.
pub(crate) async fn token(
    client: &Client<'_>,
    imds: &Origin,
    resource: &str,
    client_id: Option<&str>,
    step: Step,
) -> Result<Granted, Error> {
    let identity = client_id.map(|id| format!("&client_id={}", encode(id))).unwrap_or_default();
    let resource = encode(resource);
    let path =
        format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{identity}");
    let mut call = Call::get(step, &METADATA, imds, path).header("metadata", "true");
    call.timeout = TIMEOUT;
    client.json(call).await.map_err(|error| match error.code() {
        Code::NotReachable | Code::TimedOut => error.with_hint(
            "azure-msi works on an Azure machine with a managed identity alone; elsewhere use another auth \
             type, such as github-oidc-azure",
        ),
        _ => error,
    })
}
