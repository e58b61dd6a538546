//! What a credential may do, how that came to be, and what its successor is to be given.
//!
//! Databricks watches a PAT for 30 days and then takes away every scope that it did not see used; older ones
//! it has narrowed by their history. A credential that lakekey makes must neither break nor widen so without
//! its owner knowing.
//!
//! <https://docs.databricks.com/aws/en/dev-tools/auth/pat>

use std::time::Duration;

use crate::config::Scopes;
use crate::model::{Reach, Timestamp};

/// How long a PAT is watched.
const WATCH: Duration = Duration::from_secs(30 * 86_400);

/// Says how what a credential may do came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Scoping {
    /// It is of a kind that nobody watches: what is listed was chosen.
    #[default]
    Fixed,
    /// Somebody has chosen it.
    Chosen,
    /// It is not watched.
    Unwatched,
    /// It is watched, and has been seen to use these.
    Watched(Vec<String>),
    /// It was watched, and has lost what it was not seen to use.
    NarrowedByUse,
    /// It was narrowed by what it had used before it was watched.
    NarrowedByHistory,
    /// It was watched, and calls what cannot be told from scopes, so that it is left as it is.
    NotCovered,
    /// The workspace does not say it.
    Unsaid,
    /// The workspace says it by a word that is not known here.
    Unknown(String),
}

impl Scoping {
    /// Returns the word that stands in reports; none where there is nothing to say.
    pub(crate) fn as_str(&self) -> Option<&str> {
        Some(match self {
            Self::Fixed | Self::Unsaid => return None,
            Self::Chosen => "chosen",
            Self::Unwatched => "unwatched",
            Self::Watched(_) => "watched",
            Self::NarrowedByUse => "narrowed-by-use",
            Self::NarrowedByHistory => "narrowed-by-history",
            Self::NotCovered => "not-covered",
            Self::Unknown(word) => word,
        })
    }
}

/// Says what a credential may do and how that came to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) reach: Reach,
    pub(crate) scoping: Scoping,
}

impl Rights {
    /// Reads what a workspace says of a PAT: the scopes, the state, those that it was seen to use, and those
    /// of its history.
    pub(crate) fn of_pat(scopes: &Reach, state: Option<&str>, inferred: &Reach, history: &Reach) -> Self {
        let narrowed = |listed: &Reach, to: &Reach| match (listed, to) {
            // What it was narrowed to stands in one list or in the other.
            (Reach::All, Reach::Only(_)) => to.clone(),
            (Reach::All, _) => Reach::Unreadable,
            _ => listed.clone(),
        };
        let word = state.map(|word| word.strip_prefix("AUTOSCOPE_STATE_").unwrap_or(word));
        let (reach, scoping) = match word {
            None | Some("" | "UNSPECIFIED") => (scopes.clone(), Scoping::Unsaid),
            Some("RUNNING") => (scopes.clone(), Scoping::Watched(inferred.listed().to_vec())),
            Some("COMPLETED") => (narrowed(scopes, inferred), Scoping::NarrowedByUse),
            Some("BACKFILLED") => (narrowed(scopes, history), Scoping::NarrowedByHistory),
            Some("USER_SELECTED") => (scopes.clone(), Scoping::Chosen),
            Some("DISABLED") => (scopes.clone(), Scoping::Unwatched),
            Some("API_NOT_COVERED") => (scopes.clone(), Scoping::NotCovered),
            Some(other) => (scopes.clone(), Scoping::Unknown(other.to_owned())),
        };
        Self { reach, scoping }
    }

    /// Returns when it is narrowed, where it is watched.
    pub(crate) fn narrows(&self, created: Timestamp) -> Option<Timestamp> {
        matches!(self.scoping, Scoping::Watched(_)).then(|| created + WATCH)
    }

    /// Says in one sentence what it may do.
    pub(crate) fn told(&self, created: Timestamp, now: Timestamp) -> String {
        let may = match &self.reach {
            Reach::All => "it may do everything that its principal may".to_owned(),
            Reach::Only(scopes) => format!("it may do what {} cover", listed(scopes)),
            Reach::Unreadable => "what it may do cannot be read".to_owned(),
        };
        match (&self.scoping, self.narrows(created)) {
            (Scoping::Watched(seen), Some(at)) if seen.is_empty() => format!(
                "{may}; narrows on {} to what it is seen to use by then, of which nothing was seen yet",
                at.day_from(now)
            ),
            (Scoping::Watched(seen), Some(at)) => format!(
                "{may}; narrows on {} to {}, which is what it was seen to use",
                at.day_from(now),
                listed(seen)
            ),
            (Scoping::NarrowedByUse, _) => {
                format!("{may}; Databricks has taken away every scope that it was not seen to use in 30 days")
            }
            (Scoping::NarrowedByHistory, _) => {
                format!("{may}; Databricks has taken away every scope that it had not used before")
            }
            (Scoping::NotCovered, _) => format!("{may}; Databricks has watched it and could not narrow it"),
            (Scoping::Unknown(word), _) => format!("{may}; the workspace says \"{word}\" of its scopes"),
            _ => may,
        }
    }
}

/// Writes a list of scopes, such as `[sql, unity-catalog]`.
pub(crate) fn listed(scopes: &[String]) -> String {
    format!("[{}]", scopes.join(", "))
}

/// Says what a new credential is to be able to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The scopes; `None` for everything.
    pub(crate) scopes: Option<Vec<String>>,
    /// Whether Databricks is to watch it and to narrow it.
    pub(crate) watched: bool,
    /// What its owner needs to know of this.
    pub(crate) note: Option<String>,
}

/// Says that what the predecessor may do cannot be read, so that nothing follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl Wanted {
    /// Says what the successor of a credential is given.
    ///
    /// # Errors
    /// Where it is to inherit what cannot be read.
    pub(crate) fn of(policy: &Scopes, before: Option<&Rights>) -> Result<Self, Unreadable> {
        match policy {
            Scopes::All => Ok(Self::default()),
            Scopes::Auto => Ok(Self { watched: true, ..Self::default() }),
            Scopes::List(scopes) => Ok(Self { scopes: Some(scopes.clone()), ..Self::default() }),
            Scopes::Inherit => before.map_or_else(|| Ok(Self::default()), Self::inherited),
        }
    }

    fn inherited(before: &Rights) -> Result<Self, Unreadable> {
        let scopes = match &before.reach {
            Reach::All => None,
            Reach::Only(scopes) => Some(scopes.clone()),
            Reach::Unreadable => return Err(Unreadable),
        };
        let as_listed = || match &scopes {
            Some(scopes) => format!("the new one gets {}, as they are listed", listed(scopes)),
            None => "the new one may do everything, as none are listed".to_owned(),
        };
        let note = match &before.scoping {
            Scoping::Fixed | Scoping::Chosen | Scoping::Unwatched => None,
            // One that is watched and limited all the same keeps its limits; both cannot be asked for.
            Scoping::Watched(_) if scopes.is_none() => {
                let words = "the one before is being watched by Databricks, and so is the new one, whose 30 \
                             days begin anew; `token.scopes` with all or a list ends that";
                return Ok(Self { scopes: None, watched: true, note: Some(words.to_owned()) });
            }
            Scoping::NarrowedByUse | Scoping::NarrowedByHistory => {
                let kept = listed(scopes.as_deref().unwrap_or_default());
                Some(format!(
                    "Databricks chose the scopes {kept} for the one before, and the new one keeps them; \
                     write `token.scopes` to choose them"
                ))
            }
            Scoping::NotCovered => Some(
                "Databricks could not tell which scopes the one before needs; the new one may do what that \
                 one may, and is not watched"
                    .to_owned(),
            ),
            Scoping::Watched(_) => {
                Some(format!("the one before is being watched by Databricks; {}", as_listed()))
            }
            Scoping::Unsaid => Some(format!(
                "the workspace does not say who chose the scopes of the one before; {}",
                as_listed()
            )),
            Scoping::Unknown(word) => Some(format!(
                "the workspace says \"{word}\" of the scopes of the one before, which is not known here; {}",
                as_listed()
            )),
        };
        Ok(Self { scopes, watched: false, note })
    }

    /// Returns how far it is to reach.
    pub(crate) fn reach(&self) -> Reach {
        self.scopes.clone().map_or(Reach::All, Reach::of)
    }

    /// Says in what the credential that was made differs from what was wanted, as far as the service tells.
    pub(crate) fn differs(&self, made: &Rights) -> Option<String> {
        if matches!(made.scoping, Scoping::Watched(_)) && !self.watched {
            return Some(
                "the workspace watches it although that was switched off, and will narrow it".to_owned(),
            );
        }
        // What says nothing at all may come from a workspace that lists no scopes.
        let is_silent = made.reach == Reach::All && made.scoping == Scoping::Unsaid;
        if is_silent || made.reach.is_same(&self.reach()) {
            return None;
        }
        let text = |reach: &Reach| match reach {
            Reach::All => "everything".to_owned(),
            Reach::Only(scopes) => listed(scopes),
            Reach::Unreadable => "what cannot be read".to_owned(),
        };
        Some(format!("{} was asked for, and the service lists {}", text(&self.reach()), text(&made.reach)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(scopes: &[&str]) -> Reach {
        Reach::Only(scopes.iter().map(|scope| (*scope).to_owned()).collect())
    }

    fn pat(scopes: &Reach, state: &str, inferred: &Reach, history: &Reach) -> Rights {
        Rights::of_pat(scopes, Some(state), inferred, history)
    }

    #[test]
    fn what_a_workspace_says_of_a_pat_is_read_by_its_state() {
        let (all, sql) = (Reach::All, only(&["sql"]));
        let state = |word: &str| format!("AUTOSCOPE_STATE_{word}");
        for (word, listed, inferred, history, reach) in [
            ("DISABLED", &all, &all, &all, Reach::All),
            ("USER_SELECTED", &sql, &all, &all, sql.clone()),
            ("RUNNING", &all, &sql, &all, Reach::All),
            ("COMPLETED", &sql, &sql, &all, sql.clone()),
            ("COMPLETED", &all, &sql, &all, sql.clone()),
            // Narrowed, and nobody says to what: that is not everything.
            ("COMPLETED", &all, &all, &sql, Reach::Unreadable),
            ("BACKFILLED", &all, &all, &sql, sql.clone()),
            ("BACKFILLED", &all, &all, &all, Reach::Unreadable),
            ("BACKFILLED", &Reach::Unreadable, &all, &sql, Reach::Unreadable),
            ("API_NOT_COVERED", &all, &all, &all, Reach::All),
            ("HIBERNATING", &sql, &all, &all, sql.clone()),
        ] {
            assert_eq!(pat(listed, &state(word), inferred, history).reach, reach, "{word}");
        }
        assert_eq!(Rights::of_pat(&sql, None, &all, &all), Rights { reach: sql, scoping: Scoping::Unsaid });
    }

    #[test]
    fn a_difference_between_what_was_wanted_and_what_was_made_is_told() {
        let sql = Wanted { scopes: Some(vec!["sql".to_owned()]), ..Wanted::default() };
        let rights = |reach: Reach, scoping: Scoping| Rights { reach, scoping };
        assert_eq!(sql.differs(&rights(only(&["sql"]), Scoping::Chosen)), None);
        assert_eq!(sql.differs(&rights(Reach::All, Scoping::Unsaid)), None);
        assert!(sql.differs(&rights(Reach::All, Scoping::Unwatched)).is_some());
        assert!(sql.differs(&rights(only(&["scim"]), Scoping::Unsaid)).is_some());
        assert!(Wanted::default().differs(&rights(Reach::All, Scoping::Watched(Vec::new()))).is_some());
        let auto = Wanted { watched: true, ..Wanted::default() };
        assert_eq!(auto.differs(&rights(Reach::All, Scoping::Watched(Vec::new()))), None);
    }
}
