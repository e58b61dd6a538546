//! The ways in which a path names an object.

/// Names an object as a path does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By the object id.
    ById(String),
    /// By the application id: `applications(appId='…')`.
    ByAppId(String),
}

impl Named {
    pub(super) fn alternate(segment: &str) -> Option<(&str, Self)> {
        let (collection, key) = segment.strip_suffix("')")?.split_once("(appId='")?;
        Some((collection, Self::ByAppId(key.replace("''", "'"))))
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::ById(id) | Self::ByAppId(id) => id,
        }
    }
}
