"""Configurations as their users wrote them, rehearsed on the emulator with nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from stage import ROOT, Emulator, Lakekey

# The others deliver to a callback, which a program in JavaScript gives.
EXAMPLES = sorted((ROOT / "examples/github").glob("*lakekey*.yml"))
# Every kind of place and of sign-in that a rehearsal can give a value.
FLEET = """
version: 1
defaults:
  token: {lifetime: 90d, renew-before: 30d}
  principal: {tenant-id: 99999999-9999-9999-9999-999999999999}
targets:
  - name: first
    workspace: adb-1111111111111111.1.azuredatabricks.net/?o=1111111111111111
    principal: {client-id: "{AAAAAAAA-1111-1111-1111-111111111111}"}
    auth: {type: azure-client-secret, client-secret: {env: FIRST_SECRET}}
    admin: {type: pat, token: {env: ADMIN_PAT}}
    deliver:
      - {type: github-secret, repository: other/place, secret: TOKEN, environment: live}
      - {type: github-secret, organization: other, secret: TOKEN, visibility: selected, repositories: [place]}
      - {type: key-vault, vault: "https://mine.vault.azure.net", secret: token}
      - {type: databricks-secret, scope: shared, key: token}
      - {type: azure-devops-variable, organization: other, project: lake, group: 41, variable: TOKEN}
  - name: second
    workspace: https://adb-2222222222222222.2.azuredatabricks.net
    principal: {kind: databricks, client-id: bbbbbbbb-2222-2222-2222-222222222222, tenant-id: null}
    auth: {type: oauth-m2m, client-secret: {env: SECOND_SECRET}}
    deliver: [{type: github-secret, repository: other/place, secret: SECOND}]
  - name: third
    workspace: https://adb-3333333333333333.3.azuredatabricks.net
    principal: {client-id: cccccccc-3333-3333-3333-333333333333}
    auth: {type: github-oidc-azure}
    deliver: [{type: github-secret, repository: other/place, secret: THIRD}]
  - name: fourth
    workspace: https://adb-4444444444444444.4.azuredatabricks.net
    principal: {client-id: dddddddd-4444-4444-4444-444444444444}
    auth: {type: azure-msi}
    deliver:
      - {type: github-secret, repository: other/place, secret: FOURTH}
      - {type: webhook, url: "https://hooks.mine.example/token", key: {env: HOOK_KEY}}
github: {type: app, app-id: 777, private-key: {env: APP_KEY}}
"""


def rehearsed(binary: Path, folder: Path, config: Path) -> tuple[Emulator, Lakekey]:
    emulator = Emulator.start(binary, folder, "--proxy", str(folder / "proxy"), "--config", str(config))
    return emulator, Lakekey(binary, folder, dict(emulator.env), config)


@pytest.mark.parametrize("example", EXAMPLES, ids=[str(path.relative_to(ROOT)) for path in EXAMPLES])
def test_an_example_runs_as_it_stands(binary: Path, tmp_path: Path, example: Path) -> None:
    emulator, lakekey = rehearsed(binary, tmp_path, example)
    try:
        command = "provision" if "provision" in example.name else "rotate"
        run = lakekey.json(command)
        outcomes = {target["outcome"] for target in run.report["targets"]}
        assert (run.status, outcomes <= {"rotated", "provisioned"}) == (0, True), run.err
    finally:
        emulator.stop()


def test_every_kind_of_place_and_sign_in_is_given_what_it_takes(binary: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.yml"
    config.write_text(FLEET.replace(", tenant-id: null", ""))
    emulator, lakekey = rehearsed(binary, tmp_path, config)
    try:
        run = lakekey.json("rotate")
        told = {one["name"]: (one["outcome"], (one["error"] or {}).get("code")) for one in run.report["targets"]}
        assert told == dict.fromkeys(("first", "second", "third", "fourth"), ("rotated", None)), run.err
        assert emulator.ready["workspaces"][0] == "https://adb-1111111111111111.1.azuredatabricks.net"
        state = json.dumps(emulator.state())
        assert "aaaaaaaa-1111-1111-1111-111111111111" in state
    finally:
        emulator.stop()


def test_a_configuration_that_is_none_is_told_and_nothing_is_started(binary: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text("targets: [")
    for path, words in ((broken, "error: --config: "), (tmp_path / "missing.yml", "error: --config: ")):
        run = Lakekey(binary, tmp_path, {}, None).run("emulate", "--config", str(path))
        assert (run.status, run.out, words in run.err) == (2, "", True), run


def test_the_configuration_that_is_offered_at_the_real_names_says_no_addresses(
    binary: Path, tmp_path: Path
) -> None:
    emulator = Emulator.start(binary, tmp_path, "--proxy", str(tmp_path / "proxy"))
    try:
        text = Path(emulator.ready["config"]).read_text()
        assert "endpoints" not in yaml.safe_load(text)
        assert "127.0.0.1" not in text
        run = Lakekey(binary, tmp_path, dict(emulator.env), Path(emulator.ready["config"])).json("provision")
        assert (run.status, run.outcome) == (0, "provisioned"), run.err
    finally:
        emulator.stop()
