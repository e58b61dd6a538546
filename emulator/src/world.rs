//! Everything that the emulated services know.

use crate::clock::Clock;
use crate::hex::sha256;
use crate::random::Random;
use crate::signing::IssuerKey;
use crate::state::{
    Account, AzureDevops, Bearer, Claims, Directory, Github, Graph, Imds, KeyVaults, Oidc, Origins,
    Propagation, Seeded, Service, Subject, WebhookDelivery, Workspace,
};

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
    pub graph: Graph,
    /// The jobs that ask for identity tokens, and whom they may sign in.
    pub oidc: Oidc,
    /// The machine's identities.
    pub imds: Imds,
    /// The key vaults.
    pub vaults: KeyVaults,
    /// Azure DevOps.
    pub azure_devops: AzureDevops,
    /// What the receiver of webhooks was sent.
    pub webhooks: Vec<WebhookDelivery>,
    /// How far what is new has propagated.
    pub spread: Propagation,
    /// What was put in at the start.
    pub seeded: Seeded,
    /// Every secret value ever issued, in order.
    pub issued: Vec<String>,
    /// Whether access tokens are signed: nobody verifies those of an emulator in process, which are many.
    pub signs: bool,
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
            graph: Graph::default(),
            oidc: Oidc::default(),
            imds: Imds::default(),
            vaults: KeyVaults::default(),
            azure_devops: AzureDevops::default(),
            webhooks: Vec::new(),
            spread: Propagation::default(),
            seeded: Seeded::default(),
            issued: Vec::new(),
            signs: false,
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
        let now = self.now_ms();
        let value = self.access_token(audience, &subject, roles, (now / 1000, (now + lifetime_ms) / 1000));
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

    fn access_token(
        &mut self,
        audience: &str,
        subject: &Subject,
        roles: &[&str],
        validity: (i64, i64),
    ) -> String {
        let unique = self.random.alphanumeric(22);
        let name = match subject {
            Subject::Application(app_id) => app_id,
            Subject::User(name) => name,
        };
        let principal = self.directory.service_principal(name);
        // A person has an object id too, always the same.
        let object_id = principal.map_or_else(|| object_id_of(name), |found| found.object_id.clone());
        let by_databricks = audience.starts_with("databricks:");
        let workspace = audience.strip_prefix("databricks:workspace:").and_then(|index| index.parse().ok());
        let home = match (by_databricks, workspace) {
            (true, Some(index)) => self.origins.workspace(index),
            (true, None) => self.origins.of(Service::DatabricksAccount),
            (false, _) => self.directory.home(),
        };
        let claims =
            Claims { audience, subject, roles, home, object_id: &object_id, unique: &unique, validity };
        let claims = if by_databricks { claims.databricks() } else { claims.entra() };
        let key = IssuerKey::shared();
        if self.signs { key.sign(&claims) } else { key.unsigned(&claims, &unique.repeat(16)[..342]) }
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

/// Makes an object id of a name.
fn object_id_of(name: &str) -> String {
    let digest = sha256(name.as_bytes());
    format!("{}-{}-{}-{}-{}", &digest[..8], &digest[8..12], &digest[12..16], &digest[16..20], &digest[20..32])
}
