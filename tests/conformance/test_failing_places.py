"""A place that fails, as a program of the user's does: what it may hold lives, nothing piles up, and it heals."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from sinks import held
from stage import DAY, Emulator, Lakekey


@pytest.mark.parametrize("stores", [True, False])
def test_a_program_that_fails_keeps_what_it_may_hold_and_no_pile(
    emulator: Emulator, lakekey: Lakekey, tmp_path: Path, stores: bool
) -> None:
    kept = tmp_path / "kept"
    program = f"cat > {kept}; exit 1" if stores else "cat > /dev/null; exit 1"
    config = emulator.config
    assert lakekey.run("provision").status == 0
    config["targets"][0]["deliver"].append({"type": "command", "run": ["sh", "-c", program]})
    lakekey.write(config)
    emulator.advance(70 * DAY)
    for _ in range(5):
        run = lakekey.json("rotate")
        assert (run.outcome, run.status) == ("partial", 1), run.out
        living = [token["token-id"] for token in emulator.tokens(emulator.client_id)]
        assert len(living) == 2, living
        assert set(held(emulator.state()).values()) <= set(living)
        if stores:
            assert hashlib.sha256(kept.read_bytes()).hexdigest() in living, "what it has stored works"
        emulator.advance(DAY)
    config["targets"][0]["deliver"][-1]["run"] = ["sh", "-c", "cat > /dev/null"]
    lakekey.write(config)
    healed = lakekey.json("rotate")
    assert (healed.outcome, healed.status) == ("rotated", 0), healed.out
    assert len(emulator.tokens(emulator.client_id)) == 1
