//! The identity token of an Azure Pipelines job, for the pipeline itself or for a service connection.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>

use serde_json::{Value, json};

use crate::azure_devops::{api_version, refusal};
use crate::call::{Call, Reply};
use crate::oidc::{EXCHANGE_AUDIENCE, IssuerKey};
use crate::service::Service;
use crate::world::World;

/// Describes the job that asks for identity tokens.
#[derive(Debug, Clone)]
pub struct PipelineJob {
    /// The organisation's name.
    pub organization: String,
    /// The organisation's id, which stands in the issuer.
    pub organization_id: String,
    /// The project's name.
    pub project: String,
    /// The project's id.
    pub project_id: String,
    /// The pipeline's name, which stands in the subject of a token asked for without a service connection.
    pub pipeline: String,
    /// `SYSTEM_ACCESSTOKEN`; `None` where the pipeline does not map it.
    pub access_token: Option<String>,
    /// The service connections that the job may use.
    pub connections: Vec<ServiceConnection>,
    /// How long a token lives, in seconds.
    pub lifetime_seconds: i64,
}

/// Describes a service connection with workload identity federation.
#[derive(Debug, Clone)]
pub struct ServiceConnection {
    /// Its id.
    pub id: String,
    /// Its name, which stands in the subject.
    pub name: String,
    /// Issuer and subject of the newer kind, that Entra ID issues; `None` for `vstoken.dev.azure.com` and
    /// `sc://…`.
    pub entra: Option<(String, String)>,
}

impl Default for PipelineJob {
    fn default() -> Self {
        Self {
            organization: "acme".to_owned(),
            organization_id: "3c9a1f52-6f7e-4c1b-8a55-0d6f2b7c9e10".to_owned(),
            project: "data".to_owned(),
            project_id: "b8a0d7c4-52e3-4d6f-9b1a-7e2c4f6a8d01".to_owned(),
            pipeline: "rotate".to_owned(),
            access_token: Some("pipeline-job-access-token".to_owned()),
            connections: vec![ServiceConnection {
                id: "5e1d3b7a-9c2f-4a86-b0e4-1f3d5b7c9a20".to_owned(),
                name: "lakekey".to_owned(),
                entra: None,
            }],
            lifetime_seconds: 600,
        }
    }
}

impl PipelineJob {
    /// Returns the issuer of the organisation's tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("https://vstoken.dev.azure.com/{}", self.organization_id)
    }

    /// Returns issuer and subject of a token, for a service connection by its id or else for the pipeline;
    /// `None` if there is no such connection.
    #[must_use]
    pub fn identity(&self, connection: Option<&str>) -> Option<(String, String)> {
        let Some(id) = connection else {
            return Some((
                self.issuer(),
                format!("p://{}/{}/{}", self.organization, self.project, self.pipeline),
            ));
        };
        let connection = self.connections.iter().find(|connection| connection.id.eq_ignore_ascii_case(id))?;
        Some(connection.entra.clone().unwrap_or_else(|| {
            (self.issuer(), format!("sc://{}/{}/{}", self.organization, self.project, connection.name))
        }))
    }

    pub(super) fn issues_as(&self, issuer: &str) -> bool {
        let entra = |connection: &ServiceConnection| {
            connection.entra.as_ref().is_some_and(|(name, _)| name == issuer)
        };
        issuer == self.issuer() || self.connections.iter().any(entra)
    }
}

/// The hub, plan and job of the seeded run, as they stand in the path.
fn work() -> &'static str {
    "hubs/build/plans/6b1f0c5e-2d34-4e8a-9c77-58a0e1b2c3d4/jobs/12f1170f-54f2-53f3-20dd-22fc7dff55f9"
}

/// Gives the job a token: `POST …/oidctoken?api-version=7.1[&serviceConnectionId=…]` with an empty body and
/// the job's access token as bearer.
pub(crate) fn token(world: &mut World, call: &Call) -> Reply {
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
        "org_id": job.organization_id, "prj_id": job.project_id, "def_id": "12", "run_id": "345", "rpo_ref": "refs/heads/main",
    });
    let token = IssuerKey::shared().sign(&claims);
    world.note_issued(&token);
    Reply::json(200, &json!({"oidcToken": token}))
}

impl World {
    /// Returns the variables of the job, `SYSTEM_ACCESSTOKEN` among them only where the pipeline maps it.
    #[must_use]
    pub fn pipeline_environment(&self) -> Vec<(String, String)> {
        let job = &self.oidc.pipeline;
        let collection = format!("{}/{}/", self.origins.of(Service::AzureDevops), job.organization);
        let uri = format!("{collection}{}/_apis/distributedtask/{}/oidctoken", job.project_id, work());
        let ids: Vec<&str> = work().split('/').collect();
        let mut variables = vec![
            ("TF_BUILD".to_owned(), "True".to_owned()),
            ("SYSTEM_OIDCREQUESTURI".to_owned(), uri),
            ("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI".to_owned(), collection),
            ("SYSTEM_TEAMPROJECT".to_owned(), job.project.clone()),
            ("SYSTEM_TEAMPROJECTID".to_owned(), job.project_id.clone()),
            ("SYSTEM_HOSTTYPE".to_owned(), ids[1].to_owned()),
            ("SYSTEM_PLANID".to_owned(), ids[3].to_owned()),
            ("SYSTEM_JOBID".to_owned(), ids[5].to_owned()),
        ];
        variables
            .extend(job.access_token.iter().map(|token| ("SYSTEM_ACCESSTOKEN".to_owned(), token.clone())));
        variables
    }
}
