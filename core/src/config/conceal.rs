//! A line of a configuration that is shown to a person, without what may be a secret at the wrong place.

use super::secret_ref::{looks_like_a_path, looks_like_a_variable};
use crate::model::harmless_in_place;

/// How secrets begin that are told by that.
const BEGINNINGS: &[&str] =
    &["dapi", "dkea", "dose", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "eyJ", "-----BEGIN"];

/// What keys that hold secrets are named by.
const NAMES: &[&str] = &["secret", "token", "password", "key", "certificate"];

/// Returns the line, harmless to what shows it, with stars in place of every character that may be of a
/// secret; every other stays at its column.
///
/// `hidden` are the columns, from 1, and widths of what is known to be one. Where the document was not
/// read to its end (`is_known` is false), whatever a key such as `client-secret` holds is taken for one too.
#[must_use]
pub fn conceal(line: &str, hidden: &[(usize, usize)], is_known: bool) -> String {
    let mut chars: Vec<char> = line.chars().collect();
    let plain = chars.clone();
    for (column, width) in hidden {
        let start = column.saturating_sub(1);
        cover(&mut chars, start, start.saturating_add(*width));
    }
    let mut key = String::new();
    let mut at = 0;
    while at < plain.len() {
        if is_boundary(plain[at]) {
            // A bracket ends what a key may hold as one text.
            if matches!(plain[at], '{' | '[' | ',' | '}' | ']') {
                key.clear();
            }
            at += 1;
            continue;
        }
        let end = plain[at..].iter().position(|c| is_boundary(*c)).map_or(plain.len(), |length| at + length);
        let word: String = plain[at..end].iter().collect();
        let next = plain[end..].iter().find(|c| !c.is_whitespace() && !matches!(c, '"' | '\''));
        match word.strip_suffix(':') {
            Some("") => {}
            Some(name) => key = name.to_owned(),
            None if next == Some(&':') => key = word,
            None => {
                if is_suspect(&word, &key, is_known) {
                    cover(&mut chars, at, end);
                }
            }
        }
        at = end;
    }
    harmless_in_place(&String::from_iter(chars))
}

/// The keys below which a secret, or how somebody signs in, stands.
const HOLDERS: &[&str] = &[
    "client-secret",
    "oauth-secret",
    "token",
    "private-key",
    "key",
    "password",
    "certificate",
    "url",
    "auth",
    "admin",
    "directory",
    "github",
    "azure",
];

/// Returns true where what is written at a path may be a secret, if it is no section of keys.
#[must_use]
pub fn may_hold_a_secret(path: &str) -> bool {
    let last = path.rsplit(['.', ']']).next().unwrap_or_default();
    HOLDERS.contains(&last)
}

fn is_boundary(c: char) -> bool {
    c.is_whitespace() || matches!(c, '{' | '}' | '[' | ']' | ',' | '"' | '\'')
}

fn cover(chars: &mut [char], start: usize, end: usize) {
    let length = chars.len();
    chars[start.min(length)..end.min(length)].fill('*');
}

fn is_suspect(word: &str, key: &str, is_known: bool) -> bool {
    let bare = word.trim_matches(['$', '(', ')', '%']);
    match key {
        "env" => return !looks_like_a_variable(bare),
        "file" => return !looks_like_a_path(word),
        _ => {}
    }
    let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
    let mixed = has(char::is_ascii_digit) && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
    let holds_one = !is_known && NAMES.iter().any(|name| key.to_ascii_lowercase().contains(name));
    BEGINNINGS.iter().any(|beginning| word.starts_with(beginning) && word.len() > beginning.len() + 3)
        || mixed && word.len() >= 16 && !word.contains("://")
        || holds_one && !looks_like_a_variable(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_covered_and_the_rest_stays_where_it_is() {
        for (line, shown) in [
            (
                "  client-secret: {env: CATALOG_CLIENT_SECRET}",
                "  client-secret: {env: CATALOG_CLIENT_SECRET}",
            ),
            ("  client-secret: {env: hunter2}", "  client-secret: {env: *******}"),
            ("{\"env\": \"hunter2\", \"x\": 1}", "{\"env\": \"*******\", \"x\": 1}"),
            ("  key: dapi0123456789abcdef", "  key: ********************"),
            ("  a: Ab1~xyzXYZ0123456789", "  a: ********************"),
            (
                "  client-id: 11111111-1111-1111-1111-111111111111",
                "  client-id: 11111111-1111-1111-1111-111111111111",
            ),
            (
                "  workspace: https://adb-1234567890123456.7.azuredatabricks.net",
                "  workspace: https://adb-1234567890123456.7.azuredatabricks.net",
            ),
            ("  secret: databricks-token", "  secret: databricks-token"),
            ("  file: /run/secrets/key.pem", "  file: /run/secrets/key.pem"),
        ] {
            assert_eq!(conceal(line, &[], true), shown);
        }
        assert_eq!(conceal("a: bcd e", &[(4, 3)], true), "a: *** e");
        assert_eq!(conceal("a: bcd", &[(4, 30)], true), "a: ***");
        assert_eq!(conceal("  client-secret: hunter2 x: [", &[], false), "  client-secret: ******* x: [");
        assert_eq!(conceal("  token: {lifetime: 90d}", &[], false), "  token: {lifetime: 90d}");
    }
}
