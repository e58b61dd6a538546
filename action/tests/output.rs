//! What people and log collectors see of the binary.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// Runs the emulator until it is dropped.
struct Emulator(Child, Value);

impl Emulator {
    fn start(workspaces: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lakekey"))
            .args(["emulate", "--workspaces", workspaces])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self(child, serde_json::from_str(&line).unwrap())
    }

    fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let env = self.1["env"].as_object().unwrap();
        Command::new(env!("CARGO_BIN_EXE_lakekey"))
            .args(arguments)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value.as_str().unwrap())))
            .env("LAKEKEY_CONFIG", self.1["config"].as_str().unwrap())
            .envs(more.iter().copied())
            .output()
            .unwrap()
    }

    fn out(&self, arguments: &[&str], more: &[(&str, &str)]) -> String {
        String::from_utf8(self.run(arguments, more).stdout).unwrap()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
    let plan = emulator.run(&["plan", "--exit-code"], &[]);
    assert_eq!(plan.status.code(), Some(3));
    let text = String::from_utf8(plan.stdout).unwrap();
    assert!(text.ends_with("plan: 4 to add, 6 to change\n"), "{text}");
    assert!(text.contains("+ would create-token") && text.contains("~ would deliver"), "{text}");
    assert_eq!(emulator.run(&["plan"], &[]).status.code(), Some(0), "only where it is asked for");
    assert_eq!(emulator.run(&["provision", "-q"], &[]).status.code(), Some(0));
    let text = emulator.out(&["plan", "--exit-code"], &[]);
    assert!(text.ends_with("plan: nothing to do\n"), "{text}");
    assert_eq!(emulator.run(&["plan", "--exit-code"], &[]).status.code(), Some(0));
    let text = emulator.out(&["rotate", "--force", "--dry-run"], &[]);
    assert!(text.contains("- would revoke-token"), "{text}");
}

#[test]
fn a_rotation_with_nothing_due_says_nothing_where_it_is_to_be_quiet() {
    let emulator = Emulator::start("1");
    let first = emulator.run(&["provision", "-q"], &[]);
    assert!(String::from_utf8(first.stdout).unwrap().contains("provisioned"), "what was done is told");
    let calm = emulator.run(&["rotate", "-q"], &[]);
    assert_eq!((calm.status.code(), calm.stdout.len(), calm.stderr.len()), (Some(0), 0, 0));
    assert!(!emulator.run(&["rotate"], &[]).stdout.is_empty());
}

#[test]
fn tables_fit_the_width_that_there_is() {
    let emulator = Emulator::start("3");
    assert!(emulator.run(&["provision", "-q"], &[]).status.success());
    for columns in ["60", "80", "120"] {
        for command in [&["status", "--all"][..], &["plan"], &["doctor"], &["rotate", "--force", "--dry-run"]]
        {
            let text = emulator.out(command, &[("COLUMNS", columns)]);
            let width: usize = columns.parse().unwrap();
            for line in text.lines() {
                // An id is not broken: people copy it.
                let is_id = line.split_whitespace().count() == 1;
                assert!(is_id || line.chars().count() <= width, "{command:?} at {columns}: {line}");
            }
            assert!(text.contains("catalog-prod-3"), "{text}");
        }
    }
    let wide = emulator.out(&["status"], &[]);
    assert!(wide.contains("CREATED") && wide.contains(" (in "), "without a terminal all is told: {wide}");
    let narrow = emulator.out(&["status"], &[("COLUMNS", "60")]);
    assert!(!narrow.contains("CREATED") && narrow.contains("EXPIRES"), "{narrow}");
}

#[test]
fn colours_are_used_where_they_are_asked_for_alone() {
    let emulator = Emulator::start("1");
    assert!(emulator.run(&["provision", "-q"], &[]).status.success());
    let coloured =
        |arguments: &[&str], more: &[(&str, &str)]| emulator.out(arguments, more).contains('\u{1b}');
    assert!(!coloured(&["status"], &[]), "not in a pipe");
    assert!(coloured(&["status", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&["status"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["status"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["status", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn a_log_for_a_collector_is_one_object_a_line_with_names_that_stay() {
    let emulator = Emulator::start("1");
    let run = emulator.run(&["provision", "--log", "json"], &[]);
    let text = String::from_utf8(run.stderr).unwrap();
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
    let run = emulator.run(&["rotate", "--color", "always"], &[]);
    assert_eq!(run.status.code(), Some(1));
    let text = String::from_utf8(run.stderr).unwrap();
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
    let config = emulator.1["config"].as_str().unwrap();
    let inputs = [("LAKEKEY_INPUT_COMMAND", "rotate"), ("LAKEKEY_INPUT_CONFIG", config)];
    let run = emulator.run(&["action"], &inputs);
    assert_eq!(run.status.code(), Some(1), "no principal is in its workspace");
    let text = String::from_utf8(run.stdout).unwrap();
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
    let config = emulator.1["config"].as_str().unwrap();
    let inputs = [
        ("LAKEKEY_INPUT_COMMAND", "provision"),
        ("LAKEKEY_INPUT_CONFIG", config),
        ("LAKEKEY_INPUT_DRY_RUN", "true"),
    ];
    let text = emulator.out(&["action"], &inputs);
    assert!(text.contains("would import-principal") && text.contains("to add"), "{text}");
}

#[test]
fn a_place_that_refuses_is_told_once_too() {
    let emulator = Emulator::start("1");
    assert!(emulator.run(&["provision", "-q"], &[]).status.success());
    // A token that GitHub does not take.
    let variables = emulator.1["env"].as_object().unwrap();
    let github = variables.keys().find(|name| name.contains("GITHUB")).unwrap();
    let run = emulator.run(&["rotate", "--force"], &[(github, "ghp_0123456789abcdefghij0123456789abcdef")]);
    assert_eq!(run.status.code(), Some(1));
    let text = String::from_utf8(run.stderr).unwrap();
    assert_eq!(text.matches("answered 401").count(), 1, "{text}");
}
