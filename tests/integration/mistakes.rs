//! What people mistype in `lakekey.yml`: each kind of mistake is named at its place, with what to write.

use lakekey_core::{CheckRequest, Checked, Environment, check};

const BASE: &str = "version: 1
targets:
  - name: catalog-prod
    workspace: https://adb-1234567890123456.7.azuredatabricks.net
    principal: {client-id: 11111111-1111-1111-1111-111111111111}
    auth:
      type: azure-client-secret
      client-secret: {env: CATALOG_CLIENT_SECRET}
    token: {lifetime: 90d, renew-before: 30d, overlap: 24h}
    deliver:
      - {type: github-secret, repository: acme/data, secret: DATABRICKS_TOKEN}
github: {type: token, token: {env: LAKEKEY_GITHUB_TOKEN}}
";

/// Has the variables that the base refers to.
struct Variables;

impl Environment for Variables {
    fn variable(&self, name: &str) -> Option<String> {
        ["CATALOG_CLIENT_SECRET", "LAKEKEY_GITHUB_TOKEN"].contains(&name).then(|| "s3cr3t".to_owned())
    }
}

fn checked(bytes: &[u8]) -> Checked {
    check(bytes, &Variables, CheckRequest { secrets: true, signs_in_to_github: false })
}

fn with(from: &str, to: &str) -> String {
    assert_eq!(BASE.matches(from).count(), 1, "{from} stands once in the base");
    BASE.replacen(from, to, 1)
}

/// Says each mistake as `line:column code: message | hint`.
fn said(checked: &Checked) -> Vec<String> {
    let place = |error: &lakekey_core::Error| error.position().map_or((0, 0), |at| (at.line, at.column));
    let one = |error| {
        let (line, column) = place(error);
        let key = error.key().unwrap_or_default();
        format!("{line}:{column} {}: {key}: {} | {}", error.code(), error.message(), error.hint())
    };
    checked.mistakes.iter().map(one).collect()
}

#[test]
fn each_mistake_is_named_at_its_place_with_what_to_write() {
    let mut wrong: Vec<String> = Vec::new();
    for (from, to, place, words) in [
        // Keys.
        ("lifetime: 90d", "lifetme: 90d", "9:13", "did you mean `lifetime`?"),
        ("lifetime: 90d", "life_time: 90d", "9:13", "did you mean `lifetime`?"),
        ("targets:", "target:", "2:1", "did you mean `targets`?"),
        ("client-id", "client_id", "5:17", "did you mean `client-id`?"),
        ("client-id", "clientId", "5:17", "did you mean `client-id`?"),
        ("client-id", "application-id", "5:17", "did you mean `client-id`?"),
        ("workspace:", "host:", "4:5", "did you mean `workspace`?"),
        ("DATABRICKS_TOKEN}", "DATABRICKS_TOKEN, env: production}", "11:80", "did you mean `environment`?"),
        ("secret: DATABRICKS_TOKEN", "name: DATABRICKS_TOKEN", "11:54", "did you mean `secret`?"),
        ("repository:", "repo:", "11:31", "did you mean `repository`?"),
        ("version: 1\n", "", "0:0", "add `version: 1`"),
        ("version: 1", "version: 2", "1:10", "version 2 is not known; write 1"),
        // Words.
        ("azure-client-secret", "azure_client_secret", "7:13", "did you mean `azure-client-secret`?"),
        ("azure-client-secret", "client-secret", "7:13", "did you mean `azure-client-secret`?"),
        ("azure-client-secret", "service-principal", "7:13", "oauth-m2m (an OAuth secret of Databricks)"),
        ("github-secret", "github_secret", "11:16", "did you mean `github-secret`?"),
        ("github-secret", "github-secrets", "11:16", "did you mean `github-secret`?"),
        ("{client-id", "{kind: managed, client-id", "5:23", "did you mean `databricks`?"),
        ("version: 1", "version: 1\ncloud: azure", "2:8", "did you mean `public`?"),
        (
            "    auth:",
            "    entitlements: [workspace_access]\n    auth:",
            "6:20",
            "did you mean `workspace-access`?",
        ),
        ("overlap: 24h", "scopes: sql", "9:55", "write [sql]"),
        // Durations.
        ("lifetime: 90d", "lifetime: 90", "9:23", "write 90d"),
        ("lifetime: 90d", "lifetime: \"90\"", "9:23", "write 90d"),
        ("lifetime: 90d", "lifetime: 3mo", "9:23", "months and years vary; write 90d"),
        ("lifetime: 90d", "lifetime: 3 months", "9:23", "months and years vary; write 90d"),
        ("lifetime: 90d", "lifetime: 1y", "9:23", "months and years vary; write 90d"),
        ("lifetime: 90d", "lifetime: P90D", "9:23", "write 90d"),
        ("lifetime: 90d", "lifetime: 0d", "9:23", "the smallest lifetime is 10m"),
        ("lifetime: 90d", "lifetime: -90d", "9:23", "the smallest lifetime is 10m"),
        ("overlap: 24h", "overlap: 60d", "9:56", "overlap (60d) must be below renew-before (30d)"),
        (
            "renew-before: 30d",
            "renew-before: 100d",
            "9:42",
            "renew-before (100d) must be below the lifetime (90d)",
        ),
        // YAML.
        ("    token: {", "\ttoken: {", "9:1", "a tab may not indent"),
        ("- name: ", "- name:", "3:9", "a blank is missing after `name:`"),
        ("catalog-prod", "\"catalog-prod", "3:11", "the quote that opens here is never closed"),
        ("    token: {", "    workspace: x\n    token: {", "9:5", "the first is in line 4"),
        ("{env: CATALOG_CLIENT_SECRET}", "{env: ${{ secrets.X }}}", "8:28", "write {env: NAME}"),
        // Secrets.
        (
            "{env: CATALOG_CLIENT_SECRET}",
            "{env: $CATALOG_CLIENT_SECRET}",
            "8:7",
            "write the name without `$`",
        ),
        (
            "{env: CATALOG_CLIENT_SECRET}",
            "${{ secrets.X }}",
            "8:22",
            "map it into `env` there, and write {env: NAME}",
        ),
        ("{env: CATALOG_CLIENT_SECRET}", "$(SECRET)", "8:22", "write {env: NAME}"),
        ("{env: CATALOG_CLIENT_SECRET}", "{env: NOPE}", "8:7", "the environment variable NOPE is not set"),
        ("{env: CATALOG_CLIENT_SECRET}", "{file: /nope}", "8:7", "the file /nope cannot be read"),
        ("{env: CATALOG_CLIENT_SECRET}", "hunter2", "8:22", "since it may have been seen"),
        // Ids, names and addresses.
        (
            "11111111-1111-1111-1111-111111111111",
            "my-app",
            "5:28",
            "a display name belongs to `display-name`",
        ),
        ("11111111-1111-1111-1111-111111111111", "1111-1111", "5:28", "of the form 00000000-"),
        ("https://adb", "http://adb", "4:16", "plain http is accepted on loopback alone"),
        (
            "adb-1234567890123456.7.azuredatabricks.net",
            "dbc-a1b2345c-d6e7.cloud.databricks.com",
            "4:16",
            "on AWS",
        ),
        ("adb-1234567890123456.7", "westeurope", "4:16", "adb-"),
        ("catalog-prod", "catalog prod", "3:11", "1 to 64 letters, digits, `-`, `_` and `.`"),
        ("catalog-prod", "Katal\u{f6}g", "3:11", "1 to 64 letters, digits, `-`, `_` and `.`"),
        ("acme/data", "data", "11:43", "such as acme/data"),
        ("acme/data", "https://github.com/acme/data", "11:43", "write acme/data"),
        ("DATABRICKS_TOKEN", "databricks-token", "11:62", "write DATABRICKS_TOKEN"),
        ("DATABRICKS_TOKEN", "1TOKEN", "11:62", "such as DATABRICKS_TOKEN"),
        ("DATABRICKS_TOKEN", "GITHUB_TOKEN2", "11:62", "such as DATABRICKS_TOKEN"),
        // What is not there.
        ("github: {type: token, token: {env: LAKEKEY_GITHUB_TOKEN}}\n", "", "0:0", "add `github: {type: app"),
        (
            "    auth:\n      type: azure-client-secret\n      client-secret: {env: CATALOG_CLIENT_SECRET}\n",
            "",
            "3:5",
            "add `auth: {type:",
        ),
        (
            "    deliver:\n      - {type: github-secret, repository: acme/data, secret: DATABRICKS_TOKEN}\n",
            "",
            "3:5",
            "add `deliver`",
        ),
    ] {
        let found = said(&checked(with(from, to).as_bytes()));
        let [one] = &found[..] else {
            wrong.push(format!("{to}: {found:#?}"));
            continue;
        };
        if !one.starts_with(&format!("{place} ")) || !one.contains(words) || one.contains("hunter2") {
            wrong.push(format!("{to}: {one}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_a_file_is_that_is_no_configuration_is_said_with_what_it_should_be() {
    let utf_16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(BASE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (bytes, words) in [
        (b"".as_slice(), "begins with `version: 1`"),
        (b"# nothing\n".as_slice(), "begins with `version: 1`"),
        (b"[]\n".as_slice(), "but a list | it is a mapping"),
        (b"lakekey\n".as_slice(), "but one value | it is a mapping"),
        (&utf_16, "is UTF-16 | save it as UTF-8"),
        (b"version: 1 # \xe4\n".as_slice(), "not UTF-8 (byte 13) | save it as UTF-8"),
    ] {
        let found = said(&checked(bytes));
        assert!(found.len() == 1 && found[0].contains(words), "{words}: {found:?}");
    }
}

#[test]
fn what_people_copy_is_read_as_what_it_means_and_said() {
    for (from, to, note) in [
        ("version: 1", "\u{feff}version: 1", None),
        ("version: 1", "version: \"1\"", None),
        ("11111111-1111-1111-1111-111111111111", "AAAAAAAA-1111-1111-1111-111111111111", None),
        ("azuredatabricks.net", "azuredatabricks.net/", None),
        ("lifetime: 90d", "lifetime: 90 days", None),
        ("lifetime: 90d", "lifetime: 12w", None),
        ("overlap: 24h", "overlap: 1 day", None),
        (
            "11111111-1111-1111-1111-111111111111",
            "\"{11111111-1111-1111-1111-111111111111}\"",
            Some("the braces are dropped"),
        ),
        ("https://adb", "adb", Some("the scheme is added")),
        ("azuredatabricks.net", "azuredatabricks.net/?o=1234567890123456", Some("is dropped")),
        ("azuredatabricks.net", "azuredatabricks.net/?o=1234#job/1", Some("is dropped")),
        ("acme/data", "acme/data.git", Some("read as acme/data: `.git` is dropped")),
        ("DATABRICKS_TOKEN", "databricks_token", Some("upper case: DATABRICKS_TOKEN")),
    ] {
        let found = checked(with(from, to).as_bytes());
        assert_eq!(said(&found), [""; 0], "{to}");
        let notes: Vec<&str> = found.notes.iter().map(|(_, words)| words.as_str()).collect();
        match note {
            Some(words) => assert!(notes.len() == 1 && notes[0].contains(words), "{to}: {notes:?}"),
            None => assert!(notes.is_empty(), "{to}: {notes:?}"),
        }
    }
    assert_eq!(said(&checked(BASE.replace('\n', "\r\n").as_bytes())), [""; 0], "line ends of Windows");
}

#[test]
fn all_mistakes_are_found_in_one_run_in_the_order_of_the_document() {
    let text = with("client-id", "client_id")
        .replace("90d", "3 months")
        .replace("acme/data, secret: DATABRICKS_TOKEN", "data, secret: databricks-token, env: x")
        .replace("type: azure-client-secret", "type: client-secret")
        .replace("CATALOG_CLIENT_SECRET", "NOPE")
        .replace("version: 1", "version: 1\nsurprise: 2\ndefaults: {token: {overlpa: 2h}}");
    let found = said(&checked(text.as_bytes()));
    let places: Vec<&str> =
        found.iter().map(|mistake| mistake.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(
        places,
        [
            "2:1 config-unknown-key",
            "3:20 config-unknown-key",
            "7:17 config-unknown-key",
            "9:13 config-invalid-value",
            "10:7 config-missing-secret",
            "11:23 config-invalid-value",
            "13:43 config-invalid-value",
            "13:57 config-invalid-value",
            "13:75 config-unknown-key",
        ],
        "{found:#?}"
    );
}

#[test]
fn several_mistakes_of_one_list_keep_the_places_where_they_were_written() {
    let text = with("    auth:", "    entitlements: [workspace_access, nothing, databricks-sql-access, sql_access]\n    auth:")
        .replace(
            "      - {type: github-secret",
            "      - {type: nowhere}\n      - {type: key-vault, vault: https://a.vault.azure.net}\n      - {type: github-secret",
        );
    let found = said(&checked(text.as_bytes()));
    let keys: Vec<&str> = found.iter().filter_map(|mistake| mistake.split(": ").nth(1)).collect();
    assert_eq!(
        keys,
        [
            "targets[0].entitlements[0]",
            "targets[0].entitlements[1]",
            "targets[0].entitlements[3]",
            "targets[0].deliver[0].type",
            "targets[0].deliver[1].secret",
        ],
        "{found:#?}"
    );
}

#[test]
fn two_that_are_the_same_are_named_with_both_places() {
    let (head, rest) = BASE.split_once("  - name").unwrap_or_default();
    let (target, tail) = rest.split_once("github: {type: token").unwrap_or_default();
    let text = format!("{head}  - name{target}  - name{target}github: {{type: token{tail}");
    let found = said(&checked(text.as_bytes()));
    assert_eq!(found.len(), 2, "the name and the place: {found:#?}");
    assert!(
        found[0].starts_with("12:11 ") && found[0].contains("the first stands in line 3, column 11"),
        "{found:#?}"
    );
    assert!(
        found[1].starts_with("20:9 ") && found[1].contains("the first stands in line 11, column 9"),
        "{found:#?}"
    );
}

#[test]
fn without_secrets_what_is_missing_is_a_warning_and_what_is_wrong_is_not() {
    struct Nothing;
    impl Environment for Nothing {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }
    }
    let without = |text: &str| {
        check(text.as_bytes(), &Nothing, CheckRequest { secrets: false, signs_in_to_github: false })
    };
    let found = without(BASE);
    assert_eq!((said(&found), found.warnings.len()), (Vec::new(), 2));
    let auth =
        "    auth:\n      type: azure-client-secret\n      client-secret: {env: CATALOG_CLIENT_SECRET}\n";
    let found = without(&with(auth, ""));
    assert_eq!((said(&found), found.warnings.len()), (Vec::new(), 2), "no sign-in, no GitHub token");
    assert_eq!(without(&with("90d", "90")).mistakes.len(), 1);
    let with_them =
        check(BASE.as_bytes(), &Nothing, CheckRequest { secrets: true, signs_in_to_github: false });
    assert_eq!(with_them.mistakes.len(), 2);
}
