//! Text to typed document, with the path of the key in every refusal.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::yaml;
use crate::model::typed::{Kind, Misfit, from_value, join};
use crate::model::{Code, Error, nearest};

/// The largest document that is read, in bytes: a fleet of ten thousand targets needs less than half of it.
pub const MAX_DOCUMENT: usize = 16 * 1024 * 1024;

/// Decodes a value that stands at a path of the document.
///
/// # Errors
/// A `config-…` code with the whole path of what does not fit.
pub(crate) fn decode<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, Error> {
    from_value(value).map_err(|misfit| refusal(at, &misfit))
}

/// What a configuration begins with.
const BEGIN: &str = "it is a mapping that begins with `version: 1` and `targets:`; `lakekey init` writes one";

fn refusal(at: &str, misfit: &Misfit) -> Error {
    let mut path = at.to_owned();
    if !misfit.path().is_empty() {
        join(&mut path, misfit.path());
    }
    if path.is_empty() {
        path.push_str("lakekey.yml");
    }
    match &misfit.kind {
        Kind::Unknown(known) => {
            let words = format!("unknown key; expected one of {}", known.join(", "));
            let written = path.rsplit(['.', ']']).next().unwrap_or_default().to_owned();
            Error::config(Code::ConfigUnknownKey, path, words).meaning(nearest(&written, known))
        }
        Kind::Missing if path == "version" => {
            Error::config(Code::ConfigMissingKey, path, "this key is needed").with_hint("add `version: 1`")
        }
        Kind::Missing => Error::config(Code::ConfigMissingKey, path, "this key is needed"),
        Kind::LiteralSecret => Error::config(
            Code::ConfigLiteralSecret,
            path,
            "a secret must not stand in the configuration; write {env: NAME} or {file: PATH}",
        ),
        Kind::Expected(_) | Kind::Said(_) => Error::invalid(&path, misfit.to_string()),
    }
}

/// Reads the bytes of a configuration as YAML, of which JSON is a part.
///
/// # Errors
/// `config-unreadable` for what is empty, too large or not UTF-8; `config-syntax` for what is no YAML.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let unreadable = |message: String| Error::config(Code::ConfigUnreadable, "lakekey.yml", message);
    if bytes.len() > MAX_DOCUMENT {
        return Err(unreadable(format!(
            "the configuration is larger than {} MiB",
            MAX_DOCUMENT / 1024 / 1024
        )));
    }
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err(unreadable("the configuration is UTF-16".to_owned()).with_hint("save it as UTF-8"));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        unreadable(format!("the configuration is not UTF-8 (byte {})", error.valid_up_to()))
            .with_hint("save it as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(unreadable("the configuration is empty".to_owned()).with_hint(BEGIN));
    }
    let value = yaml::read(text).map_err(|flaw| flaw.error())?;
    let what = match value {
        Value::Object(_) => return Ok(value),
        Value::Array(_) => "a list",
        _ => "one value",
    };
    let words = format!("the configuration is not a mapping of keys, but {what}");
    Err(Error::config(Code::ConfigSyntax, "lakekey.yml", words).with_hint(BEGIN))
}
