"""The real Azure CLI signs in at the emulator, gives lakekey its tokens, and makes applications in the
emulated Graph."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from azure_cli import AzureCli, azure_cli
from recording import by
from stage import DATABRICKS, Emulator, Lakekey


@pytest.fixture
def emulator(tls_emulator: Emulator) -> Emulator:
    return tls_emulator


@pytest.fixture
def az(emulator: Emulator, tmp_path: Path) -> AzureCli:
    return azure_cli(emulator, tmp_path)


@pytest.fixture
def terminal(lakekey: Lakekey, emulator: Emulator, az: AzureCli) -> Lakekey:
    """lakekey where this Azure CLI is on the path, and with no secret of the principal."""
    lakekey.env |= az.env
    del lakekey.env["CATALOG_CLIENT_SECRET"]
    lakekey.write(by(emulator, {"type": "azure-cli"}))
    return lakekey


def test_lakekey_provisions_and_rotates_with_tokens_of_the_azure_cli(
    emulator: Emulator, az: AzureCli, terminal: Lakekey
) -> None:
    (account,) = az.sign_in(emulator, emulator.client_id, emulator.env["CATALOG_CLIENT_SECRET"])
    assert (account["tenantId"], account["user"]) == (
        emulator.tenant,
        {"name": emulator.client_id, "type": "servicePrincipal"},
    )
    assert terminal.json("provision").outcome == "provisioned"
    run = terminal.json("rotate", "--force")
    assert run.outcome == "rotated"
    (live,) = emulator.tokens()
    assert run.target["credential"]["id"] == live["token-id"]
    assert "eyJ" not in run.out + run.err


def test_the_identity_of_the_azure_cli_makes_everything_from_nothing_without_being_in_the_workspace(
    emulator: Emulator, az: AzureCli, lakekey: Lakekey
) -> None:
    operator = emulator.seed("application", display_name="operator")["client-id"]
    secret = emulator.seed("client-secret", client_id=operator)["client-secret"]
    emulator.seed("graph-role", client_id=operator, role="Application.ReadWrite.OwnedBy")
    resource = emulator.seed("azure-role", client_id=operator, role="Contributor")["resource-id"]
    (subscription,) = az.sign_in(emulator, operator, secret)
    assert resource.startswith(f"/subscriptions/{subscription['id']}/")
    job = emulator.azure("actions-job", id_token=True)
    config = by(emulator, {"type": "github-oidc-azure"})
    config["targets"][0] |= {
        "principal": {"display-name": "catalog-new"},
        "federated-credential": {"issuer": job["issuer"], "subject": job["subject"]},
        "directory": {"type": "azure-cli"},
        "admin": {"type": "azure-cli", "azure-resource-id": resource},
    }
    lakekey.env |= az.env | job["env"]
    lakekey.write(config)
    run = lakekey.json("provision")
    assert run.outcome == "provisioned", run.err
    made = emulator.state()["applications"][-1]
    assert (made["display-name"], made["secrets"]) == ("catalog-new", [])
    assert len(emulator.tokens(made["client-id"])) == 1


def test_where_nobody_is_signed_in_with_the_azure_cli_its_own_words_are_shown(
        emulator: Emulator, az: AzureCli, terminal: Lakekey) -> None:
    def refused() -> dict:
        run = terminal.json("rotate")
        assert run.status == 1
        assert run.target["error"]["code"] == "azure-cli-failed"
        return run.target["error"]

    assert "Please run 'az login' to setup account." in refused()["message"]
    assert "az login" in refused()["hint"]
    az.sign_in(emulator, emulator.client_id, emulator.env["CATALOG_CLIENT_SECRET"])
    stranger = by(emulator, {"type": "azure-cli", "tenant-id": "00000000-0000-0000-0000-000000000001"})
    terminal.write(stranger)
    assert "00000000-0000-0000-0000-000000000001" in refused()["message"]
    az.ask("logout")
    terminal.write(by(emulator, {"type": "azure-cli"}))
    assert "az login" in refused()["message"]


def test_the_azure_cli_makes_an_application_that_signs_in_with_the_secret_it_is_given(
    emulator: Emulator, az: AzureCli
) -> None:
    registrar = emulator.seed("application", display_name="registrar")["client-id"]
    emulator.seed("graph-role", client_id=registrar, role="Application.ReadWrite.OwnedBy")
    az.sign_in(emulator, registrar, emulator.seed("client-secret", client_id=registrar)["client-secret"])
    made = az.ask("ad", "app", "create", "--display-name", "catalogue", "--sign-in-audience", "AzureADMyOrg")
    assert made["signInAudience"] == "AzureADMyOrg"
    client_id = made["appId"]
    assert (
        az.ask("ad", "app", "create", "--display-name", "catalogue")["appId"] == client_id
    ), "run twice, there is one"
    assert az.ask("ad", "sp", "create", "--id", client_id)["appId"] == client_id
    assert [one["appId"] for one in az.ask("ad", "sp", "list", "--spn", client_id)] == [client_id]
    trust = {
        "name": "main",
        "issuer": "https://token.actions.githubusercontent.com",
        "subject": "repo:acme/data:ref:refs/heads/main",
        "audiences": ["api://AzureADTokenExchange"],
    }
    az.ask(
        "ad", "app", "federated-credential", "create", "--id", client_id, "--parameters", json.dumps(trust)
    )
    (listed,) = az.ask("ad", "app", "federated-credential", "list", "--id", client_id)
    assert {name: listed[name] for name in trust} == trust

    first = az.ask("ad", "app", "credential", "reset", "--id", client_id)["password"]
    second = az.ask("ad", "app", "credential", "reset", "--id", client_id)["password"]
    assert len(az.ask("ad", "app", "credential", "list", "--id", client_id)) == 1
    assert (
        "AADSTS7000215"
        in az.run("login", "--service-principal", "-u", client_id, "-p", first, "-t", emulator.tenant).stderr
    )
    az.sign_in(emulator, client_id, second)
    assert az.ask("account", "get-access-token", "--resource", DATABRICKS)["tenant"] == emulator.tenant
