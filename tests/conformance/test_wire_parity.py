"""The same operation by lakekey and by the official client: method, path, query and JSON body agree, but for
a short list."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from recording import Clients, record
from stage import Emulator

# Every difference that there is, and why lakekey sends what it sends. One that has gone fails the test too.
VERSION = (
    "lakekey keeps to the version that its facts are of; the client asks for the newest that it knows, "
    "or names it in the Accept header"
)
TYPE = "the client's models name their type; Graph knows it from the path"
DIFFERENCES: dict[str, dict[str, str]] = {
    "ask who one is": {
        "query.excludedAttributes": "the Python client has no such parameter; Terraform's and the CLI send it"
    },
    "register an application": {"body.@odata.type": TYPE},
    "make the principal of an application": {"body.@odata.type": TYPE},
    "add a client secret": {
        "body.passwordCredential.endDateTime": "the same time, whose zone the client writes as +00:00"
    },
    "sign in at Entra ID": {
        "body.client_info": "msal asks for what its cache of accounts is keyed by; there is no account here"
    },
    "write to a key vault": {
        "query.api-version": VERSION,
        "body.attributes.enabled": "lakekey says that the new version works, whatever the one before it; "
        "the client leaves it to the service's default",
    },
    "read from a key vault": {
        "query.api-version": VERSION,
        "path": "the client ends the path with the slash of an empty version; both name the newest",
    },
    "look for a deleted secret": {"query.api-version": VERSION},
    "read a variable group": {"query.api-version": VERSION},
    "write a variable group": {
        "query.api-version": VERSION,
        "body.id": "lakekey writes back what it has read; the client's model has no field for the number, "
        "which the path holds too",
        "body.variables.CATALOG_PASSWORD.value": "a secret reads as null, and is written back as null, "
        "as documented; the client leaves nulls out",
    },
}


@dataclass
class Operation:
    """One request, as lakekey makes it, and the call of the official client that makes it too."""

    service: str
    method: str
    path: str
    call: Callable[[Clients, dict], object]


def body(served: dict) -> dict:
    return served.get("body") or {}


def last(path: str) -> str:
    return path.rsplit("/", 1)[-1]


OPERATIONS = {
    "make a token": Operation(
        "databricks",
        "POST",
        r"/api/2\.0/token/create",
        lambda c, r: c.principal.tokens.create(
            comment=body(r)["comment"],
            lifetime_seconds=body(r)["lifetime_seconds"],
            autoscope_enabled=body(r)["autoscope_enabled"],
        ),
    ),
    "list tokens": Operation(
        "databricks", "GET", r"/api/2\.0/token/list", lambda c, r: list(c.principal.tokens.list())
    ),
    "mark a token": Operation(
        "databricks",
        "PATCH",
        r"/api/2\.0/token/\w+",
        lambda c, r: c.mark(last(r["path"]), body(r)["token"]["comment"]),
    ),
    "revoke a token": Operation(
        "databricks",
        "POST",
        r"/api/2\.0/token/delete",
        lambda c, r: c.principal.tokens.delete(body(r)["token_id"]),
    ),
    "ask who one is": Operation(
        "databricks", "GET", r"/api/2\.0/preview/scim/v2/Me", lambda c, r: c.principal.current_user.me()
    ),
    "find a service principal": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/preview/scim/v2/ServicePrincipals",
        lambda c, r: list(
            c.admin.service_principals_v2.list(
                filter=parse_qs(r["query"])["filter"][0], start_index=1, count=100
            )
        ),
    ),
    "add a service principal": Operation(
        "databricks",
        "POST",
        r"/api/2\.0/preview/scim/v2/ServicePrincipals",
        lambda c, r: c.add_principal(body(r)),
    ),
    "add entitlements": Operation(
        "databricks",
        "PATCH",
        r"/api/2\.0/preview/scim/v2/ServicePrincipals/\d+",
        lambda c, r: c.add_entitlements(
            last(r["path"]), [one["value"] for one in body(r)["Operations"][0]["value"]]
        ),
    ),
    "read what somebody is entitled to": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/identity/workspace-assignments/\d+",
        lambda c, r: c.admin.workspace_iam_v2.get_workspace_assignment_proxy(
            f"workspace-assignments/{last(r['path'])}"
        ),
    ),
    "read the permissions": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/permissions/authorization/tokens",
        lambda c, r: c.admin.token_management.get_permissions(),
    ),
    "grant the permission": Operation(
        "databricks",
        "PATCH",
        r"/api/2\.0/permissions/authorization/tokens",
        lambda c, r: c.grant(body(r)["access_control_list"][0]["service_principal_name"]),
    ),
    "read the settings": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/workspace-conf",
        lambda c, r: c.admin.workspace_conf.get_status(parse_qs(r["query"])["keys"][0]),
    ),
    "switch tokens on": Operation(
        "databricks",
        "PATCH",
        r"/api/2\.0/workspace-conf",
        lambda c, r: c.admin.workspace_conf.set_status(body(r)),
    ),
    "list somebody's tokens": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/token-management/tokens",
        lambda c, r: list(c.list_tokens_by(parse_qs(r["query"]))),
    ),
    "read somebody's token": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/token-management/tokens/\w+",
        lambda c, r: c.admin.token_management.get(last(r["path"])),
    ),
    "revoke somebody's token": Operation(
        "databricks",
        "DELETE",
        r"/api/2\.0/token-management/tokens/\w+",
        lambda c, r: c.admin.token_management.delete(last(r["path"])),
    ),
    "write to a secret scope": Operation(
        "databricks",
        "POST",
        r"/api/2\.0/secrets/put",
        lambda c, r: c.principal.secrets.put_secret(body(r)["scope"], body(r)["key"], string_value="x"),
    ),
    "list a secret scope": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/secrets/list",
        lambda c, r: list(c.principal.secrets.list_secrets("integrations")),
    ),
    "sign in at Databricks by secret": Operation(
        "databricks", "POST", r"/oidc/v1/token#client_credentials", lambda c, r: c.sign_in_by_oauth_secret()
    ),
    "sign in at Databricks by identity token": Operation(
        "databricks",
        "POST",
        r"/oidc/v1/token#urn:ietf:params:oauth:grant-type:token-exchange",
        lambda c, r: c.sign_in_by_github_oidc(),
    ),
    "ask GitHub for an identity token": Operation(
        "github-oidc", "GET", r"/.*", lambda c, r: c.sign_in_by_github_oidc()
    ),
    "sign in at Entra ID": Operation(
        "entra", "POST", r"/[\w-]+/oauth2/v2\.0/token", lambda c, r: c.sign_in_by_client_secret()
    ),
    "find an application": Operation(
        "graph",
        "GET",
        r"/v1\.0/applications",
        lambda c, r: c.find_applications(parse_qs(r["query"])["$filter"][0]),
    ),
    "register an application": Operation(
        "graph", "POST", r"/v1\.0/applications", lambda c, r: c.register(body(r))
    ),
    "find the principal of an application": Operation(
        "graph",
        "GET",
        r"/v1\.0/servicePrincipals",
        lambda c, r: c.find_principals(parse_qs(r["query"])["$filter"][0]),
    ),
    "make the principal of an application": Operation(
        "graph", "POST", r"/v1\.0/servicePrincipals", lambda c, r: c.add_service_principal(body(r)["appId"])
    ),
    "list client secrets": Operation(
        "graph", "GET", r"/v1\.0/applications/[\w-]+", lambda c, r: c.list_passwords(last(r["path"]))
    ),
    "add a client secret": Operation(
        "graph",
        "POST",
        r"/v1\.0/applications/[\w-]+/addPassword",
        lambda c, r: c.add_password(r["path"].split("/")[3], body(r)["passwordCredential"]),
    ),
    "remove a client secret": Operation(
        "graph",
        "POST",
        r"/v1\.0/applications/[\w-]+/removePassword",
        lambda c, r: c.remove_password(r["path"].split("/")[3], body(r)["keyId"]),
    ),
    "list whom an application trusts": Operation(
        "graph",
        "GET",
        r"/v1\.0/applications/[\w-]+/federatedIdentityCredentials",
        lambda c, r: c.list_trust(r["path"].split("/")[3]),
    ),
    "make an application trust somebody": Operation(
        "graph",
        "POST",
        r"/v1\.0/applications/[\w-]+/federatedIdentityCredentials",
        lambda c, r: c.trust(r["path"].split("/")[3], body(r)),
    ),
    "make an OAuth secret": Operation(
        "databricks",
        "POST",
        r"/api/2\.0/accounts/servicePrincipals/\d+/credentials/secrets",
        lambda c, r: c.admin.service_principal_secrets_proxy.create(
            r["path"].split("/")[5], lifetime=body(r)["lifetime"]
        ),
    ),
    "list OAuth secrets": Operation(
        "databricks",
        "GET",
        r"/api/2\.0/accounts/servicePrincipals/\d+/credentials/secrets",
        lambda c, r: list(c.admin.service_principal_secrets_proxy.list(r["path"].split("/")[5])),
    ),
    "list federation policies": Operation(
        "databricks-account",
        "GET",
        r"/api/2\.0/accounts/[\w-]+/servicePrincipals/\d+/federationPolicies",
        lambda c, r: list(
            c.account.service_principal_federation_policy.list(int(r["path"].split("/")[6]))
        ),
    ),
    "make a federation policy": Operation(
        "databricks-account",
        "POST",
        r"/api/2\.0/accounts/[\w-]+/servicePrincipals/\d+/federationPolicies",
        lambda c, r: c.make_policy(r),
    ),
    "ask whether one is an admin of the account": Operation(
        "databricks-account",
        "GET",
        r"/api/2\.0/accounts/[\w-]+/scim/v2/ServicePrincipals",
        lambda c, r: list(c.account.service_principals_v2.list(count=1)),
    ),
    "write to a key vault": Operation(
        "key-vault", "PUT", r"/secrets/databricks-token", lambda c, r: c.set_vault_secret(body(r))
    ),
    "read from a key vault": Operation(
        "key-vault",
        "GET",
        r"/secrets/databricks-token.*",
        lambda c, r: c.vault.get_secret("databricks-token"),
    ),
    "look for a deleted secret": Operation(
        "key-vault",
        "GET",
        r"/deletedsecrets/databricks-token",
        lambda c, r: c.vault.get_deleted_secret("databricks-token"),
    ),
    "read a variable group": Operation(
        "azure-devops",
        "GET",
        r"/acme/data/_apis/distributedtask/variablegroups/\d+",
        lambda c, r: c.task_agent.get_variable_group("data", int(last(r["path"]))),
    ),
    "write a variable group": Operation(
        "azure-devops",
        "PUT",
        r"/acme/_apis/distributedtask/variablegroups/\d+",
        lambda c, r: c.write_group(int(last(r["path"]))),
    ),
}
for place, at in {
    "a repository": r"/repos/acme/data/actions/secrets",
    "an environment": r"/repos/acme/data/environments/production/secrets",
    "Dependabot": r"/repos/acme/data/dependabot/secrets",
    "an organisation": r"/orgs/acme/actions/secrets",
}.items():
    OPERATIONS |= {
        f"read the key of {place}": Operation(
            "github", "GET", rf"{at}/public-key", lambda c, r, place=place: c.write_github(place)
        ),
        f"write a secret of {place}": Operation(
            "github", "PUT", rf"{at}/DATABRICKS_TOKEN", lambda c, r, place=place: c.write_github(place)
        ),
        f"read the date of {place}": Operation(
            "github", "GET", rf"{at}/DATABRICKS_TOKEN", lambda c, r, place=place: c.read_github(place)
        ),
    }


@pytest.fixture(scope="module")
def recorded(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Emulator, list[dict]]]:
    """Everything that lakekey sent in the course of its commands, and the emulator that it sent it to."""
    with record(binary, tmp_path_factory.mktemp("parity")) as made:
        yield made


@pytest.fixture
def clients(recorded: tuple[Emulator, list[dict]], monkeypatch: pytest.MonkeyPatch) -> Clients:
    emulator, _ = recorded
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", emulator.ca_file)
    return Clients(emulator, monkeypatch)


def find(served: list[dict], operation: Operation) -> list[dict]:
    """The requests that are this operation."""
    path, _, grant = operation.path.partition("#")
    return [
        one
        for one in served
        if (one["service"], one["method"]) == (operation.service, operation.method)
        and re.fullmatch(path, one["path"])
        and (not grant or body(one).get("grant_type") == grant)
    ]


def flat(value: object, at: str) -> dict[str, object]:
    """Every leaf of a JSON value under its path."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, part in value.items() for key, leaf in flat(part, f"{at}.{name}").items()}
    if isinstance(value, list) and value:
        return {
            key: leaf
            for index, part in enumerate(value)
            for key, leaf in flat(part, f"{at}[{index}]").items()
        }
    return {at: value}


def parts(served: dict) -> dict[str, object]:
    query = {
        name: values[0] if len(values) == 1 else values
        for name, values in parse_qs(served["query"], keep_blank_values=True).items()
    }
    body = {} if served.get("body") is None else flat(served["body"], "body")
    return {"path": served["path"], **(flat(query, "query") if query else {}), **body}


@pytest.mark.parametrize("name", OPERATIONS)
def test_lakekey_sends_what_the_official_client_sends(
    name: str, recorded: tuple[Emulator, list[dict]], clients: Clients
) -> None:
    operation = OPERATIONS[name]
    emulator, served = recorded
    assert find(served, operation), "lakekey never sent it"
    ours = find(served, operation)[-1]
    emulator.forget_requests()
    # Some of it is done already, and is refused now; what was sent is what counts.
    with contextlib.suppress(*Clients.REFUSALS):
        operation.call(clients, ours)
    # The client of the key vault knocks first without a token, to be told where to sign in.
    theirs = [one for one in emulator.requests() if one["status"] != 401]
    assert find(
        theirs, operation
    ), f"the official client never sent it, but {[(one['method'], one['path']) for one in theirs]}"
    left, right = parts(ours), parts(find(theirs, operation)[0])
    missing = object()
    different = {
        key: (left.get(key), right.get(key))
        for key in {**left, **right}
        if left.get(key, missing) != right.get(key, missing)
    }
    assert set(different) == set(DIFFERENCES.get(name, {})), different


def test_every_request_of_lakekey_in_the_course_of_its_commands_is_compared(
    recorded: tuple[Emulator, list[dict]],
) -> None:
    _, served = recorded
    # The second repository and the second secret are written as the first are.
    alike = [
        {
            **one,
            "path": one["path"]
            .replace("/acme/data-2/", "/acme/data/")
            .replace("/OAUTH_SECRET", "/DATABRICKS_TOKEN"),
        }
        for one in served
    ]
    rest = {
        (one["service"], one["method"], one["path"])
        for one in alike
        if not any(find([one], it) for it in OPERATIONS.values())
    }
    assert rest == set()
