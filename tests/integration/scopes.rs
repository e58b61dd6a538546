//! What a credential may do: it neither breaks nor widens without its owner knowing.

use std::time::Duration;

use http::Request;
use lakekey_core::{Command, Phase};
use lakekey_emulator::{Autoscope, Pat, Rights, Seed};
use lakekey_tests::invariants;
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const DAY: Duration = Duration::from_secs(86_400);
const ROTATE: Command = Command::Rotate { force: false };
const FORCED: Command = Command::Rotate { force: true };
const WAREHOUSES: &str = "/api/2.0/sql/warehouses";
const SECRETS: &str = "/api/2.0/secrets/scopes/list";

fn provisioned(stage: Stage) -> Stage {
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    stage
}

/// Changes the PAT in use.
fn pat<T>(stage: &Stage, change: impl FnOnce(&mut Pat) -> T) -> T {
    stage.emulator.world(|world| {
        let tokens = &mut world.workspaces[0].tokens;
        change(tokens.iter_mut().rfind(|token| token.comment.contains("[lakekey ")).unwrap())
    })
}

/// Sends a GET with the PAT in use, and returns the status.
fn ask(stage: &Stage, path: &str) -> u16 {
    let origin = stage.emulator.world(|world| world.origins.workspace(0).to_owned());
    let token = pat(stage, |pat| pat.value.clone());
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    stage.emulator.serve(&origin, request.body(Vec::new()).unwrap()).status().as_u16()
}

fn rights(scopes: &[&str], autoscope: Autoscope) -> Rights {
    let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let held = (!scopes.is_empty()).then(|| scopes.clone());
    Rights { scopes: held, autoscope, used: scopes.into_iter().collect() }
}

fn with_policy(stage: Stage, policy: &Value) -> Stage {
    stage.target(|target| target["token"]["scopes"] = policy.clone())
}

/// Returns what was said of the new credential's scopes.
fn notes(ran: &Ran) -> Vec<String> {
    let of = |step: &&lakekey_core::StepReport| {
        step.step.as_str() == "create-token" && step.state.as_str() == "ok"
    };
    ran.first().steps.iter().filter(of).map(|step| step.message.clone()).collect()
}

/// The state of the one before, by policy: what the new one is given, a word of what is said of that, and
/// what it may still do a month later, if it has called warehouses alone: these, and secrets.
type Row = (Rights, Value, (Autoscope, Option<&'static str>), Option<&'static str>, [bool; 2]);

#[test]
fn what_the_one_before_was_able_to_do_and_the_policy_decide_what_the_new_one_may_do_for_good() {
    use Autoscope::{ApiNotCovered, Backfilled, Completed, Disabled, Running, Unsaid, UserSelected};
    let all = || Rights::everything();
    let (inherit, both) = (json!("inherit"), [true, true]);
    let sql = |autoscope| rights(&["sql"], autoscope);
    let table: [Row; 19] = [
        (all(), inherit.clone(), (Disabled, None), None, both),
        (sql(UserSelected), inherit.clone(), (UserSelected, Some("sql")), None, [true, false]),
        (
            sql(Completed),
            inherit.clone(),
            (UserSelected, Some("sql")),
            Some("Databricks chose"),
            [true, false],
        ),
        (
            sql(Backfilled),
            inherit.clone(),
            (UserSelected, Some("sql")),
            Some("Databricks chose"),
            [true, false],
        ),
        (Rights::watched(), inherit.clone(), (Running, None), Some("30 days begin anew"), [true, false]),
        (rights(&[], ApiNotCovered), inherit.clone(), (Disabled, None), Some("is not watched"), both),
        (rights(&[], Unsaid), inherit.clone(), (Disabled, None), Some("does not say"), both),
        (sql(Unsaid), inherit, (UserSelected, Some("sql")), Some("as they are listed"), [true, false]),
        (all(), json!("all"), (Disabled, None), None, both),
        (sql(Completed), json!("all"), (Disabled, None), None, both),
        (sql(UserSelected), json!("all"), (Disabled, None), None, both),
        (Rights::watched(), json!("all"), (Disabled, None), None, both),
        (all(), json!("auto"), (Running, None), None, [true, false]),
        (sql(UserSelected), json!("auto"), (Running, None), None, [true, false]),
        (Rights::watched(), json!("auto"), (Running, None), None, [true, false]),
        (all(), json!(["sql"]), (UserSelected, Some("sql")), None, [true, false]),
        (Rights::watched(), json!(["secrets"]), (UserSelected, Some("secrets")), None, [false, true]),
        (sql(Completed), json!(["secrets"]), (UserSelected, Some("secrets")), None, [false, true]),
        (sql(UserSelected), json!(["all-apis"]), (UserSelected, Some("all-apis")), None, both),
    ];
    for (before, policy, (state, scope), note, able) in table {
        let what = format!("{before:?} and {policy}");
        let stage = with_policy(provisioned(Stage::new()), &policy);
        pat(&stage, |pat| pat.rights = before);
        let foretold = Machine::new(&stage).dry_run(FORCED);
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{what}: {}", ran.output);
        let now = pat(&stage, |pat| pat.rights.clone());
        assert_eq!((now.autoscope, now.scopes), (state, scope.map(|scope| vec![scope.to_owned()])), "{what}");
        assert_eq!(notes(&foretold), notes(&ran), "{what}");
        assert_eq!(notes(&ran).len(), usize::from(note.is_some()), "{what}: {:?}", notes(&ran));
        assert!(note.is_none_or(|note| notes(&ran)[0].contains(note)), "{what}: {:?}", notes(&ran));
        let _ = ask(&stage, WAREHOUSES);
        stage.emulator.advance(DAY * 31);
        let still = [ask(&stage, WAREHOUSES), ask(&stage, SECRETS)].map(|status| status == 200);
        assert_eq!(still, able, "{what}, a month later");
    }
}

#[test]
fn a_state_that_nobody_knows_is_inherited_as_it_is_listed_and_a_list_that_cannot_be_read_is_not() {
    use lakekey_emulator::{Fault, FaultKind, Service};
    let answered = |state: &str, scopes: Value| {
        let stage = provisioned(Stage::new());
        let list = stage.emulator.world(|world| {
            let own = world.seeded.client_id.clone();
            let pats = world.workspaces[0].tokens.iter().filter(|pat| pat.owner == own);
            let infos: Vec<Value> = pats
                .map(|pat| {
                    json!({
                        "token_id": pat.id, "creation_time": pat.created_ms, "expiry_time": pat.expiry_ms,
                        "comment": pat.comment, "scopes": scopes, "autoscope_state": state,
                    })
                })
                .collect();
            json!({"token_infos": infos})
        });
        let mut fault = Fault::every(FaultKind::Status {
            status: 200,
            headers: [("content-type".to_owned(), "application/json".to_owned())].into(),
            body: list,
        });
        (fault.nth, fault.service) = (Some(1), Some(Service::Databricks));
        fault.path_contains = Some("/token/list".to_owned());
        stage.emulator.set_faults(vec![fault]);
        let ran = Machine::new(&stage).run(FORCED);
        (stage, ran)
    };
    let (stage, ran) = answered("AUTOSCOPE_STATE_HIBERNATING", json!(["sql"]));
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    assert!(notes(&ran)[0].contains("\"HIBERNATING\""), "{:?}", notes(&ran));
    assert_eq!(pat(&stage, |pat| pat.rights.scopes.clone()), Some(vec!["sql".to_owned()]));
    for (state, scopes) in [
        ("AUTOSCOPE_STATE_USER_SELECTED", json!([{"name": "sql"}])),
        ("AUTOSCOPE_STATE_USER_SELECTED", json!("sql")),
        // It was narrowed, and the list does not say to what: that is not everything.
        ("AUTOSCOPE_STATE_COMPLETED", json!([])),
        ("AUTOSCOPE_STATE_BACKFILLED", Value::Null),
    ] {
        let (stage, ran) = answered(state, scopes.clone());
        let error = ran.first().error.as_ref().unwrap();
        assert_eq!(error.code().as_str(), "reply-invalid", "{scopes}: {}", ran.output);
        assert_eq!(error.key(), Some("targets[0].token.scopes"));
        assert!(error.hint().contains("write targets[0].token.scopes: all, or a list"), "{}", error.hint());
        invariants::converged(&stage.emulator, 1, "unreadable");
    }
}

#[test]
fn a_workspace_that_knows_nothing_of_the_watching_is_not_told_of_it_and_that_is_reported() {
    let stage = Stage::new();
    stage.emulator.seed(Seed::LacksAutoscope { workspace: 0 }).unwrap();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    assert!(notes(&ran).iter().any(|note| note.contains("autoscope_enabled")), "{:?}", notes(&ran));
    let creations = ran.sent.iter().filter(|sent| sent.path == "/api/2.0/token/create").count();
    assert_eq!(creations, 2, "one more round trip");
    invariants::converged(&stage.emulator, 1, "an older workspace");
    let with_list = with_policy(stage, &json!(["sql"]));
    let ran = Machine::new(&with_list).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    assert_eq!(pat(&with_list, |pat| pat.rights.scopes.clone()), Some(vec!["sql".to_owned()]));
}

#[test]
fn a_pat_that_narrows_is_seen_by_every_command_that_looks_and_by_each_run_from_seven_days_before() {
    let stage = with_policy(provisioned(Stage::new()), &json!("auto"));
    assert_eq!(Machine::new(&stage).run(FORCED).outcome(), "rotated");
    ask(&stage, WAREHOUSES);
    stage.emulator.advance(DAY * 7);
    for command in [Command::Status, Command::Plan] {
        let ran = Machine::new(&stage).run(command);
        let held = ran.first().credential.as_ref().unwrap();
        let narrows = held.narrows.unwrap();
        assert_eq!(narrows.since(held.created), 30 * 86_400_000);
        assert_eq!(serde_json::to_value(&held.scopes).unwrap(), json!("all"));
        assert_eq!(held.scoping.as_deref(), Some("watched"));
        // What lakekey itself asks of a new PAT is seen as well.
        assert_eq!(held.inferred_scopes.as_deref().unwrap(), ["scim", "sql"]);
        let words = format!("narrows on {} (in 22 d) to [scim, sql]", narrows.day());
        assert!(held.may.as_ref().unwrap().contains(&words), "{:?}", held.may);
    }
    let told = Machine::new(&stage).run(Command::Doctor);
    let missing = |ran: &Ran| {
        let steps = ran.first().steps.iter();
        steps
            .filter(|step| step.message.contains("narrows on"))
            .map(|step| step.state.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(missing(&told), ["missing"]);
    let warned = |ran: &Ran| {
        ran.events.iter().any(|event| event.phase == Phase::Warning && event.message.contains("narrows on"))
    };
    assert!(!warned(&Machine::new(&stage).run(ROTATE)));
    stage.emulator.advance(DAY * 17);
    let ran = Machine::new(&stage).run(ROTATE);
    assert_eq!(ran.outcome(), "not-due");
    assert!(warned(&ran), "{}", ran.output);
    stage.emulator.advance(DAY * 7);
    let held = Machine::new(&stage).run(Command::Status).first().credential.clone().unwrap();
    assert_eq!(serde_json::to_value(&held.scopes).unwrap(), json!(["scim", "sql"]));
    assert!(held.may.unwrap().contains("Databricks has taken away"), "it has narrowed");
}

#[test]
fn the_day_of_the_last_use_and_the_end_of_90_idle_days_are_told_where_an_admin_is_at_hand() {
    let stage = provisioned(Stage::new());
    let created = pat(&stage, |pat| pat.created_ms);
    let day =
        |days: i64| lakekey_core::Timestamp::from_millisecond(created + days * 86_400_000).unwrap().day();
    stage.emulator.advance(DAY * 3);
    ask(&stage, WAREHOUSES);
    stage.emulator.advance(DAY * 10);
    let held = Machine::new(&stage).run(Command::Status).first().credential.clone().unwrap();
    assert_eq!((held.last_used, held.idle_until), (Some(day(3)), Some(day(93))));
    // Without an admin nobody knows.
    let alone = stage.fork().target(|target| drop(target.as_object_mut().unwrap().remove("admin")));
    let held = Machine::new(&alone).run(Command::Status).first().credential.clone().unwrap();
    assert_eq!((held.last_used, held.idle_until), (None, None));
    // An admin who is refused ends nothing.
    let mut refused = stage;
    refused.environment.0.insert("ADMIN_TOKEN_0".to_owned(), "dapi-wrong".to_owned());
    let ran = Machine::new(&refused).run(Command::Status);
    assert_eq!((ran.outcome(), ran.code()), ("ok", None), "{}", ran.output);
    assert!(ran.first().steps.iter().any(|step| step.state.as_str() == "not-checked"), "{}", ran.output);
}

#[test]
fn doctor_recommends_a_list_where_there_is_none_and_is_silent_where_there_is_one() {
    let advised = |stage: &Stage| {
        let ran = Machine::new(stage).run(Command::Doctor);
        ran.first()
            .steps
            .iter()
            .any(|step| step.hint.as_ref().is_some_and(|hint| hint.contains("token.scopes with a list")))
    };
    let stage = Stage::new();
    assert!(advised(&stage), "before the first");
    let stage = provisioned(stage);
    assert!(advised(&stage));
    assert!(!advised(&with_policy(stage, &json!(["sql"]))));
}
