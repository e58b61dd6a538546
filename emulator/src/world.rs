//! Everything that the emulated services know.

use crate::clock::Clock;
use crate::databricks::{Account, Workspace};
use crate::directory::Directory;
use crate::github::Github;
use crate::random::Random;
use crate::seed::Seeded;
use crate::service::Origins;
use crate::spread::Spreading;

/// The resource id of Databricks, the same in every cloud.
pub(crate) const DATABRICKS_RESOURCE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
/// The resource id of Azure DevOps.
pub(crate) const AZURE_DEVOPS_RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";
/// The audience of tokens for Microsoft Graph.
pub(crate) const GRAPH_RESOURCE: &str = "https://graph.microsoft.com";
/// The audience of tokens for Key Vault.
pub(crate) const VAULT_RESOURCE: &str = "https://vault.azure.net";
/// The audience of tokens for Azure Resource Manager.
pub(crate) const MANAGEMENT_RESOURCE: &str = "https://management.core.windows.net/";

/// Holds the state of every service; a clone is a snapshot.
#[derive(Debug, Clone)]
pub struct World {
    /// The time.
    pub clock: Clock,
    /// Where ids and secrets come from.
    pub random: Random,
    /// Where the services are reached.
    pub origins: Origins,
    /// What the Entra ID tenants hold.
    pub directory: Directory,
    /// The access tokens that Entra ID, the metadata service and Databricks OAuth have issued.
    pub bearers: Vec<Bearer>,
    /// The Databricks workspaces.
    pub workspaces: Vec<Workspace>,
    /// The Databricks account.
    pub account: Account,
    /// GitHub.
    pub github: Github,
    /// What of Microsoft Graph is not the directory.
    pub graph: crate::graph::Graph,
    /// The jobs that ask for identity tokens, and whom they may sign in.
    pub oidc: crate::oidc::Oidc,
    /// The machine's identities.
    pub imds: crate::imds::Imds,
    /// The key vaults.
    pub vaults: crate::key_vault::KeyVaults,
    /// Azure DevOps.
    pub azure_devops: crate::azure_devops::AzureDevops,
    /// What the receiver of webhooks was sent.
    pub webhooks: Vec<crate::webhook::WebhookDelivery>,
    /// What of the new has spread, and what is still on its way.
    pub spread: Spreading,
    /// What was put in at the start.
    pub seeded: Seeded,
    /// Every secret value ever issued, in order.
    pub issued: Vec<String>,
}

/// Describes an access token; the token itself is opaque.
#[derive(Debug, Clone)]
pub struct Bearer {
    /// The token.
    pub value: String,
    /// The resource that it is for.
    pub audience: String,
    /// Whom it stands for.
    pub subject: Subject,
    /// The application permissions in it, such as Graph's `Application.ReadWrite.All`.
    pub roles: Vec<String>,
    /// When it ends.
    pub expires_ms: i64,
}

/// Says whom a token stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An application, by its application id.
    Application(String),
    /// A person, by user name.
    User(String),
}

impl World {
    pub(crate) fn new(clock: Clock, random: Random, origins: Origins) -> Self {
        Self {
            clock,
            random,
            origins,
            directory: Directory::default(),
            bearers: Vec::new(),
            workspaces: Vec::new(),
            account: Account::default(),
            github: Github::default(),
            graph: crate::graph::Graph::default(),
            oidc: crate::oidc::Oidc::default(),
            imds: crate::imds::Imds::default(),
            vaults: crate::key_vault::KeyVaults::default(),
            azure_devops: crate::azure_devops::AzureDevops::default(),
            webhooks: Vec::new(),
            spread: Spreading::default(),
            seeded: Seeded::default(),
            issued: Vec::new(),
        }
    }

    /// Returns the time in milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Notes a secret value, for tests that look for it where it must not be.
    pub fn note_issued(&mut self, secret: &str) {
        self.issued.push(secret.to_owned());
    }

    /// Issues an access token for a resource, and returns it.
    pub fn issue_bearer(
        &mut self,
        audience: &str,
        subject: Subject,
        roles: &[&str],
        lifetime_ms: i64,
    ) -> String {
        let value = format!(
            "eyJ0{}.{}.{}",
            self.random.alphanumeric(60),
            self.random.alphanumeric(480),
            self.random.alphanumeric(200)
        );
        let now = self.now_ms();
        // A job's tokens are many; the ended ones answer as unknown ones do.
        self.bearers.retain(|bearer| bearer.expires_ms > now);
        self.bearers.push(Bearer {
            value: value.clone(),
            audience: audience.to_owned(),
            subject,
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            expires_ms: now + lifetime_ms,
        });
        self.note_issued(&value);
        value
    }

    /// Finds a live access token for a resource.
    #[must_use]
    pub fn bearer(&self, value: &str, audience: &str) -> Option<&Bearer> {
        let now = self.now_ms();
        self.bearers
            .iter()
            .find(|bearer| bearer.value == value && bearer.audience == audience && bearer.expires_ms > now)
    }
}
