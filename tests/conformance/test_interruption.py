"""SIGINT and SIGTERM stop a run at its next safe point; the report says where, and the next run goes on from
there."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sinks import held
from stage import DAY, Emulator, Lakekey, wait_for

# Enough for a signal to arrive between two requests, not in the midst of all of them.
LATENCY = "40"
SIGNALS = {"SIGINT": signal.SIGINT, "SIGTERM": signal.SIGTERM}


def due(start_emulator: Callable[..., Emulator], binary: Path, folder: Path) -> tuple[Emulator, Lakekey]:
    """A world in which a rotation is due, every request of which takes a while."""
    folder.mkdir()
    emulator = start_emulator("--latency", LATENCY)
    lakekey = Lakekey(binary, folder, dict(emulator.env), Path(emulator.ready["config"]))
    assert lakekey.run("provision").status == 0
    emulator.advance(70 * DAY)
    emulator.forget_requests()
    return emulator, lakekey


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_at_any_request_stops_the_run_or_lets_it_end_and_the_next_run_converges(
    name: str, start_emulator: Callable[..., Emulator], binary: Path, tmp_path: Path
) -> None:
    emulator, lakekey = due(start_emulator, binary, tmp_path / "undisturbed")
    assert lakekey.run("rotate").status == 0
    count = len(emulator.requests())

    def interrupted(number: int) -> str | None:
        """Returns the step at which the run says that it has stopped."""
        emulator, lakekey = due(start_emulator, binary, tmp_path / str(number))
        process = lakekey.start("rotate", "--json")
        wait_for(lambda: len(emulator.requests()) >= number, f"request {number} was sent")
        process.send_signal(SIGNALS[name])
        run = lakekey.finish(process)
        error = run.target["error"]
        if run.outcome == "rotated":
            assert (run.status, error) == (0, None)
        else:
            assert (run.status, error["code"], bool(error["step"]), bool(error["hint"])) == (
                1,
                "cancelled",
                True,
                True,
            ), run.out
        living = {token["token-id"] for token in emulator.tokens()}
        assert set(held(emulator.state()).values()) <= living

        emulator.advance(DAY)
        after = lakekey.json("rotate")
        assert after.status == 0, after.out
        (left,) = emulator.tokens()
        assert set(held(emulator.state()).values()) == {left["token-id"]}
        return error and error["step"]

    with ThreadPoolExecutor(max_workers=4) as pool:
        steps = list(pool.map(interrupted, range(1, count + 1)))
    assert len({step for step in steps if step}) >= 2, f"the run says where it has stopped: {steps}"
    assert steps[0] is not None, "a signal at the first request is heard"


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_before_anything_was_made_leaves_everything_as_it_was(
    name: str, start_emulator: Callable[..., Emulator], binary: Path, tmp_path: Path
) -> None:
    emulator, lakekey = due(start_emulator, binary, tmp_path / "work")
    before = emulator.tokens()
    process = lakekey.start("rotate", "--json")
    wait_for(lambda: emulator.requests(), "the first request was sent")
    process.send_signal(SIGNALS[name])
    run = lakekey.finish(process)
    assert (run.status, run.target["error"]["code"]) == (1, "cancelled")
    assert [token["token-id"] for token in emulator.tokens()] == [token["token-id"] for token in before]
    assert {served["method"] for served in emulator.requests("databricks")} <= {"GET"}


def test_the_emulator_itself_ends_on_a_signal(start_emulator: Callable[..., Emulator]) -> None:
    for each in SIGNALS.values():
        emulator = start_emulator()
        config = Path(emulator.ready["config"])
        assert config.exists()
        emulator.process.send_signal(each)
        assert emulator.process.wait(timeout=60) == 0
        assert not config.exists(), "it takes its files with it"
