"""The official clients write to GitHub, Key Vault and Azure DevOps as emulated, and read back what those
show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timezone

import github
import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_0.task_agent.models import VariableGroupParameters, VariableValue
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from msrest.authentication import BasicAuthentication
from stage import Emulator

VALUE = "dapi-a-value-that-is-delivered"
SHA256 = hashlib.sha256(VALUE.encode()).hexdigest()


def on_github(emulator: Emulator, token: str | None = None) -> github.Github:
    auth = github.Auth.Token(token or emulator.env["LAKEKEY_GITHUB_TOKEN"])
    return github.Github(auth=auth, base_url=emulator.ready["github"], retry=None)


def held(emulator: Emulator, **place: str) -> list[str]:
    """The SHA-256 of what a place holds, as the emulator unsealed it."""
    return [secret["sha256"] for secret in emulator.state()["github"]["secrets"] if secret["place"] == place]


def seconds_ago(moment: datetime) -> float:
    return (datetime.now(timezone.utc) - moment).total_seconds()


def test_pygithub_seals_a_repository_secret_and_reads_the_date_back(emulator: Emulator) -> None:
    repository = on_github(emulator).get_repo("acme/data")
    repository.create_secret("DATABRICKS_TOKEN", VALUE)
    assert held(emulator, repository="acme/data") == [SHA256]
    secret = repository.get_secret("DATABRICKS_TOKEN")
    assert (secret.name, abs(seconds_ago(secret.updated_at)) < 600) == ("DATABRICKS_TOKEN", True)
    emulator.advance(3600)
    repository.create_secret("DATABRICKS_TOKEN", VALUE)
    again = repository.get_secret("DATABRICKS_TOKEN")
    assert again.created_at == secret.created_at
    assert (again.updated_at - secret.updated_at).total_seconds() >= 3600


def test_pygithub_writes_environment_dependabot_and_organisation_secrets(emulator: Emulator) -> None:
    hub = on_github(emulator)
    repository = hub.get_repo("acme/data")
    repository.get_environment("production").create_secret("DATABRICKS_TOKEN", VALUE)
    repository.create_secret("DATABRICKS_TOKEN", VALUE, secret_type="dependabot")
    hub.get_organization("acme").create_secret(
        "DATABRICKS_TOKEN", VALUE, visibility="selected", selected_repositories=[repository]
    )
    assert held(emulator, repository="acme/data", environment="production") == [SHA256]
    assert held(emulator, repository="acme/data", app="dependabot") == [SHA256]
    assert held(emulator, organization="acme") == [SHA256]
    assert not held(emulator, repository="acme/data")
    selected = hub.get_organization("acme").get_secret("DATABRICKS_TOKEN").selected_repositories
    assert [one.full_name for one in selected] == ["acme/data"]


def test_pygithub_is_refused_as_by_github(emulator: Emulator) -> None:
    with pytest.raises(github.UnknownObjectException):
        on_github(emulator).get_repo("acme/data").get_secret("NEVER_WRITTEN")
    with pytest.raises(github.BadCredentialsException):
        on_github(emulator, "github_pat_unknown").get_repo("acme/data")
    reader = emulator.seed("github-token", permissions=["actions_variables"])["token"]
    with pytest.raises(github.GithubException, match="Resource not accessible by"):
        on_github(emulator, reader).get_repo("acme/data").create_secret("DATABRICKS_TOKEN", VALUE)


def test_pygithub_signs_in_as_an_app_with_no_more_than_it_asks_for(emulator: Emulator) -> None:
    made = emulator.seed("github-app")
    auth = github.Auth.AppAuth(made["app-id"], made["private-key"])
    application = github.GithubIntegration(auth=auth, base_url=emulator.ready["github"], retry=None)
    token = application.get_access_token(
        application.get_repo_installation("acme", "data").id, permissions={"secrets": "write"}
    )
    assert token.permissions == {"secrets": "write", "metadata": "read"} or token.permissions == {
        "secrets": "write"
    }
    as_application = on_github(emulator, token.token).get_repo("acme/data")
    as_application.create_secret("DATABRICKS_TOKEN", VALUE)
    assert held(emulator, repository="acme/data") == [SHA256]
    with pytest.raises(github.GithubException, match="Resource not accessible by integration"):
        as_application.create_secret("DATABRICKS_TOKEN", VALUE, secret_type="dependabot")


@pytest.fixture
def vault(tls_emulator: Emulator) -> Iterator[SecretClient]:
    """The client refuses a vault without TLS; that the challenge names another host's domain than the vault's
    must be allowed."""
    emulator = tls_emulator
    emulator.azure(
        "vault-access", client_id=emulator.client_id, rights=["get", "list", "set", "delete", "recover"]
    )
    credential = ClientSecretCredential(
        emulator.tenant,
        emulator.client_id,
        emulator.env["CATALOG_CLIENT_SECRET"],
        authority=emulator.ready["login"],
        disable_instance_discovery=True,
    )
    with SecretClient(
        emulator.ready["key-vault"], credential, verify_challenge_resource=False, retry_total=0
    ) as client:
        yield client


def test_the_key_vault_client_writes_versions_and_reads_them_back(vault: SecretClient) -> None:
    first = vault.set_secret("databricks-token", "first", tags={"target": "catalog-prod"})
    vault.set_secret(
        "databricks-token",
        VALUE,
        content_type="text/plain",
        expires_on=datetime(2030, 1, 1, tzinfo=timezone.utc),
    )
    read = vault.get_secret("databricks-token")
    assert (read.value, read.properties.content_type, read.properties.expires_on.year) == (
        VALUE,
        "text/plain",
        2030,
    )
    assert vault.get_secret("databricks-token", first.properties.version).value == "first"
    assert len(list(vault.list_properties_of_secret_versions("databricks-token"))) == 2


def test_the_key_vault_client_meets_deleted_missing_and_forbidden_secrets(vault: SecretClient) -> None:
    vault.set_secret("databricks-token", VALUE)
    assert vault.begin_delete_secret("databricks-token").result().recovery_id
    with pytest.raises(HttpResponseError) as refused:
        vault.set_secret("databricks-token", VALUE)
    assert refused.value.status_code == 409
    vault.begin_recover_deleted_secret("databricks-token").wait()
    assert vault.get_secret("databricks-token").value == VALUE
    with pytest.raises(ResourceNotFoundError):
        vault.get_secret("never-written")
    vault.begin_delete_secret("databricks-token").result()
    with pytest.raises(HttpResponseError) as refused:
        vault.purge_deleted_secret("databricks-token")
    assert refused.value.status_code == 403, "nobody gave the right to purge"


@pytest.fixture
def group(emulator: Emulator) -> int:
    variables = [
        {"name": "CATALOG_URL", "value": "https://catalog.example"},
        {"name": "CATALOG_PASSWORD", "value": "kept", "secret": True},
    ]
    return emulator.azure("variable-group", project="data", name="Delivery", variables=variables)["id"]


def task_agent(emulator: Emulator, role: str):
    token = emulator.azure("devops-token", role=role)["token"]
    return Connection(
        base_url=emulator.ready["azure-devops"], creds=BasicAuthentication("", token)
    ).clients.get_task_agent_client()


def of_group(emulator: Emulator) -> dict[str, dict]:
    (found,) = (one for one in emulator.state()["azure"]["variable-groups"] if one["name"] == "Delivery")
    return {variable["name"]: variable for variable in found["variables"]}


def test_the_azure_devops_client_changes_one_variable_and_keeps_the_secrets_that_it_cannot_read(
    emulator: Emulator, group: int
) -> None:
    client = task_agent(emulator, "administrator")
    before = of_group(emulator)
    read = client.get_variable_group("data", group)
    assert (read.variables["CATALOG_PASSWORD"].value, read.variables["CATALOG_PASSWORD"].is_secret) == (
        None,
        True,
    )
    read.variables["DATABRICKS_TOKEN"] = VariableValue(is_secret=True, value=VALUE)
    asked = VariableGroupParameters(
        name=read.name,
        type=read.type,
        description=read.description,
        variables=read.variables,
        variable_group_project_references=read.variable_group_project_references,
    )
    client.update_variable_group(asked, group)
    after = of_group(emulator)
    assert after.pop("DATABRICKS_TOKEN") == {"name": "DATABRICKS_TOKEN", "secret": True, "sha256": SHA256}
    assert after == before

    del asked.variables["CATALOG_URL"]
    client.update_variable_group(asked, group)
    assert set(of_group(emulator)) == {"CATALOG_PASSWORD", "DATABRICKS_TOKEN"}, "what is left out is deleted"


def test_the_azure_devops_client_is_refused_as_by_the_service(emulator: Emulator, group: int) -> None:
    reader = task_agent(emulator, "reader")
    read = reader.get_variable_group("data", group)
    asked = VariableGroupParameters(name=read.name, type=read.type, variables=read.variables,
                                    variable_group_project_references=read.variable_group_project_references)
    with pytest.raises(AzureDevOpsServiceError):
        reader.update_variable_group(asked, group)
    with pytest.raises(AzureDevOpsServiceError, match="does not exist"):
        reader.get_variable_group("data", 999)


def test_a_stranger_at_azure_devops_meets_a_page_to_sign_in_with_a_status_of_success(
    emulator: Emulator, group: int
) -> None:
    url = (
        f"{emulator.ready['azure-devops']}/data/_apis/distributedtask/variablegroups/{group}?api-version=7.1"
    )
    answer = requests.get(url, auth=("", "unknown"), timeout=60)
    assert (answer.status_code, "Sign In" in answer.text) == (203, True)
