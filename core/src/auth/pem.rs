//! Keys and certificates in the forms in which variables hold them: `\n` for a line end, one line, quotes,
//! indentation, a byte-order mark, base64 of the file.
//!
//! <https://www.rfc-editor.org/rfc/rfc7468>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

const BEGIN: &str = "-----BEGIN ";

/// Writes PEM as it stands in a file; what is no PEM stays as it is.
pub(super) fn straightened(text: &str) -> Zeroizing<String> {
    let plain = Zeroizing::new(
        text.trim_start_matches('\u{feff}')
            .replace("\\r\\n", "\n")
            .replace("\\n", "\n")
            .replace('\r', "")
            .trim()
            .trim_matches(['"', '\''])
            .to_owned(),
    );
    if plain.contains(BEGIN) {
        return folded(&plain);
    }
    // An environment variable holds one line; people encode the file.
    let compact: Zeroizing<String> = Zeroizing::new(plain.split_ascii_whitespace().collect());
    let decoded = STANDARD.decode(compact.as_bytes()).map(Zeroizing::new).ok();
    let inside = decoded.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    match inside.filter(|inside| inside.contains(BEGIN)) {
        Some(inside) => folded(inside),
        None => plain,
    }
}

/// Breaks the lines of each block where PEM has them, and leaves out what stands between the blocks.
fn folded(text: &str) -> Zeroizing<String> {
    let mut all = Zeroizing::new(String::with_capacity(text.len() + 16));
    for (start, _) in text.match_indices(BEGIN) {
        let rest = &text[start + BEGIN.len()..];
        let Some((label, rest)) = rest.split_once("-----") else { continue };
        let Some((body, _)) = rest.split_once("-----END ") else { continue };
        // Headers of an older form say how a key is encrypted; such a block stays as it is.
        if body.contains(':') {
            all.push_str(&format!("{BEGIN}{label}-----{body}-----END {label}-----\n"));
            continue;
        }
        let compact: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
        all.push_str(&format!("{BEGIN}{label}-----\n"));
        for line in compact.as_bytes().chunks(64) {
            all.push_str(std::str::from_utf8(line).unwrap_or_default());
            all.push('\n');
        }
        all.push_str(&format!("-----END {label}-----\n"));
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_every_form_that_variables_give_it() {
        let body = "QUJD".repeat(40);
        let lines: Vec<&str> = body.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let file = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"));
        for given in [
            file.clone(),
            file.replace('\n', "\r\n"),
            file.replace('\n', "\\n"),
            file.replace('\n', "\\r\\n"),
            file.replace('\n', " "),
            file.replace('\n', ""),
            format!("\"{}\"", file.replace('\n', "\\n")),
            format!("'{file}'"),
            file.replace('\n', "\n    "),
            format!("\u{feff}{file}"),
            STANDARD.encode(&file),
            format!("Bag Attributes\n  x\n{file}"),
        ] {
            assert_eq!(*straightened(&given), file, "{given:?}");
        }
        assert_eq!(*straightened("no key"), "no key");
    }
}
