//! The expressions over claims that stand in the place of a federated credential's subject.
//!
//! <https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>

use serde_json::{Map, Value};

/// Compares one claim.
struct Comparison<'e> {
    claim: &'e str,
    /// Whether `*` and `?` stand for something.
    is_pattern: bool,
    value: &'e str,
}

/// Reads an expression: comparisons with `and` between; `None` for what is none.
fn read(expression: &str) -> Option<Vec<Comparison<'_>>> {
    expression.split(" and ").map(comparison).collect()
}

fn comparison(text: &str) -> Option<Comparison<'_>> {
    let (claim, rest) = text.trim().strip_prefix("claims['")?.split_once("']")?;
    let rest = rest.trim_start();
    let (is_pattern, rest) = match rest.strip_prefix("matches ") {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix("eq ")?),
    };
    let value = rest.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    (!claim.is_empty() && !value.contains('\'')).then_some(Comparison { claim, is_pattern, value })
}

/// Says whether an expression may stand for an issuer: that of GitHub needs an id.
pub(crate) fn is_valid(expression: &str, issuer: &str) -> bool {
    let Some(comparisons) = read(expression) else { return false };
    let has_id = comparisons.iter().any(|it| matches!(it.claim, "repository_id" | "repository_owner_id"));
    has_id || !issuer.starts_with("https://token.actions.githubusercontent.com")
}

/// Says whether an expression matches the claims of a token.
pub(crate) fn matches(expression: &str, claims: &Map<String, Value>) -> bool {
    let holds = |it: Comparison<'_>| {
        let held = claims.get(it.claim).and_then(Value::as_str).unwrap_or_default();
        if it.is_pattern { fits(it.value.as_bytes(), held.as_bytes()) } else { it.value == held }
    };
    read(expression).is_some_and(|all| all.into_iter().all(holds))
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        Some((b'?', rest)) => text.split_first().is_some_and(|(_, left)| fits(rest, left)),
        Some((byte, rest)) => {
            text.split_first().is_some_and(|(first, left)| first == byte && fits(rest, left))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_expression_compares_claims_and_that_of_github_needs_an_id() {
        let claims = json!({"sub": "repo:acme/data:environment:eu", "repository_id": "7"});
        let claims = claims.as_object().cloned().unwrap_or_default();
        let github = "https://token.actions.githubusercontent.com";
        for (expression, valid, holds) in [
            ("claims['sub'] matches 'repo:acme/data:environment:*'", false, true),
            ("claims['sub'] matches 'repo:acme/*' and claims['repository_id'] eq '7'", true, true),
            ("claims['sub'] matches 'repo:acme/*' and claims['repository_id'] eq '8'", true, false),
            ("claims['repository_id'] eq '?'", true, false),
            ("claims['repository_id'] matches '?'", true, true),
            ("sub eq 'x'", false, false),
            ("claims['sub'] like 'x'", false, false),
        ] {
            assert_eq!(is_valid(expression, github), valid, "{expression}");
            assert_eq!(matches(expression, &claims), holds, "{expression}");
        }
        assert!(is_valid("claims['sub'] matches 'x*'", "https://gitlab.com"));
    }
}
