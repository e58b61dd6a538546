//! The promises of `docs/reliability.md`, checked from the services' side.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakekey_emulator::{Emulator, World};

use crate::machine::Ran;
use crate::wire::Watch;

/// The name under which the stage's targets deliver to variable groups.
const VARIABLE: &str = "DATABRICKS_TOKEN";

/// Names a sink and gives what it holds.
pub type Held = BTreeMap<String, String>;

/// Returns what every sink on the emulator holds.
#[must_use]
pub fn sinks(world: &World) -> Held {
    let mut held = Held::new();
    for (place, store) in &world.github.stores {
        for (name, secret) in &store.secrets {
            held.insert(format!("github {place:?} {name}"), secret.value.clone());
        }
    }
    for (index, workspace) in world.workspaces.iter().enumerate() {
        for scope in &workspace.scopes {
            for (key, secret) in &scope.secrets {
                held.insert(
                    format!("databricks {index} {} {key}", scope.name),
                    String::from_utf8_lossy(&secret.value).into_owned(),
                );
            }
        }
    }
    for (vault, name) in world.vaults.secrets.keys() {
        if let Some(value) = world.vault_value(vault, name) {
            held.insert(format!("vault {vault} {name}"), value.to_owned());
        }
    }
    for group in &world.azure_devops.groups {
        if let Some(value) = world.variable_value(group.id, VARIABLE) {
            held.insert(format!("variable group {} {VARIABLE}", group.id), value.to_owned());
        }
    }
    held
}

/// Returns every credential that opens something now: PATs, client secrets and OAuth secrets.
#[must_use]
pub fn working(world: &World) -> BTreeSet<String> {
    let now = world.now_ms();
    let pats = world
        .workspaces
        .iter()
        .flat_map(|w| &w.tokens)
        .filter(|t| t.is_accepted(now))
        .map(|t| t.value.clone());
    let secrets = world
        .directory
        .applications
        .iter()
        .flat_map(|a| &a.secrets)
        .filter(|s| s.end_ms > now)
        .map(|s| s.value.clone());
    let oauth = world
        .account
        .principals
        .iter()
        .flat_map(|p| &p.secrets)
        .filter(|s| s.expires_ms > now)
        .map(|s| s.value.clone());
    pats.chain(secrets).chain(oauth).collect()
}

/// I1: fails the moment that a sink which held a working credential does not hold one any more.
#[must_use]
pub fn never_without(case: &str) -> Watch {
    let case = case.to_owned();
    let worked: Rc<RefCell<BTreeSet<String>>> = Rc::default();
    Rc::new(move |emulator: &Emulator| {
        emulator.world(|world| {
            let alive = working(world);
            let held = sinks(world);
            for sink in worked.borrow().iter() {
                let value = held.get(sink);
                assert!(
                    value.is_some_and(|value| alive.contains(value)),
                    "I1: {sink} holds no working credential any more ({case})"
                );
            }
            worked
                .borrow_mut()
                .extend(held.into_iter().filter(|(_, value)| alive.contains(value)).map(|(sink, _)| sink));
        });
    })
}

/// Keeps what belongs to others, to see that it stays as it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Others {
    tokens: Vec<String>,
    grants: Vec<String>,
    members: Vec<String>,
    conf: Vec<String>,
    secrets: Vec<String>,
    variables: Vec<String>,
}

impl Others {
    /// Reads all that is not the target's own.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let own = &world.seeded.client_id;
        let workspaces = || world.workspaces.iter();
        Self {
            tokens: workspaces()
                .flat_map(|w| &w.tokens)
                .filter(|t| !t.comment.contains("[lakekey "))
                .map(|t| format!("{} {}", t.owner, t.id))
                .collect(),
            grants: workspaces()
                .flat_map(|w| &w.grants)
                .map(|g| format!("{g:?}"))
                .filter(|g| !g.contains(own))
                .collect(),
            members: workspaces()
                .flat_map(|w| &w.members)
                .filter(|m| m.name != *own)
                .map(|m| format!("{} {:?} {:?} {}", m.name, m.entitlements, m.groups, m.active))
                .collect(),
            conf: workspaces().map(|w| format!("{:?}", w.conf)).collect(),
            secrets: world
                .directory
                .applications
                .iter()
                .flat_map(|a| a.secrets.iter().map(move |s| (a, s)))
                .filter(|(_, s)| !s.display_name.as_deref().unwrap_or_default().contains("[lakekey "))
                .map(|(a, s)| format!("{} {}", a.app_id, s.key_id))
                .collect(),
            variables: world
                .azure_devops
                .groups
                .iter()
                .flat_map(|g| g.variables.iter().map(move |(name, variable)| (g, name, variable)))
                .filter(|(_, name, _)| *name != VARIABLE)
                .map(|(group, name, variable)| format!("{} {name} {variable:?}", group.id))
                .collect(),
        }
    }
}

/// I2 and I3: every sink holds the same, newest credential, and nothing is left over.
pub fn converged(emulator: &Emulator, sink_count: usize, case: &str) {
    emulator.world(|world| {
        let now = world.now_ms();
        let own: Vec<_> = world
            .workspaces
            .iter()
            .flat_map(|w| &w.tokens)
            .filter(|t| t.comment.contains("[lakekey ") && t.is_live(now))
            .collect();
        let held = sinks(world);
        assert_eq!(held.len(), sink_count, "I2: every sink was written ({case})");
        let newest = own
            .iter()
            .max_by_key(|t| t.created_ms)
            .unwrap_or_else(|| panic!("I2: there is a credential ({case})"));
        for (sink, value) in &held {
            assert!(*value == newest.value, "I2: {sink} does not hold the newest credential ({case})");
        }
        assert_eq!(
            own.len(),
            1,
            "I3: one credential is left, not {:?} ({case})",
            own.iter().map(|t| &t.comment).collect::<Vec<_>>()
        );
    });
}

/// I5: no value of a credential stands in anything that was put out.
pub fn silent(emulator: &Emulator, ran: &Ran, case: &str) {
    for secret in emulator.issued_secrets() {
        assert!(!ran.output.contains(&secret), "I5: a credential was put out ({case})");
    }
}

/// I6: each credential went to its own host alone.
pub fn bound(emulator: &Emulator, ran: &Ran, case: &str) {
    emulator.world(|world| {
        let workspaces: BTreeSet<&str> =
            (0..world.workspaces.len()).map(|index| world.origins.workspace(index)).collect();
        for sent in &ran.sent {
            for credential in &sent.credentials {
                let value = credential.rsplit(' ').next().unwrap_or_default();
                let decoded = STANDARD.decode(value).unwrap_or_default();
                let pair = String::from_utf8_lossy(&decoded);
                let home = if value.starts_with("dapi") {
                    workspaces.contains(sent.origin.as_str())
                } else if value.starts_with("dose") || pair.contains(":dose") {
                    workspaces.contains(sent.origin.as_str()) || sent.origin.contains("//accounts.")
                } else if value.contains("8Q~") || pair.contains("8Q~") {
                    sent.origin == "https://login.microsoftonline.com"
                } else if value.starts_with("github_pat_") || value.starts_with("ghs_") {
                    sent.origin == "https://api.github.com"
                } else {
                    !sent.origin.contains("elsewhere")
                };
                assert!(home, "I6: a credential was sent to {} ({case})", sent.origin);
            }
        }
    });
}
