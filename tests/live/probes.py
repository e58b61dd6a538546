"""What the services answer where docs/fidelity.md has only an assumption: one small question for each line of it
that can be asked without waiting for days.

A probe makes only things whose names begin with `lakekey-live-` (`LAKEKEY_LIVE_` on GitHub), and removes them. It
returns its answer in a few words, which are compared with the emulator's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field

# A bound for one answer; nothing is measured by it.
LIMIT = 60


class Missing(Exception):
    """What a probe needs and the environment does not give."""


@dataclass
class Answer:
    """A status, and the body as far as it is JSON."""

    status: int
    body: dict
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> str:
        found = self.body.get("error_code") or self.body.get("error") or self.body.get("scimType") or ""
        return str(found.get("code", "") if isinstance(found, dict) else found)

    def __str__(self) -> str:
        return f"{self.status} {self.code}".strip()


@dataclass
class Side:
    """One world to ask: the services, or an emulator."""

    env: dict[str, str]

    def need(self, name: str) -> str:
        if not (value := self.env.get(f"LAKEKEY_LIVE_{name}")):
            raise Missing(f"LAKEKEY_LIVE_{name}")
        return value

    def ask(self, method: str, url: str, token: str, body: object = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        sent = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json",
                "user-agent": "lakekey-live", **{name.replace("_", "-"): value for name, value in headers.items()}}
        request = urllib.request.Request(url, data, sent, method=method)
        authority = self.env.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_FILE")
        context = ssl.create_default_context(cafile=authority) if url.startswith("https") else None
        try:
            with urllib.request.urlopen(request, timeout=LIMIT, context=context) as response:
                return Answer(response.status, decoded(response.read()), dict(response.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, decoded(error.read()), dict(error.headers))

    def workspace(self, method: str, path: str, body: object = None) -> Answer:
        return self.ask(method, f"{self.need('WORKSPACE')}/api/2.0{path}", self.need("TOKEN"), body)

    def graph(self, method: str, path: str, body: object = None) -> Answer:
        base = self.env.get("LAKEKEY_LIVE_GRAPH", "https://graph.microsoft.com")
        return self.ask(method, f"{base}{path}", self.need("GRAPH_TOKEN"), body)

    def github(self, method: str, path: str, body: object = None) -> Answer:
        base = self.env.get("LAKEKEY_LIVE_GITHUB", "https://api.github.com")
        url = f"{base}/repos/{self.need('REPOSITORY')}{path}"
        return self.ask(method, url, self.need("GITHUB_TOKEN"), body, x_github_api_version="2022-11-28")


def decoded(text: bytes) -> dict:
    try:
        value = json.loads(text or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {"list": value}


def name() -> str:
    return f"lakekey-live-{secrets.token_hex(4)}"


@dataclass
class Token:
    """A PAT for one probe."""

    side: Side
    fields: dict
    made: Answer | None = None

    def __enter__(self) -> Answer:
        self.made = self.side.workspace("POST", "/token/create", {"comment": name(), **self.fields})
        return self.made

    def __exit__(self, *_: object) -> None:
        if info := self.made and self.made.body.get("token_info"):
            self.side.workspace("POST", "/token/delete", {"token_id": info["token_id"]})


def token_id_is_hash(side: Side) -> str:
    with Token(side, {"lifetime_seconds": 600}) as made:
        value, info = made.body.get("token_value", ""), made.body.get("token_info", {})
        return "it is" if hashlib.sha256(value.encode()).hexdigest() == info.get("token_id") else "it is not"


def listed_at_once(side: Side) -> str:
    with Token(side, {"lifetime_seconds": 600}) as made:
        listed = side.workspace("GET", "/token/list").body.get("token_infos", [])
        known = {one.get("token_id") for one in listed}
        return "at once" if made.body.get("token_info", {}).get("token_id") in known else "not at once"


def token_update(side: Side) -> str:
    with Token(side, {"lifetime_seconds": 600}) as made:
        identity = made.body.get("token_info", {}).get("token_id")
        change = {"token": {"comment": name()}, "update_mask": "comment"}
        return str(side.workspace("PATCH", f"/token/{identity}", change))


def watched_unasked(side: Side) -> str:
    with Token(side, {"lifetime_seconds": 90 * 86_400}) as made:
        state = made.body.get("token_info", {}).get("autoscope_state")
        return str(state or "not said")


def autoscope_refused(side: Side) -> str:
    with Token(side, {"lifetime_seconds": 600, "autoscope_enabled": False}) as made:
        return str(made)


def token_scopes(side: Side) -> str:
    return str(side.workspace("GET", "/token-scopes"))


@dataclass
class Principal:
    """A service principal that the workspace manages, for one probe."""

    side: Side
    made: Answer | None = None

    def __enter__(self) -> Answer:
        asked = {"displayName": name(), "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"]}
        self.made = self.side.workspace("POST", "/preview/scim/v2/ServicePrincipals", asked)
        return self.made

    def __exit__(self, *_: object) -> None:
        if identity := self.made and self.made.body.get("id"):
            self.side.workspace("DELETE", f"/preview/scim/v2/ServicePrincipals/{identity}")


def duplicate_principal(side: Side) -> str:
    with Principal(side) as made:
        again = {"applicationId": made.body.get("applicationId"), "displayName": name()}
        return str(side.workspace("POST", "/preview/scim/v2/ServicePrincipals", again).status)


def effective_entitlements(side: Side) -> str:
    with Principal(side) as made:
        found = side.workspace("GET", f"/identity/workspace-assignments/{made.body.get('id')}")
        return f"{found.status}, {'with' if 'effective_entitlements' in found.body else 'without'} them"


def oauth_secrets(side: Side) -> str:
    with Principal(side) as made:
        path = f"/accounts/servicePrincipals/{made.body.get('id')}/credentials/secrets"
        for number in range(1, 12):
            answer = side.workspace("POST", path, {"lifetime": "3600s"})
            if answer.status != 200:
                return f"{number - 1}, then {answer}"
        return "11 and more"


def on_behalf_of(side: Side) -> str:
    with Principal(side) as made:
        asked = {"application_id": made.body.get("applicationId"), "lifetime_seconds": 600, "comment": name()}
        answer = side.workspace("POST", "/token-management/on-behalf-of/tokens", asked)
        return str(answer)


def secret_value(side: Side) -> str:
    scope = name()
    made = side.workspace("POST", "/secrets/scopes/create", {"scope": scope})
    if made.status != 200:
        return f"no scope: {made}"
    try:
        side.workspace("POST", "/secrets/put", {"scope": scope, "key": "k", "string_value": "v"})
        read = side.workspace("GET", f"/secrets/get?scope={scope}&key=k")
        return "it can" if base64.b64decode(read.body.get("value", "")) == b"v" else str(read)
    finally:
        side.workspace("POST", "/secrets/scopes/delete", {"scope": scope})


def subject_form(side: Side) -> str:
    said = side.github("GET", "/actions/oidc/customization/sub")
    prefix = str(said.body.get("sub_claim_prefix") or "")
    return f"{said.status}, {'with ids' if '@' in prefix else 'with names' if prefix else 'no prefix'}"


def duplicate_trust(side: Side) -> str:
    made = side.graph("POST", "/v1.0/applications", {"displayName": name(), "signInAudience": "AzureADMyOrg"})
    if made.status != 201:
        return f"no application: {made}"
    path = f"/v1.0/applications/{made.body['id']}"
    trust = {"name": "first", "issuer": "https://issuer.example", "subject": "s",
             "audiences": ["api://AzureADTokenExchange"]}
    try:
        side.graph("POST", f"{path}/federatedIdentityCredentials", trust)
        by_name = side.graph("POST", f"{path}/federatedIdentityCredentials", {**trust, "subject": "t"})
        by_subject = side.graph("POST", f"{path}/federatedIdentityCredentials", {**trust, "name": "second"})
        return f"{by_name.status} for a name, {by_subject.status} for a subject"
    finally:
        side.graph("DELETE", path)


# By the beginning of a line of docs/fidelity.md.
PROBES: dict[str, Callable[[Side], str]] = {
    "whether older workspaces lack the update of a token": token_update,
    "whether a `token_id` is the SHA-256": token_id_is_hash,
    "status of a duplicate service principal": duplicate_principal,
    "whether a new token is listed at once": listed_at_once,
    "the path at which IAM v2 tells": effective_entitlements,
    "how many OAuth secrets a principal may hold": oauth_secrets,
    "on-behalf-of tokens in Azure": on_behalf_of,
    "whether a PAT is watched whose creation": watched_unasked,
    "the words in which an older workspace refuses `autoscope_enabled`": autoscope_refused,
    "`GET /api/2.0/token-scopes`": token_scopes,
    "whether a secret's value can be read outside notebooks": secret_value,
    "what `sub_claim_prefix` says": subject_form,
    "how a second federated credential is refused": duplicate_trust,
}
