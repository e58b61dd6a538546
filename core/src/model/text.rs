//! Text that somebody else has written, before it is shown: a service's words, names and ids.
//!
//! A terminal obeys control characters, a reader is led astray by marks that turn the direction of a line,
//! and the runners of GitHub and Azure DevOps obey `::name::` at the beginning of a line and `##[name]` and
//! `##vso[name]` anywhere in it. Here, and nowhere else, such text becomes harmless.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>,
//! <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>,
//! <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>

use serde::{Deserialize as _, Deserializer, de::Error as _};

/// How much of what a service has said is kept, in characters.
const SAID: usize = 300;

/// The longest id, in characters.
const LONGEST_ID: usize = 128;

/// Keeps the first line of a text in a harmless form, and a bounded length of it, so that a message can
/// neither forge another line of a log nor fill it.
pub(crate) fn one_line(text: &str) -> String {
    let first = text.trim().lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    harmless(first).chars().take(SAID).collect()
}

/// Makes one line of a text, in which nothing acts on what shows it: control characters and line ends become
/// blanks, what is not seen and turns or hides text is left out, and no runner finds a command.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut line: String = text
        .chars()
        .filter(|c| !is_unseen(*c))
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .collect();
    while line.contains("##") {
        line = line.replace("##", "# #");
    }
    match line.trim().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => line.trim().to_owned(),
    }
}

/// Makes a line harmless and keeps every character at its column.
pub(crate) fn harmless_in_place(line: &str) -> String {
    let mut before = ' ';
    let plain = |c: char| {
        let shown = match c {
            '#' if before == '#' => ' ',
            c if c.is_control() || is_unseen(c) || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            c => c,
        };
        before = shown;
        shown
    };
    line.chars().map(plain).collect()
}

/// Returns true for characters that are not seen and change what is: they turn the direction of a text, join
/// or hide parts of it.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns true for what an id of a service may consist of: 1 to 128 letters, digits, `-` and `_`.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Decodes an id. Ids become parts of paths and stand in reports, so that anything else is no id.
///
/// # Errors
/// What an id consists of.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_id(&text) { Ok(text) } else { Err(D::Error::custom("an id of letters, digits, - and _")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_made_harmless_with_its_columns_kept() {
        assert_eq!(harmless_in_place("  ##vso[x] \u{1b}[2J\u{202e}a\t##"), "  # vso[x]  [2J a # ");
    }

    #[test]
    fn what_a_service_says_is_one_bounded_line() {
        assert_eq!(one_line("first\u{7} line\nsecond"), "first  line");
        assert_eq!(one_line("\r\n \n  then\r\nmore"), "then");
        assert_eq!(one_line(&"x".repeat(5_000)).len(), SAID);
    }

    #[test]
    fn no_character_that_turns_or_hides_text_is_left() {
        for c in
            ['\u{202e}', '\u{2066}', '\u{200f}', '\u{200b}', '\u{feff}', '\u{ad}', '\u{e0041}', '\u{61c}']
        {
            assert_eq!(harmless(&format!("a{c}b")), "ab", "{c:?}");
        }
        for c in ['\u{1b}', '\u{9b}', '\u{7f}', '\r', '\n', '\u{85}', '\u{2028}', '\0'] {
            assert_eq!(harmless(&format!("a{c}b")), "a b", "{c:?}");
        }
        assert_eq!(harmless("Zoë, 日本, 🔑: a::b #1"), "Zoë, 日本, 🔑: a::b #1");
    }

    #[test]
    fn no_runner_finds_a_command() {
        for text in [
            "::add-mask::x",
            "  ::error::x",
            "\u{200b}::error::x",
            "a ##[error]x",
            "##vso[task.setvariable]x",
            "#\u{200b}#VSO[a]b",
            "###[a]",
            "####[a]",
            ":\u{ad}:error::x",
            "\u{1b}::error::x",
        ] {
            let line = harmless(text);
            assert!(!line.trim_start().starts_with("::") && !line.contains("##"), "{line:?}");
        }
    }

    #[test]
    fn an_id_never_leads_to_another_path() {
        for text in ["", ".", "..", "a/b", "a%2fb", "a b", "a?b", "a#b", "é", "a\\b", &"x".repeat(129)] {
            assert!(!is_id(text), "{text:?}");
        }
        for text in ["7", "a_B-9", &"f".repeat(64), &"x".repeat(128)] {
            assert!(is_id(text), "{text:?}");
        }
    }
}
