//! Identity tokens and the environment of a job: what seeds and tests ask of the world.

use serde_json::Value;

use crate::signing::IssuerKey;
use crate::state::Service;
use crate::world::World;

impl World {
    /// Signs claims with the issuers' key, as an issuer would, and notes the token as issued; for tests that
    /// need a token with a flaw.
    pub fn sign_identity_token(&mut self, claims: &Value) -> String {
        let token = IssuerKey::shared().sign(claims);
        self.note_issued(&token);
        token
    }

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
