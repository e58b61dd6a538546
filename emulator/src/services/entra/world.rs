//! Applications of the tenant, as the portal registers them: what seeds and tests ask of the world.

use crate::signing::read_certificate;
use crate::state::{Application, ClientSecret, EXCHANGE_AUDIENCE, FederatedCredential, ServicePrincipal};
use crate::world::World;

impl World {
    /// Registers an application with its service principal, as the portal does, and returns its application
    /// id.
    pub fn register_application(&mut self, display_name: &str) -> String {
        let (object_id, app_id, principal_id) = (self.random.uuid(), self.random.uuid(), self.random.uuid());
        let (tenant, now) = (self.directory.home().to_owned(), self.now_ms());
        self.directory.applications.push(Application {
            object_id,
            app_id: app_id.clone(),
            tenant: tenant.clone(),
            display_name: display_name.to_owned(),
            sign_in_audience: "AzureADMyOrg".to_owned(),
            created_ms: now,
            ..Application::default()
        });
        self.directory.service_principals.push(ServicePrincipal {
            object_id: principal_id,
            app_id: app_id.clone(),
            tenant,
            display_name: display_name.to_owned(),
            created_ms: now,
            ..ServicePrincipal::default()
        });
        app_id
    }

    /// Gives an application a client secret that works at once, and returns it; empty where there is no such
    /// application.
    pub fn add_client_secret(&mut self, app_id: &str, lifetime_ms: i64) -> String {
        let (key_id, value, now) = (self.random.uuid(), self.client_secret_text(), self.now_ms());
        let Some(application) = self.directory.application_mut(app_id) else { return String::new() };
        let secret = ClientSecret {
            key_id,
            value: value.clone(),
            display_name: None,
            start_ms: now,
            end_ms: now + lifetime_ms,
        };
        application.secrets.push(secret);
        value
    }

    /// Makes the text of a new client secret, in the shape that Entra ID gives them, and notes it as issued.
    pub fn client_secret_text(&mut self) -> String {
        let value = format!("{}8Q~{}", self.random.alphanumeric(3), self.random.alphanumeric(34));
        self.note_issued(&value);
        value
    }

    /// Registers a certificate (PEM) with an application, so that it may sign in with it; `false` if either
    /// is not known as such.
    pub fn add_certificate(&mut self, app_id: &str, pem: &str) -> bool {
        let key_id = self.random.uuid();
        let (Some(mut certificate), Some(application)) =
            (read_certificate(pem), self.directory.application_mut(app_id))
        else {
            return false;
        };
        certificate.key_id = key_id;
        application.certificates.push(certificate);
        true
    }

    /// Gives an application a federated credential that works at once, for Entra ID's audience; `false` if
    /// there is no such application.
    pub fn add_federated_credential(
        &mut self,
        app_id: &str,
        name: &str,
        issuer: &str,
        subject: &str,
    ) -> bool {
        let id = self.random.uuid();
        let Some(application) = self.directory.application_mut(app_id) else { return false };
        application.federated.push(FederatedCredential {
            id,
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            expression: None,
            audiences: vec![EXCHANGE_AUDIENCE.to_owned()],
            description: None,
        });
        true
    }
}
