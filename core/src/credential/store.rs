//! The seam between the rotation and the kinds of credentials: what can be listed, issued, verified, marked
//! and revoked.

use super::ledger::Tag;
use super::rights::{Rights, Wanted};
use crate::auth::Context;
use crate::host::LocalFuture;
use crate::model::{CredentialKind, Error, Origin, Secret, Step, Timestamp};

/// Describes a credential as its service lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The id.
    pub(crate) id: String,
    /// When it was made, by the service's clock.
    pub(crate) created: Timestamp,
    /// When it ends; `None` if never.
    pub(crate) expires: Option<Timestamp>,
    /// What the ledger says of it; `None` where lakekey did not make it, or its kind bears no text.
    pub(crate) tag: Option<Tag>,
    /// What people see, the tag included.
    pub(crate) comment: Option<String>,
    /// What it may do.
    pub(crate) rights: Rights,
}

/// Holds a credential that was made just now.
pub(crate) struct Fresh {
    pub(crate) value: Secret,
    pub(crate) listed: Listed,
    /// What the service did not let be asked for.
    pub(crate) note: Option<String>,
}

/// Says what a new credential is to be.
pub(crate) struct Order<'a> {
    /// What the ledger is to say of it.
    pub(crate) tag: &'a Tag,
    /// What people see.
    pub(crate) comment: Option<&'a str>,
    /// How long it lives, in seconds.
    pub(crate) lifetime: u64,
    /// What it is to be able to do.
    pub(crate) wanted: &'a Wanted,
}

/// Says whether a credential that was tried has proved whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It is the principal's.
    Principal,
    /// It works, and may not say whose it is.
    Unsaid,
}

/// Says whether a credential could be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marked {
    /// The ledger now says that it was delivered.
    Yes,
    /// The service cannot change the text; the dates of the sinks tell instead.
    Unsupported,
}

/// Keeps the credentials of one kind of one principal.
pub(crate) trait Store {
    /// Returns the kind.
    fn kind(&self) -> CredentialKind;

    /// Returns whether credentials bear a text, so that lakekey knows its own.
    fn bears_tags(&self) -> bool;

    /// Returns whether a credential's text can be changed, so that it can be marked as delivered.
    fn marks(&self) -> bool {
        false
    }

    /// Returns the host whose clock dates the credentials.
    fn clock(&self, context: &Context<'_>) -> Origin;

    /// Lists every valid credential of the principal, no matter who made it.
    fn list<'a>(
        &'a self,
        context: &'a Context<'a>,
        step: Step,
    ) -> LocalFuture<'a, Result<Vec<Listed>, Error>>;

    /// Makes a credential; an uncertain error says that one may exist.
    fn issue<'a>(
        &'a self,
        context: &'a Context<'a>,
        order: Order<'a>,
    ) -> LocalFuture<'a, Result<Fresh, Error>>;

    /// Tries a new credential once, for what it is able to do, over a connection of its own, and says whether
    /// it has proved whose it is.
    fn try_out<'a>(
        &'a self,
        context: &'a Context<'a>,
        value: &'a Secret,
        wanted: &'a Wanted,
    ) -> LocalFuture<'a, Result<Owner, Error>>;

    /// Returns true where a credential's id shows that this is its value.
    fn is_id_of(&self, _id: &str, _value: &Secret) -> bool {
        false
    }

    /// Writes into the ledger that a credential was delivered, where a credential's text can be changed at
    /// all.
    fn mark<'a>(
        &'a self,
        _context: &'a Context<'a>,
        _id: &'a str,
        _tag: &'a Tag,
        _comment: Option<&'a str>,
    ) -> LocalFuture<'a, Result<Marked, Error>> {
        Box::pin(async { Ok(Marked::Unsupported) })
    }

    /// Revokes a credential; one that is gone already is revoked.
    fn revoke<'a>(&'a self, context: &'a Context<'a>, id: &'a str) -> LocalFuture<'a, Result<(), Error>>;
}
