"""The official Go client at the services' real names, and its own live tests against the emulator. Without Go both are
skipped."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_names import World, at_the_real_names
from test_real_names import run

HERE = Path(__file__).parent / "go"
MODULE = "github.com/databricks/databricks-sdk-go"
# What the module's authors run against a workspace of theirs.
LIVE = (
    "TestAccTokens",
    "TestAccSecrets",
    "TestAccCurrentUser",
    "TestAccWorkspaceUsers",
    "TestAccGroups",
    "TestAccGenericPermissions",
    "TestAccWorkspaceConf",
)

pytestmark = pytest.mark.skipif(not shutil.which("go"), reason="there is no Go here, so that its client is not run")


@pytest.fixture(scope="module")
def world(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with at_the_real_names(binary, tmp_path_factory.mktemp("go")) as made:
        yield made


def go(folder: Path, *command: object) -> str:
    words = ["go", *(str(word) for word in command)]
    came = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=1200, check=False)
    assert came.returncode == 0, came.stderr[-4000:]
    return came.stdout


def test_the_go_client_does_at_the_real_names_what_lakekey_does(world: World, tmp_path: Path) -> None:
    program = tmp_path / "program"
    go(HERE, "build", "-o", program, ".")
    came = run(world, program)
    assert (came.returncode, came.stdout.strip()) == (0, "done"), came.stderr


@pytest.fixture(scope="module")
def live(world: World, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the module's live tests print."""
    program = tmp_path_factory.mktemp("live") / "live.test"
    # Without this the module has no folder where nothing of it was built before.
    go(HERE, "mod", "download", MODULE)
    module = Path(go(HERE, "list", "-m", "-f", "{{.Dir}}", MODULE).strip())
    go(module, "test", "-c", "-o", program, "./internal")
    env = {"CLOUD_ENV": "azure", "TEST_ENVIRONMENT_TYPE": "WORKSPACE", "DATABRICKS_HOST": world.emulator.workspace,
           "DATABRICKS_TOKEN": world.emulator.admin_token}
    came = run(world, program, "-test.run", f"^({'|'.join(LIVE)})$", "-test.v", **env)
    return came.stdout + came.stderr


@pytest.mark.parametrize("name", LIVE)
def test_a_live_test_of_the_go_client_passes_against_the_emulator(name: str, live: str) -> None:
    assert re.search(rf"^--- PASS: {name} ", live, re.MULTILINE), live[-4000:]
