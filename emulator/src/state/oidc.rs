//! The jobs that ask for identity tokens, and the policies by which Databricks trusts such tokens.

/// Holds the jobs that ask for identity tokens.
#[derive(Debug, Clone, Default)]
pub struct Oidc {
    /// The job of a GitHub Actions workflow.
    pub actions: ActionsJob,
    /// The job of an Azure Pipelines run.
    pub pipeline: PipelineJob,
    /// The federation policies of Databricks service principals.
    pub policies: Vec<FederationPolicy>,
}

/// The audience that Entra ID wants in an assertion.
pub(crate) const EXCHANGE_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Describes the job that asks for identity tokens, as the claims of its token tell it.
#[derive(Debug, Clone)]
pub struct ActionsJob {
    /// The issuer: `https://token.actions.githubusercontent.com`, followed by the enterprise's slug where an
    /// enterprise has asked for that.
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
    /// The claims that the subject is made of, as an organisation's template has it.
    pub template: Option<Vec<String>>,
    /// A subject in place of the usual one.
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
            repository_id: 900_000_001,
            reference: "refs/heads/main".to_owned(),
            environment: None,
            workflow: "rotate.yml".to_owned(),
            event: "schedule".to_owned(),
            ids_in_subject: false,
            template: None,
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
        match &self.template {
            None => format!("{}:{}", self.repository_part(), self.context()),
            Some(keys) => keys.iter().map(|key| self.part(key)).collect::<Vec<_>>().join(":"),
        }
    }

    /// Returns what a claim adds to a subject.
    fn part(&self, key: &str) -> String {
        match key {
            "repo" => self.repository_part(),
            "context" => self.context(),
            "repository" => format!("repository:{}/{}", self.owner, self.repository),
            "repository_id" => format!("repository_id:{}", self.repository_id),
            "repository_owner" => format!("repository_owner:{}", self.owner),
            "repository_owner_id" => format!("repository_owner_id:{}", self.owner_id),
            "job_workflow_ref" => format!(
                "job_workflow_ref:{}/{}/.github/workflows/{}@{}",
                self.owner, self.repository, self.workflow, self.reference
            ),
            other => format!("{other}:"),
        }
    }

    fn repository_part(&self) -> String {
        let repository = if self.ids_in_subject {
            format!("{}@{}/{}@{}", self.owner, self.owner_id, self.repository, self.repository_id)
        } else {
            format!("{}/{}", self.owner, self.repository)
        };
        format!("repo:{repository}")
    }

    /// Returns the part of the subject that says what runs.
    fn context(&self) -> String {
        match &self.environment {
            // A colon inside would read as another part.
            Some(environment) => format!("environment:{}", environment.replace(':', "%3A")),
            None if self.event.starts_with("pull_request") => "pull_request".to_owned(),
            None => format!("ref:{}", self.reference),
        }
    }
}

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
    /// Whether a task of the job names it: only then the job is given its tokens.
    pub referenced: bool,
}

/// The audience of the tokens of a service connection that Entra ID issues; the federated credential names
/// another.
pub(crate) const ENTRA_ISSUED_AUDIENCE: &str = "fb60f99c-7a34-4190-8149-302f77469936";

/// Describes what a token of a job says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobIdentity {
    /// The issuer.
    pub issuer: String,
    /// The subject.
    pub subject: String,
    /// The audience of the token.
    pub audience: &'static str,
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
                referenced: true,
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

    /// Returns a service connection by its id.
    #[must_use]
    pub fn connection(&self, id: &str) -> Option<&ServiceConnection> {
        self.connections.iter().find(|connection| connection.id.eq_ignore_ascii_case(id))
    }

    /// Returns what a token says, for a service connection or else for the pipeline.
    #[must_use]
    pub fn identity(&self, connection: Option<&ServiceConnection>) -> JobIdentity {
        let (organization, project) = (&self.organization, &self.project);
        let own =
            |subject: String| JobIdentity { issuer: self.issuer(), subject, audience: EXCHANGE_AUDIENCE };
        match connection {
            None => own(format!("p://{organization}/{project}/{}", self.pipeline)),
            Some(ServiceConnection { entra: Some((issuer, subject)), .. }) => JobIdentity {
                issuer: issuer.clone(),
                subject: subject.clone(),
                audience: ENTRA_ISSUED_AUDIENCE,
            },
            Some(ServiceConnection { name, .. }) => own(format!("sc://{organization}/{project}/{name}")),
        }
    }

    /// Makes its service connections of the newer kind, whose tokens Entra ID issues for a tenant.
    pub fn issue_by_entra(&mut self, tenant: &str) {
        for connection in &mut self.connections {
            let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
            let whose = "c/pub/t/ZHRlbmFudA/a/YXBwbGljYXRpb24";
            let subject = format!("/eid1/{whose}/sc/{}/{}", self.organization_id, connection.id);
            connection.entra = Some((issuer, subject));
        }
    }

    /// Says whether the job's tokens may come from an issuer.
    pub(crate) fn issues_as(&self, issuer: &str) -> bool {
        let entra = |connection: &ServiceConnection| {
            connection.entra.as_ref().is_some_and(|(name, _)| name == issuer)
        };
        issuer == self.issuer() || self.connections.iter().any(entra)
    }
}

/// Describes whose tokens a Databricks service principal may be signed in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FederationPolicy {
    /// Its id.
    pub id: String,
    /// The application id of the service principal.
    pub application_id: String,
    /// The issuer, letter by letter.
    pub issuer: String,
    /// The subject, letter by letter.
    pub subject: String,
    /// The audiences, one of which the token must be for.
    pub audiences: Vec<String>,
    /// The claim that holds the subject.
    pub subject_claim: String,
    /// A description.
    pub description: Option<String>,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_names_owner_and_repository_with_or_without_their_ids() {
        let mut job = ActionsJob::default();
        assert_eq!(job.subject(), "repo:acme/data:ref:refs/heads/main");
        job.ids_in_subject = true;
        assert_eq!(job.subject(), "repo:acme@1001/data@900000001:ref:refs/heads/main");
        job.environment = Some("prod:eu".to_owned());
        assert_eq!(job.subject(), "repo:acme@1001/data@900000001:environment:prod%3Aeu");
    }
}
