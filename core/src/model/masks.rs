//! Secrets taken out of text, in every form in which they may be repeated.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hasher as _};

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

/// Says how a text that is masked begins.
type Beginning = [u8; SHORTEST];

/// Stands for a text that is masked, so that no copy of a secret is kept. Two texts that share one would both
/// be
/// masked, which does no harm.
type Sum = u64;

/// Holds what is known of the texts.
#[derive(Default)]
struct Known {
    /// How long the texts are that begin so, in bytes.
    lengths: HashMap<Beginning, Vec<u32>>,
    /// The texts, and whether each is a line of a secret as it is.
    sums: HashMap<Sum, bool>,
}

/// Replaces every secret that it has heard of: its lines, and each of them percent-encoded, form-encoded, as
/// JSON writes it, and in Base64, alone or behind a user's name. Texts of fewer than six bytes are left
/// alone. It keeps no text, only sums of them.
///
/// A fleet has thousands of secrets and a report of megabytes, so that the forms are found by their
/// beginning.
#[derive(Default)]
pub struct Masks(RefCell<Known>);

fn sum(text: &[u8]) -> Sum {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}

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
        let Ok(length) = u32::try_from(text.len()) else { return false };
        let known = &mut *self.0.borrow_mut();
        match known.sums.entry(sum(text.as_bytes())) {
            Entry::Occupied(mut seen) => is_line && !std::mem::replace(seen.get_mut(), true),
            Entry::Vacant(free) => {
                free.insert(is_line);
                let lengths = known.lengths.entry(*start).or_default();
                if !lengths.contains(&length) {
                    lengths.reserve_exact(1);
                    lengths.push(length);
                }
                true
            }
        }
    }

    /// Returns the text with every secret replaced; where two overlap, both are replaced whole.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let known = self.0.borrow();
        let bytes = text.as_bytes();
        let mut masked = String::new();
        // Where what was shown last ends, and where what is masked now ends.
        let (mut shown, mut end) = (0, 0);
        for (at, start) in bytes.windows(SHORTEST).enumerate() {
            let lengths = <&Beginning>::try_from(start).ok().and_then(|start| known.lengths.get(start));
            let found = lengths.into_iter().flatten().map(|length| *length as usize).filter(|length| {
                let whole = bytes.get(at..at + length);
                whole.is_some_and(|whole| known.sums.contains_key(&sum(whole)))
                    && text.is_char_boundary(at + length)
            });
            let Some(length) = found.max().filter(|_| text.is_char_boundary(at)) else { continue };
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
