"""The Action in workflows that act runs in host mode, against the emulator."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Act, Emulator, Run, wait_for

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
INPUTS = sorted(yaml.safe_load((ROOT / "action.yml").read_text())["inputs"])


def workflow(act: Act, *steps: dict, on: str = "push", **job: object) -> str:
    """Writes a workflow of one job that checks the repository out and runs the steps; returns its path."""
    document = {
        "name": "w",
        "on": on,
        "jobs": {"a": {"runs-on": "ubuntu-latest", "steps": [{"uses": CHECKOUT}, *steps], **job}},
    }
    act.write(".github/workflows/w.yml", yaml.safe_dump(document, sort_keys=False))
    return ".github/workflows/w.yml"


def keep(name: str, expression: str) -> dict:
    """A step that keeps the value of an expression for the test."""
    return {
        "if": "always()",
        "run": f'printf "%s" "$VALUE" >"$KEEP/{name}"',
        "env": {"VALUE": f"${{{{ {expression} }}}}"},
    }


OUTPUTS = [
    keep(name, f"steps.lakekey.outputs.{name}")
    for name in ["outcome", "report", "token-id", "expires", "due"]
]


def provision(binary: Path, emulator: Emulator, home: Path) -> None:
    """Lets the emulator's principals use tokens, and delivers first ones, by the binary itself."""
    env = {"PATH": os.environ["PATH"], "HOME": str(home), **emulator.env}
    done = subprocess.run(
        [binary, "--config", emulator.ready["config"], "provision"],
        env=env,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def config(emulator: Emulator) -> dict:
    """The emulator's own configuration, read; refers to its environment."""
    return yaml.safe_load(Path(emulator.ready["config"]).read_text())


@pytest.fixture
def provisioned(binary: Path, emulator: Emulator, tmp_path: Path) -> Emulator:
    """The emulator after a first token was delivered."""
    provision(binary, emulator, tmp_path)
    return emulator


@pytest.fixture
def with_inputs(act: Act, provisioned: Emulator, config: dict, binary: Path) -> Callable[..., dict]:
    """A step that has inputs and no file; secrets come as they do in a workflow."""
    target = config["targets"][0]
    act.env |= {
        "AZURE_AUTHORITY_HOST": provisioned.ready["login"],
        "GITHUB_API_URL": provisioned.ready["github"],
    }

    def step(**inputs: str) -> dict:
        given = {
            "binary": str(binary),
            "workspace": provisioned.workspace,
            "client-id": target["principal"]["client-id"],
            "client-secret": "${{ secrets.CLIENT_SECRET }}",
            "auth-type": "azure-client-secret",
            "github-token": "${{ secrets.WRITER }}",
            "secret": "DATABRICKS_TOKEN",
            **{name.replace("_", "-"): value for name, value in inputs.items()},
        }
        return {"id": "lakekey", "uses": "./", "with": {k: v for k, v in given.items() if v is not None}}

    return step


@pytest.fixture
def secrets(emulator: Emulator, config: dict) -> dict[str, str]:
    return {
        "CLIENT_SECRET": emulator.env[config["targets"][0]["auth"]["client-secret"]["env"]],
        "WRITER": emulator.env[config["github"]["token"]["env"]],
    }


def with_file(binary: Path, **inputs: str) -> dict:
    return {"id": "lakekey", "uses": "./", "with": {"binary": str(binary), "config": "lakekey.yml", **inputs}}


def written(emulator: Emulator) -> int:
    """How often a GitHub secret was written."""
    return len(emulator.requests("PUT", "/secrets/"))


def test_inputs_alone_rotate_a_token(
    act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict
) -> None:
    before = written(emulator)
    run = act.run("push", workflow(act, with_inputs(force="true"), *OUTPUTS), secrets=secrets)
    assert run.status == 0, run.log
    assert run.kept("outcome") == "rotated"
    assert written(emulator) == before + 1
    target = run.report()["targets"][0]
    assert run.kept("token-id") == target["credential"]["id"]
    assert run.kept("expires") == target["credential"]["expires"]
    assert run.kept("due") == target["credential"]["due"]
    assert target["delivered"][0]["sink"] == "github-secret acme/data DATABRICKS_TOKEN"


def test_a_second_run_has_nothing_to_do(
    act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict
) -> None:
    flow = workflow(act, with_inputs(), *OUTPUTS)
    act.run("push", flow, secrets=secrets)
    before = written(emulator)
    run = act.run("push", flow, secrets=secrets)
    assert (run.status, run.kept("outcome")) == (0, "not-due"), run.log
    assert written(emulator) == before


def test_a_dry_run_changes_nothing(
    act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict
) -> None:
    before = [
        r
        for r in emulator.requests()
        if r["method"] not in {"GET", "HEAD"} and "token" in r["path"] and "oauth2" not in r["path"]
    ]
    run = act.run("push", workflow(act, with_inputs(dry_run="true", force="true"), *OUTPUTS), secrets=secrets)
    after = [
        r
        for r in emulator.requests()
        if r["method"] not in {"GET", "HEAD"} and "token" in r["path"] and "oauth2" not in r["path"]
    ]
    assert run.status == 0, run.log
    assert after == before


def test_a_file_serves_many_targets(act: Act, start_emulator: Callable, binary: Path, tmp_path: Path) -> None:
    emulator = start_emulator("--workspaces", "3")
    provision(binary, emulator, tmp_path)
    act.write("lakekey.yml", Path(emulator.ready["config"]).read_text())
    run = act.run("push", workflow(act, {**with_file(binary, force="true"), "env": emulator.env}, *OUTPUTS))
    assert run.status == 0, run.log
    assert [t["outcome"] for t in run.report()["targets"]] == ["rotated"] * 3


def test_the_input_target_chooses_of_a_file(
    act: Act, start_emulator: Callable, binary: Path, tmp_path: Path
) -> None:
    emulator = start_emulator("--workspaces", "3")
    provision(binary, emulator, tmp_path)
    act.write("lakekey.yml", Path(emulator.ready["config"]).read_text())
    names = [t["name"] for t in yaml.safe_load(Path(emulator.ready["config"]).read_text())["targets"]]
    for chosen in [f"{names[0]} {names[2]}", f"{names[0]}\n{names[2]}\n"]:
        step = {**with_file(binary, target=chosen), "env": emulator.env}
        run = act.run("push", workflow(act, step, *OUTPUTS))
        assert run.status == 0, run.log
        assert [t["name"] for t in run.report()["targets"]] == [names[0], names[2]]


def test_what_was_done_and_what_is_next_stand_in_the_summary(
    act: Act, with_inputs: Callable, secrets: dict
) -> None:
    step = with_inputs(force="true")
    run = act.run("push", workflow(act, step, *OUTPUTS), secrets=secrets)
    summary = run.log.split("Summary - ", 1)[1]
    assert "rotated" in summary
    assert "gantt" in summary
    assert run.kept("due")[:10] in summary
    assert "DATABRICKS_TOKEN" in summary


def test_no_secret_is_seen_anywhere(
    act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict
) -> None:
    run = act.run(
        "push", workflow(act, with_inputs(force="true"), *OUTPUTS), secrets=secrets, more=["--verbose"]
    )
    assert run.status == 0, run.log
    seen = run.log + "".join(f.read_text() for f in (act.folder / "keep").iterdir())
    issued = emulator.get("/issued-secrets")["secrets"]
    assert len(issued) > len(secrets)
    for value in [*secrets.values(), *issued]:
        assert value not in seen


def test_values_are_masked_before_anything_else_is_printed(
    act: Act, with_inputs: Callable, secrets: dict
) -> None:
    run = act.run("push", workflow(act, with_inputs(force="true")), secrets=secrets)
    mine = run.log.split("script/action/run", 1)[1].splitlines()[1:]
    first_mask = next(i for i, line in enumerate(mine) if "⚙" in line and "***" in line)
    assert not any("  | " in line for line in mine[:first_mask]), run.log


def test_a_refused_sign_in_fails_the_step_and_names_the_code(
    act: Act, with_inputs: Callable, secrets: dict
) -> None:
    run = act.run(
        "push",
        workflow(act, with_inputs(), *OUTPUTS),
        secrets={**secrets, "CLIENT_SECRET": "wrong-secret-value"},
    )
    assert run.status != 0
    assert run.kept("outcome") == "failed"
    assert run.report()["targets"][0]["error"]["code"] == "client-secret-wrong"
    assert "title=client-secret-wrong" in run.log or "client-secret-wrong" in "\n".join(run.lines)
    assert "wrong-secret-value" not in run.log


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"command": "explode"}, "usage-invalid"),
        ({"force": "yes"}, "usage-invalid"),
        ({"dry_run": "1"}, "usage-invalid"),
        ({"config": "missing.yml"}, "config-unreadable"),
        ({"lifetime": "soon"}, "config-invalid-value"),
        ({"workspace": "http://adb-1.2.azuredatabricks.net"}, "config-insecure-url"),
        ({"workspace": "https://example.com"}, "config-host-outside-cloud"),
        ({"secret": "GITHUB_X"}, "config-invalid-value"),
        ({"client_secret": None}, "sign-in-not-configured"),
        ({"github_token": None}, "github-not-configured"),
    ],
)
def test_a_wrong_input_is_refused_before_anything_is_sent(
    act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict, given: dict, code: str
) -> None:
    before = len(emulator.requests())
    run = act.run("push", workflow(act, with_inputs(**given)), secrets=secrets)
    assert run.status != 0
    assert code in run.log
    assert len(emulator.requests()) == before


def test_workflow_dispatch_forces(act: Act, emulator: Emulator, with_inputs: Callable, secrets: dict) -> None:
    step = with_inputs(force="${{ inputs.force || 'false' }}")
    flow = workflow(
        act,
        step,
        *OUTPUTS,
        on={"workflow_dispatch": {"inputs": {"force": {"type": "boolean", "default": False}}}},
    )
    act.run("workflow_dispatch", flow, secrets=secrets)
    run = act.run("workflow_dispatch", flow, secrets=secrets, inputs={"force": "false"})
    assert run.kept("outcome") == "not-due", run.log
    run = act.run("workflow_dispatch", flow, secrets=secrets, inputs={"force": "true"})
    assert run.kept("outcome") == "rotated", run.log


HOSTILE = (
    "x\"; touch $KEEP/pwned; '$(touch $KEEP/pwned)`touch $KEEP/pwned`\n"
    "::set-output name=outcome::evil\n::add-mask::Success\n::error title=evil::evil\r\n##[error]evil\n"
    "outcome=evil\noutcome<<EOF\nevil\nEOF\n%0A::warning::evil%0D ${{ github.token }}"
)


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_text_in_any_input_is_nowhere_interpreted(
    binary: Path, emulator: Emulator, config: dict, secrets: dict, tmp_path: Path, name: str
) -> None:
    """Without act, whose log would hide what a runner would take for a command."""
    given = {
        "BINARY": str(binary),
        "WORKSPACE": emulator.workspace,
        "CLIENT_ID": config["targets"][0]["principal"]["client-id"],
        "CLIENT_SECRET": secrets["CLIENT_SECRET"],
        "AUTH_TYPE": "azure-client-secret",
        "GITHUB_TOKEN": secrets["WRITER"],
        "SECRET": "DATABRICKS_TOKEN",
        "REPOSITORY": "acme/data",
        "COMMAND": "rotate",
        name.upper().replace("-", "_"): HOSTILE,
    }
    files = {
        key: tmp_path / key for key in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH"]
    }
    for file in files.values():
        file.touch()
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "KEEP": str(tmp_path),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_ACTIONS": "true",
    }
    env |= {key: str(file) for key, file in files.items()}
    env |= {"AZURE_AUTHORITY_HOST": emulator.ready["login"], "GITHUB_API_URL": emulator.ready["github"]}
    env |= {f"LAKEKEY_INPUT_{key}": value for key, value in given.items()}
    result = subprocess.run(
        [ROOT / "script/action/run"], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert not (tmp_path / "pwned").exists()
    assert files["GITHUB_ENV"].read_text() == files["GITHUB_PATH"].read_text() == ""
    for line in re.split(r"[\r\n]", result.stdout + result.stderr):
        if line.lstrip().startswith(("::", "##[")):
            command, _, rest = line.lstrip()[2:].partition("::")
            assert command.split()[0] in {"add-mask", "group", "endgroup", "error", "warning", "notice"}, line
            assert "evil" not in command, line
            # The mask of a hostile secret is that secret, escaped or one mask a line; nothing else may be
            # masked.
            if command == "add-mask" and name not in {"client-secret", "github-token", "private-key"}:
                assert rest != "Success", line
    outputs = parse_outputs(files["GITHUB_OUTPUT"].read_text())
    assert outputs.get("outcome") != "evil"
    assert set(outputs) <= {"outcome", "report", "token-id", "expires", "due", "matrix"}


def parse_outputs(text: str) -> dict[str, str]:
    """Reads an output file as the runner does."""
    outputs, lines = {}, iter(text.splitlines())
    for line in lines:
        name, sign, delimiter = line.partition("<<")
        if sign and "=" not in name:
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            outputs[name] = "\n".join(value)
        else:
            name, _, value = line.partition("=")
            outputs[name] = value
    return outputs


def test_each_output_has_a_delimiter_of_its_own_that_nobody_can_guess(
    binary: Path, emulator: Emulator, tmp_path: Path, act: Act
) -> None:
    seen = set()
    for attempt in range(2):
        output = tmp_path / f"output-{attempt}"
        env = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "GITHUB_OUTPUT": str(output),
            "LAKEKEY_INPUT_BINARY": str(binary),
        }
        env |= {
            "LAKEKEY_INPUT_COMMAND": "status",
            "LAKEKEY_INPUT_CONFIG": emulator.ready["config"],
            **emulator.env,
        }
        subprocess.run([ROOT / "script/action/run"], env=env, cwd=tmp_path, capture_output=True, check=False)
        delimiters = re.findall(r"^[a-z-]+<<(\S+)$", output.read_text(), re.MULTILINE)
        assert delimiters
        assert all(len(delimiter) >= 32 for delimiter in delimiters)
        assert seen.isdisjoint(delimiters)
        seen |= set(delimiters)


def child_of(pid: int, name: str) -> int | None:
    """The direct child of a process, once it is that program."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
            if int(stat.rsplit(")", 1)[1].split()[1]) == pid and (entry / "exe").resolve().name == name:
                return int(entry.name)
        except (OSError, IndexError):
            continue
    return None


def test_cancelling_a_job_stops_at_a_safe_point(
    act: Act, start_emulator: Callable[..., Emulator], binary: Path, tmp_path: Path
) -> None:
    """The runner signals the process that it started: by `exec` after `exec` that is the binary itself."""
    emulator = start_emulator("--latency", "300")
    provision(binary, emulator, tmp_path)
    act.write("lakekey.yml", Path(emulator.ready["config"]).read_text())
    flow = workflow(act, {**with_file(binary, force="true"), "env": emulator.env}, *OUTPUTS)
    made = len(emulator.requests("POST", "/token/create"))
    process = act.start("push", flow)
    pid = wait_for(lambda: child_of(process.pid, binary.name), "the runner's own child is the binary")
    wait_for(
        lambda: len(emulator.requests("POST", "/token/create")) > made, "the run has begun to make a token"
    )
    os.kill(pid, signal.SIGINT)
    run: Run = act.finish(process)
    assert run.status != 0
    assert "cancelled" in run.log
    # The next run converges: it serves the target, and one live token is left.
    again = act.run("push", flow)
    assert again.kept("outcome") == "rotated", again.log
    assert again.report()["targets"][0]["left-over"] == []
    tokens = [
        t
        for w in emulator.get("/state")["workspaces"]
        for t in w["tokens"]
        if t["live"] and "lakekey" in t["comment"]
    ]
    assert len(tokens) == 1
