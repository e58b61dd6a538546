#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::{Answer, DATABRICKS_SCOPE, WORKSPACE, admin, emulator, form, principal, send, sign_in};
use crate::{Emulator, Seed, Spread, SpreadKind};

const PERMISSIONS: &str = "/api/2.0/permissions/authorization/tokens";
const PRINCIPALS: &str = "/api/2.0/preview/scim/v2/ServicePrincipals";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal";

fn get(emulator: &Emulator, path: &str, token: &str) -> Answer {
    send(emulator, WORKSPACE, "GET", path, token, None)
}

fn post(emulator: &Emulator, path: &str, token: &str, body: Value) -> Answer {
    send(emulator, WORKSPACE, "POST", path, token, Some(body))
}

fn create(emulator: &Emulator, token: &str, body: Value) -> Answer {
    post(emulator, "/api/2.0/token/create", token, body)
}

fn me(emulator: &Emulator, token: &str) -> Answer {
    get(emulator, "/api/2.0/preview/scim/v2/Me", token)
}

#[test]
fn a_new_token_signs_in_as_its_owner_and_its_id_is_its_sha_256() {
    let emulator = emulator();
    let token = principal(&emulator);
    let made = create(&emulator, &token, json!({"comment": "c", "lifetime_seconds": 60}));
    let value = made.json["token_value"].as_str().unwrap();
    assert!(value.starts_with("dapi"));
    assert_eq!(made.json["token_info"]["token_id"], crate::state::token_id(value));
    assert_eq!(made.json["token_info"]["expiry_time"].as_i64().unwrap(), emulator.now_ms() + 60_000);
    assert_eq!(me(&emulator, value).text("userName"), emulator.world(|world| world.seeded.client_id.clone()));
}

#[test]
fn a_token_with_thirty_seconds_left_is_refused_and_an_ended_one_is_not_listed() {
    let emulator = emulator();
    let token = principal(&emulator);
    let made = create(&emulator, &token, json!({"lifetime_seconds": 60}));
    let value = made.text("token_value");
    emulator.advance(Duration::from_secs(29));
    assert_eq!(me(&emulator, value).status, 200);
    emulator.advance(Duration::from_secs(1));
    let refused = me(&emulator, value);
    assert_eq!(
        (refused.status, refused.json),
        (403, json!({"error_code": 403, "message": "Invalid access token."}))
    );
    assert!(get(&emulator, "/api/2.0/token/list", &token).json["token_infos"].is_array());
    emulator.advance(Duration::from_secs(30));
    assert_eq!(get(&emulator, "/api/2.0/token/list", &token).json, json!({}));
}

#[test]
fn no_credential_is_401_and_a_foreign_one_403() {
    let emulator = emulator();
    assert_eq!(me(&emulator, "").status, 401);
    assert_eq!(me(&emulator, "dapi00000000000000000000000000000000").status, 403);
    let vault = sign_in(&emulator, "https://vault.azure.net/.default");
    assert_eq!(me(&emulator, &vault).json["error_code"], 403);
}

#[test]
fn a_principal_outside_the_workspace_and_one_without_permission_are_told_apart() {
    let emulator = emulator();
    let token = sign_in(&emulator, DATABRICKS_SCOPE);
    assert!(
        create(&emulator, &token, json!({})).text("message").starts_with("Unauthorized access to workspace")
    );
    let id = emulator.world(|world| world.seeded.client_id.clone());
    emulator.seed(Seed::principal(id)).unwrap();
    let refused = create(&emulator, &token, json!({}));
    assert_eq!(
        (refused.status, refused.text("message")),
        (403, "User does not have permission to use tokens.")
    );
    assert_eq!(refused.text("error_code"), "PERMISSION_DENIED");
}

#[test]
fn lifetimes_of_nothing_and_beyond_the_maximum_are_refused() {
    let emulator = emulator();
    let token = principal(&emulator);
    assert_eq!(
        create(&emulator, &token, json!({"lifetime_seconds": 0})).text("message"),
        "requirement failed: Invalid timeout: 0"
    );
    emulator
        .seed(Seed::WorkspaceConf { workspace: 0, key: "maxTokenLifetimeDays".into(), value: "1".into() })
        .unwrap();
    assert_eq!(
        create(&emulator, &token, json!({"lifetime_seconds": 86_401})).text("error_code"),
        "INVALID_PARAMETER_VALUE"
    );
    assert_eq!(create(&emulator, &token, json!({"lifetime_seconds": 86_400})).status, 200);
}

#[test]
fn unknown_fields_wrong_types_and_other_content_types_are_malformed() {
    let emulator = emulator();
    let token = principal(&emulator);
    for body in [
        json!({"lifetime": 1}),
        json!({"comment": 1}),
        json!({"lifetime_seconds": "1"}),
        json!({"scopes": "sql"}),
    ] {
        assert_eq!(create(&emulator, &token, body).text("error_code"), "MALFORMED_REQUEST");
    }
    let request = http::Request::post("/api/2.0/token/create")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "text/plain")
        .body(b"{}".to_vec())
        .unwrap();
    assert_eq!(emulator.serve(WORKSPACE, request).status(), 400);
}

#[test]
fn the_six_hundred_and_first_token_exceeds_the_quota() {
    let emulator = emulator();
    let token = principal(&emulator);
    let id = emulator.world(|world| world.seeded.client_id.clone());
    emulator.world(|world| (0..600).for_each(|_| drop(world.seed_pat(0, &id, "", -1))));
    assert_eq!(create(&emulator, &token, json!({})).text("error_code"), "QUOTA_EXCEEDED");
}

#[test]
fn an_update_changes_what_its_mask_names_and_nothing_else() {
    let emulator = emulator();
    let token = principal(&emulator);
    let made = create(&emulator, &token, json!({"comment": "old", "scopes": ["sql"]}));
    let path = format!("/api/2.0/token/{}", made.json["token_info"]["token_id"].as_str().unwrap());
    let body = json!({"token": {"comment": "new", "scopes": ["scim"]}, "update_mask": "comment"});
    assert_eq!(send(&emulator, WORKSPACE, "PATCH", &path, &token, Some(body)).json, json!({}));
    let info = &get(&emulator, "/api/2.0/token/list", &token).json["token_infos"][0];
    assert_eq!((info["comment"].as_str(), &info["scopes"]), (Some("new"), &json!(["sql"])));
    let body = json!({"token": {"comment": "new"}, "update_mask": "comment,expiry_time"});
    assert_eq!(send(&emulator, WORKSPACE, "PATCH", &path, &token, Some(body.clone())).status, 400);
    let unknown = send(
        &emulator,
        WORKSPACE,
        "PATCH",
        "/api/2.0/token/00",
        &token,
        Some(json!({"token": {"comment": ""}, "update_mask": "comment"})),
    );
    assert_eq!((unknown.status, unknown.text("error_code")), (404, "NOT_FOUND"));
}

#[test]
fn a_token_reaches_no_further_than_its_scopes() {
    let emulator = emulator();
    let token = principal(&emulator);
    let made = create(&emulator, &token, json!({"scopes": ["sql"]}));
    let value = made.text("token_value");
    let listed = get(&emulator, "/api/2.0/preview/scim/v2/ServicePrincipals", value);
    assert_eq!(listed.text("message"), "Provided token does not have required scopes: scim");
    assert_eq!(get(&emulator, "/api/2.0/sql/warehouses", value).status, 200);
    assert_eq!(create(&emulator, &token, json!({"scopes": ["everything"]})).status, 400);
}

#[test]
fn deleting_a_token_twice_or_another_members_does_not_find_it() {
    let emulator = emulator();
    let token = principal(&emulator);
    let made = create(&emulator, &token, json!({}));
    let body = json!({"token_id": made.json["token_info"]["token_id"]});
    assert_eq!(post(&emulator, "/api/2.0/token/delete", &admin(&emulator), body.clone()).status, 404);
    assert_eq!(post(&emulator, "/api/2.0/token/delete", &token, body.clone()).status, 200);
    assert_eq!(
        post(&emulator, "/api/2.0/token/delete", &token, body).text("error_code"),
        "RESOURCE_DOES_NOT_EXIST"
    );
}

#[test]
fn patching_permissions_adds_and_putting_them_deletes_the_tokens_of_those_left_out() {
    let emulator = emulator();
    let token = principal(&emulator);
    create(&emulator, &token, json!({}));
    let live = |emulator: &Emulator| emulator.world(|world| world.workspaces[0].tokens.len());
    assert_eq!(live(&emulator), 3);
    let id = emulator.world(|world| world.seeded.client_id.clone());
    let body =
        json!({"access_control_list": [{"service_principal_name": id, "permission_level": "CAN_USE"}]});
    let answer = send(&emulator, WORKSPACE, "PATCH", PERMISSIONS, &admin(&emulator), Some(body.clone()));
    assert_eq!(answer.json["access_control_list"].as_array().unwrap().len(), 3);
    assert_eq!(live(&emulator), 3);
    // The analyst had the right through a group that the list leaves out.
    send(&emulator, WORKSPACE, "PUT", PERMISSIONS, &admin(&emulator), Some(body));
    assert_eq!(live(&emulator), 2);
    assert_eq!(send(&emulator, WORKSPACE, "GET", PERMISSIONS, &token, None).status, 403);
}

#[test]
fn token_permissions_do_not_exist_before_the_first_token() {
    let emulator = emulator();
    emulator.seed(Seed::NoTokenYet { workspace: 0 }).unwrap();
    let missing = get(&emulator, PERMISSIONS, &admin(&emulator));
    assert_eq!(
        missing.json,
        json!({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "tokens tokens does not exist"})
    );
    create(&emulator, &admin(&emulator), json!({}));
    assert_eq!(get(&emulator, PERMISSIONS, &admin(&emulator)).status, 200);
}

#[test]
fn permissions_of_somebody_unknown_are_refused() {
    let emulator = emulator();
    let body =
        json!({"access_control_list": [{"service_principal_name": "x", "permission_level": "CAN_USE"}]});
    let refused = send(&emulator, WORKSPACE, "PATCH", PERMISSIONS, &admin(&emulator), Some(body));
    assert_eq!(refused.text("message"), "Principal: ServicePrincipalName(x) does not exist");
    let body = json!({"access_control_list": [{"group_name": "analysts", "permission_level": "CAN_RUN"}]});
    assert_eq!(send(&emulator, WORKSPACE, "PATCH", PERMISSIONS, &admin(&emulator), Some(body)).status, 400);
}

#[test]
fn a_principal_is_imported_once_found_by_its_application_id_and_patched() {
    let emulator = emulator();
    let (admin, id) = (admin(&emulator), emulator.world(|world| world.seeded.client_id.clone()));
    let body = json!({
        "schemas": [SCHEMA], "applicationId": id, "displayName": "n",
        "entitlements": [{"value": "workspace-access"}],
    });
    let made = post(&emulator, PRINCIPALS, &admin, body.clone());
    assert_eq!(made.status, 201);
    let again = post(&emulator, PRINCIPALS, &admin, body);
    assert_eq!(
        (again.status, again.text("detail")),
        (409, format!("Service principal with application ID {id} already exists.").as_str())
    );
    let path = format!("{PRINCIPALS}/{}", made.text("id"));
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [
        {"op": "add", "path": "entitlements", "value": [{"value": "databricks-sql-access"}]},
        {"op": "remove", "path": "entitlements[value eq \"workspace-access\"]"}]});
    assert_eq!(send(&emulator, WORKSPACE, "PATCH", &path, &admin, Some(patch)).status, 204);
    let found = get(
        &emulator,
        &format!("{PRINCIPALS}?filter=applicationId%20eq%20%22{id}%22&startIndex=1&count=10"),
        &admin,
    );
    assert_eq!(found.json["Resources"][0]["entitlements"], json!([{"value": "databricks-sql-access"}]));
    let nothing = get(&emulator, &format!("{PRINCIPALS}?filter=applicationId%20eq%20%22x%22"), &admin);
    assert!(nothing.json.get("Resources").is_none());
    let wrong = get(&emulator, &format!("{PRINCIPALS}?filter=applicationId%20is%20x"), &admin);
    assert_eq!((wrong.status, wrong.text("scimType")), (400, "invalidFilter"));
}

#[test]
fn conf_tells_unset_keys_as_null_and_refuses_unknown_ones() {
    let emulator = emulator();
    let admin = admin(&emulator);
    let path = "/api/2.0/workspace-conf";
    let shown = get(&emulator, &format!("{path}?keys=enableTokensConfig,maxTokenLifetimeDays"), &admin);
    assert_eq!(shown.json, json!({"enableTokensConfig": null, "maxTokenLifetimeDays": null}));
    assert_eq!(get(&emulator, &format!("{path}?keys=x"), &admin).text("message"), "Invalid keys: [\"x\"]");
    assert_eq!(
        send(&emulator, WORKSPACE, "PATCH", path, &admin, Some(json!({"enableTokensConfig": true}))).status,
        400
    );
    assert_eq!(
        send(
            &emulator,
            WORKSPACE,
            "PATCH",
            path,
            &principal(&emulator),
            Some(json!({"enableTokensConfig": "false"}))
        )
        .status,
        403
    );
    assert_eq!(
        send(&emulator, WORKSPACE, "PATCH", path, &admin, Some(json!({"enableTokensConfig": "false"})))
            .status,
        204
    );
    assert_eq!(create(&emulator, &principal(&emulator), json!({})).text("error_code"), "FEATURE_DISABLED");
}

#[test]
fn an_admin_lists_and_revokes_the_tokens_of_others() {
    let emulator = emulator();
    let (admin, token) = (admin(&emulator), principal(&emulator));
    create(&emulator, &token, json!({"comment": "mine"}));
    let id = emulator.world(|world| world.seeded.client_id.clone());
    let path = "/api/2.0/token-management/tokens";
    let listed = get(&emulator, &format!("{path}?created_by_username={id}"), &admin);
    assert_eq!(listed.json["token_infos"][0]["comment"], "mine");
    let one = format!("{path}/{}", listed.json["token_infos"][0]["token_id"].as_str().unwrap());
    assert_eq!(send(&emulator, WORKSPACE, "DELETE", &one, &token, None).status, 403);
    assert_eq!(send(&emulator, WORKSPACE, "DELETE", &one, &admin, None).status, 200);
    assert_eq!(send(&emulator, WORKSPACE, "DELETE", &one, &admin, None).status, 404);
    let behalf = post(
        &emulator,
        "/api/2.0/token-management/on-behalf-of/tokens",
        &admin,
        json!({"application_id": id}),
    );
    assert_eq!(
        behalf.text("message"),
        "On-behalf-of token creation for service principals is not enabled for this workspace"
    );
}

#[test]
fn a_secret_scope_gives_back_in_base64_what_was_put() {
    let emulator = emulator();
    let token = principal(&emulator);
    let body = json!({"scope": "integrations", "key": "k", "string_value": "v"});
    assert_eq!(post(&emulator, "/api/2.0/secrets/put", &token, body).status, 200);
    assert_eq!(
        get(&emulator, "/api/2.0/secrets/get?scope=integrations&key=k", &token).json,
        json!({"key": "k", "value": "dg=="})
    );
    assert_eq!(
        get(&emulator, "/api/2.0/secrets/get?scope=none&key=k", &token).text("error_code"),
        "RESOURCE_DOES_NOT_EXIST"
    );
    let both = json!({"scope": "integrations", "key": "k", "string_value": "v", "bytes_value": "dg=="});
    assert_eq!(post(&emulator, "/api/2.0/secrets/put", &token, both).text("error_code"), "MALFORMED_REQUEST");
}

#[test]
fn an_oauth_secret_signs_in_at_its_workspace_and_no_entra_secret_does() {
    let emulator = emulator();
    let admin = admin(&emulator);
    let made = post(
        &emulator,
        PRINCIPALS,
        &admin,
        json!({"schemas": [SCHEMA], "displayName": "managed",
        "entitlements": [{"value": "workspace-access"}]}),
    );
    let (id, client) = (made.text("id"), made.text("applicationId"));
    let secrets = format!("/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets");
    let secret = post(&emulator, &secrets, &admin, json!({"lifetime": "3600s"}));
    let sign_in = |secret: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("scope", "all-apis"),
            ("client_id", client),
            ("client_secret", secret),
        ];
        form(&emulator, WORKSPACE, "/oidc/v1/token", &fields)
    };
    let token = sign_in(secret.text("secret"));
    assert_eq!(me(&emulator, token.text("access_token")).text("userName"), client);
    let refused = sign_in(&emulator.world(|world| world.seeded.client_secret.clone()));
    assert_eq!((refused.status, refused.text("error")), (401, "invalid_client"));
    (0..4).for_each(|_| assert_eq!(post(&emulator, &secrets, &admin, json!({})).status, 200));
    assert_eq!(post(&emulator, &secrets, &admin, json!({})).status, 400);
    let page = get(&emulator, &format!("{secrets}?page_size=2"), &admin);
    assert_eq!((page.json["secrets"].as_array().unwrap().len(), page.text("next_page_token")), (2, "2"));
}

#[test]
fn an_azure_role_on_the_resource_lets_in_an_application_that_is_not_in_the_workspace() {
    let emulator = emulator();
    let (token, management) = (
        sign_in(&emulator, DATABRICKS_SCOPE),
        sign_in(&emulator, "https://management.core.windows.net//.default"),
    );
    let (resource, client) =
        emulator.world(|world| (world.workspaces[0].resource_id.clone(), world.seeded.client_id.clone()));
    let ask = || {
        let request = http::Request::get("/api/2.0/preview/scim/v2/Me")
            .header("authorization", format!("Bearer {token}"))
            .header("x-databricks-azure-workspace-resource-id", &resource)
            .header("x-databricks-azure-sp-management-token", &management)
            .body(Vec::new())
            .unwrap();
        emulator.serve(WORKSPACE, request).status().as_u16()
    };
    assert_eq!(ask(), 403);
    emulator.seed(Seed::AzureRole { client_id: client, workspace: 0, role: "Contributor".into() }).unwrap();
    assert_eq!(ask(), 200);
}

#[test]
fn what_is_new_is_refused_until_it_has_propagated() {
    let emulator = emulator();
    let token = principal(&emulator);
    emulator.world(|world| {
        world.spread.set(SpreadKind::Pat, Spread { uses: 1, ms: 5000, flaps: vec![true, false] })
    });
    let made = create(&emulator, &token, json!({}));
    let seen = || me(&emulator, made.text("token_value")).status;
    assert_eq!([seen(), seen()], [403, 403]);
    emulator.advance(Duration::from_secs(5));
    assert_eq!([seen(), seen(), seen()], [200, 403, 200]);
}

#[test]
fn everybody_can_read_which_tenant_a_workspace_belongs_to() {
    let emulator = emulator();
    let answer = get(&emulator, "/aad/auth", "");
    let tenant = emulator.world(|world| world.seeded.tenant.clone());
    assert_eq!(answer.status, 302);
    assert!(
        answer
            .header("location")
            .starts_with(&format!("https://login.microsoftonline.com/{tenant}/oauth2/authorize"))
    );
}

#[test]
fn an_account_admin_makes_oauth_secrets_at_the_account_and_nobody_else_does() {
    const ACCOUNTS: &str = "https://accounts.azuredatabricks.net";
    let emulator = emulator();
    let made = post(
        &emulator,
        PRINCIPALS,
        &admin(&emulator),
        json!({"schemas": [SCHEMA], "displayName": "managed"}),
    );
    let (account, client, secret) = emulator.world(|world| {
        (
            world.account.id.clone(),
            world.seeded.account_client_id.clone(),
            world.seeded.account_client_secret.clone(),
        )
    });
    let tenant = emulator.world(|world| world.seeded.tenant.clone());
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &client),
        ("client_secret", &secret),
        ("scope", DATABRICKS_SCOPE),
    ];
    let token = form(&emulator, crate::testing::LOGIN, &format!("/{tenant}/oauth2/v2.0/token"), &fields);
    let path =
        format!("/api/2.0/accounts/{account}/servicePrincipals/{}/credentials/secrets", made.text("id"));
    let ask = |token: &str| send(&emulator, ACCOUNTS, "POST", &path, token, Some(json!({})));
    assert_eq!(ask(token.text("access_token")).text("status"), "ACTIVE");
    assert_eq!(ask(&sign_in(&emulator, DATABRICKS_SCOPE)).status, 403);
    assert_eq!(ask("").status, 401);
}
