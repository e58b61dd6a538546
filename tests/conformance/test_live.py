"""`script/live` between two emulators: it finds where they differ, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import LIMIT, Emulator

LIVE = Path(__file__).parents[1] / "live"
sys.path.insert(0, str(LIVE))

from live import lines, of_emulator
from probes import PROBES


@pytest.fixture
def other(binary: Path, tmp_path: Path) -> Iterator[Emulator]:
    emulator = Emulator.start(binary, tmp_path)
    yield emulator
    emulator.stop()


def live(binary: Path, env: dict[str, str], *arguments: str) -> str:
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "LAKEKEY_BIN": str(binary)}
    script = Path(__file__).parents[2] / "script/live"
    came = subprocess.run([script, *arguments], env={**bare, **env}, capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    assert came.returncode == 0, came.stderr
    return came.stdout


def differing(binary: Path, emulator: Emulator) -> dict[str, tuple[str, str]]:
    found = json.loads(live(binary, of_emulator(emulator).env, "--json"))
    return {one["line"]: (one["service"], one["emulator"]) for one in found if one["is"] == "differs"}


def test_every_question_stands_in_the_page_of_what_is_open() -> None:
    for start in PROBES:
        assert any(line.startswith(start) for line in lines()), start


def test_two_worlds_that_are_alike_differ_in_nothing_and_nothing_is_left_behind(
    binary: Path, other: Emulator
) -> None:
    before = other.state()
    assert differing(binary, other) == {}
    after = other.state()
    for key in ("applications",):
        assert len(after[key]) == len(before[key])
    for key in ("members", "secrets", "tokens"):
        alive = [[one for one in world["workspaces"][0][key] if one.get("live", True)] for world in (before, after)]
        assert len(alive[0]) == len(alive[1]), key
    writes = [one for one in other.requests() if one["method"] == "POST" and "lakekey-live-" in json.dumps(one)]
    assert writes, "nothing was asked"


def test_a_service_that_differs_in_three_places_is_found_in_three(binary: Path, other: Emulator) -> None:
    other.seed("lacks-autoscope")
    other.seed("lacks-iam-v2")
    other.faults({
        "service": "databricks", "path-contains": "/secrets/get", "hits": 99,
        "kind": {"status": {"status": 400, "body": {"error_code": "BAD_REQUEST", "message": "notebooks only"}}},
    })
    found = differing(binary, other)
    assert {line.split(" ")[0] + " " + line.split(" ")[1] for line in found} >= {"whether a", "the path"}
    assert any("outside notebooks" in line for line in found), found
    assert any("IAM v2" in line for line in found), found
    assert any("watched whose creation" in line for line in found), found


def test_what_is_not_given_is_not_asked_and_no_token_is_printed(binary: Path, other: Emulator) -> None:
    env = of_emulator(other).env
    only = {name: env[name] for name in ("LAKEKEY_LIVE_WORKSPACE", "LAKEKEY_LIVE_TOKEN")}
    out = live(binary, only)
    assert "not asked: needs LAKEKEY_LIVE_GITHUB_TOKEN" in out or "not asked: needs LAKEKEY_LIVE_REPOSITORY" in out
    assert "as assumed, 0 differ" in out
    assert not [value for value in other.issued() if value in out]
