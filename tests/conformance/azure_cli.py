"""The real Azure CLI, told that the emulator is a cloud of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stage import LIMIT, ROOT, Emulator

# script/bootstrap puts it there.
BIN = ROOT / "target/tools/azure-cli/bin"


@dataclass
class AzureCli:
    """Runs `az` with a folder of its own for what it remembers."""

    env: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "az", *arguments], env=self.env, capture_output=True, text=True, timeout=LIMIT, check=False
        )

    def ask(self, *arguments: str) -> object:
        """What it answers with, where it succeeds."""
        done = self.run(*arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def sign_in(self, emulator: Emulator, client_id: str, secret: str) -> object:
        return self.ask(
            "login",
            "--service-principal",
            "--username",
            client_id,
            "--password",
            secret,
            "--tenant",
            emulator.tenant,
            "--allow-no-subscriptions",
        )


def azure_cli(emulator: Emulator, folder: Path) -> AzureCli:
    """Registers the emulator as a cloud. Whether it is one of Microsoft's own, `msal` would ask Microsoft."""
    cli = AzureCli(
        {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "AZURE_CONFIG_DIR": str(folder / "azure"),
            "REQUESTS_CA_BUNDLE": emulator.ca_file,
            "AZURE_CORE_INSTANCE_DISCOVERY": "false",
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
        }
    )
    graph, management = emulator.ready["graph"], "https://management.core.windows.net/"
    cli.ask(
        "cloud",
        "register",
        "--name",
        "emulated",
        "--skip-endpoint-discovery",
        "--endpoint-active-directory",
        emulator.ready["login"],
        "--endpoint-active-directory-resource-id",
        management,
        "--endpoint-active-directory-graph-resource-id",
        graph,
        "--endpoint-microsoft-graph-resource-id",
        graph,
        "--endpoint-resource-manager",
        emulator.ready["management"],
        "--endpoint-management",
        management,
    )
    cli.ask("cloud", "set", "--name", "emulated")
    return cli
