"""A running emulator, and the binary beside it: what every test of this folder stands on."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from emulator import LIMIT
from emulator import Emulator as Process

ROOT = Path(__file__).parents[2]
DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
DAY = 86_400


def wait_for(what: Callable[[], object], why: str) -> object:
    """Polls until something holds."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.002)
    raise AssertionError(f"it never came to pass that {why}")


class Emulator(Process):
    """A running emulator as the official clients meet it."""

    @property
    def config(self) -> dict:
        """The configuration that the emulator offers, as it stands in its file."""
        return yaml.safe_load(Path(self.ready["config"]).read_text())

    @property
    def principal(self) -> dict:
        return self.config["targets"][0]["principal"]

    @property
    def client_id(self) -> str:
        return self.principal["client-id"]

    @property
    def tenant(self) -> str:
        return self.principal["tenant-id"]

    @property
    def admin_token(self) -> str:
        return self.env["DATABRICKS_ADMIN_TOKEN"]

    def seed(self, name: str, /, **fields: object) -> dict:
        """Puts one thing into the emulator's world; returns what was made of it."""
        return self.control("POST", "/seed", {name: hyphens(fields)})["made"][0]

    def azure(self, name: str, /, **fields: object) -> dict:
        return self.control("POST", "/seed", {"azure": {name: hyphens(fields)}})["made"][0]

    def requests(self, service: str | None = None) -> list[dict]:
        served = self.control("GET", "/requests?bodies=1")["requests"]
        return [one for one in served if service in (None, one["service"])]

    def forget_requests(self) -> None:
        self.control("DELETE", "/requests")

    def state(self) -> dict:
        return self.control("GET", "/state")

    def issued(self) -> list[str]:
        return self.control("GET", "/issued-secrets")["secrets"]

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance-seconds": seconds})

    def faults(self, *faults: dict) -> None:
        self.control("POST", "/faults", list(faults))

    def tokens(self, owner: str | None = None, workspace: int = 0) -> list[dict]:
        """The live PATs of a principal, by default of the one that is cared for."""
        owner = owner or self.client_id
        return [pat for pat in self.state()["workspaces"][workspace]["tokens"] if pat["live"] and pat["owner"] == owner]


def hyphens(fields: dict) -> dict:
    return {name.replace("_", "-"): value for name, value in fields.items()}


@dataclass
class Run:
    """How a run of the binary ended."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        """The report; nothing else stands on standard output."""
        return json.loads(self.out)

    @property
    def target(self) -> dict:
        (target,) = self.report["targets"]
        return target

    @property
    def outcome(self) -> str:
        return self.target["outcome"]


@dataclass
class Lakekey:
    """Runs the binary in an empty folder with nothing of this machine's environment."""

    binary: Path
    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    config: Path | None = None

    def write(self, config: object, name: str = "lakekey.yml") -> Path:
        """Writes a configuration, and uses it from now on."""
        self.config = self.folder / name
        if isinstance(config, bytes):
            self.config.write_bytes(config)
        else:
            self.config.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
        return self.config

    def start(
        self, *arguments: str, stdin: int = subprocess.DEVNULL, stderr: int = subprocess.PIPE, **env: str
    ) -> subprocess.Popen:
        command = [str(self.binary), *arguments]
        if self.config:
            command += ["--config", str(self.config)]
        bare = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        return subprocess.Popen(command, cwd=self.folder, env={**bare, **self.env, **env}, stdin=stdin,
                                stdout=subprocess.PIPE, stderr=stderr, text=True)

    def finish(self, process: subprocess.Popen) -> Run:
        out, err = process.communicate(timeout=LIMIT)
        return Run(process.returncode, out, err)

    def run(self, *arguments: str, **env: str) -> Run:
        return self.finish(self.start(*arguments, **env))

    def at_terminal(self, *arguments: str, answer: str | None = None) -> Run:
        """Runs it at a terminal, at which a person answers its questions, by default with what it asks for."""
        ours, its = pty.openpty()
        process = self.start(*arguments, stdin=its, stderr=its)
        os.close(its)
        shown = b""
        while True:
            try:
                shown += (read := os.read(ours, 4096))
            # Linux says so when nobody is left at the other end.
            except OSError:
                break
            if not read:
                break
            if shown.rstrip().endswith(b"to revoke it:"):
                asked = shown.rsplit(b"type ", 1)[1].split()[0].decode()
            elif shown.rstrip().endswith(b"[y/N]"):
                asked = "y"
            else:
                continue
            os.write(ours, f"{answer or asked}\n".encode())
            shown += b"."
        out, _ = process.communicate(timeout=LIMIT)
        os.close(ours)
        return Run(process.returncode, out, shown.decode())

    def json(self, *arguments: str, **env: str) -> Run:
        return self.run(*arguments, "--json", **env)
