"""Each workflow of examples/github, run as it stands: only the placeholders for workspace, ids and App are
filled in.

`uses: lakekey/lakekey@main` is a checkout whose checksums.txt holds this build, which the Action fetches
from a mirror, verifies and runs: the way of every user.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, Act, Emulator, Mirror, Run, serve

EXAMPLES = ROOT / "examples/github"
VERSION = "0.1.0"
WORKSPACES = [
    "https://adb-1234567890123456.7.azuredatabricks.net",
    "https://adb-2345678901234567.8.azuredatabricks.net",
    "https://adb-3456789012345678.9.azuredatabricks.net",
]
PRINCIPAL = "11111111-1111-1111-1111-111111111111"
ADMIN = "22222222-2222-2222-2222-222222222222"
RESOURCE = (
    "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/data"
    "/providers/Microsoft.Databricks/workspaces/prod"
)


@pytest.fixture(scope="session")
def released(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mirror, Path]]:
    """A release of this build: the mirror that has the archive, and the Action's checkout that trusts it."""
    folder = tmp_path_factory.mktemp("release")
    action = folder / "action"
    shutil.copytree(ROOT / "script/action", action / "script/action")
    shutil.copy(ROOT / "action.yml", action / "action.yml")
    (action / "checksums.txt").write_text("# archives\n")
    small = folder / "lakekey"
    subprocess.run(["strip", "-o", small, binary], check=True)
    for mirror in serve(folder / "mirror"):
        mirror.release(small, action / "checksums.txt", VERSION, "linux-x64")
        mirror.release(small, action / "checksums.txt", VERSION, "linux-arm64")
        yield mirror, action


class Example:
    """One example in a repository of its own, filled in for an emulator."""

    def __init__(self, act: Act, emulator: Emulator, released: tuple[Mirror, Path]) -> None:
        mirror, self.action = released
        self.others: list[str] = []
        self.act, self.emulator = act, emulator
        config = yaml.safe_load(Path(emulator.ready["config"]).read_text())
        self.values = {PRINCIPAL: config["targets"][0]["principal"]["client-id"]}
        self.values |= dict(zip(WORKSPACES, emulator.ready["workspaces"], strict=False))
        app = emulator.seed(github_app={})
        self.values["app-id: 12345"] = f"app-id: {app['app-id']}"
        reader = emulator.seed(github_app={})
        self.secrets = {
            "LAKEKEY_APP_KEY": app["private-key"],
            "LAKEKEY_STATUS_APP_KEY": reader["private-key"],
        }
        act.variables = {
            "LAKEKEY_APP_ID": str(app["app-id"]),
            "LAKEKEY_STATUS_APP_ID": str(reader["app-id"]),
        }
        act.env |= {
            "LAKEKEY_MIRROR": mirror.url,
            "AZURE_AUTHORITY_HOST": emulator.ready["login"],
            "GITHUB_API_URL": emulator.ready["github"],
        }

    @property
    def principal(self) -> str:
        return self.values[PRINCIPAL]

    def job(self, **job: object) -> str:
        """Says what job it is that runs; returns the subject of its identity tokens."""
        made = self.emulator.seed(actions_job=job)
        self.act.env |= made["env"]
        return made["subject"]

    def trust(self, client_id: str, subject: str) -> None:
        self.emulator.seed(federated_credential={"client-id": client_id, "subject": subject})

    def usable(self, workspaces: int = 1) -> None:
        """Puts the principal into the workspaces and lets it use tokens."""
        for index in range(workspaces):
            self.emulator.seed(principal={"workspace": index, "application-id": self.principal})
            self.emulator.seed(
                token_permission={"workspace": index, "service-principal-name": self.principal}
            )

    def run(self, name: str, event: str, more: str = "", **options: object) -> Run:
        for source in [EXAMPLES / f"{name}.yml", EXAMPLES / f"{name}.lakekey.yml"]:
            if source.exists():
                text = source.read_text()
                for placeholder, value in self.values.items():
                    text = text.replace(placeholder, str(value))
                path = source.name if "lakekey" in source.name else f".github/workflows/{source.name}"
                self.act.write(path, text + (more if "lakekey" in source.name else ""))
        local = ["--local-repository", f"lakekey/lakekey@main={self.action}", *self.others]
        return self.act.run(
            event, f".github/workflows/{name}.yml", secrets=self.secrets, more=local, **options
        )

    def delete_token(self, token_id: str) -> None:
        """Revokes a token as the workspace's admin."""
        url = f"{self.emulator.workspace}/api/2.0/token-management/tokens/{token_id}"
        admin = {"authorization": f"Bearer {self.emulator.env['DATABRICKS_ADMIN_TOKEN']}"}
        with urllib.request.urlopen(urllib.request.Request(url, method="DELETE", headers=admin)):
            pass

    def github_secrets(self) -> list[tuple[dict, str]]:
        state = self.emulator.get("/state")
        return [(secret["place"], secret["name"]) for secret in state["github"]["secrets"]]

    def managed(self) -> list[dict]:
        """The principal's live tokens in all workspaces."""
        state = self.emulator.get("/state")
        return [
            t for w in state["workspaces"] for t in w["tokens"] if t["live"] and "lakekey" in t["comment"]
        ]


@pytest.fixture
def example(act: Act, emulator: Emulator, released: tuple[Mirror, Path]) -> Example:
    return Example(act, emulator, released)


@pytest.mark.parametrize("ids", [False, True], ids=["by names", "by names and ids"])
def test_the_scheduled_rotation_signs_in_by_the_subject_that_github_sends(
    example: Example, ids: bool
) -> None:
    example.usable()
    subject = example.job(event="schedule", environment="rotation", **{"ids-in-subject": ids})
    assert ("acme@" in subject) == ids
    example.trust(example.principal, subject)
    run = example.run("rotate", "schedule", payload={"schedule": "17 4 * * *"})
    assert run.status == 0, run.log
    assert example.github_secrets() == [({"repository": "acme/data"}, "DATABRICKS_TOKEN")]
    assert any(line.startswith("rotated; the token ends ") for line in run.lines), run.log
    again = example.run("rotate", "schedule", payload={"schedule": "17 4 * * *"})
    assert any(line.startswith("not-due; ") for line in again.lines), again.log
    forced = example.run("rotate", "workflow_dispatch", inputs={"force": "true"})
    assert any(line.startswith("rotated; ") for line in forced.lines), forced.log


def test_a_subject_that_nobody_trusts_is_shown_as_it_was_sent(example: Example) -> None:
    example.usable()
    subject = example.job(event="schedule", environment="rotation", **{"ids-in-subject": True})
    example.trust(example.principal, "repo:acme/data:environment:rotation")
    run = example.run("rotate", "schedule", payload={"schedule": "17 4 * * *"})
    assert run.status != 0
    assert "federated-credential-mismatch" in run.log
    assert subject in run.log
    assert example.github_secrets() == []


def test_a_job_without_the_permission_is_told_which_one(example: Example) -> None:
    example.usable()
    example.job(**{"without-permission": True})
    run = example.run("rotate", "schedule", payload={"schedule": "17 4 * * *"})
    assert run.status != 0
    assert "oidc-permission-missing" in run.log
    assert "id-token: write" in run.log


@pytest.mark.parametrize("ids", [False, True], ids=["by names", "by names and ids"])
def test_provisioning_needs_no_secret_but_the_apps_key(example: Example, ids: bool) -> None:
    subject = example.job(event="workflow_dispatch", environment="rotation", **{"ids-in-subject": ids})
    admin = example.emulator.seed(application={"display-name": "provisioner"})["client-id"]
    role = example.emulator.seed(azure_role={"client-id": admin, "role": "Contributor"})
    example.emulator.seed(graph_role={"client-id": admin, "role": "Application.ReadWrite.OwnedBy"})
    example.trust(admin, subject)
    example.values |= {
        ADMIN: admin,
        RESOURCE: role["resource-id"],
        "repo:acme/data:environment:rotation": subject,
    }
    ready = example.emulator.ready
    endpoints = f"endpoints: {json.dumps({'graph': ready['graph'], 'management': ready['management']})}\n"
    run = example.run("provision", "workflow_dispatch", more=endpoints)
    assert run.status == 0, run.log
    assert example.github_secrets() == [({"repository": "acme/data"}, "DATABRICKS_TOKEN")]
    assert len(example.managed()) == 1
    assert not example.emulator.requests("POST", "/addPassword")


def keeps_the_fleet(example: Example) -> None:
    """Has the page kept where a test finds it, and a token at hand for the issue."""
    stand_in(example, "actions/upload-artifact", 'cp "$FROM" "$KEEP"', "fleet")
    token = example.emulator.seed(github_token={"permissions": ["issues"]})["token"]
    example.secrets["GITHUB_TOKEN"] = token


def test_three_shards_serve_three_hundred_targets_and_one_page_shows_them_all(
    act: Act, start_emulator: Callable[..., Emulator], released: tuple[Mirror, Path]
) -> None:
    emulator = start_emulator("--workspaces", "30")
    example = Example(act, emulator, released)
    example.usable(30)
    example.trust(example.principal, example.job(event="schedule", environment="rotation"))
    keeps_the_fleet(example)
    document = yaml.safe_load((EXAMPLES / "fleet.lakekey.yml").read_text())
    document["targets"] = [
        {
            "name": f"catalog-{number:03}",
            "workspace": emulator.ready["workspaces"][number % 30],
            "deliver": [{"type": "databricks-secret", "scope": "fleet", "key": f"k{number:03}", "create-scope": True}],
        }
        for number in range(300)
    ]
    example.values |= {"matrix: 4": "matrix: 3", "config: fleet.lakekey.yml": "config: many.lakekey.yml"}
    text = yaml.safe_dump(document).replace(PRINCIPAL, example.principal)
    act.write("many.lakekey.yml", text)
    run = example.run("fleet", "schedule", payload={"schedule": "41 3 * * *"})
    assert run.status == 0, run.log
    assert len(example.managed()) == 300
    assert {f"Rotate shard {shard}" for shard in range(3)} <= set(re.findall(r"Rotate shard \d", run.log))
    assert "Rotate shard 3" not in run.log
    assert run.kept("fleet.html").count('"outcome":"ok"') == 300


def test_the_fleet_is_divided_and_each_shard_serves_its_targets(
    act: Act, start_emulator: Callable[..., Emulator], released: tuple[Mirror, Path]
) -> None:
    example = Example(act, start_emulator("--workspaces", "3"), released)
    example.usable(3)
    example.trust(example.principal, example.job(event="schedule", environment="rotation"))
    keeps_the_fleet(example)
    run = example.run("fleet", "schedule", payload={"schedule": "41 3 * * *"})
    assert run.status == 0, run.log
    assert run.kept("fleet.html").count('"outcome":"ok"') == 3
    assert sorted(name for _, name in example.github_secrets()) == [
        "DATABRICKS_TOKEN_DEV",
        "DATABRICKS_TOKEN_PROD",
        "DATABRICKS_TOKEN_TEST",
    ]
    assert len(example.managed()) == 3
    assert run.log.count("Rotate shard") >= 3


def test_the_status_check_passes_while_the_token_is_fresh_and_fails_once_it_is_overdue(
    example: Example,
) -> None:
    example.usable()
    example.trust(example.principal, example.job(event="schedule", environment="rotation"))
    assert example.run("rotate", "schedule", payload={"schedule": "17 4 * * *"}).status == 0
    example.trust(example.principal, example.job(event="schedule", environment="status"))
    # All that it has is its own App's key.
    del example.secrets["LAKEKEY_APP_KEY"]
    writes = len(example.emulator.requests("PUT"))
    run = example.run("status", "schedule", payload={"schedule": "47 6 * * *"})
    assert run.status == 0, run.log
    # An admin takes the token away by hand: what the secret holds no longer works.
    example.delete_token(example.managed()[0]["token-id"])
    run = example.run("status", "schedule", payload={"schedule": "47 6 * * *"})
    assert run.status != 0, run.log
    assert "overdue" in run.log, run.log
    assert len(example.emulator.requests("PUT")) == writes


def stand_in(example: Example, name: str, run: str, of: str = "pages") -> None:
    """Has an action of somebody else do this instead, at the commit to which an example pins it."""
    workflow = (EXAMPLES / f"{of}.yml").read_text()
    commit = re.search(rf"{name}@([0-9a-f]{{40}})", workflow)[1]
    folder = example.act.folder / name
    folder.mkdir(parents=True)
    document = {
        "name": name,
        "inputs": {"path": {"default": ""}, "name": {"default": ""}},
        "outputs": {"page_url": {"value": "https://pages.example"}},
        "runs": {"using": "composite", "steps": [{"shell": "bash", "run": run, "env": {"FROM": "${{ inputs.path }}"}}]},
    }
    (folder / "action.yml").write_text(yaml.safe_dump(document))
    example.others += ["--local-repository", f"{name}@{commit}={folder}"]


def test_the_page_is_published_also_when_something_is_overdue(
    act: Act, start_emulator: Callable[..., Emulator], released: tuple[Mirror, Path]
) -> None:
    example = Example(act, start_emulator("--workspaces", "3"), released)
    example.usable(3)
    example.trust(example.principal, example.job(event="schedule", environment="rotation"))
    keeps_the_fleet(example)
    assert example.run("fleet", "schedule", payload={"schedule": "41 3 * * *"}).status == 0
    example.trust(example.principal, example.job(event="schedule", environment="status"))
    stand_in(example, "actions/upload-pages-artifact", 'cp "$FROM/index.html" "$KEEP/index.html"')
    stand_in(example, "actions/deploy-pages", 'touch "$KEEP/published"')
    del example.secrets["LAKEKEY_APP_KEY"]
    token = example.emulator.seed(github_token={"permissions": ["issues"]})["token"]
    example.secrets["GITHUB_TOKEN"] = token
    # All is well: a page, and no issue.
    run = example.run("pages", "schedule", payload={"schedule": "7 6 * * *"})
    assert run.status == 0, run.log
    assert "catalog-prod" in run.kept("index.html")
    assert not example.emulator.requests("POST", "/issues")
    # An admin takes a token away by hand.
    (act.folder / "keep/published").unlink()
    example.delete_token(example.managed()[0]["token-id"])
    run = example.run("pages", "schedule", payload={"schedule": "7 6 * * *"})
    assert run.status != 0, run.log
    assert (act.folder / "keep/published").exists()
    assert '"outcome":"overdue"' in run.kept("index.html")
    assert len(example.emulator.requests("POST", "/issues")) == 1


def test_no_example_gives_a_pull_request_anything() -> None:
    for file in EXAMPLES.glob("*.yml"):
        if not file.name.endswith(".lakekey.yml"):
            workflow = yaml.load(file.read_text(), yaml.BaseLoader)
            assert set(workflow["on"]) <= {"schedule", "workflow_dispatch"}, file
            for name, job in workflow["jobs"].items():
                uses_secrets = "secrets." in json.dumps(job) or "id-token" in json.dumps(job)
                assert not uses_secrets or job["environment"], f"{file}: {name}"


def test_the_status_check_has_no_key_that_writes() -> None:
    rotation, status = ((EXAMPLES / f"{name}.yml").read_text() for name in ["rotate", "status"])
    assert "environment: status" in status
    for name in ["LAKEKEY_APP_ID", "LAKEKEY_APP_KEY"]:
        assert name in rotation
        assert name not in status


def test_the_emergency_brake_takes_everything_back_and_the_rotation_starts_anew(example: Example) -> None:
    example.usable()
    example.trust(example.principal, example.job(event="workflow_dispatch", environment="rotation"))
    example.run("rotate", "workflow_dispatch")
    before = example.managed()
    assert len(before) == 1
    run = example.run("revoke", "workflow_dispatch", inputs={"what": "superseded"})
    assert run.status == 0, run.log
    assert example.managed() == before
    run = example.run("revoke", "workflow_dispatch", inputs={"what": "all"})
    assert run.status == 0, run.log
    assert example.managed() == []
    run = example.run("rotate", "workflow_dispatch")
    assert run.status == 0, run.log
    assert len(example.managed()) == 1


def test_an_organisations_secret_is_written_by_the_app(example: Example) -> None:
    example.usable()
    example.trust(example.principal, example.job(event="schedule", environment="rotation"))
    run = example.run("organization-secret", "schedule", payload={"schedule": "5 5 * * *"})
    assert run.status == 0, run.log
    assert example.github_secrets() == [({"organization": "acme"}, "DATABRICKS_TOKEN")]
    assert example.emulator.requests("POST", "/access_tokens")


def test_every_example_is_run() -> None:
    """A workflow that is added without a test of its own fails here."""
    tests = Path(__file__).read_text()
    for file in EXAMPLES.glob("*.yml"):
        if not file.name.endswith(".lakekey.yml"):
            assert f'.run("{file.stem}"' in tests, file


def test_a_release_can_be_rehearsed(released: tuple[Mirror, Path]) -> None:
    """What the release workflow does on each pull request: the table, a mirror, the Action's own script, a
    changed archive."""
    archives = released[0].folder / f"v{VERSION}"
    done = subprocess.run(
        [ROOT / "script/release/rehearse", archives], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "a changed archive was refused" in done.stdout
