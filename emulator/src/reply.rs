//! What a service answers.

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::call::Call;

/// Holds a service's answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether no module knew the route.
    pub(crate) unknown: bool,
}

impl Reply {
    /// Answers with JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", value.to_string())
    }

    /// Answers with a text of some type.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
            unknown: false,
        }
    }

    /// Answers with no body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), unknown: false }
    }

    /// Sends the caller elsewhere.
    pub(crate) fn redirect(status: u16, location: impl Into<String>) -> Self {
        Self::empty(status).with_header("location", location)
    }

    /// Adds a header.
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Answers 501 to what the emulator does not know; such requests are marked in the record.
    pub(crate) fn unknown_route(call: &Call) -> Self {
        let message =
            format!("The emulator does not know {} {} of {:?}.", call.method, call.path, call.service);
        Self { unknown: true, ..Self::json(501, &json!({"error": "not implemented", "message": message})) }
    }

    /// Makes the answer an HTTP response.
    pub(crate) fn into_response(self) -> http::Response<Vec<u8>> {
        let mut response = http::Response::new(self.body);
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
