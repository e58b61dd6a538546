"""What the machine gives the binary: pipes and devices as files, programs that never end, and other programs
that look."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from stage import LIMIT, Emulator, Lakekey


def text_of(lakekey: Lakekey) -> str:
    """The configuration, which the tests then give in another way."""
    assert lakekey.run("provision").status == 0
    text = lakekey.config.read_text()
    lakekey.config = None
    return text


def with_command(lakekey: Lakekey, program: str, **more: object) -> None:
    config = yaml.safe_load(lakekey.config.read_text())
    config["targets"][0]["deliver"].append({"type": "command", "run": ["sh", "-c", program], **more})
    lakekey.write(config)


def test_a_configuration_comes_from_standard_input(lakekey: Lakekey, emulator: Emulator) -> None:
    text = text_of(lakekey)
    process = lakekey.start("status", "--json", "--config", "-", stdin=subprocess.PIPE)
    out, err = process.communicate(text, timeout=LIMIT)
    assert (process.returncode, json.loads(out)["command"]) == (0, "status"), err
    assert emulator.requests()


def test_a_configuration_comes_from_a_process_substitution(lakekey: Lakekey, emulator: Emulator) -> None:
    (lakekey.folder / "text").write_text(text_of(lakekey))
    env = {"PATH": os.environ["PATH"], "HOME": str(lakekey.folder), **lakekey.env}
    script = f'exec "{lakekey.binary}" status --config <(cat text)'
    run = subprocess.run(["bash", "-c", script], cwd=lakekey.folder, env=env, check=False,
                         capture_output=True, text=True, timeout=LIMIT)
    assert run.returncode == 0, run.stderr
    assert emulator.requests()


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_configuration(lakekey: Lakekey, emulator: Emulator, device: str) -> None:
    lakekey.config = Path(device)
    run = lakekey.json("rotate")
    assert (run.status, run.report["error"]["code"]) == (2, "config-unreadable")
    assert emulator.requests() == []


@pytest.mark.parametrize("what", ["pipe", "device", "folder", "link"])
def test_a_secret_comes_from_a_regular_file_alone(lakekey: Lakekey, emulator: Emulator, what: str) -> None:
    secret = lakekey.folder / "secret"
    if what == "pipe":
        os.mkfifo(secret)
    elif what == "folder":
        secret.mkdir()
    else:
        secret.symlink_to("/dev/zero" if what == "device" else "target")
        (lakekey.folder / "target").write_text("a secret")
    config = yaml.safe_load(lakekey.config.read_text())
    config["targets"][0]["auth"]["client-secret"] = {"file": str(secret)}
    lakekey.write(config)
    run = lakekey.json("status")
    if what == "link":
        assert emulator.requests(), run.err
        return
    assert run.status == 2
    assert "regular file" in run.out
    assert emulator.requests() == []


def test_a_command_whose_offspring_keeps_its_output_open_has_ended_with_itself(lakekey: Lakekey) -> None:
    with_command(lakekey, "cat >/dev/null; sleep 1000 & exit 0", timeout="60s")
    run = lakekey.json("provision")
    assert (run.status, run.outcome) == (0, "provisioned"), run.out


def test_a_command_gets_no_secret_of_lakekeys(lakekey: Lakekey, emulator: Emulator) -> None:
    listed = lakekey.folder / "listed"
    with_command(lakekey, f"env >{listed}; cat >/dev/null")
    config = yaml.safe_load(lakekey.config.read_text())
    run = lakekey.json("provision", ACTIONS_ID_TOKEN_REQUEST_TOKEN="x", LAKEKEY_INPUT_PRIVATE_KEY="y", OWN="z",
                       LAKEKEY_LOG="error")
    assert run.status == 0, run.out
    names = {line.split("=")[0] for line in listed.read_text().splitlines()}
    referred = set(re.findall(r"'env': '(\w+)'", str(config)))
    assert referred
    assert not names & referred
    assert {name for name in names if name.startswith(("LAKEKEY_", "ACTIONS_"))} == {
        "LAKEKEY_TARGET",
        "LAKEKEY_CREDENTIAL_ID",
        "LAKEKEY_CREATED",
        "LAKEKEY_EXPIRES",
    }
    assert {"PATH", "HOME", "OWN"} <= names


def test_the_memory_of_the_process_is_never_written_to_a_file(lakekey: Lakekey) -> None:
    limits = lakekey.folder / "limits"
    with_command(lakekey, f"cat /proc/self/limits >{limits}; cat >/dev/null")
    assert lakekey.json("provision").status == 0
    line = next(line for line in limits.read_text().splitlines() if line.startswith("Max core"))
    assert line.split()[4:6] == ["0", "0"]


def test_a_host_that_the_file_alone_names_needs_naming_at_the_command_line(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    assert lakekey.run("provision").status == 0
    emulator.forget_requests()
    config = yaml.safe_load(lakekey.config.read_text())
    config["endpoints"]["accounts"] = "https://accounts.corp.example"
    lakekey.write(config)
    refused = lakekey.json("rotate")
    assert (refused.status, refused.report["error"]["code"]) == (2, "config-host-outside-cloud")
    assert "--allow-host accounts.corp.example" in refused.report["error"]["hint"]
    assert emulator.requests() == []
    for way in (["--allow-host", "other.example", "--allow-host", "accounts.corp.example"], []):
        env = {} if way else {"LAKEKEY_ALLOW_HOSTS": "other.example, *.corp.example"}
        run = lakekey.run("status", *way, **env)
        assert run.status == 0, run.err
        assert "endpoints.accounts has secrets sent to accounts.corp.example" in run.err


def test_a_command_that_cannot_be_started_has_certainly_done_nothing(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    program = lakekey.folder / "no-program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o700)
    config = yaml.safe_load(lakekey.config.read_text())
    config["targets"][0]["deliver"] = [{"type": "command", "run": [str(program)]}]
    lakekey.write(config)
    run = lakekey.json("provision")
    assert (run.status, run.target["error"]["code"]) == (1, "sink-failed"), run.out
    assert emulator.tokens() == [], "so that the new PAT was rolled back"


def test_a_configuration_that_can_be_read_once_serves_a_command_that_asks(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    text = text_of(lakekey)
    pipe = lakekey.folder / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen(["sh", "-c", 'printf %s "$1" >"$2"', "sh", text, str(pipe)])
    lakekey.config = pipe
    run = lakekey.at_terminal("revoke", "--all", "--target", "catalog-prod")
    writer.wait(timeout=LIMIT)
    assert run.status == 0, run.err
    assert emulator.tokens() == []
