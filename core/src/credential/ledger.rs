//! The ledger: a short tag in the text that a credential bears in its service.
//!
//! There is no state file. `[lakekey target=catalog-prod op=k3j9x2m4p7qa phase=pending]` at the end of a
//! PAT's comment tells who made it for what, and whether it was delivered.

use std::fmt;

/// Says how far the operation that made a credential has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It was made; nobody knows whether a sink holds it.
    Pending,
    /// Every sink was written with it.
    Active,
}

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
        }
    }
}

/// Holds what the ledger says of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    /// The target's name.
    pub(crate) target: String,
    /// The operation that made it.
    pub(crate) operation: String,
    /// How far the operation has come.
    pub(crate) phase: Phase,
    /// What more is said of it.
    pub(crate) notes: Notes,
}

/// Holds what the ledger says besides; older versions read past it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notes {
    /// Whether its run has ended although some place does not hold it.
    pub(crate) ended: bool,
    /// Whether every place was written with a newer one, and it lives on through the overlap.
    pub(crate) superseded: bool,
    /// Which attempt in a row it is; 0 and 1 are the first.
    pub(crate) attempt: u32,
    /// Whether it was made since another hand had overwritten a place.
    pub(crate) repairs: bool,
    /// The marks of the places that have refused it.
    pub(crate) refused: Vec<String>,
    /// The marks of the places that have not answered when it was written.
    pub(crate) unanswered: Vec<String>,
    /// The marks of the places that say when they were written, and how many seconds after its creation each
    /// was written with it.
    pub(crate) written: Vec<(String, i64)>,
    /// The marks of the places that were written with it and do not date that write.
    pub(crate) held: Vec<String>,
}

impl Tag {
    /// Returns the same tag in another phase.
    #[must_use]
    pub(crate) fn in_phase(&self, phase: Phase) -> Self {
        Self { phase, ..self.clone() }
    }

    /// Returns the same tag with other notes.
    #[must_use]
    pub(crate) fn with_notes(&self, notes: Notes) -> Self {
        Self { notes, ..self.clone() }
    }

    /// Puts the tag behind what people see.
    #[must_use]
    pub(crate) fn comment(&self, for_people: Option<&str>) -> String {
        match for_people {
            Some(text) => format!("{text} {self}"),
            None => self.to_string(),
        }
    }

    /// Finds the tag at the end of a text.
    #[must_use]
    pub(crate) fn find(text: &str) -> Option<Self> {
        let inside = text.trim_end().strip_suffix(']')?;
        let inside = &inside[inside.rfind("[lakekey ")? + "[lakekey ".len()..];
        let (target, operation, notes) = (String::new(), String::new(), Notes::default());
        let mut tag = Self { target, operation, phase: Phase::Pending, notes };
        let mut phase = None;
        for field in inside.split(' ') {
            match field.split_once('=')? {
                ("target", value) => value.clone_into(&mut tag.target),
                ("op", value) => value.clone_into(&mut tag.operation),
                ("phase", "pending") => phase = Some(Phase::Pending),
                ("phase", "active") => phase = Some(Phase::Active),
                // A later version may add fields; a phase that is not known is not ours to judge.
                ("phase", _) => return None,
                ("end", "partial") => tag.notes.ended = true,
                ("end", "superseded") => tag.notes.superseded = true,
                ("attempt", number) => tag.notes.attempt = number.parse().unwrap_or(1),
                ("why", "overwritten") => tag.notes.repairs = true,
                ("at", marks) => {
                    let read = |text: &str| {
                        let (mark, after) = text.split_once(':')?;
                        Some((mark.to_owned(), after.parse().ok()?))
                    };
                    tag.notes.written = marks.split(',').filter_map(read).collect();
                }
                ("held", marks) => tag.notes.held = marks.split(',').map(str::to_owned).collect(),
                ("refused", marks) => tag.notes.refused = marks.split(',').map(str::to_owned).collect(),
                ("unanswered", marks) => {
                    tag.notes.unanswered = marks.split(',').map(str::to_owned).collect();
                }
                _ => {}
            }
        }
        tag.phase = phase?;
        (!tag.target.is_empty() && !tag.operation.is_empty()).then_some(tag)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[lakekey target={} op={} phase={}", self.target, self.operation, self.phase.as_str())?;
        let Notes { ended, superseded, attempt, repairs, refused, unanswered, written, held } = &self.notes;
        if *ended {
            f.write_str(" end=partial")?;
        } else if *superseded {
            f.write_str(" end=superseded")?;
        }
        if *attempt > 1 {
            write!(f, " attempt={attempt}")?;
        }
        if *repairs {
            f.write_str(" why=overwritten")?;
        }
        if !refused.is_empty() {
            write!(f, " refused={}", refused.join(","))?;
        }
        if !unanswered.is_empty() {
            write!(f, " unanswered={}", unanswered.join(","))?;
        }
        if !written.is_empty() {
            let each: Vec<String> = written.iter().map(|(mark, after)| format!("{mark}:{after}")).collect();
            write!(f, " at={}", each.join(","))?;
        }
        if !held.is_empty() {
            write!(f, " held={}", held.join(","))?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Tag {
        let (target, operation) = ("catalog-prod".to_owned(), "k3j9x2".to_owned());
        Tag { target, operation, phase: Phase::Pending, notes: Notes::default() }
    }

    #[test]
    fn a_tag_is_found_behind_the_comment_that_people_see() {
        assert_eq!(Tag::find(&tag().comment(Some("data catalogue"))), Some(tag()));
        assert_eq!(
            Tag::find(&tag().in_phase(Phase::Active).comment(None)),
            Some(tag().in_phase(Phase::Active))
        );
    }

    #[test]
    fn what_a_run_notes_of_its_end_is_read_again() {
        let refused = vec!["1a2b3c".to_owned(), "4d5e6f".to_owned()];
        let written = vec![("7a8b9c".to_owned(), 3), ("0d1e2f".to_owned(), -1)];
        let noted = tag().with_notes(Notes {
            ended: true,
            attempt: 3,
            repairs: true,
            refused,
            unanswered: vec!["5a6b7c".to_owned()],
            written,
            held: vec!["9e8d7c".to_owned()],
            ..Notes::default()
        });
        let text = noted.comment(Some("data catalogue"));
        assert!(text.contains(
            "phase=pending end=partial attempt=3 why=overwritten refused=1a2b3c,4d5e6f unanswered=5a6b7c \
             at=7a8b9c:3,0d1e2f:-1 held=9e8d7c]"
        ));
        assert_eq!(Tag::find(&text), Some(noted));
        let noted = tag().in_phase(Phase::Active).with_notes(Notes { superseded: true, ..Notes::default() });
        assert!(noted.to_string().contains("phase=active end=superseded]"));
        assert_eq!(Tag::find(&noted.to_string()), Some(noted));
    }

    #[test]
    fn a_comment_of_somebody_else_is_no_tag() {
        for text in [
            "",
            "lakekey",
            "[lakekey]",
            "[lakekey target=a op=b]",
            "[lakekey target=a phase=active]",
            "[lakekey target=a op=b phase=x]",
        ] {
            assert_eq!(Tag::find(text), None, "{text}");
        }
    }

    #[test]
    fn a_field_of_a_later_version_does_not_hide_the_tag() {
        let found = Tag::find("[lakekey target=a op=b phase=active kind=pat]");
        assert_eq!(found.map(|t| t.target), Some("a".to_owned()));
    }
}
