"""Notices and the heartbeat of the binary, received by a server on loopback."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Emulator

Received = list[tuple[str, str, dict | None]]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    received: Received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            self.answered(body)

        def do_GET(self) -> None:
            self.answered(None)

        def answered(self, body: dict | None) -> None:
            received.append((self.command, self.path, body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def test_each_receiver_gets_its_form_and_the_heart_beats(
    binary: Path, emulator: Emulator, receiver: tuple[str, Received], tmp_path: Path
) -> None:
    base, received = receiver
    kinds = ["slack", "teams", "webhook"]
    notify = [{"type": kind, "url": {"env": kind.upper()}, "on": ["rotated"]} for kind in kinds]
    text = Path(emulator.ready["config"]).read_text()
    text += f"notify: {json.dumps(notify)}\nheartbeat: {{url: {{env: BEAT}}}}\n"
    config = tmp_path / "lakekey.yml"
    config.write_text(text)
    env = {**emulator.env, "BEAT": f"{base}/beat"} | {kind.upper(): f"{base}/{kind}?sig=s3cr3t" for kind in kinds}
    done = subprocess.run(
        [binary, "provision", "--config", config, "--json", "-vv"], env=env, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["notices"]
    assert [(notice["type"], notice["sent"]) for notice in told] == [*((kind, True) for kind in kinds), ("heartbeat", True)]
    assert "s3cr3t" not in done.stdout + done.stderr
    by_path = {path.partition("?")[0]: (method, body) for method, path, body in received}
    assert all("?sig=s3cr3t" in path for _, path, _ in received if "beat" not in path)
    assert by_path["/beat"] == ("GET", None)
    assert by_path["/slack"][1]["text"] == "lakekey provision: 1 rotated"
    assert by_path["/teams"][1]["attachments"][0]["content"]["type"] == "AdaptiveCard"
    assert by_path["/webhook"][1]["events"][0]["event"] == "rotated"
    # A run that finds nothing tells nobody, and beats.
    received.clear()
    again = subprocess.run([binary, "rotate", "--config", config], env=env, check=False, capture_output=True)
    assert again.returncode == 0
    assert [path for _, path, _ in received] == ["/beat"]
