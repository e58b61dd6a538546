"""An emulator at the services' real names, to which what lakekey delivers was delivered already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stage import Emulator, Lakekey


@dataclass
class World:
    """The emulator, and the environment that leads every client there."""

    emulator: Emulator
    folder: Path
    env: dict[str, str]


@contextmanager
def at_the_real_names(binary: Path, folder: Path, *, proxy: bool = True) -> Iterator[World]:
    """Starts the emulator as a proxy, or on loopback, and has lakekey deliver a PAT to a place of every kind."""
    emulator = Emulator.start(binary, folder, *(("--proxy", str(folder / "proxy")) if proxy else ()))
    try:
        emulator.azure("vault-access", client_id=emulator.client_id, rights=["get", "list", "set"])
        emulator.azure("devops-principal", client_id=emulator.client_id, role="administrator")
        group = emulator.azure("variable-group", project="data", name="Delivery", variables=[])["id"]
        machine = emulator.seed("application", display_name="machine")["client-id"]
        emulator.azure("managed-identity", client_id=machine)
        config = emulator.config
        config["targets"][0]["deliver"] = [
            {"type": "github-secret", "repository": "acme/data", "secret": "DATABRICKS_TOKEN"},
            {"type": "key-vault", "vault": emulator.ready["key-vault"], "secret": "databricks-token"},
            {"type": "azure-devops-variable", "organization": "acme", "project": "data", "group": group,
             "variable": "DATABRICKS_TOKEN"},
            {"type": "databricks-secret", "scope": "integrations", "key": "catalog-token"},
        ]
        lakekey = Lakekey(binary, folder, dict(emulator.env))
        lakekey.write(config)
        run = lakekey.run("provision")
        assert run.status == 0, run.err
        yield World(emulator, folder, {
            **emulator.env,
            "TENANT": emulator.tenant,
            "CLIENT": emulator.client_id,
            "SECRET": emulator.env["CATALOG_CLIENT_SECRET"],
            "WORKSPACE": emulator.workspace,
            "ADMIN_TOKEN": emulator.admin_token,
            "GITHUB_TOKEN": emulator.env["LAKEKEY_GITHUB_TOKEN"],
            "DEVOPS_TOKEN": emulator.azure("devops-token", role="administrator")["token"],
            "GROUP": str(group),
            "MACHINE": machine,
        })
    finally:
        emulator.stop()
