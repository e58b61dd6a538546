//! What provisioning has learnt, written into the document as its author has written it: nothing else of the
//! text changes, comments included.

use granit_parser::{Event, Marker};

use super::walk::Walk;
use crate::model::{Code, Error};

/// Returns the document with the application id of a target's principal, which it names by its
/// `display-name`.
///
/// # Errors
/// `config-syntax` where it cannot be read; `config-invalid-value` where the place for the id is not in the
/// target itself, such as where it is merged from elsewhere.
pub fn with_client_id(text: &str, target: &str, client_id: &str) -> Result<String, Error> {
    let elsewhere = || {
        let words = "the target's principal is written in a way that is not edited; write client-id by hand";
        Error::invalid(&format!("targets.{target}.principal"), words)
    };
    let mut search = Search { walk: Walk::new(text), text };
    let places = search
        .document()
        .ok_or_else(|| Error::config(Code::ConfigSyntax, "document", "this is neither YAML nor JSON"))?;
    let mut found = places.into_iter().filter(|place| place.name.as_deref() == Some(target));
    let at = found.next().and_then(|place| place.at).ok_or_else(elsewhere)?;
    let Some(before) = text.get(..at.offset) else { return Err(elsewhere()) };
    let line = before.rsplit('\n').next().unwrap_or_default();
    // A key that begins its line is followed by the next one on a line of its own.
    let (alone, indent) = (line.trim().is_empty(), line);
    let quoted = text[at.offset..].starts_with('"');
    let entry =
        if quoted { format!("\"client-id\": \"{client_id}\"") } else { format!("client-id: {client_id}") };
    let (comma, end) = match (at.flow, alone) {
        (true, false) => (",", " ".to_owned()),
        (true, true) => (",", format!("\n{indent}")),
        (false, _) => ("", format!("\n{indent}")),
    };
    Ok(format!("{before}{entry}{comma}{end}{}", &text[at.offset..]))
}

/// Is where a key stands.
#[derive(Clone, Copy)]
struct At {
    offset: usize,
    /// Whether its mapping is written in braces.
    flow: bool,
}

/// Holds what is found of a target.
#[derive(Default)]
struct Place {
    name: Option<String>,
    /// Where the principal's `display-name` stands, unless a `client-id` stands there too.
    at: Option<At>,
}

struct Search<'t> {
    walk: Walk<'t>,
    text: &'t str,
}

impl Search<'_> {
    fn document(&mut self) -> Option<Vec<Place>> {
        if !matches!(self.walk.begin()?.0, Event::MappingStart(..)) {
            return None;
        }
        let mut places = Vec::new();
        while let Some(key) = self.walk.key()? {
            match (key.0.as_str(), self.walk.next()?) {
                ("targets", (Event::SequenceStart(..), _)) => places = self.targets()?,
                (_, (event, _)) => self.walk.skip(&event)?,
            }
        }
        Some(places)
    }

    fn targets(&mut self) -> Option<Vec<Place>> {
        let mut places = Vec::new();
        loop {
            match self.walk.next()?.0 {
                Event::SequenceEnd => return Some(places),
                Event::MappingStart(..) => places.push(self.target()?),
                event => {
                    self.walk.skip(&event)?;
                    places.push(Place::default());
                }
            }
        }
    }

    fn target(&mut self) -> Option<Place> {
        let mut place = Place::default();
        while let Some(key) = self.walk.key()? {
            match (key.0.as_str(), self.walk.next()?) {
                ("name", (Event::Scalar(text, ..), _)) => place.name = Some(text.into_owned()),
                ("principal", (Event::MappingStart(..), span)) => {
                    let flow = self.text[self.offset(&span.start)?..].starts_with('{');
                    place.at = self.principal(flow)?;
                }
                (_, (event, _)) => self.walk.skip(&event)?,
            }
        }
        Some(place)
    }

    fn principal(&mut self, flow: bool) -> Option<Option<At>> {
        let (mut at, mut known) = (None, false);
        while let Some((key, span)) = self.walk.key()? {
            known |= key == "client-id";
            if key == "display-name" {
                at = Some(At { offset: self.offset(&span.start)?, flow });
            }
            let event = self.walk.next()?.0;
            self.walk.skip(&event)?;
        }
        Some(at.filter(|_| !known))
    }

    /// Returns at which byte a mark stands.
    fn offset(&self, mark: &Marker) -> Option<usize> {
        let start: usize = self.text.split_inclusive('\n').take(mark.line() - 1).map(str::len).sum();
        let column: usize = self.text[start..].chars().take(mark.col()).map(char::len_utf8).sum();
        (start + column <= self.text.len()).then_some(start + column)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const ID: &str = "11111111-1111-1111-1111-111111111111";

    #[test]
    fn the_id_is_written_beside_the_name_and_nothing_else_changes() {
        for (before, after) in [
            (
                "version: 1\ntargets: # all\n  - name: a\n    principal:\n      display-name: ä # the name\n      kind: entra\n",
                "version: 1\ntargets: # all\n  - name: a\n    principal:\n      client-id: ID\n      display-name: ä # the name\n      kind: entra\n",
            ),
            (
                "targets:\n  - {name: x}\n  - name: a\n    principal: {kind: entra, display-name: a}\n",
                "targets:\n  - {name: x}\n  - name: a\n    principal: {kind: entra, client-id: ID, display-name: a}\n",
            ),
            (
                "{\"targets\": [{\"principal\": {\"display-name\": \"a\"}, \"name\": \"a\"}]}",
                "{\"targets\": [{\"principal\": {\"client-id\": \"ID\", \"display-name\": \"a\"}, \"name\": \"a\"}]}",
            ),
            (
                "{\"targets\": [{\n  \"name\": \"a\",\n  \"principal\": {\n    \"display-name\": \"a\"\n  }}]}",
                "{\"targets\": [{\n  \"name\": \"a\",\n  \"principal\": {\n    \"client-id\": \"ID\",\n    \"display-name\": \"a\"\n  }}]}",
            ),
        ] {
            assert_eq!(with_client_id(before, "a", ID).unwrap(), after.replace("ID", ID), "{before}");
        }
    }

    #[test]
    fn what_is_written_elsewhere_is_left_to_its_author() {
        for text in [
            "p: &p {display-name: a}\ntargets:\n  - {name: a, principal: *p}\n",
            "targets:\n  - name: a\n    principal: {display-name: a, client-id: b}\n",
            "targets:\n  - name: b\n    principal: {display-name: a}\n",
            "targets: [",
            "",
        ] {
            assert!(with_client_id(text, "a", ID).is_err(), "{text}");
        }
    }
}
