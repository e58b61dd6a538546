//! A first configuration, written by the binary: from flags alone, to a file that a run takes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lakekey_core::{Config, NoEnvironment};
use support::Emulator;

const ID: &str = "11111111-1111-1111-1111-111111111111";

/// Makes an empty folder that is gone with the build.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn init(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lakekey"));
    command.arg("init").arg("--no-input").args(arguments).env_clear().current_dir(folder);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_configuration_and_a_workflow_are_written_with_what_was_looked_up() {
    let emulator = Emulator::start("1");
    let folder = folder("init-looked-up");
    let workspace = emulator.at("/workspaces/0");
    let token = emulator.environment().find(|(name, _)| name.contains("GITHUB")).unwrap().1;
    let output = Command::new(env!("CARGO_BIN_EXE_lakekey"))
        .args(["init", "--no-input", "--workspace", &format!("{workspace}/?o=1#job/2"), "--client-id", ID])
        .args(["--repository", "acme/data", "--workflow", ".github/workflows/rotate.yml"])
        .env_clear()
        .env("GITHUB_API_URL", emulator.at("/github"))
        .env("AZURE_AUTHORITY_HOST", emulator.at("/login"))
        .env("GH_TOKEN", token)
        .current_dir(&folder)
        .output()
        .unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let text = std::fs::read_to_string(folder.join("lakekey.yml")).unwrap();
    assert!(text.starts_with("# yaml-language-server: $schema=https://"), "{text}");
    assert!(text.contains(&format!("workspace: {workspace}\n")), "{text}");
    assert!(text.contains("tenant-id: "), "the workspace was asked for its tenant: {text}\n{said}");
    assert!(!text.contains(token) && !said.contains(token));
    let config = Config::read(text.as_bytes(), &NoEnvironment).unwrap();
    assert_eq!(config.targets()[0].client_id(), Some(ID));
    let workflow = std::fs::read_to_string(folder.join(".github/workflows/rotate.yml")).unwrap();
    for part in [
        "config: lakekey.yml",
        "id-token: write",
        "environment: rotation",
        "${{ secrets.LAKEKEY_GITHUB_TOKEN }}",
    ] {
        assert!(workflow.contains(part), "{part} in {workflow}");
    }
    assert!(said.contains("subject:  repo:acme/data:environment:rotation\n"), "GitHub was asked: {said}");
}

#[test]
fn nothing_is_written_over_and_nothing_is_written_that_a_run_would_refuse() {
    let folder = folder("init-refused");
    let answers = ["--tenant-id", ID, "--client-id", ID, "--repository", "acme/data"];
    let with = |more: &[&str]| init(&folder, &[&answers[..], more].concat());
    for (more, words) in [
        (
            &["--workspace", "https://westeurope.azuredatabricks.net"][..],
            "--workspace: this is the address of a region",
        ),
        (&["--workspace", "http://127.0.0.1:9", "--secret", "a-b"], "--secret: a secret's name has letters"),
        (&["--workspace", "http://127.0.0.1:9", "--auth-type", "azure_msi"], "did you mean `azure-msi`?"),
        (&["--workspace", "http://127.0.0.1:9", "--overlap", "3 months"], "--overlap: months and years vary"),
        (&[], "an answer is missing: give --workspace"),
    ] {
        let output = with(more);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(said(&output).contains(words), "{more:?}: {}", said(&output));
        assert!(!folder.join("lakekey.yml").exists(), "{more:?}");
    }
    std::fs::write(folder.join("lakekey.yml"), "mine").unwrap();
    let output = with(&["--workspace", "http://127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("lakekey.yml is there already"), "{}", said(&output));
    let output =
        with(&["--workspace", "http://127.0.0.1:9", "--config", "other.yml", "--workflow", "lakekey.yml"]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "a workflow that is there keeps the configuration from being written"
    );
    assert!(!folder.join("other.yml").exists());
    assert_eq!(std::fs::read_to_string(folder.join("lakekey.yml")).unwrap(), "mine");
}

#[test]
fn a_look_up_that_fails_is_said_and_stops_nothing() {
    let folder = folder("init-alone");
    let output = init(
        &folder,
        &[
            "--workspace",
            "http://127.0.0.1:9",
            "--display-name",
            "it's \"so\"",
            "--kind",
            "databricks",
            "--repository",
            "acme/data",
            "--environment",
            "production",
            "--app-id",
            "12345",
            "--auth-type",
            "oauth-m2m",
            "--workflow",
            "azure-pipelines.yml",
        ],
    );
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the tenant could not be looked up"), "{told}");
    assert!(told.contains("DATABRICKS_CLIENT_SECRET") && told.contains("GitHub App 12345"), "{told}");
    let text = std::fs::read_to_string(folder.join("lakekey.yml")).unwrap();
    let config = Config::read(text.as_bytes(), &NoEnvironment).unwrap();
    assert_eq!(config.targets()[0].places(), ["github-secret acme/data DATABRICKS_TOKEN (production)"]);
    let pipeline = std::fs::read_to_string(folder.join("azure-pipelines.yml")).unwrap();
    assert!(pipeline.contains("rotate") && pipeline.contains("$(LAKEKEY_APP_KEY)"), "{pipeline}");
}
