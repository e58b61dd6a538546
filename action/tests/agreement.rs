//! The binary against the npm package's command line: the table of commands and options that the package
//! reads, and the cases that its tests run too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::{Arg, ArgAction, CommandFactory as _};
use lakekey::arguments::Arguments;
use lakekey::exit_status::MEANINGS;
use serde_json::{Map, Value, json};

const TABLE: &str = include_str!("../../wasm/npm/cli/commands.json");
const README: &str = include_str!("../../README.md");
const CASES: &str = include_str!("../../tests/fixtures/command-line.json");

/// Returns the table's commands, each option in full.
fn commands() -> Vec<Value> {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let resolved = |option: &Value| match option.as_str() {
        Some(name) => list(&table["shared"]).iter().find(|shared| shared["name"] == name).unwrap().clone(),
        None => option.clone(),
    };
    list(&table["commands"])
        .iter()
        .map(|command| {
            let mut command = command.clone();
            command["options"] = list(&command["options"]).iter().map(resolved).collect();
            command
        })
        .collect()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Describes an option as the table does, as far as clap tells; a range is tried out instead.
fn described(arg: &Arg) -> Value {
    let mut option = Map::new();
    let mut put = |key: &str, value: Option<Value>| value.map(|value| option.insert(key.to_owned(), value));
    let choice: Vec<String> =
        arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let count = matches!(arg.get_action(), ArgAction::Count);
    let flag = count || matches!(arg.get_action(), ArgAction::SetTrue);
    put("name", Some(json!(arg.get_long().unwrap())));
    put("help", Some(json!(arg.get_help().unwrap().to_string())));
    put("list", matches!(arg.get_action(), ArgAction::Append).then(|| json!(arg.get_value_delimiter())));
    put("count", count.then_some(Value::Bool(true)));
    put("short", arg.get_short().map(|short| json!(short)));
    put("flag", flag.then_some(Value::Bool(true)));
    put("value", (!flag).then(|| json!(arg.get_value_names().unwrap()[0].as_str())));
    put("of", (!flag && !choice.is_empty()).then(|| json!(choice)));
    put("env", arg.get_env().map(|name| json!(name.to_str().unwrap())));
    put(
        "default",
        arg.get_default_values().first().filter(|_| !flag).map(|value| json!(value.to_str().unwrap())),
    );
    Value::Object(option)
}

/// Describes an option of the table in the same way.
fn expected(option: &Value) -> Value {
    let mut expected = option.as_object().unwrap().clone();
    expected.remove("range");
    expected.remove("binary");
    expected.remove("heading");
    match text(&expected.remove("kind").unwrap()) {
        "count" => {
            expected.insert("flag".to_owned(), json!(true));
            expected.insert("count".to_owned(), json!(true))
        }
        "flag" => expected.insert("flag".to_owned(), json!(true)),
        "list" => expected.insert("list".to_owned(), json!(',')),
        "choice" => expected.get("of").cloned(),
        "text" | "number" => None,
        kind => unreachable!("{kind}"),
    };
    Value::Object(expected)
}

#[test]
fn the_binary_has_the_commands_and_options_of_the_table_in_its_order_and_with_its_words() {
    let mut root = Arguments::command();
    root.build();
    let known = commands();
    let visible: Vec<&clap::Command> =
        root.get_subcommands().filter(|command| !command.is_hide_set()).collect();
    let names: Vec<&str> = visible.iter().map(|command| command.get_name()).collect();
    assert_eq!(names, known.iter().map(|command| text(&command["name"])).collect::<Vec<_>>());
    for (command, known) in visible.iter().zip(&known) {
        let name = command.get_name();
        assert_eq!(command.get_about().unwrap().to_string(), text(&known["help"]), "{name}");
        if name == "help" {
            continue;
        }
        let options: Vec<Value> = command
            .get_arguments()
            .filter(|arg| arg.get_long().is_some_and(|name| name != "help"))
            .map(described)
            .collect();
        assert_eq!(options, list(&known["options"]).iter().map(expected).collect::<Vec<_>>(), "{name}");
        let groups: Vec<Vec<String>> = command
            .get_groups()
            .filter(|group| group.is_required_set())
            .map(|group| group.get_args().map(|id| id.as_str().replace('_', "-")).collect())
            .collect();
        assert_eq!(json!(groups.first()), known["one-of"], "{name}");
    }
}

#[test]
fn a_number_has_the_range_of_the_table() {
    let mut tried = 0;
    for command in commands() {
        for option in list(&command["options"]).iter().filter(|option| option["kind"] == "number") {
            let (least, most) = (option["range"][0].as_i64().unwrap(), option["range"][1].as_i64());
            let taken = |number: i64| {
                let value = format!("--{}={number}", text(&option["name"]));
                Arguments::command().try_get_matches_from(["lakekey", text(&command["name"]), &value]).is_ok()
            };
            assert!(taken(least) && !taken(least - 1), "{option}");
            assert!(most.is_none_or(|most| taken(most) && !taken(most + 1)), "{option}");
            tried += 1;
        }
    }
    assert!(tried > 1);
}

#[test]
fn the_help_and_the_readme_say_what_the_table_says_of_the_whole() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let meanings: BTreeMap<String, &str> =
        MEANINGS.iter().map(|(status, meaning)| (status.to_string(), *meaning)).collect();
    assert_eq!(json!(meanings), table["exit"]);
    let help = Arguments::command().render_help().to_string();
    for part in [&table["about"], &table["notes"]["before"], &table["notes"]["after"]] {
        assert!(help.contains(text(part)), "{part} in {help}");
    }
    for example in list(&table["examples"]) {
        assert!(help.contains(&format!("\n  {}\n", text(example))), "{example} in {help}");
    }
    let readme = README.split_whitespace().collect::<Vec<_>>().join(" ");
    for (status, meaning) in &meanings {
        assert!(readme.contains(&format!("{status} {meaning}")), "{meaning} in README.md");
        assert!(help.contains(&format!("{status} {meaning}")), "{meaning} in {help}");
    }
}

/// A folder with the files of the cases, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &Value) -> Self {
        let path = std::env::temp_dir().join(format!("lakekey-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (file, content) in files.as_object().unwrap() {
            std::fs::write(path.join(file), text(content)).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(folder: &Path, arguments: &[&str], env: &Value) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lakekey"))
        .args(arguments)
        .env_clear()
        .envs(env.as_object().into_iter().flatten().map(|(name, value)| (name, text(value))))
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn every_case_ends_and_says_as_it_does_in_the_npm_package() {
    let fixture: Value = serde_json::from_str(CASES).unwrap();
    let folder = Folder::new("agreement", &fixture["files"]);
    let mut wrong = Vec::new();
    for case in list(&fixture["cases"]).iter().filter(|case| case["only"] != "npm") {
        let arguments: Vec<&str> = list(&case["args"]).iter().map(text).collect();
        let done = run(&folder.0, &arguments, &case["env"]);
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        let silent: Vec<&str> = case["says"]
            .as_array()
            .into_iter()
            .flatten()
            .map(text)
            .filter(|part| !said.contains(part))
            .collect();
        if json!(done.status.code()) != case["exit"] || !silent.is_empty() {
            wrong.push(format!("{case}\n  ended with {}, did not say {silent:?}:\n{said}", done.status));
        }
        if case["code"].is_null() {
            continue;
        }
        let done = run(&folder.0, &[&["--json"], arguments.as_slice()].concat(), &case["env"]);
        let report: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        let error =
            [&report["error"], &report["targets"][0]["error"]].into_iter().find(|error| !error.is_null());
        let error = error.unwrap_or(&Value::Null);
        if json!(done.status.code()) != case["exit"]
            || error["code"] != case["code"]
            || error["class"] != case["class"]
        {
            let stdout = String::from_utf8_lossy(&done.stdout).into_owned();
            wrong.push(format!("{case}\n  with --json ended with {}:\n{stdout}", done.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
