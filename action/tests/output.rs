//! What people and log collectors see of the binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::process::{Command, Output, Stdio};

use serde_json::Value;
use support::Emulator;

/// Runs the binary on the emulator's own configuration.
fn run(emulator: &Emulator, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lakekey"))
        .args(arguments)
        .env_clear()
        .envs(emulator.environment())
        .env("LAKEKEY_CONFIG", emulator.at("/config"))
        .envs(more.iter().copied())
        .output()
        .unwrap()
}

fn out(emulator: &Emulator, arguments: &[&str], more: &[(&str, &str)]) -> String {
    String::from_utf8(run(emulator, arguments, more).stdout).unwrap()
}

/// Checks a configuration that comes on standard input.
fn check(text: &str, arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lakekey"))
        .args(["check", "--config", "-"])
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_plan_sums_up_what_would_be_done_and_its_exit_code_says_whether() {
    let emulator = Emulator::start("2");
    let plan = run(&emulator, &["plan", "--exit-code"], &[]);
    assert_eq!(plan.status.code(), Some(3));
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(text.ends_with("plan: 4 to add, 6 to change\n"), "{text}");
    assert!(text.contains("+ would create-token") && text.contains("~ would deliver"), "{text}");
    assert_eq!(run(&emulator, &["plan"], &[]).status.code(), Some(0), "only where it is asked for");
    assert_eq!(run(&emulator, &["provision", "-q"], &[]).status.code(), Some(0));
    let text = out(&emulator, &["plan", "--exit-code"], &[]);
    assert!(text.ends_with("plan: nothing to do\n"), "{text}");
    assert_eq!(run(&emulator, &["plan", "--exit-code"], &[]).status.code(), Some(0));
    let text = out(&emulator, &["rotate", "--force", "--dry-run"], &[]);
    assert!(text.contains("- would revoke-token"), "{text}");
}

#[test]
fn a_rotation_with_nothing_due_says_nothing_where_it_is_to_be_quiet() {
    let emulator = Emulator::start("1");
    let first = run(&emulator, &["provision", "-q"], &[]);
    assert!(String::from_utf8(first.stdout).unwrap().contains("provisioned"), "what was done is told");
    let calm = run(&emulator, &["rotate", "-q"], &[]);
    assert_eq!((calm.status.code(), calm.stdout.len(), calm.stderr.len()), (Some(0), 0, 0));
    assert!(!run(&emulator, &["rotate"], &[]).stdout.is_empty());
}

#[test]
fn tables_fit_the_width_that_there_is() {
    let emulator = Emulator::start("3");
    assert!(run(&emulator, &["provision", "-q"], &[]).status.success());
    for columns in ["60", "80", "120"] {
        for command in [&["status", "--all"][..], &["plan"], &["doctor"], &["rotate", "--force", "--dry-run"]]
        {
            let text = out(&emulator, command, &[("COLUMNS", columns)]);
            let width: usize = columns.parse().unwrap();
            for line in text.lines() {
                // An id is not broken: people copy it.
                let is_id = line.split_whitespace().count() == 1;
                assert!(is_id || line.chars().count() <= width, "{command:?} at {columns}: {line}");
            }
            assert!(text.contains("catalog-prod-3"), "{text}");
        }
    }
    let wide = out(&emulator, &["status"], &[]);
    assert!(wide.contains("CREATED") && wide.contains(" (in "), "without a terminal all is told: {wide}");
    let narrow = out(&emulator, &["status"], &[("COLUMNS", "60")]);
    assert!(!narrow.contains("CREATED") && narrow.contains("EXPIRES"), "{narrow}");
}

#[test]
fn colours_are_used_where_they_are_asked_for_alone() {
    let emulator = Emulator::start("1");
    assert!(run(&emulator, &["provision", "-q"], &[]).status.success());
    let coloured =
        |arguments: &[&str], more: &[(&str, &str)]| out(&emulator, arguments, more).contains('\u{1b}');
    assert!(!coloured(&["status"], &[]), "not in a pipe");
    assert!(coloured(&["status", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&["status"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["status"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["status", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_log_for_a_collector_is_one_object_a_line_with_names_that_stay() {
    let emulator = Emulator::start("1");
    let ran = run(&emulator, &["provision", "--log", "json"], &[]);
    let text = String::from_utf8(ran.stderr).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(line["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
        assert!(["error", "warn", "info"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    let made = lines.iter().find(|line| line["step"] == "create-token" && line["state"] == "done").unwrap();
    assert_eq!(made["target"], "catalog-prod", "{made}");
    let last = lines.last().unwrap();
    assert_eq!((&last["outcome"], &last["command"]), (&"provisioned".into(), &"provision".into()), "{last}");
    assert!(last["due"].is_string() && last["expires"].is_string(), "{last}");

    let wrong = check("version: 1\ntarget: []\n", &["--log", "json"]);
    let text = String::from_utf8(wrong.stderr).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let place = (&first["code"], &first["line"], &first["column"]);
    assert_eq!(place, (&"config-unknown-key".into(), &2.into(), &1.into()), "{text}");
}

#[test]
fn a_refusal_is_told_once_and_has_one_shape() {
    let emulator = Emulator::start("1");
    let ran = run(&emulator, &["rotate", "--color", "always"], &[]);
    assert_eq!(ran.status.code(), Some(1));
    let text = String::from_utf8(ran.stderr).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains("error: catalog-prod: ")).collect();
    assert_eq!(told.len(), 1, "{text}");
    let head = "\u{1b}[1m\u{1b}[31merror: catalog-prod: principal-not-in-workspace at ";
    assert!(told[0].starts_with(head), "{text}");
    let rest: Vec<&str> = text.lines().skip_while(|line| *line != told[0]).skip(1).collect();
    assert!(rest[0].contains("answered 403"), "{text}");
    assert!(rest[1].starts_with("  what to do: ") && rest[2].starts_with("  see "), "{text}");
    assert!(rest.iter().all(|line| !line.contains('\u{1b}')), "colour in the first line alone: {text}");
    assert_eq!(text.matches("answered 403").count(), 1, "the same text never twice: {text}");
}

const TARGET: &str = "version: 1
targets:
  - name: a
    workspace: adb-1.2.azuredatabricks.net
    principal: {client-id: 11111111-1111-1111-1111-111111111111}
    auth: {type: azure-client-secret, client-secret: {env: X}}
    deliver: [{type: databricks-secret, scope: s, key: k}]
";

#[test]
fn check_shows_the_line_with_a_caret_and_never_a_secret() {
    let text = TARGET.replace("{env: X}", "hunter2, client_id: x");
    let output = check(&text, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("2 mistakes"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let frame: Vec<&str> = said.lines().skip_while(|line| !line.contains(":6:63")).collect();
    let (line, caret) = (frame[2], frame[3]);
    assert_eq!(line.find("client_id"), caret.find("^^^^^^^^^"), "{said}");
    assert!(line.contains("client-secret: *******"), "{said}");
    assert!(said.contains("did you mean `client-id`?"), "{said}");

    let output = check(&text, &["--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["mistakes"].as_array().unwrap().len(), 2);
    assert_eq!(report["mistakes"][1]["line"], 6);
    assert_eq!(report["error"]["code"], "config-literal-secret");
}

#[test]
fn check_without_secrets_warns_of_what_is_missing_and_notes_what_is_read_otherwise() {
    let output = check(TARGET, &["--no-secrets"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).unwrap().contains("no mistakes, 1 warning"));
    assert!(String::from_utf8(output.stderr).unwrap().contains("the scheme is added"));
    assert_eq!(check(TARGET, &[]).status.code(), Some(2));
}

#[test]
fn a_job_gets_nine_annotations_at_the_most_and_one_that_counts_the_rest() {
    let emulator = Emulator::start("12");
    let config = emulator.at("/config");
    let inputs = [("LAKEKEY_INPUT_COMMAND", "rotate"), ("LAKEKEY_INPUT_CONFIG", config)];
    let ran = run(&emulator, &["action"], &inputs);
    assert_eq!(ran.status.code(), Some(1), "no principal is in its workspace");
    let text = String::from_utf8(ran.stdout).unwrap();
    let annotations: Vec<&str> = text.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(annotations.len(), 10, "{text}");
    assert!(annotations[9].contains("and 3 more"), "{}", annotations[9]);
    let told = text
        .lines()
        .filter(|line| line.contains("principal-not-in-workspace") && line.contains("catalog-prod"));
    assert!(told.count() >= 12, "the rest is in the log: {text}");
}

#[test]
fn a_dry_run_of_a_job_shows_its_steps_in_the_log() {
    let emulator = Emulator::start("1");
    let config = emulator.at("/config");
    let inputs = [
        ("LAKEKEY_INPUT_COMMAND", "provision"),
        ("LAKEKEY_INPUT_CONFIG", config),
        ("LAKEKEY_INPUT_DRY_RUN", "true"),
    ];
    let text = out(&emulator, &["action"], &inputs);
    assert!(text.contains("would import-principal") && text.contains("to add"), "{text}");
}

#[test]
fn a_place_that_refuses_is_told_once_too() {
    let emulator = Emulator::start("1");
    assert!(run(&emulator, &["provision", "-q"], &[]).status.success());
    // A token that GitHub does not take.
    let (github, _) = emulator.environment().find(|(name, _)| name.contains("GITHUB")).unwrap();
    let ran = run(&emulator, &["rotate", "--force"], &[(github, "ghp_0123456789abcdefghij0123456789abcdef")]);
    assert_eq!(ran.status.code(), Some(1));
    let text = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(text.matches("answered 401").count(), 1, "{text}");
}

#[test]
fn a_secret_beside_a_mistake_on_its_line_is_not_shown_although_the_file_could_not_be_checked_through() {
    for text in [
        "{version: 1, targets: 5, github: {type: token, token: hunter2}}",
        "{version: 1, targets: [{name: a, client-secret: hunter2, workspace: 5}]}",
        "{version: 1, targets: 5, client-secret: hunter2}",
        "{version: 1, password: {env: hunter2 }, targets: 5, token: \"hunter2\"}",
    ] {
        let output = check(text, &[]);
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(!said.contains("token: hunter2") && !said.contains("client-secret: hunter2"), "{said}");
        assert!(!said.contains("\"hunter2"), "{said}");
    }
}
