//! What a request proves its sender's identity with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::host::HeaderValue;
use crate::model::{Code, Error, Origin, Secret};

/// Says what limits the scopes of a credential, and so what is to be changed where one is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bounds {
    /// This key lists those that a sign-in asks for.
    SignIn(String),
    /// This key says which a new credential gets.
    New(String),
    /// Somebody has chosen them for the credential that stands at this key.
    Credential(String),
}

impl Bounds {
    /// Says whose credential lacks the scope that a refusal names, and what to write.
    pub(super) fn explained(&self, error: Error) -> Error {
        if error.code() != Code::ScopeMissing {
            return error;
        }
        // The service puts the scope behind its sentence.
        let said = error.message().split_once("required scopes:").map(|(_, scopes)| scopes.trim());
        let scope = said.map(|scopes| scopes.trim_end_matches('.')).filter(|scopes| !scopes.is_empty());
        let hint = match (self, scope) {
            (Self::SignIn(key), Some("all-apis")) => format!("leave {key} out, for all of them"),
            (Self::SignIn(key), Some(scope)) => {
                format!("add {scope} to {key}, or leave that out for all of them")
            }
            (Self::SignIn(key), None) => {
                format!("write into {key} the scopes that the credential has, or give it those it lacks")
            }
            (Self::New(key), Some("all-apis")) => format!("write {key}: all"),
            (Self::New(key), Some(scope)) => format!("add {scope} to {key}, or write {key}: all"),
            (Self::New(key), None) => format!("add to {key} the scope that the message names"),
            (Self::Credential(path), Some(scope)) => {
                format!("give the credential at {path} the scope {scope}, or write another one there")
            }
            (Self::Credential(path), None) => {
                format!("give the credential at {path} the scope that the message names")
            }
        };
        let (Self::SignIn(key) | Self::New(key) | Self::Credential(key)) = self;
        error.with_key(key.clone()).with_hint(hint)
    }
}

/// Holds what a request proves its sender's identity with, bound to the host that it is meant for.
#[derive(Debug, Clone)]
pub struct Identity {
    origin: Origin,
    headers: Vec<(&'static str, HeaderValue)>,
    token: Option<Secret>,
    bounds: Option<Bounds>,
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
            bounds: None,
        }
    }

    /// Binds a secret to a host that asks for it in a header of its own.
    #[must_use]
    pub(crate) fn of_header(origin: &Origin, name: &'static str, value: &Secret) -> Self {
        let headers = vec![(name, HeaderValue::Sensitive(value.clone()))];
        Self { origin: origin.clone(), headers, token: None, bounds: None }
    }

    /// Adds another header that goes wherever the credential goes.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says what limits its scopes.
    #[must_use]
    pub(crate) fn bounded_by(self, bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..self }
    }

    /// Says of a refusal for a scope whose credential lacks it, and what to write.
    pub(super) fn explained(&self, error: Error) -> Error {
        match &self.bounds {
            Some(bounds) => bounds.explained(error),
            None => error,
        }
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
