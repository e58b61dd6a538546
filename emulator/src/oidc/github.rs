//! The identity token of a GitHub Actions job.
//!
//! <https://docs.github.com/actions/reference/security/oidc>

use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::oidc::IssuerKey;
use crate::service::Service;
use crate::world::World;

/// Describes the job that asks for identity tokens, as the claims of its token tell it.
#[derive(Debug, Clone)]
pub struct ActionsJob {
    /// The issuer: `https://token.actions.githubusercontent.com`, with the enterprise's slug behind it where one has its own.
    pub issuer: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`; `None` where the job has no `id-token: write`, and so neither of
    /// the two variables.
    pub request_token: Option<String>,
    /// Owner of the repository, letter by letter.
    pub owner: String,
    /// The owner's id.
    pub owner_id: u64,
    /// The repository's name, letter by letter.
    pub repository: String,
    /// The repository's id.
    pub repository_id: u64,
    /// The ref, such as `refs/heads/main`.
    pub reference: String,
    /// The environment, where the job has one.
    pub environment: Option<String>,
    /// The workflow's file below `.github/workflows`.
    pub workflow: String,
    /// The event, such as `schedule` or `pull_request`.
    pub event: String,
    /// Whether owner and repository stand in the subject with their ids, as for repositories made, renamed
    /// or transferred after 15 July 2026.
    pub ids_in_subject: bool,
    /// A subject in place of the usual one, as an organisation's template gives it.
    pub subject: Option<String>,
    /// How long a token lives, in seconds.
    pub lifetime_seconds: i64,
}

impl Default for ActionsJob {
    fn default() -> Self {
        Self {
            issuer: "https://token.actions.githubusercontent.com".to_owned(),
            request_token: Some("actions-request-token".to_owned()),
            owner: "acme".to_owned(),
            owner_id: 1_001,
            repository: "data".to_owned(),
            repository_id: 2_001,
            reference: "refs/heads/main".to_owned(),
            environment: None,
            workflow: "rotate.yml".to_owned(),
            event: "schedule".to_owned(),
            ids_in_subject: false,
            subject: None,
            lifetime_seconds: 600,
        }
    }
}

impl ActionsJob {
    /// Returns the subject that the job's tokens carry.
    #[must_use]
    pub fn subject(&self) -> String {
        if let Some(subject) = &self.subject {
            return subject.clone();
        }
        let repository = if self.ids_in_subject {
            format!("{}@{}/{}@{}", self.owner, self.owner_id, self.repository, self.repository_id)
        } else {
            format!("{}/{}", self.owner, self.repository)
        };
        match &self.environment {
            // A colon inside would read as another part.
            Some(environment) => format!("repo:{repository}:environment:{}", environment.replace(':', "%3A")),
            None if self.event.starts_with("pull_request") => format!("repo:{repository}:pull_request"),
            None => format!("repo:{repository}:ref:{}", self.reference),
        }
    }

    fn claims(&self, audience: &str, now: i64, jti: &str) -> Value {
        let full_name = format!("{}/{}", self.owner, self.repository);
        let workflow = format!("{full_name}/.github/workflows/{}@{}", self.workflow, self.reference);
        let mut claims = json!({
            "jti": jti, "sub": self.subject(), "aud": audience, "iss": self.issuer,
            "nbf": now - 300, "iat": now, "exp": now + self.lifetime_seconds,
            "ref": self.reference, "ref_type": if self.reference.starts_with("refs/tags/") { "tag" } else { "branch" },
            "ref_protected": "false", "sha": "0123456789abcdef0123456789abcdef01234567",
            "repository": full_name, "repository_id": self.repository_id.to_string(), "repository_visibility": "private",
            "repository_owner": self.owner, "repository_owner_id": self.owner_id.to_string(),
            "actor": "octocat", "actor_id": "583231", "head_ref": "", "base_ref": "",
            "event_name": self.event, "workflow": self.workflow, "workflow_ref": workflow, "job_workflow_ref": workflow,
            "run_id": "30000001", "run_number": "7", "run_attempt": "1", "runner_environment": "github-hosted",
        });
        if let Some(environment) = &self.environment {
            claims["environment"] = json!(environment);
        }
        claims
    }
}

/// Gives the job a token: `GET …&audience=…` with the request token as bearer.
pub(super) fn token(world: &mut World, call: &Call) -> Reply {
    let refuse = |status: u16, message: &str| {
        Reply::json(
            status,
            &json!({"$id": "1", "innerException": null, "message": message, "typeKey": "UnauthorizedRequestException", "errorCode": 0}),
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
    let token = IssuerKey::shared().sign(&job.claims(&audience, call.now_ms.div_euclid(1000), &jti));
    world.note_issued(&token);
    Reply::json(200, &json!({"count": 1, "value": token}))
}

impl World {
    /// Returns the two variables that a job with `id-token: write` has; nothing for a job without.
    #[must_use]
    pub fn actions_environment(&self) -> Vec<(String, String)> {
        let Some(token) = &self.oidc.actions.request_token else { return Vec::new() };
        let url = format!(
            "{}/pipelines/acme/00000000-0000-4000-a000-000000000001/idtoken/30000001/1?api-version=2.0",
            self.origins.of(Service::GithubOidc)
        );
        vec![
            ("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), token.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_owner_and_repository_with_or_without_their_ids() {
        let mut job = ActionsJob::default();
        assert_eq!(job.subject(), "repo:acme/data:ref:refs/heads/main");
        job.ids_in_subject = true;
        assert_eq!(job.subject(), "repo:acme@1001/data@2001:ref:refs/heads/main");
        job.environment = Some("prod:eu".to_owned());
        assert_eq!(job.subject(), "repo:acme@1001/data@2001:environment:prod%3Aeu");
    }
}
