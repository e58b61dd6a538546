#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use serde_json::json;

use crate::testing::{Answer, DATABRICKS_SCOPE, LOGIN, emulator, form, read, send, sign_in};
use crate::{Emulator, Spread, SpreadKind};

/// The fields of a form.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Signs in with the seeded application, some fields changed; an empty value leaves a field out.
fn attempt(emulator: &Emulator, tenant: Option<&str>, changes: &[(&str, &str)]) -> Answer {
    let seeded = emulator.world(|world| world.seeded.clone());
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", seeded.client_id.as_str()),
        ("client_secret", seeded.client_secret.as_str()),
        ("scope", DATABRICKS_SCOPE),
    ];
    let changed = |name: &str| changes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let mut sent: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (*name, changed(name).unwrap_or(value))).collect();
    sent.extend(changes.iter().filter(|(name, _)| !fields.iter().any(|(known, _)| known == name)));
    sent.retain(|(_, value)| !value.is_empty());
    form(emulator, LOGIN, &format!("/{}/oauth2/v2.0/token", tenant.unwrap_or(&seeded.tenant)), &sent)
}

fn refusal(answer: &Answer) -> (u16, &str, u64) {
    (answer.status, answer.text("error"), answer.json["error_codes"][0].as_u64().unwrap_or_default())
}

#[test]
fn a_right_secret_gets_a_token_for_one_resource() {
    let emulator = emulator();
    let answer = attempt(&emulator, None, &[]);
    assert_eq!(
        (answer.status, answer.text("token_type"), &answer.json["expires_in"]),
        (200, "Bearer", &json!(3599))
    );
    let vault = sign_in(&emulator, "https://vault.azure.net/.default");
    assert_ne!(answer.text("access_token"), vault);
    assert!(emulator.issued_secrets().contains(&vault));
}

#[test]
fn each_mistake_has_the_code_that_entra_gives_it() {
    let emulator = emulator();
    let cases: [(Fields, (u16, &str, u64)); 8] = [
        (&[("client_secret", "wrong")], (401, "invalid_client", 7_000_215)),
        (&[("client_secret", "")], (401, "invalid_client", 7_000_218)),
        (&[("client_id", "00000000-0000-0000-0000-000000000001")], (400, "unauthorized_client", 700_016)),
        (&[("scope", "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d")], (400, "invalid_scope", 1_002_012)),
        (&[("scope", "api://nobody/.default")], (400, "invalid_scope", 70_011)),
        (&[("scope", "")], (400, "invalid_request", 900_144)),
        (&[("grant_type", "password")], (400, "unsupported_grant_type", 70_003)),
        (&[("resource", "x")], (400, "invalid_request", 90_100)),
    ];
    for (changes, wanted) in cases {
        assert_eq!(refusal(&attempt(&emulator, None, changes)), wanted, "{changes:?}");
    }
    let tenant = attempt(&emulator, Some("00000000-0000-0000-0000-000000000002"), &[]);
    assert_eq!(refusal(&tenant), (400, "invalid_request", 90_002));
    assert!(
        tenant
            .text("error_description")
            .starts_with("AADSTS90002: Tenant '00000000-0000-0000-0000-000000000002' not found.")
    );
    assert!(tenant.text("error_description").contains("\r\nTrace ID: "));
}

#[test]
fn an_ended_secret_a_missing_principal_and_a_missing_resource_are_told_apart() {
    let emulator = emulator();
    emulator
        .world(|world| world.directory.missing_resources.push(crate::state::DATABRICKS_RESOURCE.to_owned()));
    assert_eq!(refusal(&attempt(&emulator, None, &[])), (400, "invalid_resource", 500_011));
    emulator.advance(Duration::from_secs(366 * 86_400));
    assert_eq!(refusal(&attempt(&emulator, None, &[])), (401, "invalid_client", 7_000_222));
    let client = emulator.world(|world| world.seeded.client_id.clone());
    emulator.world(|world| world.directory.service_principals.retain(|principal| principal.app_id != client));
    assert_eq!(refusal(&attempt(&emulator, None, &[])), (401, "invalid_client", 7_000_229));
}

#[test]
fn a_secret_that_has_not_propagated_is_refused_as_a_wrong_one() {
    let emulator = emulator();
    let (client, key) = emulator.world(|world| {
        let client = world.seeded.client_id.clone();
        let key = world.directory.application(&client).unwrap().secrets[0].key_id.clone();
        (client, key)
    });
    emulator.world(|world| {
        world.spread.set(SpreadKind::ClientSecret, Spread { ms: 4000, ..Spread::default() });
        world.spread.begin(SpreadKind::ClientSecret, &key, world.clock.now_ms());
    });
    assert_eq!(refusal(&attempt(&emulator, None, &[("client_id", &client)])).2, 7_000_215);
    emulator.advance(Duration::from_secs(4));
    assert_eq!(attempt(&emulator, None, &[]).status, 200);
}

#[test]
fn a_body_that_is_no_form_lacks_its_parameters() {
    let emulator = emulator();
    let tenant = emulator.world(|world| world.seeded.tenant.clone());
    let path = format!("/{tenant}/oauth2/v2.0/token");
    let answer = send(&emulator, LOGIN, "POST", &path, "", Some(json!({"grant_type": "client_credentials"})));
    assert_eq!(refusal(&answer), (400, "invalid_request", 900_144));
    let twice = http::Request::post(&path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(b"grant_type=client_credentials&grant_type=client_credentials".to_vec())
        .unwrap();
    assert_eq!(refusal(&read(emulator.serve(LOGIN, twice))).2, 9_000_411);
}
