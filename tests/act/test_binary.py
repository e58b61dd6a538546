"""Where the Action's binary comes from: script/action/run by itself, with a small program in the binary's
place."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, Mirror

# All that the script needs where there is a release; a machine's own cargo is not among them.
NEEDS = ["bash", "curl", "env", "gzip", "mkdir", "printf", "rm", "sh", "sha256sum", "tar"]
PROGRAM = '#!/bin/sh\nprintf "ran %s with %s\\n" "$*" "$LAKEKEY_INPUT_COMMAND"\n'


def release(mirror: Mirror, action: Path, version: str = "1.2.3", platform: str = "linux-x64") -> Path:
    """Releases a small program in lakekey's place."""
    program = mirror.folder / "lakekey"
    program.write_text(PROGRAM)
    return mirror.release(program, action / "checksums.txt", version, platform)


def tools(tmp_path: Path, without: tuple[str, ...] = ()) -> Path:
    """A folder with the tools that the script needs, to be the whole path: links to the machine's own, so that
    nothing may be written there."""
    folder = tmp_path / "path"
    folder.mkdir(exist_ok=True)
    for name in NEEDS:
        tool = folder / name
        if name in without:
            tool.unlink(missing_ok=True)
        elif not tool.exists():
            tool.symlink_to(shutil.which(name, path="/usr/bin:/bin"))
    return folder


def run(
    action: Path, tmp_path: Path, *, cwd: Path | None = None, without: tuple[str, ...] = (), **env: str
) -> subprocess.CompletedProcess:
    """Runs the script with these variables; an empty one is left out."""
    temp = tmp_path / "runner"
    temp.mkdir(exist_ok=True)
    bare = {"PATH": str(tools(tmp_path, without)), "RUNNER_TEMP": str(temp)}
    bare |= {"RUNNER_OS": "Linux", "RUNNER_ARCH": "X64", "LAKEKEY_INPUT_COMMAND": "rotate"}
    bare |= {"GITHUB_OUTPUT": str(tmp_path / "output"), **env}
    return subprocess.run(
        [action / "script/action/run"],
        env={name: value for name, value in bare.items() if value},
        cwd=cwd or tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )


def outputs(tmp_path: Path) -> dict[str, str]:
    """What the step left for later ones."""
    lines = (tmp_path / "output").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def refused(result: subprocess.CompletedProcess, code: str) -> bool:
    return (
        result.returncode == 2
        and f"::error title={code}::" in result.stdout
        and "ran" not in result.stdout.split()
    )


def test_the_input_binary_comes_before_everything_else(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    release(mirror, action)
    mine = tmp_path / "mine"
    mine.write_text(PROGRAM)
    mine.chmod(0o755)
    for path in [str(mine), "mine"]:
        result = run(action, tmp_path, LAKEKEY_INPUT_BINARY=path, LAKEKEY_MIRROR=mirror.url)
        assert (result.returncode, result.stdout) == (0, "ran action with rotate\n")
    assert mirror.asked == []


@pytest.mark.parametrize("path", ["missing", ".", "text", "-x", "a b; touch pwned", "$(touch pwned)"])
def test_an_input_binary_that_is_no_program_is_refused(action: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "text").write_text("no program")
    assert refused(run(action, tmp_path, LAKEKEY_INPUT_BINARY=path), "binary-missing")
    assert not (tmp_path / "pwned").exists()


def test_an_archive_of_the_table_is_fetched_verified_and_run(
    action: Path, mirror: Mirror, tmp_path: Path
) -> None:
    release(mirror, action)
    result = run(action, tmp_path, LAKEKEY_MIRROR=mirror.url)
    assert (result.returncode, result.stdout) == (0, "ran action with rotate\n"), result.stderr


def test_the_newest_release_of_the_table_is_taken_unless_another_is_asked_for(
    action: Path, mirror: Mirror, tmp_path: Path
) -> None:
    release(mirror, action, "1.9.0")
    release(mirror, action, "1.10.0")
    run(action, tmp_path, LAKEKEY_MIRROR=mirror.url)
    run(action, tmp_path, LAKEKEY_MIRROR=mirror.url, LAKEKEY_INPUT_VERSION="v1.9.0")
    assert mirror.asked == [
        "/v1.10.0/lakekey-1.10.0-linux-x64.tar.gz",
        "/v1.9.0/lakekey-1.9.0-linux-x64.tar.gz",
    ]


def test_a_second_step_fetches_nothing_and_verifies_again(
    action: Path, mirror: Mirror, tmp_path: Path
) -> None:
    archive = release(mirror, action)
    run(action, tmp_path, LAKEKEY_MIRROR=mirror.url)
    assert run(action, tmp_path, LAKEKEY_MIRROR=mirror.url).returncode == 0
    assert len(mirror.asked) == 1
    # Somebody on the runner changes the kept archive: it is not trusted, but fetched anew.
    kept = next((tmp_path / "runner").glob(f"lakekey-*/{archive.name}"))
    kept.write_bytes(b"changed")
    assert run(action, tmp_path, LAKEKEY_MIRROR=mirror.url).stdout == "ran action with rotate\n"
    assert len(mirror.asked) == 2


def test_a_changed_archive_is_refused_and_not_run(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    archive = release(mirror, action)
    archive.write_bytes(archive.read_bytes() + b"x")
    assert refused(run(action, tmp_path, LAKEKEY_MIRROR=mirror.url), "checksum-mismatch")
    assert list((tmp_path / "runner").glob("lakekey-*/*")) == []


def test_a_runner_without_a_way_out_is_told_what_to_do(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    release(mirror, action)
    shutil.rmtree(mirror.folder / "v1.2.3")
    result = run(action, tmp_path, LAKEKEY_MIRROR=mirror.url)
    assert refused(result, "not-reachable")
    assert "input binary" in result.stdout


def test_a_version_that_the_table_lacks_is_refused(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    release(mirror, action)
    assert refused(
        run(action, tmp_path, LAKEKEY_MIRROR=mirror.url, LAKEKEY_INPUT_VERSION="1.2.4"), "binary-missing"
    )
    assert mirror.asked == []


@pytest.mark.parametrize(
    "version", ["latest", "1.2", "1.2.3/../../x", "1.2.3\n::warning::x", "$(touch pwned)", "1.2.3 lakekey"]
)
def test_a_version_of_another_form_is_refused_without_being_repeated(
    action: Path, tmp_path: Path, version: str
) -> None:
    result = run(action, tmp_path, LAKEKEY_INPUT_VERSION=version)
    assert refused(result, "usage-invalid")
    assert "warning" not in result.stdout
    assert not (tmp_path / "pwned").exists()


def test_plain_http_is_for_loopback_alone(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    release(mirror, action)
    result = run(action, tmp_path, LAKEKEY_MIRROR="http://mirror.acme.example")
    assert refused(result, "not-reachable")
    assert "Protocol" in result.stderr
    assert "resolve" not in result.stderr


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [
        ("Linux", "X64", "linux-x64"),
        ("Linux", "ARM64", "linux-arm64"),
        ("macOS", "X64", "macos-x64"),
        ("macOS", "ARM64", "macos-arm64"),
        ("Windows", "X64", "windows-x64"),
    ],
)
def test_each_runner_asks_for_its_own_archive(
    action: Path, mirror: Mirror, tmp_path: Path, system: str, machine: str, platform: str
) -> None:
    release(mirror, action, platform=platform)
    run(action, tmp_path, LAKEKEY_MIRROR=mirror.url, RUNNER_OS=system, RUNNER_ARCH=machine)
    assert mirror.asked == [f"/v1.2.3/lakekey-1.2.3-{platform}.tar.gz"]


def test_the_same_binary_packs_into_the_same_bytes(mirror: Mirror, action: Path) -> None:
    first = release(mirror, action).read_bytes()
    os.utime(mirror.folder / "lakekey", (1, 1))
    assert release(mirror, action, "1.2.4").read_bytes() == first


def test_the_table_takes_each_archive_once(mirror: Mirror, action: Path, tmp_path: Path) -> None:
    archive = release(mirror, action, "2.0.0")
    for name in ["env.sh", "release/table"]:
        (action / "script" / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / "script" / name, action / "script" / name)
    (action / "Cargo.toml").write_text("")
    (action / "checksums.txt").write_text("# archives\n")
    table = [action / "script/release/table", archive.parent]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    subprocess.run(table, check=True, env=env)
    sum_ = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (action / "checksums.txt").read_text() == f"# archives\n{sum_}  {archive.name}\n"
    again = subprocess.run(table, check=False, capture_output=True, text=True, env=env)
    assert again.returncode != 0
    assert "stands in the table already" in again.stderr


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:1@evil.example", "https://user:password@mirror.example", "mirror.example", "file:///etc"],
)
def test_a_mirror_with_a_user_or_a_password_is_refused(
    action: Path, mirror: Mirror, tmp_path: Path, address: str
) -> None:
    release(mirror, action)
    result = run(action, tmp_path, LAKEKEY_MIRROR=address)
    assert refused(result, "usage-invalid")
    assert "password@" not in result.stdout + result.stderr
