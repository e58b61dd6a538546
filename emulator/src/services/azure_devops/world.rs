//! Projects, variable groups and tokens: what seeds and tests ask of the world.

use crate::state::{DevopsToken, GroupRole, GroupVariable, Project, Service, VariableGroup};
use crate::world::World;

/// The hub, plan and job of the seeded run, as they stand in the path.
fn work() -> &'static str {
    "hubs/build/plans/6b1f0c5e-2d34-4e8a-9c77-58a0e1b2c3d4/jobs/12f1170f-54f2-53f3-20dd-22fc7dff55f9"
}

impl World {
    /// Makes a project and returns its id.
    pub fn add_devops_project(&mut self, name: &str) -> String {
        let id = self.random.uuid();
        self.azure_devops.projects.push(Project { id: id.clone(), name: name.to_owned() });
        id
    }

    /// Makes a variable group in a project and returns its number; each variable is name, value and whether
    /// it is secret.
    pub fn add_variable_group(&mut self, project: &str, name: &str, variables: &[(&str, &str, bool)]) -> u64 {
        let now = self.now_ms();
        let projects: Vec<Project> = self.azure_devops.project(project).cloned().into_iter().collect();
        let variables = variables
            .iter()
            .map(|(name, value, secret)| {
                (
                    (*name).to_owned(),
                    GroupVariable {
                        value: Some((*value).to_owned()),
                        secret: *secret,
                        ..GroupVariable::default()
                    },
                )
            })
            .collect();
        let group = VariableGroup::new(self.azure_devops.next_group(), name, projects, variables, now);
        let id = group.id;
        self.azure_devops.groups.push(group);
        id
    }

    /// Returns the value that a variable holds, secret or not; its name is not case-sensitive.
    #[must_use]
    pub fn variable_value(&self, group: u64, variable: &str) -> Option<&str> {
        self.azure_devops
            .groups
            .iter()
            .find(|candidate| candidate.id == group)?
            .variable(variable)?
            .value
            .as_deref()
    }

    /// Makes a personal access token and returns it.
    pub fn add_devops_token(&mut self, name: &str, role: GroupRole, lifetime_ms: i64) -> String {
        let value = format!(
            "{}JQQJ99{}AAAAAAAAAAAAASAZDO{}",
            self.random.alphanumeric(52),
            self.random.alphanumeric(6),
            self.random.alphanumeric(4)
        );
        self.note_issued(&value);
        let expires_ms = self.now_ms() + lifetime_ms;
        self.azure_devops.tokens.push(DevopsToken {
            value: value.clone(),
            user: name.to_owned(),
            role,
            in_scope: true,
            expires_ms,
        });
        value
    }

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
