//! How the configuration refers to secrets, which never stand in it.

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::host::Environment;
use crate::model::{Code, Error, Secret, harmless};

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
            (Some(name), None) if is_variable(&name) => Ok(Self::Env(name)),
            (Some(name), None) if name.starts_with('$') || name.starts_with('%') => {
                Err("`env` holds the variable's name alone: write the name without `$`")
            }
            (Some(_), None) => Err("`env` names an environment variable, of letters, digits and `_`"),
            (None, Some(path)) if !path.is_empty() && !path.contains(['\0', '\n', '\r']) => {
                Ok(Self::File(path))
            }
            _ => Err("a secret is either {env: NAME} or {file: PATH}"),
        }
    }
}

/// Returns true for what can be the name of a variable.
fn is_variable(name: &str) -> bool {
    // Variables of Windows have parentheses and dots in their names too, such as `ProgramFiles(x86)`.
    (1..=255).contains(&name.len())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '(' | ')'))
}

/// Returns true for a name of the usual form. Any other may be a secret at the wrong place, and is not shown.
pub(super) fn looks_like_a_variable(name: &str) -> bool {
    let usual = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let words = name.split('_').all(|word| word.len() <= 16);
    usual
        && words
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && digits * 3 <= name.len()
}

/// Returns true for a path of the usual form. Any other may be a secret at the wrong place, and is not shown.
pub(super) fn looks_like_a_path(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    let rooted = path.starts_with(['/', '~', '\\']) || path.starts_with("./") || path.starts_with("../");
    let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let known = extension.is_some_and(|extension| {
        (1..=4).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_lowercase())
    });
    // Base64 has slashes, and no part of it is a short word.
    let parts = path.split(['/', '\\']).all(|part| part.len() <= 40);
    parts && path.len() <= 200 && !path.contains(['=', '+']) && (drive || rooted || known)
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) if looks_like_a_variable(name) => write!(f, "the environment variable {name}"),
            Self::Env(_) => f.write_str("the environment variable that `env` names"),
            Self::File(file) if looks_like_a_path(file) => write!(f, "the file {}", harmless(file)),
            Self::File(_) => f.write_str("the file that `file` names"),
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
        let missing = |what: &str| {
            let error = Error::config(Code::ConfigMissingSecret, path, format!("{self} {what}"));
            error.with_hint(match self {
                Self::Env(_) => {
                    "set it in the environment of the process that runs lakekey; in a workflow, below `env` \
                     of the step or the job"
                }
                Self::File(file) if file.starts_with('~') => {
                    "write the whole path: `~` is the shell's, and is not expanded here"
                }
                Self::File(_) => {
                    "make the file readable where lakekey runs; a relative path begins at its working directory"
                }
            })
        };
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
    fn a_secret_in_the_place_of_a_name_or_a_path_is_not_shown() {
        for text in [
            "s3cr3t",
            "hunter2",
            "correcthorse",
            "dapi0123456789abcdef0123456789abcdef",
            "ghp_A1b2C3d4E5",
            "0x8Qxyzabc",
            "AKIAIOSFODNN7EXAMPLE99",
            "A1B2C3D4E5F6",
            "Sécret",
        ] {
            let shown = SecretRef::Env(text.to_owned()).to_string();
            assert!(!shown.contains(text), "{shown}");
        }
        for text in ["s3cr3t", "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "ab/cd+ef==", "8Q~abc.DEF_ghi-jkl"] {
            let shown = SecretRef::File(text.to_owned()).to_string();
            assert!(!shown.contains(text), "{shown}");
        }
        for name in ["LAKEKEY_APP_KEY", "ARM_CLIENT_SECRET", "TOKEN_2", "_X", "A"] {
            assert!(SecretRef::Env(name.to_owned()).to_string().ends_with(name));
        }
        for path in ["/run/secrets/key", "./key.pem", "key.pem", "C:\\keys\\app", "~/x", "../a/b.pfx"] {
            assert!(SecretRef::File(path.to_owned()).to_string().ends_with(path), "{path}");
        }
    }

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
