//! One request as the core means it: to whom, for which step, with whose credential, repeatable or not.

use std::time::Duration;

use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use zeroize::Zeroizing;

use super::dialect::{Asked, Dialect};
use super::identity::Identity;
use crate::host::{HeaderValue, Method, Request};
use crate::model::{Code, Error, Origin, Step, UNRESERVED};

/// How long one request may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// The largest body that is read: 600 PATs with long comments are less than a fifth of it.
const MAX_BODY: usize = 2 * 1024 * 1024;

/// Encodes one segment of a path, or one value of a query.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, &UNRESERVED).to_string()
}

/// Returns true for a path whose meaning a client changes on its way: one with an empty part, or with `.` or
/// `..`, percent-encoded too. The address of a user's own service may end in a slash (`may_end_open`).
///
/// <https://url.spec.whatwg.org/#path-state>
fn leads_elsewhere(path: &str, may_end_open: bool) -> bool {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let lower = path.to_ascii_lowercase().replace("%2e", ".");
    let parts = lower.strip_prefix('/').unwrap_or(&lower);
    let parts = if may_end_open { parts.strip_suffix('/').unwrap_or(parts) } else { parts };
    let is_root = lower.is_empty() || lower == "/";
    !is_root && (lower.contains('\\') || parts.split('/').any(|part| matches!(part, "" | "." | "..")))
}

/// Describes a request and how it may be treated.
#[derive(Debug, Clone)]
pub struct Call {
    /// The step of the procedure.
    pub step: Step,
    /// Who is called.
    pub service: &'static Dialect,
    /// The base URL.
    pub origin: Origin,
    /// Whether a second sending does no more than the first.
    pub repeatable: bool,
    /// Whether it writes to a sink, and so needs the lease.
    pub fenced: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// How often it is sent at the most.
    pub attempts: u32,
    /// Whether a redirect is the answer that is wanted.
    pub(super) redirect_expected: bool,
    /// Whether the answer proves something, so that a page in its place must not.
    pub(super) proves: bool,
    method: Method,
    path: String,
    headers: Vec<(String, HeaderValue)>,
    body: Zeroizing<Vec<u8>>,
    identity: Option<Identity>,
    fresh: bool,
}

impl Call {
    /// Starts a call; the path begins with a slash, is encoded, and may have a query. Reads, replacements and
    /// removals are repeatable.
    #[must_use]
    pub fn new(
        step: Step,
        service: &'static Dialect,
        method: Method,
        origin: &Origin,
        path: impl Into<String>,
    ) -> Self {
        Self {
            step,
            service,
            origin: origin.clone(),
            repeatable: matches!(method, Method::GET | Method::PUT | Method::DELETE),
            fenced: false,
            timeout: TIMEOUT,
            attempts: u32::MAX,
            redirect_expected: false,
            proves: false,
            method,
            path: path.into(),
            headers: Vec::new(),
            body: Zeroizing::default(),
            identity: None,
            fresh: false,
        }
    }

    /// Starts a read.
    #[must_use]
    pub fn get(step: Step, service: &'static Dialect, origin: &Origin, path: impl Into<String>) -> Self {
        Self::new(step, service, Method::GET, origin, path)
    }

    /// Starts a POST.
    #[must_use]
    pub fn post(step: Step, service: &'static Dialect, origin: &Origin, path: impl Into<String>) -> Self {
        Self::new(step, service, Method::POST, origin, path)
    }

    /// Starts a call of somebody who has signed in, at the service that the sign-in is for.
    #[must_use]
    pub fn by(
        identity: &Identity,
        step: Step,
        service: &'static Dialect,
        method: Method,
        path: impl Into<String>,
    ) -> Self {
        Self::new(step, service, method, identity.origin(), path).identity(identity)
    }

    /// Returns what its answer is judged by.
    pub(super) fn asked(&self) -> Asked<'_> {
        Asked { step: self.step, origin: &self.origin, redirect: self.redirect_expected }
    }

    /// Sends it as somebody.
    #[must_use]
    pub fn identity(mut self, identity: &Identity) -> Self {
        self.identity = Some(identity.clone());
        self
    }

    /// Says whether a second sending does no more than the first.
    #[must_use]
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.repeatable = repeatable;
        self
    }

    /// Says that it writes to a sink.
    #[must_use]
    pub fn fenced(mut self) -> Self {
        self.fenced = true;
        self
    }

    /// Sends it over a connection of its own.
    #[must_use]
    pub fn fresh_connection(mut self) -> Self {
        self.fresh = true;
        self
    }

    /// Says that its answer proves something: it must be JSON by its content type too.
    #[must_use]
    pub(crate) fn proving(mut self) -> Self {
        self.proves = true;
        self
    }

    /// Limits how often it is sent.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Adds a header that may be shown.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), HeaderValue::Plain(value.into())));
        self
    }

    /// Sets the body as it is.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Zeroizing<Vec<u8>>) -> Self {
        self.body = body;
        self.header("content-type", content_type)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", Zeroizing::new(body.to_string().into_bytes()))
    }

    /// Sets a form body.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            form.append_pair(name, value);
        }
        self.body("application/x-www-form-urlencoded", Zeroizing::new(form.finish().into_bytes()))
    }

    /// Says of a refusal for a scope whose credential lacks it.
    pub(super) fn explained(&self, error: Error) -> Error {
        match &self.identity {
            Some(identity) => identity.explained(error),
            None => error,
        }
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Shows it to who is to agree to it: method, address and body, without the headers, which sign in. It is
    /// for calls whose body holds no secret.
    pub(crate) fn shown(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {}{} {body}", self.method, self.origin, self.path).trim_end().to_owned()
    }

    /// Builds the request.
    pub(crate) fn request(&self) -> Result<Request, Error> {
        let mut headers = self.headers.clone();
        for (name, value) in
            [("accept", "application/json"), ("user-agent", concat!("lakekey/", env!("CARGO_PKG_VERSION")))]
        {
            if !headers.iter().any(|(known, _)| known == name) {
                headers.push((name.to_owned(), HeaderValue::Plain(value.to_owned())));
            }
        }
        if let Some(identity) = &self.identity {
            // The last fence of all: whatever the code above does, a credential leaves for its own host
            // alone.
            if identity.origin().without_path() != self.origin.without_path() {
                return Err(Error::new(
                    Code::Internal,
                    self.step,
                    format!("a credential for {} was about to be sent to {}", identity.origin(), self.origin),
                ));
            }
            headers
                .extend(identity.headers().iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        }
        let may_end_open = matches!(self.method, Method::GET | Method::POST);
        if leads_elsewhere(&self.path, may_end_open) {
            let words = "a name or an id would have led to another path, so that nothing was sent";
            return Err(Error::new(Code::Internal, self.step, words));
        }
        Ok(Request {
            method: self.method.clone(),
            url: format!("{}{}", self.origin, self.path),
            headers,
            body: self.body.clone(),
            timeout: self.timeout,
            max_body: MAX_BODY,
            fresh_connection: self.fresh,
            target: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::leads_elsewhere;

    #[test]
    fn a_name_or_an_id_never_changes_a_path() {
        for path in [
            "/api/..",
            "/api/../x",
            "/api/./x",
            "/api//x",
            "/api/%2e%2E/x",
            "/api/.%2e",
            "/a\\b/x",
            "/api/",
            "//host/x",
            "/api/..?a=b",
            "/api/%2E",
        ] {
            assert!(leads_elsewhere(path, false), "{path}");
        }
        for path in ["", "/", "/api/x", "/api/...", "/api/.github", "/api/x?a=../b", "?a=//", "/a%2Fb/x"] {
            assert!(!leads_elsewhere(path, false), "{path}");
        }
        assert!(!leads_elsewhere("/hook/?a=b", true) && leads_elsewhere("/hook//", true));
    }
}
