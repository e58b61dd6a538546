//! Credentials: what a service principal signs in with. Three kinds share one rotation, which knows them only
//! through [`Store`].

mod client_secret;
mod ledger;
mod oauth_secret;
mod pat;
mod rights;
mod store;

pub(crate) use ledger::{Notes, Phase, Tag};
pub(crate) use pat::listed as listed_pat;
pub(crate) use rights::{Rights, Scoping, Wanted, listed as listed_scopes};
pub(crate) use store::{Fresh, Listed, Marked, Order, Owner, Store};

use crate::config::Policy;
use crate::model::CredentialKind;

/// Opens the store of a kind of credential, for one target's run; `path` is the place of its policy in the
/// document.
pub(crate) fn open<'p>(kind: CredentialKind, policy: &'p Policy, path: &'p str) -> Box<dyn Store + 'p> {
    match kind {
        CredentialKind::Pat => Box::new(pat::PatStore::new(policy, path)),
        CredentialKind::ClientSecret => Box::new(client_secret::ClientSecretStore::default()),
        CredentialKind::OauthSecret => Box::new(oauth_secret::OauthSecretStore::default()),
    }
}
