"""The official client of Microsoft Graph makes applications, their secrets and whom they trust at the
emulator."""

from __future__ import annotations

from collections.abc import Callable

import msal
import pytest
from graph_sdk import ask, registrar
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.applications.applications_request_builder import ApplicationsRequestBuilder
from msgraph.generated.applications.item.add_password.add_password_post_request_body import (
    AddPasswordPostRequestBody,
)
from msgraph.generated.applications.item.remove_password.remove_password_post_request_body import (
    RemovePasswordPostRequestBody,
)
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_credential import PasswordCredential
from msgraph.generated.models.service_principal import ServicePrincipal
from stage import DATABRICKS, Emulator

Query = ApplicationsRequestBuilder.ApplicationsRequestBuilderGetQueryParameters
ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "api://AzureADTokenExchange"


@pytest.fixture
def emulator(tls_emulator: Emulator) -> Emulator:
    return tls_emulator


@pytest.fixture
def graph(emulator: Emulator) -> Callable:
    """Lets a client that may make and change applications do something."""
    credential = registrar(emulator, "Application.ReadWrite.OwnedBy")
    return lambda what: ask(emulator, credential, what)


def register(graph: Callable, name: str) -> Application:
    return graph(
        lambda client: client.applications.post(
            Application(display_name=name, sign_in_audience="AzureADMyOrg")
        )
    )


def found(graph: Callable, text: str, **more: object) -> list[Application]:
    asked = RequestConfiguration(query_parameters=Query(filter=text, **more))
    return graph(lambda client: client.applications.get(request_configuration=asked)).value


def test_the_graph_sdk_makes_an_application_with_its_service_principal_and_finds_it(graph: Callable) -> None:
    made = register(graph, "Sam's catalogue")
    assert made.sign_in_audience == "AzureADMyOrg"
    principal = graph(lambda client: client.service_principals.post(ServicePrincipal(app_id=made.app_id)))
    assert (principal.app_id, principal.display_name) == (made.app_id, "Sam's catalogue")
    for text in (
        f"appId eq '{made.app_id}'",
        "displayName eq 'Sam''s catalogue'",
        "startswith(displayName,'sam')",
    ):
        assert [one.id for one in found(graph, text, select=["id", "appId"])] == [made.id], text
    graph(lambda client: client.applications.by_application_id(made.id).delete())
    assert found(graph, f"appId eq '{made.app_id}'") == []


def test_the_graph_sdk_adds_a_client_secret_that_signs_in_until_it_is_removed(
    emulator: Emulator, graph: Callable
) -> None:
    made = register(graph, "catalogue")
    graph(lambda client: client.service_principals.post(ServicePrincipal(app_id=made.app_id)))
    asked = AddPasswordPostRequestBody(password_credential=PasswordCredential(display_name="data catalogue"))
    added = graph(lambda client: client.applications.by_application_id(made.id).add_password.post(asked))

    def sign_in() -> dict:
        application = msal.ConfidentialClientApplication(
            made.app_id,
            authority=f"{emulator.ready['login']}/{emulator.tenant}",
            instance_discovery=False,
            verify=emulator.ca_file,
            client_credential=added.secret_text,
        )
        return application.acquire_token_for_client([f"{DATABRICKS}/.default"])

    assert "access_token" in sign_in()
    (listed,) = graph(
        lambda client: client.applications.by_application_id(made.id).get()
    ).password_credentials
    assert (listed.key_id, listed.display_name, listed.secret_text) == (added.key_id, "data catalogue", None)
    asked = RemovePasswordPostRequestBody(key_id=added.key_id)
    graph(lambda client: client.applications.by_application_id(made.id).remove_password.post(asked))
    assert sign_in()["error_codes"] == [7000215]


def test_the_graph_sdk_makes_changes_and_deletes_a_federated_credential(graph: Callable) -> None:
    made = register(graph, "catalogue")
    asked = FederatedIdentityCredential(
        name="main", issuer=ISSUER, subject="repo:acme/data:environment:production", audiences=[AUDIENCE]
    )
    added = graph(
        lambda client: client.applications.by_application_id(made.id).federated_identity_credentials.post(
            asked
        )
    )

    def listed() -> list[tuple]:
        all_of_them = graph(
            lambda client: client.applications.by_application_id(made.id).federated_identity_credentials.get()
        ).value
        return [(one.name, one.issuer, one.subject, one.audiences) for one in all_of_them]

    assert listed() == [("main", ISSUER, "repo:acme/data:environment:production", [AUDIENCE])]

    def one(client: object) -> object:
        return client.applications.by_application_id(
            made.id
        ).federated_identity_credentials.by_federated_identity_credential_id(added.id)

    graph(
        lambda client: one(client).patch(
            FederatedIdentityCredential(subject="repo:acme@1/data@2:environment:production")
        )
    )
    assert [subject for _, _, subject, _ in listed()] == ["repo:acme@1/data@2:environment:production"]
    graph(lambda client: one(client).delete())
    assert listed() == []


def test_the_graph_sdk_follows_a_list_from_page_to_page(graph: Callable) -> None:
    made = [register(graph, f"paged {number}").id for number in range(5)]
    asked = RequestConfiguration(query_parameters=Query(filter="startswith(displayName,'paged ')", top=2))

    async def pages(client: object) -> list[list[str]]:
        page = await client.applications.get(request_configuration=asked)
        seen = [[one.id for one in page.value]]
        while page.odata_next_link:
            page = await client.applications.with_url(page.odata_next_link).get()
            seen.append([one.id for one in page.value])
        return seen

    assert graph(pages) == [made[:2], made[2:4], made[4:]]


def test_the_graph_sdk_reads_why_it_is_refused(emulator: Emulator, graph: Callable) -> None:
    stranger = registrar(emulator)
    with pytest.raises(ODataError) as refused:
        ask(emulator, stranger, lambda client: client.applications.post(Application(display_name="mine")))
    assert (refused.value.response_status_code, refused.value.error.code) == (
        403,
        "Authorization_RequestDenied",
    )
    made = register(graph, "catalogue")
    graph(lambda client: client.service_principals.post(ServicePrincipal(app_id=made.app_id)))
    with pytest.raises(ODataError) as refused:
        graph(lambda client: client.service_principals.post(ServicePrincipal(app_id=made.app_id)))
    assert (refused.value.response_status_code, refused.value.error.code) == (
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    )
    assert refused.value.error.inner_error.request_id
