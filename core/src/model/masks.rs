//! Secrets taken out of text, in every form in which they may be repeated.

use std::cell::RefCell;
use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::secret::Secret;

/// What stands where a secret stood.
const MASK: &str = "***";

/// The shortest text that is masked, in bytes: shorter ones are words that any sentence holds.
const SHORTEST: usize = 6;

/// What RFC 3986 leaves as it is.
///
/// <https://www.rfc-editor.org/rfc/rfc3986#section-2.3>
pub(crate) const UNRESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Is one text that is masked.
struct Form {
    text: Zeroizing<String>,
    /// Whether it is a line of a secret as it is.
    is_line: bool,
}

/// Replaces every secret that it has heard of: its lines, and each of them percent-encoded, form-encoded, as
/// JSON writes it, and in Base64, alone or behind a user's name. Texts of fewer than six bytes are left
/// alone. What it remembers is wiped when it goes.
///
/// A fleet has thousands of secrets and a report of megabytes, so that the forms are found by their
/// beginning.
#[derive(Default)]
pub struct Masks(RefCell<HashMap<[u8; SHORTEST], Vec<Form>>>);

impl Masks {
    /// Remembers a secret; returns its lines that are new.
    pub fn add(&self, secret: &Secret) -> Vec<Zeroizing<String>> {
        let text = secret.expose("the list of what is masked");
        let mut new = Vec::new();
        for line in text.lines().map(str::trim) {
            if self.remember(line, true) {
                new.push(Zeroizing::new(line.to_owned()));
                for form in forms(line) {
                    self.remember(&form, false);
                }
            }
        }
        // What goes into one form or one box is the whole, line ends included.
        if text.trim().contains('\n') && !new.is_empty() {
            for form in forms(text) {
                self.remember(&form, false);
            }
        }
        new
    }

    /// Remembers one form; returns true where it is new and long enough.
    fn remember(&self, text: &str, is_line: bool) -> bool {
        let Some(start) = text.as_bytes().first_chunk::<SHORTEST>() else { return false };
        let mut all = self.0.borrow_mut();
        let alike = all.entry(*start).or_default();
        match alike.iter_mut().find(|known| known.text.as_str() == text) {
            Some(known) => is_line && !std::mem::replace(&mut known.is_line, true),
            None => {
                alike.push(Form { text: Zeroizing::new(text.to_owned()), is_line });
                true
            }
        }
    }

    /// Returns the text with every secret replaced; where two overlap, both are replaced whole.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let all = self.0.borrow();
        let mut masked = String::new();
        // Where what was shown last ends, and where what is masked now ends.
        let (mut shown, mut end) = (0, 0);
        for (at, start) in text.as_bytes().windows(SHORTEST).enumerate() {
            let Some(alike) = <&[u8; SHORTEST]>::try_from(start).ok().and_then(|start| all.get(start)) else {
                continue;
            };
            let found = alike.iter().filter(|form| text[at..].starts_with(form.text.as_str()));
            let Some(length) = found.map(|form| form.text.len()).max() else { continue };
            if at >= end {
                masked.push_str(&text[shown..at]);
                masked.push_str(MASK);
            }
            end = end.max(at + length);
            shown = end;
        }
        masked.push_str(&text[shown..]);
        masked
    }
}

/// Returns the forms of a text in which others repeat it.
fn forms(text: &str) -> Vec<Zeroizing<String>> {
    let unreserved = utf8_percent_encode(text, &UNRESERVED).to_string();
    let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let json = serde_json::Value::from(text).to_string();
    let mut forms = vec![
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        lower_hex(&unreserved),
        lower_hex(&form),
        unreserved,
        form,
        json[1..json.len() - 1].to_owned(),
        STANDARD.encode(text),
        URL_SAFE_NO_PAD.encode(text),
    ];
    // What stays the same wherever it stands in a longer text: the bytes that share a group with their
    // neighbours are left out.
    for skipped in 0..3 {
        let rest = text.as_bytes().get(skipped..).unwrap_or_default();
        let whole = &rest[..rest.len() / 3 * 3];
        forms.extend([STANDARD.encode(whole), URL_SAFE_NO_PAD.encode(whole)]);
    }
    forms.into_iter().map(Zeroizing::new).collect()
}

/// Writes the digits of percent-encoded bytes in lower case.
fn lower_hex(text: &str) -> String {
    let mut digits = 0;
    text.chars()
        .map(|c| match (c, digits) {
            ('%', _) => {
                digits = 2;
                c
            }
            (_, 0) => c,
            _ => {
                digits -= 1;
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Masks {
        let masks = Masks::default();
        for value in values {
            masks.add(&Secret::new(*value));
        }
        masks
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_line_by_line() {
        let masks = of(&["first-line\nsecond-line"]);
        assert_eq!(masks.apply("it was second-line, and first-line"), "it was ***, and ***");
    }

    #[test]
    fn secrets_within_and_across_others_leave_nothing_of_them() {
        let masks = of(&["secret", "secret-and-more", "more-of-it"]);
        assert_eq!(masks.apply("a secret-and-more b"), "a *** b");
        assert_eq!(masks.apply("secret-and-more-of-it."), "***.");
        assert_eq!(masks.apply("secretsecret"), "******");
        assert_eq!(masks.apply("é secret é"), "é *** é");
    }

    #[test]
    fn every_form_in_which_a_value_may_be_repeated_is_masked() {
        let value = "dapi 8Q~x/y+z=\"&é-end";
        let masks = of(&[value]);
        let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let pair = |user: &str| STANDARD.encode(format!("{user}:{value}"));
        for text in [
            value.to_owned(),
            form.clone(),
            lower_hex(&form),
            lower_hex(&utf8_percent_encode(value, &UNRESERVED).to_string()),
            utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
            serde_json::json!({ "a": value }).to_string(),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            pair(""),
            pair("x"),
            pair("ab"),
        ] {
            let left = masks.apply(&text).replace(MASK, "");
            assert!(left.len() <= 12, "{left:?} is left of {text:?}");
        }
    }

    #[test]
    fn a_secret_is_new_once_and_a_short_word_never() {
        let masks = Masks::default();
        assert_eq!(masks.add(&Secret::new("dapi-value")).len(), 1);
        assert!(masks.add(&Secret::new("dapi-value")).is_empty());
        assert!(masks.add(&Secret::new("abcde")).is_empty(), "and no runner is told to mask it");
        assert_eq!(masks.apply("abcde"), "abcde");
        // A runner masks lines alone, so that it is told of one that is a form of another too.
        assert_eq!(masks.add(&Secret::new(STANDARD.encode("dapi-value"))).len(), 1);
    }
}
