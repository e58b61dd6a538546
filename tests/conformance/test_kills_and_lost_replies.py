"""The real binary, killed by the system before and after every request that it makes, and every reply lost once.

What the emulator holds after a kill is what would be there at that moment of an undisturbed run, so that the kills together see every moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from sinks import every_sink, held, of_others
from stage import DAY, Emulator, Lakekey, wait_for

FOR_EVER = 1_000_000


@dataclass
class Scenario:
    """A command, how the world came to be in which it runs, and whether what is superseded lives on for a while."""

    command: list[str]
    prepare: Callable[[Emulator, Lakekey], None] = lambda emulator, lakekey: None
    configure: Callable[[Emulator], dict] = lambda emulator: emulator.config
    overlaps: bool = False


def provisioned(emulator: Emulator, lakekey: Lakekey) -> None:
    run = lakekey.run("provision")
    assert run.status == 0, run.err


def due(emulator: Emulator, lakekey: Lakekey) -> None:
    provisioned(emulator, lakekey)
    emulator.advance(70 * DAY)


def overlapping(emulator: Emulator, lakekey: Lakekey) -> None:
    due(emulator, lakekey)
    assert lakekey.run("rotate").status == 0
    assert len(emulator.tokens()) == 2


def with_overlap(emulator: Emulator) -> dict:
    config = emulator.config
    # Longer than the day that passes until the schedule runs again.
    config["defaults"]["token"]["overlap"] = "3d"
    return config


SCENARIOS = {
    "provision": Scenario(["provision"]),
    "rotate": Scenario(["rotate"], due),
    "rotate with an overlap": Scenario(["rotate"], due, with_overlap, overlaps=True),
    "rotate, every sink": Scenario(["rotate"], due, every_sink),
    "revoke --superseded": Scenario(["revoke", "--target", "catalog-prod", "--superseded"], overlapping, with_overlap),
}


@contextmanager
def world(binary: Path, folder: Path, scenario: Scenario) -> Iterator[tuple[Emulator, Lakekey]]:
    """A world of its own, in which the scenario's command is about to run."""
    folder.mkdir()
    emulator = Emulator.start(binary, folder)
    try:
        lakekey = Lakekey(binary, folder, dict(emulator.env))
        lakekey.write(scenario.configure(emulator))
        scenario.prepare(emulator, lakekey)
        emulator.forget_requests()
        yield emulator, lakekey
    finally:
        emulator.stop()


def killed_before(emulator: Emulator, lakekey: Lakekey, scenario: Scenario, number: int) -> None:
    """From this request on nothing is carried out; the process dies once it has come."""
    emulator.faults({"nth": number, "hits": FOR_EVER, "kind": "drop-before"})
    killed(emulator, lakekey, scenario, number)


def killed_after(emulator: Emulator, lakekey: Lakekey, scenario: Scenario, number: int) -> None:
    """This request is carried out, none after it, and no answer arrives."""
    emulator.faults({"nth": number, "kind": "hang"}, {"nth": number + 1, "hits": FOR_EVER, "kind": "drop-before"})
    killed(emulator, lakekey, scenario, number)


def killed(emulator: Emulator, lakekey: Lakekey, scenario: Scenario, number: int) -> None:
    process = lakekey.start(*scenario.command)
    wait_for(lambda: len(emulator.requests()) >= number or process.poll() is not None, f"request {number} was sent")
    process.kill()
    process.communicate()
    assert len(emulator.requests()) >= number, f"the run ended before its request {number}"


def reply_lost(emulator: Emulator, lakekey: Lakekey, scenario: Scenario, number: int) -> None:
    """This request is carried out and its connection closed; the process goes on as it sees fit."""
    emulator.faults({"nth": number, "kind": "drop-after"})
    run = lakekey.run(*scenario.command)
    assert run.status in (0, 1), run.err
    assert len(emulator.requests()) >= number, f"the run ended before its request {number}"


DISTURBANCES = {"killed before": killed_before, "killed after": killed_after, "reply lost": reply_lost}


def disturbed(binary: Path, folder: Path, scenario: Scenario, how: str, number: int) -> None:
    with world(binary, folder, scenario) as (emulator, lakekey):
        before = emulator.state()
        DISTURBANCES[how](emulator, lakekey, scenario, number)
        emulator.faults()

        state = emulator.state()
        living = {token["token-id"] for token in emulator.tokens()}
        for place in held(before):
            assert held(state)[place] in living, f"I1: {place} holds a credential that does not work"

        # The next run of the schedule.
        emulator.advance(DAY)
        run = lakekey.run(*scenario.command)
        assert run.status == 0, f"I2: the next run failed:\n{run.err}"
        state = emulator.state()
        tokens = sorted(emulator.tokens(), key=lambda token: token["created"])
        newest = tokens[-1]["token-id"]
        places = held(state)
        assert len(places) >= len(configured(lakekey)), f"I2: not every place holds a credential: {places}"
        assert set(places.values()) == {newest}, f"I2: not every place holds the newest credential: {places}"
        if scenario.overlaps:
            # What a sink held for a moment may be in use, and lives on as long as what it replaced.
            assert len(tokens) <= 3, f"I3: left over: {[token['comment'] for token in tokens]}"
            emulator.advance(4 * DAY)
            assert lakekey.run("rotate").status == 0
            tokens = emulator.tokens()
        assert [token["token-id"] for token in tokens] == [newest], f"I3: left over: {[token['comment'] for token in tokens]}"
        assert "phase=active" in tokens[-1]["comment"], f"I3: not marked: {tokens[-1]['comment']}"
        assert of_others(state, emulator.client_id) == of_others(before, emulator.client_id), "I4: something of somebody else's has changed"


def configured(lakekey: Lakekey) -> list[dict]:
    return yaml.safe_load(lakekey.config.read_text())["targets"][0]["deliver"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_undisturbed_run_mends_what_a_kill_or_a_lost_reply_left(
    name: str, binary: Path, tmp_path: Path, tally: Callable[[str, int, int], None]
) -> None:
    scenario = SCENARIOS[name]
    with world(binary, tmp_path / "undisturbed", scenario) as (emulator, lakekey):
        run = lakekey.run(*scenario.command)
        assert run.status == 0, run.err
        count = len(emulator.requests())
    cases = [(how, number) for number in range(1, count + 1) for how in DISTURBANCES]

    with ThreadPoolExecutor(max_workers=4) as pool:
        runs = {(how, number): pool.submit(disturbed, binary, tmp_path / f"{how} {number}", scenario, how, number) for how, number in cases}
    broken = [f"{how} request {number} of {count}: {run.exception()}" for (how, number), run in runs.items() if run.exception()]
    tally(name, len(cases) - len(broken), len(cases))
    assert not broken, "\n".join(broken)
