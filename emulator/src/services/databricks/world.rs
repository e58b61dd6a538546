//! Principals, tokens and federation policies: what seeds and tests ask of the world.

use crate::state::{AccountPrincipal, FederationPolicy, OauthSecret, Pat};
use crate::world::World;

impl World {
    /// Returns the numeric id of an application in the account; enters it there if it is new.
    pub fn account_principal(&mut self, application_id: &str) -> u64 {
        if let Some(principal) = self.account.principal(application_id) {
            return principal.id;
        }
        let id = self.random.number();
        self.account.principals.push(AccountPrincipal {
            id,
            application_id: application_id.to_owned(),
            secrets: Vec::new(),
        });
        id
    }

    /// Gives a workspace a PAT of one of its members, as if made long ago, and returns the token.
    pub fn seed_pat(&mut self, index: usize, owner: &str, comment: &str, expiry_ms: i64) -> String {
        let value = format!("dapi{}-3", self.random.hex(32));
        let now = self.now_ms();
        if let Some(workspace) = self.workspaces.get_mut(index) {
            let owner_id = workspace.member(owner).map_or(0, |member| member.id);
            workspace.tokens.push(Pat::new(&value, owner, owner_id, comment, now, expiry_ms));
            workspace.tokens_ever_made = true;
        }
        self.note_issued(&value);
        value
    }

    /// Gives a principal of the account an OAuth secret that ends then and works at once, and returns its id
    /// and the secret.
    pub fn add_oauth_secret(
        &mut self,
        application_id: &str,
        expires_ms: i64,
        scopes: Option<Vec<String>>,
    ) -> Option<(String, String)> {
        let (id, value, now) = (self.random.uuid(), format!("dose{}", self.random.hex(32)), self.now_ms());
        let principals = &mut self.account.principals;
        let principal = principals.iter_mut().find(|known| known.application_id == application_id)?;
        let secret =
            OauthSecret { id: id.clone(), value: value.clone(), created_ms: now, expires_ms, scopes };
        principal.secrets.push(secret);
        self.note_issued(&value);
        Some((id, value))
    }

    /// Lets a Databricks service principal be signed in with the tokens of an issuer, letter by letter as
    /// given.
    pub fn add_federation_policy(
        &mut self,
        application_id: &str,
        issuer: &str,
        subject: &str,
        audiences: &[&str],
    ) {
        let (id, created_ms) = (self.random.uuid(), self.now_ms());
        self.oidc.policies.push(FederationPolicy {
            id,
            application_id: application_id.to_owned(),
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
            subject_claim: "sub".to_owned(),
            description: None,
            created_ms,
        });
    }
}
