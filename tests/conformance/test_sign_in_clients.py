"""The official clients sign in at the emulator by secret, certificate, assertion, managed identity and token
federation."""

from __future__ import annotations

import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
)
from certificates import certificate
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.environments import AzureEnvironment, Cloud, DatabricksEnvironment
from stage import DATABRICKS, Emulator

SCOPE = f"{DATABRICKS}/.default"
ENTRA_AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture
def emulator(tls_emulator: Emulator) -> Emulator:
    """Here it speaks TLS: `msal` takes no authority without."""
    tls_emulator.seed("principal", application_id=tls_emulator.client_id)
    return tls_emulator


@pytest.fixture
def entra(emulator: Emulator) -> dict:
    """What `azure-identity` must be told to ask the emulator instead of the public cloud."""
    return {"authority": emulator.ready["login"], "disable_instance_discovery": True}


def job_token(env: dict[str, str], audience: str) -> str:
    """Asks for an identity token as a job of GitHub Actions does."""
    headers = {"Authorization": f"Bearer {env['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    return requests.get(
        f"{env['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}", headers=headers, timeout=60
    ).json()["value"]


def with_msal(emulator: Emulator, credential: object) -> dict:
    authority = f"{emulator.ready['login']}/{emulator.tenant}"
    application = msal.ConfidentialClientApplication(
        emulator.client_id,
        authority=authority,
        client_credential=credential,
        instance_discovery=False,
        verify=emulator.ca_file,
    )
    return application.acquire_token_for_client([SCOPE])


def whose(emulator: Emulator, token: str) -> str:
    return WorkspaceClient(host=emulator.workspace, token=token, auth_type="pat").current_user.me().user_name


def test_msal_signs_in_by_secret_and_is_refused_by_number(emulator: Emulator) -> None:
    answer = with_msal(emulator, emulator.env["CATALOG_CLIENT_SECRET"])
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3599)
    assert whose(emulator, answer["access_token"]) == emulator.client_id
    refused = with_msal(emulator, "not-the-secret")
    assert (refused["error"], refused["error_codes"]) == ("invalid_client", [7000215])
    assert refused["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")


def test_msal_signs_in_by_certificate(emulator: Emulator) -> None:
    key, public = certificate()
    emulator.azure("certificate", client_id=emulator.client_id, pem=public)
    assert "access_token" in with_msal(emulator, {"private_key": key, "public_certificate": public})
    stranger, other = certificate()
    assert "error" in with_msal(emulator, {"private_key": stranger, "public_certificate": other})


def test_msal_signs_in_by_assertion(emulator: Emulator) -> None:
    job = emulator.azure("actions-job", id_token=True)
    emulator.azure(
        "federated-credential",
        client_id=emulator.client_id,
        name="main",
        issuer=job["issuer"],
        subject=job["subject"],
    )
    assert "access_token" in with_msal(
        emulator, {"client_assertion": lambda: job_token(job["env"], ENTRA_AUDIENCE)}
    )
    assert "error" in with_msal(
        emulator, {"client_assertion": lambda: job_token(job["env"], "api://SomethingElse")}
    )


def test_azure_identity_signs_in_by_secret_certificate_and_assertion(emulator: Emulator, entra: dict) -> None:
    secret = ClientSecretCredential(
        emulator.tenant, emulator.client_id, emulator.env["CATALOG_CLIENT_SECRET"], **entra
    )
    assert whose(emulator, secret.get_token(SCOPE).token) == emulator.client_id

    key, public = certificate()
    emulator.azure("certificate", client_id=emulator.client_id, pem=public)
    by_certificate = CertificateCredential(
        emulator.tenant, emulator.client_id, certificate_data=(key + public).encode(), **entra
    )
    assert whose(emulator, by_certificate.get_token(SCOPE).token) == emulator.client_id

    job = emulator.azure("actions-job", id_token=True)
    emulator.azure(
        "federated-credential",
        client_id=emulator.client_id,
        name="main",
        issuer=job["issuer"],
        subject=job["subject"],
    )
    by_assertion = ClientAssertionCredential(
        emulator.tenant, emulator.client_id, lambda: job_token(job["env"], ENTRA_AUDIENCE), **entra
    )
    assert whose(emulator, by_assertion.get_token(SCOPE).token) == emulator.client_id


def test_a_federated_credential_goes_by_the_subject_letter_by_letter(emulator: Emulator, entra: dict) -> None:
    job = emulator.azure("actions-job", environment="production", id_token=True)
    emulator.azure(
        "federated-credential",
        client_id=emulator.client_id,
        name="p",
        issuer=job["issuer"],
        subject=job["subject"],
    )

    def sign_in() -> str:
        assertion = ClientAssertionCredential(
            emulator.tenant, emulator.client_id, lambda: job_token(job["env"], ENTRA_AUDIENCE), **entra
        )
        return assertion.get_token(SCOPE).token

    assert sign_in()
    emulator.azure("actions-job", environment="Production")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7002138"):
        sign_in()
    emulator.azure("actions-job", environment="staging")
    with pytest.raises(ClientAuthenticationError, match="AADSTS700213"):
        sign_in()


def test_azure_identity_signs_in_as_a_managed_identity(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.azure("managed-identity", client_id=emulator.client_id)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", emulator.ready["imds"])
    assert (
        whose(emulator, ManagedIdentityCredential(client_id=emulator.client_id).get_token(SCOPE).token)
        == emulator.client_id
    )


def databricks_azure(emulator: Emulator) -> DatabricksEnvironment:
    """The SDK takes the login host from the suffix of the workspace's host; the emulator's is told by this
    object."""
    cloud = AzureEnvironment(
        "PUBLIC",
        "https://management.core.windows.net/",
        emulator.ready["management"],
        emulator.ready["login"] + "/",
    )
    return DatabricksEnvironment(Cloud.AZURE, "", azure_application_id=DATABRICKS, azure_environment=cloud)


def test_the_databricks_sdk_signs_in_by_azure_client_secret_and_asks_the_workspace_for_the_tenant(
    emulator: Emulator,
) -> None:
    config = Config(
        host=emulator.workspace,
        azure_client_id=emulator.client_id,
        azure_client_secret=emulator.env["CATALOG_CLIENT_SECRET"],
        auth_type="azure-client-secret",
        databricks_environment=databricks_azure(emulator),
    )
    assert WorkspaceClient(config=config).current_user.me().user_name == emulator.client_id
    paths = {served["path"] for served in emulator.requests()}
    assert {"/aad/auth", f"/{emulator.tenant}/oauth2/token"} <= paths


def test_the_databricks_sdk_signs_in_by_oauth_m2m(emulator: Emulator) -> None:
    admin = WorkspaceClient(host=emulator.workspace, token=emulator.admin_token)
    (found,) = admin.service_principals_v2.list(filter=f'applicationId eq "{emulator.client_id}"')
    made = admin.service_principal_secrets_proxy.create(found.id, lifetime="3600s")
    assert [listed.id for listed in admin.service_principal_secrets_proxy.list(found.id)] == [made.id]
    signed_in = WorkspaceClient(
        host=emulator.workspace,
        client_id=emulator.client_id,
        client_secret=made.secret,
        auth_type="oauth-m2m",
    )
    assert signed_in.current_user.me().user_name == emulator.client_id
    admin.service_principal_secrets_proxy.delete(found.id, made.id)
    with pytest.raises(Exception, match="invalid_client"):
        WorkspaceClient(host=emulator.workspace, client_id=emulator.client_id, client_secret=made.secret,
                        auth_type="oauth-m2m").current_user.me()


@pytest.fixture
def federated(emulator: Emulator) -> dict[str, str]:
    """A federation policy for the job of a workflow; returns the job's environment."""
    job = emulator.azure("actions-job", id_token=True)
    audience = f"{emulator.workspace}/oidc/v1/token"
    emulator.azure(
        "federation-policy",
        application_id=emulator.client_id,
        issuer=job["issuer"],
        subject=job["subject"],
        audiences=[audience],
    )
    return job["env"]


def set_all(monkeypatch: pytest.MonkeyPatch, env: dict[str, str]) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)


def test_the_databricks_sdk_signs_in_by_github_oidc(
    emulator: Emulator, federated: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, federated)
    client = WorkspaceClient(host=emulator.workspace, client_id=emulator.client_id, auth_type="github-oidc")
    assert client.current_user.me().user_name == emulator.client_id


def test_the_databricks_sdk_signs_in_by_env_oidc(
    emulator: Emulator, federated: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN", job_token(federated, f"{emulator.workspace}/oidc/v1/token"))
    client = WorkspaceClient(host=emulator.workspace, client_id=emulator.client_id, auth_type="env-oidc")
    assert client.current_user.me().user_name == emulator.client_id
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN", job_token(federated, "somebody-else"))
    with pytest.raises(Exception, match="invalid_grant"):
        WorkspaceClient(
            host=emulator.workspace, client_id=emulator.client_id, auth_type="env-oidc"
        ).current_user.me()


def test_the_databricks_sdk_signs_in_by_azure_devops_oidc(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = emulator.azure("pipeline-job", access_token=True)
    set_all(monkeypatch, job["env"])
    emulator.azure(
        "federation-policy",
        application_id=emulator.client_id,
        issuer=job["issuer"],
        subject="p://acme/data/rotate",
        audiences=[ENTRA_AUDIENCE],
    )
    client = WorkspaceClient(
        host=emulator.workspace, client_id=emulator.client_id, auth_type="azure-devops-oidc"
    )
    assert client.current_user.me().user_name == emulator.client_id
