"""The one place where the Python tests start the emulator, speak to its control port and stop it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

# Bounds a wait that would otherwise never end; nothing is measured by it.
LIMIT = 120


@dataclass
class Emulator:
    """A running `lakekey emulate`, and the environment under which lakekey uses it."""

    ready: dict
    process: subprocess.Popen

    @classmethod
    def start(cls, binary: Path, folder: Path, *arguments: str) -> Emulator:
        """Starts it with nothing of this machine's environment, and waits until it is ready."""
        errors = folder / "emulator.log"
        with errors.open("w") as log:
            process = subprocess.Popen(
                [binary, "emulate", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            )
        line = process.stdout.readline()
        if not line:
            process.kill()
            raise AssertionError(errors.read_text())
        return cls(json.loads(line), process)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=LIMIT)

    @property
    def env(self) -> dict[str, str]:
        return self.ready["env"]

    @property
    def workspace(self) -> str:
        return self.ready["workspaces"][0]

    @property
    def ca_file(self) -> str | None:
        return self.env.get("SSL_CERT_FILE")

    def control(self, method: str, path: str, body: object = None) -> dict:
        """Calls a route of the control port."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.ready['control']}{path}", data, headers, method=method)
        context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        with urllib.request.urlopen(request, timeout=LIMIT, context=context) as response:
            return json.loads(response.read() or b"{}")
