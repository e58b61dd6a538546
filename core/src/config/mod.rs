//! The configuration as it is written: YAML to a document, and the checks of values that stand for
//! themselves. What signs in and what is delivered to are read by `auth` and `sink`, and all is put together
//! by `engine::resolve`.

mod allowed;
mod as_copied;
mod conceal;
mod decode;
mod document;
mod endpoints;
mod federated;
mod locate;
mod notice;
mod policy;
mod principal;
mod repository;
mod secret_ref;
mod variant;
mod walk;
mod write_back;
mod yaml;

pub(crate) use as_copied::{read_as, without_braces};
pub use conceal::{conceal, may_hold_a_secret};
pub use decode::MAX_DOCUMENT;
pub(crate) use decode::{decode, parse};
pub use document::{Adopt, Scopes};
pub(crate) use document::{
    AuthValue, Document, GithubValue, PrincipalDocument, SecretDocument, SinkValue, TargetDocument,
    TokenDocument,
};
pub use endpoints::Endpoints;
pub use federated::{FederatedCredential, Runs, Whose};
pub use locate::located;
pub use notice::Occasion;
pub(crate) use notice::{HeartbeatDocument, NotifyDocument, NotifyKind};
pub use policy::Policy;
pub use principal::Principal;
pub(crate) use principal::{guid, tenant};
pub use repository::Repository;
pub(crate) use repository::is_github_name;
pub(crate) use secret_ref::Reference;
pub use secret_ref::SecretRef;
pub(crate) use variant::{Variant, known, one_of, take_type};
pub use write_back::with_client_id;
