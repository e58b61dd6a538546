//! What the JavaScript side asks for.

use lakekey_core::{Code, Command, Error, Revocation, RunRequest, Step};
use serde_json::Value;

/// Holds a call of the package's API.
pub(crate) struct Request {
    /// What the engine is asked.
    pub(crate) run: RunRequest,
    /// Whether the document was an object.
    pub(crate) object: bool,
    /// How many shards a matrix may have.
    pub(crate) shards: usize,
    /// Whether a check asks for what the configuration refers to.
    pub(crate) secrets: bool,
}

impl Request {
    /// Reads what `wasm/npm/lib/api.js` has written.
    pub(crate) fn read(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text).map_err(|_| unreadable("the call"))?;
        let flag = |key: &str| value[key].as_bool().unwrap_or(false);
        let command = match value["command"].as_str() {
            Some("provision") => Command::Provision,
            Some("rotate") => Command::Rotate { force: flag("force") },
            Some("status") => Command::Status,
            Some("doctor") if flag("fix") => Command::Fix,
            Some("doctor") => Command::Doctor,
            Some("plan") => Command::Plan,
            Some("revoke") => Command::Revoke(revocation(&value)?),
            _ => return Err(usage("there is no such command")),
        };
        let targets: Vec<String> = value["targets"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        if matches!(command, Command::Revoke(_)) && targets.is_empty() {
            return Err(usage("revoke asks for the names of its targets"));
        }
        let shards = match &value["shards"] {
            Value::Null => 1,
            shards => shards
                .as_u64()
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| (1..=256).contains(n))
                .ok_or_else(|| usage("a matrix has 1 to 256 shards"))?,
        };
        Ok(Self {
            run: RunRequest {
                targets,
                dry_run: flag("dryRun"),
                // The doctor's requests are asked for; a revocation is one.
                confirmed: value["yes"].as_bool().unwrap_or(command != Command::Fix),
                notify: value["notify"].as_bool().unwrap_or(true),
                ..RunRequest::new(command)
            },
            object: flag("object"),
            shards,
            secrets: value["secrets"].as_bool().unwrap_or(true),
        })
    }
}

fn revocation(value: &Value) -> Result<Revocation, Error> {
    let flag = |key: &str| value[key].as_bool().unwrap_or(false);
    match (flag("superseded"), flag("managed"), flag("all"), value["tokenId"].as_str()) {
        (true, false, false, None) => Ok(Revocation::Superseded),
        (false, true, false, None) => Ok(Revocation::Managed),
        (false, false, true, None) => Ok(Revocation::All),
        (false, false, false, Some(id)) if !id.is_empty() => Ok(Revocation::Id(id.to_owned())),
        _ => Err(usage("revoke asks for exactly one of superseded, managed, all and tokenId")),
    }
}

fn usage(message: &str) -> Error {
    Error::new(Code::UsageInvalid, Step::Configure, message)
        .with_hint("see the options in the package's README")
}

/// Reports that a text is not what the package's own JavaScript writes.
pub(crate) fn unreadable(what: &str) -> Error {
    Error::new(Code::Internal, Step::Configure, format!("{what} could not be read"))
}
