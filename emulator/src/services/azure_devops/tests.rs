#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use base64::Engine as _;
use http::Request;
use serde_json::{Value, json};

use crate::{Emulator, GroupRole, Options};

const HOST: &str = "https://dev.azure.com";

fn emulator() -> (Emulator, String, u64) {
    let emulator = Emulator::in_process(&Options::default());
    let (token, group) = emulator.world(|world| {
        let token = world.add_devops_token("sam", GroupRole::Administrator, 86_400_000);
        let group = world.add_variable_group(
            "data",
            "tokens",
            &[("PLAIN", "one", false), ("TOKEN", "dapi-old", true), ("Other", "kept", true)],
        );
        (token, group)
    });
    (emulator, token, group)
}

fn send(
    emulator: &Emulator,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<Value>,
) -> (u16, Value, String) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!(":{token}"));
        request = request.header("authorization", format!("Basic {basic}"));
    }
    let request = request.body(body.map(|body| body.to_string().into_bytes()).unwrap_or_default()).unwrap();
    let response = emulator.serve(HOST, request);
    let text = String::from_utf8(response.body().clone()).unwrap();
    (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default(), text)
}

fn group_path(group: u64) -> String {
    format!("/acme/data/_apis/distributedtask/variablegroups/{group}?api-version=7.1")
}

fn put_path(group: u64) -> String {
    format!("/acme/_apis/distributedtask/variablegroups/{group}?api-version=7.1")
}

#[test]
fn a_put_deletes_what_it_leaves_out_and_a_null_keeps_a_secret() {
    let (emulator, token, group) = emulator();
    let (status, mut read, _) = send(&emulator, "GET", &group_path(group), Some(&token), None);
    assert_eq!((status, &read["variables"]["TOKEN"]), (200, &json!({"value": null, "isSecret": true})));

    read["variables"] =
        json!({"token": {"value": "dapi-new", "isSecret": true}, "Other": {"value": null, "isSecret": true}});
    let (status, written, _) = send(&emulator, "PUT", &put_path(group), Some(&token), Some(read.clone()));
    assert_eq!(status, 200);
    assert_ne!(written["modifiedOn"], read["modifiedOn"]);
    emulator.world(|world| {
        assert_eq!(world.variable_value(group, "TOKEN"), Some("dapi-new"));
        assert_eq!(world.variable_value(group, "other"), Some("kept"));
        assert_eq!(world.variable_value(group, "PLAIN"), None);
    });
}

#[test]
fn a_put_without_project_references_is_refused() {
    let (emulator, token, group) = emulator();
    let body = json!({"name": "tokens", "type": "Vsts", "variables": {}});
    let (status, refused, _) = send(&emulator, "PUT", &put_path(group), Some(&token), Some(body));
    assert_eq!(
        (status, refused["message"].as_str().unwrap()),
        (400, "Atleast one variable group project reference is required.")
    );
}

#[test]
fn a_put_at_the_project_is_not_known() {
    let (emulator, token, group) = emulator();
    assert_eq!(send(&emulator, "PUT", &group_path(group), Some(&token), Some(json!({}))).0, 405);
}

#[test]
fn a_stranger_is_shown_a_page_to_sign_in() {
    let (emulator, _, group) = emulator();
    assert_eq!(send(&emulator, "GET", &group_path(group), None, None).0, 302);
    let (status, _, page) = send(&emulator, "GET", &group_path(group), Some("wrong"), None);
    assert_eq!(status, 203);
    assert!(page.contains("Sign In"));
}

#[test]
fn a_reader_may_not_write() {
    let (emulator, _, group) = emulator();
    let token = emulator.world(|world| world.add_devops_token("reader", GroupRole::Reader, 1_000_000));
    let (_, read, _) = send(&emulator, "GET", &group_path(group), Some(&token), None);
    let (status, refused, _) = send(&emulator, "PUT", &put_path(group), Some(&token), Some(read));
    assert_eq!((status, refused["typeKey"].as_str().unwrap()), (403, "AccessDeniedException"));
}

#[test]
fn a_group_of_another_project_and_a_project_that_is_not_there_are_told_apart() {
    let (emulator, token, group) = emulator();
    let other = group_path(group).replace("/data/", "/platform/");
    let (status, refused, _) = send(&emulator, "GET", &other, Some(&token), None);
    assert_eq!((status, refused["typeKey"].as_str().unwrap()), (404, "VariableGroupNotFoundException"));
    let nowhere = group_path(group).replace("/data/", "/nowhere/");
    let (status, refused, _) = send(&emulator, "GET", &nowhere, Some(&token), None);
    assert_eq!((status, refused["typeKey"].as_str().unwrap()), (404, "ProjectDoesNotExistWithNameException"));
}

#[test]
fn a_group_is_found_by_its_name_in_any_case() {
    let (emulator, token, group) = emulator();
    let path = "/acme/data/_apis/distributedtask/variablegroups?groupName=TOKENS&api-version=7.1";
    let (_, found, _) = send(&emulator, "GET", path, Some(&token), None);
    assert_eq!((found["count"].as_u64(), found["value"][0]["id"].as_u64()), (Some(1), Some(group)));
}

#[test]
fn a_version_that_is_missing_or_unknown_is_refused() {
    let (emulator, token, group) = emulator();
    let bare = format!("/acme/_apis/distributedtask/variablegroups/{group}");
    let (status, refused, _) = send(&emulator, "PUT", &bare, Some(&token), Some(json!({})));
    assert_eq!((status, refused["typeKey"].as_str().unwrap()), (400, "VssVersionNotSpecifiedException"));
    let (status, refused, _) =
        send(&emulator, "PUT", &format!("{bare}?api-version=9.0"), Some(&token), Some(json!({})));
    assert_eq!((status, refused["typeKey"].as_str().unwrap()), (400, "VssVersionOutOfRangeException"));
}
