//! What one organisation of Azure DevOps holds: projects, variable groups, tokens and permissions.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Holds one organisation.
#[derive(Debug, Clone)]
pub struct AzureDevops {
    /// The projects.
    pub projects: Vec<Project>,
    /// The variable groups.
    pub groups: Vec<VariableGroup>,
    /// The personal access tokens.
    pub tokens: Vec<DevopsToken>,
    /// What principals of Entra ID may do with variable groups, by application id.
    pub principals: BTreeMap<String, GroupRole>,
    /// What the pipeline's own identity (`System.AccessToken`) may do with variable groups.
    pub pipeline_role: GroupRole,
    /// Whether a group that is not there reads as `null` with status 200, as clients of the service guard
    /// against, and not as 404.
    pub missing_reads_null: bool,
}

/// Describes a project.
#[derive(Debug, Clone)]
pub struct Project {
    /// The id.
    pub id: String,
    /// The name, not case-sensitive.
    pub name: String,
}

impl Default for AzureDevops {
    fn default() -> Self {
        let project = |id: &str, name: &str| Project { id: id.to_owned(), name: name.to_owned() };
        Self {
            projects: vec![
                project("b8a0d7c4-52e3-4d6f-9b1a-7e2c4f6a8d01", "data"),
                project("c9b1e8d5-63f4-4e70-8c2b-8f3d5a7b9e02", "platform"),
            ],
            groups: Vec::new(),
            tokens: Vec::new(),
            principals: BTreeMap::new(),
            pipeline_role: GroupRole::None,
            missing_reads_null: false,
        }
    }
}

impl AzureDevops {
    /// Finds a project by its id or its name.
    pub(crate) fn project(&self, id_or_name: &str) -> Option<&Project> {
        self.projects.iter().find(|project| {
            project.id.eq_ignore_ascii_case(id_or_name) || project.name.eq_ignore_ascii_case(id_or_name)
        })
    }

    /// Returns the number of the next variable group.
    pub(crate) fn next_group(&self) -> u64 {
        self.groups.iter().map(|group| group.id).max().unwrap_or(11) + 1
    }
}

/// Says what somebody may do with variable groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupRole {
    /// Nothing.
    #[default]
    None,
    /// Read them.
    Reader,
    /// Read and change them.
    Administrator,
}

/// Describes a personal access token.
#[derive(Debug, Clone)]
pub struct DevopsToken {
    /// The token.
    pub value: String,
    /// Whose it is.
    pub user: String,
    /// What that user may do with variable groups.
    pub role: GroupRole,
    /// Whether the token has the scope for variable groups (read, create and manage).
    pub in_scope: bool,
    /// When it ends.
    pub expires_ms: i64,
}

/// Says where the values of a group come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupType {
    /// From the group itself.
    #[default]
    Vsts,
    /// From an Azure Key Vault: the group only lists names.
    AzureKeyVault,
}

/// Describes a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// The value; a secret without one has none to keep.
    pub value: Option<String>,
    /// Whether it is secret, and so read as null.
    pub secret: bool,
    /// Whether it may not be changed when a run is queued.
    pub read_only: bool,
}

/// Describes a variable group.
#[derive(Debug, Clone)]
pub struct VariableGroup {
    /// The number.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The description.
    pub description: Option<String>,
    /// Where the values come from.
    pub kind: GroupType,
    /// What a Key Vault group says about its vault.
    pub provider_data: Value,
    /// The variables, in order; names are not case-sensitive.
    pub variables: Vec<(String, Variable)>,
    /// The projects that share it, each with the name and the description that the group has there.
    pub references: Vec<(Project, String, Option<String>)>,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub modified_ms: i64,
    /// Who changed it last.
    pub modified_by: String,
    /// How often it was changed; the service does not show it.
    pub revision: u64,
}

impl VariableGroup {
    /// Makes a group of the usual kind.
    pub(crate) fn new(
        id: u64,
        name: &str,
        projects: Vec<Project>,
        variables: Vec<(String, Variable)>,
        now: i64,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            description: None,
            kind: GroupType::Vsts,
            provider_data: Value::Null,
            variables,
            references: projects.into_iter().map(|project| (project, name.to_owned(), None)).collect(),
            created_ms: now,
            modified_ms: now,
            modified_by: "seed".to_owned(),
            revision: 1,
        }
    }

    /// Finds a variable by its name, which is not case-sensitive.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, variable)| variable)
    }

    /// Says whether a project shares it.
    pub(crate) fn is_in(&self, project: &Project) -> bool {
        self.references.iter().any(|(candidate, _, _)| candidate.id == project.id)
    }
}
