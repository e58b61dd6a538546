//! What every layer speaks of: errors and their codes, steps, secrets, moments, hosts, clouds and kinds. It
//! imports nothing of the crate.

mod cloud;
mod code;
mod duration;
mod error;
mod kind;
mod masks;
mod nearest;
mod origin;
mod reach;
mod secret;
mod step;
mod text;
mod timestamp;
pub(crate) mod typed;

pub use cloud::Cloud;
pub(crate) use cloud::{AZURE_DEVOPS_RESOURCE, DATABRICKS_RESOURCE};
pub use code::{Class, Code, NoCode};
pub use duration::Span;
pub(crate) use duration::in_words;
pub use error::{Error, Position, Temporary};
pub use kind::{CredentialKind, Entitlement, PrincipalKind};
pub use masks::Masks;
pub(crate) use masks::UNRESERVED;
pub(crate) use nearest::nearest;
pub use origin::Origin;
pub(crate) use origin::is_host_name;
pub(crate) use reach::Reach;
pub use secret::Secret;
pub(crate) use secret::hex;
pub use step::Step;
pub use text::harmless;
pub(crate) use text::{harmless_in_place, id, is_id, one_line};
pub use timestamp::{NoTimestamp, Timestamp};
