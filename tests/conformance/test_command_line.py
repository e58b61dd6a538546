"""The binary from outside: what it prints where, how it exits, and that a wrong configuration sends
nothing."""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
import yaml
from stage import DAY, Emulator, Lakekey


def test_a_credential_is_provisioned_once_and_renewed_when_it_is_due(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    provisioned = lakekey.json("provision")
    assert (provisioned.status, provisioned.outcome) == (0, "provisioned")
    first = provisioned.target["credential"]["id"]

    rotated = lakekey.json("rotate")
    assert (rotated.status, rotated.outcome, rotated.target["credential"]["id"]) == (0, "not-due", first)
    assert lakekey.run("status", "--fail-on", "due").status == 0

    emulator.advance(70 * DAY)
    due = lakekey.json("status", "--fail-on", "due")
    assert (due.status, due.outcome) == (3, "due")
    assert lakekey.run("status", "--fail-on", "overdue").status == 0, "due is not yet overdue"
    rotated = lakekey.json("rotate")
    assert (rotated.status, rotated.outcome, rotated.target["revoked"]) == (0, "rotated", [first])
    (live,) = emulator.tokens()
    assert live["token-id"] == rotated.target["credential"]["id"]
    (secret,) = emulator.state()["github"]["secrets"]
    assert secret["sha256"] == live["token-id"]


def test_status_shows_what_a_pat_may_do_and_fails_where_asked_while_it_is_being_watched(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    lakekey.write(put("defaults.token.scopes", "auto")(emulator.config))
    assert lakekey.run("provision").status == 0
    emulator.advance(7 * DAY)
    watched = lakekey.json("status", "--fail-on", "narrowing")
    assert (watched.status, watched.outcome) == (3, "ok")
    held = watched.target["credential"]
    assert (held["scopes"], held["inferred-scopes"]) == ("all", ["scim"])
    assert held["narrows"].startswith(day(held["created"], 30))
    # The emulator's clock runs with the machine's, so that some of the 23 days may have begun.
    words = rf"narrows on {day(held['created'], 30)} \(in 2[23] d\) to \[scim\]"
    assert re.search(words, lakekey.run("status").out)
    assert lakekey.run("status", "--fail-on", "due").status == 0

    lakekey.write(put("defaults.token.scopes", ["sql"])(emulator.config))
    assert lakekey.run("rotate", "--force").status == 0
    chosen = lakekey.json("status", "--fail-on", "narrowing")
    assert (chosen.status, chosen.target["credential"]["scopes"]) == (0, ["sql"])
    assert "narrows" not in chosen.target["credential"]


def day(moment: str, later: int) -> str:
    return (datetime.fromisoformat(moment.replace("Z", "+00:00")) + timedelta(days=later)).date().isoformat()


def test_provisioning_twice_writes_nothing_the_second_time(lakekey: Lakekey, emulator: Emulator) -> None:
    assert lakekey.run("provision").status == 0
    emulator.forget_requests()
    assert lakekey.run("provision").status == 0
    served = emulator.requests()
    assert {one["method"] for one in served if one["service"] != "entra"} == {"GET"}, served


def test_a_dry_run_and_every_command_that_only_looks_write_nothing(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    before = emulator.state()
    for command in (
        ["provision", "--dry-run"],
        ["rotate", "--dry-run", "--force"],
        ["status"],
        ["doctor"],
        ["plan"],
    ):
        lakekey.run(*command)
    after = emulator.state()
    for state in (before, after):
        state.pop("now")
        for token in state["workspaces"][0]["tokens"]:
            token.pop("last-used")
            token.pop("used-scopes")
    assert after == before
    assert emulator.requests()


@pytest.mark.parametrize(
    "command",
    [
        ["provision"],
        ["rotate"],
        ["rotate", "--force"],
        ["status"],
        ["doctor"],
        ["plan"],
        ["provision", "--dry-run"],
    ],
)
def test_with_json_standard_output_holds_one_report_and_nothing_else(
    lakekey: Lakekey, command: list[str]
) -> None:
    run = lakekey.json(*command, LAKEKEY_LOG="trace")
    assert run.report["version"] == 1
    assert run.report["command"] == command[0]
    assert {
        "name",
        "outcome",
        "credential",
        "delivered",
        "revoked",
        "left-over",
        "requests",
        "error",
    } <= run.target.keys()
    assert run.err, "what is told beside the report goes to standard error"


def test_a_failed_target_exits_with_1_and_the_others_are_served(start_emulator, lakekey: Lakekey) -> None:
    two = start_emulator("--workspaces", "2")
    lakekey.env, lakekey.config = dict(two.env), Path(two.ready["config"])
    lakekey.env["DATABRICKS_ADMIN_TOKEN"] = "dapi-not-the-admin"
    run = lakekey.json("provision")
    outcomes = {target["name"]: target["outcome"] for target in run.report["targets"]}
    assert (run.status, outcomes) == (1, {"catalog-prod": "failed", "catalog-prod-2": "provisioned"})
    error = run.report["targets"][0]["error"]
    assert error["code"] == "credential-invalid"
    assert error["step"] and error["message"] and error["hint"]


def test_revoking_all_is_done_only_with_yes(lakekey: Lakekey, emulator: Emulator) -> None:
    lakekey.run("provision")
    refused = lakekey.json("revoke", "--target", "catalog-prod", "--all")
    assert refused.status != 0
    assert len(emulator.tokens()) == 1
    done = lakekey.json("revoke", "--target", "catalog-prod", "--all", "--yes")
    assert (done.status, done.outcome, emulator.tokens()) == (0, "revoked", [])


def test_the_action_revokes_for_the_targets_that_it_names_alone(lakekey: Lakekey, emulator: Emulator) -> None:
    lakekey.run("provision")
    brake = {"LAKEKEY_INPUT_COMMAND": "revoke", "LAKEKEY_INPUT_REVOKE": "all",
             "LAKEKEY_INPUT_CONFIG": str(lakekey.config)}
    lakekey.config = None
    unnamed = lakekey.run("action", **brake)
    assert (unnamed.status, len(emulator.tokens())) == (2, 1), unnamed.out
    assert "nothing is revoked for all targets at once" in unnamed.out
    named = lakekey.run("action", LAKEKEY_INPUT_TARGET="catalog-prod", **brake)
    assert (named.status, emulator.tokens()) == (0, []), named.out


def test_at_a_terminal_a_person_confirms_by_the_targets_name(lakekey: Lakekey, emulator: Emulator) -> None:
    lakekey.run("provision")
    brake = ("revoke", "--target", "catalog-prod", "--all")
    wrong = lakekey.at_terminal(*brake, answer="yes")
    assert (wrong.status, len(emulator.tokens())) == (1, 1), wrong.err
    assert "type catalog-prod to revoke it:" in wrong.err
    right = lakekey.at_terminal(*brake)
    assert (right.status, emulator.tokens()) == (0, []), right.err


def test_at_a_terminal_nobody_is_asked_about_what_could_not_be_listed(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    lakekey.run("provision")
    emulator.faults(
        {"path-contains": "/api/2.0/token", "kind": {"status": {"status": 403, "body": {"message": "no"}}}}
    )
    ran = lakekey.at_terminal("revoke", "--target", "catalog-prod", "--all")
    assert (ran.status, len(emulator.tokens())) == (1, 1), ran.err
    assert "to revoke it:" not in ran.err


def test_at_a_terminal_each_target_is_confirmed_and_one_that_could_not_be_listed_is_left_alone(
    start_emulator, lakekey: Lakekey
) -> None:
    two = start_emulator("--workspaces", "2")
    lakekey.env, lakekey.config = dict(two.env), Path(two.ready["config"])
    names = ("catalog-prod", "catalog-prod-2")
    alive = lambda: [len(two.tokens(workspace=index)) for index in range(2)]
    brake = ("revoke", *(part for name in names for part in ("--target", name)), "--all")
    lakekey.run("provision")
    wrong = lakekey.at_terminal(*brake, answer="catalog-prod")
    assert (wrong.status, alive()) == (1, [1, 1]), wrong.err
    assert all(f"type {name} to revoke it:" in wrong.err for name in names)
    refused = {"kind": {"status": {"status": 403, "body": {"message": "no"}}}}
    two.faults({"workspace": 1, "path-contains": "/api/2.0/token", **refused})
    half = lakekey.at_terminal(*brake)
    assert (half.status, alive()) == (1, [0, 1]), half.err
    assert "type catalog-prod-2 to" not in half.err
    two.faults()
    lakekey.run("provision")
    both = lakekey.at_terminal(*brake)
    assert (both.status, alive()) == (0, [0, 0]), both.err


def test_the_doctor_shows_its_requests_and_sends_them_once_a_person_agrees(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    members = lambda: [member["name"] for member in emulator.state()["workspaces"][0]["members"]]
    before = members()
    listed = lakekey.run("doctor", "--fix")
    request = "/api/2.0/preview/scim/v2/ServicePrincipals {"
    assert (listed.status, members()) == (1, before), listed.err
    assert f"POST {emulator.ready['workspaces'][0]}{request}" in listed.out
    refused = lakekey.at_terminal("doctor", "--fix", answer="no")
    assert (refused.status, members()) == (1, before), refused.err
    agreed = lakekey.at_terminal("doctor", "--fix")
    assert (agreed.status, len(members())) == (0, len(before) + 1), agreed.err
    nothing = lakekey.json("doctor", "--fix", "--yes")
    assert (nothing.status, emulator.tokens()) == (0, []), nothing.err
    assert not [step for step in nothing.report["targets"][0]["steps"] if step["state"] in ("done", "would")]


def test_provisioning_writes_the_application_id_into_the_file_where_asked(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    config = copy.deepcopy(emulator.config)
    (target,) = config["targets"]
    target["principal"] = {"kind": "databricks", "display-name": "reports"}
    target["auth"] = {"type": "oauth-m2m", "client-secret": {"env": "REPORTS_SECRET"}}
    del target["directory"]
    target["oauth-secret"] = {
        "lifetime": "180d",
        "adopt": "all",
        "deliver": [{"type": "github-secret", "repository": "acme/data", "secret": "REPORTS_SECRET"}],
    }
    text = "# Kept by the platform team.\n" + yaml.safe_dump(config, sort_keys=False)
    file = lakekey.write(text)
    told = lakekey.json("provision", "--dry-run", "--write")
    assert (told.status, file.read_text()) == (0, text), told.err
    made = lakekey.json("provision", "--write")
    assert made.status == 0, made.err
    after = yaml.safe_load(file.read_text())
    (client_id,) = {target["client-id"] for target in made.report["targets"]}
    assert after["targets"][0]["principal"].pop("client-id") == client_id
    assert after == config, "nothing else has changed"
    assert file.read_text().startswith("# Kept by the platform team.\n")


def test_the_matrix_keeps_every_target_in_one_shard(start_emulator, lakekey: Lakekey) -> None:
    fleet = start_emulator("--workspaces", "5")
    lakekey.env, lakekey.config = dict(fleet.env), Path(fleet.ready["config"])
    run = lakekey.run("plan", "--matrix", "2")
    include = json.loads(run.out)["include"]
    assert [shard["shard"] for shard in include] == [0, 1]
    names = [name for shard in include for name in shard["targets"]]
    assert sorted(names) == sorted(target["name"] for target in fleet.config["targets"])
    assert not fleet.requests(), "a matrix is made of the configuration alone"


@pytest.fixture
def schema(lakekey: Lakekey) -> dict:
    lakekey.config = None
    run = lakekey.run("schema")
    assert run.status == 0
    schema = json.loads(run.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def test_the_schema_accepts_the_emulators_configuration_and_refuses_what_the_binary_refuses(
    schema: dict, emulator: Emulator
) -> None:
    jsonschema.validate(emulator.config, schema)
    for path, value in (
        ("renew-afterwards", "1d"),
        ("token", {"lifetime": "90"}),
        ("auth", {"type": "password"}),
    ):
        wrong = emulator.config
        wrong["targets"][0][path] = value
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_doctor_says_which_workspace_and_principal_it_looked_at_and_when(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    lakekey.run("provision")
    config = copy.deepcopy(emulator.config)
    (target,) = config["targets"]
    target["auth"]["client-id"] = target["principal"].pop("client-id")
    del target["principal"]["display-name"]
    del target["directory"]
    lakekey.write(config)
    for command in ("rotate", "doctor", "status"):
        seen = lakekey.json(command).target
        assert seen["workspace"] == emulator.workspace, command
        assert seen["client-id"] == emulator.client_id, command
        assert seen["as-of"], command


def test_doctor_names_a_missing_variable_and_looks_at_the_rest(lakekey: Lakekey, emulator: Emulator) -> None:
    assert lakekey.run("provision").status == 0
    lakekey.write(put("targets.0.auth.client-secret", {"env": "NO_SUCH_VARIABLE"})(emulator.config))
    run = lakekey.json("doctor")
    assert run.status != 0
    assert run.target["error"]["code"] == "config-missing-secret"
    steps = {step["step"]: step["state"] for step in run.target["steps"]}
    assert (steps["sign-in-admin"], steps["read-sinks"]) == ("ok", "ok")
    assert "NO_SUCH_VARIABLE" in "".join(
        step["message"] for step in run.target["steps"] if step["state"] == "refused"
    )


def test_the_schema_accepts_every_example(schema: dict) -> None:
    examples = sorted((Path(__file__).parents[2] / "examples").rglob("*lakekey.yml"))
    assert examples
    for example in examples:
        jsonschema.validate(yaml.safe_load(example.read_text()), schema)


def put(path: str, value: object):
    """Sets the value at a path such as `targets.0.token.lifetime`."""

    def change(config: dict) -> dict:
        *parents, last = (int(part) if part.isdigit() else part for part in path.split("."))
        place = config
        for part in parents:
            place = place[part] if isinstance(part, int) else place.setdefault(part, {})
        place[last] = value
        return config

    return change


def twice(path: str):
    def change(config: dict) -> dict:
        items = config["targets"] if path == "targets" else config["targets"][0]["deliver"]
        items.append(copy.deepcopy(items[0]))
        return config

    return change


REFUSED = {
    "an unknown key": (
        put("targets.0.token.renew-after", "1d"),
        "config-unknown-key",
        "targets[0].token.renew-after",
    ),
    "a bad duration": (
        put("targets.0.token.lifetime", "ninety days"),
        "config-invalid-value",
        "targets[0].token.lifetime",
    ),
    "a duration without a unit": (
        put("targets.0.token.lifetime", 90),
        "config-invalid-value",
        "targets[0].token.lifetime",
    ),
    "renewal not before the end": (
        put("targets.0.token", {"lifetime": "30d", "renew-before": "30d"}),
        "config-invalid-value",
        "renew-before",
    ),
    "an overlap beyond the renewal": (
        put("targets.0.token.overlap", "31d"),
        "config-invalid-value",
        "overlap",
    ),
    "a malformed URL": (
        put("targets.0.workspace", "adb-1.1.azuredatabricks.net:no"),
        "config-invalid-value",
        "targets[0].workspace",
    ),
    "a host outside the cloud": (
        put("targets.0.workspace", "https://adb-1.1.databricks.azure.us"),
        "config-host-outside-cloud",
        "targets[0].workspace",
    ),
    "plain http off loopback": (
        put("endpoints.login", "http://login.example"),
        "config-insecure-url",
        "endpoints.login",
    ),
    "a missing variable": (
        put("targets.0.auth.client-secret", {"env": "NO_SUCH_VARIABLE"}),
        "config-missing-secret",
        "NO_SUCH_VARIABLE",
    ),
    "a literal secret": (
        put("targets.0.auth.client-secret", "hunter2-hunter2"),
        "config-literal-secret",
        "targets[0].auth.client-secret",
    ),
    "a duplicate target": (twice("targets"), "config-duplicate", "targets[1]"),
    "a duplicate place": (twice("deliver"), "config-duplicate", "targets[0].deliver[1]"),
    "a secret name that GitHub forbids": (
        put("targets.0.deliver.0.secret", "GITHUB_TOKEN_2"),
        "config-invalid-value",
        "targets[0].deliver[0].secret",
    ),
    "a version that is not known": (put("version", 2), "config-invalid-value", "version"),
    "a missing key": (
        lambda config: config["targets"][0].pop("workspace") and config,
        "config-missing-key",
        "targets[0].workspace",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_configuration_exits_with_2_names_the_key_and_sends_nothing(
    lakekey: Lakekey, emulator: Emulator, what: str
) -> None:
    change, code, key = REFUSED[what]
    lakekey.write(change(emulator.config))
    # To say what is missing, and to look at the rest nevertheless, is what `doctor` is for.
    commands = ["rotate", "provision", "status", "plan"] + ["doctor"] * (code != "config-missing-secret")
    for command in commands:
        run = lakekey.json(command)
        assert run.status == 2, (what, command, run.out, run.err)
        assert code in run.out + run.err and key in run.out + run.err, (what, command, run.out, run.err)
        assert "hunter2" not in run.out + run.err
    assert emulator.requests() == []


FILES = {
    "an empty file": b"",
    "not UTF-8": b"version: 1\n\xff\xfe",
    "50 MB": b"#" * 50_000_000,
    "not YAML": b"targets: [\n",
    "a list": b"- 1\n",
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_configuration_exits_with_2_and_sends_nothing(
    lakekey: Lakekey, emulator: Emulator, what: str
) -> None:
    lakekey.write(FILES[what])
    run = lakekey.json("rotate")
    assert run.status == 2
    assert "lakekey.yml" in run.out + run.err
    assert emulator.requests() == []


def test_a_wrong_command_line_exits_with_2_and_sends_nothing(lakekey: Lakekey, emulator: Emulator) -> None:
    for arguments in (
        ["rotates"],
        ["rotate", "--forced"],
        ["rotate", "--target", "nobody"],
        ["status", "--fail-on", "soon"],
        ["plan", "--matrix", "0"],
    ):
        assert lakekey.run(*arguments).status == 2, arguments
    lakekey.config = None
    assert lakekey.run("rotate").status == 2, "there is no lakekey.yml here"
    assert emulator.requests() == []


def test_a_lifetime_over_the_workspaces_maximum_is_refused_before_anything_is_made(
    lakekey: Lakekey, emulator: Emulator
) -> None:
    emulator.seed("workspace-conf", key="maxTokenLifetimeDays", value="30")
    before = emulator.state()["workspaces"][0]["members"]
    run = lakekey.json("provision")
    # The workspace was asked, so that a target has failed.
    assert run.status == 1
    assert run.target["error"]["code"] == "lifetime-over-maximum"
    assert "30" in run.target["error"]["message"]
    assert emulator.state()["workspaces"][0]["members"] == before
    assert not emulator.tokens()


def test_the_demonstration_from_nothing_brings_both_kinds_of_principal_to_a_delivered_pat_and_shows_no_secret(
    binary: Path, tmp_path: Path
) -> None:
    shown = Lakekey(binary, tmp_path).run("demo", "--from-nothing")
    # The story is told in lines of 80 columns.
    told = " ".join((shown.out + shown.err).split())
    assert shown.status == 0, told
    for kind, secret in (
        ("registered the application", "CATALOG_TOKEN"),
        ("lives in Databricks alone", "REPORTS_TOKEN"),
    ):
        assert kind in told
        assert f"wrote github-secret acme/data {secret} (production)" in told
    assert len(re.findall(r"PAT \w+… works", told)) == 4, "each is made and rotated"
    assert not re.search(r"dapi[0-9a-f]{32}|eyJ\w+\.|8Q~|ghs_|github_pat_", told)
    assert list(tmp_path.iterdir()) == []
