//! Tables for people, as wide as their terminal.

use unicode_width::UnicodeWidthStr as _;

use crate::style::{Look, Tone};

/// Holds a cell: what it says, shortly and in full.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    short: Option<String>,
    tone: Option<Tone>,
}

impl Cell {
    /// Makes a cell.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Says what stands in it where there is not enough room.
    #[must_use]
    pub fn or_shortly(mut self, short: impl Into<String>) -> Self {
        self.short = Some(short.into());
        self
    }

    /// Gives it a tone.
    #[must_use]
    pub fn in_tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    /// Returns true where it says nothing.
    fn is_empty(&self) -> bool {
        self.text.is_empty() || self.text == "-"
    }

    fn text(&self, shortly: bool) -> &str {
        self.short.as_deref().filter(|_| shortly).unwrap_or(&self.text)
    }
}

/// Describes a column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub title: &'static str,
    /// Which go first where there is not enough room: those with the highest number; those with 0 stay.
    pub rank: u8,
}

/// What stands between two columns.
const GAP: usize = 2;

/// Lays rows out: in full; else with short cells; else without the columns that matter least; else each row
/// as lines of its own.
#[must_use]
pub fn table(columns: &[Column], rows: &[Vec<Cell>], look: Look) -> String {
    let filled: Vec<usize> = (0..columns.len())
        .filter(|at| rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty())))
        .collect();
    let mut kept = filled;
    let mut shortly = false;
    loop {
        let widths = widths(columns, rows, &kept, shortly);
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        if total <= look.width {
            return side_by_side(columns, rows, &kept, &widths, shortly, look);
        }
        if !shortly {
            shortly = true;
            continue;
        }
        match kept.iter().copied().filter(|at| columns[*at].rank > 0).max_by_key(|at| columns[*at].rank) {
            Some(least) => kept.retain(|at| *at != least),
            None => return stacked(columns, rows, look),
        }
    }
}

fn widths(columns: &[Column], rows: &[Vec<Cell>], kept: &[usize], shortly: bool) -> Vec<usize> {
    let cells =
        |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(|cell| cell.text(shortly).width());
    kept.iter().map(|at| cells(*at).max().unwrap_or(0).max(columns[*at].title.width())).collect()
}

fn side_by_side(
    columns: &[Column],
    rows: &[Vec<Cell>],
    kept: &[usize],
    widths: &[usize],
    shortly: bool,
    look: Look,
) -> String {
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = (String, Option<Tone>)>| {
        let mut drawn = String::new();
        let mut behind = 0;
        for ((cell, tone), width) in cells.zip(widths) {
            drawn.push_str(&" ".repeat(behind));
            drawn.push_str(&tone.map_or_else(|| cell.clone(), |tone| look.paint(tone, &cell)));
            behind = width.saturating_sub(cell.width()) + GAP;
        }
        text.push_str(drawn.trim_end());
        text.push('\n');
    };
    line(&mut kept.iter().map(|at| (columns[*at].title.to_owned(), Some(Tone::Faint))));
    for row in rows {
        line(&mut kept.iter().map(|at| {
            row.get(*at).map_or_else(Default::default, |cell| (cell.text(shortly).to_owned(), cell.tone))
        }));
    }
    text
}

/// Writes each row as lines of title and cell; the first cell is its heading.
fn stacked(columns: &[Column], rows: &[Vec<Cell>], look: Look) -> String {
    let mut text = String::new();
    for row in rows {
        let mut cells = columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        if let Some((_, cell)) = cells.next() {
            text.push_str(&look.paint(Tone::Strong, &cell.text));
            text.push('\n');
        }
        for (column, cell) in cells {
            let title = look.paint(Tone::Faint, &column.title.to_lowercase());
            let shown = cell.tone.map_or_else(|| cell.text.clone(), |tone| look.paint(tone, &cell.text));
            text.push_str(&format!("  {title} {shown}\n"));
        }
    }
    text
}

/// Breaks a text into lines of that width, at blanks; the lines after the first are indented.
#[must_use]
pub fn wrapped(text: &str, indent: usize, width: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        if !line.is_empty() && line.width() + 1 + word.width() > room {
            lines.push(word.to_owned());
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { title: "TARGET", rank: 0 },
        Column { title: "STATE", rank: 0 },
        Column { title: "DUE", rank: 1 },
    ];

    fn rows() -> Vec<Vec<Cell>> {
        let due = |text: &str, short: &str| Cell::new(text).or_shortly(short);
        vec![
            vec![Cell::new("catalog"), Cell::new("ok"), due("2027-01-01 (in 59 d)", "in 59 d")],
            vec![Cell::new("bär"), Cell::new("overdue"), due("2026-11-01 (3 d ago)", "3 d ago")],
        ]
    }

    fn at(width: usize) -> String {
        table(&COLUMNS, &rows(), Look { width, ..Look::plain() })
    }

    #[test]
    fn a_table_says_all_where_there_is_room_and_the_most_where_there_is_not() {
        assert_eq!(
            at(usize::MAX),
            "TARGET   STATE    DUE\ncatalog  ok       2027-01-01 (in 59 d)\nbär      overdue  2026-11-01 (3 d ago)\n"
        );
        assert_eq!(at(30), "TARGET   STATE    DUE\ncatalog  ok       in 59 d\nbär      overdue  3 d ago\n");
        assert_eq!(at(20), "TARGET   STATE\ncatalog  ok\nbär      overdue\n");
        assert_eq!(
            at(10),
            "catalog\n  state ok\n  due 2027-01-01 (in 59 d)\nbär\n  state overdue\n  due 2026-11-01 (3 d ago)\n"
        );
    }

    #[test]
    fn colours_take_no_room() {
        let look = Look { colour: true, width: 30, is_terminal: true };
        let rows = vec![vec![Cell::new("a").in_tone(Tone::Bad), Cell::new("b")]];
        assert_eq!(
            table(&COLUMNS, &rows, look),
            "\u{1b}[2mTARGET\u{1b}[0m  \u{1b}[2mSTATE\u{1b}[0m\n\u{1b}[1m\u{1b}[31ma\u{1b}[0m       b\n"
        );
    }

    #[test]
    fn a_text_is_broken_at_blanks_and_a_word_stays_whole() {
        assert_eq!(wrapped("one two three four five six", 2, 22), "one two three four\n  five six");
        assert_eq!(wrapped(&"x".repeat(40), 2, 22), "x".repeat(40));
    }
}
