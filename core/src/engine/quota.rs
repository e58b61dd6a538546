//! How many credentials a service lets a principal have, looked at before another one is made.

use super::observe::{Known, Observed, Standing};
use crate::model::{Code, CredentialKind, Error, Step};

/// Returns how many a principal may have; `None` where the service names no number.
///
/// <https://learn.microsoft.com/azure/databricks/resources/limits>
pub(super) const fn limit(kind: CredentialKind) -> Option<usize> {
    match kind {
        CredentialKind::Pat => Some(600),
        CredentialKind::OauthSecret => Some(5),
        // Entra ID limits the size of an application, not the number of its secrets.
        CredentialKind::ClientSecret => None,
    }
}

/// Returns true where no further credential fits.
pub(crate) fn is_full(kind: CredentialKind, observed: &Observed, gone: &[String]) -> bool {
    let left = observed.ids.iter().filter(|id| !gone.contains(id)).count();
    limit(kind).is_some_and(|limit| left >= limit)
}

/// Refuses to make another credential where the service would, and says what to do first.
///
/// # Errors
/// `quota-exceeded`.
pub(super) fn check(
    kind: CredentialKind,
    observed: &Observed,
    gone: &[String],
    current: Option<&Known>,
) -> Result<(), Error> {
    if !is_full(kind, observed, gone) {
        return Ok(());
    }
    let listed = listed(observed, gone, current);
    let words = format!(
        "the principal has as many {}s as it may have, and none can be revoked safely; {listed}",
        kind.as_str(),
    );
    Err(Error::new(Code::QuotaExceeded, Step::CreateToken, words).with_hint(HINT))
}

/// What to do where nothing fits any more.
const HINT: &str = "repair the place that refuses and run again; or revoke one that nobody uses, the oldest \
                    first and never the one in use: `lakekey revoke --token-id ID`";

/// Adds to the service's own refusal what there is, where it is that nothing fits any more.
pub(super) fn explained(
    error: Error,
    observed: &Observed,
    gone: &[String],
    current: Option<&Known>,
) -> Error {
    match error.code() {
        Code::QuotaExceeded => error.adding(&listed(observed, gone, current)).with_hint(HINT),
        _ => error,
    }
}

/// Lists what there is, the oldest first, and whose it is.
fn listed(observed: &Observed, gone: &[String], current: Option<&Known>) -> String {
    let mut known: Vec<&Known> = observed.known.iter().filter(|known| !gone.contains(&known.id)).collect();
    known.sort_by_key(|known| (known.created, &known.id));
    let whose = |known: &Known| match known.standing {
        _ if current.is_some_and(|current| current.id == known.id) => "in use",
        Standing::Adopted => "made by somebody else",
        Standing::Active => "delivered before",
        Standing::Pending => "a place may hold it",
    };
    let listed: Vec<String> = known.iter().map(|known| format!("{} ({})", known.id, whose(known))).collect();
    let others = observed.ids.len() - observed.known.len();
    let listed = if listed.is_empty() { "none".to_owned() } else { listed.join(", ") };
    format!("of this target, the oldest first: {listed}; {others} are not this target's")
}
