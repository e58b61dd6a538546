//! A walk over a document as it is written, for who wants to know where something stands.

use granit_parser::{Event, Parser, Span, StrInput};

/// Goes through the events of a document.
pub(super) struct Walk<'t>(Parser<'t, StrInput<'t>>);

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self(Parser::new_from_str(text))
    }

    /// Returns the next event; nothing at the end, and where the text is no YAML.
    pub(super) fn next(&mut self) -> Option<(Event<'t>, Span)> {
        self.0.next_event()?.ok()
    }

    /// Goes to the value of the document.
    pub(super) fn begin(&mut self) -> Option<(Event<'t>, Span)> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                found => return Some(found),
            }
        }
    }

    /// Reads the next key of a mapping; `None` within where it has ended.
    pub(super) fn key(&mut self) -> Option<Option<(String, Span)>> {
        match self.next()? {
            (Event::MappingEnd, _) => Some(None),
            (Event::Scalar(text, ..), span) => Some(Some((text.into_owned(), span))),
            _ => None,
        }
    }

    /// Reads past the rest of a value.
    pub(super) fn skip(&mut self, event: &Event<'_>) -> Option<()> {
        let mut depth = i32::from(matches!(event, Event::SequenceStart(..) | Event::MappingStart(..)));
        while depth > 0 {
            match self.next()?.0 {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }
}
