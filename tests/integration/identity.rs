//! Nothing is done or said with a sign-in before it is known to be the principal's.

use std::time::Duration;

use lakekey_core::{Command, Revocation};
use lakekey_emulator::{Fault, FaultKind, Member, MemberKind, Seed, Service};
use lakekey_tests::invariants::{self, Others};
use lakekey_tests::machine::{Machine, Ran};
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

use crate::principals::{databricks, with_client_secret, with_delivered};

const DAY: Duration = Duration::from_secs(86_400);
const FORCED: Command = Command::Rotate { force: true };
const DATABRICKS: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d";

fn provisioned() -> Stage {
    let stage = Stage::new();
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    stage.emulator.advance(DAY);
    stage
}

/// Has somebody else sign in in the principal's place; nobody stands in for the principal.
fn signed_in_by(stage: Stage, auth: Value) -> Stage {
    stage.target(|target| {
        target["auth"] = auth;
        drop(target.as_object_mut().unwrap().remove("admin"));
    })
}

/// A person who is signed in at the machine, and who has PATs in the workspace.
fn a_person(stage: Stage) -> Stage {
    let person = stage.emulator.world(|world| {
        world.workspaces[0].members.iter().find(|m| m.name.starts_with("ana@")).unwrap().name.clone()
    });
    handed_over(stage, String::new(), Some(person))
}

/// Has the principal sign in with an access token that somebody has handed over.
pub(crate) fn handed_over(mut stage: Stage, client_id: String, user: Option<String>) -> Stage {
    let token = stage.emulator.seed(Seed::AccessToken {
        client_id,
        user,
        audience: DATABRICKS.to_owned(),
        roles: Vec::new(),
        lifetime_seconds: None,
    });
    let token = token.unwrap()["access-token"].as_str().unwrap().to_owned();
    stage.environment.0.insert("SOMEBODY".to_owned(), token);
    signed_in_by(stage, json!({"type": "access-token", "token": {"env": "SOMEBODY"}}))
}

/// Another application that may use tokens in the same workspace, and has some.
fn another_application(stage: Stage) -> Stage {
    let (other, secret) = stage.emulator.world(|world| {
        let other = world.register_application("another");
        let secret = world.add_client_secret(&other, 86_400_000);
        (other, secret)
    });
    let seed = |seed| stage.emulator.seed(seed).unwrap();
    let (application_id, display_name) = (other.clone(), None);
    seed(Seed::Principal {
        workspace: 0,
        application_id,
        display_name,
        groups: Vec::new(),
        entitlements: None,
    });
    seed(Seed::TokenPermission { workspace: 0, service_principal_name: other.clone() });
    seed(Seed::pat(
        other.clone(),
        "[lakekey target=catalog-prod op=abc phase=active]".to_owned(),
        Some(86_400 * 90),
    ));
    let mut stage = stage;
    stage.environment.0.insert("SOMEBODY".to_owned(), secret);
    let auth =
        json!({"type": "azure-client-secret", "client-id": other, "client-secret": {"env": "SOMEBODY"}});
    signed_in_by(stage, auth)
}

/// The identity of a machine that is not the principal's.
fn a_machine(stage: Stage) -> Stage {
    stage.emulator.world(|world| {
        let other = world.register_application("machine");
        world.imds.system_assigned = Some(other);
    });
    let other = stage.emulator.world(|world| world.imds.system_assigned.clone().unwrap());
    let seed = Seed::principal(other);
    stage.emulator.seed(seed).unwrap();
    signed_in_by(stage, json!({"type": "azure-msi"}))
}

fn tokens(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let tokens = world.workspaces[0].tokens.iter();
        tokens.map(|token| format!("{} {} {}", token.owner, token.id, token.comment)).collect()
    })
}

#[test]
fn whoever_else_signs_in_is_told_so_by_every_command_and_nothing_is_done() {
    for somebody in [a_person, another_application, a_machine] {
        let stage = somebody(provisioned());
        let (tokens_before, others) = (tokens(&stage), stage.emulator.world(|world| Others::of(world)));
        for command in [
            FORCED,
            Command::Rotate { force: false },
            Command::Status,
            Command::Plan,
            Command::Doctor,
            Command::Revoke(Revocation::All),
            Command::Revoke(Revocation::Superseded),
        ] {
            let stage = stage.fork();
            let name = command.name();
            let ran = Machine::new(&stage).run(command);
            assert_eq!(ran.code(), Some("wrong-principal"), "{name}: {}", ran.output);
            assert_eq!((ran.first().credential.as_ref(), ran.writes()), (None, Vec::new()), "{name}");
            let error = ran.first().error.as_ref().unwrap();
            assert_eq!((error.step().as_str(), error.key()), ("sign-in", Some("targets[0].auth")), "{name}");
            assert_eq!(tokens(&stage), tokens_before, "{name}");
            assert_eq!(stage.emulator.world(|world| Others::of(world)), others, "{name}");
        }
    }
}

#[test]
fn whoever_else_signs_in_is_told_so_by_a_provisioning_too() {
    let stage = Stage::new();
    let with_admin = stage.document["targets"][0]["admin"].clone();
    let stage = another_application(stage).target(|target| target["admin"] = with_admin);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("wrong-principal"), "{}", ran.output);
    assert!(!ran.writes().iter().any(|write| write.contains("/token/")), "{:?}", ran.writes());
}

#[test]
fn a_principal_that_may_not_ask_who_it_is_is_known_by_the_claims_of_its_token() {
    let stage = provisioned();
    stage.emulator.world(|world| {
        let own = world.seeded.client_id.clone();
        world.workspaces[0].refuses_me.push(own);
    });
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "claims");
    // The claims of somebody else's token decide too.
    let stage = another_application(stage);
    stage.emulator.world(|world| {
        let all = world.workspaces[0].members.iter().map(|member| member.name.clone()).collect();
        world.workspaces[0].refuses_me = all;
    });
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.code(), ran.writes()), (Some("wrong-principal"), Vec::new()), "{}", ran.output);
}

#[test]
fn where_neither_the_workspace_nor_the_token_says_it_the_run_stops() {
    let stage = provisioned();
    let client = stage.emulator.world(|world| {
        let own = world.seeded.client_id.clone();
        world.workspaces[0].refuses_me.push(own.clone());
        own
    });
    // A token that somebody has handed over proves nothing by what it says of itself.
    let stage = handed_over(stage, client, None);
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.code(), ran.writes()), (Some("identity-unknown"), Vec::new()), "{}", ran.output);
}

/// Answers the question of the sign-in with a refusal.
fn refused(words: &str) -> Ran {
    let stage = provisioned();
    let body = json!({"error_code": "PERMISSION_DENIED", "message": words});
    let mut fault = Fault::every(FaultKind::Status { status: 403, body, headers: [].into() });
    (fault.service, fault.path_contains) = (Some(Service::Databricks), Some("/scim/v2/Me".to_owned()));
    stage.emulator.set_faults(vec![fault]);
    Machine::new(&stage).run(FORCED)
}

#[test]
fn a_refusal_of_the_question_that_names_its_cause_is_that_refusal() {
    for (words, code) in [
        (
            "This API is disabled for users without the workspace-access entitlement.",
            Some("entitlement-missing"),
        ),
        ("Provided access token does not have required scopes: scim", Some("scope-missing")),
        ("Unauthorized network access to workspace: 1", Some("network-refused")),
        (
            "Source IP address: 203.0.113.9 is blocked by Databricks IP ACL for workspace: 1",
            Some("ip-access-list"),
        ),
        ("Invalid access token.", Some("credential-invalid")),
        ("Unauthorized access to workspace: 1", Some("principal-not-in-workspace")),
        // Any other says that the principal may not ask; its token then tells.
        ("You may not do that.", None),
    ] {
        let ran = refused(words);
        assert_eq!(ran.code(), code, "{words}: {}", ran.output);
    }
}

#[test]
fn a_pat_that_may_not_say_whose_it_is_is_known_by_its_id_in_the_principals_list() {
    for change in
        [json!({"scopes": ["sql"]}), json!({"scopes": ["clusters"], "verify-path": "/api/2.0/clusters/list"})]
    {
        let stage = provisioned().target(|target| {
            target["token"]["scopes"] = change["scopes"].clone();
        });
        let ran = Machine::new(&stage).run(FORCED);
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    }
}

#[test]
fn a_page_in_place_of_an_answer_is_no_proof_of_a_new_pat() {
    let stage =
        provisioned().target(|target| target["token"]["verify-path"] = json!("/api/2.0/clusters/list"));
    let mut fault = Fault::every(FaultKind::Html);
    (fault.service, fault.path_contains) = (Some(Service::Databricks), Some("/clusters/list".to_owned()));
    stage.emulator.set_faults(vec![fault]);
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!(ran.code(), Some("verification-failed"), "{}", ran.output);
    invariants::converged(&stage.emulator, 1, "a page");
}

#[test]
fn a_definite_refusal_of_a_new_pat_is_told_at_once_and_names_what_to_change() {
    let stage =
        provisioned().target(|target| target["token"]["verify-path"] = json!("/api/2.0/clusters/list"));
    let body = json!({"error_code": "PERMISSION_DENIED", "message": "This cluster is not yours."});
    let mut fault = Fault::every(FaultKind::Status { status: 403, body, headers: [].into() });
    (fault.service, fault.path_contains) = (Some(Service::Databricks), Some("/clusters/list".to_owned()));
    stage.emulator.set_faults(vec![fault]);
    let before = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(FORCED);
    let error = ran.first().error.as_ref().unwrap();
    assert_eq!(error.code().as_str(), "verification-failed", "{}", ran.output);
    assert_eq!(error.key(), Some("targets[0].token.verify-path"));
    assert!(stage.emulator.now_ms() - before < 10_000, "nothing was waited for");
    invariants::converged(&stage.emulator, 1, "refused");
}

#[test]
fn a_wrong_secret_fails_at_once_although_something_else_was_made() {
    let mut stage = Stage::new();
    stage.environment.0.insert("CLIENT_SECRET".to_owned(), "abc8Q~of-another-application".to_owned());
    let before = stage.emulator.now_ms();
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("client-secret-wrong"), "{}", ran.output);
    assert!(stage.emulator.now_ms() - before < 10_000, "nothing was waited for");
}

/// Names the principal by its name alone.
fn by_name(stage: Stage) -> Stage {
    stage.target(|target| {
        let own = target["principal"].as_object_mut().unwrap();
        drop(own.remove("client-id"));
    })
}

#[test]
fn a_name_leads_to_the_one_principal_that_bears_it_exactly() {
    let stage = provisioned();
    let member = |name: &str, id: u64| Member {
        id,
        name: format!("00000000-0000-0000-0000-00000000000{}", id % 10),
        kind: MemberKind::ServicePrincipal,
        display_name: name.to_owned(),
        active: true,
        entitlements: Vec::new(),
        groups: Vec::new(),
        external_id: None,
    };
    // The workspace compares without regard to letter case.
    stage.emulator.world(|world| world.workspaces[0].members.push(member("Catalog-Prod", 901)));
    let stage = by_name(stage);
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    stage.emulator.world(|world| world.workspaces[0].members.push(member("catalog-prod", 902)));
    for command in [FORCED, Command::Status, Command::Provision] {
        let ran = Machine::new(&stage).run(command);
        assert_eq!((ran.code(), ran.writes()), (Some("identity-ambiguous"), Vec::new()), "{}", ran.output);
    }
}

#[test]
fn a_name_that_nobody_may_look_up_is_compared_with_that_of_the_sign_in() {
    let stage = provisioned();
    let client = stage.emulator.world(|world| world.seeded.client_id.clone());
    let auth = json!({"type": "azure-client-secret", "client-id": client,
        "client-secret": {"env": "CLIENT_SECRET"}});
    let stage = by_name(signed_in_by(stage, auth));
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    let stage = stage.target(|target| target["principal"]["display-name"] = json!("another"));
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.code(), ran.writes()), (Some("wrong-principal"), Vec::new()), "{}", ran.output);
}

#[test]
fn a_target_that_does_not_say_whose_credentials_it_is_about_is_refused_before_anything_is_sent() {
    let stage = Stage::new().target(|target| {
        target["principal"] = json!({});
        target["auth"] = json!({"type": "azure-msi"});
    });
    for command in [FORCED, Command::Status, Command::Plan, Command::Provision] {
        let error = Machine::new(&stage).refused(command);
        assert_eq!(
            (error.code().as_str(), error.key()),
            ("config-missing-key", Some("targets[0].principal.client-id"))
        );
    }
}

#[test]
fn ids_are_sent_in_lower_case_however_they_are_written() {
    let stage = provisioned().target(|target| {
        for key in ["client-id", "tenant-id"] {
            let id = target["principal"][key].as_str().unwrap().to_ascii_uppercase();
            target["principal"][key] = json!(id);
        }
    });
    let id = stage.document["targets"][0]["principal"]["client-id"].as_str().unwrap().to_owned();
    for command in [FORCED, Command::Doctor, Command::Provision] {
        let ran = Machine::new(&stage).run(command);
        assert_eq!(ran.code(), None, "{}", ran.output);
        assert!(!ran.sent.iter().any(|sent| sent.path.contains(&id)), "sent as it was written");
    }
}

#[test]
fn an_application_that_bears_the_name_and_that_lakekey_did_not_make_is_described_and_left_alone() {
    let stage = Stage::new();
    stage.emulator.world(|world| {
        let own = world.seeded.client_id.clone();
        let owner = world.directory.service_principals[0].object_id.clone();
        world.directory.application_mut(&own).unwrap().owners.push(owner);
    });
    let stage = by_name(stage).with_directory();
    for command in [Command::Provision, Command::Plan] {
        let ran = Machine::new(&stage).run(command);
        let error = ran.first().error.clone().unwrap();
        assert_eq!((ran.code(), ran.writes()), (Some("application-not-ours"), Vec::new()), "{}", ran.output);
        let words = error.message();
        let id = stage.emulator.world(|world| world.seeded.client_id.clone());
        assert!(words.contains(&id) && words.contains("its owners are"), "{words}");
        assert!(words.contains("1 client secrets and 0 federated credentials"), "{words}");
    }
    // Named by its id it is used.
    let id = stage.emulator.world(|world| world.seeded.client_id.clone());
    let named = stage.clone().target(|target| target["principal"]["client-id"] = json!(id));
    let ran = Machine::new(&named).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
    // In the workspace by now, it is still not taken by its name.
    let ran = Machine::new(&stage).run(FORCED);
    assert_eq!((ran.code(), ran.writes()), (Some("application-not-ours"), Vec::new()), "{}", ran.output);
}

#[test]
fn a_plan_and_a_dry_run_say_who_has_signed_in_even_where_something_is_missing() {
    let stage = provisioned();
    let admin = stage.document["targets"][0]["admin"].clone();
    let stage = a_person(stage).target(|target| target["admin"] = admin);
    stage.emulator.world(|world| world.workspaces[0].grants.clear());
    for command in [Command::Plan, Command::Provision] {
        let ran = Machine::new(&stage).dry_run(command);
        let codes: Vec<_> = ran.report.as_ref().unwrap().targets.iter().map(|t| t.error.as_ref()).collect();
        assert!(codes.iter().flatten().any(|e| e.code().as_str() == "wrong-principal"), "{}", ran.output);
        assert_eq!(ran.report.as_ref().unwrap().exit_status(), 1, "{}", ran.output);
    }
}

#[test]
fn a_fresh_secret_is_written_by_the_principal_alone_whatever_its_kind() {
    for kind in ["client-secret", "oauth-secret"] {
        let secret = format!("CATALOG_{}", kind.to_ascii_uppercase().replace('-', "_"));
        let stage = if kind == "client-secret" { with_client_secret() } else { databricks() };
        let provisioned = Machine::new(&stage).run(Command::Provision);
        assert_eq!(provisioned.code(), None, "{}", provisioned.output);
        let mut stage = with_delivered(stage, &secret);
        let (other, value) = stage.emulator.world(|world| {
            let other = world.register_application("another");
            let value = world.add_client_secret(&other, 400 * 86_400_000);
            world.allow_in_vaults(&other, &["get", "list", "set"]);
            (other, value)
        });
        let somebody = Seed::Principal {
            workspace: 0,
            application_id: other.clone(),
            display_name: None,
            groups: vec!["admins".to_owned()],
            entitlements: None,
        };
        stage.emulator.seed(somebody).unwrap();
        stage.environment.0.insert("SOMEBODY".to_owned(), value);
        for place in [
            json!({"type": "key-vault", "vault": "https://acme.vault.azure.net", "secret": "fresh"}),
            json!({"type": "databricks-secret", "scope": "integrations", "key": "fresh"}),
        ] {
            let stage = stage.fork().target(|target| {
                target["auth"] = json!({"type": "azure-client-secret", "client-id": other,
                    "client-secret": {"env": "SOMEBODY"}});
                target["deliver"] = json!([]);
                target[kind]["deliver"].as_array_mut().unwrap().push(place.clone());
            });
            for command in [Command::Status, Command::Rotate { force: true }, Command::Plan] {
                let ran = Machine::new(&stage.fork()).seed(3).run(command);
                let what = format!("{kind} {place}: {}", ran.output);
                assert!(ran.output.contains("wrong-principal"), "{what}");
                let written = |write: &&String| write.contains("fresh") || write.contains("/secrets/put");
                assert_eq!(ran.writes().iter().find(written), None, "{what}");
                assert!(ran.first().revoked.is_empty(), "{what}");
            }
        }
    }
}
