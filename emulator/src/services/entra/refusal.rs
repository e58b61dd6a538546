//! The shape in which Entra ID refuses.

use serde_json::json;

use crate::call::Call;
use crate::clock::entra_date;
use crate::reply::Reply;
use crate::world::World;

/// Says why a sign-in is refused: an AADSTS code and its text.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Returns status and OAuth error that go with the code.
    fn class(&self) -> (u16, &'static str) {
        match self.code {
            7_000_215 | 7_000_222 | 7_000_218 | 700_021 | 700_023 | 700_024 | 700_027 | 700_211 | 700_212
            | 700_213 | 7_002_138 | 7_000_229 => (401, "invalid_client"),
            700_016 => (400, "unauthorized_client"),
            70_011 | 1_002_012 => (400, "invalid_scope"),
            500_011 => (400, "invalid_resource"),
            70_003 => (400, "unsupported_grant_type"),
            _ => (400, "invalid_request"),
        }
    }

    /// Shows the refusal as Entra ID does.
    ///
    /// <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>
    pub(super) fn reply(&self, world: &mut World, call: &Call) -> Reply {
        let (status, error) = self.class();
        let (trace, correlation) = (world.random.uuid(), world.random.uuid());
        let time = entra_date(call.now_ms);
        let description = format!(
            "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {time}",
            self.code, self.message
        );
        let body = json!({
            "error": error,
            "error_description": description,
            "error_codes": [self.code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={}", call.origin, self.code),
        });
        Reply::json(status, &body)
            .with_header("cache-control", "no-store, no-cache")
            .with_header("pragma", "no-cache")
    }
}
