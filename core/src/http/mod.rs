//! The way to a service: what a request means, who sends it, how a refusal is read, when it is sent again and
//! how fast. Every request of the core goes through a [`Client`].

mod body;
mod call;
mod client;
mod dialect;
mod identity;
mod masks;
mod pace;
mod patience;

pub(crate) use call::TIMEOUT;
pub use call::{Call, encode};
pub use client::Client;
pub use dialect::Dialect;
pub(crate) use dialect::{Answered, Rule, Said, named, reason, said, status, statuses};
pub(crate) use identity::Bounds;
pub use identity::Identity;
pub use pace::Pace;
pub use patience::Patience;
