#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use serde_json::{Value, json};

use crate::testing::{Answer, WORKSPACE, admin, emulator, principal, send};
use crate::{Autoscope, Emulator, Seed};

const DAY: Duration = Duration::from_secs(86_400);
const MONTHS: i64 = 90 * 86_400;
const WAREHOUSES: &str = "/api/2.0/sql/warehouses";
const SECRETS: &str = "/api/2.0/secrets/scopes/list";

fn create(emulator: &Emulator, body: Value) -> Answer {
    let token = principal(emulator);
    send(emulator, WORKSPACE, "POST", "/api/2.0/token/create", &token, Some(body))
}

fn get(emulator: &Emulator, path: &str, token: &str) -> Answer {
    send(emulator, WORKSPACE, "GET", path, token, None)
}

/// What the workspace says of a PAT.
fn info(emulator: &Emulator, id: &str) -> Value {
    get(emulator, &format!("/api/2.0/token-management/tokens/{id}"), &admin(emulator)).json["token_info"]
        .clone()
}

#[test]
fn a_pat_that_is_watched_keeps_after_thirty_days_what_it_was_seen_to_use() {
    let emulator = emulator();
    let made = create(&emulator, json!({"lifetime_seconds": MONTHS, "autoscope_enabled": true}));
    let (value, id) = (made.text("token_value"), made.json["token_info"]["token_id"].as_str().unwrap());
    assert_eq!(made.json["token_info"]["autoscope_state"], "AUTOSCOPE_STATE_RUNNING");
    assert_eq!(get(&emulator, WAREHOUSES, value).status, 200);
    emulator.advance(DAY * 29);
    assert_eq!(info(&emulator, id)["inferred_scopes"], json!(["sql"]));
    emulator.advance(DAY);
    assert_eq!(get(&emulator, WAREHOUSES, value).status, 200);
    let refused = get(&emulator, SECRETS, value);
    let words = "Provided token does not have required scopes: secrets";
    assert_eq!((refused.status, refused.text("message")), (403, words));
    let after = info(&emulator, id);
    assert_eq!(
        (&after["autoscope_state"], &after["scopes"]),
        (&json!("AUTOSCOPE_STATE_COMPLETED"), &json!(["sql"]))
    );
}

#[test]
fn what_is_said_at_the_creation_decides_whether_a_pat_is_watched() {
    for (body, state) in [
        (json!({"autoscope_enabled": false}), "AUTOSCOPE_STATE_DISABLED"),
        (json!({"autoscope_enabled": true}), "AUTOSCOPE_STATE_RUNNING"),
        (json!({"scopes": ["sql"]}), "AUTOSCOPE_STATE_USER_SELECTED"),
        (json!({"scopes": ["sql"], "autoscope_enabled": false}), "AUTOSCOPE_STATE_USER_SELECTED"),
        (json!({"lifetime_seconds": MONTHS}), "AUTOSCOPE_STATE_RUNNING"),
        (json!({"lifetime_seconds": 29 * 86_400}), "AUTOSCOPE_STATE_DISABLED"),
    ] {
        let made = create(&emulator(), body.clone());
        assert_eq!(made.json["token_info"]["autoscope_state"], state, "{body}");
    }
    assert_eq!(create(&emulator(), json!({"scopes": ["sql"], "autoscope_enabled": true})).status, 400);
}

#[test]
fn a_change_of_the_scopes_ends_the_watching_for_good() {
    let emulator = emulator();
    let made = create(&emulator, json!({"lifetime_seconds": MONTHS, "autoscope_enabled": true}));
    let id = made.json["token_info"]["token_id"].as_str().unwrap();
    let body = json!({"token": {"scopes": ["sql"]}, "update_mask": "scopes"});
    let token = principal(&emulator);
    let path = format!("/api/2.0/token/{id}");
    assert_eq!(send(&emulator, WORKSPACE, "PATCH", &path, &token, Some(body)).status, 200);
    emulator.advance(DAY * 31);
    assert_eq!(info(&emulator, id)["autoscope_state"], "AUTOSCOPE_STATE_USER_SELECTED");
}

#[test]
fn older_pats_are_narrowed_by_their_history_and_chosen_ones_are_left() {
    let emulator = emulator();
    let owner = emulator.world(|world| world.workspaces[0].members[0].name.clone());
    let seed = |scopes: &[&str], autoscope| Seed::Pat {
        workspace: 0,
        owner: owner.clone(),
        comment: String::new(),
        lifetime_seconds: None,
        created_by: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        autoscope,
    };
    let made = |seed| emulator.seed(seed).unwrap()["token"].as_str().unwrap().to_owned();
    let old = made(seed(&["sql"], Some(Autoscope::Disabled)));
    let chosen = made(seed(&["secrets"], None));
    let unwatched = made(seed(&[], None));
    assert_eq!([&old, &unwatched].map(|token| get(&emulator, SECRETS, token).status), [200, 200]);
    emulator.world(|world| {
        let pat = world.workspaces[0].tokens.iter_mut().find(|pat| pat.value == old).unwrap();
        pat.rights.used.remove("secrets");
    });
    emulator.seed(Seed::NarrowByHistory { workspace: 0 }).unwrap();
    assert_eq!(get(&emulator, WAREHOUSES, &old).status, 200);
    assert_eq!(get(&emulator, SECRETS, &old).status, 403);
    assert_eq!(info(&emulator, &crate::state::token_id(&old))["backfill_scopes"], json!(["sql"]));
    let state = |token: &str| info(&emulator, &crate::state::token_id(token))["autoscope_state"].clone();
    assert_eq!(state(&chosen), "AUTOSCOPE_STATE_USER_SELECTED");
    assert_eq!(get(&emulator, SECRETS, &unwatched).status, 200);
}

#[test]
fn every_state_can_be_seeded_and_an_older_workspace_says_none() {
    let emulator = emulator();
    let owner = emulator.world(|world| world.workspaces[0].members[0].name.clone());
    for state in [
        Autoscope::Running,
        Autoscope::Completed,
        Autoscope::Backfilled,
        Autoscope::UserSelected,
        Autoscope::Disabled,
        Autoscope::ApiNotCovered,
        Autoscope::Unsaid,
    ] {
        let seed = Seed::Pat {
            workspace: 0,
            owner: owner.clone(),
            comment: String::new(),
            lifetime_seconds: None,
            created_by: None,
            scopes: vec!["sql".to_owned()],
            autoscope: Some(state),
        };
        let made = emulator.seed(seed).unwrap();
        let id = crate::state::token_id(made["token"].as_str().unwrap());
        assert_eq!(info(&emulator, &id)["autoscope_state"].as_str(), state.as_str(), "{state:?}");
    }
    emulator.seed(Seed::LacksAutoscope { workspace: 0 }).unwrap();
    assert_eq!(create(&emulator, json!({"autoscope_enabled": false})).status, 400);
    let made = create(&emulator, json!({}));
    assert_eq!((made.status, &made.json["token_info"]["autoscope_state"]), (200, &Value::Null));
}

#[test]
fn the_scopes_that_there_are_can_be_listed() {
    let emulator = emulator();
    let listed = get(&emulator, "/api/2.0/token-scopes", &admin(&emulator));
    let names: Vec<&str> = listed.json["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|scope| scope["name"].as_str().unwrap())
        .collect();
    assert!(["all-apis", "authentication", "sql"].iter().all(|scope| names.contains(scope)), "{names:?}");
}
