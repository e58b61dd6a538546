//! The verification of the assertions with which applications sign in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::refusal::Refusal;
use crate::call::Call;
use crate::clock::entra_date;
use crate::services::issuers::published_keys;
use crate::signing::{Jwt, is_signed_by_spki};
use crate::state::expression;
use crate::state::{ENTRA_ISSUED_AUDIENCE, EXCHANGE_AUDIENCE, FederatedCredential, SpreadKind};
use crate::world::World;

/// Verifies the `client_assertion` with which an application signs in at Entra ID's token endpoint: its own,
/// signed with a certificate, or that of another issuer that a federated credential trusts.
pub(super) fn verify_assertion(
    world: &mut World,
    call: &Call,
    tenant: &str,
    app_id: &str,
    assertion: &str,
) -> Result<(), Refusal> {
    let token = read(assertion)?;
    // What the application issues for itself is signed with a certificate; anything else comes from somewhere
    // else.
    if token.claim_str("iss").eq_ignore_ascii_case(token.claim_str("sub")) {
        // Entra ID takes the token endpoint of either version, and the issuer that the tenant goes by.
        let own = [
            format!("{}/{tenant}/oauth2/v2.0/token", call.origin),
            format!("{}/{tenant}/oauth2/token", call.origin),
            format!("{}/{tenant}/v2.0", call.origin),
        ];
        verify_certificate(world, app_id, &token, &own)
    } else {
        verify_federated(world, app_id, &token)
    }
}

/// Verifies an assertion of another issuer against the application's federated credentials.
///
/// Issuer, subject and audience are compared letter by letter, and the signature with the keys that the
/// issuer publishes. <https://learn.microsoft.com/entra/workload-id/workload-identity-federation>
fn verify_federated(world: &mut World, app_id: &str, token: &Jwt) -> Result<(), Refusal> {
    let (issuer, subject) = (token.claim_str("iss"), token.claim_str("sub"));
    let mut audiences = token.audiences();
    // What Entra ID itself issues for a service connection is for an audience that no credential names.
    let is_own = issuer.starts_with("https://login.microsoftonline.com/");
    if is_own && audiences.iter().any(|audience| audience == ENTRA_ISSUED_AUDIENCE) {
        audiences.push(EXCHANGE_AUDIENCE.to_owned());
    }
    let registered = world.directory.application(app_id).map(|app| app.federated.clone()).unwrap_or_default();
    let credential = matching(&registered, token, (issuer, subject), &audiences)?.clone();
    let keys = published_keys(world, issuer);
    if !keys.is_some_and(|keys| token.is_signed_under(&keys)) {
        return Err(Refusal::new(
            50013,
            "Assertion failed signature validation. [Reason - The key was not found.]",
        ));
    }
    within_validity(world, token)?;
    let now = world.now_ms();
    if world.spread.works(SpreadKind::FederatedCredential, &credential.id, now) {
        Ok(())
    } else {
        Err(no_match(700_213, "subject", subject))
    }
}

fn read(assertion: &str) -> Result<Jwt, Refusal> {
    Jwt::read(assertion).ok_or_else(|| Refusal::new(50027, "JWT token is invalid or malformed."))
}

fn no_match(code: u32, part: &str, value: &str) -> Refusal {
    let case = if code == 7_002_138 {
        " The subject matches with case-insensitive comparison, but not with case-sensitive comparison."
    } else {
        ""
    };
    Refusal::new(
        code,
        format!(
            "No matching federated identity record found for presented assertion {part} '{value}'.{case} \
             Check your federated identity credential Subject, Audience and Issuer against the presented \
             assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
        ),
    )
}

fn matching<'a>(
    registered: &'a [FederatedCredential],
    token: &Jwt,
    (issuer, subject): (&str, &str),
    audiences: &[String],
) -> Result<&'a FederatedCredential, Refusal> {
    let of_issuer: Vec<&FederatedCredential> =
        registered.iter().filter(|credential| credential.issuer == issuer).collect();
    if of_issuer.is_empty() {
        return Err(no_match(700_211, "issuer", issuer));
    }
    let claims = token.claims.as_object().cloned().unwrap_or_default();
    let is_meant = |credential: &&&FederatedCredential| match &credential.expression {
        Some(text) => expression::matches(text, &claims),
        None => credential.subject == subject,
    };
    let Some(of_subject) = of_issuer.iter().find(is_meant) else {
        // Two letters of another case are a frequent slip, and Entra ID tells it apart from any other.
        let folded = subject.to_lowercase();
        let code = if of_issuer.iter().any(|credential| credential.subject.to_lowercase() == folded) {
            7_002_138
        } else {
            700_213
        };
        return Err(no_match(code, "subject", subject));
    };
    if of_subject.audiences.iter().any(|audience| audiences.contains(audience)) {
        Ok(of_subject)
    } else {
        Err(no_match(700_212, "audience", audiences.first().map_or("", String::as_str)))
    }
}

fn within_validity(world: &World, token: &Jwt) -> Result<(), Refusal> {
    let now = world.now_ms().div_euclid(1000);
    let end = token.claim_seconds("exp");
    let start = token.claim_seconds("nbf").or_else(|| token.claim_seconds("iat")).unwrap_or(i64::MIN);
    // Entra ID forgives five minutes of difference between clocks.
    if end.is_some_and(|end| now < end + SKEW_SECONDS) && start <= now + SKEW_SECONDS {
        return Ok(());
    }
    let date = |seconds: Option<i64>| {
        seconds.map_or_else(String::new, |seconds| entra_date(seconds.saturating_mul(1000)))
    };
    Err(Refusal::new(
        700_024,
        format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, \
             expiry time of assertion {}. Review the documentation at \
             https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
            entra_date(world.now_ms()),
            date(token.claim_seconds("nbf")),
            date(end)
        ),
    ))
}

const SKEW_SECONDS: i64 = 300;
const LONGEST_SECONDS: i64 = 600;

/// Verifies an assertion that an application has signed with one of its certificates.
///
/// `own` lists the addresses of the token endpoint, one of which the assertion must be meant for.
/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>
fn verify_certificate(world: &World, app_id: &str, token: &Jwt, own: &[String]) -> Result<(), Refusal> {
    let (issuer, subject) = (token.claim_str("iss"), token.claim_str("sub"));
    if !issuer.eq_ignore_ascii_case(app_id) || !subject.eq_ignore_ascii_case(app_id) {
        return Err(Refusal::new(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter. Review the \
             documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials .",
        ));
    }
    let (thumbprint, by_sha1) = match (token.header_str("x5t#S256"), token.header_str("x5t")) {
        ("", sha1) => (sha1, true),
        (sha256, _) => (sha256, false),
    };
    let bytes = URL_SAFE_NO_PAD.decode(thumbprint.trim_end_matches('=')).unwrap_or_default();
    let registered =
        world.directory.application(app_id).map(|app| app.certificates.as_slice()).unwrap_or_default();
    let found = registered.iter().find(|certificate| {
        let own = if by_sha1 { &certificate.thumbprint_sha1 } else { &certificate.thumbprint };
        !bytes.is_empty() && own == &bytes
    });
    let Some(certificate) = found else { return Err(bad_key(thumbprint, "The key was not found.")) };
    if certificate.end_ms <= world.now_ms() {
        return Err(bad_key(thumbprint, "The key used is expired."));
    }
    if !is_signed_by_spki(token, &certificate.public_key) {
        return Err(bad_key(
            thumbprint,
            "The provided signature value did not match the expected signature value.",
        ));
    }
    if !token.audiences().iter().any(|audience| own.contains(audience)) {
        return Err(Refusal::new(
            700_023,
            format!(
                "Client assertion audience claim does not match Realm issuer. Expected '{}'.",
                own.join("' or '")
            ),
        ));
    }
    if token.claims.get("jti").and_then(Value::as_str).unwrap_or_default().is_empty() {
        return Err(Refusal::new(50027, "JWT token is invalid or malformed: the jti claim is missing."));
    }
    within_validity(world, token)?;
    let begin = token.claim_seconds("nbf").or_else(|| token.claim_seconds("iat"));
    let length = token.claim_seconds("exp").zip(begin).map(|(end, begin)| end - begin);
    // The documentation asks for no more than ten minutes; the strict reading keeps a client within it.
    if length.is_none_or(|seconds| seconds > LONGEST_SECONDS) {
        return Err(Refusal::new(
            700_024,
            "Client assertion is not within its valid time range: it may last ten minutes at most.",
        ));
    }
    Ok(())
}

fn bad_key(thumbprint: &str, reason: &str) -> Refusal {
    Refusal::new(
        700_027,
        format!(
            "The certificate with identifier used to sign the client assertion is not registered on \
             application. [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}', Please \
             visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys.]"
        ),
    )
}
