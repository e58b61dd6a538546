"""A target that is delivered to every kind of store which the emulator has, and what each of them then
holds."""

from __future__ import annotations

from stage import Emulator

GROUP = "Delivery"
OTHERS = [
    {"name": "CATALOG_URL", "value": "https://catalog.example"},
    {"name": "CATALOG_PASSWORD", "value": "kept", "secret": True},
]


def every_sink(emulator: Emulator) -> dict:
    """Lets the principal write everywhere; returns the configuration."""
    emulator.azure("vault-access", client_id=emulator.client_id, rights=["get", "list", "set"])
    emulator.azure("devops-principal", client_id=emulator.client_id, role="administrator")
    group = emulator.azure("variable-group", project="data", name=GROUP, variables=OTHERS)["id"]
    config = emulator.config
    config["targets"][0]["deliver"] = [
        {"type": "github-secret", "repository": "acme/data", "secret": "DATABRICKS_TOKEN"},
        {
            "type": "github-secret",
            "repository": "acme/data",
            "secret": "DATABRICKS_TOKEN",
            "environment": "production",
        },
        {
            "type": "github-secret",
            "repository": "acme/data",
            "secret": "DATABRICKS_TOKEN",
            "app": "dependabot",
        },
        {"type": "github-secret", "organization": "acme", "secret": "DATABRICKS_TOKEN"},
        {"type": "key-vault", "vault": emulator.ready["key-vault"], "secret": "databricks-token"},
        {"type": "azure-devops-variable", "project": "data", "group": group, "variable": "DATABRICKS_TOKEN"},
        {"type": "databricks-secret", "scope": "integrations", "key": "catalog-token"},
    ]
    return config


def held(state: dict) -> dict[str, str | None]:
    """Each place with the SHA-256 of what it holds, which for a PAT is its token id."""
    places = {
        f"github {secret['place']} {secret['name']}": secret["sha256"]
        for secret in state["github"]["secrets"]
    }
    for secret in state.get("azure", {}).get("key-vault", []):
        places[f"key vault {secret['name']}"] = secret["versions"][-1]["sha256"]
    for group in state.get("azure", {}).get("variable-groups", []):
        places |= {
            f"variable {one['name']}": one["sha256"]
            for one in group["variables"]
            if one["name"] == "DATABRICKS_TOKEN"
        }
    for secret in state["workspaces"][0]["secrets"]:
        places[f"secret scope {secret['scope']} {secret['key']}"] = secret["sha256"]
    return places


def of_others(state: dict, client_id: str) -> dict:
    """What belongs to somebody else and must stay as it is."""
    (workspace, *_) = state["workspaces"]
    variables = [
        one for group in state.get("azure", {}).get("variable-groups", []) for one in group["variables"]
    ]
    return {
        "tokens": sorted(
            token["token-id"]
            for token in workspace["tokens"]
            if token["owner"] != client_id and token["live"]
        ),
        "permissions": [one for one in workspace["permissions"] if one["name"] != client_id],
        "members": [one for one in workspace["members"] if one["name"] != client_id],
        "variables": [one for one in variables if one["name"] != "DATABRICKS_TOKEN"],
        "client-secrets": [secret["key-id"] for one in state["applications"] for secret in one["secrets"]],
    }
