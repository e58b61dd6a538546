//! Provisioning from nothing, disturbed at every request in every way.

use lakekey_core::Command;
use lakekey_tests::disturbance::Disturbance;
use lakekey_tests::invariants;
use lakekey_tests::machine::Machine;
use lakekey_tests::stage::Stage;
use lakekey_tests::wire::Aim;

use crate::principals::{
    DAY, NAME, applications, client_secrets, databricks, delivered, federated, oauth_secrets, own_pats,
    with_client_secret,
};

/// Describes what belongs to others than the principal that is made: applications, members and grants.
fn strangers(stage: &Stage) -> Vec<String> {
    stage.emulator.world(|world| {
        let workspace = &world.workspaces[0];
        let own: Vec<&str> = world
            .directory
            .applications
            .iter()
            .filter(|a| a.display_name == NAME)
            .map(|a| a.app_id.as_str())
            .chain(workspace.members.iter().filter(|m| m.display_name == NAME).map(|m| m.name.as_str()))
            .collect();
        let applications = world.directory.applications.iter().filter(|a| a.display_name != NAME);
        let members = workspace.members.iter().filter(|m| m.display_name != NAME);
        let grants = workspace.grants.iter().map(|grant| format!("{grant:?}"));
        applications
            .map(|a| format!("{} {} {}", a.app_id, a.secrets.len(), a.federated.len()))
            .chain(members.map(|m| format!("{} {:?}", m.name, m.entitlements)))
            .chain(grants.filter(|grant| !own.iter().any(|id| grant.contains(id))))
            .collect()
    })
}

/// Disturbs every request of a provisioning from nothing in every way; then provisions again.
fn disturbed(prepared: &Stage, secret: Option<&str>, settled: &dyn Fn(&Stage, &str)) -> usize {
    let command = &Command::Provision;
    let alone = Machine::new(&prepared.fork()).run(command.clone()).sent;
    let mut tried = 0;
    for (at, sent) in alone.iter().enumerate() {
        for disturbance in Disturbance::all(sent.method == "GET") {
            let mut stage = prepared.fork();
            let what = format!("{} {}{} ({at}) {disturbance:?}", sent.method, sent.origin, sent.path);
            let others = strangers(&stage);
            let aim = Aim { at, disturbance, lasting: false };
            let ran = Machine::new(&stage)
                .disturbed(aim)
                .watched(invariants::never_without(&what))
                .run(command.clone());
            invariants::silent(&stage.emulator, &ran, &what);
            stage.emulator.advance(DAY);
            // The next run finds in its environment what was delivered.
            if let Some(value) = secret.and_then(|secret| delivered(&stage, secret)) {
                stage.environment.0.insert("NOT_THERE_YET".to_owned(), value);
            }
            let healed =
                Machine::new(&stage).seed(2).watched(invariants::never_without(&what)).run(command.clone());
            let report = healed.report.as_ref().unwrap();
            assert!(report.targets.iter().all(|t| t.error.is_none()), "{what}: {}", healed.output);
            settled(&stage, &what);
            assert_eq!(strangers(&stage), others, "I4: {what}");
            tried += 1;
        }
    }
    #[allow(clippy::print_stdout, reason = "the count is what the reader of a test run wants to see")]
    {
        println!("disturbances: {tried} of {tried} held");
    }
    tried
}

#[test]
fn disturbed_from_nothing_one_application_is_made_and_nothing_is_left_over() {
    let tried = disturbed(&federated(), None, &|stage, what| {
        assert_eq!(applications(stage).len(), 1, "{what}");
        invariants::converged(&stage.emulator, 1, what);
    });
    assert!(tried > 200);
}

#[test]
fn disturbed_from_nothing_one_client_secret_is_kept_and_no_unused_one_is_left() {
    let tried = disturbed(&with_client_secret(), Some("CATALOG_CLIENT_SECRET"), &|stage, what| {
        assert_eq!(applications(stage).len(), 1, "{what}");
        assert_eq!(client_secrets(stage), [delivered(stage, "CATALOG_CLIENT_SECRET").unwrap()], "{what}");
        assert_eq!(own_pats(stage), 1, "{what}");
    });
    assert!(tried > 200);
}

#[test]
fn disturbed_from_nothing_one_databricks_principal_and_one_oauth_secret_are_left() {
    let tried = disturbed(&databricks(), Some("CATALOG_OAUTH_SECRET"), &|stage, what| {
        let members = stage
            .emulator
            .world(|world| world.workspaces[0].members.iter().filter(|m| m.display_name == NAME).count());
        assert_eq!(members, 1, "{what}");
        assert_eq!(oauth_secrets(stage), [delivered(stage, "CATALOG_OAUTH_SECRET").unwrap()], "{what}");
        assert_eq!(own_pats(stage), 1, "{what}");
    });
    assert!(tried > 200);
}
