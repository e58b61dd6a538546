"""Conformance: official clients against the emulator, lakekey's requests beside theirs, and the real binary under real disturbance.

Run by `script/test conformance`; `LAKEKEY_BIN` names the binary. No test reaches beyond this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stage import ROOT, Emulator, Lakekey

FOREIGN = ("DATABRICKS_", "ARM_", "AZURE_", "ACTIONS_", "SYSTEM_", "GITHUB_", "LAKEKEY_", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


def pytest_configure(config: pytest.Config) -> None:
    # The client of Microsoft Graph warns of classes of its own, whether they are used or not.
    for module in ("msgraph", "kiota_abstractions"):
        config.addinivalue_line("filterwarnings", rf"ignore::DeprecationWarning:{module}\..*")


HELD: dict[str, tuple[int, int]] = {}


@pytest.fixture
def tally() -> Callable[[str, int, int], None]:
    """Takes down how many disturbances held, for the summary."""

    def note(name: str, held: int, of: int) -> None:
        HELD[name] = (held, of)

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not HELD:
        return
    for name, (held, of) in HELD.items():
        terminalreporter.write_line(f"kills and lost replies, {name}: {held} of {of} held")
    held, of = (sum(numbers) for numbers in zip(*HELD.values(), strict=True))
    terminalreporter.write_line(f"kills and lost replies: {held} of {of} held")


@pytest.fixture(scope="session")
def binary() -> Path:
    return Path(os.environ.get("LAKEKEY_BIN", ROOT / "target/debug/lakekey")).resolve(strict=True)


@pytest.fixture(autouse=True)
def bare_environment(binary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The official clients read the environment and the home folder; a test gives them what it means to."""
    for name in list(os.environ):
        if name.startswith(FOREIGN) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "no-databrickscfg"))


@pytest.fixture
def start_emulator(binary: Path, tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    running: list[Emulator] = []

    def start(*arguments: str) -> Emulator:
        emulator = Emulator.start(binary, tmp_path, *arguments)
        running.append(emulator)
        return emulator

    yield start
    unknown = [served for emulator in running if emulator.process.poll() is None for served in emulator.requests() if served.get("unknown")]
    for emulator in running:
        emulator.stop()
    assert not unknown, "a client asked for something that the emulator does not know"


@pytest.fixture
def emulator(start_emulator: Callable[..., Emulator]) -> Emulator:
    return start_emulator()


@pytest.fixture
def tls_emulator(start_emulator: Callable[..., Emulator], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator over TLS; whatever is built on `requests` trusts its authority and no other."""
    emulator = start_emulator("--tls", str(tmp_path / "tls"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_file)
    return emulator


@pytest.fixture
def lakekey(binary: Path, emulator: Emulator, tmp_path: Path) -> Lakekey:
    """The binary, with the emulator's configuration and its environment."""
    folder = tmp_path / "work"
    folder.mkdir()
    return Lakekey(binary, folder, dict(emulator.env), Path(emulator.ready["config"]))
