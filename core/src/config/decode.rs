//! Text to typed document, with the path of the key in every refusal.
//!
//! serde loses the path inside an internally tagged enum, since it buffers the content before it knows the
//! variant. [`tagged_enum!`] therefore reads the tag itself and hands the rest to the variant's own struct; a
//! failure inside travels as a message that carries its path between [`MARK`]s, and [`decode`] joins the
//! parts.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::yaml;
use crate::error::{Code, Error};
use crate::typed::{MARK, Misfit, from_value, join, split};

pub(crate) const LITERAL_SECRET: &str = "\u{2}literal";

/// The largest document that is read, in bytes: a fleet of a thousand targets needs less than half of it.
pub const MAX_DOCUMENT: usize = 1024 * 1024;

macro_rules! tagged_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident = $tag:literal {
                    $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
                },
            )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, schemars::JsonSchema)]
        #[schemars(tag = "type", deny_unknown_fields)]
        #[allow(clippy::large_enum_variant, reason = "a configuration is read once and held a few times")]
        pub enum $name {
            $(
                $(#[$variant_meta])*
                #[schemars(rename = $tag)]
                #[schemars(rename_all = "kebab-case")]
                $variant {
                    $($(#[$field_meta])* $field: $type,)*
                },
            )+
        }

        impl $name {
            /// Returns the text of `type`.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $tag,)+ }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error as _;
                let mut value = serde_json::Value::deserialize(deserializer)?;
                let tag = crate::config::decode::take_tag(&mut value, &[$($tag),+]).map_err(D::Error::custom)?;
                match tag.as_str() {
                    $($tag => {
                        #[derive(serde::Deserialize)]
                        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
                        struct Fields { $($field: $type,)* }
                        let Fields { $($field),* } =
                            crate::config::decode::typed(value).map_err(D::Error::custom)?;
                        Ok(Self::$variant { $($field),* })
                    })+
                    _ => Err(D::Error::custom("unknown type")),
                }
            }
        }
    };
}
pub(crate) use tagged_enum;

/// Takes the `type` out of a mapping.
pub(crate) fn take_tag(value: &mut Value, known: &[&str]) -> Result<String, String> {
    let Some(map) = value.as_object_mut() else {
        return Err(format!("a mapping with a `type` was expected; known types: {}", known.join(", ")));
    };
    match map.remove("type") {
        None => Err(format!("missing field `type`; known types: {}", known.join(", "))),
        Some(Value::String(tag)) if known.contains(&tag.as_str()) => Ok(tag),
        Some(_) => Err(format!("{MARK}type{MARK}unknown type; known types: {}", known.join(", "))),
    }
}

/// Decodes a value, with the path inside it in front of the message.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    from_value(value).map_err(Misfit::into_text)
}

/// Decodes a value that stands at a path of the document.
pub(crate) fn decode<T: DeserializeOwned>(value: Value, at: &str) -> Result<T, Error> {
    typed(value).map_err(|text| refusal(at, &text))
}

/// Turns a marked message into an error that names the whole path.
fn refusal(at: &str, text: &str) -> Error {
    let (inner, rest) = split(text);
    let mut path = at.to_owned();
    if !inner.is_empty() {
        join(&mut path, &inner);
    }
    if rest.starts_with(LITERAL_SECRET) {
        return Error::config(
            Code::ConfigLiteralSecret,
            path,
            "a secret must not stand in the configuration; write {env: NAME} or {file: PATH}",
        );
    }
    let quoted =
        |prefix: &str| rest.strip_prefix(prefix).and_then(|r| r.split_once('`')).map(|(name, _)| name);
    if let Some(name) = quoted("unknown field `") {
        // A field that serde has seen the value of stands in the path already.
        if path.rsplit('.').next() != Some(name) {
            join(&mut path, name);
        }
        let known = rest.split_once(", ").map_or("", |(_, known)| known).replace('`', "");
        return Error::config(Code::ConfigUnknownKey, path, format!("unknown key; {known}"));
    }
    if let Some(name) = quoted("missing field `") {
        join(&mut path, name);
        return Error::config(Code::ConfigMissingKey, path, "this key is needed");
    }
    if path.is_empty() {
        path.push_str("lakekey.yml");
    }
    // A wrong value may be a secret at the wrong place: strings that serde quotes are not repeated.
    Error::config(Code::ConfigInvalidValue, path, without_values(rest))
}

/// Takes out what serde quotes of the input in `invalid type: string "…"` and `invalid value: …`.
fn without_values(message: &str) -> String {
    match (
        message.starts_with("invalid type") || message.starts_with("invalid value"),
        message.rsplit_once(", expected "),
    ) {
        (true, Some((_, expected))) => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}

/// Reads the bytes of a configuration as YAML, of which JSON is a part.
///
/// # Errors
/// `config-unreadable` for what is empty, too large or not UTF-8; `config-syntax` for what is no YAML.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let unreadable = |message: String| Error::config(Code::ConfigUnreadable, "lakekey.yml", message);
    if bytes.len() > MAX_DOCUMENT {
        return Err(unreadable(format!("the configuration is larger than {} KiB", MAX_DOCUMENT / 1024)));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        unreadable(format!("the configuration is not UTF-8 (byte {})", error.valid_up_to()))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Err(unreadable("the configuration is empty".to_owned()));
    }
    let value = yaml::read(text).map_err(|flaw| {
        Error::config(
            Code::ConfigSyntax,
            "lakekey.yml",
            format!("line {}, column {}: {}", flaw.line, flaw.column, flaw.words),
        )
    })?;
    if !value.is_object() {
        return Err(Error::config(
            Code::ConfigSyntax,
            "lakekey.yml",
            "the configuration is not a mapping of keys",
        ));
    }
    Ok(value)
}
