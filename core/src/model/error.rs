//! The one error type: a stable code, the step, what the service said, and what to do.

use std::fmt;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::code::{Class, Code};
use super::step::Step;
use super::text::{harmless, one_line};

/// Says whether the same request may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Temporary {
    /// No: the same answer would come.
    #[default]
    No,
    /// Only where something was made moments ago that the service does not know everywhere yet.
    Propagation,
    /// Yes, after a wait.
    Yes,
}

/// Says where in the text of a configuration something stands: lines and columns in characters, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// How many characters of the line it takes.
    pub width: usize,
}

/// Reports why a step was not done: one line for people by `Display`, all of it by `Debug` and `Serialize`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: Code,
    step: Step,
    message: String,
    hint: Option<String>,
    meant: Option<&'static str>,
    key: Option<String>,
    other: Option<String>,
    position: Option<Position>,
    said: Option<String>,
    reason: Option<String>,
    status: Option<u16>,
    request_id: Option<String>,
    uncertain: bool,
    admitted: bool,
    temporary: Temporary,
    wait: Option<Duration>,
    source: Option<Error>,
}

impl Error {
    /// Makes an error; the message says what happened in one line and holds no credential.
    #[must_use]
    pub fn new(code: Code, step: Step, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            step,
            message: harmless(&message.into()),
            hint: None,
            meant: None,
            key: None,
            other: None,
            position: None,
            said: None,
            reason: None,
            status: None,
            request_id: None,
            uncertain: false,
            admitted: false,
            temporary: Temporary::No,
            wait: None,
            source: None,
        }))
    }

    /// Makes a configuration error that names the path of the key.
    #[must_use]
    pub fn config(code: Code, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(code, Step::Configure, message).with_key(key)
    }

    /// Makes the error of a value that is not of the form that its key needs.
    #[must_use]
    pub fn invalid(key: &str, message: impl Into<String>) -> Self {
        Self::config(Code::ConfigInvalidValue, key, message)
    }

    /// Says what to do, in place of the code's own words. Who is nearest to the cause says it first, and
    /// nothing that is more general replaces it later.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| harmless(&hint.into()));
        self
    }

    /// Says which known word was meant by one that is not known, as the hint.
    #[must_use]
    pub(crate) fn meaning(mut self, word: Option<&'static str>) -> Self {
        self.0.meant = word;
        match word {
            Some(word) => self.with_hint(format!("did you mean `{word}`?")),
            None => self,
        }
    }

    /// Adds a sentence to what happened, in the same line.
    #[must_use]
    pub fn adding(mut self, words: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(&harmless(words));
        self
    }

    /// Names the key of the configuration that is at fault.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.0.key = Some(key.into());
        self
    }

    /// Names the other key of two that do not go together.
    #[must_use]
    pub(crate) fn with_other(mut self, key: impl Into<String>) -> Self {
        self.0.other = Some(key.into());
        self
    }

    /// Says where in the text of the configuration it is.
    #[must_use]
    pub fn with_position(mut self, position: Position) -> Self {
        self.0.position = Some(position);
        self
    }

    /// Keeps what the service said, in its own words: one line, bounded.
    #[must_use]
    pub fn with_said(mut self, said: &str) -> Self {
        let line = one_line(said);
        self.0.said = (!line.is_empty()).then_some(line);
        self
    }

    /// Adds the service's own code for the refusal, such as `RESOURCE_DOES_NOT_EXIST` or the number of an
    /// AADSTS.
    #[must_use]
    pub fn with_reason(mut self, reason: Option<String>) -> Self {
        self.0.reason = reason.map(|reason| one_line(&reason));
        self
    }

    /// Adds the status that the service answered with.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Adds the id under which the service knows the request.
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id.map(|id| one_line(&id)).or(self.0.request_id);
        self
    }

    /// Says that the service may have done what was asked.
    #[must_use]
    pub fn with_uncertainty(mut self, uncertain: bool) -> Self {
        self.0.uncertain = uncertain;
        self
    }

    /// Says that the other side itself has answered that it failed, rather than not answered.
    #[must_use]
    pub fn with_admission(mut self, admitted: bool) -> Self {
        self.0.admitted = admitted;
        self
    }

    /// Says whether the same request may succeed later.
    #[must_use]
    pub fn with_temporary(mut self, temporary: Temporary) -> Self {
        self.0.temporary = temporary;
        self
    }

    /// Keeps how long the service asks to be left alone.
    #[must_use]
    pub fn with_wait(mut self, wait: Option<Duration>) -> Self {
        self.0.wait = wait;
        self
    }

    /// Keeps the error that this one comes from, and its request id where this one has none.
    #[must_use]
    pub fn because(mut self, source: &Self) -> Self {
        self.0.request_id = self.0.request_id.or_else(|| source.0.request_id.clone());
        self.0.source = Some(source.clone());
        self
    }

    /// Moves the error to another step, keeping all else.
    #[must_use]
    pub fn at(mut self, step: Step) -> Self {
        self.0.step = step;
        self
    }

    /// Replaces the code, keeping all else.
    #[must_use]
    pub fn coded(mut self, code: Code) -> Self {
        self.0.code = code;
        self
    }

    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns whose mistake it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.0.code.class()
    }

    /// Returns the step that was refused.
    #[must_use]
    pub fn step(&self) -> Step {
        self.0.step
    }

    /// Returns what happened, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns what to do.
    #[must_use]
    pub fn hint(&self) -> &str {
        self.0.hint.as_deref().unwrap_or(self.0.code.hint())
    }

    /// Returns the path of the configuration's key that is at fault.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Returns the other key of two that do not go together.
    pub(crate) fn other(&self) -> Option<&str> {
        self.0.other.as_deref()
    }

    /// Returns the known word that was meant by one that is not known.
    pub(crate) fn meant(&self) -> Option<&'static str> {
        self.0.meant
    }

    /// Returns where in the text of the configuration it is, if that is known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.0.position
    }

    /// Returns what the service said, in its own words.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        self.0.said.as_deref()
    }

    /// Returns the service's own code for the refusal.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Returns the status that the service answered with, if it answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the id under which the service knows the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns true where the service may have done what was asked although no answer said so.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        self.0.uncertain
    }

    /// Returns true where the other side itself has answered that it failed. That it did nothing is likely,
    /// and not certain.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        self.0.admitted
    }

    /// Returns whether the same request may succeed later.
    #[must_use]
    pub fn temporary(&self) -> Temporary {
        self.0.temporary
    }

    /// Returns how long the service asks to be left alone.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        self.0.wait
    }

    /// Returns the error that this one comes from.
    #[must_use]
    pub fn cause(&self) -> Option<&Self> {
        self.0.source.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.0.key {
            // It is the configuration's own text, which stays as it is for who looks it up.
            write!(f, "{}: ", harmless(key))?;
        }
        write!(f, "{} [{} at {}]", self.0.message, self.0.code, self.0.step)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

/// How an error stands in a report.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Shape {
    code: Code,
    step: Step,
    message: String,
    hint: String,
    class: Class,
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shape {
            code: self.0.code,
            step: self.0.step,
            message: self.0.message.clone(),
            hint: self.hint().to_owned(),
            class: self.class(),
            request_id: self.0.request_id.clone(),
            key: self.0.key.clone(),
            line: self.0.position.map(|at| at.line),
            column: self.0.position.map(|at| at.column),
            status: self.0.status,
            reason: self.0.reason.clone(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Error {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = Shape::deserialize(deserializer)?;
        if shape.class != shape.code.class() {
            return Err(D::Error::custom("the class of an error is that of its code"));
        }
        let mut error = Self::new(shape.code, shape.step, shape.message)
            .with_hint(shape.hint)
            .with_request_id(shape.request_id)
            .with_reason(shape.reason);
        error.0.key = shape.key;
        error.0.position =
            shape.line.zip(shape.column).map(|(line, column)| Position { line, column, width: 1 });
        error.0.status = shape.status;
        Ok(error)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_error_names_its_key_first() {
        let error = Error::config(Code::ConfigUnknownKey, "targets[0].tokn", "unknown key");
        assert_eq!(error.to_string(), "targets[0].tokn: unknown key [config-unknown-key at configure]");
    }

    #[test]
    fn the_hint_that_is_nearest_to_the_cause_stays() {
        let error = Error::new(Code::Refused, Step::Deliver, "no").with_hint("near").with_hint("far");
        assert_eq!(error.hint(), "near");
        assert_eq!(Error::new(Code::Refused, Step::Deliver, "no").hint(), Code::Refused.hint());
    }

    #[test]
    fn what_a_service_says_is_kept_in_one_bounded_line() {
        let error = Error::new(Code::Refused, Step::Deliver, "no").with_said("first\u{7} line\nsecond");
        assert_eq!(error.said(), Some("first  line"));
        let long = Error::new(Code::Refused, Step::Deliver, "no").with_said(&"x".repeat(5_000));
        assert_eq!(long.said().map(str::len), Some(300));
    }

    #[test]
    fn nothing_in_an_error_acts_on_what_shows_it() {
        let hostile = "\u{1b}[2J::error::a\u{202e}b\n##vso[x]c";
        let error = Error::new(Code::Refused, Step::Deliver, hostile)
            .with_said(hostile)
            .with_hint(hostile)
            .with_reason(Some(hostile.to_owned()))
            .with_request_id(Some(hostile.to_owned()))
            .adding(hostile);
        let keyed = error.clone().with_key(hostile);
        let text = format!("{keyed} {error:?} {}", serde_json::to_string(&error).unwrap());
        for part in ["\u{1b}", "\\u001b", "\u{202e}", "\\u{202e}", "\n", "\\n", "##"] {
            assert!(!text.contains(part), "{part:?} in {text}");
        }
    }

    #[test]
    fn an_error_is_read_again_as_it_was_written() {
        let error = Error::config(Code::ConfigMissingKey, "targets", "at least one is needed")
            .with_status(403)
            .with_request_id(Some("r-1".to_owned()));
        let text = serde_json::to_string(&error).unwrap();
        assert!(text.contains(r#""class":"configuration""#), "{text}");
        let read: Error = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn the_error_that_it_comes_from_is_kept() {
        let first =
            Error::new(Code::Refused, Step::VerifyToken, "no").with_request_id(Some("r-1".to_owned()));
        let error = Error::new(Code::VerificationFailed, Step::VerifyToken, "too late").because(&first);
        assert_eq!(error.cause(), Some(&first));
        assert_eq!(error.request_id(), Some("r-1"));
        assert!(std::error::Error::source(&error).is_some());
    }
}
