//! How long credentials live, when they are renewed and how they are verified.

use super::document::{Adopt, Scopes, SecretDocument, TokenDocument};
use crate::model::{Error, Span};

/// How long a PAT lives at the most, in days.
///
/// <https://docs.databricks.com/admin/access-control/tokens>
const LONGEST_PAT: u64 = 730;

/// Says how long credentials live and when they are renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a credential lives.
    pub lifetime: Span,
    /// How long before its end it is renewed.
    pub renew_before: Span,
    /// How long the superseded one lives on.
    pub overlap: Span,
    /// What people see.
    pub comment: Option<String>,
    /// The scopes of a new PAT or OAuth secret.
    pub scopes: Scopes,
    /// Which others are taken over.
    pub adopt: Adopt,
    /// How long a new credential may take until it works.
    pub verify_within: Span,
    /// The path that a new PAT is tried on.
    pub verify_path: Option<String>,
}

impl Policy {
    /// Checks the policy of the PAT.
    ///
    /// # Errors
    /// `config-invalid-value` with the path of the key.
    pub(crate) fn of_token(document: TokenDocument, path: &str) -> Result<Self, Error> {
        if document.lifetime.is_some_and(|lifetime| lifetime.seconds() > LONGEST_PAT * 86_400) {
            let words = format!("a PAT lives for {LONGEST_PAT} days at most");
            return Err(Error::invalid(&format!("{path}.lifetime"), words));
        }
        Self::check(document, Span::from_seconds(90 * 86_400), Span::from_seconds(120), path)
    }

    /// Checks the policy of a client secret or an OAuth secret.
    ///
    /// # Errors
    /// `config-invalid-value` with the path of the key.
    pub(crate) fn of_secret(document: SecretDocument, path: &str) -> Result<Self, Error> {
        let token = TokenDocument {
            lifetime: document.lifetime,
            renew_before: document.renew_before,
            overlap: document.overlap,
            comment: document.description,
            scopes: document.scopes,
            adopt: document.adopt,
            verify_within: document.verify_within,
            verify_path: None,
        };
        Self::check(token, Span::from_seconds(180 * 86_400), Span::from_seconds(300), path)
    }

    fn check(
        document: TokenDocument,
        lifetime: Span,
        verify_within: Span,
        path: &str,
    ) -> Result<Self, Error> {
        let lifetime = document.lifetime.unwrap_or(lifetime);
        let renew_before = document.renew_before.unwrap_or(Span::from_seconds(lifetime.seconds() / 3));
        let overlap = document.overlap.unwrap_or_default();
        if lifetime.seconds() < 600 {
            return Err(Error::invalid(
                &format!("{path}.lifetime"),
                "the smallest lifetime is 10m: a shorter one leaves no time to renew",
            ));
        }
        if renew_before >= lifetime {
            return Err(Error::invalid(
                &format!("{path}.renew-before"),
                format!("renew-before ({renew_before}) must be below the lifetime ({lifetime})"),
            ));
        }
        if overlap.seconds() > 0 && overlap >= renew_before {
            return Err(Error::invalid(
                &format!("{path}.overlap"),
                format!(
                    "overlap ({overlap}) must be below renew-before ({renew_before}): the superseded \
                     credential ends then at the latest"
                ),
            ));
        }
        if let Some(comment) = &document.comment {
            check_comment(comment, &format!("{path}.comment"))?;
        }
        if let Some(verify_path) = &document.verify_path
            && (!verify_path.starts_with("/api/")
                || verify_path.bytes().any(|b| b <= b' ' || b == b'#' || b >= 0x7f))
        {
            return Err(Error::invalid(
                &format!("{path}.verify-path"),
                "write a path of the workspace's API, such as /api/2.0/sql/warehouses",
            ));
        }
        Ok(Self {
            lifetime,
            renew_before,
            overlap,
            comment: document.comment,
            scopes: document.scopes.unwrap_or(Scopes::Inherit),
            adopt: document.adopt.unwrap_or(Adopt::None),
            verify_within: document.verify_within.unwrap_or(verify_within),
            verify_path: document.verify_path,
        })
    }
}

fn check_comment(comment: &str, path: &str) -> Result<(), Error> {
    if comment.chars().count() > 120 || comment.chars().any(|c| c.is_control() || c == '[' || c == ']') {
        return Err(Error::invalid(
            path,
            "a comment has at most 120 characters, no line end and no square bracket",
        ));
    }
    Ok(())
}
