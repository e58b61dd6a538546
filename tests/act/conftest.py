"""What the tests of the Action share: the emulator, a repository to run workflows in, and act as the runner."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tomllib

sys.path.insert(0, str(Path(__file__).parents[1]))

from emulator import LIMIT
from emulator import Emulator as Process

ROOT = Path(__file__).parents[2]
RUST = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
TOOLS = ROOT / "target/tools/venv/bin"


class Emulator(Process):
    """A running emulator as the workflows meet it."""

    def get(self, path: str) -> object:
        return self.control("GET", path)

    def post(self, path: str, body: object) -> dict:
        return self.control("POST", path, body)

    def seed(self, **things: dict) -> dict:
        """Puts things into the emulator's world; returns what was made, all in one."""
        made: dict = {}
        for name, fields in things.items():
            for one in self.post("/seed", {name.replace("_", "-"): fields})["made"]:
                made |= one
        return made

    def requests(self, method: str = "", path: str = "") -> list[dict]:
        served = self.get("/requests")
        served = served.get("requests", served) if isinstance(served, dict) else served
        return [r for r in served if method in r["method"] and path in r["path"]]


@dataclass
class Run:
    """What a workflow left behind."""

    status: int
    log: str
    folder: Path

    @property
    def lines(self) -> list[str]:
        """What the steps printed, without act's own words."""
        return [line.split("  | ", 1)[1] for line in self.log.splitlines() if "  | " in line]

    def kept(self, name: str) -> str:
        """What a step wrote to `$KEEP/name`."""
        return (self.folder / "keep" / name).read_text()

    def report(self) -> dict:
        return json.loads(self.kept("report"))


@dataclass
class Act:
    """Runs workflows in a repository of their own, with nothing of this machine's environment."""

    folder: Path
    emulator: Emulator | None = None
    env: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    def write(self, path: str, text: str) -> None:
        file = self.repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def command(self, event: str, workflow: str, payload: dict | None, inputs: dict[str, str], more: list[str]) -> list[str]:
        keep = self.folder / "keep"
        keep.mkdir(exist_ok=True)
        (self.folder / "home").mkdir(exist_ok=True)
        empty = self.folder / "empty"
        empty.touch()
        # With an event of its own, act takes the inputs from there alone.
        (self.folder / "event.json").write_text(json.dumps({**(payload or {}), "inputs": inputs}))
        env = {"KEEP": str(keep), **self.env}
        command = [str(TOOLS / "act"), event, "-P", "ubuntu-latest=-self-hosted", "--use-gitignore=false", "-W", workflow]
        (self.folder / "variables").write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
        command += ["-e", str(self.folder / "event.json"), "--var-file", str(self.folder / "variables"), "--env-file", str(empty)]
        # Values reach act by a file or by name alone: an argument would be seen by the scan for secrets.
        (self.folder / "secrets").write_text("")
        command += ["--secret-file", str(self.folder / "secrets")]
        for name, value in env.items():
            command += ["--env", f"{name}={value}"]
        return command + more

    def start(self, event: str, workflow: str, payload: dict | None = None, inputs: dict[str, str] | None = None,
              secrets: dict[str, str] | None = None, more: list[str] | None = None) -> subprocess.Popen:
        command = self.command(event, workflow, payload, inputs or {}, more or [])
        lines = [f"{name}={json.dumps(value)}" for name, value in (secrets or {}).items()]
        (self.folder / "secrets").write_text("\n".join(lines))
        bare = {"PATH": f"{os.environ.get('NODE_BIN', '/usr/local/bin')}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder / "home")}
        return subprocess.Popen(command, cwd=self.repository, env=bare, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def finish(self, process: subprocess.Popen) -> Run:
        try:
            log, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            log, _ = process.communicate()
            pytest.fail(f"act did not end:\n{log}")
        return Run(process.returncode, log, self.folder)

    def run(self, event: str, workflow: str, **options: object) -> Run:
        return self.finish(self.start(event, workflow, **options))


@dataclass
class Mirror:
    """A copy of the releases on loopback, and what was asked of it."""

    url: str
    folder: Path
    asked: list[str]

    def release(self, binary: Path, table: Path, version: str, platform: str) -> Path:
        """Puts an archive on the mirror and its sum into a table."""
        name = f"lakekey-{version}-{platform}.tar.gz"
        archive = self.folder / f"v{version}" / name
        subprocess.run([ROOT / "script/release/archive", binary, archive], check=True, stdout=subprocess.DEVNULL)
        with table.open("a") as lines:
            lines.write(f"{hashlib.sha256(archive.read_bytes()).hexdigest()}  {name}\n")
        return archive


def serve(folder: Path) -> Iterator[Mirror]:
    folder.mkdir(parents=True)
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    class Server(http.server.ThreadingHTTPServer):
        def server_bind(self) -> None:
            # Without the look-up of the machine's own name, which takes long where there is no name server.
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = self.server_address[:2]

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Mirror(f"http://127.0.0.1:{server.server_port}", folder, asked)
    server.shutdown()
    server.server_close()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Mirror]:
    yield from serve(tmp_path / "mirror")


def wait_for(what: Callable[[], object], why: str) -> object:
    """Waits until something holds; it polls a process, it does not guess how long that takes."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.02)
    pytest.fail(f"it never came to pass that {why}")


@pytest.fixture(scope="session")
def binary() -> Path:
    return Path(os.environ.get("LAKEKEY_BIN", ROOT / "target/debug/lakekey")).resolve(strict=True)


@pytest.fixture
def start_emulator(binary: Path, tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    running: list[Emulator] = []

    def start(*arguments: str) -> Emulator:
        running.append(Emulator.start(binary, tmp_path, *arguments))
        return running[-1]

    yield start
    for emulator in running:
        emulator.stop()


@pytest.fixture
def emulator(start_emulator: Callable[..., Emulator]) -> Emulator:
    return start_emulator()


@pytest.fixture
def act(tmp_path: Path) -> Act:
    """A repository that holds the Action as a user's checkout of it would."""
    runner = Act(tmp_path / "act")
    runner.repository.mkdir(parents=True)
    for name in ["action.yml", "checksums.txt"]:
        shutil.copy(ROOT / name, runner.repository / name)
    shutil.copytree(ROOT / "script/action", runner.repository / "script/action")
    git = ["git", "-C", runner.repository]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "https://github.com/acme/data.git"], check=True)
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@acme.example"]
    subprocess.run([*git, *identity, "commit", "-q", "--allow-empty", "-m", "start"], check=True)
    return runner


@pytest.fixture
def action(tmp_path: Path) -> Path:
    """The Action as it stands at some commit, with an empty table."""
    folder = tmp_path / "action"
    shutil.copytree(ROOT / "script/action", folder / "script/action")
    (folder / "checksums.txt").write_text("# archives\n")
    (folder / "Cargo.toml").write_text(f'[workspace.package]\nrust-version = "{RUST}"\n')
    return folder
