//! The identity token of an Azure Pipelines job, for the pipeline itself or for a service connection.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>

use serde_json::{Value, json};

use super::reply::{api_version, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::signing::IssuerKey;
use crate::state::JobIdentity;
use crate::world::World;

/// Gives the job a token: `POST …/oidctoken?api-version=7.1[&serviceConnectionId=…]` with an empty body and
/// the job's access token as bearer.
pub(super) fn token(world: &mut World, call: &Call) -> Reply {
    let job = world.oidc.pipeline.clone();
    if call.bearer().is_none() || call.bearer() != job.access_token.as_deref() {
        return refusal(
            401,
            "UnauthorizedRequestException",
            "TF400813: The user '' is not authorized to access this resource.",
        );
    }
    if let Err(reply) = api_version(call) {
        return reply;
    }
    if !matches!(call.body.as_slice(), b"" | b"{}") {
        return refusal(
            400,
            "VssPropertyValidationException",
            "The request body is not valid for this operation.",
        );
    }
    let connection = match call.query("serviceConnectionId") {
        None => None,
        Some(id) => match job.connection(id) {
            Some(connection) if !connection.referenced => return unreferenced(&connection.id),
            Some(connection) => Some(connection),
            None => {
                let message = "The service connection does not exist, has been disabled or hasn't been \
                               authorized for use.";
                return refusal(404, "ServiceEndpointNotFoundException", message);
            }
        },
    };
    let JobIdentity { issuer, subject, audience } = job.identity(connection);
    let (jti, now) = (world.random.uuid(), call.now_ms.div_euclid(1000));
    let claims: Value = json!({
        "jti": jti, "sub": subject, "aud": audience, "iss": issuer,
        "nbf": now - 300, "iat": now, "exp": now + job.lifetime_seconds,
        "org_id": job.organization_id, "prj_id": job.project_id, "def_id": "12", "run_id": "345",
        "rpo_ref": "refs/heads/main",
    });
    let token = IssuerKey::shared().sign(&claims);
    world.note_issued(&token);
    Reply::json(200, &json!({"oidcToken": token}))
}

/// Refuses a service connection that no task of the job names, as has been recorded since March 2026.
fn unreferenced(id: &str) -> Reply {
    let words = format!(
        "There is no explicit reference to service connection {id} from current stage Rotate.Job.__default."
    );
    Reply::json(400, &json!({"count": words.len(), "value": words}))
}
