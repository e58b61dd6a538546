//! One request, taken apart for the services' modules.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde_json::{Map, Value};

use crate::state::Service;

/// Holds one request, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) workspace: Option<usize>,
    /// Scheme, host and port by which the service was called.
    pub(crate) origin: String,
    pub(crate) method: String,
    /// The path as it was sent.
    pub(crate) path: String,
    /// The path's segments, percent-decoded.
    pub(crate) segments: Vec<String>,
    /// The query as it was sent.
    pub(crate) raw_query: String,
    /// The query's pairs, decoded.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) now_ms: i64,
}

impl Call {
    pub(crate) fn new(
        service: Service,
        workspace: Option<usize>,
        origin: &str,
        request: http::Request<Vec<u8>>,
        now_ms: i64,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        Self {
            service,
            workspace,
            origin: origin.trim_end_matches('/').to_ascii_lowercase(),
            method: parts.method.as_str().to_owned(),
            segments: path.trim_start_matches('/').split('/').map(decode).collect(),
            path,
            query: form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect(),
            raw_query,
            headers: parts.headers,
            body,
            now_ms,
        }
    }

    /// Returns method and segments in a shape that a `match` can take apart.
    pub(crate) fn route(&self) -> (&str, Vec<&str>) {
        (&self.method, self.segments.iter().map(String::as_str).collect())
    }

    /// Returns a header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the value of the first query parameter of that name.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Returns what stands behind `Bearer` (or GitHub's `token`) in the `Authorization` header.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, value) = self.header("authorization")?.split_once(' ')?;
        (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token"))
            .then_some(value.trim())
    }

    /// Returns user and password of a `Basic` `Authorization` header.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let (scheme, value) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
        text.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// Says whether the body's content type is this one, parameters left aside.
    pub(crate) fn has_content_type(&self, wanted: &str) -> bool {
        let given = self.header("content-type").unwrap_or_default();
        given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
    }

    /// Reads the body as a JSON object.
    pub(crate) fn json_object(&self) -> Result<Map<String, Value>, String> {
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err("the body is not a JSON object".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads the body as a form; a repeated name is kept twice.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }
}

/// Decodes the percent-encoding of a path's segment.
pub(crate) fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// Finds a form's value by its name.
pub(crate) fn form_value<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}
