//! What a request proves its sender's identity with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::host::HeaderValue;
use crate::model::{Origin, Secret};

/// Holds what a request proves its sender's identity with, bound to the host that it is meant for.
#[derive(Debug, Clone)]
pub struct Identity {
    origin: Origin,
    headers: Vec<(&'static str, HeaderValue)>,
    token: Option<Secret>,
}

impl Identity {
    /// Binds a bearer token to a host.
    #[must_use]
    pub fn bearer(origin: &Origin, token: &Secret) -> Self {
        let value = Secret::new(format!(
            "Bearer {}",
            token.expose("the Authorization header of the host that it is for")
        ));
        Self { token: Some(token.clone()), ..Self::new(origin, value) }
    }

    /// Binds a user name and a password to a host.
    #[must_use]
    pub fn basic(origin: &Origin, user: &str, password: &Secret) -> Self {
        let pair = Zeroizing::new(format!(
            "{user}:{}",
            password.expose("the Authorization header of the host that it is for")
        ));
        let value = Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
        Self::new(origin, value)
    }

    fn new(origin: &Origin, authorization: Secret) -> Self {
        Self {
            origin: origin.clone(),
            headers: vec![("authorization", HeaderValue::Sensitive(authorization))],
            token: None,
        }
    }

    /// Adds another header that goes wherever the credential goes.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Returns the headers that go along.
    pub(super) fn headers(&self) -> &[(&'static str, HeaderValue)] {
        &self.headers
    }

    /// Returns the bearer token, where there is one.
    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Returns the base URL of the service that this is for.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}
