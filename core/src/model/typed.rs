//! A JSON value to a type, with the path of what does not fit.
//!
//! Everything that is decoded, the configuration and each service's replies, goes through this one
//! deserializer: each further one would compile every type once more, and the module that is loaded in
//! JavaScript would be twice as large.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IntoDeserializer as _,
    MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::nearest;

/// Says what does not fit, and where. It quotes nothing of the value, which may be a secret at the wrong
/// place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misfit {
    path: String,
    pub(crate) kind: Kind,
}

/// Names what is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A mapping has a key that its type does not have; these are the known ones.
    Unknown(&'static [&'static str]),
    /// A mapping lacks a key.
    Missing,
    /// A secret stands where a reference to one belongs.
    LiteralSecret,
    /// The value is of another kind, or outside of what its type takes; this was expected.
    Expected(String),
    /// What a type says of itself.
    Said(String),
}

/// The name of the type that refers to a secret, by which a text in its place is told from other mistakes.
pub(crate) const SECRET_REFERENCE: &str = "SecretRef";

impl Misfit {
    fn new(kind: Kind) -> Self {
        Self { path: String::new(), kind }
    }

    /// Returns the path, such as `value[3].id`; empty where the whole does not fit.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    #[cold]
    #[inline(never)]
    fn within(mut self, part: &str) -> Self {
        let mut path = part.to_owned();
        if !self.path.is_empty() {
            join(&mut path, &self.path);
        }
        self.path = path;
        self
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unknown(_) => f.write_str("unknown key"),
            Kind::Missing => f.write_str("this key is needed"),
            Kind::LiteralSecret => f.write_str("a secret must not stand here"),
            Kind::Expected(what) => write!(f, "expected {what}"),
            Kind::Said(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::Said(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Expected(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::Expected(expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(Kind::Expected(expected.to_string()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let meant = nearest(variant, expected).map(|word| format!("; did you mean `{word}`?"));
        Self::new(Kind::Expected(format!("one of {}{}", expected.join(", "), meant.unwrap_or_default())))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self { path: field.to_owned(), kind: Kind::Unknown(expected) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { path: field.to_owned(), kind: Kind::Missing }
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self {
            path: field.to_owned(),
            kind: Kind::Said("this key stands here for the second time".to_owned()),
        }
    }
}

/// Puts a key, or an index in brackets, at the end of a path.
pub(crate) fn join(path: &mut String, part: &str) {
    if !path.is_empty() && !part.starts_with('[') {
        path.push('.');
    }
    path.push_str(part);
}

/// Decodes a value.
///
/// # Errors
/// What does not fit, and where.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Misfit> {
    T::deserialize(Typed(value))
}

/// Reads a whole number of 64 bits. Services write one as a number or, since JavaScript cannot hold each, as
/// a decimal string, and some as 1.7e12; a person may put one between quotation marks.
pub(crate) fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Number(number) => {
            let exact = number.as_u64().map(i128::from).or_else(|| number.as_i64().map(i128::from));
            exact.or_else(|| {
                let near = number.as_f64().filter(|near| near.fract() == 0.0 && near.abs() < 9e15)?;
                near.to_string().parse().ok()
            })
        }
        Value::String(text) => text.trim().parse().ok().filter(|_| !text.trim().starts_with('+')),
        _ => None,
    }
}

struct Typed(Value);

impl Typed {
    /// Says why a value in the place of a section or of a reference is none; once for all types.
    #[cold]
    #[inline(never)]
    fn is_no_section(&self, name: &'static str, keys: &'static [&'static str]) -> Option<Misfit> {
        if self.0.is_object() {
            return None;
        }
        if name == SECRET_REFERENCE {
            return Some(Misfit::new(self.0.as_str().and_then(expression).unwrap_or(Kind::LiteralSecret)));
        }
        (!keys.is_empty()).then(|| {
            let listed = keys.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            Misfit::new(Kind::Expected(format!("a section with keys such as {listed}")))
        })
    }

    /// Says that the value is of another kind than the visitor takes.
    fn misfit(&self, visitor: &dyn Expected) -> Misfit {
        Misfit::new(Kind::Expected(visitor.to_string()))
    }
}

/// Reads further types as another one is read.
macro_rules! as_is_done_for {
    ($same:ident: $($type:ident)+) => {
        $(fn $type<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            self.$same(visitor)
        })+
    };
}

/// Each kind is asked for by name, so that a type is compiled for the one kind of value that it is read from.
impl<'de> Deserializer<'de> for Typed {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(_) => self.deserialize_f64(visitor),
            Value::String(value) => visitor.visit_string(value),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let exact = whole(&self.0);
        match (exact.and_then(|n| u64::try_from(n).ok()), exact.and_then(|n| i64::try_from(n).ok()), &self.0)
        {
            (Some(value), _, _) => visitor.visit_u64(value),
            (_, Some(value), _) => visitor.visit_i64(value),
            (_, _, Value::Number(number)) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(value) => visitor.visit_string(value),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.into_iter(), index: 0 }),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::Object(map) => {
                visitor.visit_map(Entries { entries: map.into_iter(), current: Default::default() })
            }
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        keys: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if let Some(misfit) = self.is_no_section(name, keys) {
            return Err(misfit);
        }
        let read = self.deserialize_map(visitor);
        if name == SECRET_REFERENCE { read.map_err(no_reference) } else { read }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Name(name)),
            _ => Err(self.misfit(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    as_is_done_for! { deserialize_string: deserialize_str }
    as_is_done_for! {
        deserialize_f64: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_f32
    }
    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct identifier i128 u128
    }
}

/// Says of a reference to a secret that it is none.
#[cold]
#[inline(never)]
fn no_reference(misfit: Misfit) -> Misfit {
    match misfit.kind {
        // A key that is not known may be the secret itself, as in `{s3cr3t}`.
        Kind::Unknown(_) => Misfit::new(Kind::Said("a secret is either {env: NAME} or {file: PATH}".into())),
        _ => misfit,
    }
}

/// Says what an expression of a CI system or a shell is that stands where a reference to a secret belongs: no
/// secret, and nothing that is expanded here.
fn expression(text: &str) -> Option<Kind> {
    let text = text.trim();
    let said = |words: &str| Some(Kind::Said(words.to_owned()));
    if text.starts_with("${{") && text.ends_with("}}") {
        return said(
            "`${{ … }}` is expanded in a workflow only: map it into `env` there, and write {env: NAME} here",
        );
    }
    let name = text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
    let name = name.or_else(|| text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')));
    let name = name.or_else(|| text.strip_prefix('$')).unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b == b'.');
    if is_name {
        said("a variable is not expanded here: write {env: NAME}, and map it into `env` where lakekey runs")
    } else {
        None
    }
}

struct Items {
    items: std::vec::IntoIter<Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Typed(item)).map(Some).map_err(|misfit| misfit.within(&format!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries {
    entries: <Map<String, Value> as IntoIterator>::IntoIter,
    current: (String, Value),
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Misfit;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Misfit> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        self.current = entry;
        let key: StrDeserializer<'_, Misfit> = self.current.0.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Misfit> {
        let value = self.current.1.take();
        seed.deserialize(Typed(value)).map_err(|misfit| misfit.within(&self.current.0))
    }
}

/// The name of a variant; none that is read holds anything.
struct Name(String);

impl<'de> EnumAccess<'de> for Name {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Misfit> {
        let name: StrDeserializer<'_, Misfit> = self.0.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Name {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, Misfit> {
        Err(Misfit::custom("a name alone was expected"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::custom("a name alone was expected"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::custom("a name alone was expected"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_whole_number_is_a_number_or_a_decimal_text() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!("7"), Some(7)),
            (json!(" 7 "), Some(7)),
            (json!(-1), Some(-1)),
            (json!("-1"), Some(-1)),
            (json!("18446744073709551615"), Some(i128::from(u64::MAX))),
            (json!(1.795e12), Some(1_795_000_000_000)),
            (json!(1.5), None),
            (json!("1e3"), None),
            (json!("0x7"), None),
            (json!("+7"), None),
            (json!(""), None),
            (json!(null), None),
            (json!(true), None),
        ] {
            assert_eq!(whole(&value), expected, "{value}");
        }
    }

    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Colour {
        Green,
        DarkRed,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapped(u8);

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Item {
        id: Wrapped,
        colour: Option<Colour>,
        #[serde(default)]
        shares: BTreeMap<String, Vec<f64>>,
    }

    fn path(value: Value) -> String {
        from_value::<Vec<Item>>(value).unwrap_err().path().to_owned()
    }

    #[test]
    fn every_kind_of_value_becomes_its_type() {
        let items: Vec<Item> = from_value(json!([
            {"id": 1, "colour": "dark-red", "shares": {"a": [1, -1, 2.5]}},
            {"id": 2, "colour": null},
        ]))
        .unwrap();
        assert_eq!(items[0].colour, Some(Colour::DarkRed));
        assert_eq!(items[0].shares["a"], [1.0, -1.0, 2.5]);
        assert_eq!(items[1], Item { id: Wrapped(2), colour: None, shares: BTreeMap::new() });
    }

    #[test]
    fn a_misfit_says_where_it_stands() {
        assert_eq!(path(json!({})), "");
        assert_eq!(path(json!([{"id": 1}, {"id": 300}])), "[1].id");
        assert_eq!(path(json!([{"id": 1, "shares": {"a": [1, "two"]}}])), "[0].shares.a[1]");
        assert_eq!(path(json!([{"id": 1, "colour": "blue"}])), "[0].colour");
        assert_eq!(path(json!([{"id": 1, "colour": 1}])), "[0].colour");
        assert_eq!(path(json!([{"id": 1, "colour": {"green": 1}}])), "[0].colour");
    }

    #[test]
    fn what_is_wrong_is_carried_beside_where_it_is() {
        let misfit = |value| from_value::<Item>(value).unwrap_err();
        let unknown = misfit(json!({"id": 1, "size": 2}));
        assert_eq!(unknown.path(), "size");
        assert_eq!(unknown.kind, Kind::Unknown(&["id", "colour", "shares"]));
        let missing = misfit(json!({}));
        assert_eq!((missing.path(), &missing.kind), ("id", &Kind::Missing));
        let wrong = misfit(json!({"id": "hunter2"}));
        assert_eq!((wrong.path(), wrong.to_string().as_str()), ("id", "expected u8"));
        let colour = misfit(json!({"id": 1, "colour": "hunter2"}));
        assert_eq!(colour.kind, Kind::Expected("one of green, dark-red".to_owned()));
    }

    #[test]
    fn a_text_in_the_place_of_a_reference_to_a_secret_is_told_from_other_mistakes() {
        #[derive(Debug, Deserialize)]
        #[serde(rename = "SecretRef")]
        #[allow(dead_code, reason = "it is never made")]
        struct Reference {
            env: String,
        }
        let misfit = from_value::<Vec<Reference>>(json!([{"env": "A"}, "hunter2"])).unwrap_err();
        assert_eq!((misfit.path(), &misfit.kind), ("[1]", &Kind::LiteralSecret));
    }
}
