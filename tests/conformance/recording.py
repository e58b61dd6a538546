"""What lakekey sends in the course of its commands, recorded, and the official clients that can be made to
send the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from urllib.parse import parse_qs

import github
import msal
import pytest
from azure.core.exceptions import HttpResponseError
from azure.devops.connection import Connection
from azure.devops.exceptions import AzureDevOpsServiceError
from azure.devops.v7_0.task_agent.models import VariableGroupParameters, VariableValue
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import DatabricksError
from databricks.sdk.service import iam, oauth2, settings
from graph_sdk import Given, ask
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_password.add_password_post_request_body import (
    AddPasswordPostRequestBody,
)
from msgraph.generated.applications.item.application_item_request_builder import ApplicationItemRequestBuilder
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.service_principal import ServicePrincipal
from msgraph.generated.service_principals.service_principals_request_builder import (
    ServicePrincipalsRequestBuilder,
)
from msrest.authentication import BasicAuthentication
from sinks import every_sink
from stage import DATABRICKS, Emulator, Lakekey

SCHEMA = iam.ServicePrincipalSchema.URN_IETF_PARAMS_SCIM_SCHEMAS_CORE_2_0_SERVICE_PRINCIPAL
Applications = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters
OneApplication = ApplicationItemRequestBuilder.ApplicationItemRequestBuilderGetQueryParameters
Principals = ServicePrincipalsRequestBuilder.ServicePrincipalsRequestBuilderGetQueryParameters
PATCH_SCHEMA = iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP


@contextmanager
def record(binary: Path, folder: Path) -> Iterator[tuple[Emulator, list[dict]]]:
    """Runs every command of lakekey that sends something; yields the emulator with what it has served."""
    emulator = Emulator.start(binary, folder, "--workspaces", "2", "--tls", str(folder / "tls"))
    try:
        yield emulator, served_by(emulator, Lakekey(binary, folder, dict(emulator.env)))
    finally:
        emulator.stop()


def served_by(emulator: Emulator, lakekey: Lakekey) -> list[dict]:
    def done(*arguments: str, **env: str) -> None:
        run = lakekey.run(*arguments, **env)
        assert run.status == 0, (arguments, run.out, run.err)

    lakekey.write(from_nothing(emulator))
    done("provision")
    made = emulator.state()["applications"][-1]["client-id"]
    lakekey.write(from_nothing(emulator, **{"client-id": made}))
    done("revoke", "--target", "catalog-new", "--all", "--yes")

    # The second workspace knows the principal already, without entitlements.
    emulator.seed("principal", workspace=1, application_id=emulator.client_id)
    lakekey.write(every_sink(emulator))
    done("provision")
    done("rotate", "--force")
    # The principal cannot sign in any more, and the admin revokes for it.
    done("revoke", "--target", "catalog-prod-2", "--all", "--yes", CATALOG_CLIENT_SECRET="lost")

    operator = emulator.seed("application", display_name="operator")["client-id"]
    lakekey.env["OPERATOR_SECRET"] = emulator.seed("client-secret", client_id=operator)["client-secret"]
    lakekey.write(with_policy(emulator, operator))
    done("provision", **emulator.azure("actions-job", id_token=True)["env"])

    # With tokens switched off, an admin's PAT is of no use either: somebody with an Azure role on the
    # workspace switches them on.
    emulator.seed("workspace-conf", key="enableTokensConfig", value="false")
    config = emulator.config
    resource = emulator.seed("azure-role", client_id=operator, role="Contributor")["resource-id"]
    config["targets"][0] |= {
        "allow-enable-tokens": True,
        "admin": {
            "type": "azure-client-secret",
            "client-id": operator,
            "client-secret": {"env": "OPERATOR_SECRET"},
            "azure-resource-id": resource,
        },
    }
    lakekey.write(config)
    done("provision", "--target", "catalog-prod")

    lakekey.write(with_oauth_secret(emulator))
    done("provision")

    job = emulator.azure("actions-job", id_token=True)
    audience = f"{emulator.workspace}/oidc/v1/token"
    emulator.azure(
        "federation-policy",
        application_id=emulator.client_id,
        issuer=job["issuer"],
        subject=job["subject"],
        audiences=[audience],
    )
    lakekey.write(by(emulator, {"type": "github-oidc"}))
    done("status", **job["env"])
    return emulator.requests()


def from_nothing(emulator: Emulator, **known: str) -> dict:
    """A principal whose application is made too, with a client secret that is delivered, and which trusts a
    workflow."""
    config = emulator.config
    target = config["targets"][0]
    del config["targets"][1:]
    target |= {
        "name": "catalog-new",
        "principal": {"tenant-id": emulator.tenant, "display-name": "catalog-new", **known},
        "auth": {"type": "azure-client-secret", "client-secret": {"env": "MADE_SECRET"}},
        "federated-credential": {"subject": "repo:acme/data:environment:production"},
        "client-secret": {
            "lifetime": "180d", "description": "data catalogue",
            "deliver": [{"type": "github-secret", "repository": "acme/data-2", "secret": "OAUTH_SECRET"}],
        },
    }
    target["deliver"][0]["repository"] = "acme/data-2"
    return config


def with_oauth_secret(emulator: Emulator) -> dict:
    """A principal that Databricks manages, made from nothing with an OAuth secret that is delivered too."""
    config = emulator.config
    target = config["targets"][0]
    del config["targets"][1:], target["directory"]
    target |= {
        "name": "reports",
        "principal": {"kind": "databricks", "display-name": "reports"},
        "auth": {"type": "oauth-m2m", "client-secret": {"env": "NOT_THERE_YET"}},
        "oauth-secret": {
            "lifetime": "180d", "adopt": "all",
            "deliver": [{"type": "github-secret", "repository": "acme/data-2", "secret": "OAUTH_SECRET"}],
        },
    }
    target["deliver"][0]["repository"] = "acme/data-2"
    return config


def with_policy(emulator: Emulator, operator: str) -> dict:
    """A principal that Databricks manages, made from nothing with a federation policy by an account admin."""
    account = emulator.seed("account-admin", name=operator)["account-id"]
    emulator.seed("principal", application_id=operator, groups=["admins"])
    config = emulator.config
    target = config["targets"][0]
    del config["targets"][1:], target["directory"]
    target |= {
        "name": "workflow",
        "principal": {"kind": "databricks", "display-name": "workflow", "account-id": account},
        "auth": {"type": "github-oidc"},
        "admin": {
            "type": "azure-client-secret", "tenant-id": emulator.tenant, "client-id": operator,
            "client-secret": {"env": "OPERATOR_SECRET"},
        },
        "federated-credential": {"repository": "acme/data", "branch": "main"},
    }
    target["deliver"][0]["repository"] = "acme/data-2"
    return config


def by(emulator: Emulator, auth: dict) -> dict:
    """The first target alone, signing in by something else."""
    config = emulator.config
    del config["targets"][1:]
    config["targets"][0]["auth"] = auth
    return config


class Clients:
    """The official clients, each signed in at the emulator when it is first wanted."""

    # What they raise where the service refuses.
    REFUSALS = (DatabricksError, HttpResponseError, AzureDevOpsServiceError, github.GithubException, APIError)

    def __init__(self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        self.emulator = emulator
        self.monkeypatch = monkeypatch

    @cached_property
    def admin(self) -> WorkspaceClient:
        return WorkspaceClient(host=self.emulator.workspace, token=self.emulator.admin_token)

    @cached_property
    def principal(self) -> WorkspaceClient:
        token = self.emulator.seed("pat", owner=self.emulator.client_id, comment="conformance")["token"]
        return WorkspaceClient(host=self.emulator.workspace, token=token)

    @cached_property
    def account(self) -> AccountClient:
        account = self.emulator.seed("account-admin", name="conformance@acme.example")["account-id"]
        token = self.emulator.seed("access-token", user="conformance@acme.example", audience=DATABRICKS)
        return AccountClient(
            host=self.emulator.ready["accounts"], account_id=account, token=token["access-token"]
        )

    def make_policy(self, served: dict) -> None:
        asked = served["body"]
        policy = oauth2.FederationPolicy(
            description=asked["description"],
            oidc_policy=oauth2.OidcFederationPolicy(**asked["oidc_policy"]),
        )
        self.account.service_principal_federation_policy.create(
            int(served["path"].split("/")[6]), policy, policy_id=parse_qs(served["query"])["policy_id"][0]
        )

    def mark(self, token_id: str, comment: str) -> None:
        self.principal.tokens.update(
            token_id, settings.PublicTokenInfo(comment=comment), FieldMask(field_mask=["comment"])
        )

    def add_principal(self, asked: dict) -> None:
        entitlements = [iam.ComplexValue(value=one["value"]) for one in asked["entitlements"]]
        self.admin.service_principals_v2.create(
            application_id=asked.get("applicationId"),
            display_name=asked["displayName"],
            active=asked["active"],
            entitlements=entitlements,
            schemas=[SCHEMA],
        )

    def add_entitlements(self, principal: str, names: list[str]) -> None:
        change = iam.Patch(op=iam.PatchOp.ADD, path="entitlements", value=[{"value": name} for name in names])
        self.admin.service_principals_v2.patch(principal, operations=[change], schemas=[PATCH_SCHEMA])

    def grant(self, name: str) -> None:
        asked = settings.TokenAccessControlRequest(
            service_principal_name=name, permission_level=settings.TokenPermissionLevel.CAN_USE
        )
        self.admin.token_management.update_permissions(access_control_list=[asked])

    def list_tokens_by(self, query: dict[str, list[str]]) -> Iterator[settings.TokenInfo]:
        # Of all tokens lakekey takes those that the principal owns, no matter who made them.
        return self.admin.token_management.list(**{name: texts[0] for name, texts in query.items()})

    def sign_in_by_oauth_secret(self) -> None:
        (found, *_) = self.admin.service_principals_v2.list(filter='displayName eq "reports"')
        made = self.admin.service_principal_secrets_proxy.create(found.id)
        WorkspaceClient(
            host=self.emulator.workspace,
            client_id=found.application_id,
            client_secret=made.secret,
            auth_type="oauth-m2m",
        ).current_user.me()

    def sign_in_by_github_oidc(self) -> None:
        for name, value in self.emulator.azure("actions-job", id_token=True)["env"].items():
            self.monkeypatch.setenv(name, value)
        WorkspaceClient(
            host=self.emulator.workspace, client_id=self.emulator.client_id, auth_type="github-oidc"
        ).current_user.me()

    def sign_in_by_client_secret(self) -> None:
        emulator = self.emulator
        application = msal.ConfidentialClientApplication(
            emulator.client_id,
            authority=f"{emulator.ready['login']}/{emulator.tenant}",
            instance_discovery=False,
            verify=emulator.ca_file,
            client_credential=emulator.env["CATALOG_CLIENT_SECRET"],
        )
        assert "access_token" in application.acquire_token_for_client([f"{DATABRICKS}/.default"])

    def graph(self, what: Callable[[GraphServiceClient], Awaitable]) -> object:
        return ask(self.emulator, Given(self.emulator.env["GRAPH_TOKEN"]), what)

    def find_applications(self, text: str) -> None:
        asked = RequestConfiguration(query_parameters=Applications(filter=text))
        self.graph(lambda client: client.applications.get(request_configuration=asked))

    def find_principals(self, text: str) -> None:
        asked = RequestConfiguration(query_parameters=Principals(filter=text))
        self.graph(lambda client: client.service_principals.get(request_configuration=asked))

    def register(self, asked: dict) -> None:
        wanted = Application(
            display_name=asked["displayName"], sign_in_audience=asked["signInAudience"], tags=asked["tags"]
        )
        self.graph(lambda client: client.applications.post(wanted))

    def add_service_principal(self, app_id: str) -> None:
        self.graph(lambda client: client.service_principals.post(ServicePrincipal(app_id=app_id)))

    def list_passwords(self, application: str) -> None:
        asked = RequestConfiguration(query_parameters=OneApplication(select=["passwordCredentials"]))
        self.graph(
            lambda client: client.applications.by_application_id(application).get(request_configuration=asked)
        )

    def add_password(self, application: str, asked: dict) -> None:
        wanted = PasswordCredential(
            display_name=asked["displayName"], end_date_time=datetime.fromisoformat(asked["endDateTime"])
        )
        body = AddPasswordPostRequestBody(password_credential=wanted)
        self.graph(lambda client: client.applications.by_application_id(application).add_password.post(body))

    def remove_password(self, application: str, key_id: str) -> None:
        body = RemovePasswordPostRequestBody(key_id=key_id)
        self.graph(
            lambda client: client.applications.by_application_id(application).remove_password.post(body)
        )

    def list_trust(self, application: str) -> None:
        self.graph(
            lambda client: client.applications.by_application_id(
                application
            ).federated_identity_credentials.get()
        )

    def trust(self, application: str, asked: dict) -> None:
        wanted = FederatedIdentityCredential(**asked)
        self.graph(
            lambda client: client.applications.by_application_id(
                application
            ).federated_identity_credentials.post(wanted)
        )

    @cached_property
    def github(self) -> github.Github:
        auth = github.Auth.Token(self.emulator.env["LAKEKEY_GITHUB_TOKEN"])
        return github.Github(auth=auth, base_url=self.emulator.ready["github"], retry=None)

    def write_github(self, place: str) -> None:
        repository = self.github.get_repo("acme/data")
        match place:
            case "a repository":
                repository.create_secret("DATABRICKS_TOKEN", "x")
            case "an environment":
                repository.get_environment("production").create_secret("DATABRICKS_TOKEN", "x")
            case "Dependabot":
                repository.create_secret("DATABRICKS_TOKEN", "x", secret_type="dependabot")
            case "an organisation":
                self.github.get_organization("acme").create_secret(
                    "DATABRICKS_TOKEN", "x", visibility="private"
                )

    def read_github(self, place: str) -> None:
        repository = self.github.get_repo("acme/data")
        match place:
            case "a repository":
                repository.get_secret("DATABRICKS_TOKEN")
            case "an environment":
                repository.get_environment("production").get_secret("DATABRICKS_TOKEN")
            case "Dependabot":
                repository.get_secret("DATABRICKS_TOKEN", secret_type="dependabot")
            case "an organisation":
                self.github.get_organization("acme").get_secret("DATABRICKS_TOKEN")

    @cached_property
    def vault(self) -> SecretClient:
        emulator = self.emulator
        credential = ClientSecretCredential(
            emulator.tenant,
            emulator.client_id,
            emulator.env["CATALOG_CLIENT_SECRET"],
            authority=emulator.ready["login"],
            disable_instance_discovery=True,
        )
        return SecretClient(
            emulator.ready["key-vault"], credential, verify_challenge_resource=False, retry_total=0
        )

    def set_vault_secret(self, asked: dict) -> None:
        expires = datetime.fromtimestamp(asked["attributes"]["exp"], timezone.utc)
        self.vault.set_secret(
            "databricks-token",
            "x",
            tags=asked["tags"],
            content_type=asked.get("contentType"),
            expires_on=expires,
        )

    @cached_property
    def task_agent(self):
        token = self.emulator.azure("devops-token", role="administrator")["token"]
        return Connection(
            base_url=self.emulator.ready["azure-devops"], creds=BasicAuthentication("", token)
        ).clients.get_task_agent_client()

    def write_group(self, number: int) -> None:
        read = self.task_agent.get_variable_group("data", number)
        read.variables["DATABRICKS_TOKEN"] = VariableValue(is_secret=True, value="x")
        asked = VariableGroupParameters(
            name=read.name,
            type=read.type,
            description=read.description,
            variables=read.variables,
            variable_group_project_references=read.variable_group_project_references,
        )
        self.task_agent.update_variable_group(asked, number)
