//! How output looks: colours where a person sees them, and the width that there is.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;

/// Says where colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Colours {
    /// At a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// The narrowest that anything is laid out for, in columns.
const NARROWEST: usize = 60;

/// The width where nobody says one.
const USUAL: usize = 100;

/// Says how one stream is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours are used.
    pub colour: bool,
    /// How many columns there are; more than anybody needs where no terminal limits them.
    pub width: usize,
    /// Whether a person sees it at a terminal.
    pub is_terminal: bool,
}

/// Names what a text is, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Done, or as it should be.
    Good,
    /// Asks for attention soon.
    Soon,
    /// Failed, or late.
    Bad,
    /// Less important than the rest.
    Faint,
    /// A heading or a name.
    Strong,
}

impl Look {
    /// Returns the look of a log or a file.
    #[must_use]
    pub const fn plain() -> Self {
        Self { colour: false, width: usize::MAX, is_terminal: false }
    }

    /// Returns the look of a stream, as the command line and the environment have it.
    ///
    /// <https://no-color.org>, <https://bixense.com/clicolors>
    #[must_use]
    pub fn of(is_terminal: bool, colours: Colours, variable: impl Fn(&str) -> Option<String>) -> Self {
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let colour = match colours {
            Colours::Always => true,
            Colours::Never => false,
            Colours::Auto if variable("NO_COLOR").is_some() => false,
            Colours::Auto if variable("CLICOLOR_FORCE").is_some_and(|force| force != "0") => true,
            Colours::Auto => is_terminal && !dumb,
        };
        let told = variable("COLUMNS").and_then(|columns| columns.trim().parse::<usize>().ok());
        let measured = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = match told.filter(|columns| *columns > 0) {
            Some(columns) => columns.max(NARROWEST),
            None if is_terminal => measured().unwrap_or(USUAL).max(NARROWEST),
            None => usize::MAX,
        };
        Self { colour, width, is_terminal }
    }

    /// Gives a text the colour of its tone.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let style = style(tone);
        format!("{style}{text}{style:#}")
    }
}

const fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Soon => AnsiColor::Yellow.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Faint => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(is_terminal: bool, colours: Colours, variables: &[(&str, &str)]) -> Look {
        Look::of(is_terminal, colours, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn colours_follow_the_option_then_the_environment_then_the_terminal() {
        for (is_terminal, colours, variables, expected) in [
            (true, Colours::Auto, &[][..], true),
            (false, Colours::Auto, &[], false),
            (true, Colours::Auto, &[("NO_COLOR", "1")], false),
            (true, Colours::Auto, &[("TERM", "dumb")], false),
            (false, Colours::Auto, &[("CLICOLOR_FORCE", "1")], true),
            (false, Colours::Auto, &[("CLICOLOR_FORCE", "0")], false),
            (false, Colours::Auto, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (false, Colours::Always, &[("NO_COLOR", "1")], true),
            (true, Colours::Never, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            assert_eq!(look(is_terminal, colours, variables).colour, expected, "{colours:?} {variables:?}");
        }
    }

    #[test]
    fn a_width_that_is_told_counts_and_a_log_has_none() {
        assert_eq!(look(false, Colours::Auto, &[("COLUMNS", "80")]).width, 80);
        assert_eq!(look(false, Colours::Auto, &[("COLUMNS", "20")]).width, NARROWEST);
        assert_eq!(look(false, Colours::Auto, &[("COLUMNS", "wide")]).width, usize::MAX);
    }

    #[test]
    fn a_text_without_colours_is_the_text() {
        assert_eq!(Look::plain().paint(Tone::Bad, "late"), "late");
        let coloured = Look { colour: true, ..Look::plain() }.paint(Tone::Bad, "late");
        assert_eq!(coloured, "\u{1b}[1m\u{1b}[31mlate\u{1b}[0m");
    }
}
