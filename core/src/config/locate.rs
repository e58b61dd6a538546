//! Where in the text of a configuration a key stands, for the message that names it.

use granit_parser::{Event, Marker, Span};

use super::walk::Walk;
use crate::model::{Code, Error, Position};

/// Returns an error with the place in the text of the key that it names, or of what encloses it.
#[must_use]
pub fn located(error: Error, bytes: &[u8]) -> Error {
    if error.position().is_some() {
        return error;
    }
    let found = error.key().zip(text_of(bytes)).and_then(|(key, text)| {
        let of_key = matches!(error.code(), Code::ConfigUnknownKey);
        find(text, key, of_key)
    });
    let other = error.other().zip(text_of(bytes)).and_then(|(key, text)| find(text, key, false));
    let error = match other {
        Some(other) => {
            error.adding(&format!("the first stands in line {}, column {}", other.line, other.column))
        }
        None => error,
    };
    match found {
        Some(position) => error.with_position(position),
        None => error,
    }
}

/// Returns the text of a configuration as the reader sees it.
pub(super) fn text_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Returns where a path stands: its value, or its key; else the nearest thing around it.
fn find(text: &str, path: &str, of_key: bool) -> Option<Position> {
    let parts = parts(path);
    let own = follow(text, &parts, of_key);
    // What a target takes over stands in `defaults`.
    let inherited = match &parts[..] {
        [Part::Key("targets"), Part::Index(_), rest @ ..] if !rest.is_empty() => {
            let with: Vec<Part<'_>> =
                std::iter::once(Part::Key("defaults")).chain(rest.iter().copied()).collect();
            follow(text, &with, of_key).filter(|(depth, _)| *depth == with.len())
        }
        _ => None,
    };
    let missing = own.as_ref().is_none_or(|(depth, _)| *depth < parts.len());
    inherited.filter(|_| missing).or(own).map(|(_, position)| position)
}

/// Is a step of a path.
#[derive(Clone, Copy, PartialEq)]
enum Part<'p> {
    Key(&'p str),
    Index(usize),
}

/// Takes a path such as `targets[0].token.lifetime` apart.
fn parts(path: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for piece in path.split('.') {
        let mut rest = piece.split('[');
        parts.extend(rest.next().filter(|key| !key.is_empty()).map(Part::Key));
        parts.extend(rest.filter_map(|index| Some(Part::Index(index.strip_suffix(']')?.parse().ok()?))));
    }
    parts
}

/// Follows a path as far as it goes; returns how far, and where that is.
fn follow(text: &str, parts: &[Part<'_>], of_key: bool) -> Option<(usize, Position)> {
    let mut walk = Walk::new(text);
    let mut event = walk.begin()?.0;
    let mut best: Option<(usize, Position)> = None;
    for (depth, part) in parts.iter().enumerate() {
        let Some((found, next)) = step(&mut walk, &event, *part) else { return best };
        let span = next.1;
        event = next.0;
        let is_scalar = matches!(event, Event::Scalar(..));
        let last = depth + 1 == parts.len();
        // A key stands for what is written below it; an item of a list begins where its first key does.
        let shown = match found {
            Some(key) if !is_scalar || (last && of_key) => key,
            _ => span,
        };
        best = Some((depth + 1, position(&shown)));
    }
    best
}

fn position(span: &Span) -> Position {
    let width = if span.start.line() == span.end.line() {
        span.end.col().saturating_sub(span.start.col())
    } else {
        1
    };
    at(&span.start, width)
}

/// Makes a position; lines and columns begin at 1.
pub(super) fn at(mark: &Marker, width: usize) -> Position {
    Position { line: mark.line(), column: mark.col() + 1, width: width.max(1) }
}

/// What a step leads to: the key, if it is one, and the value.
type Step<'t> = (Option<Span>, (Event<'t>, Span));

/// Goes from a value to one within it.
fn step<'t>(walk: &mut Walk<'t>, event: &Event<'t>, part: Part<'_>) -> Option<Step<'t>> {
    match (event, part) {
        (Event::MappingStart(..), Part::Key(wanted)) => loop {
            let (key, span) = walk.key()??;
            let value = walk.next()?;
            if key == wanted {
                return Some((Some(span), value));
            }
            walk.skip(&value.0)?;
        },
        (Event::SequenceStart(..), Part::Index(wanted)) => {
            for _ in 0..wanted {
                let (event, _) = walk.next().filter(|(event, _)| !matches!(event, Event::SequenceEnd))?;
                walk.skip(&event)?;
            }
            let item = walk.next().filter(|(event, _)| !matches!(event, Event::SequenceEnd))?;
            Some((None, item))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    const TEXT: &str = "version: 1\ndefaults:\n  token: {lifetime: 90d}\ntargets:\n  - name: a\n    \
                        token:\n      overlap: 1d\n  - {name: \"b c\", deliver: [{type: x}, {type: yy}]}\n";

    fn found(path: &str, of_key: bool) -> String {
        let found = find(TEXT, path, of_key).map(|at| (at.line, at.column, at.width));
        found.map_or_else(|| "-".to_owned(), |(line, column, width)| format!("{line}:{column}+{width}"))
    }

    #[test]
    fn a_path_is_found_where_it_stands_and_else_what_is_around_it() {
        for (path, value, key) in [
            ("version", "1:10+1", "1:1+7"),
            ("targets[0].name", "5:11+1", "5:5+4"),
            ("targets[0].token.overlap", "7:16+2", "7:7+7"),
            ("targets[0].token.lifetime", "3:21+3", "3:11+8"),
            ("targets[0].token", "6:5+5", "6:5+5"),
            ("targets[0].workspace", "5:5+1", "5:5+1"),
            ("targets[1].name", "8:12+5", "8:6+4"),
            ("targets[1].deliver[1].type", "8:47+2", "8:41+4"),
            ("targets[1].deliver[2]", "8:19+7", "8:19+7"),
            ("targets[7].name", "4:1+7", "4:1+7"),
            ("surprise", "-", "-"),
        ] {
            assert_eq!(found(path, false), value, "{path}");
            assert_eq!(found(path, true), key, "{path}");
        }
    }
}
