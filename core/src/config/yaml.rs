//! YAML to a JSON value, by the core schema of YAML 1.2.
//!
//! Anchors, aliases and the merge key `<<` are understood, since fleets share what their targets have in
//! common. Tags but `!!str` are refused. A number is what JSON calls one, or hexadecimal or octal; anything
//! else is text, so that an identifier such as `007` stays what it is.
//!
//! <https://yaml.org/spec/1.2.2/#103-core-schema>

use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use crate::model::{Code, Error, Position};

/// How deep a document may be nested.
const DEPTH: usize = 32;

/// How many values a document may have with its aliases written out; a few lines could make billions.
const VALUES: usize = 200_000;

/// How many bytes of text the aliases of a document may repeat: one long text can be repeated often too.
const REPEATED: usize = 8 * 1024 * 1024;

/// Says what is wrong, and where; lines and columns begin at 1. The words quote nothing of the document,
/// which may hold a secret at the wrong place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) words: Cow<'static, str>,
    /// Where the other one stands, of two that are the same.
    pub(super) first: Option<usize>,
}

impl Flaw {
    fn at(mark: &Marker, words: impl Into<Cow<'static, str>>) -> Self {
        Self { line: mark.line(), column: mark.col() + 1, words: words.into(), first: None }
    }

    /// Makes a configuration error of it.
    pub(super) fn error(&self) -> Error {
        let Self { line, column, words, first } = self;
        let first = first.map(|line| format!("; the first is in line {line}")).unwrap_or_default();
        Error::config(
            Code::ConfigSyntax,
            "lakekey.yml",
            format!("line {line}, column {column}: {words}{first}"),
        )
        .with_position(Position { line: *line, column: *column, width: 1 })
    }
}

/// Says in plain words why a text is no YAML, by what people do wrong most often; where nothing of that fits,
/// what the parser stumbled over is named by its place.
fn diagnose(text: &str, mark: &Marker) -> Flaw {
    let lines: Vec<&str> = text.lines().collect();
    let line_of =
        |number: usize| number.checked_sub(1).and_then(|at| lines.get(at)).copied().unwrap_or_default();
    let at = |line: usize, column: usize, words: Cow<'static, str>| Flaw { line, column, words, first: None };
    let near = [mark.line(), mark.line().saturating_sub(1)];
    for number in near {
        let line = line_of(number);
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some(column) = indent.find('\t') {
            return at(number, column + 1, "a tab may not indent a line of YAML; use blanks".into());
        }
        if let Some(column) = line.find("${{") {
            let words = "`${{ … }}` is expanded in a workflow only: map it into `env` there, and write {env: NAME} here";
            return at(number, line[..column].chars().count() + 1, words.into());
        }
    }
    for number in near {
        let line = line_of(number);
        let key = line.trim_start_matches([' ', '-']);
        let name = key.len()
            - key.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_').len();
        let rest = &key[name..];
        if name > 0
            && rest.starts_with(':')
            && rest[1..].starts_with(|c: char| !c.is_whitespace() && c != '/')
        {
            let column = line.len() - key.len() + name + 1;
            // A name of letters is no secret.
            let name = &key[..name];
            let told = name.len() <= 24 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            let name = if told { format!("`{name}:`") } else { "this colon".to_owned() };
            return at(number, column, format!("a blank is missing after {name}").into());
        }
    }
    match open_quote(text) {
        Some((line, column)) => at(line, column, "the quote that opens here is never closed".into()),
        None => Flaw::at(mark, "this is not valid YAML"),
    }
}

/// Finds a quote that begins a value and has no end.
fn open_quote(text: &str) -> Option<(usize, usize)> {
    let mut open: Option<(char, usize, usize)> = None;
    for (number, line) in text.lines().enumerate() {
        let mut before = ' ';
        for (column, c) in line.chars().enumerate() {
            match open {
                Some((quote, ..)) if c == quote && before != '\\' => open = None,
                Some(_) => {}
                None if c == '#' && before.is_whitespace() => break,
                None if matches!(c, '"' | '\'') && matches!(before, ' ' | '[' | '{' | ',' | ':') => {
                    open = Some((c, number + 1, column + 1));
                }
                None => {}
            }
            before = c;
        }
    }
    open.map(|(_, line, column)| (line, column))
}

/// Reads the one document that a text holds.
pub(super) fn read(text: &str) -> Result<Value, Flaw> {
    let mut reader =
        Reader { text, parser: Parser::new_from_str(text), anchors: HashMap::new(), values: 0, repeated: 0 };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(document.unwrap_or_default()),
            _ if document.is_some() => return Err(Flaw::at(&span.start, "there is more than one document")),
            event => document = Some(reader.node(event, &span, 0)?),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Value>,
    values: usize,
    repeated: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Flaw> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(diagnose(self.text, error.marker())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: &Span, depth: usize) -> Result<Value, Flaw> {
        let flaw = |words| Err(Flaw::at(&span.start, words));
        if depth > DEPTH {
            return flaw("this is nested too deeply");
        }
        self.values += 1;
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let Some(value) = self.anchors.get(&anchor) else {
                    return flaw("this alias stands inside its own anchor");
                };
                self.values += size(value);
                self.repeated += bytes(value);
                if self.values > VALUES || self.repeated > REPEATED {
                    return flaw("with its aliases written out the document is too large");
                }
                (value.clone(), 0)
            }
            Event::Scalar(text, style, anchor, tag) => match scalar(&text, style, tag.as_deref()) {
                Some(value) => (value, anchor),
                None => return flaw("tags are not understood"),
            },
            Event::SequenceStart(_, _, Some(_)) | Event::MappingStart(_, _, Some(_)) => {
                return flaw("tags are not understood");
            }
            Event::SequenceStart(_, anchor, None) => (self.sequence(depth)?, anchor),
            Event::MappingStart(_, anchor, None) => (self.mapping(depth)?, anchor),
            _ => return flaw("a value was expected"),
        };
        if self.values > VALUES {
            return flaw("with its aliases written out the document is too large");
        }
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Flaw> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Flaw> {
        let mut map = Map::new();
        let mut lines = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let (key, style) = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, style, 0, None) => (text, style),
                _ => return Err(Flaw::at(&span.start, "a key is a plain text")),
            };
            let (event, of_value) = self.next()?;
            let value = self.node(event, &of_value, depth + 1)?;
            if key == "<<" && style == ScalarStyle::Plain {
                merged.extend(maps(value).ok_or_else(|| {
                    Flaw::at(&of_value.start, "a mapping, or a list of mappings, is merged")
                })?);
            } else if let Some(first) = lines.insert(key.clone(), span.start.line()) {
                let flaw = Flaw::at(&span.start, "this key stands here for the second time");
                return Err(Flaw { first: Some(first), ..flaw });
            } else {
                map.insert(key.into_owned(), value);
            }
        }
        // What is written here wins over what is merged, and what is merged first over what follows.
        for (key, value) in merged.into_iter().flatten() {
            map.entry(key).or_insert(value);
        }
        Ok(Value::Object(map))
    }
}

/// Returns the mappings that a merge key brings.
fn maps(value: Value) -> Option<Vec<Map<String, Value>>> {
    let of = |value| match value {
        Value::Object(map) => Some(map),
        _ => None,
    };
    match value {
        Value::Array(values) => values.into_iter().map(of).collect(),
        value => Some(vec![of(value)?]),
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Value::Object(map) => map.values().map(|item| 1 + size(item)).sum(),
        _ => 0,
    }
}

/// Counts the bytes of all texts of a value, keys included.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(map) => map.iter().map(|(key, item)| key.len() + bytes(item)).sum(),
        _ => 0,
    }
}

/// Returns nothing for a tag that has no meaning here.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Option<Value> {
    let string = || Value::String(text.to_owned());
    match tag {
        None if style == ScalarStyle::Plain => Some(plain(text).unwrap_or_else(string)),
        None => Some(string()),
        Some(tag) => (tag.core_suffix() == Some("str")).then(string),
    }
}

fn plain(text: &str) -> Option<Value> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "true" | "True" | "TRUE" => return Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Value::Bool(false)),
        _ => {}
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().map(Value::from);
        }
    }
    serde_json::from_str::<Number>(text.strip_prefix('+').unwrap_or(text)).ok().map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(text: &str) -> String {
        let flaw = read(text).unwrap_err();
        format!("{}:{}: {}", flaw.line, flaw.column, flaw.words)
    }

    #[test]
    fn scalars_follow_the_core_schema_and_what_json_calls_no_number_is_text() {
        let read = read(
            "[~, '~', true, 'true', yes, 12, -3, +4, 1.5, 0x10, 0o17, 007, 1., .5, 2026-01-01, 12:30, '', \
             !!str 12]",
        )
        .unwrap();
        assert_eq!(
            read,
            json!([
                null,
                "~",
                true,
                "true",
                "yes",
                12,
                -3,
                4,
                1.5,
                16,
                15,
                "007",
                "1.",
                ".5",
                "2026-01-01",
                "12:30",
                "",
                "12"
            ])
        );
    }

    #[test]
    fn json_is_read_as_what_it_is() {
        let document =
            json!({"a": [1, 2.5, null, true, {"b": "c: d # e"}], "f": "line\nbreak \u{e9}\u{1f600}\"\\"});
        assert_eq!(read(&document.to_string()).unwrap(), document);
        assert_eq!(read(&serde_json::to_string_pretty(&document).unwrap()).unwrap(), document);
    }

    #[test]
    fn an_alias_repeats_its_anchor_and_a_merge_never_replaces_what_is_written() {
        let text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\none:\n  <<: *base\n  b: \
                    9\nboth:\n  <<: [*base, *other]\nsame: *base\n";
        let value = read(text).unwrap();
        assert_eq!(value["one"], json!({"a": 1, "b": 9}));
        assert_eq!(value["both"], json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(value["same"], value["base"]);
        assert_eq!(words("a:\n  <<: 1\n"), "2:7: a mapping, or a list of mappings, is merged");
    }

    #[test]
    fn a_few_lines_of_aliases_do_not_become_billions_of_values() {
        let mut text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned();
        for level in 1..12 {
            let before = level - 1;
            text += &format!(
                "a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, \
                 *a{before}, *a{before}]\n"
            );
        }
        assert!(words(&text).contains("too large"));
        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(100));
        assert!(words(&long).contains("too large"), "one long text, repeated");
        let key = format!("a: &a {{{}: 1}}\nb: [{}]\n", "k".repeat(900), "*a, ".repeat(20_000));
        assert!(words(&key).contains("too large"), "a long key, repeated");
        assert!(words(&format!("{}{}", "[".repeat(60), "]".repeat(60))).contains("nested too deeply"));
        assert!(words(&format!("{}x", "- ".repeat(60))).contains("nested too deeply"));
    }

    #[test]
    fn a_flaw_says_where_it_stands_and_quotes_nothing() {
        assert_eq!(words("a: 1\nb: 2\na: hunter2\n"), "3:1: this key stands here for the second time");
        assert_eq!(words("a: 1\n--- \nb: hunter2\n"), "3:1: there is more than one document");
        assert_eq!(words("a: !secret hunter2\n"), "1:12: tags are not understood");
        assert_eq!(words("a: &x {b: *x}\n"), "1:11: this alias stands inside its own anchor");
        assert_eq!(words("a: *nobody\n"), "1:4: this is not valid YAML");
        assert_eq!(words("{[1]: 2}\n"), "1:2: a key is a plain text");
        assert_eq!(words("a: [1, 2\n"), "1:4: this is not valid YAML");
    }
}
