//! What a plan consists of. `plan`, `--dry-run`, `status` and `doctor` show the list; a run carries it out.

use std::fmt;

use super::observe::Known;
use super::report::{State, StepReport};
use crate::model::{CredentialKind, Entitlement, Step, Timestamp};
use crate::service::databricks::federation::Policy;
use crate::service::graph::Trust;

/// Says why a credential is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There is none yet.
    None,
    /// What a place was given is not alive any more.
    Gone {
        /// The place.
        sink: String,
        /// When it was written, where it can say so.
        at: Option<Timestamp>,
    },
    /// The last run has ended with some places written and others not.
    Partial,
    /// Another hand has written a place since.
    Overwritten {
        /// The place.
        sink: String,
        /// When, where it can say so.
        at: Option<Timestamp>,
    },
    /// It was asked for.
    Forced,
    /// The current one is due.
    Due,
    /// A sink does not hold the current one.
    Undelivered(String),
    /// A broken run may have left another one in a sink.
    Uncertain(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there is no credential yet"),
            Self::Gone { sink, at } => {
                write!(f, "what {sink} was given")?;
                at.map_or(Ok(()), |at| write!(f, " at {at:.0}"))?;
                f.write_str(
                    " is no living credential of this target: it has expired, was revoked elsewhere (by \
                     Terraform, the account console, or after 90 idle days), or is not from lakekey",
                )
            }
            Self::Partial => f.write_str("the last run ended before every place held the new credential"),
            Self::Overwritten { sink, at: Some(at) } => {
                write!(f, "another hand has overwritten {sink} at {at:.0}")
            }
            Self::Overwritten { sink, at: None } => write!(f, "another hand has emptied {sink}"),
            Self::Forced => f.write_str("it was asked for"),
            Self::Due => f.write_str("the current credential is due"),
            Self::Undelivered(sink) => write!(f, "{sink} does not hold the current credential"),
            Self::Uncertain(sink) => {
                write!(f, "an interrupted run may have left another credential in {sink}")
            }
        }
    }
}

/// Is one thing that a run does. All but [`Action::Verify`] write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Registers the application, for this tenant alone.
    MakeApplication { name: String },
    /// Makes the application's service principal in the tenant.
    MakeServicePrincipal,
    /// Has the application trust somebody's assertions.
    MakeFederatedCredential(Trust),
    /// Has a Databricks principal trust somebody's assertions.
    MakeFederationPolicy(Policy),
    /// Switches personal access tokens on for the whole workspace.
    EnableTokens,
    /// Adds the service principal to the workspace, with its entitlements.
    ImportPrincipal { name: String },
    /// Adds entitlements to the service principal.
    AddEntitlements(Vec<Entitlement>),
    /// Makes a token of the admin's: a workspace in which no token was ever made has nothing to grant a
    /// permission on.
    MakeFirstToken,
    /// Removes that token again.
    RemoveFirstToken,
    /// Grants the service principal CAN_USE on tokens.
    GrantTokenPermission,
    /// Makes a new credential.
    Create { kind: CredentialKind, why: Reason },
    /// Verifies the new credential.
    Verify { kind: CredentialKind },
    /// Makes what a place lacks.
    Prepare(String),
    /// Writes a place of delivery.
    Deliver {
        sink: String,
        /// When it was written by somebody else, whose content is replaced.
        replaces: Option<Timestamp>,
    },
    /// Marks a credential as delivered: this one, or the new one.
    Mark(Option<String>),
    /// Notes of a credential that it is superseded and lives on.
    Supersede(String),
    /// Revokes a credential.
    Revoke { id: String, why: Revoked },
    /// Switches a version of a place off whose credential is revoked.
    Retire { sink: String, version: String, id: String },
}

/// Says why a credential is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revoked {
    /// A newer one that was delivered has superseded it.
    Superseded,
    /// No place holds it: a run was interrupted.
    LeftOver,
}

impl Action {
    /// Revokes a credential.
    pub(super) fn revoke(known: &Known, why: Revoked) -> Self {
        Self::Revoke { id: known.id.clone(), why }
    }

    /// Returns the id that it revokes.
    pub(super) const fn revokes(&self) -> Option<&String> {
        match self {
            Self::Revoke { id, .. } => Some(id),
            _ => None,
        }
    }

    /// Returns the step of the procedure.
    pub(crate) const fn step(&self) -> Step {
        match self {
            Self::MakeApplication { .. } => Step::MakeApplication,
            Self::MakeServicePrincipal => Step::MakeServicePrincipal,
            Self::MakeFederatedCredential(_) => Step::MakeFederatedCredential,
            Self::MakeFederationPolicy(_) => Step::MakeFederationPolicy,
            Self::EnableTokens => Step::WorkspaceSettings,
            Self::ImportPrincipal { .. } => Step::ImportPrincipal,
            Self::AddEntitlements(_) => Step::AddEntitlements,
            Self::MakeFirstToken | Self::Create { .. } => Step::CreateToken,
            Self::GrantTokenPermission => Step::GrantTokenPermission,
            Self::Verify { .. } => Step::VerifyToken,
            Self::Prepare(_) | Self::Deliver { .. } => Step::Deliver,
            Self::Mark(_) | Self::Supersede(_) => Step::MarkActive,
            Self::RemoveFirstToken | Self::Revoke { .. } | Self::Retire { .. } => Step::RevokeToken,
        }
    }

    /// Returns the step as a plan shows it.
    pub(crate) fn would(&self) -> StepReport {
        StepReport::new(self.step(), State::Would, self.to_string())
    }
}

/// Joins the names of entitlements.
pub(super) fn names(entitlements: &[Entitlement]) -> String {
    entitlements.iter().map(|entitlement| entitlement.as_str()).collect::<Vec<_>>().join(", ")
}

/// Says what is to be done, in the imperative.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MakeApplication { name } => write!(f, "register the application {name}, single tenant"),
            Self::MakeServicePrincipal => f.write_str("make its service principal in the tenant"),
            Self::MakeFederatedCredential(trust) => write!(f, "make it trust {}", trust.matches.as_str()),
            Self::MakeFederationPolicy(policy) => {
                write!(f, "make it trust {}, by a federation policy", policy.subject)
            }
            Self::EnableTokens => f.write_str("switch personal access tokens on for the whole workspace"),
            Self::ImportPrincipal { name } => write!(f, "add the service principal {name} to the workspace"),
            Self::AddEntitlements(wanted) => write!(f, "add the entitlements {}", names(wanted)),
            Self::MakeFirstToken => f.write_str(
                "make a token of the admin's: the workspace has none yet, and so nothing to grant a \
                 permission on",
            ),
            Self::RemoveFirstToken => f.write_str("remove the admin's token again"),
            Self::GrantTokenPermission => f.write_str("grant the service principal CAN_USE on tokens"),
            Self::Create { kind, why } => write!(f, "make a new {}: {why}", kind.as_str()),
            Self::Verify { kind } => write!(f, "verify the new {}", kind.as_str()),
            Self::Prepare(what) => write!(f, "make {what}"),
            Self::Deliver { sink, replaces: None } => write!(f, "write {sink}"),
            Self::Deliver { sink, replaces: Some(at) } => {
                write!(f, "write {sink}; this replaces what was written there on {}", at.day())
            }
            Self::Mark(Some(id)) => write!(f, "mark {id} as delivered"),
            Self::Mark(None) => f.write_str("mark the new one as delivered"),
            Self::Supersede(id) => write!(f, "mark {id} as superseded"),
            Self::Retire { sink, version, .. } => {
                write!(f, "switch the version {version} of {sink} off, whose credential is revoked")
            }
            Self::Revoke { id, why: Revoked::Superseded } => write!(f, "revoke {id}, which is superseded"),
            Self::Revoke { id, why: Revoked::LeftOver } => {
                write!(f, "revoke {id}, which an interrupted run has left over")
            }
        }
    }
}
