//! The page of `status --html`: one file that asks for nothing else.

use std::path::Path;

use lakekey_core::{Code, Error, Report, Step, harmless};

/// The page, whose style and script stand in it and are named by their hashes, so that a browser runs
/// nothing else there.
const PAGE: &str = include_str!("status.html");

/// Where the report stands in the page.
const PLACE: &str = ">REPORT</script>";

/// Renders a report as a page of its own.
#[must_use]
pub fn render(report: &Report) -> String {
    // A report holds texts, numbers and times: there is nothing in it that could not be written. No text of
    // it ends the element in which it stands.
    let data = serde_json::to_string(report).unwrap_or_default().replace('<', "\\u003c");
    let (before, after) = PAGE.split_once(PLACE).unwrap_or((PAGE, ""));
    format!("{before}>{data}</script>{after}")
}

/// Writes the page of a report to a file, in a folder that is made where there is none.
///
/// # Errors
/// `usage-invalid`, where the file cannot be written.
pub(crate) fn write(path: &Path, report: &Report) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| replaced(path, &render(report))).map_err(|error| {
        let name = harmless(&path.to_string_lossy());
        let words = format!("the page could not be written to {name}: {error}");
        Error::new(Code::UsageInvalid, Step::Configure, words)
            .with_hint("name a file in a folder that may be written")
    })
}

/// Writes a file beside and moves it, so that nobody finds half of it.
pub(crate) fn replaced(path: &Path, text: &str) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use lakekey_core::{Outcome, TargetReport, Timestamp};
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
        text.split_once(start).unwrap().1.split_once(end).unwrap().0
    }

    #[test]
    fn the_page_names_its_style_and_its_script_by_their_hashes() {
        let policy = between(PAGE, "content-security-policy\" content=\"", "\"");
        for (what, text) in [
            ("style-src", between(PAGE, "<style>", "</style>")),
            ("script-src", between(PAGE, "<script>", "</script>")),
        ] {
            let expected = format!("{what} 'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
            assert!(policy.contains(&expected), "write {expected} into the page's policy");
        }
    }

    #[test]
    fn no_text_of_a_service_ends_the_element_that_holds_the_report() {
        let mut target = TargetReport::new("catalog", Outcome::Failed);
        target.error =
            Some(Error::new(Code::Refused, Step::Deliver, "</script><script>alert(1)</script><!--"));
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let page = render(&Report::new("status", at, at, vec![target]));
        assert_eq!(page.matches("<script").count(), PAGE.matches("<script").count());
        assert!(!page.contains("REPORT") && !page.contains("<!--"));
        let data = between(&page, "id=\"report\">", "</script>");
        let back: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(back["targets"][0]["name"], "catalog");
    }
}
