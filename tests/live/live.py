"""Asks real services what docs/fidelity.md only assumes, and prints each answer beside the emulator's."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from probes import PROBES, Missing, Side

from emulator import Emulator

FIDELITY = HERE.parents[1] / "docs/fidelity.md"
HELP = """environment:
  LAKEKEY_LIVE_WORKSPACE     the workspace's URL, and LAKEKEY_LIVE_TOKEN: a token of an admin of it
  LAKEKEY_LIVE_GITHUB_TOKEN  a token that reads Actions, and LAKEKEY_LIVE_REPOSITORY: owner/name
  LAKEKEY_LIVE_GRAPH_TOKEN   an access token for Microsoft Graph that registers applications
What is not given is not asked. Only things named lakekey-live-… are made, and all of them are removed."""


def lines() -> list[str]:
    """The open questions, as the page words them."""
    rows = [line for line in FIDELITY.read_text().splitlines() if line.startswith("| ")]
    cells = [row.split("|")[1].strip() for row in rows if len(row.split("|")) == 5]
    return [cell for cell in cells if cell != "open" and not cell.startswith("~~")]


def of_emulator(emulator: Emulator) -> Side:
    env = emulator.ready["env"]
    return Side({
        "LAKEKEY_LIVE_WORKSPACE": emulator.ready["workspaces"][0],
        "LAKEKEY_LIVE_TOKEN": env["DATABRICKS_ADMIN_TOKEN"],
        "LAKEKEY_LIVE_GITHUB": emulator.ready["github"],
        "LAKEKEY_LIVE_GITHUB_TOKEN": env["LAKEKEY_GITHUB_TOKEN"],
        "LAKEKEY_LIVE_REPOSITORY": "acme/data",
        "LAKEKEY_LIVE_GRAPH": emulator.ready["graph"],
        "LAKEKEY_LIVE_GRAPH_TOKEN": env["GRAPH_TOKEN"],
    })


def asked(probe: object, side: Side) -> str:
    try:
        return probe(side)
    except Missing as missing:
        return f"not asked: needs {missing}"
    except OSError as error:
        # The address is told; what was sent to it is not.
        return f"no answer: {type(error).__name__}"


def compare(service: Side, emulated: Side) -> list[dict[str, str]]:
    found = []
    for line in lines():
        probe = next((probe for start, probe in PROBES.items() if line.startswith(start)), None)
        if probe is None:
            found.append({"line": line, "service": "not asked: no short question tells", "emulator": "", "is": "open"})
            continue
        theirs, ours = asked(probe, service), asked(probe, emulated)
        is_open = theirs.startswith(("not asked", "no answer"))
        state = "open" if is_open else "same" if theirs == ours else "differs"
        found.append({"line": line, "service": theirs, "emulator": ours, "is": state})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/live", description=__doc__, epilog=HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator.start(Path(os.environ["LAKEKEY_BIN"]), Path(folder))
        try:
            found = compare(Side(dict(os.environ)), of_emulator(emulator))
        finally:
            emulator.stop()
    if options.json:
        print(json.dumps(found))
        return 0
    for one in found:
        print(f"{one['is']:8} {one['line']}")
        print(f"         the service:  {one['service']}")
        if one["emulator"]:
            print(f"         the emulator: {one['emulator']}")
    counts = {state: sum(one["is"] == state for one in found) for state in ("same", "differs", "open")}
    print(f"\n{counts['same']} as assumed, {counts['differs']} differ, {counts['open']} still open")
    print("Please report what differs, without secrets, so that docs/fidelity.md can say it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
