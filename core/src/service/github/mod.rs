//! GitHub: where a secret stands, who may write it, how its value is sealed, and the five calls that keep it.

mod api;
mod permission;
mod place;
mod refusals;
mod seal;
mod subject;

pub use api::{
    Api, Asked, Body, Found, OverHttp, PAGE, PublicKey, repository_path, selected_path, versioned,
};
pub use permission::Permission;
pub use place::{App, Kind, Place, Visibility};
pub(crate) use refusals::{GITHUB, GITHUB_APP, moved_to};
pub(crate) use seal::HostRng;
pub use seal::seal;
pub(crate) use subject::{Asking, account, has_ids, unlike};
