//! What is new works only after a while, as in the real services: after some uses, after some time, or on and
//! off.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names what propagates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpreadKind {
    /// A Databricks PAT.
    Pat,
    /// An Entra client secret.
    ClientSecret,
    /// A Databricks OAuth secret.
    OauthSecret,
    /// An Entra federated credential.
    FederatedCredential,
    /// An application in Entra ID.
    Application,
    /// A service principal: in Entra ID, or in a workspace.
    ServicePrincipal,
    /// The right to use tokens.
    Permission,
    /// An entitlement.
    Entitlement,
    /// A federation policy of Databricks.
    FederationPolicy,
}

/// Says how slowly one kind propagates. All conditions must be met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Spread {
    /// How many uses are refused first.
    pub uses: u32,
    /// How many milliseconds after its creation it begins to work.
    pub ms: i64,
    /// Which of the uses after that succeed, in their order, such as `[true, false, true]`; later ones do.
    pub flaps: Vec<bool>,
}

/// Keeps what has not propagated yet.
#[derive(Debug, Clone, Default)]
pub struct Propagation {
    settings: BTreeMap<SpreadKind, Spread>,
    items: BTreeMap<(SpreadKind, String), Item>,
}

#[derive(Debug, Clone)]
struct Item {
    spread: Spread,
    created_ms: i64,
    uses: u32,
    worked: usize,
}

impl Propagation {
    /// Sets how things of a kind propagate that are made from now on.
    pub fn set(&mut self, kind: SpreadKind, spread: Spread) {
        self.settings.insert(kind, spread);
    }

    /// Begins the propagation of something new.
    pub fn begin(&mut self, kind: SpreadKind, key: &str, now_ms: i64) {
        if let Some(spread) = self.settings.get(&kind).filter(|spread| **spread != Spread::default()) {
            let item = Item { spread: spread.clone(), created_ms: now_ms, uses: 0, worked: 0 };
            self.items.insert((kind, key.to_owned()), item);
        }
    }

    /// Says whether something works, and counts this use of it. What never began to propagate works.
    pub fn works(&mut self, kind: SpreadKind, key: &str, now_ms: i64) -> bool {
        let Some(item) = self.items.get_mut(&(kind, key.to_owned())) else { return true };
        item.uses += 1;
        if item.uses <= item.spread.uses || now_ms < item.created_ms + item.spread.ms {
            return false;
        }
        item.worked += 1;
        item.spread.flaps.get(item.worked - 1).copied().unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_works_after_its_uses_and_its_time_and_then_flaps() {
        let mut propagation = Propagation::default();
        propagation.set(SpreadKind::Pat, Spread { uses: 1, ms: 1000, flaps: vec![true, false] });
        assert!(propagation.works(SpreadKind::Pat, "seeded", 0));
        propagation.begin(SpreadKind::Pat, "new", 0);
        let seen: Vec<bool> =
            [0, 999, 1000, 1000, 1000].map(|now| propagation.works(SpreadKind::Pat, "new", now)).to_vec();
        assert_eq!(seen, [false, false, true, false, true]);
    }
}
