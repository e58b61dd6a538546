//! What is delivered, and what a place can tell of it.

use crate::model::Timestamp;

/// Says what a sink can tell of its content without being written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkState {
    /// When it was last written.
    pub written: Written,
    /// The id of the credential that it holds, where the sink keeps it beside the value or lets the value be
    /// read.
    pub holds: Option<String>,
    /// Who edited it last, where the sink tells and its date is that of something larger.
    pub editor: Option<String>,
}

impl SinkState {
    /// Describes a sink that tells when it was written, and not what it holds.
    #[must_use]
    pub const fn dated(written: Written) -> Self {
        Self { written, holds: None, editor: None }
    }
}

/// Says when a sink was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It holds nothing.
    Never,
    /// It was written at that time, by the sink's own clock.
    At(Timestamp),
    /// It was written at that time or before it: what the sink dates holds other things too, such as a
    /// variable group.
    By(Timestamp),
    /// It cannot say.
    Unknown,
}

impl Written {
    /// Returns true where the time says exactly when it was written, so that it tells one write from another.
    #[must_use]
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::Never | Self::At(_))
    }

    /// Returns the time, where the sink knows one.
    #[must_use]
    pub const fn timestamp(self) -> Option<Timestamp> {
        match self {
            Self::At(time) | Self::By(time) => Some(time),
            Self::Never | Self::Unknown => None,
        }
    }
}

/// Describes the credential that a sink is written with.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The target's name.
    pub target: String,
    /// The credential's id.
    pub credential_id: String,
    /// When the credential was made.
    pub created: Timestamp,
    /// When the credential ends.
    pub expires: Option<Timestamp>,
}
