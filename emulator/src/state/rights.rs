//! What a PAT may do, and how that narrows: it is watched for 30 days and then loses what it did not use, or
//! it is narrowed by its history.
//!
//! <https://docs.databricks.com/aws/en/dev-tools/auth/pat>

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How long a PAT is watched.
const WATCH_MS: i64 = 30 * 86_400_000;

/// Says how the scopes of a PAT came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Autoscope {
    /// It is watched, and narrows 30 days after its creation.
    Running,
    /// It was narrowed by its use.
    Completed,
    /// It was narrowed by its history.
    Backfilled,
    /// Somebody has chosen its scopes.
    UserSelected,
    /// It may do everything and is not watched.
    Disabled,
    /// It calls what the watching does not see.
    ApiNotCovered,
    /// The workspace says nothing of it, as before 2026.
    Unsaid,
}

impl Autoscope {
    /// Returns the word in which the workspace says it.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        Some(match self {
            Self::Running => "AUTOSCOPE_STATE_RUNNING",
            Self::Completed => "AUTOSCOPE_STATE_COMPLETED",
            Self::Backfilled => "AUTOSCOPE_STATE_BACKFILLED",
            Self::UserSelected => "AUTOSCOPE_STATE_USER_SELECTED",
            Self::Disabled => "AUTOSCOPE_STATE_DISABLED",
            Self::ApiNotCovered => "AUTOSCOPE_STATE_API_NOT_COVERED",
            Self::Unsaid => return None,
        })
    }
}

/// Holds what a PAT may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// The scopes that were chosen, or to which it was narrowed; everything if none.
    pub scopes: Option<Vec<String>>,
    /// How they came to be.
    pub autoscope: Autoscope,
    /// The scopes that it was seen to use.
    pub used: BTreeSet<String>,
}

impl Rights {
    /// May do everything, and is not watched.
    #[must_use]
    pub fn everything() -> Self {
        Self { scopes: None, autoscope: Autoscope::Disabled, used: BTreeSet::new() }
    }

    /// May do what was chosen.
    #[must_use]
    pub fn chosen(scopes: Vec<String>) -> Self {
        Self { scopes: Some(scopes), autoscope: Autoscope::UserSelected, used: BTreeSet::new() }
    }

    /// May do everything, and is watched.
    #[must_use]
    pub fn watched() -> Self {
        Self { autoscope: Autoscope::Running, ..Self::everything() }
    }

    /// Takes away what was not used, once the watching is over. One that was never used is watched on.
    pub fn settle(&mut self, created_ms: i64, now_ms: i64) {
        if self.autoscope == Autoscope::Running && now_ms >= created_ms + WATCH_MS && !self.used.is_empty() {
            self.autoscope = Autoscope::Completed;
            self.scopes = Some(self.used.iter().cloned().collect());
        }
    }

    /// Narrows it by its history, as long as nobody has chosen anything.
    pub fn narrow_by_history(&mut self) {
        if self.scopes.is_none() && self.autoscope != Autoscope::Running && !self.used.is_empty() {
            self.autoscope = Autoscope::Backfilled;
            self.scopes = Some(self.used.iter().cloned().collect());
        }
    }

    /// Says whether any of those scopes covers a call.
    #[must_use]
    pub fn covers(&self, scopes: &[&str]) -> bool {
        covers(self.scopes.as_deref(), scopes)
    }

    /// Notes that a call was made which any of those scopes covers: the narrowest is seen.
    pub fn note(&mut self, scopes: &[&str]) {
        // What one of several covers adds nothing to what was seen.
        let seen = scopes.iter().any(|scope| self.used.contains(*scope));
        if let (false, Some(first)) = (seen, scopes.first()) {
            self.used.insert((*first).to_owned());
        }
    }
}

/// Says whether what is held covers a call; nothing held means everything.
pub(crate) fn covers(held: Option<&[String]>, scopes: &[&str]) -> bool {
    held.is_none_or(|held| held.iter().any(|has| has == "all-apis" || scopes.contains(&has.as_str())))
}
