//! The identity token of a GitHub Actions job.
//!
//! <https://docs.github.com/actions/reference/security/oidc>

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Reply;
use crate::signing::IssuerKey;
use crate::state::ActionsJob;
use crate::world::World;

/// Gives the job a token: `GET …&audience=…` with the request token as bearer.
pub(super) fn token(world: &mut World, call: &Call) -> Reply {
    let refuse = |status: u16, message: &str| {
        Reply::json(
            status,
            &json!({
                "$id": "1", "innerException": null, "message": message,
                "typeKey": "UnauthorizedRequestException", "errorCode": 0,
            }),
        )
    };
    if call.method != "GET" || !call.path.contains("/idtoken/") {
        return Reply::unknown_route(call);
    }
    let job = &world.oidc.actions;
    if call.bearer().is_none() || call.bearer() != job.request_token.as_deref() {
        return refuse(401, "The user is not authorized to access this resource.");
    }
    let audience =
        call.query("audience").map_or_else(|| format!("https://github.com/{}", job.owner), str::to_owned);
    let (job, jti) = (job.clone(), world.random.uuid());
    let token = IssuerKey::shared().sign(&claims(&job, &audience, call.now_ms.div_euclid(1000), &jti));
    world.note_issued(&token);
    Reply::json(200, &json!({"count": 1, "value": token}))
}

fn claims(job: &ActionsJob, audience: &str, now: i64, jti: &str) -> Value {
    let full_name = format!("{}/{}", job.owner, job.repository);
    let workflow = format!("{full_name}/.github/workflows/{}@{}", job.workflow, job.reference);
    let mut claims = json!({
        "jti": jti, "sub": job.subject(), "aud": audience, "iss": job.issuer,
        "nbf": now - 300, "iat": now, "exp": now + job.lifetime_seconds,
        "ref": job.reference,
        "ref_type": if job.reference.starts_with("refs/tags/") { "tag" } else { "branch" },
        "ref_protected": "false", "sha": "0123456789abcdef0123456789abcdef01234567",
        "repository": full_name, "repository_id": job.repository_id.to_string(),
        "repository_visibility": "private",
        "repository_owner": job.owner, "repository_owner_id": job.owner_id.to_string(),
        "actor": "octocat", "actor_id": "583231", "head_ref": "", "base_ref": "",
        "event_name": job.event, "workflow": job.workflow, "workflow_ref": workflow,
        "job_workflow_ref": workflow,
        "run_id": "30000001", "run_number": "7", "run_attempt": "1", "runner_environment": "github-hosted",
    });
    if let Some(environment) = &job.environment {
        claims["environment"] = json!(environment);
    }
    claims
}
