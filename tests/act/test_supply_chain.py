"""What is installed, where, and who is told of a weakness: the promises of SECURITY.md and docs/security.md."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

MANIFESTS = {
    "Cargo.lock": "cargo",
    "requirements.txt": "pip",
    "azure-cli.txt": "pip",
    "package.json": "npm",
    "go.mod": "gomod",
}
PINNED = ["script/requirements", "tests/conformance/requirements", "tests/conformance/azure-cli"]


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "-C", ROOT, "ls-files"], check=True, capture_output=True, text=True
    )
    return [Path(line) for line in done.stdout.splitlines()]


def workflow(name: str) -> dict:
    return yaml.load((ROOT / ".github/workflows" / name).read_text(), yaml.BaseLoader)


def test_updates_are_proposed_for_every_manifest() -> None:
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    proposed = {
        (update["package-ecosystem"], folder)
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    }
    there = {
        (MANIFESTS[path.name], "/" + str(path.parent).removeprefix("."))
        for path in tracked()
        if path.name in MANIFESTS
    }
    assert proposed == there | {("github-actions", "/")}


@pytest.mark.parametrize("name", PINNED)
def test_every_python_package_that_is_installed_has_a_version_and_hashes(name: str) -> None:
    packages = (ROOT / f"{name}.txt").read_text().replace("\\\n", " ").splitlines()
    pinned = {}
    for line in packages:
        if line.startswith("#"):
            continue
        assert re.fullmatch(r"[a-z0-9.-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", line.strip()), line
        package, _, version = line.split()[0].partition("==")
        pinned[package] = version
    # The list by hand says the same; script/pin has been run since it was changed.
    for line in (ROOT / f"{name}.in").read_text().splitlines():
        if line and not line.startswith("#"):
            package, _, version = line.partition("==")
            assert pinned[re.sub(r"[-_.]+", "-", package.lower())] == version


def test_pip_is_never_run_without_hashes() -> None:
    for path in tracked():
        if path.parts[0] in {"script", ".github"} and (ROOT / path).is_file():
            for line in (ROOT / path).read_text().splitlines():
                if re.search(r"\bpip install\b", line) and "uv is missing" not in line:
                    assert "--require-hashes" in line, path


def test_no_tool_that_tests_or_checks_has_a_hand_in_what_is_published() -> None:
    for name in ["build", "package", "publish", "npm", "crates"]:
        for step in workflow("release.yml")["jobs"][name]["steps"]:
            called = step.get("run", "")
            assert not re.search(r"script/(test|lint)|bootstrap( test)?$", called, re.MULTILINE), called
    for script in ["package", "build-wasm", "bootstrap-wasm"]:
        text = (ROOT / "script" / script).read_text()
        assert "tests/" not in text, script
        assert "bootstrap test" not in text, script
    packing = set(yaml.safe_load((ROOT / "wasm/tools/package.json").read_text())["devDependencies"])
    assert packing == {"binaryen", "esbuild"}


def test_advisories_are_looked_up_on_a_schedule() -> None:
    document = workflow("advisories.yml")
    assert document["on"]["schedule"]
    runs = [step.get("run", "") for step in document["jobs"]["advisories"]["steps"]]
    assert any("cargo-deny check advisories" in run for run in runs)


def test_github_finds_how_to_report_a_weakness() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    for what in ["Report a vulnerability", "docs/security.md", "Supported versions"]:
        assert what in text
