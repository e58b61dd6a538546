//! Every mistake of a configuration at once, offline.
//!
//! The reader that all commands use stops at the first mistake. Here each is noted and taken out of the
//! document, or replaced by what was meant, and the rest is read again: so that nothing is a mistake here
//! that is none in a run, and the words are the same.

use serde_json::{Value, json};

use super::checks::{self, Facts};
use super::command::Command;
use super::resolve::{Config, Target};
use crate::auth::environment_sign_in;
use crate::config::{located, parse, read_as};
use crate::host::Environment;
use crate::model::{Code, Error, Step};

/// How many mistakes are looked for: who has more corrects these first.
const MOST: usize = 100;

/// Says what is checked beside the document itself.
#[derive(Debug, Clone, Copy)]
pub struct CheckRequest {
    /// Whether what is referred to must be there: variables, files, a way to sign in. If not, what is missing
    /// is a warning.
    pub secrets: bool,
    /// Whether the host signs in to GitHub by itself.
    pub signs_in_to_github: bool,
}

/// Holds what a check has found, in the order of the document.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What must be corrected.
    pub mistakes: Vec<Error>,
    /// What may be meant.
    pub warnings: Vec<Error>,
    /// What is read as something else than it is written: the path of the key, and the words.
    pub notes: Vec<(String, String)>,
    /// Whether the whole document was looked at. If not, a secret may stand in it that no mistake names.
    pub complete: bool,
}

/// Checks a configuration, YAML or JSON, and everything that it refers to. Nothing is sent.
#[must_use]
pub fn check(bytes: &[u8], environment: &dyn Environment, request: CheckRequest) -> Checked {
    let mut value = match parse(bytes) {
        Ok(value) => value,
        Err(error) => return Checked { mistakes: vec![located(error, bytes)], ..Checked::default() },
    };
    let mut checked = Checked { notes: read_as(&value), ..Checked::default() };
    let mut repairs = Repairs::default();
    let config = loop {
        let error = match Config::from_value(value.clone(), environment) {
            Ok(config) => break Some(config),
            Err(error) => error,
        };
        checked.note(repairs.original(error.clone()), bytes, &repairs, false);
        if checked.mistakes.len() >= MOST || !repairs.repair(&mut value, &error) {
            break None;
        }
    };
    checked.complete = config.is_some();
    for target in config.iter().flat_map(Config::targets) {
        for error in missing(target, environment, request) {
            let absent = matches!(error.code(), Code::ConfigMissingSecret | Code::SignInNotConfigured);
            checked.note(repairs.original(error), bytes, &repairs, absent && !request.secrets);
        }
        for error in only_to_provision(target, environment) {
            checked.note(repairs.original(error), bytes, &repairs, true);
        }
    }
    for error in config.iter().flat_map(|config| config.notices.lacking(&config.endpoints, environment)) {
        let absent = error.code() == Code::ConfigMissingSecret && !request.secrets;
        checked.note(repairs.original(error), bytes, &repairs, absent);
    }
    let wrong = |key: &str| checked.mistakes.iter().any(|error| error.key() == Some(key));
    checked.notes.retain(|(key, _)| !wrong(key));
    checked.mistakes.sort_by_key(Error::position);
    checked.warnings.sort_by_key(Error::position);
    checked
}

impl Checked {
    /// Returns it as one report, as `check --json` prints it.
    #[must_use]
    pub fn report(&self) -> Value {
        let notes: Vec<Value> =
            self.notes.iter().map(|(key, words)| json!({"key": key, "message": words})).collect();
        json!({
            "version": 1, "command": "check", "targets": [], "error": self.mistakes.first(),
            "mistakes": self.mistakes, "warnings": self.warnings, "notes": notes,
        })
    }

    /// Notes an error, unless it comes of a repair or is known.
    fn note(&mut self, error: Error, bytes: &[u8], repairs: &Repairs, is_warning: bool) {
        let error = located(error, bytes);
        let known = |other: &Error| other.key() == error.key() && other.message() == error.message();
        if repairs.explain(&error) || self.mistakes.iter().chain(&self.warnings).any(known) {
            return;
        }
        if is_warning { self.warnings.push(error) } else { self.mistakes.push(error) }
    }
}

/// Returns what a rotation would lack.
fn missing(target: &Target, environment: &dyn Environment, request: CheckRequest) -> Vec<Error> {
    let mut found = checks::lacking(target, &Command::Rotate { force: false }, environment);
    if let Err(error) = environment_sign_in(&target.subject, environment) {
        let key = format!("{}.auth", target.subject.path);
        found.push(error.with_key(key).with_hint(
            "add `auth: {type: azure-client-secret, client-secret: {env: NAME}}`, or another type; `lakekey \
             schema` lists them",
        ));
    }
    let places = target.credentials.iter().flat_map(|credentials| &credentials.deliver);
    for place in places.filter(|place| place.lacks_a_sign_in() && !request.signs_in_to_github) {
        let words = format!("no `github` says how to sign in for {}", place.label());
        found
            .push(Error::new(Code::GithubNotConfigured, Step::SignInSink, words).with_key("github").with_hint(
            "add `github: {type: app, app-id: ID, private-key: {env: NAME}}`, or `{type: token, token: {env: \
             NAME}}`",
        ));
    }
    found
}

/// Returns what provisioning alone would lack.
fn only_to_provision(target: &Target, environment: &dyn Environment) -> Vec<Error> {
    let facts = Facts { target, environment, workspace: None, directory: None };
    checks::lacking(target, &Command::Provision, environment)
        .into_iter()
        .chain(checks::broken(&facts))
        .collect()
}

/// Remembers what was done to the document so that the rest of it can be read.
#[derive(Default)]
struct Repairs {
    /// The paths, as written, of what was taken out.
    removed: Vec<String>,
    /// New paths, each with the one that was written.
    renamed: Vec<(String, String)>,
    /// Lists of which an item was taken out, with its index among those that were left.
    shifted: Vec<(String, usize)>,
    /// The paths at which something stands in for what is missing.
    stood_in: Vec<String>,
}

impl Repairs {
    /// Returns the error with the path as it was written.
    fn original(&self, error: Error) -> Error {
        match error.key().map(|key| self.as_written(key)) {
            Some(key) if Some(key.as_str()) != error.key() => error.with_key(key),
            _ => error,
        }
    }

    fn as_written(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for (list, index) in self.shifted.iter().rev() {
            let Some(rest) = path.strip_prefix(&format!("{list}[")) else { continue };
            let Some((number, rest)) = rest.split_once(']') else { continue };
            if let Some(number) = number.parse::<usize>().ok().filter(|number| number >= index) {
                path = format!("{list}[{}]{rest}", number + 1);
            }
        }
        for (new, old) in self.renamed.iter().rev() {
            if let Some(rest) = path.strip_prefix(new.as_str()).filter(|rest| begins_a_step(rest)) {
                path = format!("{old}{rest}");
            }
        }
        path
    }

    /// Returns true for an error that comes of a repair: about something that was taken out, something within
    /// it, or a key that is missing because its only content was taken out.
    fn explain(&self, error: &Error) -> bool {
        let Some(key) = error.key() else { return false };
        let within = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(begins_a_step);
        self.removed.iter().any(|removed| {
            within(key, removed) || error.code() == Code::ConfigMissingKey && within(removed, key)
        }) && error.code() != Code::ConfigUnknownKey
    }

    /// Makes the document readable where the error says that it is not; returns false where that is beyond
    /// it.
    fn repair(&mut self, value: &mut Value, error: &Error) -> bool {
        let Some(mut path) = error.key().map(str::to_owned) else { return false };
        // What a target takes over is repaired where it stands.
        if at(value, &path).is_none()
            && let Some((_, rest)) = path.strip_prefix("targets[").and_then(|rest| rest.split_once("]."))
            && at(value, &format!("defaults.{rest}")).is_some()
        {
            path = format!("defaults.{rest}");
        }
        let Some((parent, last)) = split(&path) else { return self.remove(value, &path) };
        if let Some(meant) = error.meant() {
            if last == "type" {
                return replace(value, &path, json!(meant));
            }
            if let Some(map) = at(value, parent).and_then(Value::as_object_mut)
                && !map.contains_key(meant)
                && let Some(content) = map.remove(last)
            {
                map.insert(meant.to_owned(), content);
                let new = if parent.is_empty() { meant.to_owned() } else { format!("{parent}.{meant}") };
                self.renamed.push((new, path));
                return true;
            }
        }
        if at(value, &path).is_some() && last != "type" {
            return self.remove(value, &path);
        }
        let stand_in = match last {
            "version" => json!(1),
            "workspace" => json!("http://127.0.0.1:9"),
            "name" => json!(format!("stand-in-{}", self.removed.len())),
            _ if parent.is_empty() => return false,
            // Whatever else is wrong beside it is found too.
            _ if !self.stood_in.contains(&path) && parent.ends_with(']') && parent.contains("deliver[") => {
                self.stood_in.push(path.clone());
                match last {
                    "repository" => json!("stand/in"),
                    "group" => json!(1),
                    "run" => json!(["stand-in"]),
                    _ => json!(format!("StandIn{}", self.stood_in.len())),
                }
            }
            // A place or a sign-in that lacks what makes it one.
            _ => return self.remove(value, parent),
        };
        self.removed.push(self.as_written(&path));
        set(value, parent, last, stand_in)
    }

    /// Takes what stands at a path out of the document.
    fn remove(&mut self, value: &mut Value, path: &str) -> bool {
        let written = self.as_written(path);
        if let Some((list, index)) = item(path) {
            let Some(items) = at(value, list).and_then(Value::as_array_mut) else { return false };
            if index >= items.len() || list == "targets" && items.len() == 1 {
                return false;
            }
            items.remove(index);
            // A target without a name is named by its first place.
            if let Some((target, _)) = list.split_once(".deliver")
                && at(value, &format!("{target}.name")).is_none()
            {
                set(value, target, "name", json!(format!("stand-in-{}", self.removed.len())));
            }
            self.shifted.push((list.to_owned(), index));
            self.removed.push(written);
            return true;
        }
        let Some((parent, last)) = split(path) else { return false };
        let Some(map) = at(value, parent).and_then(Value::as_object_mut) else { return false };
        if map.remove(last).is_none() {
            return false;
        }
        match last {
            "version" => map.insert(last.to_owned(), json!(1)),
            "workspace" => map.insert(last.to_owned(), json!("http://127.0.0.1:9")),
            // The longest, so that what is compared with it is not a mistake by that.
            "lifetime" => map.insert(last.to_owned(), json!("730d")),
            "targets" if parent.is_empty() => return false,
            _ => None,
        };
        self.removed.push(written);
        true
    }
}

/// Returns true where a path goes on with another step, or ends.
fn begins_a_step(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['.', '['])
}

/// Takes the last key off a path; the rest is empty for a key of the document itself. Nothing for an item.
fn split(path: &str) -> Option<(&str, &str)> {
    match path.rsplit_once('.') {
        _ if path.ends_with(']') => None,
        Some(parts) => Some(parts),
        None => Some(("", path)),
    }
}

/// Takes the index off the path of an item.
fn item(path: &str) -> Option<(&str, usize)> {
    let (list, index) = path.strip_suffix(']')?.rsplit_once('[')?;
    Some((list, index.parse().ok()?))
}

/// Returns what stands at a path.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let pointer: String =
        path.replace('[', ".").replace(']', "").split('.').map(|part| format!("/{part}")).collect();
    if path.is_empty() { Some(value) } else { value.pointer_mut(&pointer) }
}

fn set(value: &mut Value, parent: &str, key: &str, content: Value) -> bool {
    let map = at(value, parent).and_then(Value::as_object_mut);
    map.map(|map| map.insert(key.to_owned(), content)).is_some()
}

fn replace(value: &mut Value, path: &str, content: Value) -> bool {
    at(value, path).is_some_and(|found| std::mem::replace(found, content.clone()) != content)
}
