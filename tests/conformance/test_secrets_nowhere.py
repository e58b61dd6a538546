"""With tracing at its loudest, no secret that the emulator ever issued stands in what a run prints, writes,
or was started with."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from sinks import every_sink
from stage import DAY, Emulator, Lakekey


def disguises(secret: str) -> set[str]:
    """The secret, and what it looks like where somebody has encoded it on the way."""
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
        raw.hex(),
    }


@contextmanager
def every_command_line() -> Iterator[set[str]]:
    """Notes the arguments of every process of this machine for as long as it is open."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue  # It has ended since.

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


@pytest.fixture
def life(lakekey: Lakekey, emulator: Emulator) -> dict[str, str]:
    """A whole life of a credential in every store; returns what could have been seen of it, by where."""
    config = every_sink(emulator)
    # A command that says what it was given, as a careless one would.
    config["targets"][0]["deliver"].append({"type": "command", "run": ["sh", "-c", "cat"]})
    lakekey.write(config)
    seen: dict[str, str] = {}
    with every_command_line() as command_lines:
        for number, (arguments, seconds) in enumerate(
            [
                (["provision"], 0),
                (["provision", "--json"], 0),
                (["doctor"], 0),
                (["status", "--json"], 0),
                (["plan"], 0),
                (["rotate", "--json"], 70 * DAY),
                (["rotate", "--force"], 0),
                (["status"], 0),
                (["rotate", "--dry-run", "--force"], 0),
                (["revoke", "--target", "catalog-prod", "--all", "--yes"], 0),
            ]
        ):
            emulator.advance(seconds)
            run = lakekey.run(*arguments, LAKEKEY_LOG="trace")
            assert run.status == 0, run.err
            seen[f"{number} {arguments[0]} standard output"] = run.out
            seen[f"{number} {arguments[0]} standard error"] = run.err
        # The refusals too: everything wrong that can be, with the secret that is wrong.
        for name, value in (
            ("CATALOG_CLIENT_SECRET", "wrong-client-secret-0123456789"),
            ("LAKEKEY_GITHUB_TOKEN", "github_pat_wrong0123456789"),
            ("DATABRICKS_ADMIN_TOKEN", "dapiwrong0123456789abcdef"),
        ):
            run = lakekey.run("provision", LAKEKEY_LOG="trace", **{name: value})
            assert run.status == 1, (name, run.err)
            seen[f"refused {name}"] = run.out + run.err
            assert value not in run.out + run.err
    seen["command lines"] = "\n".join(command_lines)
    for file in lakekey.folder.rglob("*"):
        if file.is_file():
            seen[f"file {file.name}"] = file.read_bytes().decode(errors="replace")
    return seen


def test_no_secret_is_shown_written_or_passed_as_an_argument(
    life: dict[str, str], emulator: Emulator
) -> None:
    issued = emulator.issued()
    assert len(issued) > 20, "PATs, access tokens and client secrets were issued"
    assert "standard error" in " ".join(life) and "POST " in "".join(life.values()), "tracing was on"
    assert (
        str(Path(emulator.process.args[0])) in life["command lines"]
    ), "the command lines of this machine were seen"
    for secret in issued:
        for disguise in disguises(secret):
            shown = [where for where, text in life.items() if disguise in text]
            assert not shown, f"a secret that begins with {secret[:6]} is shown in: {shown}"


def test_what_a_careless_command_prints_is_masked(life: dict[str, str]) -> None:
    assert "***" in life["0 provision standard error"]


def test_a_credential_that_a_service_echoes_is_masked(lakekey: Lakekey, emulator: Emulator) -> None:
    lakekey.run("provision")
    echo = {"error_code": 403, "message": f"Invalid access token {emulator.admin_token}"}
    emulator.faults(
        {
            "service": "databricks",
            "path-contains": "ServicePrincipals",
            "kind": {"status": {"status": 403, "body": echo}},
        }
    )
    for arguments in (["provision"], ["provision", "--json"], ["doctor", "--json"]):
        run = lakekey.run(*arguments, LAKEKEY_LOG="trace")
        assert run.status == 1
        assert "Invalid access token" in run.out + run.err
        assert emulator.admin_token not in run.out + run.err
