//! What people copy from a browser and from other tools, read as what it means: an address with its page, or
//! without a scheme; an id in braces. And what an address is that is not a workspace's.

use std::borrow::Cow;

use serde_json::Value;

use crate::model::typed::join;
use crate::model::{Cloud, Code, Error};

/// The keys whose values are ids of the form 00000000-0000-0000-0000-000000000000.
const IDS: [&str; 3] = ["client-id", "tenant-id", "account-id"];

/// Takes the braces off ids, as the Windows registry and .NET write them.
pub(crate) fn without_braces(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if IDS.contains(&key.as_str()) => {
                        let bare = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                        if let Some(bare) = bare.map(str::to_owned) {
                            *text = bare;
                        }
                    }
                    _ => without_braces(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(without_braces),
        _ => {}
    }
}

/// Says what is read as something else than it is written, with the path of each.
pub(crate) fn read_as(value: &Value) -> Vec<(String, String)> {
    let mut notes = Vec::new();
    collect(value, "", &mut notes);
    notes
}

fn collect(value: &Value, path: &str, notes: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            let is_github = map.get("type").and_then(Value::as_str) == Some("github-secret");
            for (key, value) in map {
                let mut at = path.to_owned();
                join(&mut at, key);
                let Value::String(text) = value else {
                    collect(value, &at, notes);
                    continue;
                };
                notes.extend(note(key, text.trim(), is_github).map(|words| (at, words)));
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                collect(value, &format!("{path}[{index}]"), notes);
            }
        }
        _ => {}
    }
}

fn note(key: &str, text: &str, is_github: bool) -> Option<String> {
    match key {
        "workspace" => {
            let read = address(text);
            let dropped = text.trim_end_matches('/') != read && text.starts_with("http");
            let added = !text.contains("://") && read != text;
            let words = if dropped { "what comes after the host is dropped" } else { "the scheme is added" };
            (dropped || added).then(|| format!("read as {read}: {words}"))
        }
        "repository" if text.ends_with(".git") => {
            Some(format!("read as {}: `.git` is dropped", text.trim_end_matches(".git")))
        }
        "secret" if is_github && text.bytes().any(|b| b.is_ascii_lowercase()) => {
            Some(format!("GitHub keeps names in upper case: {}", text.to_ascii_uppercase()))
        }
        key if IDS.contains(&key) && text.starts_with('{') && text.ends_with('}') => {
            Some(format!("read as {}: the braces are dropped", &text[1..text.len() - 1]))
        }
        _ => None,
    }
}

/// Returns the address of a host as it was copied with its page: what comes after the host is dropped, and a
/// scheme that is missing is added.
pub(super) fn address(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
    let bare = &text[..end];
    match start {
        0 if bare.contains('.') && !bare.contains(['@', ':']) => Cow::Owned(format!("https://{bare}")),
        0 => Cow::Borrowed(text),
        _ => Cow::Borrowed(bare),
    }
}

/// What to do in place of an address that is not a workspace's own.
const COPY: &str = "open the workspace in a browser and copy the beginning of its address, such as \
                    https://adb-1234567890123456.7.azuredatabricks.net";

/// Says what a host is that is not a workspace's own; nothing of one that may be.
///
/// <https://learn.microsoft.com/azure/databricks/workspace/workspace-details#workspace-instance-names-urls-and-ids>
pub(super) fn not_a_workspace(host: &str, cloud: Cloud, path: &str) -> Option<Error> {
    let below = |cloud: &Cloud| host.strip_suffix(cloud.workspace_suffix()).filter(|name| !name.is_empty());
    let own = below(&cloud);
    let other = Cloud::ALL.iter().find(|other| **other != cloud && below(other).is_some());
    let elsewhere = |words: String, hint: &str| {
        Some(Error::config(Code::ConfigHostOutsideCloud, path, words).with_hint(hint))
    };
    let wrong = |words: &str| Some(Error::invalid(path, words).with_hint(COPY));
    if own == Some("accounts") || host == "accounts.cloud.databricks.com" {
        return wrong("this is the account console, which serves the whole account");
    }
    for (suffix, name) in [(".gcp.databricks.com", "Google Cloud"), (".cloud.databricks.com", "AWS")] {
        if host.ends_with(suffix) {
            let words =
                format!("this is a workspace of Databricks on {name}; lakekey serves Azure Databricks");
            return elsewhere(words, COPY);
        }
    }
    if let Some(other) = other {
        let name = other.as_str();
        let words =
            format!("this is a workspace of the cloud {name}, and the chosen one is {}", cloud.as_str());
        return elsewhere(words, &format!("write `cloud: {name}`, or correct the URL"));
    }
    match own?.split('.').next()? {
        name if name.starts_with("adb-") => None,
        name if is_region(name) => wrong("this is the address of a region, which is no workspace's own"),
        _ => wrong(
            "this is no workspace's own address, which begins with adb-: a unified host or a private one, \
             which may serve several",
        )
        .map(|error| error.with_hint(format!("{COPY}; or name the host in `endpoints.workspaces`"))),
    }
}

/// Returns true for what looks like the name of a region, such as westeurope and eastus2.
fn is_region(name: &str) -> bool {
    const PARTS: [&str; 5] = ["north", "south", "east", "west", "central"];
    name.bytes().all(|b| b.is_ascii_alphanumeric()) && PARTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_comes_after_the_host_is_dropped_and_a_missing_scheme_is_added() {
        let own = "https://adb-1.2.azuredatabricks.net";
        for copied in [
            own,
            "https://adb-1.2.azuredatabricks.net/",
            " adb-1.2.azuredatabricks.net ",
            "adb-1.2.azuredatabricks.net/?o=1",
            "https://adb-1.2.azuredatabricks.net?o=1",
            "https://adb-1.2.azuredatabricks.net/?o=1234#job/1",
            "https://adb-1.2.azuredatabricks.net/browse/folders/1?o=1",
            "https://adb-1.2.azuredatabricks.net#setting/account",
        ] {
            assert_eq!(address(copied), own, "{copied}");
        }
        for kept in ["", "https://", "a b", "me@host.example", "localhost:80", "C:\\hosts.txt"] {
            assert_eq!(address(kept), kept.trim(), "{kept}");
        }
    }

    #[test]
    fn braces_around_an_id_are_taken_off_wherever_it_stands() {
        let mut document = json!({"targets": [{"principal": {"client-id": "{1-2}"}, "name": "{x}",
            "auth": {"tenant-id": " {3} ", "client-secret": {"env": "{Y}"}}}]});
        without_braces(&mut document);
        let expected = json!({"targets": [{"principal": {"client-id": "1-2"}, "name": "{x}",
            "auth": {"tenant-id": "3", "client-secret": {"env": "{Y}"}}}]});
        assert_eq!(document, expected);
    }

    #[test]
    fn a_host_that_is_no_workspaces_own_is_named_as_what_it_is() {
        let said = |host: &str| {
            let error = not_a_workspace(host, Cloud::Public, "workspace");
            error.map(|error| format!("{} {error} {}", error.code().as_str(), error.hint()))
        };
        for (host, words) in [
            ("accounts.azuredatabricks.net", "account console"),
            ("accounts.cloud.databricks.com", "account console"),
            ("westeurope.azuredatabricks.net", "of a region"),
            ("eastus2.azuredatabricks.net", "of a region"),
            ("acme.azuredatabricks.net", "unified host"),
            ("dbc-a1b2345c-d6e7.cloud.databricks.com", "on AWS"),
            ("1234.5.gcp.databricks.com", "on Google Cloud"),
            ("adb-1.2.databricks.azure.us", "write `cloud: usgov`"),
        ] {
            let said = said(host).unwrap_or_default();
            assert!(said.contains(words), "{host}: {said}");
        }
        for host in ["adb-1.2.azuredatabricks.net", "adb-dp-1.2.azuredatabricks.net", "evil.example"] {
            assert_eq!(said(host), None, "{host}");
        }
    }
}
