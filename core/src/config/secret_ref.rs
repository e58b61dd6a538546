//! How the configuration refers to secrets, which never stand in it.

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::host::Environment;
use crate::model::{Code, Error, Secret};

/// Refers to a secret that stands outside the configuration; one line end at its end is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "Shape")]
#[schemars(with = "Shape")]
pub enum SecretRef {
    /// An environment variable's name.
    Env(String),
    /// A file's path.
    File(String),
}

// By this name the decoder tells a secret that stands in the document itself (`model::typed`).
#[derive(Deserialize, JsonSchema)]
#[serde(rename = "SecretRef", deny_unknown_fields)]
#[schemars(rename = "SecretRef")]
struct Shape {
    /// The environment variable that holds the secret.
    env: Option<String>,
    /// The file that holds the secret.
    file: Option<String>,
}

impl TryFrom<Shape> for SecretRef {
    type Error = &'static str;

    fn try_from(shape: Shape) -> Result<Self, &'static str> {
        match (shape.env, shape.file) {
            (Some(name), None) if !name.is_empty() => Ok(Self::Env(name)),
            (None, Some(path)) if !path.is_empty() => Ok(Self::File(path)),
            _ => Err("a secret is either {env: NAME} or {file: PATH}"),
        }
    }
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(file) => write!(f, "the file {file}"),
        }
    }
}

impl SecretRef {
    /// Reads the secret.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key.
    pub fn read(&self, path: &str, environment: &dyn Environment) -> Result<Secret, Error> {
        let bytes = self.read_bytes(path, environment)?;
        let missing = |what: &str| Error::config(Code::ConfigMissingSecret, path, format!("{self} {what}"));
        let text = std::str::from_utf8(&bytes).map_err(|_| missing("is not UTF-8 text"))?;
        // Editors end a file with a line end, and shells what they put into a variable.
        let text =
            text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text)).unwrap_or(text);
        if text.is_empty() { Err(missing("is empty")) } else { Ok(Secret::new(text)) }
    }

    /// Reads a secret that may be binary.
    ///
    /// # Errors
    /// `config-missing-secret` with the path of the key.
    pub(crate) fn read_bytes(
        &self,
        path: &str,
        environment: &dyn Environment,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let missing = |what: &str| Error::config(Code::ConfigMissingSecret, path, format!("{self} {what}"));
        match self {
            Self::Env(name) => environment
                .variable(name)
                .map(|value| Zeroizing::new(value.into_bytes()))
                .ok_or_else(|| missing("is not set, or is empty")),
            Self::File(file) => environment
                .file(file)
                .map(Zeroizing::new)
                .map_err(|reason| missing(&format!("cannot be read: {reason}"))),
        }
    }
}

/// Holds a reference and the path of the key at which it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) secret: SecretRef,
    pub(crate) path: String,
    /// Whether the secret may be binary.
    binary: bool,
    /// Whether the secret may hold anything, such as a key of many lines or a password.
    anything: bool,
}

impl Reference {
    pub(crate) fn new(secret: &SecretRef, path: String) -> Self {
        Self { secret: secret.clone(), path, binary: false, anything: false }
    }

    pub(crate) fn binary(mut self) -> Self {
        self.binary = true;
        self
    }

    /// Says that the secret may hold anything, such as a key of many lines or a password.
    pub(crate) fn anything(mut self) -> Self {
        self.anything = true;
        self
    }

    /// Checks that the secret is there and can be one, sending nothing.
    ///
    /// # Errors
    /// `config-missing-secret` and `config-invalid-value` with the path of the key.
    pub(crate) fn check(&self, environment: &dyn Environment) -> Result<(), Error> {
        if !self.binary {
            let secret = self.secret.read(&self.path, environment)?;
            let flaw = flaw(secret.expose("a look for what no secret is")).filter(|_| !self.anything);
            return match flaw {
                Some(flaw) => Err(Error::invalid(&self.path, format!("{} {flaw}", self.secret))),
                None => Ok(()),
            };
        }
        if self.secret.read_bytes(&self.path, environment)?.is_empty() {
            let words = format!("{} is empty", self.secret);
            return Err(Error::config(Code::ConfigMissingSecret, &self.path, words));
        }
        Ok(())
    }
}

/// Says why a text is no secret of one line; nothing of it is repeated.
fn flaw(text: &str) -> Option<&'static str> {
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if text.starts_with('\u{feff}') {
        return Some("begins with a byte-order mark: save it without one");
    }
    if text.contains("${{") || (text.starts_with("$(") && text.ends_with(')')) {
        return Some(
            "holds an expression that was not expanded, such as $(NAME): map the variable into the step",
        );
    }
    if text.starts_with("-----BEGIN") {
        return Some("holds a key or a certificate, where a secret of one line belongs");
    }
    if text.contains(['\n', '\r']) {
        return Some("has several lines, where a secret of one line belongs");
    }
    if text.trim() != text {
        return Some("has blanks around the secret");
    }
    (quoted('"') || quoted('\'')).then_some("has quotes around the secret: leave them out")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_secret_of_one_line_is_is_named_and_not_repeated() {
        for text in [
            "\u{feff}abc",
            "$(SECRET)",
            "${{ secrets.X }}",
            "a\nb",
            "abc\n",
            " abc",
            "abc\t",
            "\"abc\"",
            "'abc'",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            let told = flaw(text).unwrap_or_default();
            assert!(!told.is_empty() && !told.contains("abc"), "{text:?}");
        }
        for text in ["abc", "a\"b", "8Q~x(y)$", "dapi123", "\""] {
            assert_eq!(flaw(text), None, "{text}");
        }
    }
}
