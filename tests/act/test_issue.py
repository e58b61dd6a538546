"""The one issue that the Action keeps while something needs a person, and the page that it writes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Emulator

KEY = "<!-- lakekey rotate.yml/rotate -->"

Job = Callable[..., subprocess.CompletedProcess]


@pytest.fixture
def job(binary: Path, emulator: Emulator, tmp_path: Path) -> Job:
    """Runs the binary as a step of a job in acme/data."""
    token = emulator.seed(github_token={"permissions": ["issues"]})["token"]

    def run(**more: str) -> subprocess.CompletedProcess:
        env = {
            **emulator.env,
            "LAKEKEY_INPUT_CONFIG": emulator.ready["config"],
            "LAKEKEY_INPUT_ISSUE": "true",
            "LAKEKEY_INPUT_ISSUE_TOKEN": token,
            "GITHUB_API_URL": emulator.ready["github"],
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "acme/data",
            "GITHUB_RUN_ID": "7",
            "GITHUB_JOB": "rotate",
            "GITHUB_WORKFLOW_REF": "acme/data/.github/workflows/rotate.yml@refs/heads/main",
            "LAKEKEY_ALLOW_HOSTS": "github.example",
        }
        env |= {name: value for name, value in more.items()}
        return subprocess.run([binary, "action"], env=env, cwd=tmp_path, check=False, capture_output=True, text=True)

    return run


def issues(emulator: Emulator) -> list[dict]:
    return emulator.get("/state")["github"]["issues"].get("acme/data", [])


def refuse_secrets(emulator: Emulator) -> None:
    fault = {
        "service": "github",
        "method": "PUT",
        "path-contains": "/secrets/",
        "kind": {"status": {"status": 422, "body": {"message": "<b>no</b> @everyone --> | x"}}},
    }
    emulator.control("POST", "/faults", [fault])


def test_an_issue_is_opened_told_of_what_is_new_and_closed_when_all_is_well(job: Job, emulator: Emulator) -> None:
    assert job(LAKEKEY_INPUT_COMMAND="provision").returncode == 0
    assert issues(emulator) == []

    refuse_secrets(emulator)
    assert job(LAKEKEY_INPUT_FORCE="true").returncode == 1
    [issue] = issues(emulator)
    assert issue["title"] == "Databricks credentials: 1 failed"
    assert (issue["labels"], issue["comments"], issue["closed-as"]) == (["lakekey"], [], None)
    body = issue["body"]
    assert body.startswith(KEY)
    assert "https://github.example/acme/data/actions/runs/7" in body
    for markup in ["<b>", "@everyone", "--> |"]:
        assert markup not in body

    # The same again is no news.
    assert job(LAKEKEY_INPUT_FORCE="true").returncode == 1
    [issue] = issues(emulator)
    assert (issue["comments"], issue["closed-as"]) == ([], None)

    # A month later it is overdue too, which is.
    emulator.post("/clock", {"advance-seconds": 78 * 86_400})
    assert job().returncode == 1
    [issue] = issues(emulator)
    assert issue["title"].startswith("Databricks credentials: 1 failed, 1 overdue")
    [comment] = issue["comments"]
    assert "overdue" in comment

    emulator.control("DELETE", "/faults")
    emulator.post("/clock", {"advance-seconds": 2 * 86_400})
    assert job().returncode == 0
    [issue] = issues(emulator)
    assert issue["closed-as"] == "completed"
    assert "All is well again" in issue["comments"][-1]

    # What goes wrong next has an issue of its own.
    refuse_secrets(emulator)
    assert job(LAKEKEY_INPUT_FORCE="true").returncode == 1
    assert [found["closed-as"] for found in issues(emulator)] == ["completed", None]


def test_an_issue_that_cannot_be_kept_is_a_warning_with_the_permission_to_give(job: Job, emulator: Emulator) -> None:
    reader = emulator.seed(github_token={"permissions": ["secrets"]})["token"]
    assert job(LAKEKEY_INPUT_COMMAND="provision", LAKEKEY_INPUT_ISSUE_TOKEN=reader).returncode == 0
    refuse_secrets(emulator)
    done = job(LAKEKEY_INPUT_FORCE="true", LAKEKEY_INPUT_ISSUE_TOKEN=reader)
    assert done.returncode == 1
    assert "::warning title=" in done.stdout
    assert "issues: write" in done.stdout
    assert reader not in done.stdout.replace(f"::add-mask::{reader}", "")
    assert issues(emulator) == []


@pytest.mark.parametrize("command", ["plan", "doctor", "revoke"])
def test_only_what_renews_or_looks_keeps_an_issue(job: Job, emulator: Emulator, command: str) -> None:
    done = job(LAKEKEY_INPUT_COMMAND=command, LAKEKEY_INPUT_TARGET="catalog-prod")
    assert done.returncode == 2
    assert "input issue" in done.stdout


def test_a_dry_run_changes_no_issue(job: Job, emulator: Emulator) -> None:
    assert job(LAKEKEY_INPUT_COMMAND="provision").returncode == 0
    refuse_secrets(emulator)
    assert job(LAKEKEY_INPUT_FORCE="true").returncode == 1
    before = issues(emulator)
    emulator.control("DELETE", "/faults")
    assert job(LAKEKEY_INPUT_FORCE="true", LAKEKEY_INPUT_DRY_RUN="true").returncode == 0
    assert issues(emulator) == before


def test_status_writes_a_page_and_other_commands_refuse_to(job: Job, tmp_path: Path) -> None:
    assert job(LAKEKEY_INPUT_COMMAND="provision").returncode == 0
    for name in ["site/fleet.html", "fleet.html"]:
        done = job(LAKEKEY_INPUT_COMMAND="status", LAKEKEY_INPUT_HTML=name)
        assert done.returncode == 0, done.stdout
        assert (tmp_path / name).exists()
    assert "<title>lakekey status</title>" in (tmp_path / "fleet.html").read_text()
    assert job(LAKEKEY_INPUT_HTML="fleet.html").returncode == 2
    done = job(LAKEKEY_INPUT_COMMAND="status", LAKEKEY_INPUT_HTML="fleet.html/below/a/file.html")
    assert done.returncode == 1
    assert "could not be written" in done.stdout
