//! Workflow commands: lines of a log that the runner acts on, and the escaping without which anybody could
//! write one.
//!
//! <https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands>

use lakekey_core::harmless;

/// Escapes the message of a command.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
#[must_use]
pub fn escape_property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

/// Makes a line of a log out of text from elsewhere: one line, and nothing in it that a runner would act on.
#[must_use]
pub fn neutral(text: &str) -> String {
    let indent: String = text.chars().take_while(|c| *c == ' ').collect();
    indent + &harmless(text)
}

/// Makes an annotation: `error`, `warning` or `notice`.
#[must_use]
pub fn annotation(level: &str, title: &str, message: &str) -> String {
    format!("::{level} title={}::{}", escape_property(title), escape(message))
}

/// Has the runner replace a line wherever it is printed from now on.
#[must_use]
pub fn mask(line: &str) -> String {
    format!("::add-mask::{}", escape(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_begin_a_line_of_its_own() {
        assert_eq!(
            annotation("error", "a:b,c", "100%\r\n::set-output::x"),
            "::error title=a%3Ab%2Cc::100%25%0D%0A::set-output::x"
        );
    }

    #[test]
    fn text_from_elsewhere_is_never_a_command() {
        for text in ["::add-mask::x", "  ::error::x", "##[error]x", "a\n::error::x", "\t::stop-commands::x"] {
            let line = neutral(text);
            assert!(!line.trim_start().starts_with("::"), "{line:?}");
            assert!(!line.contains("##["), "{line:?}");
            assert!(!line.contains('\n'), "{line:?}");
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(neutral("a::b is fine, 100%"), "a::b is fine, 100%");
    }

    #[test]
    fn a_mask_survives_percent_signs() {
        assert_eq!(mask("50%25"), "::add-mask::50%2525");
    }
}
