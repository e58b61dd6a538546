//! What official clients and providers ask beside what lakekey asks.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use serde_json::{Value, json};

use crate::Emulator;
use crate::testing::{
    Answer, DATABRICKS_SCOPE, GITHUB, LOGIN, WORKSPACE, admin, emulator, principal, read, send, sign_in,
};

const SCIM: &str = "/api/2.0/preview/scim/v2";
const ACCOUNTS: &str = "https://accounts.azuredatabricks.net";
const DEVOPS: &str = "https://dev.azure.com";

fn ask(emulator: &Emulator, method: &str, path: &str, body: Option<Value>) -> Answer {
    send(emulator, WORKSPACE, method, path, &admin(emulator), body)
}

#[test]
fn a_principal_is_created_without_schemas_and_with_an_empty_entitlement() {
    let emulator = emulator();
    let asked = json!({"displayName": "p", "entitlements": [{}]});
    let made = ask(&emulator, "POST", &format!("{SCIM}/ServicePrincipals"), Some(asked));
    assert_eq!((made.status, &made.json["entitlements"]), (201, &Value::Null));
    let path = format!("{SCIM}/ServicePrincipals/{}", made.text("id"));
    let change = json!({"Operations": [{"op": "add", "path": "entitlements", "value": [{}]}]});
    assert_eq!(ask(&emulator, "PATCH", &path, Some(change)).status, 204);
}

#[test]
fn a_group_gives_its_members_the_use_of_tokens_for_as_long_as_they_belong_to_it() {
    let emulator = emulator();
    let id = emulator.world(|world| world.seeded.client_id.clone());
    let member = emulator.seed(crate::Seed::principal(id)).unwrap()["id"].clone();
    let token = sign_in(&emulator, DATABRICKS_SCOPE);
    let create = || {
        let body = json!({"comment": "c", "lifetime_seconds": 600});
        send(&emulator, WORKSPACE, "POST", "/api/2.0/token/create", &token, Some(body)).status
    };
    let groups = format!("{SCIM}/Groups");
    let made = ask(&emulator, "POST", &groups, Some(json!({"displayName": "token-users"})));
    assert_eq!(made.status, 201);
    let again = ask(&emulator, "POST", &groups, Some(json!({"displayName": "Token-Users"})));
    assert_eq!(again.status, 409);
    let grant =
        json!({"access_control_list": [{"group_name": "token-users", "permission_level": "CAN_USE"}]});
    assert_eq!(ask(&emulator, "PATCH", "/api/2.0/permissions/authorization/tokens", Some(grant)).status, 200);
    assert_eq!(create(), 403);
    let path = format!("{groups}/{}", made.text("id"));
    let add = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": member}]}]});
    assert_eq!(ask(&emulator, "PATCH", &path, Some(add)).status, 204);
    assert_eq!(create(), 200);
    let shown = ask(&emulator, "GET", &path, None);
    assert_eq!(shown.json["members"][0]["value"], member);
    let found = ask(&emulator, "GET", &format!("{groups}?filter=displayName%20eq%20%22token-users%22"), None);
    assert_eq!(found.json["totalResults"], 1);
    let remove = format!("members[value eq \"{}\"]", member.as_str().unwrap());
    let remove = json!({"Operations": [{"op": "remove", "path": remove}]});
    assert_eq!(ask(&emulator, "PATCH", &path, Some(remove)).status, 204);
    assert_eq!(create(), 403);
    assert_eq!(ask(&emulator, "DELETE", &path, None).status, 204);
    assert_eq!(ask(&emulator, "GET", &path, None).status, 404);
}

#[test]
fn a_person_is_created_changed_and_deleted() {
    let emulator = emulator();
    let users = format!("{SCIM}/Users");
    let made = ask(&emulator, "POST", &users, Some(json!({"userName": "kim@acme.example"})));
    assert_eq!((made.status, made.text("userName")), (201, "kim@acme.example"));
    let path = format!("{users}/{}", made.text("id"));
    let change = json!({"Operations": [{"op": "replace", "path": "displayName", "value": "Kim"}]});
    assert_eq!(ask(&emulator, "PATCH", &path, Some(change)).status, 204);
    assert_eq!(ask(&emulator, "GET", &path, None).text("displayName"), "Kim");
    assert_eq!(ask(&emulator, "DELETE", &path, None).status, 204);
    assert_eq!(ask(&emulator, "GET", &path, None).status, 404);
}

#[test]
fn a_setting_is_kept_as_it_was_spelled_and_counts_in_any_case() {
    let emulator = emulator();
    let token = principal(&emulator);
    let body = json!({"comment": "c", "lifetime_seconds": 600});
    let made = send(&emulator, WORKSPACE, "POST", "/api/2.0/token/create", &token, Some(body));
    let set = json!({"enableTokensConfig": "FALse"});
    assert_eq!(ask(&emulator, "PATCH", "/api/2.0/workspace-conf", Some(set)).status, 204);
    let shown =
        send(&emulator, WORKSPACE, "GET", "/api/2.0/workspace-conf?keys=enableTokensConfig", &token, None);
    assert_eq!(shown.status, 403, "who may not read settings is refused");
    let me = format!("{SCIM}/Me");
    assert_eq!(send(&emulator, WORKSPACE, "GET", &me, made.text("token_value"), None).status, 403);
    let held = emulator.world(|world| world.workspaces[0].conf["enableTokensConfig"].clone());
    assert_eq!(held, "FALse");
}

#[test]
fn the_account_lists_its_principals_and_workspaces_and_assigns_the_ones_to_the_others() {
    let emulator = emulator();
    let (account, workspace, seeded) =
        emulator.world(|world| (world.account.id.clone(), world.workspaces[0].id, world.seeded.clone()));
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", seeded.account_client_id.as_str()),
        ("client_secret", seeded.account_client_secret.as_str()),
        ("scope", DATABRICKS_SCOPE),
    ];
    let path = format!("/{}/oauth2/v2.0/token", seeded.tenant);
    let token = crate::testing::form(&emulator, LOGIN, &path, &fields).text("access_token").to_owned();
    let ask = |method: &str, path: &str, body: Option<Value>| {
        send(&emulator, ACCOUNTS, method, &format!("/api/2.0/accounts/{account}{path}"), &token, body)
    };
    let made = ask("POST", "/scim/v2/ServicePrincipals", Some(json!({"displayName": "p"})));
    assert_eq!(made.status, 201);
    let filter = format!(
        "/scim/v2/ServicePrincipals?filter=applicationId%20eq%20%22{}%22",
        made.text("applicationId")
    );
    assert_eq!(ask("GET", &filter, None).json["totalResults"], 1);
    assert_eq!(ask("GET", "/workspaces", None).json[0]["workspace_id"], workspace);
    let assigned = format!("/workspaces/{workspace}/permissionassignments");
    let one = format!("{assigned}/principals/{}", made.text("id"));
    assert_eq!(ask("PUT", &one, Some(json!({"permissions": ["ADMIN"]}))).status, 200);
    let listed = ask("GET", &assigned, None).json["permission_assignments"].to_string();
    assert!(listed.contains(made.text("applicationId")), "{listed}");
    assert_eq!(ask("DELETE", &one, None).status, 200);
    let config = send(&emulator, ACCOUNTS, "GET", "/.well-known/databricks-config", "", None);
    assert!(config.text("oidc_endpoint").ends_with("/oidc/accounts/{account_id}"), "{}", config.json);
}

#[test]
fn github_tells_where_things_are_who_one_is_and_how_much_is_left() {
    let emulator = emulator();
    let token = emulator.world(|world| world.seeded.github_token.clone());
    let get = |path: &str| send(&emulator, GITHUB, "GET", path, &token, None);
    assert!(get("/").text("user_url").ends_with("/users/{user}"));
    assert_eq!(
        (get("/api/v3/").status, get("/meta").status, get("/users/acme").text("login")),
        (200, 200, "acme")
    );
    assert!(get("/rate_limit").json["resources"]["core"]["limit"].as_u64().unwrap() > 0);
    let query =
        "query($o: String!) { viewer { login } one: repository(owner: $o, name: \"data\") { databaseId } }";
    let body = json!({"query": query, "variables": {"o": "acme"}});
    let told = send(&emulator, GITHUB, "POST", "/graphql", &token, Some(body)).json;
    assert_eq!(
        (&told["data"]["viewer"]["login"], &told["data"]["one"]["databaseId"]),
        (&json!("octocat"), &json!(900_000_001))
    );
    let environment = "/repos/acme/data/environments/new";
    let put = send(&emulator, GITHUB, "PUT", environment, &token, Some(json!({})));
    assert_eq!((put.status, get(environment).status), (200, 200));
    assert_eq!(send(&emulator, GITHUB, "DELETE", environment, &token, None).status, 204);
    assert_eq!(get(environment).status, 404);
}

#[test]
fn entra_takes_the_client_as_basic_authentication_and_publishes_the_keys_of_its_tokens() {
    let emulator = emulator();
    emulator.world(|world| world.signs = true);
    let seeded = emulator.world(|world| world.seeded.clone());
    let basic = STANDARD.encode(format!("{}:{}", seeded.client_id, seeded.client_secret));
    let body = format!("grant_type=client_credentials&scope={DATABRICKS_SCOPE}");
    let request = Request::post(format!("/{}/oauth2/v2.0/token", seeded.tenant))
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = read(emulator.serve(LOGIN, request.body(body.into_bytes()).unwrap()));
    assert_eq!(answer.status, 200, "{}", answer.json);
    let path = format!("/{}/v2.0/.well-known/openid-configuration", seeded.tenant);
    let keys = send(&emulator, LOGIN, "GET", &path, "", None).text("jwks_uri").to_owned();
    let published = send(&emulator, LOGIN, "GET", keys.strip_prefix(LOGIN).unwrap(), "", None).json;
    let header = answer.text("access_token").split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(published["keys"][0]["kid"], header["kid"], "the key that signed is not published");
    let signed = crate::signing::Jwt::read(answer.text("access_token")).unwrap();
    assert!(signed.is_signed_under(&published), "the signature is not the key's");
}

#[test]
fn a_machine_names_an_identity_by_its_resource_and_takes_a_slash_at_the_end_of_the_path() {
    let emulator = emulator();
    let id = emulator.world(|world| {
        let id = world.register_application("machine");
        world.imds.user_assigned = vec![world.register_application("other"), id.clone()];
        id
    });
    let ask = |path: &str| {
        let request = Request::get(path).header("metadata", "true").body(Vec::new()).unwrap();
        read(emulator.serve("http://169.254.169.254", request))
    };
    let query = "api-version=2018-02-01&resource=2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";
    let resource = "/subscriptions/s/providers/Microsoft.ManagedIdentity/userAssignedIdentities/machine";
    let given = ask(&format!("/metadata/identity/oauth2/token/?{query}&msi_res_id={resource}"));
    assert_eq!((given.status, given.text("client_id")), (200, id.as_str()));
    let none = ask(&format!("/metadata/identity/oauth2/token?{query}&msi_res_id={resource}-2"));
    assert_eq!((none.status, none.text("error_description")), (400, "Identity not found"));
    let several = ask(&format!("/metadata/identity/oauth2/token?{query}"));
    assert!(several.text("error_description").starts_with("Multiple user assigned"), "{}", several.json);
}

#[test]
fn azure_devops_names_every_area_that_its_clients_look_for() {
    let emulator = emulator();
    let token = emulator.world(|world| world.seeded.devops_token.clone());
    let basic = STANDARD.encode(format!(":{token}"));
    for id in ["965220d5-5bb9-42cf-8d67-9b146df2a5a4", "1814ab31-2f4f-4a9f-8761-f4d77dc5a5d7"] {
        let request = Request::get(format!("/acme/_apis/ResourceAreas/{id}"))
            .header("authorization", format!("Basic {basic}"))
            .body(Vec::new())
            .unwrap();
        let area = read(emulator.serve(DEVOPS, request));
        assert_eq!((area.status, area.text("locationUrl")), (200, "https://dev.azure.com/acme/"));
    }
}

#[test]
fn the_record_of_requests_keeps_the_last_hundred_thousand() {
    let emulator = emulator();
    for number in 0..100_003 {
        let _ = emulator.serve(&format!("https://nowhere-{number}.example"), Request::new(Vec::new()));
    }
    let kept = emulator.requests();
    assert_eq!((kept.len(), kept[0].path.as_str()), (100_000, "https://nowhere-3.example"));
}
