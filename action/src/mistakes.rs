//! What is wrong with a configuration, for people: each mistake with its line, a caret and what to write.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use lakekey_core::{Checked, Code, Error, Position, conceal, harmless, may_hold_a_secret};

use crate::layout::wrapped;
use crate::report_text::explained_at;
use crate::style::{Look, Tone};

/// The widest line of a configuration that is shown whole, in characters: JSON may stand in one.
const WIDEST: usize = 400;

/// Holds a configuration that was read, for messages that show a part of it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it was read from, as the command line has it.
    pub path: String,
    lines: Vec<String>,
}

impl Source {
    /// Keeps the text of a configuration; what a check has found says where a secret stands in it.
    #[must_use]
    pub fn new(path: &str, bytes: &[u8], checked: &Checked) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let hidden = |number: usize| -> Vec<(usize, usize)> {
            let literal = checked.mistakes.iter().filter(|error| match error.code() {
                Code::ConfigLiteralSecret => true,
                Code::ConfigInvalidValue => error.key().is_some_and(may_hold_a_secret),
                _ => false,
            });
            let here = literal.filter_map(Error::position).filter(|at| at.line == number + 1);
            // A text of several lines goes on to the end of its line at least.
            here.map(|at| (at.column, if at.width > 1 { at.width } else { usize::MAX })).collect()
        };
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| conceal(line, &hidden(number), checked.complete))
            .collect();
        Self { path: harmless(path), lines }
    }
}

/// Renders one mistake.
#[must_use]
pub fn mistake(source: &Source, error: &Error, look: Look) -> String {
    frame(source, error, Level::ERROR, Tone::Bad, look)
}

/// Renders what may be meant.
#[must_use]
pub fn warning(source: &Source, error: &Error, look: Look) -> String {
    frame(source, error, Level::WARNING, Tone::Soon, look)
}

fn frame(source: &Source, error: &Error, level: Level<'static>, tone: Tone, look: Look) -> String {
    let title = format!("{} at {}: {}", error.code(), error.step(), title(error));
    let page = explained_at(error.code().as_str());
    // What is missing of the whole is missing from its beginning on.
    let at = error.position().unwrap_or(Position { line: 1, column: 1, width: 1 });
    let shown = source.lines.get(at.line.saturating_sub(1)).map(|line| (at, line));
    let place = shown.map(|(at, line)| excerpt(line, at));
    let mut group = Group::with_title(level.primary_title(title));
    if let (Some((at, _)), Some((line, range))) = (shown, &place) {
        group = group.element(
            Snippet::source(line.as_str())
                .line_start(at.line)
                .path(source.path.as_str())
                .annotation(AnnotationKind::Primary.span(range.clone())),
        );
    }
    if place.is_none() {
        group = group.element(Origin::path(source.path.as_str()));
    }
    // What the code says in general, the message says better.
    if error.hint() != error.code().hint() || is_general(error.code()) {
        group = group.element(Level::HELP.with_name("what to do").message(broken(error.hint(), 18, look)));
    }
    format!("{}\n  = see {page}", render(group, tone, look))
}

/// Returns true for codes whose general hint says more than their messages.
fn is_general(code: Code) -> bool {
    !matches!(
        code,
        Code::ConfigInvalidValue | Code::ConfigMissingKey | Code::ConfigSyntax | Code::ConfigUnknownKey
    )
}

/// Says what is wrong: the key and the words, without what the frame shows beside.
fn title(error: &Error) -> String {
    let message = error.message();
    if let Some((_, words)) = message.split_once(": ").filter(|(place, _)| place.starts_with("line ")) {
        return words.to_owned();
    }
    match error.key() {
        Some(key) if key != "lakekey.yml" && !message.starts_with(key) => {
            format!("{}: {message}", harmless(key))
        }
        _ => message.to_owned(),
    }
}

fn render(group: Group<'_>, tone: Tone, look: Look) -> String {
    let renderer = Renderer::plain().decor_style(DecorStyle::Ascii).term_width(look.width.min(140));
    let drawn = renderer.render(&[group]);
    // Colour stands in the first line alone.
    match drawn.split_once('\n') {
        Some((first, rest)) => format!("{}\n{rest}", look.paint(tone, first)),
        None => look.paint(tone, &drawn),
    }
}

/// Breaks a text at a terminal; what continues it is moved to the right.
fn broken(text: &str, indent: usize, look: Look) -> String {
    let width = look.width.min(120).saturating_sub(indent);
    if look.is_terminal { wrapped(text, 0, width) } else { text.to_owned() }
}

/// Returns a line, or what of a long one is around the place, and the bytes of the place within it.
fn excerpt(line: &str, at: Position) -> (String, std::ops::Range<usize>) {
    let chars: Vec<char> = line.chars().collect();
    let column = (at.column - 1).min(chars.len());
    let from = if chars.len() > WIDEST { column.saturating_sub(WIDEST / 4) } else { 0 };
    let to = (from + WIDEST).min(chars.len());
    let bytes = |from: usize, to: usize| chars[from..to].iter().map(|c| c.len_utf8()).sum::<usize>();
    let start = bytes(from, column);
    let end = start + bytes(column, (column + at.width).min(to).max(column));
    (chars[from..to].iter().collect(), start..end.max(start))
}
