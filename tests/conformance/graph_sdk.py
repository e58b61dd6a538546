"""The official client of Microsoft Graph against the emulator: it is asynchronous, and here each call is
waited for."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable

import httpx
from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential
from kiota_authentication_azure.azure_identity_authentication_provider import (
    AzureIdentityAuthenticationProvider,
)
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core import GraphClientFactory
from stage import Emulator


class Given:
    """A token that somebody else has got."""

    def __init__(self, token: str) -> None:
        self.token = token

    def get_token(self, *_scopes: str, **_options: object) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


def registrar(emulator: Emulator, *roles: str) -> ClientSecretCredential:
    """An application with these permissions in Graph, which signs in at the emulator."""
    client_id = emulator.seed("application", display_name="registrar")["client-id"]
    secret = emulator.seed("client-secret", client_id=client_id)["client-secret"]
    for role in roles:
        emulator.seed("graph-role", client_id=client_id, role=role)
    return ClientSecretCredential(
        emulator.tenant, client_id, secret, authority=emulator.ready["login"], disable_instance_discovery=True
    )


def ask(emulator: Emulator, credential: object, what: Callable[[GraphServiceClient], Awaitable]) -> object:
    """Makes a client that is told where Graph is, lets it do something, and closes it."""
    graph = emulator.ready["graph"]

    async def run() -> object:
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[f"{graph}/.default"], allowed_hosts=["127.0.0.1"]
        )
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=emulator.ca_file)) as plain:
            adapter = GraphRequestAdapter(
                provider, GraphClientFactory.create_with_default_middleware(client=plain)
            )
            adapter.base_url = f"{graph}/v1.0"
            return await what(GraphServiceClient(request_adapter=adapter))

    return asyncio.run(run())
