//! Tokens and the GitHub App: what seeds and tests ask of the world.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rsa::RsaPrivateKey;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, LineEnding};
use rsa::pkcs8::EncodePublicKey as _;

use crate::state::{App, GithubToken, Installation, ORGANIZATION, SubjectForm, TokenKind};
use crate::world::World;

/// What an App of lakekey's users is allowed.
const PERMISSIONS: [(&str, &str); 6] = [
    ("secrets", "write"),
    ("environments", "write"),
    ("organization_secrets", "write"),
    ("dependabot_secrets", "write"),
    ("metadata", "read"),
    ("actions", "read"),
];

/// Holds the key of the process's App: made once, because that takes long.
fn key() -> Option<&'static RsaPrivateKey> {
    static KEY: OnceLock<Option<RsaPrivateKey>> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).ok()).as_ref()
}

impl World {
    /// Lets a token of GitHub in, with write access to these permissions in every repository.
    pub fn github_token(&mut self, value: &str, kind: TokenKind, owner: &str, permissions: &[&str]) {
        let permissions: BTreeMap<String, String> =
            permissions.iter().map(|name| ((*name).to_owned(), "write".to_owned())).collect();
        self.github.tokens.push(GithubToken {
            value: value.to_owned(),
            kind,
            owner: owner.to_owned(),
            permissions,
            repositories: None,
            expires_ms: -1,
        });
        self.note_issued(value);
    }

    /// Returns how the subjects of a repository's runs are made.
    pub(crate) fn subject_form(&self, full_name: &str) -> SubjectForm {
        let said = self.github.repository(full_name).and_then(|repository| repository.subject.clone());
        let job = &self.oidc.actions;
        let is_the_jobs = format!("{}/{}", job.owner, job.repository).eq_ignore_ascii_case(full_name);
        said.unwrap_or_else(|| match &job.template {
            Some(keys) if is_the_jobs => SubjectForm::Template(keys.clone()),
            _ if is_the_jobs && job.ids_in_subject => SubjectForm::Ids,
            _ => SubjectForm::Names,
        })
    }

    /// Sets how the subjects of a repository's runs are made, those of the job's too where it is its
    /// repository.
    pub fn set_subject_form(&mut self, full_name: &str, form: SubjectForm) {
        let found =
            self.github.repositories.iter_mut().find(|it| it.full_name.eq_ignore_ascii_case(full_name));
        if let Some(repository) = found {
            repository.subject = Some(form.clone());
        }
        let owner = full_name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let of_owner = self.github.templates.get(&owner).cloned().unwrap_or_default();
        let job = &mut self.oidc.actions;
        if format!("{}/{}", job.owner, job.repository).eq_ignore_ascii_case(full_name) {
            job.ids_in_subject = form == SubjectForm::Ids;
            job.template = match form {
                SubjectForm::Template(keys) if keys.is_empty() => Some(of_owner),
                SubjectForm::Template(keys) => Some(keys),
                _ => None,
            };
        }
    }

    /// Makes a GitHub App, installed in the seeded organisation, and returns its id and its private key in
    /// PEM.
    pub fn github_app(&mut self) -> (u64, String) {
        let id = 12_345;
        let Some(key) = key() else { return (id, String::new()) };
        let public_key =
            key.to_public_key().to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        let pem = key.to_pkcs1_pem(LineEnding::LF).map(|pem| pem.to_string()).unwrap_or_default();
        let installation = Installation {
            id: 4_567_890,
            account: ORGANIZATION.to_owned(),
            repositories: None,
            suspended: false,
        };
        self.github.app = Some(App {
            id,
            client_id: "Iv23liLakekeyEmulator".to_owned(),
            slug: "lakekey".to_owned(),
            public_key,
            permissions: PERMISSIONS.map(|(name, level)| (name.to_owned(), level.to_owned())).into(),
            installations: vec![installation],
        });
        self.note_issued(&pem);
        (id, pem)
    }
}
