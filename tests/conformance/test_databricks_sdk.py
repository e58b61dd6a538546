"""The official `databricks-sdk` finds in the emulator what it finds in a workspace."""

from __future__ import annotations

import hashlib
import time

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, ResourceDoesNotExist
from databricks.sdk.service import iam, settings
from stage import Emulator

SCHEMA = iam.ServicePrincipalSchema.URN_IETF_PARAMS_SCIM_SCHEMAS_CORE_2_0_SERVICE_PRINCIPAL
PATCH_SCHEMA = iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP


@pytest.fixture
def admin(emulator: Emulator) -> WorkspaceClient:
    return WorkspaceClient(host=emulator.workspace, token=emulator.admin_token)


@pytest.fixture
def principal(emulator: Emulator) -> WorkspaceClient:
    """The principal that is cared for, in the workspace and allowed to use tokens."""
    emulator.seed("principal", application_id=emulator.client_id)
    emulator.seed("token-permission", service_principal_name=emulator.client_id)
    return WorkspaceClient(
        host=emulator.workspace,
        token=emulator.seed("pat", owner=emulator.client_id, comment="first")["token"],
    )


def test_a_token_is_made_listed_updated_and_deleted(principal: WorkspaceClient, emulator: Emulator) -> None:
    made = principal.tokens.create(comment="second", lifetime_seconds=3600)
    assert made.token_info.token_id == hashlib.sha256(made.token_value.encode()).hexdigest()
    assert made.token_info.expiry_time - made.token_info.creation_time == 3_600_000
    assert abs(made.token_info.creation_time - time.time() * 1000) < 600_000, "times are milliseconds"
    assert {info.comment for info in principal.tokens.list()} == {"first", "second"}

    change = settings.PublicTokenInfo(comment="third")
    principal.tokens.update(made.token_info.token_id, change, FieldMask(field_mask=["comment"]))
    assert {info.comment for info in principal.tokens.list()} == {"first", "third"}
    assert (
        WorkspaceClient(host=emulator.workspace, token=made.token_value).current_user.me().user_name
        == emulator.client_id
    )

    principal.tokens.delete(made.token_info.token_id)
    assert {info.comment for info in principal.tokens.list()} == {"first"}
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        WorkspaceClient(host=emulator.workspace, token=made.token_value).current_user.me()
    with pytest.raises(ResourceDoesNotExist):
        principal.tokens.delete(made.token_info.token_id)
    with pytest.raises(NotFound):
        principal.tokens.update(made.token_info.token_id, change, FieldMask(field_mask=["comment"]))


def test_lifetimes_are_refused_as_the_workspace_refuses_them(
    principal: WorkspaceClient, admin: WorkspaceClient
) -> None:
    with pytest.raises(BadRequest, match="Invalid timeout: 0"):
        principal.tokens.create(lifetime_seconds=0)
    admin.workspace_conf.set_status({"maxTokenLifetimeDays": "90"})
    with pytest.raises(BadRequest):
        principal.tokens.create(lifetime_seconds=91 * 86_400)
    assert principal.tokens.create(lifetime_seconds=90 * 86_400).token_value


def test_an_admin_sees_whose_tokens_there_are_and_takes_one_away(
    admin: WorkspaceClient, principal: WorkspaceClient, emulator: Emulator
) -> None:
    owners = {info.created_by_username for info in admin.token_management.list()}
    assert owners == {"admin@acme.example", "ana@acme.example", emulator.client_id}
    (info,) = admin.token_management.list(created_by_username=emulator.client_id)
    assert admin.token_management.get(info.token_id).token_info.comment == "first"
    admin.token_management.delete(info.token_id)
    assert not list(admin.token_management.list(created_by_username=emulator.client_id))
    with pytest.raises(PermissionDenied):
        principal.current_user.me()


def test_somebody_who_is_no_admin_may_not_manage_tokens(principal: WorkspaceClient) -> None:
    with pytest.raises(PermissionDenied):
        list(principal.token_management.list())


def test_a_permission_is_added_beside_those_of_others(admin: WorkspaceClient, emulator: Emulator) -> None:
    emulator.seed("principal", application_id=emulator.client_id)
    use = settings.TokenPermissionLevel.CAN_USE
    asked = settings.TokenAccessControlRequest(
        service_principal_name=emulator.client_id, permission_level=use
    )
    admin.token_management.update_permissions(access_control_list=[asked])
    entries = admin.token_management.get_permissions().access_control_list
    assert {entry.group_name or entry.service_principal_name for entry in entries} == {
        "admins",
        "analysts",
        emulator.client_id,
    }
    assert use in {
        level.permission_level for level in admin.token_management.get_permission_levels().permission_levels
    }


def test_setting_the_permissions_deletes_the_tokens_of_those_who_lose_theirs(
    admin: WorkspaceClient, principal: WorkspaceClient, emulator: Emulator
) -> None:
    asked = settings.TokenAccessControlRequest(
        group_name="analysts", permission_level=settings.TokenPermissionLevel.CAN_USE
    )
    admin.token_management.set_permissions(access_control_list=[asked])
    assert not emulator.tokens()
    assert emulator.tokens("ana@acme.example")


def test_without_the_permission_tokens_are_refused(admin: WorkspaceClient, emulator: Emulator) -> None:
    emulator.seed("principal", application_id=emulator.client_id)
    token = emulator.seed("pat", owner=emulator.client_id)["token"]
    with pytest.raises(PermissionDenied, match="does not have permission to use tokens"):
        WorkspaceClient(host=emulator.workspace, token=token).tokens.create()


def test_permissions_do_not_exist_before_the_first_token(admin: WorkspaceClient, emulator: Emulator) -> None:
    emulator.seed("no-token-yet")
    with pytest.raises(ResourceDoesNotExist, match="tokens tokens does not exist"):
        admin.token_management.get_permissions()
    admin.tokens.delete(admin.tokens.create(lifetime_seconds=60).token_info.token_id)
    assert admin.token_management.get_permissions().object_id == "/authorization/tokens"


def test_service_principals_are_made_found_page_by_page_and_changed(
    admin: WorkspaceClient, emulator: Emulator
) -> None:
    asked = [iam.ComplexValue(value="workspace-access")]
    made = admin.service_principals_v2.create(
        application_id=emulator.client_id,
        display_name="catalog-prod",
        active=True,
        entitlements=asked,
        schemas=[SCHEMA],
    )
    for number in range(5):
        managed = admin.service_principals_v2.create(display_name=f"managed-{number}", schemas=[SCHEMA])
        assert managed.application_id, "the workspace assigns the id of a principal that it manages"
    names = [found.display_name for found in admin.service_principals_v2.list(count=2)]
    assert sorted(names) == ["catalog-prod", *(f"managed-{number}" for number in range(5))]
    (found,) = admin.service_principals_v2.list(filter=f'applicationId eq "{emulator.client_id}"')
    assert found.id == made.id

    change = iam.Patch(op=iam.PatchOp.ADD, path="entitlements", value=[{"value": "databricks-sql-access"}])
    admin.service_principals_v2.patch(made.id, operations=[change], schemas=[PATCH_SCHEMA])
    entitlements = {one.value for one in admin.service_principals_v2.get(made.id).entitlements}
    assert entitlements == {"workspace-access", "databricks-sql-access"}
    with pytest.raises(Exception, match="already exists"):
        admin.service_principals_v2.create(
            application_id=emulator.client_id, display_name="again", schemas=[SCHEMA]
        )
    admin.service_principals_v2.delete(made.id)
    with pytest.raises(NotFound):
        admin.service_principals_v2.get(made.id)


def test_settings_are_texts_and_what_is_not_set_is_unknown(admin: WorkspaceClient) -> None:
    keys = "enableTokensConfig,maxTokenLifetimeDays"
    assert not any(admin.workspace_conf.get_status(keys).values())
    admin.workspace_conf.set_status({"enableTokensConfig": "true", "maxTokenLifetimeDays": "30"})
    assert admin.workspace_conf.get_status(keys) == {
        "enableTokensConfig": "true",
        "maxTokenLifetimeDays": "30",
    }
    with pytest.raises(BadRequest, match="Invalid keys"):
        admin.workspace_conf.get_status("noSuchSetting")


def test_secrets_of_a_scope_are_written_and_read_back(admin: WorkspaceClient) -> None:
    admin.secrets.create_scope("conformance")
    admin.secrets.put_secret("conformance", "token", string_value="a value")
    (listed,) = admin.secrets.list_secrets("conformance")
    assert (listed.key, admin.secrets.get_secret("conformance", "token").value) == ("token", "YSB2YWx1ZQ==")
