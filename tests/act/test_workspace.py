"""script/action/run in a workspace, on a path and on a runner that are against it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, RUST, Mirror, wait_for
from test_binary import PROGRAM, outputs, refused, release, run, tools

# What the script may look for, each in the place of a program of the checkout's.
LOOKED_FOR = ["awk", "bash", "cargo", "curl", "env", "gzip", "mkdir", "rm", "rustup", "sed", "sha256sum", "tar"]

# In cargo's place: notes how it was called, and leaves a program where cargo would.
CARGO = f"""#!/bin/bash
if [ "$1" = --version ]; then echo "cargo $(cat "$(dirname "$0")/version") (0123456789 2026-01-01)"; exit; fi
printf '%s\\n' "$*" >"$(dirname "$0")/called"
pwd >"$(dirname "$0")/cwd"
env >"$(dirname "$0")/env"
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin"
printf '%s' '{PROGRAM}' >"$2/bin/lakekey"
chmod +x "$2/bin/lakekey"
"""


@pytest.fixture
def cargo(tmp_path: Path) -> Path:
    """The folder of a cargo that notes how it is called."""
    folder = tmp_path / "cargo"
    folder.mkdir()
    (folder / "version").write_text(f"{RUST}.0")
    (folder / "cargo").write_text(CARGO)
    (folder / "cargo").chmod(0o755)
    return folder


def path_with(tmp_path: Path, *folders: Path | str) -> str:
    """A path that begins with these folders; the fake cargo uses tools that the script does not."""
    return ":".join(map(str, [*folders, tools(tmp_path), "/usr/bin", "/bin"]))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A checkout that would run something of its own wherever it can."""
    folder = tmp_path / "workspace"
    (folder / "bin").mkdir(parents=True)
    for where in [folder, folder / "bin"]:
        for name in LOOKED_FOR:
            (where / name).write_text(f'#!/bin/sh\necho {name} >>"{tmp_path}/pwned"\nexit 1\n')
            (where / name).chmod(0o755)
    (folder / ".cargo").mkdir()
    (folder / ".cargo/config.toml").write_text('[build]\nrustc-wrapper = "./rm"\n')
    (folder / "rust-toolchain.toml").write_text('[toolchain]\npath = "."\n')
    return folder


HOSTILE = [".", "", "bin", "./bin", "{workspace}", "{workspace}/bin", "{workspace}/../workspace/bin", "{link}"]


@pytest.mark.parametrize("entry", HOSTILE)
def test_no_tool_is_taken_from_the_workspace(
    action: Path, mirror: Mirror, tmp_path: Path, workspace: Path, cargo: Path, entry: str
) -> None:
    link = tmp_path / "link"
    link.symlink_to(workspace / "bin")
    entry = entry.format(workspace=workspace, link=link)
    env = {"PATH": path_with(tmp_path, entry, cargo), "GITHUB_WORKSPACE": str(workspace)}
    env |= {"LAKEKEY_INPUT_BUILD": "true", "LAKEKEY_MIRROR": mirror.url}
    bash = ["/bin/bash", action / "script/action/run"]
    for ready in [lambda: None, lambda: release(mirror, action)]:
        ready()
        # By bash itself, as action.yml does: which `env` and `bash` a shebang finds is not up to the script.
        result = subprocess.run(
            bash,
            env={"RUNNER_TEMP": str(tmp_path), "RUNNER_OS": "Linux", "RUNNER_ARCH": "X64"}
            | {"LAKEKEY_INPUT_COMMAND": "rotate", **env},
            cwd=workspace,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, "ran action with rotate\n"), result.stderr
        assert not (tmp_path / "pwned").exists()


def test_the_binary_gets_the_path_without_the_workspace(action: Path, tmp_path: Path, workspace: Path) -> None:
    mine = workspace / "mine"
    mine.write_text('#!/bin/sh\nprintf "%s\\n" "$PATH"\n')
    mine.chmod(0o755)
    result = run(
        action,
        tmp_path,
        cwd=workspace,
        PATH=f"{tools(tmp_path)}:.:{workspace}/bin:/usr/bin",
        GITHUB_WORKSPACE=str(workspace),
        LAKEKEY_INPUT_BINARY="mine",
    )
    assert result.stdout == f"{tools(tmp_path)}:/usr/bin\n", result.stderr


def test_without_a_checksum_nothing_is_built_unless_that_is_asked_for(
    action: Path, tmp_path: Path, cargo: Path
) -> None:
    for build in ["", "false"]:
        result = run(action, tmp_path, PATH=path_with(tmp_path, cargo), LAKEKEY_INPUT_BUILD=build)
        assert refused(result, "binary-missing")
        for way in ["commit of a release", "input binary", "build: true"]:
            assert way in result.stdout
    assert not (cargo / "called").exists()


@pytest.mark.parametrize("build", ["yes", "True", "true\n::warning::x", "$(touch pwned)"])
def test_an_input_build_of_another_form_is_refused_without_being_repeated(
    action: Path, tmp_path: Path, build: str
) -> None:
    result = run(action, tmp_path, LAKEKEY_INPUT_BUILD=build)
    assert refused(result, "usage-invalid")
    assert "warning" not in result.stdout
    assert not (tmp_path / "pwned").exists()


def test_a_build_happens_in_the_actions_own_folder_without_inputs_tokens_or_the_runners_variables(
    action: Path, tmp_path: Path, workspace: Path, cargo: Path
) -> None:
    secret = {
        "LAKEKEY_INPUT_CLIENT_SECRET": "s3cr3t-1",
        "LAKEKEY_APP_KEY": "s3cr3t-2",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "s3cr3t-3",
        "ACTIONS_RUNTIME_TOKEN": "s3cr3t-4",
        "GITHUB_TOKEN": "s3cr3t-5",
        "CARGO_REGISTRY_TOKEN": "s3cr3t-6",
        "ANYTHING": "s3cr3t-7",
    }
    other = {
        "RUSTC_WRAPPER": "./rm",
        "RUSTC": "./rm",
        "CARGO_BUILD_RUSTC_WRAPPER": "./rm",
        "RUSTFLAGS": "-Clinker=./rm",
        "CARGO_HOME": str(workspace / ".cargo"),
        "HOME": str(tmp_path),
        "HTTPS_PROXY": "http://proxy.acme.example",
    }
    result = run(
        action,
        tmp_path,
        cwd=workspace,
        PATH=path_with(tmp_path, cargo),
        GITHUB_WORKSPACE=str(workspace),
        LAKEKEY_INPUT_BUILD="true",
        **secret,
        **other,
    )
    assert (result.returncode, result.stdout) == (0, "ran action with rotate\n"), result.stderr
    assert (cargo / "called").read_text().startswith("install --quiet --locked --path action --root ")
    assert (cargo / "cwd").read_text().strip() == str(action)
    seen = dict(line.split("=", 1) for line in (cargo / "env").read_text().splitlines())
    assert "s3cr3t" not in str(seen)
    assert seen["HOME"] == str(tmp_path)
    assert seen["HTTPS_PROXY"] == "http://proxy.acme.example"
    of_the_shell = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert set(seen) - of_the_shell == {"PATH", "HOME", "HTTPS_PROXY", "CARGO_TARGET_DIR"}


def test_a_build_takes_the_toolchain_that_the_source_names(action: Path, tmp_path: Path, cargo: Path) -> None:
    rustup = cargo / "rustup"
    rustup.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{cargo}/rustup.called"\n')
    rustup.chmod(0o755)
    env = {"PATH": path_with(tmp_path, cargo), "LAKEKEY_INPUT_BUILD": "true"}
    assert run(action, tmp_path, **env).returncode == 0
    assert f"RUSTUP_TOOLCHAIN={RUST}.0\n" in (cargo / "env").read_text()
    assert (cargo / "rustup.called").read_text() == f"run {RUST}.0 cargo --version\n"
    # Where rustup cannot have it, the cargo that is there will do if it is new enough.
    rustup.write_text("#!/bin/sh\nexit 1\n")
    assert run(action, tmp_path, **env).returncode == 0
    assert "RUSTUP_TOOLCHAIN" not in (cargo / "env").read_text()
    (cargo / "version").write_text("1.80.1")
    result = run(action, tmp_path, **env)
    assert refused(result, "binary-missing")
    assert f"Rust {RUST}.0 or later" in result.stdout


def test_an_action_below_settings_of_cargo_in_the_workspace_is_not_built(
    action: Path, tmp_path: Path, cargo: Path
) -> None:
    (tmp_path / ".cargo").mkdir()
    env = {"PATH": path_with(tmp_path, cargo), "LAKEKEY_INPUT_BUILD": "true"}
    assert refused(run(action, tmp_path, GITHUB_WORKSPACE=str(tmp_path), **env), "binary-missing")
    assert not (cargo / "called").exists()


def test_a_runner_that_no_archive_is_for_builds_where_that_is_asked_for(
    action: Path, mirror: Mirror, tmp_path: Path, cargo: Path
) -> None:
    release(mirror, action)
    env = {"PATH": path_with(tmp_path, cargo), "LAKEKEY_MIRROR": mirror.url, "LAKEKEY_INPUT_BUILD": "true"}
    assert run(action, tmp_path, **env).returncode == 0
    assert not (cargo / "called").exists()
    assert run(action, tmp_path, RUNNER_ARCH="ARM", **env).returncode == 0
    assert (cargo / "called").exists()


@pytest.mark.parametrize("tool", ["curl", "gzip", "mkdir", "rm", "sha256sum", "tar"])
def test_a_missing_tool_is_named(action: Path, mirror: Mirror, tmp_path: Path, tool: str) -> None:
    release(mirror, action)
    result = run(action, tmp_path, without=(tool,), LAKEKEY_MIRROR=mirror.url)
    assert refused(result, "binary-missing")
    assert f"The tool {tool} " in result.stdout
    assert outputs(tmp_path)["outcome"] == "failed"


def test_a_missing_cargo_is_named(action: Path, tmp_path: Path) -> None:
    result = run(action, tmp_path, LAKEKEY_INPUT_BUILD="true")
    assert refused(result, "binary-missing")
    assert "The tool cargo is missing" in result.stdout


@pytest.mark.parametrize("name", ["D:\\a b\\_temp", "D:", "a\\nb", "-x", "$(touch pwned)", "ü 'quoted\""])
def test_no_tool_reads_the_name_of_the_runners_folder(
    action: Path, mirror: Mirror, tmp_path: Path, name: str
) -> None:
    release(mirror, action)
    temp = tmp_path / name
    temp.mkdir()
    for folder in [str(temp), name]:
        result = run(action, tmp_path, LAKEKEY_MIRROR=mirror.url, RUNNER_TEMP=folder)
        assert (result.returncode, result.stdout) == (0, "ran action with rotate\n"), result.stderr
    assert len(mirror.asked) == 1
    assert not (tmp_path / "pwned").exists()


def test_a_path_of_windows_is_turned_into_one_of_the_shell(
    action: Path, mirror: Mirror, tmp_path: Path
) -> None:
    """`cygpath` stands in for the one of Git for Windows, which alone knows where `D:` is."""
    release(mirror, action, platform="windows-x64")
    windows, real = tmp_path / "D:\\a\\_temp", tmp_path / "real"
    windows.mkdir()
    real.mkdir()
    cygpath = tmp_path / "git/cygpath"
    cygpath.parent.mkdir()
    cygpath.write_text(f'#!/bin/sh\n[ "$1" = -u ] && [ "$2" = "{windows}" ] && echo "{real}"\n')
    cygpath.chmod(0o755)
    path = f"{cygpath.parent}:{tools(tmp_path)}"
    run(action, tmp_path, PATH=path, LAKEKEY_MIRROR=mirror.url, RUNNER_TEMP=str(windows), RUNNER_OS="Windows")
    assert list(real.glob("lakekey-*/lakekey-1.2.3-windows-x64.tar.gz"))
    assert list(windows.iterdir()) == []


def test_a_table_with_the_line_ends_of_windows_is_read(action: Path, mirror: Mirror, tmp_path: Path) -> None:
    release(mirror, action)
    table = action / "checksums.txt"
    table.write_bytes(table.read_bytes().replace(b"\n", b"\r\n"))
    assert run(action, tmp_path, LAKEKEY_MIRROR=mirror.url).returncode == 0


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({}, "binary-missing"),
        ({"LAKEKEY_INPUT_BINARY": "missing"}, "binary-missing"),
        ({"LAKEKEY_INPUT_VERSION": "latest"}, "usage-invalid"),
        ({"RUNNER_TEMP": "missing", "LAKEKEY_INPUT_BUILD": "true"}, "binary-missing"),
    ],
)
def test_a_failure_leaves_outputs_and_one_annotation(
    action: Path, tmp_path: Path, cargo: Path, env: dict[str, str], code: str
) -> None:
    result = run(action, tmp_path, **{"PATH": path_with(tmp_path, cargo), **env})
    assert refused(result, code)
    assert result.stdout.count("::error") == 1
    left = outputs(tmp_path)
    assert left["outcome"] == "failed"
    report = json.loads(left["report"])
    assert (report["version"], report["targets"], report["error"]["code"]) == (1, [], code)
    assert {"class", "code", "hint", "message", "request-id", "step"} == set(report["error"])


def test_an_unexpected_failure_leaves_outputs_and_an_annotation(action: Path, tmp_path: Path) -> None:
    (action / "checksums.txt").unlink()
    mine = tmp_path / "mine"
    mine.write_text("#!/nowhere/to/be/found\n")
    mine.chmod(0o755)
    assert refused(run(action, tmp_path, LAKEKEY_INPUT_BINARY="mine"), "binary-missing")
    assert outputs(tmp_path)["outcome"] == "failed"
    # A folder that cannot be made: a file stands there.
    (action / "checksums.txt").write_text(f"{'0' * 64}  lakekey-1.2.3-linux-x64.tar.gz\n")
    (tmp_path / "runner" / f"lakekey-{'0' * 64}").write_text("")
    (tmp_path / "output").unlink()
    result = run(action, tmp_path)
    assert refused(result, "internal"), result.stdout
    assert outputs(tmp_path)["outcome"] == "failed"


def test_a_step_that_is_cancelled_before_lakekey_runs_says_so(
    action: Path, mirror: Mirror, tmp_path: Path
) -> None:
    release(mirror, action)
    # A folder of its own before the tools: those are links to the machine's own.
    curl = tmp_path / "slow/curl"
    curl.parent.mkdir()
    curl.write_text(f'#!/bin/bash\n: >"{tmp_path}/started"\nexec /bin/sleep 60\n')
    curl.chmod(0o755)
    env = {"PATH": f"{curl.parent}:{tools(tmp_path)}", "RUNNER_TEMP": str(tmp_path), "RUNNER_OS": "Linux"}
    env |= {"RUNNER_ARCH": "X64", "GITHUB_OUTPUT": str(tmp_path / "output")}
    process = subprocess.Popen(
        [action / "script/action/run"], env=env, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(lambda: (tmp_path / "started").exists(), "the download has begun")
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(10) != 0
    os.killpg(process.pid, signal.SIGKILL)
    assert "::error title=cancelled::" in process.stdout.read()
    assert outputs(tmp_path)["outcome"] == "failed"


def test_a_checkout_has_the_same_line_ends_everywhere() -> None:
    files = ["script/action/run", "checksums.txt", "script/test", "action.yml", "core/src/lib.rs"]
    done = subprocess.run(
        ["git", "-C", ROOT, "check-attr", "eol", "--", *files], check=True, capture_output=True, text=True
    )
    assert [line.rsplit(": ", 1)[1] for line in done.stdout.splitlines()] == ["lf"] * len(files)
