//! Which vault and which secret a request is for.

use crate::call::Call;

pub(super) fn is_name(name: &str) -> bool {
    (1..=127).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Names the vault that is called: its host without the scheme.
pub(super) fn vault(call: &Call) -> String {
    call.origin.split_once("://").map_or(call.origin.as_str(), |(_, host)| host).to_owned()
}

pub(super) fn key(call: &Call, name: &str) -> (String, String) {
    (vault(call), name.to_ascii_lowercase())
}
