//! A Databricks principal needs no secret either: provisioning makes its federation policy.

use lakekey_core::{Command, State};
use lakekey_emulator::{Seed, Spread, SpreadKind};
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use serde_json::{Value, json};

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// A stage for a Databricks principal that does not exist yet, in the job of a workflow, administered by an
/// application that is an admin of the workspace, and of the account where that is said.
fn stage(of_account: bool) -> Stage {
    let mut stage = Stage::new();
    let (id, secret, variables) = stage.emulator.world(|world| {
        world.oidc.actions.environment = Some("rotation".to_owned());
        let (id, secret) = match of_account {
            true => (world.seeded.account_client_id.clone(), world.seeded.account_client_secret.clone()),
            false => {
                let id = world.register_application("workspace-admin");
                (id.clone(), world.add_client_secret(&id, 86_400_000))
            }
        };
        (id, secret, world.actions_environment())
    });
    let admin = Seed::Principal {
        workspace: 0,
        application_id: id.clone(),
        display_name: None,
        groups: vec!["admins".to_owned()],
        entitlements: None,
    };
    stage.emulator.seed(admin).unwrap();
    stage.environment.0.insert("ADMIN".to_owned(), secret);
    stage.environment.0.extend(variables);
    let tenant = stage.emulator.world(|world| world.seeded.tenant.clone());
    stage.target(|target| {
        target["principal"] = json!({"kind": "databricks", "display-name": "lake-reader"});
        target["auth"] = json!({"type": "github-oidc"});
        target["admin"] = json!({"type": "azure-client-secret", "tenant-id": tenant, "client-id": id,
            "client-secret": {"env": "ADMIN"}});
        target["federated-credential"] = json!({"repository": "acme/data", "environment": "rotation"});
    })
}

/// Returns what the policies trust: issuer, subject, audiences.
fn policies(stage: &Stage) -> Vec<(String, String, Vec<String>)> {
    stage.emulator.world(|world| {
        let all = world.oidc.policies.iter();
        all.map(|it| (it.issuer.clone(), it.subject.clone(), it.audiences.clone())).collect()
    })
}

#[test]
fn from_nothing_to_a_delivered_pat_of_a_databricks_principal_that_has_no_secret() {
    for (ids, subject) in [
        (false, "repo:acme/data:environment:rotation"),
        (true, "repo:acme@1001/data@900000001:environment:rotation"),
    ] {
        let stage = stage(true);
        stage.emulator.world(|world| {
            world.oidc.actions.ids_in_subject = ids;
            let slow = Spread { ms: 110_000, ..Spread::default() };
            world.spread.set(SpreadKind::FederationPolicy, slow);
        });
        let planned = Machine::new(&stage).dry_run(Command::Provision);
        let words = format!("make it trust {subject}, by a federation policy");
        assert!(planned.output.contains(&words), "{}", planned.output);
        assert_eq!(policies(&stage), []);
        let ran = Machine::new(&stage).run(Command::Provision);
        assert_eq!((ran.outcome(), ran.code()), ("provisioned", None), "{}", ran.output);
        let audience = stage.emulator.world(|world| format!("{}/oidc/v1/token", world.origins.workspace(0)));
        assert_eq!(policies(&stage), [(GITHUB.to_owned(), subject.to_owned(), vec![audience])]);
        let account = stage.emulator.world(|world| world.account.principals.len());
        assert!(
            stage.emulator.world(|world| world.account.principals.iter().all(|it| it.secrets.is_empty()))
        );
        let again = Machine::new(&stage).run(Command::Provision);
        assert_eq!((again.outcome(), again.writes()), ("ok", Vec::new()), "{}", again.output);
        assert_eq!(stage.emulator.world(|world| world.account.principals.len()), account);
        let doctor = Machine::new(&stage).run(Command::Doctor);
        let fine = doctor.first().steps.iter().find(|step| step.message.contains("trusts what is sent"));
        assert_eq!(fine.map(|step| step.state), Some(State::Ok), "{}", doctor.output);
        let ran = Machine::new(&stage).run(Command::Rotate { force: true });
        assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    }
}

#[test]
fn a_run_outlives_the_five_minutes_of_a_token_that_an_assertion_has_brought() {
    let stage = stage(true).target(|target| target["token"]["verify-within"] = json!("20m"));
    assert_eq!(Machine::new(&stage).run(Command::Provision).outcome(), "provisioned");
    let late = Spread { ms: 400_000, ..Spread::default() };
    stage.emulator.world(|world| world.spread.set(SpreadKind::Pat, late));
    let ran = Machine::new(&stage).run(Command::Rotate { force: true });
    assert_eq!((ran.outcome(), ran.code()), ("rotated", None), "{}", ran.output);
    let signed_in = ran.sent.iter().filter(|sent| sent.path == "/oidc/v1/token").count();
    assert!(signed_in > 1, "the token was not renewed");
    assert_eq!(ran.first().revoked.len(), 1, "{}", ran.output);
}

#[test]
fn who_is_no_admin_of_the_account_is_told_so_before_anything_is_made() {
    let by_pat = stage(true).target(|target| {
        target["admin"] = json!({"type": "pat", "token": {"env": "ADMIN_TOKEN_0"}});
    });
    for (stage, words) in [(stage(false), ""), (by_pat, "the sign-in of an account admin")] {
        for ran in
            [Machine::new(&stage).dry_run(Command::Provision), Machine::new(&stage).run(Command::Provision)]
        {
            assert_eq!(ran.code(), Some("account-admin-required"), "{}", ran.output);
            assert!(ran.first().error.as_ref().unwrap().hint().contains(words), "{}", ran.output);
            assert!(ran.writes().is_empty(), "{}", ran.output);
        }
        let doctor = Machine::new(&stage).run(Command::Doctor);
        let told =
            doctor.first().steps.iter().find(|it| it.step.as_str() == "make-federation-policy").unwrap();
        assert_eq!(told.state, State::Unknown, "{}", doctor.output);
    }
}

#[test]
fn a_policy_that_another_hand_has_made_is_found_and_one_in_the_way_is_left_alone() {
    let trusts = |stage: &Stage, subject: &str, audiences: &[&str]| {
        let client =
            stage.emulator.world(|world| world.account.principals.last().unwrap().application_id.clone());
        stage.emulator.world(|world| {
            world.oidc.policies.clear();
            world.add_federation_policy(&client, GITHUB, subject, audiences);
        });
    };
    let stage = stage(true);
    let _ = Machine::new(&stage).run(Command::Provision);
    let own = policies(&stage)[0].1.clone();
    let audience = policies(&stage)[0].2[0].clone();
    trusts(&stage, &own, &["another", &audience]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!((ran.outcome(), ran.writes()), ("ok", Vec::new()), "{}", ran.output);
    // One for another audience does not do.
    trusts(&stage, &own, &["another"]);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert!(ran.writes()[0].contains("/federationPolicies?policy_id=lakekey-"), "{:?}", ran.writes());
    // The id that it would have is taken by one that says something else.
    stage.emulator.world(|world| {
        let held = world.oidc.policies.last_mut().unwrap();
        held.subject = "somebody".to_owned();
    });
    let before = policies(&stage);
    let ran = Machine::new(&stage).run(Command::Provision);
    assert_eq!(ran.code(), Some("federation-policy-mismatch"), "{}", ran.output);
    assert!(ran.first().error.as_ref().unwrap().message().contains("subject \"somebody\""), "{}", ran.output);
    assert_eq!(policies(&stage), before);
}

#[test]
fn the_audience_is_that_of_the_configuration_of_the_sign_in_or_of_the_account() {
    let account = stage(true).emulator.world(|world| world.account.id.clone());
    let devops: Value = json!({"type": "azure-devops-oidc"});
    for (auth, audience, expected) in [
        (json!({"type": "github-oidc"}), json!("api://mine"), "api://mine".to_owned()),
        (json!({"type": "github-oidc", "audience": "api://own"}), json!(null), "api://own".to_owned()),
        (devops, json!(null), "api://AzureADTokenExchange".to_owned()),
        (json!({"type": "env-oidc", "variable": "T"}), json!(null), account),
    ] {
        let stage = stage(true).target(|target| {
            target["auth"] = auth.clone();
            if !audience.is_null() {
                target["federated-credential"]["audience"] = audience;
            }
        });
        let mut stage = stage;
        stage.environment.0.insert("T".to_owned(), "no-token".to_owned());
        let _ = Machine::new(&stage).run(Command::Provision);
        assert_eq!(policies(&stage)[0].2, [expected], "{auth}");
    }
}
