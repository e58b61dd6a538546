//! The identity token of an Azure Pipelines job, for the pipeline itself or for a service connection.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>

use serde_json::{Value, json};

use super::reply::{api_version, refusal};
use crate::call::Call;
use crate::reply::Reply;
use crate::signing::IssuerKey;
use crate::state::EXCHANGE_AUDIENCE;
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
    let Some((issuer, subject)) = job.identity(call.query("serviceConnectionId")) else {
        let message =
            "The service connection does not exist, has been disabled or hasn't been authorized for use.";
        return refusal(404, "ServiceEndpointNotFoundException", message);
    };
    let (jti, now) = (world.random.uuid(), call.now_ms.div_euclid(1000));
    let claims: Value = json!({
        "jti": jti, "sub": subject, "aud": EXCHANGE_AUDIENCE, "iss": issuer,
        "nbf": now - 300, "iat": now, "exp": now + job.lifetime_seconds,
        "org_id": job.organization_id, "prj_id": job.project_id, "def_id": "12", "run_id": "345",
        "rpo_ref": "refs/heads/main",
    });
    let token = IssuerKey::shared().sign(&claims);
    world.note_issued(&token);
    Reply::json(200, &json!({"oidcToken": token}))
}
