//! The shapes of a vault's answers.

use serde_json::{Value, json};

use crate::reply::Reply;

pub(super) fn refusal(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

pub(super) fn inner_refusal(status: u16, code: &str, message: &str, inner: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message, "innererror": {"code": inner}}}))
}

pub(super) fn not_found(name: &str) -> Reply {
    let message = format!(
        "A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret \
         you may be able to recover it using the correct recovery command. For help resolving this issue, \
         please see https://go.microsoft.com/fwlink/?linkid=2125182"
    );
    refusal(404, "SecretNotFound", &message)
}

pub(super) fn page(value: Vec<Value>) -> Reply {
    Reply::json(200, &json!({"value": value, "nextLink": null}))
}
